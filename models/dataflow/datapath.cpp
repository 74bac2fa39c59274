#include "dataflow/datapath.h"

#include <algorithm>
#include <cmath>

#include "dataflow/ideal_array.h"
#include "dataflow/line_array.h"
#include "dataflow/neural_array.h"

namespace npim::dataflow {
namespace {

bool is_neural(const config::ChipConfig &chip) {
  return chip.dataflow == config::Dataflow::kAnalogAccumulation;
}

/// Errors of the device's parameters name the device file.
crossbar::Physics physics_of(const config::ChipConfig &chip, Kernel kernel) {
  crossbar::Physics physics;
  physics.device = device::load_device(chip.analog.device);
  if (chip.array.cell_bits > physics.device.cell.bits) {
    throw InputError(chip.analog.device + ": key 'cell.bits'",
                     "the array stores " + std::to_string(chip.array.cell_bits) +
                         " bits per cell, the device " + std::to_string(physics.device.cell.bits));
  }
  physics.wires.word_line_ohm = chip.analog.word_line_ohm;
  physics.wires.bit_line_ohm = chip.analog.bit_line_ohm;
  physics.wires.method =
      chip.analog.fast_wires ? crossbar::Wires::Method::kFast : crossbar::Wires::Method::kNodal;
  physics.dac_bits = chip.dac_bits;
  physics.per_cell = kernel == Kernel::kPerCycle;
  return physics;
}

std::unique_ptr<NeuralChip> neural_chip(const config::ChipConfig &chip,
                                        const device::ArrayGeometry &geometry, Kernel kernel) {
  if (chip.fidelity == config::Fidelity::kIdeal || !is_neural(chip)) return nullptr;
  return std::unique_ptr<NeuralChip>(
      new NeuralChip{chip, geometry, physics_of(chip, kernel), NeuralParts(chip)});
}

std::unique_ptr<LineChip> line_chip(const config::ChipConfig &chip,
                                    const device::ArrayGeometry &geometry, Kernel kernel) {
  if (chip.fidelity == config::Fidelity::kIdeal || is_neural(chip)) return nullptr;
  return std::unique_ptr<LineChip>(
      new LineChip{chip, geometry, physics_of(chip, kernel), LineParts(chip)});
}

}  // namespace

Datapath::Datapath(const config::ChipConfig &chip, Kernel kernel)
    : chip_(chip),
      geometry_(chip_.array),
      dac_(chip_.dac_bits, chip_.input_bits),
      shift_add_(chip_.dac_bits),
      strategy_c_(dac_, shift_add_, kernel),
      banks_(static_cast<std::size_t>(chip_.tiles()), ConverterBank(chip_.converters_per_tile())),
      neural_(neural_chip(chip_, geometry_, kernel)),
      line_(line_chip(chip_, geometry_, kernel)) {}

Datapath::~Datapath() = default;

std::unique_ptr<ArrayDatapath> Datapath::make_array(ArrayPlace place) const {
  const ConverterBank &bank = converters(place.tile);
  if (line_) return std::make_unique<LineArray>(*line_, place, bank);
  switch (chip_.fidelity) {
    case config::Fidelity::kIdeal:
      return std::make_unique<IdealArray>(geometry_, strategy_c_, bank, place.array);
    case config::Fidelity::kStatistical:
      return std::make_unique<StatisticalArray>(*neural_, place, bank);
    case config::Fidelity::kCircuit:
      break;
  }
  return std::make_unique<CircuitArray>(*neural_, place, bank);
}

LayerConverter Datapath::make_layer(peripheral::ConverterSetting setting) const {
  return {setting, peripheral::make_converter(chip_, setting)};
}

bool Datapath::calibrate(int tile, int converter) {
  ConverterBank &bank = converters(tile);
  bool well = true;
  for (const int divisor : chip_.nnadc.range_divisors) {
    const auto range = static_cast<std::size_t>(divisor == 4 ? 2 : divisor - 1);
    Trim trim;
    well = calibrate(tile, converter, range, trim) && well;
    bank.set_trim(converter, range, is_neural(chip_) ? trim : Trim{});
  }
  bank.set_failed(converter, !well);
  return well;
}

bool Datapath::calibrate(int tile, int converter, std::size_t range, Trim &trim) const {
  const ConverterBank::Converter &state = converters(tile).at(converter);
  const auto convert = [&](const float *inputs_lsb, std::size_t count, std::int32_t *codes) {
    if (state.fault != ConverterFault::kNone) {
      std::fill_n(codes, count, state.stuck_code);
    } else if (line_) {
      line_->parts.convert(tile, converter, inputs_lsb, count, codes);
    } else if (!neural_) {
      for (std::size_t i = 0; i < count; ++i) {
        codes[i] = static_cast<std::int32_t>(std::lround(inputs_lsb[i]));
      }
    } else {
      neural_->parts.convert(chip_.fidelity, {tile, converter, range}, inputs_lsb, count, codes);
    }
  };
  return dataflow::calibrate(convert, trim);
}

}  // namespace npim::dataflow
