#include "app/terminal_input.h"

#include <poll.h>
#include <unistd.h>

namespace npim::app {

std::optional<std::uint8_t> TerminalInput::next() {
  pollfd terminal = {STDIN_FILENO, POLLIN, 0};
  if (ended_ || poll(&terminal, 1, 0) <= 0) return std::nullopt;
  std::uint8_t byte = 0;
  if (read(STDIN_FILENO, &byte, 1) == 1) return byte;
  ended_ = true;
  return std::nullopt;
}

}  // namespace npim::app
