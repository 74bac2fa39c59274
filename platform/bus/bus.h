// Address-decoding interconnect: any number of initiators, one target per region of the map.
// Untimed: what a memory access costs is the initiator's cost class, so that simulated time is the
// same with and without DMI. TLM-2.0 (IEEE 1666-2011), loosely timed, base protocol.
#pragma once

#include <tlm_utils/multi_passthrough_initiator_socket.h>
#include <tlm_utils/multi_passthrough_target_socket.h>

#include <cstdint>
#include <string>
#include <systemc>
#include <tlm>

#include "bus/address_map.h"

namespace npim::bus {

class Bus : public sc_core::sc_module {
 public:
  /// Bind initiators (hart, DMA) here, in any number.
  tlm_utils::multi_passthrough_target_socket<Bus> from_initiators{"from_initiators"};

  explicit Bus(const sc_core::sc_module_name &name);

  /// Gives `target` the addresses of `region`; the target sees offsets from the region's base.
  /// Throws InputError as AddressMap::add does.
  template <typename TargetSocket>
  void map(Region region, TargetSocket &target) {
    map_.add(std::move(region));
    to_targets_.bind(target);
  }

  /// What lies at an address, for messages: see AddressMap::describe.
  std::string describe(std::uint64_t address) const { return map_.describe(address); }
  const AddressMap &address_map() const { return map_; }

 private:
  struct Route {
    const Region *region;
    int index;
  };
  /// The way to the target of a payload; nullptr region and a reason when there is none.
  Route route(const tlm::tlm_generic_payload &payload, std::string &reason) const;

  void b_transport(int initiator, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  unsigned transport_dbg(int initiator, tlm::tlm_generic_payload &payload);
  bool get_direct_mem_ptr(int initiator, tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi);
  void invalidate_direct_mem_ptr(int target, sc_dt::uint64 first, sc_dt::uint64 last);

  tlm_utils::multi_passthrough_initiator_socket<Bus> to_targets_{"to_targets"};
  AddressMap map_;
};

}  // namespace npim::bus
