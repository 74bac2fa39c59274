// Input for the UART that answers a prompt: bytes that start to arrive once the UART has sent a
// text, for scripted sessions that are the same each time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "peripherals/uart_input.h"

namespace npim::app {

class PromptedBytes : public peripherals::ByteSource {
 public:
  /// An empty `prompt` starts at once.
  PromptedBytes(std::string bytes, std::string prompt)
      : bytes_(std::move(bytes)), prompt_(std::move(prompt)), open_(prompt_.empty()) {}

  /// The UART sent a byte.
  void sent(char c) {
    if (open_) return;
    seen_.push_back(c);
    if (seen_.size() > prompt_.size()) seen_.erase(seen_.begin());
    open_ = seen_ == prompt_;
  }

  std::optional<std::uint8_t> next() override {
    return open_ ? bytes_.next() : std::optional<std::uint8_t>();
  }
  bool exhausted() override { return bytes_.exhausted(); }

 private:
  peripherals::FixedBytes bytes_;
  std::string prompt_, seen_;
  bool open_;
};

}  // namespace npim::app
