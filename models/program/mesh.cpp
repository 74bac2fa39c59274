#include "program/mesh.h"

#include <cstdlib>

namespace npim::program {
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

Mesh::Mesh(const config::ChipConfig &chip)
    : tiles_(static_cast<unsigned>(chip.tiles())),
      tiles_per_chip_(chip.tiles_per_chip()),
      chips_(chip.chips.count),
      tile_columns_(chip.tile_columns),
      tiles_per_router_(chip.noc.tiles_per_router),
      block_columns_(block_width(chip.noc.tiles_per_router)),
      block_rows_(chip.noc.tiles_per_router / block_columns_),
      columns_(blocks(chip.tile_columns, block_columns_)),
      rows_(blocks(chip.tile_rows, block_rows_)) {}

Mesh::Place Mesh::place(unsigned node) const {
  if (node == tiles_) return {0, 0, tiles_per_router_};
  const int tile = static_cast<int>(node) % tiles_per_chip_;
  const int x = tile % tile_columns_;
  const int y = tile / tile_columns_;
  return {x / block_columns_, y / block_rows_,
          y % block_rows_ * block_columns_ + x % block_columns_};
}

int Mesh::hops(unsigned from, unsigned to) const {
  const Place a = place(from), b = place(to);
  const int links = std::abs(chip(from) - chip(to));
  if (links > 0) return a.x + a.y + 1 + (links - 1) + b.x + b.y + 1;
  return std::abs(a.x - b.x) + std::abs(a.y - b.y) + 1;
}

}  // namespace npim::program
