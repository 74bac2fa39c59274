// The network on chip: a concentrated mesh ([NP] section 5) whose routers serve a few neighbouring
// tiles each. Packets go first along x, then along y; a hop takes the router's cycles, and a packet
// occupies each link for its flits (a header flit and the payload). A link serves packets in the
// order in which they were sent. Each node has one link into the network, too: a sender that asks
// (Posting) is told when its packet has left, and need not wait until it arrives. Routers copy a
// packet for several receivers where their ways part (unless NoC::multicast of the configuration is
// off): a link carries it once.
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
  static constexpr int kFirstNode = program::Mesh::kFirstNode;

  Router(const sc_core::sc_module_name &module_name, const Timing &timing, int router_cycles,
         int nodes)
      : sc_module(module_name),
        latency_(times(timing.noc_clock, static_cast<std::uint64_t>(router_cycles))),
        clock_(timing.noc_clock),
        links_(static_cast<std::size_t>(kFirstNode + nodes)) {}

  /// A packet and what it costs so far.
  struct Packet {
    std::uint64_t number = 0;  ///< never used before
    std::uint64_t flits = 0;
    std::uint64_t flit_hops = 0;
  };

  /// The head of a packet arrives at `head`. Returns when it has gone over link `port`.
  sc_core::sc_time forward(int port, const sc_core::sc_time &head, Packet &packet) {
    Link &link = links_[static_cast<std::size_t>(port)];
    if (link.packet == packet.number) return link.head;  // of a copy that parts later
    const sc_core::sc_time length = times(clock_, packet.flits);
    link.head = link.unit.reserve(head + latency_, length) - length + clock_;
    link.packet = packet.number;
    packet.flit_hops += packet.flits;
    return link.head;
  }

  void release() {
    for (Link &link : links_) link.unit.release();
  }
  /// Output links, as "<path>.east", "<path>.node0".
  void add_units(const std::string &path, std::vector<NamedUnit> &units);

 private:
  struct Link {
    BusyUntil unit;
    std::uint64_t packet = 0;  // that went over it last
    sc_core::sc_time head;     // and when its head had
  };
  sc_core::sc_time latency_, clock_;
  std::vector<Link> links_;
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
    for (BusyUntil &link : entries_) link.release();
    for (ChipLink &link : chip_links_) link.unit.release();
  }
  void add_units(std::vector<NamedUnit> &units);

 private:
  Router &router(int chip, int x, int y) {
    return *routers_[static_cast<std::size_t>(chip * mesh_.rows() + y) *
                         static_cast<std::size_t>(mesh_.columns()) +
                     static_cast<std::size_t>(x)];
  }
  struct ChipLink {
    BusyUntil unit;
    std::uint64_t packet = 0;  // that went over it last
    sc_core::sc_time tail;     // and when its tail had
  };
  std::uint64_t flits_of(std::uint64_t bytes) const;
  bool is_there(const tlm::tlm_generic_payload &payload) const;
  unsigned node_of(std::uint64_t address) const;
  sc_core::sc_time arrival(unsigned from, unsigned to, const sc_core::sc_time &start,
                           std::uint64_t bytes, Router::Packet &packet, const Payer &payer);
  void write(unsigned source, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  sc_core::sc_time cross_mesh(int chip, const program::Mesh::Place &at,
                              const program::Mesh::Place &end, sc_core::sc_time head,
                              Router::Packet &packet);
  void b_transport(int from, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);

  const ChipContext &context_;
  const Payer &nobody_;  ///< pays for packets that do not say who does
  const program::Mesh mesh_;
  std::uint64_t packets_ = 0;
  std::vector<std::unique_ptr<Router>> routers_;  // chip after chip
  std::vector<BusyUntil> entries_;                // of the nodes into the network
  std::vector<ChipLink> chip_links_;              // chip i to i + 1 at 2 i, back at 2 i + 1
};

}  // namespace npim::chip
