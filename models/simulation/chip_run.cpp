#include "simulation/chip_run.h"

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <systemc>
#include <tlm>
#include <utility>

#include "base/error.h"

namespace npim::simulation {
namespace {

using abi::Descriptor;

constexpr std::uint64_t kImages = std::uint64_t{1} << 40, kOutputs = std::uint64_t{1} << 41;

/// Memory without delay that holds one blob at address 0, zeros everywhere else, and forgets what
/// is written except stage counters; and a process that gives commands.
class Host : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Host> commands{"commands"};
  tlm_utils::simple_target_socket<Host> memory{"memory"};

  SC_HAS_PROCESS(Host);
  Host(const sc_core::sc_module_name &module_name, std::function<void()> body)
      : sc_module(module_name), body_(std::move(body)) {
    memory.register_b_transport(this, &Host::b_transport);
    SC_THREAD(main);
  }

  /// Executes a command; `blob` is at address 0 meanwhile. Throws when the chip reports an error.
  abi::Completion execute(const Descriptor &command, const Bytes &blob, const std::string &name) {
    blob_ = &blob;
    auto data = command.encode();
    std::array<std::uint8_t, abi::Completion::kBytes> record{};
    transport(tlm::TLM_WRITE_COMMAND, data.data(), data.size());
    transport(tlm::TLM_READ_COMMAND, record.data(), record.size());
    const auto completion = abi::Completion::decode(record.data());
    if (completion.error != 0) {
      throw InputError(name, std::string("the chip reports ") +
                                 abi::name(static_cast<abi::Error>(completion.error)) +
                                 ", detail " + std::to_string(completion.detail));
    }
    return completion;
  }
  bool keeps = false;  ///< what is written, from kOutputs on
  Bytes written;

 private:
  void main() { body_(); }
  void transport(tlm::tlm_command command, std::uint8_t *data, std::size_t bytes) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_data_ptr(data);
    payload.set_data_length(static_cast<unsigned>(bytes));
    payload.set_streaming_width(static_cast<unsigned>(bytes));
    sc_core::sc_time delay;
    commands->b_transport(payload, delay);
  }
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &) {
    const std::uint64_t address = payload.get_address();
    const std::size_t bytes = payload.get_data_length();
    if (payload.is_read()) {
      std::memset(payload.get_data_ptr(), 0, bytes);
      if (address + bytes <= blob_->size()) {
        std::memcpy(payload.get_data_ptr(), blob_->data() + address, bytes);
      }
    } else if (keeps && address >= kOutputs) {
      const std::uint64_t offset = address - kOutputs;
      if (written.size() < offset + bytes) written.resize(offset + bytes);
      std::memcpy(written.data() + offset, payload.get_data_ptr(), bytes);
    }
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }

  std::function<void()> body_;
  const Bytes *blob_ = nullptr;
};

Descriptor command(abi::Opcode opcode) {
  Descriptor d;
  d.opcode = static_cast<std::uint8_t>(opcode);
  return d;
}

class Runner {
 public:
  Runner(const std::vector<program::ControlProgram> &segments, const config::ChipConfig &config,
         int images, const std::string &name)
      : segments_(segments),
        images_(images),
        name_(name),
        chip_("chip", config),
        host_("host", [this] { body(); }),
        units_(chip_.units()),
        loads_(units_.size()) {
    host_.commands.bind(chip_.commands);
    chip_.memory.bind(host_.memory);
    chip_.leave_out_values();
  }

  ChipRun run() {
    const auto start = std::chrono::steady_clock::now();
    sc_core::sc_start();
    if (error_) std::rethrow_exception(error_);
    result_.host_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(result_);
  }

 private:
  void body() {
    try {
      for (const auto &segment : segments_) {
        load(segment);
        const double latency_ns = run_images(segment, 1);
        result_.latency_ns += latency_ns;
        read_counters(segment);
        const chip::ChipCounters before = chip_.counters();
        const std::vector<double> busy = busy_ns();
        const Energies spent = energies();
        const double time_ns = run_images(segment, images_);
        const double image_ns = (time_ns - latency_ns) / (images_ - 1);
        result_.image_ns += image_ns;
        leave_out(before);
        add_energy(spent, image_ns / time_ns);
        add_loads(busy);
        many_ns_ += time_ns;
      }
      rank_loads();
      result_.counters = chip_.counters();
      result_.counters.cycles -= left_out_.cycles;
      result_.counters.windows -= left_out_.windows;
      result_.counters.conversions -= left_out_.conversions;
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  /// What has been counted since `before` belongs to more images than one.
  void leave_out(const chip::ChipCounters &before) {
    left_out_.cycles += chip_.counters().cycles - before.cycles;
    left_out_.windows += chip_.counters().windows - before.windows;
    left_out_.conversions += chip_.counters().conversions - before.conversions;
  }

  using Energies = std::map<cost::Accounting, cost::Energy>;

  /// Since the start.
  Energies energies() {
    Energies all;
    if (!chip_.books().has_prices()) return all;
    for (const auto accounting : {cost::Accounting::kPerAction, cost::Accounting::kPoweredTime}) {
      all[accounting] = chip_.books().settle(accounting);
    }
    return all;
  }

  /// Since `before`, divided among the images; filling and draining the pipelines is not to leak,
  /// so only `share` of the time counts.
  void add_energy(const Energies &before, double share) {
    for (auto &[accounting, energy] : energies()) {
      energy -= before.at(accounting);
      energy.scale(1.0 / images_, share);
      result_.energy[accounting].accounting = accounting;
      result_.energy[accounting] += energy;
    }
  }

  /// Of each unit since the start.
  std::vector<double> busy_ns() {
    std::vector<double> result;
    for (const chip::NamedUnit &unit : units_) {
      result.push_back(unit.unit->total() / sc_core::sc_time(1, sc_core::SC_NS));
    }
    return result;
  }

  void add_loads(const std::vector<double> &before) {
    const std::vector<double> now = busy_ns();
    for (std::size_t i = 0; i < now.size(); ++i) loads_[i] += now[i] - before[i];
  }

  void rank_loads() {
    constexpr std::size_t kMost = 8;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      result_.busiest.push_back({units_[i].path, loads_[i] / images_, loads_[i] / many_ns_});
    }
    std::stable_sort(result_.busiest.begin(), result_.busiest.end(),
                     [](const UnitLoad &a, const UnitLoad &b) { return a.busy_ns > b.busy_ns; });
    if (result_.busiest.size() > kMost) result_.busiest.resize(kMost);
  }

  void load(const program::ControlProgram &control) {
    const Bytes blob = program::encode(control);
    Descriptor d = command(abi::Opcode::kLoadControl);
    d.source_bytes = static_cast<std::uint32_t>(blob.size());
    host_.execute(d, blob, name_);
  }

  double run_images(const program::ControlProgram &control, int images) {
    Descriptor d = command(abi::Opcode::kRun);
    d.source = kImages;
    d.destination = kOutputs;
    d.source_bytes = d.source_stride = static_cast<std::uint32_t>(control.input_shape.elements());
    d.destination_bytes = d.destination_stride =
        static_cast<std::uint32_t>(control.output_shape.elements() * control.output_element_bytes);
    d.count = static_cast<std::uint32_t>(images);
    const sc_core::sc_time start = sc_core::sc_time_stamp();
    host_.execute(d, {}, name_);
    return (sc_core::sc_time_stamp() - start) / sc_core::sc_time(1, sc_core::SC_NS);
  }

  void read_counters(const program::ControlProgram &control) {
    Descriptor d = command(abi::Opcode::kReadBack);
    d.region = static_cast<std::uint8_t>(abi::Region::kStageCounters);
    d.destination = kOutputs;
    d.destination_bytes =
        static_cast<std::uint32_t>(control.stages.size() * abi::StageCounters::kBytes);
    host_.keeps = true;
    host_.execute(d, {}, name_);
    host_.keeps = false;
    for (std::size_t i = 0; i < control.stages.size(); ++i) {
      result_.stages.push_back(
          abi::StageCounters::decode(host_.written.data() + i * abi::StageCounters::kBytes));
    }
  }

  const std::vector<program::ControlProgram> &segments_;
  const int images_;
  const std::string &name_;
  chip::Chip chip_;
  Host host_;
  const std::vector<chip::NamedUnit> units_;
  std::vector<double> loads_;  // of each unit in the runs of many images
  double many_ns_ = 0;         // that these took
  ChipRun result_;
  chip::ChipCounters left_out_;
  std::exception_ptr error_;
};

}  // namespace

ChipRun run_chip(const std::vector<program::ControlProgram> &segments,
                 const config::ChipConfig &config, int images, const std::string &name) {
  return Runner(segments, config, images, name).run();
}

}  // namespace npim::simulation
