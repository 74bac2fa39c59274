#include "peripherals/plic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::peripherals {
namespace {

constexpr std::uint64_t kEnableS = Plic::kEnable + Plic::kEnableStride;
constexpr std::uint64_t kThresholdS = Plic::kThreshold + Plic::kContextStride;
constexpr std::uint64_t kClaimS = Plic::kClaim + Plic::kContextStride;

struct PlicBench : testing::Test {
  test::BusInitiator hart{"hart"};
  test::TlmProtocolChecker checker{"checker"};
  Plic plic{"plic", 2};
  sc_core::sc_signal<bool> uart{"uart"};  // source 10
  sc_core::sc_signal<bool> chip{"chip"};  // source 32
  sc_core::sc_signal<bool> last{"last"};  // source 95
  sc_core::sc_signal<bool> machine{"machine"};
  sc_core::sc_signal<bool> supervisor{"supervisor"};
  sc_core::sc_signal<bool> other_machine{"other_machine"};  // of hart 1
  sc_core::sc_signal<bool> other_supervisor{"other_supervisor"};

  PlicBench() {
    hart.socket.bind(checker.target);
    checker.initiator.bind(plic.socket);
    plic.sources[10].bind(uart);
    plic.sources[32].bind(chip);
    plic.sources[95].bind(last);
    plic.machine[0].bind(machine);
    plic.supervisor[0].bind(supervisor);
    plic.machine[1].bind(other_machine);
    plic.supervisor[1].bind(other_supervisor);
    settle();
  }
  static void settle() { sc_core::sc_start(1, sc_core::SC_NS); }
  void raise(sc_core::sc_signal<bool> &line, bool level = true) {
    line.write(level);
    settle();
  }
  void enable(unsigned source, std::uint32_t priority, std::uint64_t base = Plic::kEnable) {
    EXPECT_TRUE(hart.write32(Plic::kPriority + 4 * source, priority));
    const std::uint64_t word = base + 4 * (source / 32);
    EXPECT_TRUE(hart.write32(word, hart.read32(word) | (1u << (source % 32))));
    settle();
  }
  std::uint32_t claim(std::uint64_t at = Plic::kClaim) {
    const std::uint32_t source = hart.read32(at);
    settle();
    return source;
  }
  void complete(std::uint32_t source, std::uint64_t at = Plic::kClaim) {
    EXPECT_TRUE(hart.write32(at, source));
    settle();
  }
};

TEST_F(PlicBench, ResetValues) {
  for (unsigned source = 0; source < Plic::kSources; ++source) {
    EXPECT_EQ(hart.read32(Plic::kPriority + 4 * source), 0u);
  }
  for (unsigned word = 0; word < 3; ++word) {
    EXPECT_EQ(hart.read32(Plic::kPending + 4 * word), 0u);
    EXPECT_EQ(hart.read32(Plic::kEnable + 4 * word), 0u);
    EXPECT_EQ(hart.read32(kEnableS + 4 * word), 0u);
  }
  EXPECT_EQ(hart.read32(Plic::kThreshold), 0u);
  EXPECT_EQ(hart.read32(Plic::kClaim), 0u);
  EXPECT_EQ(hart.read32(kClaimS), 0u);
  EXPECT_FALSE(machine.read());
  EXPECT_FALSE(supervisor.read());
}

TEST_F(PlicBench, ContextsOfASecondHart) {
  enable(10, 1, Plic::kEnable + 3 * Plic::kEnableStride);
  raise(uart);
  EXPECT_FALSE(machine.read());
  EXPECT_FALSE(supervisor.read());
  EXPECT_FALSE(other_machine.read());
  EXPECT_TRUE(other_supervisor.read());
  EXPECT_EQ(claim(), 0u);
  EXPECT_EQ(claim(Plic::kClaim + 3 * Plic::kContextStride), 10u);
  EXPECT_FALSE(other_supervisor.read());
}

TEST_F(PlicBench, ReservedBits) {
  EXPECT_TRUE(hart.write32(Plic::kPriority, 7));
  EXPECT_EQ(hart.read32(Plic::kPriority), 0u);  // source 0 does not exist
  EXPECT_TRUE(hart.write32(Plic::kPriority + 40, 0xffffffff));
  EXPECT_EQ(hart.read32(Plic::kPriority + 40), 7u);
  EXPECT_TRUE(hart.write32(Plic::kThreshold, 0xffffffff));
  EXPECT_EQ(hart.read32(Plic::kThreshold), 7u);
  EXPECT_TRUE(hart.write32(Plic::kEnable, 0xffffffff));
  EXPECT_EQ(hart.read32(Plic::kEnable), 0xfffffffeu);
  EXPECT_EQ(hart.read32(kEnableS), 0u);
}

TEST_F(PlicBench, ClaimAndComplete) {
  enable(10, 1);
  raise(uart);
  EXPECT_TRUE(machine.read());
  EXPECT_FALSE(supervisor.read());
  EXPECT_EQ(hart.read32(Plic::kPending), 1u << 10);
  EXPECT_EQ(claim(), 10u);
  EXPECT_FALSE(machine.read());
  EXPECT_EQ(hart.read32(Plic::kPending), 0u);
  EXPECT_EQ(claim(), 0u);
  raise(uart, false);
  complete(10);
  EXPECT_FALSE(machine.read());
}

TEST_F(PlicBench, LevelStillHighAfterCompletionInterruptsAgain) {
  enable(10, 1);
  raise(uart);
  EXPECT_EQ(claim(), 10u);
  EXPECT_FALSE(machine.read());  // the gateway waits for the completion
  complete(10);
  EXPECT_TRUE(machine.read());
  EXPECT_EQ(claim(), 10u);
}

TEST_F(PlicBench, ForwardedRequestStaysPendingWhenTheLevelFalls) {
  enable(10, 1);
  raise(uart);
  raise(uart, false);
  EXPECT_TRUE(machine.read());
  EXPECT_EQ(claim(), 10u);
}

TEST_F(PlicBench, HighestPriorityFirstThenLowestNumber) {
  enable(10, 2);
  enable(32, 5);
  enable(95, 5);
  raise(uart);
  raise(chip);
  raise(last);
  EXPECT_EQ(hart.read32(Plic::kPending + 4), 1u);
  EXPECT_EQ(hart.read32(Plic::kPending + 8), 1u << 31);
  EXPECT_EQ(claim(), 32u);
  EXPECT_EQ(claim(), 95u);
  EXPECT_EQ(claim(), 10u);
  EXPECT_EQ(claim(), 0u);
}

TEST_F(PlicBench, ThresholdMasksTheLineNotTheClaim) {
  enable(10, 3);
  EXPECT_TRUE(hart.write32(Plic::kThreshold, 3));
  raise(uart);
  EXPECT_FALSE(machine.read());
  EXPECT_TRUE(hart.write32(Plic::kThreshold, 2));
  settle();
  EXPECT_TRUE(machine.read());
  EXPECT_TRUE(hart.write32(Plic::kThreshold, 7));
  settle();
  EXPECT_FALSE(machine.read());
  EXPECT_EQ(claim(), 10u);
}

TEST_F(PlicBench, PriorityZeroNeverInterrupts) {
  enable(10, 0);
  raise(uart);
  EXPECT_FALSE(machine.read());
  EXPECT_EQ(claim(), 0u);
  EXPECT_TRUE(hart.write32(Plic::kPriority + 40, 1));
  settle();
  EXPECT_TRUE(machine.read());
}

TEST_F(PlicBench, ContextsAreSeparate) {
  enable(32, 1, kEnableS);
  raise(chip);
  EXPECT_FALSE(machine.read());
  EXPECT_TRUE(supervisor.read());
  EXPECT_EQ(claim(), 0u);
  EXPECT_TRUE(hart.write32(kThresholdS, 1));
  settle();
  EXPECT_FALSE(supervisor.read());
  EXPECT_EQ(claim(kClaimS), 32u);
  complete(32);  // not enabled for this context: ignored
  EXPECT_TRUE(hart.write32(kThresholdS, 0));
  settle();
  EXPECT_FALSE(supervisor.read());
  complete(32, kClaimS);
  EXPECT_TRUE(supervisor.read());
}

TEST_F(PlicBench, OddCompletionsAreIgnored) {
  enable(10, 1);
  complete(0);
  complete(95);
  complete(96);
  complete(0xffffffff);
  raise(uart);
  EXPECT_EQ(claim(), 10u);
}

TEST_F(PlicBench, DebuggerDoesNotClaim) {
  enable(10, 1);
  raise(uart);
  std::uint32_t source = 0;
  EXPECT_EQ(hart.debug(tlm::TLM_READ_COMMAND, Plic::kClaim, &source, 4), 4u);
  EXPECT_EQ(source, 10u);
  EXPECT_EQ(claim(), 10u);
}

TEST_F(PlicBench, IllegalAccesses) {
  EXPECT_FALSE(hart.write32(Plic::kPending, 1));
  EXPECT_EQ(hart.reason, "PLIC: pending 0 is read-only");
  hart.read64(Plic::kClaim);
  EXPECT_EQ(hart.reason, "PLIC: claim/complete of context 0 is 4 bytes wide, access of 8 bytes");
  hart.read32(Plic::kPriority + 4 * Plic::kSources);
  EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  hart.read32(Plic::kThreshold + 4 * Plic::kContextStride);
  EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  hart.read<std::uint16_t>(Plic::kPriority + 2);
  EXPECT_EQ(hart.status, tlm::TLM_BURST_ERROR_RESPONSE);
}

}  // namespace
}  // namespace npim::peripherals
