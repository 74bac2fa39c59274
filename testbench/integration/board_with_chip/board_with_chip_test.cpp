// Firmware, board and chip together: the driver's self test passes, and it sees the same values and
// times whatever the speed settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/board_run.h"
#include "support/firmware.h"

namespace npim::board {
namespace {

using sc_core::SC_NS;
using sc_core::sc_time;
using test::run_here;
using test::run_in_child;
using test::Seen;
using test::Settings;
using testing::HasSubstr;

PlatformConfig small() {
  return PlatformConfig::load(NPIM_SOURCE_DIR "/configs/platforms/demo-small.json");
}

Settings patient() {
  Settings settings;
  settings.limit = sc_time(10, sc_core::SC_SEC);
  return settings;
}

TEST(BoardWithChip, SelfTestPasses) {
  const auto elf = test::firmware("selftest");
  if (!elf) GTEST_SKIP() << "the firmware is not built";
  const Seen seen = run_here(small(), *elf, patient());
  EXPECT_EQ(seen.end, End::kPass) << seen.console;
}

TEST(BoardWithChip, SpeedSettingsChangeNothing) {
  const auto elf = test::firmware("selftest");
  if (!elf) GTEST_SKIP() << "the firmware is not built";
  const std::string expected = run_in_child(small(), *elf, patient());
  Settings settings = patient();
  for (const double quantum_ns : {10.0, 1e6}) {
    settings.quantum = sc_time(quantum_ns, SC_NS);
    EXPECT_EQ(run_in_child(small(), *elf, settings), expected) << "quantum of " << settings.quantum;
  }
  settings = patient();
  settings.dmi = false;
  EXPECT_EQ(run_in_child(small(), *elf, settings), expected) << "without DMI";
  settings = patient();
  settings.tracing = true;
  EXPECT_EQ(run_in_child(small(), *elf, settings), expected) << "with tracing";
}

}  // namespace
}  // namespace npim::board
