// A host for chip tests: memory behind a protocol checker, and commands as function calls.
#pragma once

#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <tlm>
#include <utility>
#include <vector>

#include "abi/npim_abi.h"
#include "chip/chip.h"
#include "program/stage.h"
#include "support/tlm_protocol_checker.h"

namespace npim::chip::test {

/// Memory of `size` bytes at kBase; everything else is a hole.
class HostMemory : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kBase = 0x80000000;

  tlm_utils::simple_target_socket<HostMemory> socket{"socket"};

  HostMemory(const sc_core::sc_module_name &module_name, std::size_t size)
      : sc_module(module_name), bytes(size) {
    socket.register_b_transport(this, &HostMemory::b_transport);
  }

  std::vector<std::uint8_t> bytes;
  sc_core::sc_time latency;                      ///< added to each access
  std::function<void(std::uint64_t)> on_access;  ///< with the address

 private:
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
    if (on_access) on_access(payload.get_address());
    const std::uint64_t offset = payload.get_address() - kBase;
    const std::uint64_t length = payload.get_data_length();
    if (payload.get_address() < kBase || offset > bytes.size() || length > bytes.size() - offset) {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    if (payload.is_read()) {
      std::memcpy(payload.get_data_ptr(), bytes.data() + offset, length);
    } else {
      std::memcpy(bytes.data() + offset, payload.get_data_ptr(), length);
    }
    delay += latency;
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
};

/// The bench: chip, memory and a process that runs the test's body.
class ChipBench : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kBlob = HostMemory::kBase + 0x1000;
  static constexpr std::uint64_t kImages = HostMemory::kBase + 0x400000;
  static constexpr std::uint64_t kOutputs = HostMemory::kBase + 0x800000;
  static constexpr std::size_t kMemory = 0xc00000;

  explicit ChipBench(const config::ChipConfig &config,
                     dataflow::Kernel kernel = dataflow::Kernel::kFolded,
                     const sc_core::sc_module_name &module_name = "bench")
      : sc_module(module_name), chip("chip", config, kernel), memory("memory", kMemory) {
    commands_.bind(command_checker_.target);
    command_checker_.initiator.bind(chip.commands);
    chip.memory.bind(memory_checker_.target);
    memory_checker_.initiator.bind(memory.socket);
    SC_HAS_PROCESS(ChipBench);
    SC_THREAD(main);
  }

  /// What the bench does when another one simulates.
  void set_body(std::function<void()> body) { body_ = std::move(body); }
  /// Simulates until the body returns.
  void simulate(std::function<void()> body) {
    body_ = std::move(body);
    sc_core::sc_start();
    EXPECT_TRUE(finished_) << "the body hangs";
  }

  abi::Completion execute(const abi::Descriptor &command) {
    auto bytes = command.encode();
    EXPECT_EQ(transport(tlm::TLM_WRITE_COMMAND, 0, bytes.data(), bytes.size()),
              tlm::TLM_OK_RESPONSE);
    std::array<std::uint8_t, abi::Completion::kBytes> record{};
    EXPECT_EQ(transport(tlm::TLM_READ_COMMAND, 0, record.data(), record.size()),
              tlm::TLM_OK_RESPONSE);
    last = abi::Completion::decode(record.data());
    return last;
  }
  tlm::tlm_response_status transport(tlm::tlm_command command, std::uint64_t address,
                                     std::uint8_t *data, std::size_t length) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(data);
    payload.set_data_length(static_cast<unsigned>(length));
    payload.set_streaming_width(static_cast<unsigned>(length));
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    commands_->b_transport(payload, delay);
    return payload.get_response_status();
  }

  abi::Error command(abi::Opcode opcode, const Bytes &blob) {
    store(kBlob, blob);
    abi::Descriptor d;
    d.opcode = static_cast<std::uint8_t>(opcode);
    d.source = kBlob;
    d.source_bytes = static_cast<std::uint32_t>(blob.size());
    return static_cast<abi::Error>(execute(d).error);
  }
  abi::Error load(const program::ControlProgram &control) {
    input_bytes_ = static_cast<std::uint32_t>(control.input_shape.elements());
    output_bytes_ =
        static_cast<std::uint32_t>(control.output_shape.elements() * control.output_element_bytes);
    return command(abi::Opcode::kLoadControl, program::encode(control));
  }
  abi::Error program(const std::vector<program::ArrayWeights> &weights) {
    return command(abi::Opcode::kProgramWeights, program::encode(weights));
  }

  /// A RUN of images that store_images() has placed.
  abi::Descriptor run_command(std::uint32_t count) const {
    abi::Descriptor d;
    d.opcode = static_cast<std::uint8_t>(abi::Opcode::kRun);
    d.source = kImages;
    d.destination = kOutputs;
    d.source_bytes = d.source_stride = input_bytes_;
    d.destination_bytes = output_bytes_;
    d.destination_stride = output_bytes_ + 16;
    d.count = count;
    return d;
  }
  /// Runs images and returns their outputs as integers.
  std::vector<std::vector<std::int32_t>> run(const std::vector<Bytes> &images,
                                             unsigned element_bytes, std::uint8_t flags = 0) {
    for (std::size_t i = 0; i < images.size(); ++i) store(kImages + i * input_bytes_, images[i]);
    auto d = run_command(static_cast<std::uint32_t>(images.size()));
    d.flags = flags;
    EXPECT_EQ(abi::name(static_cast<abi::Error>(execute(d).error)), std::string("NONE"));
    std::vector<std::vector<std::int32_t>> outputs;
    for (std::size_t i = 0; i < images.size(); ++i) {
      outputs.push_back(
          integers(kOutputs + i * d.destination_stride, output_bytes_, element_bytes));
    }
    return outputs;
  }

  abi::Error read_back(abi::Region region, unsigned tile, unsigned array, std::uint32_t offset,
                       std::uint32_t bytes) {
    abi::Descriptor d;
    d.opcode = static_cast<std::uint8_t>(abi::Opcode::kReadBack);
    d.region = static_cast<std::uint8_t>(region);
    d.tile = static_cast<std::uint16_t>(tile);
    d.array = static_cast<std::uint16_t>(array);
    d.offset = offset;
    d.destination = kOutputs;
    d.destination_bytes = bytes;
    return static_cast<abi::Error>(execute(d).error);
  }
  abi::StageCounters stage_counters(std::size_t stage) {
    const auto offset = static_cast<std::uint32_t>(stage * abi::StageCounters::kBytes);
    EXPECT_EQ(read_back(abi::Region::kStageCounters, 0, 0, offset, abi::StageCounters::kBytes),
              abi::Error::kNone);
    return abi::StageCounters::decode(at(kOutputs));
  }

  void store(std::uint64_t address, const Bytes &data) {
    ASSERT_LE(address - HostMemory::kBase + data.size(), memory.bytes.size());
    std::copy(data.begin(), data.end(), at(address));
  }
  std::uint8_t *at(std::uint64_t address) {
    return memory.bytes.data() + (address - HostMemory::kBase);
  }
  std::vector<std::int32_t> integers(std::uint64_t address, std::size_t bytes,
                                     unsigned element_bytes) {
    std::vector<std::int32_t> values;
    for (const std::uint8_t *p = at(address), *end = p + bytes; p != end; p += element_bytes) {
      std::uint32_t value = 0;
      for (unsigned i = 0; i < element_bytes; ++i) value |= std::uint32_t{p[i]} << (8 * i);
      values.push_back(static_cast<std::int32_t>(value));
    }
    return values;
  }

  Chip chip;
  HostMemory memory;
  abi::Completion last;

 private:
  void main() {
    body_();
    finished_ = true;
  }

  std::function<void()> body_;
  bool finished_ = false;
  std::uint32_t input_bytes_ = 0, output_bytes_ = 0;
  tlm_utils::simple_initiator_socket<ChipBench> commands_{"commands"};
  npim::test::TlmProtocolChecker command_checker_{"command_checker"};
  npim::test::TlmProtocolChecker memory_checker_{"memory_checker"};
};

inline config::ChipConfig small_chip() {
  return config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/neural-pim-small.json");
}

}  // namespace npim::chip::test
