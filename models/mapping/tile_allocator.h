// Hands out arrays, stage slots and eDRAM of the chip's tiles, in the order of a snake through the
// grid of routers, all tiles of a router before the next: consecutive stages lie on the same or on
// neighbouring tiles, which keeps their traffic short. When no fresh tile is left, room that
// earlier stages left over is used, nearest first.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/chip_config.h"

namespace npim::mapping {

class TileAllocator {
 public:
  /// `chip` must outlive the allocator. The snake goes through bands of `band` rows of routers, up
  /// and down from column to column, one band to the right and the next to the left. Room on the
  /// last `look_back` tiles is used before a fresh tile is.
  explicit TileAllocator(const config::ChipConfig &chip, int band = 1, int look_back = 0);

  struct Place {
    int tile = 0;
    int slot = 0;
    std::int64_t edram_offset = 0;
    std::vector<int> arrays;  ///< indices in the tile
  };

  /// Takes `arrays` arrays and `edram_bytes` on one tile. Empty when no tile has room.
  std::optional<Place> take(int arrays, std::int64_t edram_bytes);

  /// As take() without arrays, on a given tile.
  std::optional<Place> take_on(int tile, std::int64_t edram_bytes);

  /// The same near a tile on which something has been placed: on it, or on the nearest one of those
  /// in use that has room.
  std::optional<Place> take_beside(int tile, std::int64_t edram_bytes);

  /// Another control program: slots and eDRAM are free again, arrays keep their weights.
  void start_segment();

  int tiles_used() const;
  int highest_tile() const;
  /// eDRAM bytes taken on the fullest tile.
  std::int64_t most_edram_bytes() const;

 private:
  /// What is taken of one tile, always from the front.
  struct Taken {
    int arrays = 0;
    int slots = 0;
    std::int64_t edram_bytes = 0;
    std::int64_t most_edram_bytes = 0;  ///< of any segment
    bool is_used = false;
  };

  void lay_path(int band);
  int tile_at(int position) const { return path_[static_cast<std::size_t>(position)]; }
  int position_of(int tile) const { return positions_[static_cast<std::size_t>(tile)]; }
  Place take_at(int position, int arrays, std::int64_t edram_bytes);
  bool fits(int position, int arrays, std::int64_t edram_bytes) const;
  /// The place in the snake to use, or -1.
  int find(int arrays, std::int64_t edram_bytes) const;

  const config::ChipConfig &chip_;
  const int look_back_;
  std::vector<int> path_, positions_;  ///< tile numbers by place in the snake, and the inverse
  std::vector<Taken> taken_;           ///< by place in the snake
  int position_ = 0;
};

}  // namespace npim::mapping
