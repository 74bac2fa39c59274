// The link between chip and host memory (HyperTransport in [NP]): a latency and a bandwidth for
// each direction. Everything between the two goes over it, to the host face's DMA engine: the
// controller's data, and the host face's own descriptors and completion records.
#pragma once

#include <tlm_utils/multi_passthrough_target_socket.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>
#include <tlm>
#include <vector>

#include "chip/chip_context.h"

namespace npim::chip {

class HostLink : public sc_core::sc_module {
 public:
  tlm_utils::multi_passthrough_target_socket<HostLink> from_chip;
  tlm_utils::simple_initiator_socket<HostLink> to_host;

  HostLink(const sc_core::sc_module_name &module_name, ChipContext &context)
      : sc_module(module_name),
        from_chip("from_chip"),
        to_host("to_host"),
        context_(context),
        payer_(context.books.open(cost::kNoTile, cost::kNoLayer)) {
    from_chip.register_b_transport(this, &HostLink::b_transport);
  }

  void add_units(std::vector<NamedUnit> &units) {
    units.push_back({"host_link.read", &reads_});
    units.push_back({"host_link.write", &writes_});
  }

 private:
  void b_transport(int, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
    const sc_core::sc_time now = sc_core::sc_time_stamp();
    const sc_core::sc_time length(payload.get_data_length() * context_.timing.link_ns_per_byte,
                                  sc_core::SC_NS);
    payer_.book(cost::Part::kLink, payload.get_data_length());
    BusyUntil &direction = payload.is_read() ? reads_ : writes_;
    delay = direction.reserve(now + delay, length) + context_.timing.link_latency - now;
    context_.wakes.sleep(delay);  // here, so that simultaneous transfers keep the chip's order
    delay = sc_core::SC_ZERO_TIME;
    to_host->b_transport(payload, delay);
  }

  ChipContext &context_;
  const Payer &payer_;
  BusyUntil reads_, writes_;
};

}  // namespace npim::chip
