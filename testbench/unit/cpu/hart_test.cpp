#include "unit/cpu/test_machine.h"

namespace npim::cpu::test {
namespace {

TEST_F(HartTest, RunsAndStops) {
  machine().put(kRam, {addi(a0, zero, 5), addi(a0, a0, 6), lui(t0, 0x10000), sw(a0, t0, 8),
                       sw(a0, t0, 0x20), addi(a0, a0, 1)});
  sc_core::sc_start();
  EXPECT_EQ(x(a0), 11u);
  EXPECT_EQ(machine().scratch, 11u);
  EXPECT_EQ(machine().hart.statistics().instructions, 5u);
  EXPECT_EQ(sc_core::sc_time_stamp(), sc_core::sc_time(4, sc_core::SC_NS));
}

}  // namespace
}  // namespace npim::cpu::test
