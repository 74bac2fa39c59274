#include "peripherals/clint.h"

#include <string>

namespace npim::peripherals {

Clint::Clint(const sc_core::sc_module_name &name, const sc_core::sc_time &tick, unsigned harts)
    : sc_module(name), software("software", harts), timer("timer", harts), tick_(tick) {
  socket.register_b_transport(this, &Clint::b_transport);
  socket.register_transport_dbg(this, &Clint::transport_dbg);
  for (unsigned hart = 0; hart < harts; ++hart) add_hart_registers(hart);
  add_time_register();
  SC_HAS_PROCESS(Clint);
  SC_METHOD(update);
  sensitive << update_;
}

void Clint::add_hart_registers(unsigned hart) {
  const std::string suffix = timer.size() > 1 ? " of hart " + std::to_string(hart) : "";
  const auto changed = [this](std::uint64_t) {
    update_.notify(sc_core::SC_ZERO_TIME);
    return "";
  };
  bus::Register msip{"msip" + suffix, kMsip + 4 * hart};
  msip.writable = 1;
  msip.on_write = changed;
  msip_.push_back(&registers_.add(msip));

  bus::Register mtimecmp{"mtimecmp" + suffix, kMtimecmp + 8 * hart, 8};
  mtimecmp.smallest_access = 4;
  mtimecmp.reset = ~std::uint64_t{0};
  mtimecmp.on_write = changed;
  mtimecmp_.push_back(&registers_.add(mtimecmp));
}

void Clint::add_time_register() {
  bus::Register time{"mtime", kMtime, 8};
  time.smallest_access = 4;
  time.value_at = [this](const sc_core::sc_time &now) { return mtime(now); };
  time.on_write = [this](std::uint64_t value) {
    offset_ += value - mtime(sc_core::sc_time_stamp());
    update_.notify(sc_core::SC_ZERO_TIME);
    return "";
  };
  registers_.add(time);
}

std::uint64_t Clint::mtime(const sc_core::sc_time &now) const {
  return now.value() / tick_.value() + offset_;
}

void Clint::update() {
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  const std::uint64_t time = mtime(now);
  const std::uint64_t ticks_now = now.value() / tick_.value();
  const std::uint64_t last_tick = sc_core::sc_max_time().value() / tick_.value();
  for (unsigned hart = 0; hart < timer.size(); ++hart) {
    software[hart].write((msip_[hart]->value & 1) != 0);
    const auto ticks_left = update_timer(hart, time);
    // Otherwise it is beyond the end of simulated time. Of several notifications the earliest wins.
    if (!ticks_left || *ticks_left > last_tick - ticks_now) continue;
    update_.notify(sc_core::sc_time::from_value((ticks_now + *ticks_left) * tick_.value()) - now);
  }
}

std::optional<std::uint64_t> Clint::update_timer(unsigned hart, std::uint64_t time) {
  const std::uint64_t compare = mtimecmp_[hart]->value;
  const bool due = time >= compare;
  timer[hart].write(due);
  // The line next changes when mtime reaches mtimecmp, or, once it has, when mtime wraps to zero.
  if (due && compare == 0) return std::nullopt;
  return (due ? 0 : compare) - time;
}

void Clint::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  registers_.b_transport(payload, delay);
}

}  // namespace npim::peripherals
