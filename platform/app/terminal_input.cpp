#include "app/terminal_input.h"

#include <poll.h>
#include <unistd.h>

namespace npim::app {
namespace {

constexpr std::uint8_t kEscape = 0x1d;  // Ctrl-]

}  // namespace

TerminalInput::TerminalInput(Settings settings) : settings_(std::move(settings)) {
  termios now;
  if (!settings_.on_escape || tcgetattr(STDIN_FILENO, &now) != 0) return;
  saved_ = now;
  now.c_iflag &= ~static_cast<tcflag_t>(ICRNL | IXON);
  now.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
  tcsetattr(STDIN_FILENO, TCSANOW, &now);
}

TerminalInput::~TerminalInput() {
  if (saved_) tcsetattr(STDIN_FILENO, TCSANOW, &*saved_);
}

std::optional<std::uint8_t> TerminalInput::next() {
  pollfd terminal = {STDIN_FILENO, POLLIN, 0};
  timespec patience = {0, 0};
  if (settings_.is_idle && settings_.is_idle())
    patience.tv_nsec = settings_.interval.count() * 1000;
  if (ended_ || ppoll(&terminal, 1, &patience, nullptr) <= 0) return std::nullopt;
  std::uint8_t byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) {
    ended_ = true;
    return std::nullopt;
  }
  if (settings_.on_escape && byte == kEscape) {
    settings_.on_escape();
    return std::nullopt;
  }
  return byte;
}

}  // namespace npim::app
