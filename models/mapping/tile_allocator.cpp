#include "mapping/tile_allocator.h"

#include <algorithm>
#include <numeric>

namespace npim::mapping {
namespace {
constexpr int kSlotsPerTile = 256;
}  // namespace

TileAllocator::TileAllocator(const config::ChipConfig &chip) : chip_(chip) {}

int TileAllocator::tile_at(int position) const {
  const int row = position / chip_.tile_columns;
  const int column = position % chip_.tile_columns;
  return row * chip_.tile_columns + (row % 2 == 0 ? column : chip_.tile_columns - 1 - column);
}

bool TileAllocator::fits(int arrays, std::int64_t edram_bytes) const {
  return next_slot_ < kSlotsPerTile && next_array_ + arrays <= chip_.arrays_per_tile() &&
         next_byte_ + edram_bytes <= chip_.edram.bytes;
}

std::optional<TileAllocator::Place> TileAllocator::take(int arrays, std::int64_t edram_bytes) {
  if (!fits(arrays, edram_bytes)) {
    ++position_;
    next_array_ = next_slot_ = 0;
    next_byte_ = 0;
  }
  if (position_ >= chip_.tiles() || !fits(arrays, edram_bytes)) return std::nullopt;
  Place place;
  place.tile = tile_at(position_);
  if (next_slot_ == 0) ++tiles_used_;
  place.slot = next_slot_++;
  place.edram_offset = next_byte_;
  next_byte_ += edram_bytes;
  most_edram_bytes_ = std::max(most_edram_bytes_, next_byte_);
  place.arrays.resize(static_cast<std::size_t>(arrays));
  std::iota(place.arrays.begin(), place.arrays.end(), next_array_);
  next_array_ += arrays;
  highest_tile_ = std::max(highest_tile_, place.tile);
  return place;
}

}  // namespace npim::mapping
