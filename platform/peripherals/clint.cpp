#include "peripherals/clint.h"

namespace npim::peripherals {

Clint::Clint(const sc_core::sc_module_name &name, const sc_core::sc_time &tick)
    : sc_module(name), tick_(tick) {
  socket.register_b_transport(this, &Clint::b_transport);
  socket.register_transport_dbg(this, &Clint::transport_dbg);

  const auto changed = [this](std::uint64_t) {
    update_.notify(sc_core::SC_ZERO_TIME);
    return "";
  };
  bus::Register msip{"msip", kMsip};
  msip.writable = 1;
  msip.on_write = changed;
  msip_ = &registers_.add(msip);

  bus::Register mtimecmp{"mtimecmp", kMtimecmp, 8};
  mtimecmp.smallest_access = 4;
  mtimecmp.reset = ~std::uint64_t{0};
  mtimecmp.on_write = changed;
  mtimecmp_ = &registers_.add(mtimecmp);

  bus::Register time{"mtime", kMtime, 8};
  time.smallest_access = 4;
  time.value_at = [this](const sc_core::sc_time &now) { return mtime(now); };
  time.on_write = [this](std::uint64_t value) {
    offset_ += value - mtime(sc_core::sc_time_stamp());
    update_.notify(sc_core::SC_ZERO_TIME);
    return "";
  };
  registers_.add(time);

  SC_HAS_PROCESS(Clint);
  SC_METHOD(update);
  sensitive << update_;
}

std::uint64_t Clint::mtime(const sc_core::sc_time &now) const {
  return now.value() / tick_.value() + offset_;
}

void Clint::update() {
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  const std::uint64_t time = mtime(now);
  const std::uint64_t compare = mtimecmp_->value;
  const bool due = time >= compare;
  software.write((msip_->value & 1) != 0);
  timer.write(due);
  // The line next changes when mtime reaches mtimecmp, or, once it has, when mtime wraps to zero.
  if (due && compare == 0) return;
  const std::uint64_t ticks_left = (due ? 0 : compare) - time;
  const std::uint64_t ticks_now = now.value() / tick_.value();
  const std::uint64_t last_tick = sc_core::sc_max_time().value() / tick_.value();
  if (ticks_left > last_tick - ticks_now) return;  // beyond the end of simulated time
  update_.notify(sc_core::sc_time::from_value((ticks_now + ticks_left) * tick_.value()) - now);
}

void Clint::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  registers_.b_transport(payload, delay);
}

}  // namespace npim::peripherals
