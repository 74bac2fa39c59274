#include "mapping/tile_allocator.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "program/mesh.h"

namespace npim::mapping {
namespace {
constexpr int kSlotsPerTile = 256;
}  // namespace

TileAllocator::TileAllocator(const config::ChipConfig &chip, int band, int look_back)
    : chip_(chip), look_back_(look_back), taken_(static_cast<std::size_t>(chip.tiles())) {
  lay_path(band);
}

void TileAllocator::lay_path(int band) {
  const program::Mesh mesh(chip_);
  const auto key = [&](int tile) {
    const program::Mesh::Place at = mesh.place(static_cast<unsigned>(tile));
    const int number = at.y / band;
    const int column = number % 2 == 0 ? at.x : mesh.columns() - 1 - at.x;
    const bool runs_up = column % 2 != 0;
    return std::make_tuple(tile / chip_.tiles_per_chip(), number, column, runs_up ? -at.y : at.y,
                           at.node);
  };
  path_.resize(taken_.size());
  std::iota(path_.begin(), path_.end(), 0);
  std::sort(path_.begin(), path_.end(), [&](int a, int b) { return key(a) < key(b); });
  positions_.resize(path_.size());
  for (std::size_t i = 0; i < path_.size(); ++i) {
    positions_[static_cast<std::size_t>(path_[i])] = static_cast<int>(i);
  }
}

bool TileAllocator::fits(int position, int arrays, std::int64_t edram_bytes) const {
  if (position < 0 || position >= chip_.tiles()) return false;
  const Taken &taken = taken_[static_cast<std::size_t>(position)];
  return taken.slots < kSlotsPerTile && taken.arrays + arrays <= chip_.arrays_per_tile() &&
         taken.edram_bytes + edram_bytes <= chip_.edram.bytes;
}

int TileAllocator::find(int arrays, std::int64_t edram_bytes) const {
  if (fits(position_, arrays, edram_bytes)) return position_;
  // Room that is left over nearby comes before a fresh tile.
  const int nearest = std::max(0, position_ - look_back_);
  for (int position = position_ - 1; position >= nearest; --position) {
    if (fits(position, arrays, edram_bytes)) return position;
  }
  if (fits(position_ + 1, arrays, edram_bytes)) return position_ + 1;
  for (int position = position_ - 1; position >= 0; --position) {
    if (fits(position, arrays, edram_bytes)) return position;
  }
  return -1;
}

TileAllocator::Place TileAllocator::take_at(int position, int arrays, std::int64_t edram_bytes) {
  Taken &taken = taken_[static_cast<std::size_t>(position)];
  Place place;
  place.tile = tile_at(position);
  place.slot = taken.slots++;
  place.edram_offset = taken.edram_bytes;
  place.arrays.resize(static_cast<std::size_t>(arrays));
  std::iota(place.arrays.begin(), place.arrays.end(), taken.arrays);
  taken.edram_bytes += edram_bytes;
  taken.arrays += arrays;
  taken.most_edram_bytes = std::max(taken.most_edram_bytes, taken.edram_bytes);
  taken.is_used = true;
  return place;
}

std::optional<TileAllocator::Place> TileAllocator::take(int arrays, std::int64_t edram_bytes) {
  const int position = find(arrays, edram_bytes);
  if (position < 0) return std::nullopt;
  position_ = std::max(position_, position);
  return take_at(position, arrays, edram_bytes);
}

std::optional<TileAllocator::Place> TileAllocator::take_on(int tile, std::int64_t edram_bytes) {
  const int position = position_of(tile);
  if (!fits(position, 0, edram_bytes)) return std::nullopt;
  return take_at(position, 0, edram_bytes);
}

std::optional<TileAllocator::Place> TileAllocator::take_beside(int tile, std::int64_t edram_bytes) {
  const int middle = position_of(tile);
  for (int distance = 0; distance <= std::max(middle, position_ - middle); ++distance) {
    for (const int position : {middle + distance, middle - distance}) {
      if (position > position_ || !fits(position, 0, edram_bytes)) continue;
      return take_at(position, 0, edram_bytes);
    }
  }
  return std::nullopt;
}

void TileAllocator::start_segment() {
  position_ = 0;
  for (int position = 0; position < chip_.tiles(); ++position) {
    Taken &taken = taken_[static_cast<std::size_t>(position)];
    taken.slots = 0;
    taken.edram_bytes = 0;
    if (taken.arrays > 0) position_ = position;
  }
}

int TileAllocator::tiles_used() const {
  return static_cast<int>(
      std::count_if(taken_.begin(), taken_.end(), [](const Taken &t) { return t.is_used; }));
}

int TileAllocator::highest_tile() const {
  int highest = -1;
  for (int position = 0; position < chip_.tiles(); ++position) {
    if (taken_[static_cast<std::size_t>(position)].is_used) {
      highest = std::max(highest, tile_at(position));
    }
  }
  return highest;
}

std::int64_t TileAllocator::most_edram_bytes() const {
  std::int64_t most = 0;
  for (const auto &taken : taken_) most = std::max(most, taken.most_edram_bytes);
  return most;
}

}  // namespace npim::mapping
