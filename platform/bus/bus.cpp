#include "bus/bus.h"

#include <algorithm>

#include "bus/access_error.h"

namespace npim::bus {

Bus::Bus(const sc_core::sc_module_name &name) : sc_module(name) {
  from_initiators.register_b_transport(this, &Bus::b_transport);
  from_initiators.register_transport_dbg(this, &Bus::transport_dbg);
  from_initiators.register_get_direct_mem_ptr(this, &Bus::get_direct_mem_ptr);
  to_targets_.register_invalidate_direct_mem_ptr(this, &Bus::invalidate_direct_mem_ptr);
}

Bus::Route Bus::route(const tlm::tlm_generic_payload &payload, std::string &reason) const {
  const std::uint64_t address = payload.get_address();
  const std::size_t index = map_.find(address);
  if (index == AddressMap::none()) {
    reason = "nothing is mapped there";  // who logs it says what is near: describe()
    return {nullptr, 0};
  }
  const Region &region = map_.region(index);
  const std::uint64_t length = payload.get_data_length();
  if (length > region.size - (address - region.base)) {
    reason = "access of " + std::to_string(length) + " bytes at " + hex(address) +
             " crosses the end of " + region.text();
    return {nullptr, 0};
  }
  return {&region, static_cast<int>(index)};
}

void Bus::b_transport(int, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  std::string reason;
  const Route way = route(payload, reason);
  if (way.region == nullptr) {
    refuse(payload, tlm::TLM_ADDRESS_ERROR_RESPONSE, reason);
    return;
  }
  const std::uint64_t address = payload.get_address();
  payload.set_address(address - way.region->base);
  to_targets_[way.index]->b_transport(payload, delay);
  payload.set_address(address);
}

unsigned Bus::transport_dbg(int, tlm::tlm_generic_payload &payload) {
  std::string reason;
  const Route way = route(payload, reason);
  if (way.region == nullptr) {
    refuse(payload, tlm::TLM_ADDRESS_ERROR_RESPONSE, reason);
    return 0;
  }
  const std::uint64_t address = payload.get_address();
  payload.set_address(address - way.region->base);
  const unsigned bytes = to_targets_[way.index]->transport_dbg(payload);
  payload.set_address(address);
  return bytes;
}

bool Bus::get_direct_mem_ptr(int, tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi) {
  const std::uint64_t address = payload.get_address();
  const std::size_t index = map_.find(address);
  dmi.init();
  if (index == AddressMap::none()) {
    const auto [first, last] = map_.hole(address);
    dmi.set_start_address(first);
    dmi.set_end_address(last);
    return false;
  }
  const Region &region = map_.region(index);
  payload.set_address(address - region.base);
  const bool granted = to_targets_[static_cast<int>(index)]->get_direct_mem_ptr(payload, dmi);
  payload.set_address(address);
  // A target may offer (or deny) more than the map gives it; the pointer belongs to the start
  // address, which translation moves but clipping at the end does not.
  dmi.set_start_address(region.base +
                        std::min<std::uint64_t>(dmi.get_start_address(), region.size - 1));
  dmi.set_end_address(region.base +
                      std::min<std::uint64_t>(dmi.get_end_address(), region.size - 1));
  return granted;
}

void Bus::invalidate_direct_mem_ptr(int target, sc_dt::uint64 first, sc_dt::uint64 last) {
  const Region &region = map_.region(static_cast<std::size_t>(target));
  if (first >= region.size) return;
  const std::uint64_t end = std::min<std::uint64_t>(last, region.size - 1);
  for (unsigned i = 0; i < from_initiators.size(); ++i) {
    from_initiators[static_cast<int>(i)]->invalidate_direct_mem_ptr(region.base + first,
                                                                    region.base + end);
  }
}

}  // namespace npim::bus
