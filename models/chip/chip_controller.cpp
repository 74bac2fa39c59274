#include "chip/chip_controller.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/error.h"
#include "chip/address.h"
#include "chip/payload.h"
#include "program/control_check.h"

namespace npim::chip {
namespace {

using abi::Descriptor;
using abi::Error;
using sc_core::sc_time;

constexpr std::uint64_t kMostControlBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kBurstBytes = 4096;
constexpr std::uint32_t kMostLayers = 65536;  // that energy is told of
constexpr int kOwnProcesses = 3;
constexpr std::uint16_t kOutputRows = 2;  ///< that the output buffer holds

/// Sets a flag for as long as it lives, also when the process is killed.
class Flag {
 public:
  explicit Flag(bool &flag) : flag_(flag) { flag_ = true; }
  ~Flag() { flag_ = false; }
  Flag(const Flag &) = delete;
  Flag &operator=(const Flag &) = delete;

 private:
  bool &flag_;
};

class Count {
 public:
  explicit Count(int &count) : count_(count) { ++count_; }
  ~Count() { --count_; }
  Count(const Count &) = delete;
  Count &operator=(const Count &) = delete;

 private:
  int &count_;
};

/// Whether [address, address + (count - 1) * stride + bytes) stays within 64 bits.
bool addressable(std::uint64_t address, std::uint64_t count, std::uint64_t stride,
                 std::uint64_t bytes) {
  const std::uint64_t span = (count - 1) * stride + bytes;  // at most 2^64 - 2^33 + 1 + 2^32
  return address <= std::numeric_limits<std::uint64_t>::max() - span;
}

}  // namespace

ChipController::ChipController(const sc_core::sc_module_name &module_name, ChipContext &context,
                               Noc &noc, const std::vector<std::unique_ptr<Tile>> &tiles)
    : sc_module(module_name),
      commands("commands"),
      to_link("to_link"),
      to_noc("to_noc"),
      from_noc("from_noc"),
      context_(context),
      noc_(noc),
      tiles_(tiles),
      service_(context, tiles),
      images_(context),
      rows_(context.activity) {
  commands.register_b_transport(this, &ChipController::command_transport);
  from_noc.register_b_transport(this, &ChipController::output_transport);
}

ChipController::~ChipController() {
  kill_processes();
}

// Commands

void ChipController::command_transport(tlm::tlm_generic_payload &payload, sc_time &delay) {
  const std::size_t wanted = payload.is_write() ? Descriptor::kBytes : abi::Completion::kBytes;
  if (payload.get_address() != 0 || payload.get_data_length() != wanted ||
      payload.get_streaming_width() < wanted || payload.get_byte_enable_ptr() != nullptr) {
    payload.set_response_status(payload.get_address() != 0 ? tlm::TLM_ADDRESS_ERROR_RESPONSE
                                                           : tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  if (payload.is_read()) {
    std::copy(completion_.begin(), completion_.end(), payload.get_data_ptr());
  } else if (busy_) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  } else {
    const Descriptor command = Descriptor::decode(payload.get_data_ptr());
    context_.wakes.sleep(delay);
    delay = sc_core::SC_ZERO_TIME;
    execute(command);
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void ChipController::execute(const Descriptor &command) {
  const sc_time start = sc_core::sc_time_stamp();
  cancelled_ = reset_requested_ = false;
  if (context_.observer != nullptr) context_.observer->command_begin(command);
  Outcome outcome;
  {
    const Flag busy(busy_);
    outcome = dispatch(command);
  }
  release_units();
  if (reset_requested_) forget();
  abi::Completion completion;
  completion.tag = command.tag;
  completion.error = static_cast<std::uint16_t>(outcome.error);
  completion.fault_address = outcome.fault_address;
  completion.detail = outcome.detail;
  completion.duration_ns =
      (sc_core::sc_time_stamp() - start).value() / sc_time(1, sc_core::SC_NS).value();
  completion_ = completion.encode();
  if (context_.observer != nullptr) context_.observer->command_end(command, completion);
}

Outcome ChipController::dispatch(const Descriptor &command) {
  const bool reserved = command.reserved0 != 0 || command.reserved1 != 0 ||
                        command.reserved2 != 0 || command.reserved3 != 0;
  if (reserved || (command.flags & ~abi::kAllFlags) != 0) return {Error::kBadDescriptor};
  switch (static_cast<abi::Opcode>(command.opcode)) {
    case abi::Opcode::kNop:
    case abi::Opcode::kBarrier:  // commands are executed in order: all earlier ones are complete
      return {};
    case abi::Opcode::kLoadControl:
      return load_control(command);
    case abi::Opcode::kProgramWeights:
      return program_weights(command);
    case abi::Opcode::kRun:
      return run(command);
    case abi::Opcode::kReadBack:
      return read_back(command);
    case abi::Opcode::kSetConverter:
      return loaded_ ? service_.set_converter(command, stages_) : Outcome{Error::kControlNotLoaded};
    case abi::Opcode::kCalibrate:
      return calibrate(command);
    case abi::Opcode::kConverterService:
      return service_.set_service(command);
    case abi::Opcode::kInjectFault:
      return service_.inject(command);
    case abi::Opcode::kProgramLevels:
      return program_levels(command);
  }
  return {Error::kUnknownOpcode};
}

void ChipController::cancel() {
  if (!busy_) return;
  cancelled_ = true;
  abort_.notify(sc_core::SC_ZERO_TIME);
}

void ChipController::reset() {
  if (busy_) {
    reset_requested_ = true;
    cancel();
  } else {
    forget();
  }
}

void ChipController::forget() {
  unload();
  for (const auto &tile : tiles_) {
    for (int array = 0; array < context_.config.arrays_per_tile(); ++array) {
      tile->crossbar(array).programmed = false;
    }
  }
  context_.counters = ChipCounters();
  context_.books.mark_reset();
  completion_ = {};
}

/// What an ended run had reserved beyond its end is free again: the next run takes the time that it
/// takes on a chip that has never been disturbed.
void ChipController::release_units() {
  noc_.release();
  for (const auto &tile : tiles_) tile->release_units();
}

// LOAD_CONTROL

void ChipController::unload() {
  loaded_ = false;
  context_.counters.images = 0;
  kill_processes();
  context_.wakes.drop_calls();
  for (const StageEngine *stage : stages_) history_.add(stage->report());
  stages_.clear();
  images_.clear();
  for (const auto &tile : tiles_) tile->unload();
}

Outcome ChipController::load_control(const Descriptor &command) {
  unload();
  Bytes blob;
  const Outcome fetched = fetch(command, kMostControlBytes, blob);
  if (!fetched.ok()) return fetched;
  try {
    program_ = program::decode_control(blob.data(), blob.size(), "control vectors");
  } catch (const InputError &) {
    return {Error::kBadControlVector, command.source};
  }
  const auto fault = program::check_control(program_, context_.config);
  if (fault) return {fault->error, command.source, fault->stage};
  const Outcome distributed = distribute_stages();
  spawn();
  // SystemC executes a process that is killed before it has started, so let all of them start.
  sc_core::wait(sc_core::SC_ZERO_TIME);
  if (!distributed.ok()) {
    unload();
    return distributed;
  }
  connect_stages();
  loaded_ = true;
  return {};
}

/// Sends each stage's control vector to its tile.
Outcome ChipController::distribute_stages() {
  for (std::uint32_t i = 0; i < program_.stages.size(); ++i) {
    const program::Stage &stage = program_.stages[i];
    program::ControlProgram alone;
    alone.input_shape = program_.input_shape;
    alone.output_shape = program_.output_shape;
    alone.output_element_bytes = program_.output_element_bytes;
    alone.stages = {stage};
    Bytes blob = program::encode(alone);
    tlm::tlm_generic_payload payload;
    prepare_write(payload, control_address(stage.tile, i), blob.data(), blob.size());
    sc_time delay = sc_core::SC_ZERO_TIME;
    to_noc->b_transport(payload, delay);
    if (tiles_[stage.tile]->is_dropped()) return {Error::kTileDropped, stage.tile, i};
    if (!payload.is_response_ok()) return {Error::kBadControlVector, 0, i};
    stages_.push_back(tiles_[stage.tile]->stage(stage.slot));
    if (!sleep(delay)) return {Error::kCancelled};
  }
  return {};
}

/// Divides what stages share, tells every stage where its pixels go, and opens the controller's own
/// ends.
void ChipController::connect_stages() {
  for (StageEngine *stage : stages_) stage->take_output_registers();
  for (const auto &to : program_.inputs) {
    StageEngine *stage = tiles_[to.tile]->stage(to.slot);
    images_.connect(stage->port(to.port), to, stage->stage().channel, program_.input_shape);
  }
  open_outputs();
  std::vector<std::uint16_t> producers(outputs_.size());
  for (StageEngine *stage : stages_) {
    const std::uint16_t channel = stage->stage().channel;
    for (program::Destination to : stage->stage().destinations) {
      if (to.tile == program::kHost) {
        to.port = static_cast<std::uint8_t>(channel);
        to.producer = producers[channel]++;
        stage->connect(*outputs_[channel].port, to);
      } else {
        stage->connect(tiles_[to.tile]->stage(to.slot)->port(to.port), to);
      }
    }
  }
}

void ChipController::open_outputs() {
  program::InputPort port;
  port.shape = program_.output_shape;
  port.element_bytes = program_.output_element_bytes;
  port.ring_rows = kOutputRows;
  outputs_.clear();
  for (unsigned channel = 0; channel < program_.channels; ++channel) {
    port.producers = 0;
    for (const auto &stage : program_.stages) {
      if (stage.channel != channel) continue;
      port.producers = static_cast<std::uint16_t>(
          port.producers + std::count_if(stage.destinations.begin(), stage.destinations.end(),
                                         [](const auto &to) { return to.tile == program::kHost; }));
    }
    Output &output = outputs_.emplace_back();
    output.port = std::make_unique<StreamPort>(port, context_.activity);
    output.buffer.assign(kOutputRows * output.port->row_bytes(), 0);
  }
}

// PROGRAM_WEIGHTS

Outcome ChipController::program_weights(const Descriptor &command) {
  const auto &geometry = context_.geometry;
  const auto weights_per_array =
      static_cast<std::uint64_t>(geometry.rows) * static_cast<std::uint64_t>(geometry.vectors());
  const std::uint64_t record = 8 + divide_up(weights_per_array, std::uint64_t{8}) * 8;
  const auto arrays = static_cast<std::uint64_t>(context_.config.tiles()) *
                      static_cast<std::uint64_t>(context_.config.arrays_per_tile());
  Bytes blob;
  const Outcome fetched = fetch(command, arrays * record, blob);
  if (!fetched.ok()) return fetched;
  std::vector<program::ArrayWeights> weights;
  try {
    weights = program::decode_weights(blob.data(), blob.size(), "weights");
  } catch (const InputError &) {
    return {Error::kBadWeights, command.source};
  }
  const Outcome checked = check_weights(weights, command.source);
  return checked.ok() ? write_arrays(weights) : checked;
}

Outcome ChipController::check_weights(const std::vector<program::ArrayWeights> &weights,
                                      std::uint64_t source) const {
  const auto &array = context_.config.array;
  const double line_ns = (array.write_pulse_ns + array.verify_read_ns) * array.write_verify_pulses;
  std::map<std::pair<int, int>, double> programming_ns;  // by tile and IMA
  std::uint64_t address = source;
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    const auto &record = weights[i];
    if (record.tile >= context_.config.tiles()) return {Error::kTileOutOfRange, address, i};
    if (record.array >= context_.config.arrays_per_tile()) {
      return {Error::kArrayOutOfRange, address, i};
    }
    if (record.rows > context_.geometry.rows || record.vectors > context_.geometry.vectors()) {
      return {Error::kBadWeights, address, i};
    }
    const bool may_shift = context_.config.dataflow == config::Dataflow::kAnalogAccumulation;
    if (record.shift != 0 && !may_shift) return {Error::kBadWeights, address, i};
    double &ima_ns = programming_ns[{record.tile, record.array / context_.config.arrays_per_ima}];
    ima_ns += static_cast<double>(record.rows) * line_ns;
    if (ima_ns > config::kLongestProgrammingNs) return {Error::kBadWeights, address, i};
    address += 8 + divide_up(record.values.size(), std::size_t{8}) * 8;
  }
  return {};
}

Outcome ChipController::write_arrays(const std::vector<program::ArrayWeights> &weights) {
  const std::uint64_t failures = context_.counters.verify_failures;
  const sc_time now = sc_core::sc_time_stamp();
  const auto pulses = static_cast<std::uint64_t>(context_.config.array.write_verify_pulses);
  std::map<std::pair<int, int>, sc_time> write_circuits;  // tile and IMA: when it is free
  sc_time end = now;
  for (const auto &record : weights) {
    tiles_[record.tile]->crossbar(record.array).programmed = false;
    Bytes data = {static_cast<std::uint8_t>(record.rows),
                  static_cast<std::uint8_t>(record.rows >> 8),
                  static_cast<std::uint8_t>(record.vectors), record.shift};
    data.insert(data.end(), record.values.begin(), record.values.end());
    tlm::tlm_generic_payload payload;
    prepare_write(payload, crossbar_address(record.tile, record.array), data.data(), data.size());
    sc_time delay = sc_core::SC_ZERO_TIME;
    to_noc->b_transport(payload, delay);
    if (tiles_[record.tile]->is_dropped()) return {Error::kTileDropped, record.tile};
    if (!payload.is_response_ok()) return {Error::kBadWeights};
    sc_time &circuit = write_circuits[{record.tile, record.array / context_.config.arrays_per_ima}];
    circuit =
        std::max(circuit, now + delay) + times(context_.timing.write_pulse, record.rows * pulses);
    end = std::max(end, circuit);
  }
  if (!sleep(end - now)) return {Error::kCancelled};
  for (const auto &record : weights) tiles_[record.tile]->crossbar(record.array).programmed = true;
  return {Error::kNone, 0,
          static_cast<std::uint32_t>(context_.counters.verify_failures - failures)};
}

/// One array, for tests of its cells.
Outcome ChipController::program_levels(const Descriptor &command) {
  const Outcome checked = service_.check_tile(command.tile);
  if (!checked.ok()) return checked;
  if (command.array >= context_.config.arrays_per_tile()) return {Error::kArrayOutOfRange};
  const auto cells = static_cast<std::uint64_t>(context_.geometry.rows) *
                     static_cast<std::uint64_t>(context_.geometry.columns);
  if (command.source_bytes != cells) return {Error::kBadSize};
  Bytes levels;
  const Outcome fetched = fetch(command, cells, levels);
  if (!fetched.ok()) return fetched;
  const int highest = context_.geometry.cell.highest();
  if (*std::max_element(levels.begin(), levels.end()) > highest) {
    return {Error::kBadWeights, command.source};
  }
  const std::uint64_t failures = context_.counters.verify_failures;
  tiles_[command.tile]->crossbar(command.array).programmed = false;
  tlm::tlm_generic_payload payload;
  prepare_write(payload, levels_address(command.tile, command.array), levels.data(), cells);
  sc_time delay = sc_core::SC_ZERO_TIME;
  to_noc->b_transport(payload, delay);
  if (!payload.is_response_ok()) return {Error::kBadWeights};
  const auto pulses = static_cast<std::uint64_t>(context_.config.array.write_verify_pulses);
  const auto rows = static_cast<std::uint64_t>(context_.geometry.rows);
  if (!sleep(delay + times(context_.timing.write_pulse, rows * pulses))) return {Error::kCancelled};
  return {Error::kNone, 0,
          static_cast<std::uint32_t>(context_.counters.verify_failures - failures)};
}

Outcome ChipController::calibrate(const Descriptor &command) {
  sc_time time = sc_core::SC_ZERO_TIME;
  const Outcome outcome = service_.calibrate(command, time);
  return sleep(time) ? outcome : Outcome{Error::kCancelled};
}

// READ_BACK

Outcome ChipController::read_back(const Descriptor &command) {
  const auto &config = context_.config;
  const std::uint64_t bytes = command.destination_bytes;
  const std::uint64_t end = command.offset + bytes;
  const auto region = static_cast<abi::Region>(command.region);
  if (region < abi::Region::kEdram || region > abi::Region::kLayerEnergy) {
    return {Error::kBadRegion};
  }
  if (bytes == 0) return {Error::kBadSize};
  Bytes data;
  Outcome outcome;
  const bool of_stages = region == abi::Region::kStageCounters ||
                         region == abi::Region::kStageTimes || region == abi::Region::kLayerEnergy;
  if (of_stages) {
    Bytes all;
    outcome = stage_records(region, all);
    if (outcome.ok()) outcome = read_records(all, command, data);
  } else if (const Outcome checked = service_.check_tile(command.tile); !checked.ok()) {
    return checked;
  } else if (region == abi::Region::kConverters) {
    outcome = read_records(service_.converter_states(command.tile), command, data);
  } else if (region == abi::Region::kEdram) {
    if (end > static_cast<std::uint64_t>(config.edram.bytes)) return {Error::kEdramOutOfRange};
    data.resize(bytes);
    outcome = read_chip(edram_address(command.tile, command.offset), data);
  } else {
    if (command.array >= config.arrays_per_tile()) return {Error::kArrayOutOfRange};
    const bool levels = region == abi::Region::kLevels;
    const auto &geometry = context_.geometry;
    const auto all = static_cast<std::uint64_t>(geometry.rows) *
                     static_cast<std::uint64_t>(levels ? geometry.columns : geometry.vectors());
    if (end > all) return {Error::kBadSize};
    data.resize(bytes);
    const auto address = levels ? levels_address : crossbar_address;
    outcome = read_chip(address(command.tile, command.array, command.offset), data);
  }
  if (!outcome.ok()) return outcome;
  return dma(tlm::TLM_WRITE_COMMAND, command.destination, data.data(), data.size());
}

Outcome ChipController::read_chip(std::uint64_t address, Bytes &data) {
  for (std::uint64_t done = 0; done < data.size(); done += kBurstBytes) {
    const std::uint64_t bytes = std::min(kBurstBytes, data.size() - done);
    tlm::tlm_generic_payload payload;
    prepare_read(payload, address + done, data.data() + done, bytes);
    sc_time delay = sc_core::SC_ZERO_TIME;
    to_noc->b_transport(payload, delay);
    if (!payload.is_response_ok()) return {Error::kBadRegion};
    if (!sleep(delay)) return {Error::kCancelled};
  }
  return {};
}

Outcome ChipController::stage_records(abi::Region region, Bytes &all) const {
  if (!loaded_) return {Error::kControlNotLoaded};
  const auto append = [&all](const auto &record) {
    all.insert(all.end(), record.begin(), record.end());
  };
  switch (region) {
    case abi::Region::kStageCounters:
      for (const StageEngine *stage : stages_) append(stage->counters().encode());
      break;
    case abi::Region::kStageTimes:
      for (const StageEngine *stage : stages_) append(stage->times().encode());
      break;
    default:
      append_layer_energy(all);
  }
  return {};
}

/// The part of `all` that a command asks for.
Outcome ChipController::read_records(const Bytes &all, const Descriptor &command,
                                     Bytes &data) const {
  const std::uint64_t end = std::uint64_t{command.offset} + command.destination_bytes;
  if (end > all.size()) return {Error::kBadSize};
  data.assign(all.begin() + command.offset, all.begin() + static_cast<std::ptrdiff_t>(end));
  return {};
}

void ChipController::append_layer_energy(Bytes &data) const {
  std::uint32_t layers = 0;
  for (const auto &stage : program_.stages) {
    layers = std::max(layers, std::min(stage.layer, kMostLayers - 1) + 1);
  }
  const Books &books = context_.books;
  std::map<int, double> energy;
  if (books.has_prices()) energy = books.settle_since_reset(context_.accounting).by_layer;
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    abi::LayerEnergy record;
    record.energy_pj =
        books.has_prices()
            ? static_cast<std::uint64_t>(std::max(0.0, energy[static_cast<int>(layer)]))
            : std::numeric_limits<std::uint64_t>::max();
    const auto bytes = record.encode();
    data.insert(data.end(), bytes.begin(), bytes.end());
  }
}

// RUN

Outcome ChipController::run(const Descriptor &command) {
  const Outcome checked = check_run(command);
  if (!checked.ok()) return checked;
  run_ = RunState();
  run_.command = command;
  if ((command.flags & abi::kFlagImageNumber) != 0) context_.counters.images = command.offset;
  run_.read_pending = run_.input_pending = run_.output_pending = true;
  rows_.read = rows_.sent = 0;
  rows_.filled.reset();
  rows_.freed.reset();
  for (const Output &output : outputs_) output.port->reset();
  if (!processes_[0].valid()) spawn();
  int processes = kOwnProcesses;
  for (const StageEngine *stage : stages_) processes += stage->processes();
  Activity &activity = context_.activity;
  activity.begin(processes);
  const bool whole_images = (command.flags & abi::kFlagLayerByLayer) != 0;
  for (StageEngine *stage : stages_) begin_stage(*stage, whole_images);
  start_run_.notify(sc_core::SC_ZERO_TIME);
  while (!activity.is_quiet() && !cancelled_ && run_.fault.ok()) {
    sc_core::wait(activity.quiet() | abort_);
  }
  if (activity.is_done()) {
    context_.wakes.drop_calls();  // a cancel may have come while the last packets were under way
    context_.counters.images += command.count;
    return {};
  }
  Outcome outcome = run_.fault;
  if (cancelled_) {
    outcome = {Error::kCancelled};
  } else if (outcome.ok()) {
    outcome = why_stalled();
  }
  stop_run();
  return outcome;
}

Outcome ChipController::check_run(const Descriptor &command) const {
  if (!loaded_) return {Error::kControlNotLoaded};
  const auto input = static_cast<std::uint64_t>(program_.input_shape.elements());
  const auto output =
      static_cast<std::uint64_t>(program_.output_shape.elements()) * program_.output_element_bytes;
  if (command.count == 0 || command.source_bytes != input || command.destination_bytes != output ||
      command.source_stride < input || command.destination_stride < output) {
    return {Error::kBadSize};
  }
  if (!addressable(command.source, command.count, command.source_stride, input)) {
    return {Error::kBadSize, command.source};
  }
  if (!addressable(command.destination, command.count, command.destination_stride, output)) {
    return {Error::kBadSize, command.destination};
  }
  if ((command.flags & abi::kFlagLayerByLayer) != 0) {
    for (std::uint32_t i = 0; i < program_.stages.size(); ++i) {
      for (const auto &port : program_.stages[i].inputs) {
        if (port.ring_rows < port.shape.height) return {Error::kBadControlVector, 0, i};
      }
    }
  }
  const Outcome tiles = check_tiles();
  return tiles.ok() ? check_programmed() : tiles;
}

/// Every tile answers and can convert.
Outcome ChipController::check_tiles() const {
  for (std::uint32_t i = 0; i < program_.stages.size(); ++i) {
    const auto &stage = program_.stages[i];
    if (tiles_[stage.tile]->is_dropped()) return {Error::kTileDropped, stage.tile, i};
    const bool converts = stage.op == program::StageOp::kMvm;
    if (converts && tiles_[stage.tile]->nnadc.converters.in_service() == 0) {
      return {Error::kNoConverter, stage.tile, i};
    }
  }
  return {};
}

Outcome ChipController::why_stalled() const {
  for (std::uint32_t i = 0; i < stages_.size(); ++i) {
    const int converter = stages_[i]->dead_converter();
    if (converter < 0) continue;
    return {Error::kConverterDead,
            std::uint64_t{stages_[i]->stage().tile} << 16 | static_cast<std::uint64_t>(converter),
            i};
  }
  Outcome outcome = {Error::kStalled};
  for (std::uint32_t i = 0; i < stages_.size() && outcome.detail == 0; ++i) {
    if (stages_[i]->is_starving()) outcome.detail = i;
  }
  return outcome;
}

Outcome ChipController::check_programmed() const {
  if (!context_.values) return {};
  for (std::uint32_t i = 0; i < program_.stages.size(); ++i) {
    const auto &stage = program_.stages[i];
    for (const auto &use : stage.arrays) {
      if (!tiles_[stage.tile]->crossbar(use.array).programmed) {
        return {Error::kWeightsNotProgrammed, crossbar_address(stage.tile, use.array), i};
      }
    }
  }
  return {};
}

void ChipController::spawn() {
  const auto start = [this](const char *name, bool RunState::*pending,
                            void (ChipController::*body)()) {
    return sc_core::sc_spawn([this, pending, body] { run_process(pending, body); },
                             sc_core::sc_gen_unique_name(name));
  };
  processes_ = {start("image_read", &RunState::read_pending, &ChipController::read_images),
                start("image_input", &RunState::input_pending, &ChipController::stream_images),
                start("output", &RunState::output_pending, &ChipController::gather_outputs)};
}

/// Ends a run that is not complete. Transfers in host memory are seen through, because the memory
/// system must not be left in the middle of one.
void ChipController::stop_run() {
  for (StageEngine *stage : stages_) stage->kill();
  draining_ = true;
  while (transfers_ > 0) sc_core::wait(drained_);
  kill_processes();
  context_.wakes.drop_calls();  // packets that are under way
}

void ChipController::kill_processes() {
  for (auto &process : processes_) {
    const bool alive = process.valid() && !process.terminated();
    if (alive && sc_core::sc_get_status() == sc_core::SC_RUNNING) process.kill();
    process = sc_core::sc_process_handle();
  }
  draining_ = false;
}

void ChipController::run_process(bool RunState::*pending, void (ChipController::*body)()) {
  for (;;) {
    while (!(run_.*pending)) sc_core::wait(start_run_);
    run_.*pending = false;
    (this->*body)();
    context_.activity.finish();
  }
}

/// Of an image, counted from the start of the run.
unsigned ChipController::channel_of(std::uint64_t image) const {
  return static_cast<unsigned>((context_.counters.images + image) % program_.channels);
}

/// With the images that its channel gets.
void ChipController::begin_stage(StageEngine &stage, bool whole_images) const {
  const std::uint64_t channels = program_.channels, before = context_.counters.images;
  const std::uint64_t skipped = (stage.stage().channel + channels - before % channels) % channels;
  const std::uint64_t count = run_.command.count;
  const std::uint64_t images = skipped < count ? (count - skipped - 1) / channels + 1 : 0;
  stage.begin(images, before + skipped, channels, whole_images);
}

/// As many rows at a time as a burst brings, one burst ahead of those that are being sent.
void ChipController::read_images() {
  const auto height = static_cast<std::uint64_t>(program_.input_shape.height);
  const auto row_bytes = static_cast<std::uint64_t>(program_.input_shape.width) *
                         static_cast<std::uint64_t>(program_.input_shape.channels);
  const std::uint64_t burst = std::max<std::uint64_t>(1, kBurstBytes / row_bytes);
  rows_.capacity = 2 * burst;
  rows_.ring.resize(rows_.capacity * row_bytes);
  for (std::uint64_t image = 0; image < run_.command.count; ++image) {
    const std::uint64_t address = run_.command.source + image * run_.command.source_stride;
    for (std::uint64_t y = 0; y < height;) {
      const std::uint64_t at = rows_.read % rows_.capacity;
      const std::uint64_t rows = std::min({burst, height - y, rows_.capacity - at});
      while (rows_.read + rows - rows_.sent > rows_.capacity) rows_.freed.wait();
      const Outcome read = transfer(tlm::TLM_READ_COMMAND, address + y * row_bytes,
                                    rows_.ring.data() + at * row_bytes, rows * row_bytes);
      if (!read.ok()) fail_run(read);
      rows_.read += rows;
      y += rows;
      rows_.filled.open();
    }
  }
}

/// Image rows one after the other, each to all ports that read the image in its channel.
void ChipController::stream_images() {
  const auto height = static_cast<std::uint64_t>(program_.input_shape.height);
  for (std::uint64_t image = 0; image < run_.command.count; ++image) {
    for (std::uint64_t y = 0; y < height; ++y) {
      while (rows_.read == rows_.sent) rows_.filled.wait();
      const std::uint64_t row_bytes = rows_.ring.size() / rows_.capacity;
      images_.send_row(rows_.ring.data() + rows_.sent % rows_.capacity * row_bytes,
                       channel_of(image), *to_noc.operator->());
      ++rows_.sent;
      rows_.freed.open();
    }
  }
}

void ChipController::gather_outputs() {
  const auto height = static_cast<std::uint64_t>(program_.output_shape.height);
  const auto width = static_cast<std::uint64_t>(program_.output_shape.width);
  std::vector<std::uint64_t> rows(outputs_.size());  // that are through, by channel
  for (std::uint64_t image = 0; image < run_.command.count; ++image) {
    std::uint64_t address = run_.command.destination + image * run_.command.destination_stride;
    const Output &output = outputs_[channel_of(image)];
    std::uint64_t &row = rows[channel_of(image)];
    const std::uint64_t row_bytes = output.port->row_bytes();
    for (std::uint64_t y = 0; y < height; ++y, address += row_bytes) {
      output.port->wait_for((row + 1) * width);
      // A write leaves its data alone.
      auto *data = const_cast<std::uint8_t *>(output.buffer.data()) + output.port->row_offset(row);
      const Outcome written = transfer(tlm::TLM_WRITE_COMMAND, address, data, row_bytes);
      if (!written.ok()) fail_run(written);
      output.port->free_rows(++row);
    }
  }
}

/// Called by a process of the run, which goes no further.
void ChipController::fail_run(const Outcome &fault) {
  if (run_.fault.ok()) run_.fault = fault;
  abort_.notify(sc_core::SC_ZERO_TIME);
  for (;;) sc_core::wait(never_);
}

void ChipController::output_transport(tlm::tlm_generic_payload &payload, sc_time &delay) {
  const ChipAddress address = ChipAddress::decode(payload.get_address());
  const auto producer = static_cast<unsigned>(address.detail >> 8 & 0xffff);
  const auto channel = static_cast<std::size_t>(address.detail >> 24 & 0xff);
  if (!payload.is_write() || address.region != ChipRegion::kStream || channel >= outputs_.size() ||
      producer >= outputs_[channel].port->producers()) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  Output &output = outputs_[channel];
  const std::uint64_t pixels = payload.get_data_length() / output.port->slice_bytes(producer);
  const std::uint8_t *data = payload.get_data_ptr();
  output.port->place(producer, pixels, [&](std::uint64_t offset, std::uint64_t bytes) {
    std::copy_n(data, bytes, output.buffer.data() + offset);
    data += bytes;
  });
  StreamPort *port = output.port.get();
  port->send(producer, pixels);
  context_.activity.unblock();
  context_.wakes.call_at(sc_core::sc_time_stamp() + delay, [this, port, producer, pixels] {
    port->deliver(producer, pixels);
    context_.activity.block();
  });
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

std::vector<StageReport> ChipController::stages() const {
  StageHistory all = history_;
  for (const StageEngine *stage : stages_) all.add(stage->report());
  return all.reports();
}

// Helpers

Outcome ChipController::dma(tlm::tlm_command command, std::uint64_t address, std::uint8_t *data,
                            std::uint64_t bytes) {
  const Error fault =
      command == tlm::TLM_READ_COMMAND ? Error::kDmaReadFault : Error::kDmaWriteFault;
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t at = address + done;
    if (at < address) return {fault, at};
    const std::uint64_t size = std::min(bytes - done, kBurstBytes - at % kBurstBytes);
    tlm::tlm_generic_payload payload;
    prepare(payload, command, at, data + done, size);
    sc_time delay = sc_core::SC_ZERO_TIME;
    to_link->b_transport(payload, delay);
    context_.wakes.sleep(delay);
    // The DMA engine may have told which address of the burst it was.
    if (!payload.is_response_ok()) return {fault, payload.get_address()};
    if (cancelled_) return {Error::kCancelled};
    done += size;
  }
  return {};
}

/// dma() for the processes of a run: does not return when the run is being ended.
Outcome ChipController::transfer(tlm::tlm_command command, std::uint64_t address,
                                 std::uint8_t *data, std::uint64_t bytes) {
  Outcome outcome;
  {
    const Count in_memory(transfers_);
    outcome = dma(command, address, data, bytes);
  }
  if (draining_ || outcome.error == Error::kCancelled) {
    drained_.notify(sc_core::SC_ZERO_TIME);
    for (;;) sc_core::wait(never_);
  }
  return outcome;
}

/// Reads the blob that a command names. Memory grows with what has really been read, so that a
/// wrong size costs nothing.
Outcome ChipController::fetch(const Descriptor &command, std::uint64_t most_bytes, Bytes &blob) {
  if (command.source_bytes == 0 || command.source_bytes > most_bytes) return {Error::kBadSize};
  while (blob.size() < command.source_bytes) {
    const std::size_t done = blob.size();
    const std::uint64_t at = command.source + done;
    const std::uint64_t bytes =
        std::min<std::uint64_t>(command.source_bytes - done, kBurstBytes - at % kBurstBytes);
    if (at < command.source) return {Error::kDmaReadFault, at};
    blob.resize(done + bytes);
    const Outcome read = dma(tlm::TLM_READ_COMMAND, at, blob.data() + done, bytes);
    if (!read.ok()) return read;
  }
  return {};
}

bool ChipController::sleep(const sc_time &time) {
  if (!cancelled_ && time > sc_core::SC_ZERO_TIME) {
    const sc_time end = sc_core::sc_time_stamp() + time;
    while (!cancelled_ && sc_core::sc_time_stamp() < end) {
      sc_core::wait(end - sc_core::sc_time_stamp(), abort_);
    }
  }
  return !cancelled_;
}

}  // namespace npim::chip
