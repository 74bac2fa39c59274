#include "peripherals/uart_input.h"

namespace npim::peripherals {

std::optional<std::uint8_t> FixedBytes::next() {
  if (exhausted()) return std::nullopt;
  return static_cast<std::uint8_t>(bytes_[position_++]);
}

UartInput::UartInput(const sc_core::sc_module_name &name, Uart &uart,
                     std::unique_ptr<ByteSource> source, const sc_core::sc_time &interval)
    : sc_module(name), uart_(uart), source_(std::move(source)), interval_(interval) {
  SC_HAS_PROCESS(UartInput);
  SC_METHOD(poll);
}

void UartInput::poll() {
  if (uart_.can_receive()) {
    if (const auto byte = source_->next()) uart_.receive(*byte);
  }
  if (!source_->exhausted()) next_trigger(interval_);
}

}  // namespace npim::peripherals
