// The terminal as the other end of the UART's receive line.
#pragma once

#include <termios.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "peripherals/uart_input.h"

namespace npim::app {

/// Reads standard input without blocking while the hart works. Exhausted at its end.
class TerminalInput : public peripherals::ByteSource {
 public:
  struct Settings {
    /// While true, next() waits up to `interval` of host time for a byte: a guest that waits for
    /// its user then costs no host time, and its clock keeps about the pace of the user's.
    std::function<bool()> is_idle;
    std::chrono::microseconds interval{0};
    /// When set, every key reaches the guest (Ctrl-C too) but Ctrl-], which calls this.
    std::function<void()> on_escape;
  };

  explicit TerminalInput(Settings settings);
  ~TerminalInput() override;
  TerminalInput(const TerminalInput &) = delete;
  TerminalInput &operator=(const TerminalInput &) = delete;

  std::optional<std::uint8_t> next() override;
  bool exhausted() override { return ended_; }

 private:
  Settings settings_;
  std::optional<termios> saved_;
  bool ended_ = false;
};

}  // namespace npim::app
