#include "peripherals/uart.h"

namespace npim::peripherals {
namespace {

// Four characters of ten bits at 115200 baud; the divisor's clock is not modelled.
const double kCharacterTimeoutUs = 4 * 10 * 1e6 / 115200;

}  // namespace

Uart::Uart(const sc_core::sc_module_name &name) : sc_module(name) {
  socket.register_b_transport(this, &Uart::b_transport);
  socket.register_transport_dbg(this, &Uart::transport_dbg);
  add_data_registers();
  add_control_registers();
  SC_HAS_PROCESS(Uart);
  SC_METHOD(update);
  sensitive << update_;
  SC_METHOD(character_timeout);
  sensitive << timeout_;
  dont_initialize();
}

void Uart::add_data_registers() {
  bus::Register data{"RBR/THR", kRbrThr, 1};
  data.value_of = [this]() -> std::uint64_t {
    if (divisor_latch()) return divisor_ & 0xff;
    return received_.empty() ? last_received_ : received_.front();
  };
  data.on_read = [this]() -> std::uint64_t { return divisor_latch() ? divisor_ & 0xff : pop(); };
  data.on_write = [this](std::uint64_t value) {
    if (divisor_latch()) {
      divisor_ = static_cast<std::uint16_t>((divisor_ & 0xff00) | value);
    } else {
      send(static_cast<std::uint8_t>(value));
    }
    return "";
  };
  registers_.add(data);

  // The divisor's high byte shares the offset while LCR.DLAB is set.
  bus::Register ier{"IER", kIer, 1};
  ier.value_of = [this]() -> std::uint64_t { return divisor_latch() ? divisor_ >> 8 : ier_; };
  ier.on_write = [this](std::uint64_t value) {
    if (divisor_latch()) {
      divisor_ = static_cast<std::uint16_t>((divisor_ & 0x00ff) | (value << 8));
    } else {
      enable_interrupts(static_cast<std::uint8_t>(value & 0x0f));
    }
    return "";
  };
  registers_.add(ier);
}

void Uart::add_control_registers() {
  bus::Register iir{"IIR/FCR", kIirFcr, 1};
  iir.value_of = [this]() -> std::uint64_t { return pending() | (fifo_on() ? 0xc0 : 0); };
  iir.on_read = [this]() -> std::uint64_t {
    const std::uint8_t id = pending();
    if (id == kThrEmptyId) thr_empty_pending_ = false;  // reading the cause acknowledges it
    changed();
    return id | (fifo_on() ? 0xc0 : 0);
  };
  iir.on_write = [this](std::uint64_t value) {
    control_fifo(static_cast<std::uint8_t>(value));
    return "";
  };
  registers_.add(iir);
  lcr_ = &registers_.add({"LCR", kLcr, 1});

  bus::Register mcr{"MCR", kMcr, 1};
  mcr.reset = 0x08;
  mcr.writable = 0x1f;
  mcr_ = &registers_.add(mcr);

  bus::Register lsr{"LSR", kLsr, 1};
  lsr.access = bus::Access::kReadOnly;
  lsr.value_of = [this] { return line_status(); };
  lsr.on_read = [this] {
    const std::uint8_t status = line_status();
    overrun_ = false;
    changed();
    return status;
  };
  registers_.add(lsr);

  bus::Register msr{"MSR", kMsr, 1};
  msr.access = bus::Access::kReadOnly;
  msr.value_of = [this] { return modem_status(); };
  registers_.add(msr);
  registers_.add({"SCR", kScr, 1});
}

void Uart::enable_interrupts(std::uint8_t causes) {
  // The transmitter is always empty: enabling its interrupt raises it.
  if ((causes & ~ier_ & kOnThrEmpty) != 0) thr_empty_pending_ = true;
  ier_ = causes;
  changed();
}

std::size_t Uart::trigger_level() const {
  static constexpr std::size_t kLevels[] = {1, 4, 8, 14};
  return fifo_on() ? kLevels[fcr_ >> 6] : 1;
}

std::uint8_t Uart::line_status() const {
  return static_cast<std::uint8_t>(kThrEmpty | kIdle | (received_.empty() ? 0 : kDataReady) |
                                   (overrun_ ? kOverrun : 0));
}

std::uint8_t Uart::modem_status() const {
  if (!loopback()) return 0xb0;  // carrier, data set ready, clear to send: always connected
  const auto mcr = static_cast<unsigned>(mcr_->value);
  return static_cast<std::uint8_t>(((mcr & 0x0c) << 4) | ((mcr & 0x02) << 3) | ((mcr & 0x01) << 5));
}

std::uint8_t Uart::pending() const {
  if ((ier_ & kOnLineStatus) != 0 && overrun_) return kLineStatusId;
  if ((ier_ & kOnData) != 0 && !received_.empty()) {
    if (received_.size() >= trigger_level()) return kDataId;
    if (timed_out_) return kTimeoutId;
  }
  if ((ier_ & kOnThrEmpty) != 0 && thr_empty_pending_) return kThrEmptyId;
  return kNone;
}

std::uint8_t Uart::pop() {
  if (!received_.empty()) {
    last_received_ = received_.front();
    received_.pop_front();
    timed_out_ = false;
    timeout_.cancel();
    if (!received_.empty()) timeout_.notify(kCharacterTimeoutUs, sc_core::SC_US);
    changed();
  }
  return last_received_;
}

void Uart::receive(std::uint8_t byte) {
  if (received_.size() >= capacity()) {
    overrun_ = true;
    if (!fifo_on()) received_.back() = byte;  // without FIFO the new byte replaces the old one
  } else {
    received_.push_back(byte);
  }
  timeout_.cancel();
  timeout_.notify(kCharacterTimeoutUs, sc_core::SC_US);
  changed();
}

void Uart::send(std::uint8_t byte) {
  thr_empty_pending_ = true;  // cleared by the write, raised again as the byte leaves at once
  changed();
  if (loopback()) {
    receive(byte);
  } else if (sink_) {
    sink_(static_cast<char>(byte));
  }
}

void Uart::control_fifo(std::uint8_t value) {
  const bool switched = ((value ^ fcr_) & 0x01) != 0;
  fcr_ = (value & 0x01) != 0 ? value & 0xc9 : 0;
  if (switched || (value & 0x02) != 0) {
    received_.clear();
    timed_out_ = false;
    timeout_.cancel();
  }
  changed();
}

void Uart::update() {
  interrupt.write(pending() != kNone);
}

void Uart::character_timeout() {
  timed_out_ = true;
  changed();
}

void Uart::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  registers_.b_transport(payload, delay);
}

}  // namespace npim::peripherals
