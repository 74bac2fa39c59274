#include "chip/noc.h"

#include <cstdlib>
#include <string>

#include "chip/address.h"
#include "program/stage.h"

namespace npim::chip {
namespace {

/// The flattest block of `tiles` tiles: 4 are 2 x 2, 8 are 2 x 4.
int block_width(int tiles) {
  int width = 1;
  for (int w = 1; w * w <= tiles; ++w) {
    if (tiles % w == 0) width = w;
  }
  return width;
}

int blocks(int tiles, int block) {
  return (tiles + block - 1) / block;
}

}  // namespace

Noc::Noc(const sc_core::sc_module_name &module_name, const ChipContext &context)
    : sc_module(module_name),
      from_nodes("from_nodes"),
      to_nodes("to_nodes"),
      context_(context),
      tiles_(static_cast<unsigned>(context.config.tiles())),
      block_columns_(block_width(context.config.noc.tiles_per_router)),
      block_rows_(context.config.noc.tiles_per_router / block_columns_),
      columns_(blocks(context.config.tile_columns, block_columns_)),
      rows_(blocks(context.config.tile_rows, block_rows_)) {
  for (int i = 0; i < columns_ * rows_; ++i) {
    routers_.push_back(std::make_unique<Router>(
        ("router" + std::to_string(i)).c_str(), context.timing, context.config.noc.router_cycles,
        context.config.noc.tiles_per_router + (i == 0 ? 1 : 0)));
  }
  from_nodes.register_b_transport(this, &Noc::b_transport);
}

Noc::Place Noc::place(unsigned node) const {
  if (node == tiles_) return {0, 0, Router::kFirstNode + context_.config.noc.tiles_per_router};
  const int x = static_cast<int>(node) % context_.config.tile_columns;
  const int y = static_cast<int>(node) / context_.config.tile_columns;
  const int in_block = y % block_rows_ * block_columns_ + x % block_columns_;
  return {x / block_columns_, y / block_rows_, Router::kFirstNode + in_block};
}

int Noc::hops(unsigned from, unsigned to) const {
  const Place a = place(from), b = place(to);
  return std::abs(a.x - b.x) + std::abs(a.y - b.y) + 1;
}

/// When the tail of a packet reaches its destination.
sc_core::sc_time Noc::arrival(unsigned from, unsigned to, sc_core::sc_time head,
                              std::uint64_t bytes) {
  const auto flit_bits = static_cast<std::uint64_t>(context_.config.noc.flit_bits);
  const std::uint64_t flits = 1 + divide_up(8 * bytes, flit_bits);
  Place at = place(from);
  const Place end = place(to);
  while (at.x != end.x) {
    const bool east = at.x < end.x;
    head = router(at.x, at.y).forward(east ? Router::kEast : Router::kWest, head, flits);
    at.x += east ? 1 : -1;
  }
  while (at.y != end.y) {
    const bool south = at.y < end.y;
    head = router(at.x, at.y).forward(south ? Router::kSouth : Router::kNorth, head, flits);
    at.y += south ? 1 : -1;
  }
  head = router(at.x, at.y).forward(end.node_port, head, flits);
  return head + times(context_.timing.noc_clock, flits - 1);
}

void Noc::b_transport(int from, tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  const unsigned tile = ChipAddress::decode(payload.get_address()).tile;
  const unsigned to = tile == program::kHost ? tiles_ : tile;
  if (to > tiles_) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  const std::uint64_t bytes = payload.get_data_length();
  auto source = static_cast<unsigned>(from);
  // A read's data travels back from where it lies.
  delay = (payload.is_read() ? arrival(to, source, now + delay, bytes)
                             : arrival(source, to, now + delay, bytes)) -
          now;
  to_nodes[static_cast<int>(to)]->b_transport(payload, delay);
}

}  // namespace npim::chip
