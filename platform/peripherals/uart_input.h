// Feeds bytes from a source to a UART's receiver at fixed simulated times, so that input from a
// file gives the same run each time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <systemc>

#include "peripherals/uart.h"

namespace npim::peripherals {

/// Where received bytes come from. The terminal's implementation belongs to the application.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// The next byte if one is there now. Must not block.
  virtual std::optional<std::uint8_t> next() = 0;
  /// Whether no byte will ever come again.
  virtual bool exhausted() = 0;
};

/// Bytes known before the run.
class FixedBytes : public ByteSource {
 public:
  explicit FixedBytes(std::string bytes) : bytes_(std::move(bytes)) {}
  std::optional<std::uint8_t> next() override;
  bool exhausted() override { return position_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t position_ = 0;
};

class UartInput : public sc_core::sc_module {
 public:
  /// Asks `source` for a byte every `interval` of simulated time while the UART has room, until it
  /// is exhausted. `source` must not be null.
  UartInput(const sc_core::sc_module_name &name, Uart &uart, std::unique_ptr<ByteSource> source,
            const sc_core::sc_time &interval);

 private:
  void poll();

  Uart &uart_;
  std::unique_ptr<ByteSource> source_;
  sc_core::sc_time interval_;
};

}  // namespace npim::peripherals
