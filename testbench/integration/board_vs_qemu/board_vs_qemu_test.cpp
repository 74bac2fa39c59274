// The board against QEMU's virt machine, and against itself under other speed settings, with
// firmware that touches every part that both have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "board/board.h"
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

#define SKIP_WITHOUT(value, what) \
  if (!(value)) GTEST_SKIP() << what " is not there: nothing to compare with"

PlatformConfig no_chip() {
  return PlatformConfig::load(NPIM_SOURCE_DIR "/configs/platforms/no-chip.json");
}

void expect_as_on_qemu(const std::string &application) {
  const auto elf = test::firmware(application);
  SKIP_WITHOUT(elf, "the firmware");
  const auto qemu = test::run_on_qemu(*elf);
  SKIP_WITHOUT(qemu, "QEMU");
  ASSERT_EQ(qemu->status, 0) << qemu->console;
  const Seen here = run_here(no_chip(), *elf, {});
  EXPECT_EQ(here.end, End::kPass);
  EXPECT_EQ(here.console, qemu->console);
  EXPECT_GT(here.instructions, 1000u);
}

TEST(BoardVsQemu, Hello) {
  expect_as_on_qemu("hello");
}

TEST(BoardVsQemu, BoardTest) {
  expect_as_on_qemu("boardtest");
}

PlatformConfig harts(unsigned count) {
  PlatformConfig config = no_chip();
  config.harts = count;
  return config;
}

TEST(BoardVsQemu, FourHarts) {
  const auto elf = test::firmware("harts");
  SKIP_WITHOUT(elf, "the firmware");
  const auto qemu = test::run_on_qemu(*elf, 4);
  SKIP_WITHOUT(qemu, "QEMU");
  ASSERT_EQ(qemu->status, 0) << qemu->console;
  const Seen here = run_here(harts(4), *elf, {});
  EXPECT_EQ(here.end, End::kPass);
  EXPECT_EQ(here.console, qemu->console);
}

TEST(Determinism, SpeedSettingsChangeNothingForSeveralHarts) {
  const auto elf = test::firmware("harts");
  SKIP_WITHOUT(elf, "the firmware");
  const std::string expected = run_in_child(harts(3), *elf, {});
  EXPECT_THAT(expected, HasSubstr("amoadd 15000, lr/sc 45000, locked 15000, torn 0"));
  Settings settings;
  for (const double quantum_ns : {0.0, 37.0, 1e9}) {
    settings.quantum = sc_time(quantum_ns, SC_NS);
    EXPECT_EQ(run_in_child(harts(3), *elf, settings), expected)
        << "quantum of " << settings.quantum;
  }
  settings = {};
  settings.dmi = false;
  EXPECT_EQ(run_in_child(harts(3), *elf, settings), expected) << "without DMI";
  settings = {};
  settings.tracing = true;
  EXPECT_EQ(run_in_child(harts(3), *elf, settings), expected) << "with a tracer";
  PlatformConfig plain = harts(3);
  plain.hart.block_cache = false;
  EXPECT_EQ(run_in_child(plain, *elf, {}), expected) << "without the block cache";
}

TEST(Determinism, SpeedSettingsChangeNothing) {
  const auto elf = test::firmware("boardtest");
  SKIP_WITHOUT(elf, "the firmware");
  const std::string expected = run_in_child(no_chip(), *elf, {});
  EXPECT_THAT(expected, HasSubstr("Board test done"));
  Settings settings;
  for (const double quantum_ns : {0.0, 1.0, 37.0, 1000.0, 1e9}) {
    settings.quantum = sc_time(quantum_ns, SC_NS);
    EXPECT_EQ(run_in_child(no_chip(), *elf, settings), expected)
        << "quantum of " << settings.quantum;
  }
  settings = {};
  settings.dmi = false;
  EXPECT_EQ(run_in_child(no_chip(), *elf, settings), expected) << "without DMI";
  settings.quantum = sc_time(10, SC_NS);
  EXPECT_EQ(run_in_child(no_chip(), *elf, settings), expected) << "without DMI, quantum of 10 ns";
  settings = {};
  settings.tracing = true;
  EXPECT_EQ(run_in_child(no_chip(), *elf, settings), expected) << "with tracing";
}

TEST(Determinism, InputFromAFileArrivesAtTheSameInstruction) {
  const auto elf = test::firmware("boardtest");
  SKIP_WITHOUT(elf, "the firmware");
  Settings settings;
  settings.input = "abc";
  const std::string expected = run_in_child(no_chip(), *elf, settings);
  settings.quantum = sc_time(0, SC_NS);
  settings.dmi = false;
  EXPECT_EQ(run_in_child(no_chip(), *elf, settings), expected);
}

}  // namespace
}  // namespace npim::board
