#include "app/occupancy.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace npim::app {
namespace {

struct Occupant {
  boost::json::array layers;
  double arrays = 0, busy = 0, energy_pj = 0;
};

/// The tile at a place of the snake: even grid rows run right, odd ones left.
int tile_at(int place, const config::ChipConfig &chip) {
  const int first = place - place % chip.tiles_per_chip(), inside = place - first;
  const int row = inside / chip.tile_columns, step = inside % chip.tile_columns;
  const int column = row % 2 == 0 ? step : chip.tile_columns - 1 - step;
  return first + row * chip.tile_columns + column;
}

/// Adds what a layer puts on the tiles that it lies on.
void place_layer(std::size_t number, const analysis::LayerPlan &layer, double busy, double pj,
                 const config::ChipConfig &chip, std::map<int, Occupant> &tiles) {
  const double per_tile = chip.arrays_per_tile();
  const double arrays = static_cast<double>(layer.arrays * layer.copies);
  const double begin = layer.middle_tile - arrays / per_tile / 2;
  const double end = layer.middle_tile + arrays / per_tile / 2;
  const double edge = 1e-9 * (1 + end);  // places are sums of fractions
  for (int place = static_cast<int>(std::floor(begin + edge)); place < end - edge; ++place) {
    const double part = std::min<double>(end, place + 1) - std::max<double>(begin, place);
    Occupant &tile = tiles[tile_at(place, chip)];
    tile.layers.push_back(number);
    tile.arrays += part * per_tile;
    tile.busy += part * busy;
    tile.energy_pj += pj * part * per_tile / arrays;
  }
}

}  // namespace

boost::json::array tiles_json(const analysis::Workload &work, const analysis::Plan &plan,
                              const config::ChipConfig &chip, const cost::Energy &energy) {
  std::map<int, Occupant> tiles;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const auto &layer = plan.layers[i];
    const auto booked = energy.by_layer.find(static_cast<int>(i));
    const double work_ns = static_cast<double>(work.layers[i].windows) * layer.window_ns;
    const double busy = std::min(1.0, work_ns / static_cast<double>(layer.copies) / plan.image_ns);
    place_layer(i, layer, busy, booked == energy.by_layer.end() ? 0 : booked->second, chip, tiles);
  }
  boost::json::array json;
  for (auto &[number, tile] : tiles) {
    json.push_back({{"tile", number},
                    {"layers", std::move(tile.layers)},
                    {"arrays_used", tile.arrays},
                    {"busy", tile.busy},
                    {"energy_pj", tile.energy_pj}});
  }
  return json;
}

}  // namespace npim::app
