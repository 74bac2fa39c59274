#include "peripherals/clint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::peripherals {
namespace {

using sc_core::SC_NS;
using sc_core::SC_PS;
using sc_core::sc_time;
using testing::HasSubstr;

struct ClintBench : testing::Test {
  test::BusInitiator hart{"hart"};
  test::TlmProtocolChecker checker{"checker"};
  Clint clint{"clint", sc_time(100, SC_NS), 2};
  sc_core::sc_signal<bool> software{"software"};
  sc_core::sc_signal<bool> timer{"timer"};
  sc_core::sc_signal<bool> other_software{"other_software"};  // of hart 1
  sc_core::sc_signal<bool> other_timer{"other_timer"};

  ClintBench() {
    hart.socket.bind(checker.target);
    checker.initiator.bind(clint.socket);
    clint.software[0].bind(software);
    clint.timer[0].bind(timer);
    clint.software[1].bind(other_software);
    clint.timer[1].bind(other_timer);
    run(sc_core::SC_ZERO_TIME);
  }
  static void run(const sc_time &time) { sc_core::sc_start(time); }
  static void settle() {
    for (int i = 0; i < 3; ++i) sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
};

TEST_F(ClintBench, ResetValues) {
  EXPECT_EQ(hart.read32(Clint::kMsip), 0u);
  EXPECT_EQ(hart.read64(Clint::kMtimecmp), ~std::uint64_t{0});
  EXPECT_EQ(hart.read64(Clint::kMtime), 0u);
  settle();
  EXPECT_FALSE(software.read());
  EXPECT_FALSE(timer.read());
}

TEST_F(ClintBench, SoftwareInterruptHasOneBit) {
  EXPECT_TRUE(hart.write32(Clint::kMsip, 0xffffffff));
  EXPECT_EQ(hart.read32(Clint::kMsip), 1u);
  settle();
  EXPECT_TRUE(software.read());
  EXPECT_TRUE(hart.write32(Clint::kMsip, 0xfffffffe));
  settle();
  EXPECT_FALSE(software.read());
}

TEST_F(ClintBench, HartsHaveTheirOwnInterrupts) {
  EXPECT_TRUE(hart.write32(Clint::kMsip + 4, 1));
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, 7));
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp + 8, 5));
  settle();
  EXPECT_FALSE(software.read());
  EXPECT_TRUE(other_software.read());
  run(sc_time(500, SC_NS));
  settle();
  EXPECT_FALSE(timer.read());
  EXPECT_TRUE(other_timer.read());
  run(sc_time(200, SC_NS));
  settle();
  EXPECT_TRUE(timer.read());
}

TEST_F(ClintBench, TimeCountsWholeTicks) {
  run(sc_time(99999, SC_PS));
  EXPECT_EQ(hart.read64(Clint::kMtime), 0u);
  run(sc_time(1, SC_PS));
  EXPECT_EQ(hart.read64(Clint::kMtime), 1u);
  EXPECT_EQ(clint.mtime(sc_time(1, sc_core::SC_SEC)), 10'000'000u);
}

TEST_F(ClintBench, TimerRisesExactlyAtMtimecmp) {
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, 5));
  run(sc_time(499999, SC_PS));
  EXPECT_FALSE(timer.read());
  run(sc_time(1, SC_PS));
  settle();
  EXPECT_TRUE(timer.read());
  EXPECT_EQ(sc_core::sc_time_stamp(), sc_time(500, SC_NS));
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, 6));
  settle();
  EXPECT_FALSE(timer.read());
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, 5));
  settle();
  EXPECT_TRUE(timer.read());
}

TEST_F(ClintBench, AnEarlierMtimecmpReplacesALaterOne) {
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, 50));
  settle();
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, 3));
  run(sc_time(301, SC_NS));
  EXPECT_TRUE(timer.read());
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, 100));
  run(sc_time(6, sc_core::SC_US));  // past the first comparison
  EXPECT_FALSE(timer.read());
}

TEST_F(ClintBench, HalvesOfMtimecmp) {
  EXPECT_TRUE(hart.write32(Clint::kMtimecmp + 4, 0));
  EXPECT_TRUE(hart.write32(Clint::kMtimecmp, 2));
  EXPECT_EQ(hart.read64(Clint::kMtimecmp), 2u);
  run(sc_time(201, SC_NS));
  EXPECT_TRUE(timer.read());
}

TEST_F(ClintBench, MtimeIsWritable) {
  run(sc_time(1050, SC_NS));
  EXPECT_TRUE(hart.write64(Clint::kMtime, 1000));
  EXPECT_EQ(hart.read64(Clint::kMtime), 1000u);
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, 1002));
  run(sc_time(149, SC_NS));  // ticks stay on their grid: 1001 at 1100 ns, 1002 at 1200 ns
  EXPECT_FALSE(timer.read());
  run(sc_time(2, SC_NS));
  EXPECT_TRUE(timer.read());
  EXPECT_TRUE(hart.write32(Clint::kMtime, 0));
  settle();
  EXPECT_FALSE(timer.read());
  EXPECT_TRUE(hart.write32(Clint::kMtime + 4, 1));
  EXPECT_EQ(hart.read64(Clint::kMtime), 0x100000000u);
  settle();
  EXPECT_TRUE(timer.read());
}

TEST_F(ClintBench, TimerFallsWhenMtimeWraps) {
  EXPECT_TRUE(hart.write64(Clint::kMtime, ~std::uint64_t{0} - 3));
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, ~std::uint64_t{0} - 1));
  run(sc_time(201, SC_NS));
  EXPECT_TRUE(timer.read());
  run(sc_time(200, SC_NS));
  EXPECT_EQ(hart.read64(Clint::kMtime), 0u);
  EXPECT_FALSE(timer.read());
}

TEST_F(ClintBench, AFarMtimecmpSchedulesNothing) {
  EXPECT_TRUE(hart.write64(Clint::kMtimecmp, ~std::uint64_t{0} - 1));
  settle();
  EXPECT_FALSE(sc_core::sc_pending_activity());
  EXPECT_FALSE(timer.read());
}

TEST_F(ClintBench, IllegalAccesses) {
  EXPECT_FALSE(hart.write64(Clint::kMsip, 1));
  EXPECT_THAT(hart.reason, HasSubstr("CLINT: msip of hart 0 is 4 bytes wide"));
  hart.read8(Clint::kMtime);
  EXPECT_EQ(hart.status, tlm::TLM_BURST_ERROR_RESPONSE);
  hart.read32(Clint::kMtime + 2);
  EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  hart.read32(0x8);  // hart 2 does not exist
  EXPECT_EQ(hart.reason, "CLINT: no register at offset 0x8");
  EXPECT_EQ(clint.describe(0xbffc), "mtime");
}

}  // namespace
}  // namespace npim::peripherals
