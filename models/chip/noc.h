// The network on chip: a concentrated mesh ([NP] section 5) whose routers serve a few neighbouring
// tiles each. Packets go first along x, then along y; a hop takes the router's cycles, and a packet
// occupies each link for its flits (a header flit and the payload). A link serves packets in the
// order in which they were sent.
//
// Several chips (ChipConfig::Chips) have a mesh each. The first router of each chip leads to the
// links to the chips before and after it in the chain; a packet enters a link when its tail has
// left the mesh, and is stored and forwarded by the chips in between.
#pragma once

#include <tlm_utils/multi_passthrough_initiator_socket.h>
#include <tlm_utils/multi_passthrough_target_socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "chip/chip_context.h"
#include "program/mesh.h"

namespace npim::chip {

/// One router: its output links, four to neighbours and one to each node that it serves.
class Router : public sc_core::sc_module {
 public:
  enum Port { kEast, kWest, kSouth, kNorth, kFirstNode };

  Router(const sc_core::sc_module_name &module_name, const Timing &timing, int router_cycles,
         int nodes)
      : sc_module(module_name),
        latency_(times(timing.noc_clock, static_cast<std::uint64_t>(router_cycles))),
        clock_(timing.noc_clock),
        links_(static_cast<std::size_t>(kFirstNode + nodes)) {}

  /// A packet's head arrives at `head`. Returns when it has gone over link `port`.
  sc_core::sc_time forward(int port, const sc_core::sc_time &head, std::uint64_t flits) {
    const sc_core::sc_time length = times(clock_, flits);
    const sc_core::sc_time end =
        links_[static_cast<std::size_t>(port)].reserve(head + latency_, length);
    return end - length + clock_;
  }

  void release() {
    for (BusyUntil &link : links_) link.release();
  }
  /// Output links, as "<path>.east", "<path>.node0".
  void add_units(const std::string &path, std::vector<NamedUnit> &units);

 private:
  sc_core::sc_time latency_, clock_;
  std::vector<BusyUntil> links_;
};

class Noc : public sc_core::sc_module {
 public:
  /// Bind one socket of each kind per tile, in tile order, then those of the controller, which is
  /// attached to the first router.
  tlm_utils::multi_passthrough_target_socket<Noc> from_nodes;
  tlm_utils::multi_passthrough_initiator_socket<Noc> to_nodes;

  Noc(const sc_core::sc_module_name &module_name, ChipContext &context);

  int hops(unsigned from, unsigned to) const { return mesh_.hops(from, to); }
  /// Forgets what is reserved.
  void release() {
    for (auto &router : routers_) router->release();
    for (BusyUntil &link : chip_links_) link.release();
  }
  void add_units(std::vector<NamedUnit> &units);

 private:
  Router &router(int chip, int x, int y) {
    return *routers_[static_cast<std::size_t>(chip * mesh_.rows() + y) *
                         static_cast<std::size_t>(mesh_.columns()) +
                     static_cast<std::size_t>(x)];
  }
  sc_core::sc_time arrival(unsigned from, unsigned to, const sc_core::sc_time &start,
                           std::uint64_t bytes, const Payer &payer);
  sc_core::sc_time cross_mesh(int chip, program::Mesh::Place at, const program::Mesh::Place &end,
                              sc_core::sc_time head, std::uint64_t flits);
  void b_transport(int from, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);

  const ChipContext &context_;
  const Payer &nobody_;  ///< pays for packets that do not say who does
  const program::Mesh mesh_;
  std::vector<std::unique_ptr<Router>> routers_;  // chip after chip
  std::vector<BusyUntil> chip_links_;             // chip i to i + 1 at 2 i, back at 2 i + 1
};

}  // namespace npim::chip
