#include "chip/service_commands.h"

#include <algorithm>
#include <cmath>

namespace npim::chip {
namespace {

using abi::Error;

constexpr unsigned kAllTiles = 0xffff;

/// Names a converter in a fault address.
std::uint64_t converter_address(unsigned tile, int converter) {
  return std::uint64_t{tile} << 16 | static_cast<std::uint64_t>(converter);
}

bool contains(const std::vector<int> &values, std::uint32_t value) {
  return std::find(values.begin(), values.end(), static_cast<std::int64_t>(value)) != values.end();
}

std::uint32_t fixed_point(double value, double unit) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(std::lround(value / unit)));
}

}  // namespace

Outcome ServiceCommands::check_tile(unsigned tile) const {
  if (tile >= static_cast<unsigned>(context_.config.tiles())) return {Error::kTileOutOfRange};
  if (tiles_[tile]->is_dropped()) return {Error::kTileDropped, tile};
  return {};
}

Outcome ServiceCommands::set_converter(const abi::Descriptor &command,
                                       const std::vector<StageEngine *> &stages) const {
  if (command.offset >= stages.size()) return {Error::kStageOutOfRange};
  StageEngine &stage = *stages[command.offset];
  if (stage.stage().op != program::StageOp::kMvm) return {Error::kStageOutOfRange};
  if (!contains(context_.config.nnadc.range_divisors, command.count) ||
      !contains(context_.config.bitline_gains, command.array)) {
    return {Error::kConverterUnavailable};
  }
  stage.set_converter({static_cast<int>(command.count), static_cast<int>(command.array)});
  return {};
}

Outcome ServiceCommands::calibrate(const abi::Descriptor &command, sc_core::sc_time &time) {
  unsigned first = command.tile, end = first + 1;
  if (first == kAllTiles) {
    first = 0;
    end = static_cast<unsigned>(context_.config.tiles());
  } else {
    const Outcome checked = check_tile(first);
    if (!checked.ok()) return checked;
  }
  Outcome outcome;
  std::uint64_t most = 0;  // conversions of one converter for arrays
  for (unsigned tile = first; tile < end; ++tile) {
    if (tiles_[tile]->is_dropped()) continue;
    calibrate_converters(tile, outcome);
    const int in_service = context_.datapath.converters(static_cast<int>(tile)).in_service();
    if (in_service == 0) continue;
    const std::uint64_t conversions =
        calibrate_arrays(tile) * dataflow::reference_conversions(context_.geometry.vectors());
    most = std::max(most, divide_up(conversions, static_cast<std::uint64_t>(in_service)));
  }
  time = times(context_.timing.conversion, dataflow::Datapath::kCalibrationConversions + most);
  return outcome;
}

void ServiceCommands::calibrate_converters(unsigned tile, Outcome &outcome) const {
  const int number = static_cast<int>(tile);
  for (int converter = 0; converter < context_.datapath.converters(number).count(); ++converter) {
    if (!context_.datapath.converters(number).at(converter).in_service) continue;
    if (context_.datapath.calibrate(number, converter)) continue;
    if (outcome.ok()) outcome = {Error::kConverterFailed, converter_address(tile, converter)};
    ++outcome.detail;
  }
}

std::uint64_t ServiceCommands::calibrate_arrays(unsigned tile) {
  const std::uint64_t run = calibrations_[tile]++;
  std::uint64_t arrays = 0;
  for (int array = 0; array < context_.config.arrays_per_tile(); ++array) {
    Crossbar &crossbar = tiles_[tile]->crossbar(array);
    if (!crossbar.is_in_use()) continue;
    crossbar.array().calibrate(run);
    ++arrays;
  }
  return arrays;
}

Outcome ServiceCommands::set_service(const abi::Descriptor &command) const {
  const Outcome checked = check_tile(command.tile);
  if (!checked.ok()) return checked;
  dataflow::ConverterBank &bank = context_.datapath.converters(command.tile);
  if (command.array >= bank.count()) return {Error::kConverterOutOfRange};
  if (command.count > 1) return {Error::kBadSize};
  bank.set_in_service(command.array, command.count == 1);
  return {};
}

Outcome ServiceCommands::inject(const abi::Descriptor &command) const {
  const Outcome checked = check_tile(command.tile);
  if (!checked.ok()) return checked;
  Outcome outcome = {Error::kBadFault};
  switch (static_cast<abi::Fault>(command.region)) {
    case abi::Fault::kStuckOff:
      outcome = inject_cell(command, false);
      break;
    case abi::Fault::kStuckOn:
      outcome = inject_cell(command, true);
      break;
    case abi::Fault::kDeadConverter:
      outcome = inject_converter(command, dataflow::ConverterFault::kDead);
      break;
    case abi::Fault::kStuckConverter:
      outcome = inject_converter(command, dataflow::ConverterFault::kStuck);
      break;
    case abi::Fault::kDroppedTile:
      tiles_[command.tile]->drop();
      outcome = {};
      break;
  }
  if (outcome.ok()) ++context_.counters.injected_faults;
  return outcome;
}

Outcome ServiceCommands::inject_cell(const abi::Descriptor &command, bool at_on) const {
  const auto row = static_cast<int>(command.offset >> 16);
  const auto column = static_cast<int>(command.offset & 0xffff);
  if (command.array >= context_.config.arrays_per_tile()) return {Error::kArrayOutOfRange};
  if (row >= context_.geometry.rows || column >= context_.geometry.columns) {
    return {Error::kBadFault};
  }
  tiles_[command.tile]->crossbar(command.array).array().stick(row, column, at_on);
  return {};
}

Outcome ServiceCommands::inject_converter(const abi::Descriptor &command,
                                          dataflow::ConverterFault fault) const {
  dataflow::ConverterBank &bank = context_.datapath.converters(command.tile);
  if (command.array >= bank.count()) return {Error::kConverterOutOfRange};
  const auto code = static_cast<std::int32_t>(command.offset);
  constexpr std::int32_t kHighestCode = 255;
  if (code < -kHighestCode || code > kHighestCode) return {Error::kBadFault};
  bank.inject(command.array, fault, code);
  return {};
}

Bytes ServiceCommands::converter_states(unsigned tile) const {
  constexpr double kOffsetUnit = 1.0 / 256, kGainUnit = 1e-6;
  const dataflow::ConverterBank &bank = context_.datapath.converters(static_cast<int>(tile));
  Bytes data;
  for (int i = 0; i < bank.count(); ++i) {
    const auto &converter = bank.at(i);
    abi::ConverterState record;
    record.in_service = converter.in_service ? 1 : 0;
    record.failed = converter.failed ? 1 : 0;
    record.offset0 = fixed_point(converter.trims[0].offset_lsb, kOffsetUnit);
    record.gain0 = fixed_point(converter.trims[0].gain, kGainUnit);
    record.offset1 = fixed_point(converter.trims[1].offset_lsb, kOffsetUnit);
    record.gain1 = fixed_point(converter.trims[1].gain, kGainUnit);
    record.offset2 = fixed_point(converter.trims[2].offset_lsb, kOffsetUnit);
    record.gain2 = fixed_point(converter.trims[2].gain, kGainUnit);
    const auto bytes = record.encode();
    data.insert(data.end(), bytes.begin(), bytes.end());
  }
  return data;
}

}  // namespace npim::chip
