// The geometry of the network on chip: a concentrated mesh ([NP] section 5) in which a router
// serves a block of neighbouring tiles. Chip and mapping share it, so that the cost of moving data
// that the mapping states is counted on the ways that packets take.
#pragma once

#include "config/chip_config.h"

namespace npim::program {

class Mesh {
 public:
  explicit Mesh(const config::ChipConfig &chip);

  /// Output links of a router: to its neighbours and to each node that it serves.
  enum Port { kEast, kWest, kSouth, kNorth, kFirstNode };

  struct Place {
    int x = 0, y = 0;  ///< of the router
    int node = 0;      ///< number of the node at its router
  };
  /// Where a tile is in the mesh of its chip. Controllers of chips and the links between chips are
  /// attached to the first router.
  Place place(unsigned node) const;
  /// Calls visit(x, y, port) for every link from the router at `at` to the node at `end` of the
  /// same chip: first along x, then along y.
  template <class Visit>
  static void for_each_link(Place at, const Place &end, Visit visit) {
    while (at.x != end.x) {
      const bool east = at.x < end.x;
      visit(at.x, at.y, east ? kEast : kWest);
      at.x += east ? 1 : -1;
    }
    while (at.y != end.y) {
      const bool south = at.y < end.y;
      visit(at.x, at.y, south ? kSouth : kNorth);
      at.y += south ? 1 : -1;
    }
    visit(at.x, at.y, kFirstNode + end.node);
  }
  /// Routers that a packet passes, at least one. Between chips it passes the first routers of all
  /// chips on its way.
  int hops(unsigned from, unsigned to) const;

  /// As a node: the controller of the first chip.
  unsigned controller() const { return tiles_; }
  /// The chip that a node is on.
  int chip(unsigned node) const {
    return node == tiles_ ? 0 : static_cast<int>(node) / tiles_per_chip_;
  }
  int chips() const { return chips_; }
  int columns() const { return columns_; }
  int rows() const { return rows_; }

 private:
  unsigned tiles_;
  int tiles_per_chip_, chips_;
  int tile_columns_, tiles_per_router_;
  int block_columns_, block_rows_;  // tiles that share a router
  int columns_, rows_;              // routers
};

}  // namespace npim::program
