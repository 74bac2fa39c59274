// The geometry of the network on chip: a concentrated mesh ([NP] section 5) in which a router
// serves a block of neighbouring tiles. Chip and mapping share it, so that the cost of moving data
// that the mapping states is counted on the ways that packets take.
#pragma once

#include "config/chip_config.h"

namespace npim::program {

class Mesh {
 public:
  explicit Mesh(const config::ChipConfig &chip);

  struct Place {
    int x = 0, y = 0;  ///< of the router
    int node = 0;      ///< number of the node at its router
  };
  /// Tiles by number; tiles() is the chip's controller, attached to the first router.
  Place place(unsigned node) const;
  /// Routers that a packet passes, at least one.
  int hops(unsigned from, unsigned to) const;

  unsigned controller() const { return tiles_; }
  int columns() const { return columns_; }
  int rows() const { return rows_; }

 private:
  unsigned tiles_;
  int tile_columns_, tiles_per_router_;
  int block_columns_, block_rows_;  // tiles that share a router
  int columns_, rows_;              // routers
};

}  // namespace npim::program
