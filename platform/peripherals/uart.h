// UART 16550A with 8-bit registers at a stride of one byte, as on QEMU's virt machine (National
// Semiconductor PC16550D data sheet). A byte written to THR is sent at once, so the transmitter is
// always ready: simulated time is not spent on the line rate.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <systemc>
#include <tlm>

#include "bus/register_file.h"

namespace npim::peripherals {

class Uart : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kSize = 0x100;
  static constexpr std::size_t kFifoDepth = 16;

  enum Offset : std::uint64_t { kRbrThr, kIer, kIirFcr, kLcr, kMcr, kLsr, kMsr, kScr };
  enum LineStatus : std::uint8_t {
    kDataReady = 0x01,
    kOverrun = 0x02,
    kThrEmpty = 0x20,
    kIdle = 0x40
  };
  enum InterruptEnable : std::uint8_t { kOnData = 0x01, kOnThrEmpty = 0x02, kOnLineStatus = 0x04 };
  enum InterruptId : std::uint8_t {
    kNone = 0x01,
    kThrEmptyId = 0x02,
    kDataId = 0x04,
    kLineStatusId = 0x06,
    kTimeoutId = 0x0c
  };

  tlm_utils::simple_target_socket<Uart> socket{"socket"};
  sc_core::sc_out<bool> interrupt{"interrupt"};

  explicit Uart(const sc_core::sc_module_name &name);

  /// Where sent bytes go; without one they are dropped.
  void set_sink(std::function<void(char)> sink) { sink_ = std::move(sink); }

  /// A byte arrives on the line, at the simulated time of the calling process. A full FIFO loses it
  /// and sets LSR.OE.
  void receive(std::uint8_t byte);
  /// Whether the next byte would not be lost.
  bool can_receive() const { return received_.size() < capacity(); }

  std::string describe(std::uint64_t offset) const { return registers_.name_at(offset); }

 private:
  void add_data_registers();
  void add_control_registers();
  bool divisor_latch() const { return (lcr_->value & 0x80) != 0; }
  bool fifo_on() const { return (fcr_ & 0x01) != 0; }
  bool loopback() const { return (mcr_->value & 0x10) != 0; }
  std::size_t capacity() const { return fifo_on() ? kFifoDepth : 1; }
  std::size_t trigger_level() const;
  std::uint8_t line_status() const;
  std::uint8_t modem_status() const;
  /// The interrupt of the highest priority that is enabled and pending.
  std::uint8_t pending() const;

  std::uint8_t pop();
  void send(std::uint8_t byte);
  void enable_interrupts(std::uint8_t causes);
  void control_fifo(std::uint8_t value);
  void changed() { update_.notify(sc_core::SC_ZERO_TIME); }
  void update();
  void character_timeout();

  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  unsigned transport_dbg(tlm::tlm_generic_payload &payload) {
    return registers_.transport_dbg(payload);
  }

  bus::RegisterFile registers_{"UART 16550"};
  bus::Register *lcr_ = nullptr;
  bus::Register *mcr_ = nullptr;
  std::uint8_t ier_ = 0;
  std::uint8_t fcr_ = 0;
  std::uint16_t divisor_ = 0x0c;
  std::deque<std::uint8_t> received_;
  std::uint8_t last_received_ = 0;
  bool overrun_ = false;
  bool thr_empty_pending_ = false;
  bool timed_out_ = false;  ///< bytes below the trigger level have waited for four character times
  std::function<void(char)> sink_;
  sc_core::sc_event update_{"update_event"};
  sc_core::sc_event timeout_{"timeout_event"};
};

}  // namespace npim::peripherals
