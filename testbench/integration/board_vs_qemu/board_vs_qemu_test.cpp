// The board against QEMU's virt machine, and against itself under other speed settings, with
// firmware that touches every part that both have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "board/board.h"
#include "support/firmware.h"

namespace npim::board {
namespace {

using sc_core::SC_MS;
using sc_core::SC_NS;
using sc_core::SC_PS;
using sc_core::sc_time;
using testing::HasSubstr;

#define SKIP_WITHOUT(value, what) \
  if (!(value)) GTEST_SKIP() << what " is not there: nothing to compare with"

PlatformConfig no_chip() {
  return PlatformConfig::load(NPIM_SOURCE_DIR "/configs/platforms/no-chip.json");
}

/// What one run shows; equal for runs that have to be equal.
struct Seen {
  std::string console;
  End end = End::kTimeout;
  std::uint64_t time_ps = 0;
  std::uint64_t instructions = 0;
  std::uint64_t cycles = 0;
  std::uint64_t exceptions = 0;
  std::uint64_t interrupts = 0;
  std::uint64_t registers_sum = 0;

  std::string text() const {
    std::ostringstream out;
    out << "end " << static_cast<int>(end) << ", time " << time_ps << " ps, instructions "
        << instructions << ", cycles " << cycles << ", exceptions " << exceptions << ", interrupts "
        << interrupts << ", registers " << registers_sum << "\n"
        << console;
    return out.str();
  }
};

struct Settings {
  sc_time quantum = cpu::HartConfig().quantum;
  bool dmi = true;
  bool tracing = false;
  std::string input;
};

Seen run_here(const std::string &elf, const Settings &settings) {
  PlatformConfig config = no_chip();
  config.hart.quantum = settings.quantum;
  config.hart.dmi = settings.dmi;
  Board board("board", config);
  Seen seen;
  board.uart().set_sink([&](char c) { seen.console += c; });
  board.load_elf(elf);
  if (!settings.input.empty()) {
    board.set_uart_input(std::make_unique<peripherals::FixedBytes>(settings.input),
                         sc_time(87, sc_core::SC_US));
  }
  std::uint64_t traced = 0;
  if (settings.tracing) {
    board.hart().set_tracer([&traced](const auto &...) { ++traced; });
  }
  const RunResult result = board.run(sc_time(200, SC_MS));
  seen.end = result.end;
  seen.time_ps = static_cast<std::uint64_t>(result.time / sc_time(1, SC_PS));
  const auto statistics = board.hart().statistics();
  seen.instructions = statistics.instructions;
  seen.cycles = statistics.cycles;
  seen.exceptions = statistics.exceptions;
  seen.interrupts = statistics.interrupts;
  for (unsigned i = 1; i < 32; ++i) {
    seen.registers_sum = seen.registers_sum * 31 + board.hart().state().x[i];
  }
  if (settings.tracing) {
    EXPECT_EQ(traced, statistics.instructions);
  }
  return seen;
}

/// One simulation per process: runs in a child and returns what it saw as text.
std::string run_in_child(const std::string &elf, const Settings &settings) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const std::string text = run_here(elf, settings).text();
    const bool written =
        write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(written && !testing::Test::HasFailure() ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char chunk[4096];
  for (ssize_t size; (size = read(ends[0], chunk, sizeof chunk)) > 0;) {
    text.append(chunk, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << text;
  return text;
}

void expect_as_on_qemu(const std::string &application) {
  const auto elf = test::firmware(application);
  SKIP_WITHOUT(elf, "the firmware");
  const auto qemu = test::run_on_qemu(*elf);
  SKIP_WITHOUT(qemu, "QEMU");
  ASSERT_EQ(qemu->status, 0) << qemu->console;
  const Seen here = run_here(*elf, {});
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

TEST(Determinism, SpeedSettingsChangeNothing) {
  const auto elf = test::firmware("boardtest");
  SKIP_WITHOUT(elf, "the firmware");
  const std::string expected = run_in_child(*elf, {});
  EXPECT_THAT(expected, HasSubstr("Board test done"));
  Settings settings;
  for (const double quantum_ns : {0.0, 1.0, 37.0, 1000.0, 1e9}) {
    settings.quantum = sc_time(quantum_ns, SC_NS);
    EXPECT_EQ(run_in_child(*elf, settings), expected) << "quantum of " << settings.quantum;
  }
  settings = {};
  settings.dmi = false;
  EXPECT_EQ(run_in_child(*elf, settings), expected) << "without DMI";
  settings.quantum = sc_time(10, SC_NS);
  EXPECT_EQ(run_in_child(*elf, settings), expected) << "without DMI, quantum of 10 ns";
  settings = {};
  settings.tracing = true;
  EXPECT_EQ(run_in_child(*elf, settings), expected) << "with tracing";
}

TEST(Determinism, InputFromAFileArrivesAtTheSameInstruction) {
  const auto elf = test::firmware("boardtest");
  SKIP_WITHOUT(elf, "the firmware");
  Settings settings;
  settings.input = "abc";
  const std::string expected = run_in_child(*elf, settings);
  settings.quantum = sc_time(0, SC_NS);
  settings.dmi = false;
  EXPECT_EQ(run_in_child(*elf, settings), expected);
}

}  // namespace
}  // namespace npim::board
