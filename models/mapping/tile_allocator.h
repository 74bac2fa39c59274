// Hands out arrays, stage slots and eDRAM of the chip's tiles, in the order of a snake through the
// tile grid: consecutive stages lie on the same or on neighbouring tiles, which keeps their traffic
// short.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/chip_config.h"

namespace npim::mapping {

class TileAllocator {
 public:
  explicit TileAllocator(const config::ChipConfig &chip);

  struct Place {
    int tile = 0;
    int slot = 0;
    std::int64_t edram_offset = 0;
    std::vector<int> arrays;  ///< indices in the tile
  };

  /// Takes `arrays` arrays and `edram_bytes` on one tile: the current one when both fit, else the
  /// next. Empty when no tile is left. Both must fit an empty tile.
  std::optional<Place> take(int arrays, std::int64_t edram_bytes);

  int tiles_used() const { return tiles_used_; }
  int highest_tile() const { return highest_tile_; }
  /// eDRAM bytes taken on the fullest tile.
  std::int64_t most_edram_bytes() const { return most_edram_bytes_; }

 private:
  /// The tile number at a place in the snake: even grid rows run right, odd ones left.
  int tile_at(int position) const;
  bool fits(int arrays, std::int64_t edram_bytes) const;

  const config::ChipConfig &chip_;
  int position_ = 0;
  int next_array_ = 0, next_slot_ = 0;
  std::int64_t next_byte_ = 0, most_edram_bytes_ = 0;
  int tiles_used_ = 0, highest_tile_ = -1;
};

}  // namespace npim::mapping
