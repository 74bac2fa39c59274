#include "chip/noc.h"

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
                     &links_[i]});
  }
}

void Noc::add_units(std::vector<NamedUnit> &units) {
  for (std::size_t i = 0; i < routers_.size(); ++i) {
    routers_[i]->add_units("noc.router" + std::to_string(i), units);
  }
  for (std::size_t i = 0; i < chip_links_.size(); ++i) {
    units.push_back({"noc.chip_link" + std::to_string(i / 2) + (i % 2 == 0 ? ".forward" : ".back"),
                     &chip_links_[i]});
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
  chip_links_.resize(static_cast<std::size_t>(2 * (mesh_.chips() - 1)));
  from_nodes.register_b_transport(this, &Noc::b_transport);
}

/// When the tail of a packet reaches its destination.
sc_core::sc_time Noc::arrival(unsigned from, unsigned to, const sc_core::sc_time &start,
                              std::uint64_t bytes, const Payer &payer) {
  const auto flit_bits = static_cast<std::uint64_t>(context_.config.noc.flit_bits);
  const std::uint64_t flits = 1 + divide_up(8 * bytes, flit_bits);
  payer.book(cost::Part::kRouter, flits * static_cast<std::uint64_t>(mesh_.hops(from, to)));
  const program::Mesh::Place gate = mesh_.place(mesh_.controller());
  const int last = mesh_.chip(to);
  int chip = mesh_.chip(from);
  if (chip == last) return cross_mesh(chip, mesh_.place(from), mesh_.place(to), start, flits);
  sc_core::sc_time tail = cross_mesh(chip, mesh_.place(from), gate, start, flits);
  while (chip != last) {
    const bool forward = chip < last;
    payer.book(cost::Part::kLink, bytes);
    const auto link = static_cast<std::size_t>(forward ? 2 * chip : 2 * chip - 1);
    tail = chip_links_[link].reserve(tail, times(context_.timing.chip_link_byte, bytes)) +
           context_.timing.chip_link_latency;
    chip += forward ? 1 : -1;
  }
  return cross_mesh(chip, gate, mesh_.place(to), tail, flits);
}

/// Within one chip.
sc_core::sc_time Noc::cross_mesh(int chip, program::Mesh::Place at, const program::Mesh::Place &end,
                                 sc_core::sc_time head, std::uint64_t flits) {
  while (at.x != end.x) {
    const bool east = at.x < end.x;
    head = router(chip, at.x, at.y).forward(east ? Router::kEast : Router::kWest, head, flits);
    at.x += east ? 1 : -1;
  }
  while (at.y != end.y) {
    const bool south = at.y < end.y;
    head = router(chip, at.x, at.y).forward(south ? Router::kSouth : Router::kNorth, head, flits);
    at.y += south ? 1 : -1;
  }
  head = router(chip, at.x, at.y).forward(Router::kFirstNode + end.node, head, flits);
  return head + times(context_.timing.noc_clock, flits - 1);
}

void Noc::b_transport(int from, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  const unsigned tile = ChipAddress::decode(payload.get_address()).tile;
  const unsigned to = tile == program::kHost ? mesh_.controller() : tile;
  if (to > mesh_.controller()) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  const std::uint64_t bytes = payload.get_data_length();
  auto source = static_cast<unsigned>(from);
  const PaidBy *paid = payload.get_extension<PaidBy>();
  const Payer &payer = paid != nullptr ? *paid->payer : nobody_;
  // A read's data travels back from where it lies.
  delay = (payload.is_read() ? arrival(to, source, now + delay, bytes, payer)
                             : arrival(source, to, now + delay, bytes, payer)) -
          now;
  to_nodes[static_cast<int>(to)]->b_transport(payload, delay);
}

}  // namespace npim::chip
