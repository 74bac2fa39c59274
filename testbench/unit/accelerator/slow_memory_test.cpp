// The host face in front of memory that takes time: what its own accesses cost, and resets that
// begin in the middle of one.
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstring>
#include <functional>
#include <vector>

#include "accelerator/accelerator.h"

namespace npim::accelerator {
namespace {

using sc_core::sc_time;
using sc_core::sc_time_stamp;

constexpr std::uint64_t kDescriptors = 0x1000, kRecords = 0x2000;

/// Accelerator, memory at address 0 that waits in every access, and a process for the test's body.
class SlowBench : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<SlowBench> registers{"registers"};
  tlm_utils::simple_target_socket<SlowBench> memory{"memory"};

  explicit SlowBench(const config::ChipConfig &config,
                     const sc_core::sc_module_name &module_name = "bench")
      : sc_module(module_name), accelerator("accelerator", config) {
    registers.bind(accelerator.registers);
    accelerator.dma.bind(memory);
    accelerator.interrupt.bind(line);
    memory.register_b_transport(this, &SlowBench::b_transport);
    SC_HAS_PROCESS(SlowBench);
    SC_THREAD(main);
  }

  void simulate(std::function<void()> body) {
    body_ = std::move(body);
    sc_core::sc_start();
    EXPECT_TRUE(finished_);
  }

  void write(std::uint64_t offset, std::uint32_t value) {
    transport(tlm::TLM_WRITE_COMMAND, offset, value);
  }
  std::uint32_t read(std::uint64_t offset) {
    std::uint32_t value = 0;
    transport(tlm::TLM_READ_COMMAND, offset, value);
    return value;
  }
  void set_up() {
    write(abi::reg::kQueueBaseLo, kDescriptors);
    write(abi::reg::kQueueSize, 3);
    write(abi::reg::kCompletionBaseLo, kRecords);
    write(abi::reg::kControl, 1);
  }
  /// One NOP in the first slot.
  void submit() {
    abi::Descriptor command;
    command.opcode = static_cast<std::uint8_t>(abi::Opcode::kNop);
    const auto encoded = command.encode();
    std::copy(encoded.begin(), encoded.end(), bytes.begin() + kDescriptors);
    write(abi::reg::kQueueTail, 1);
  }
  void wait_for_reset() {
    while ((read(abi::reg::kStatus) & abi::field::kStatusResetting.mask()) != 0) {
      sc_core::wait(100, sc_core::SC_NS);
    }
  }
  abi::Completion record() const { return abi::Completion::decode(bytes.data() + kRecords); }

  Accelerator accelerator;
  sc_core::sc_signal<bool> line{"line"};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(0x10000);
  sc_time latency;
  int accesses = 0;
  sc_core::sc_event accessed;

 private:
  void transport(tlm::tlm_command command, std::uint64_t offset, std::uint32_t &value) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(offset);
    payload.set_data_ptr(reinterpret_cast<unsigned char *>(&value));
    payload.set_data_length(sizeof value);
    payload.set_streaming_width(sizeof value);
    sc_time delay;
    registers->b_transport(payload, delay);
    EXPECT_TRUE(payload.is_response_ok()) << offset;
  }
  void b_transport(tlm::tlm_generic_payload &payload, sc_time &) {
    ++accesses;
    accessed.notify(sc_core::SC_ZERO_TIME);
    if (latency > sc_core::SC_ZERO_TIME) sc_core::wait(latency);
    const std::uint64_t at = payload.get_address(), length = payload.get_data_length();
    if (at > bytes.size() || length > bytes.size() - at) {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    if (payload.is_read()) {
      std::memcpy(payload.get_data_ptr(), bytes.data() + at, length);
    } else {
      std::memcpy(bytes.data() + at, payload.get_data_ptr(), length);
    }
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  void main() {
    body_();
    finished_ = true;
  }

  std::function<void()> body_;
  bool finished_ = false;
};

config::ChipConfig small_chip() {
  return config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/neural-pim-small.json");
}

/// Descriptors and records take the link's 5 ns and 6.4 GB/s, as the chip's data does.
TEST(SlowMemory, DescriptorsAndRecordsGoOverTheLink) {
  SlowBench bench(small_chip());
  bench.latency = sc_time(100, sc_core::SC_NS);
  bench.simulate([&] {
    bench.set_up();
    const sc_time start = sc_time_stamp();
    bench.submit();
    std::vector<std::uint64_t> times;  // when an access reaches the memory, in ps
    for (int i = 0; i < 3; ++i) {
      sc_core::wait(bench.accessed);
      times.push_back((sc_time_stamp() - start).value());
    }
    const std::uint64_t read = 5000 + 10000;                  // 64 bytes
    const std::uint64_t first = read + 100000 + 5000 + 4375;  // 28 bytes
    const std::uint64_t last = first + 100000 + 5000 + 625;   // the sequence number
    EXPECT_EQ(times, (std::vector<std::uint64_t>{read, first, last}));
    EXPECT_EQ(bench.read(abi::reg::kQueueHead), 0U) << "not before the record is there";
    sc_core::wait(101, sc_core::SC_NS);
    EXPECT_EQ(bench.read(abi::reg::kQueueHead), 1U);
    EXPECT_EQ(bench.record().sequence, 1U);
  });
}

/// A reset while the memory works on one of the accesses: the descriptor, the record, its sequence.
class ResetDuringAccess : public ::testing::TestWithParam<int> {};

TEST_P(ResetDuringAccess, LeavesNoTraceOfTheCommand) {
  SlowBench bench(small_chip());
  bench.latency = sc_time(100, sc_core::SC_NS);
  bench.simulate([&] {
    bench.set_up();
    bench.submit();
    while (bench.accesses < GetParam()) sc_core::wait(bench.accessed);
    sc_core::wait(50, sc_core::SC_NS);
    bench.write(abi::reg::kControl, 2);
    bench.wait_for_reset();
    EXPECT_EQ(bench.accesses, GetParam()) << "nothing follows the access that was under way";
    EXPECT_EQ(bench.read(abi::reg::kQueueHead), 0U);
    EXPECT_EQ(bench.read(abi::reg::kQueueTail), 0U);
    EXPECT_EQ(bench.read(abi::reg::kStatus), abi::field::kStatusIdle.mask());
    EXPECT_EQ(bench.read(abi::reg::kCounterCommands), 0U);
    EXPECT_EQ(bench.read(abi::reg::kErrorCode), 0U);
    std::fill(bench.bytes.begin() + kRecords, bench.bytes.end(), std::uint8_t{0});
    bench.set_up();
    bench.submit();
    sc_core::wait(1, sc_core::SC_US);
    EXPECT_EQ(bench.read(abi::reg::kQueueHead), 1U);
    EXPECT_EQ(bench.record().sequence, 1U);
    EXPECT_EQ(bench.record().error, 0U);
  });
}

INSTANTIATE_TEST_SUITE_P(Accesses, ResetDuringAccess, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace npim::accelerator
