#include "peripherals/finisher.h"

#include "bus/address_map.h"

namespace npim::peripherals {

Finisher::Finisher(const sc_core::sc_module_name &name) : sc_module(name) {
  socket.register_b_transport(this, &Finisher::b_transport);
  socket.register_transport_dbg(this, &Finisher::transport_dbg);
  bus::Register finish;
  finish.name = "FINISH";
  finish.smallest_access = 2;
  finish.value_of = [] { return 0; };
  finish.on_write = [this](std::uint64_t value) {
    return this->finish(static_cast<std::uint32_t>(value));
  };
  registers_.add(finish);
}

std::string Finisher::finish(std::uint32_t value) {
  switch (value & 0xffff) {
    case kPass:
      outcome_ = Outcome::kPass;
      return "";
    case kFail:
      outcome_ = Outcome::kFail;
      exit_code_ = static_cast<int>(value >> 16);
      return "";
    case kReset:
      outcome_ = Outcome::kReset;
      return "";
    default:
      return bus::hex(value) + " is none of pass (0x5555), fail (0x3333), reset (0x7777)";
  }
}

void Finisher::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  registers_.b_transport(payload, delay);
  if (outcome_ == Outcome::kNone || !payload.is_write() || !payload.is_response_ok()) return;
  sc_core::sc_stop();  // takes effect when the initiator next waits
}

}  // namespace npim::peripherals
