// Runs firmware on the board and notes everything that may not depend on speed settings.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <sstream>
#include <string>

#include "accelerator/accelerator.h"
#include "board/board.h"
#include "config/chip_config.h"

namespace npim::test {

/// What one run shows; equal for runs that have to be equal.
struct Seen {
  std::string console;
  board::End end = board::End::kTimeout;
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
  sc_core::sc_time quantum = cpu::HartConfig().quantum;
  bool dmi = true;
  bool tracing = false;
  std::string input;
  sc_core::sc_time limit{200, sc_core::SC_MS};
};

inline Seen run_here(board::PlatformConfig config, const std::string &elf,
                     const Settings &settings) {
  config.hart.quantum = settings.quantum;
  config.hart.dmi = settings.dmi;
  board::Board board("board", config);
  std::unique_ptr<accelerator::Accelerator> chip;
  if (config.accelerator) {
    chip = std::make_unique<accelerator::Accelerator>("accelerator",
                                                      config::load_chip_config(config.chip_path));
    board.attach(*chip);
  }
  Seen seen;
  board.uart().set_sink([&](char c) { seen.console += c; });
  board.load_elf(elf);
  if (!settings.input.empty()) {
    board.set_uart_input(std::make_unique<peripherals::FixedBytes>(settings.input),
                         sc_core::sc_time(87, sc_core::SC_US));
  }
  std::uint64_t traced = 0;
  if (settings.tracing) {
    for (unsigned hart = 0; hart < board.harts(); ++hart) {
      board.hart(hart).set_tracer([&traced](const auto &...) { ++traced; });
    }
  }
  const board::RunResult result = board.run(settings.limit);
  seen.end = result.end;
  seen.time_ps = static_cast<std::uint64_t>(result.time / sc_core::sc_time(1, sc_core::SC_PS));
  for (unsigned hart = 0; hart < board.harts(); ++hart) {
    const auto statistics = board.hart(hart).statistics();
    seen.instructions += statistics.instructions;
    seen.cycles = seen.cycles * 31 + statistics.cycles;
    seen.exceptions += statistics.exceptions;
    seen.interrupts += statistics.interrupts;
    for (unsigned i = 1; i < 32; ++i) {
      seen.registers_sum = seen.registers_sum * 31 + board.hart(hart).state().x[i];
    }
  }
  if (settings.tracing) {
    EXPECT_EQ(traced, seen.instructions);
  }
  return seen;
}

/// One simulation per process: runs in a child and returns what it saw as text.
inline std::string run_in_child(const board::PlatformConfig &config, const std::string &elf,
                                const Settings &settings) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const std::string text = run_here(config, elf, settings).text();
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

}  // namespace npim::test
