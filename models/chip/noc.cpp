#include "chip/noc.h"

#include <algorithm>
#include <string>

#include "chip/address.h"
#include "chip/payload.h"
#include "program/stage.h"

namespace npim::chip {

void Router::add_units(const std::string &path, std::vector<NamedUnit> &units) {
  constexpr const char *kNames[kFirstNode] = {".east", ".west", ".south", ".north"};
  for (std::size_t i = 0; i < links_.size(); ++i) {
    units.push_back({path + (i < kFirstNode ? std::string(kNames[i])
                                            : ".node" + std::to_string(i - kFirstNode)),
                     &links_[i].unit});
  }
}

void Noc::add_units(std::vector<NamedUnit> &units) {
  for (std::size_t i = 0; i < routers_.size(); ++i) {
    routers_[i]->add_units("noc.router" + std::to_string(i), units);
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const bool is_tile = i < entries_.size() - 1;
    units.push_back(
        {is_tile ? "noc.entry" + std::to_string(i) : "noc.entry_controller", &entries_[i]});
  }
  for (std::size_t i = 0; i < chip_links_.size(); ++i) {
    units.push_back({"noc.chip_link" + std::to_string(i / 2) + (i % 2 == 0 ? ".forward" : ".back"),
                     &chip_links_[i].unit});
  }
}

Noc::Noc(const sc_core::sc_module_name &module_name, ChipContext &context)
    : sc_module(module_name),
      from_nodes("from_nodes"),
      to_nodes("to_nodes"),
      context_(context),
      nobody_(context.books.open(cost::kNoTile, cost::kNoLayer)),
      mesh_(context.config) {
  // The first router of a chip has one more node: the controller, and what leads to other chips.
  const int routers = mesh_.columns() * mesh_.rows();
  for (int i = 0; i < routers * mesh_.chips(); ++i) {
    routers_.push_back(std::make_unique<Router>(
        ("router" + std::to_string(i)).c_str(), context.timing, context.config.noc.router_cycles,
        context.config.noc.tiles_per_router + (i % routers == 0 ? 1 : 0)));
  }
  entries_.resize(mesh_.controller() + 1);
  chip_links_.resize(static_cast<std::size_t>(2 * (mesh_.chips() - 1)));
  from_nodes.register_b_transport(this, &Noc::b_transport);
}

/// A header and the data.
std::uint64_t Noc::flits_of(std::uint64_t bytes) const {
  return 1 + divide_up(8 * bytes, static_cast<std::uint64_t>(context_.config.noc.flit_bits));
}

unsigned Noc::node_of(std::uint64_t address) const {
  const unsigned tile = ChipAddress::decode(address).tile;
  return tile == program::kHost ? mesh_.controller() : tile;
}

/// When the tail of a packet reaches one of its destinations.
sc_core::sc_time Noc::arrival(unsigned from, unsigned to, const sc_core::sc_time &start,
                              std::uint64_t bytes, Router::Packet &packet, const Payer &payer) {
  const program::Mesh::Place gate = mesh_.place(mesh_.controller());
  const int last = mesh_.chip(to);
  int chip = mesh_.chip(from);
  if (chip == last) return cross_mesh(chip, mesh_.place(from), mesh_.place(to), start, packet);
  sc_core::sc_time tail = cross_mesh(chip, mesh_.place(from), gate, start, packet);
  while (chip != last) {
    const bool forward = chip < last;
    ChipLink &link = chip_links_[static_cast<std::size_t>(forward ? 2 * chip : 2 * chip - 1)];
    const bool passes = chip != mesh_.chip(from);
    chip += forward ? 1 : -1;
    if (link.packet != packet.number) {
      payer.book(cost::Part::kLink, bytes);
      // Chips in between pass it from link to link through their first router.
      if (passes) packet.flit_hops += packet.flits;
      link.tail = link.unit.reserve(tail, times(context_.timing.chip_link_byte, bytes)) +
                  context_.timing.chip_link_latency;
      link.packet = packet.number;
    }
    tail = link.tail;
  }
  return cross_mesh(chip, gate, mesh_.place(to), tail, packet);
}

/// Within one chip.
sc_core::sc_time Noc::cross_mesh(int chip, const program::Mesh::Place &at,
                                 const program::Mesh::Place &end, sc_core::sc_time head,
                                 Router::Packet &packet) {
  program::Mesh::for_each_link(at, end, [&](int x, int y, int port) {
    head = router(chip, x, y).forward(port, head, packet);
  });
  return head + times(context_.timing.noc_clock, packet.flits - 1);
}

void Noc::b_transport(int from, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  const auto source = static_cast<unsigned>(from);
  if (!is_there(payload)) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
  } else if (payload.is_read()) {
    // The data travels back from where it lies.
    const unsigned to = node_of(payload.get_address());
    const sc_core::sc_time now = sc_core::sc_time_stamp();
    const std::uint64_t bytes = payload.get_data_length();
    Router::Packet packet = {++packets_, flits_of(bytes), 0};
    delay = arrival(to, source, now + delay, bytes, packet, nobody_) - now;
    nobody_.book(cost::Part::kRouter, packet.flit_hops);
    to_nodes[static_cast<int>(to)]->b_transport(payload, delay);
  } else {
    write(source, payload, delay);
  }
}

bool Noc::is_there(const tlm::tlm_generic_payload &payload) const {
  if (node_of(payload.get_address()) > mesh_.controller()) return false;
  const Posting *posting = payload.get_extension<Posting>();
  return posting == nullptr ||
         std::all_of(posting->further.begin(), posting->further.end(),
                     [this](std::uint64_t at) { return node_of(at) <= mesh_.controller(); });
}

/// Of several receivers, the payload's own is served first; what it says of time and response is
/// what the sender learns, unless a later one does not accept the packet.
void Noc::write(unsigned source, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  const std::uint64_t bytes = payload.get_data_length(), address = payload.get_address();
  Posting *posting = payload.get_extension<Posting>();
  const Payer &payer = posting != nullptr ? *posting->payer : nobody_;
  Router::Packet packet = {++packets_, flits_of(bytes), 0};
  const sc_core::sc_time length = times(context_.timing.noc_clock, packet.flits);
  const sc_core::sc_time left = entries_[source].reserve(now + delay, length);
  const auto deliver = [&](std::uint64_t to_address, sc_core::sc_time &after) {
    const unsigned to = node_of(to_address);
    after = arrival(source, to, left - length, bytes, packet, payer) - now;
    payload.set_address(to_address);
    to_nodes[static_cast<int>(to)]->b_transport(payload, after);
  };
  deliver(address, delay);
  if (posting != nullptr) {
    posting->left = left;
    for (const std::uint64_t further : posting->further) {
      if (!payload.is_response_ok()) break;
      sc_core::sc_time after;
      deliver(further, after);
    }
  }
  payload.set_address(address);
  payer.book(cost::Part::kRouter, packet.flit_hops);
}

}  // namespace npim::chip
