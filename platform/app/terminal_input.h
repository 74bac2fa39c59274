// The terminal as the other end of the UART's receive line.
#pragma once

#include <memory>
#include <optional>

#include "peripherals/uart_input.h"

namespace npim::app {

/// Reads standard input without blocking. Exhausted at its end.
class TerminalInput : public peripherals::ByteSource {
 public:
  std::optional<std::uint8_t> next() override;
  bool exhausted() override { return ended_; }

 private:
  bool ended_ = false;
};

}  // namespace npim::app
