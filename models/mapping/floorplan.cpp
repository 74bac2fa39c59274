#include "mapping/floorplan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <sstream>
#include <vector>

#include "program/mesh.h"

namespace npim::mapping {
namespace {

constexpr int kTile = 40, kGap = 3, kMargin = 24, kTop = 84, kLine = 18;
constexpr int kRouterGap = 6;  // more, between tiles of different routers
constexpr int kLegendColumn = 350, kFoot = 6;

std::string escaped(const std::string &text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

/// Neighbouring layers get colours far apart: hues step by the golden angle, and lightness
/// alternates.
std::string colour(std::size_t layer) {
  const int hue = static_cast<int>(std::lround(static_cast<double>(layer) * 137.508)) % 360;
  const int lightness = 52 + static_cast<int>(layer % 3) * 9;
  return "hsl(" + std::to_string(hue) + ",62%," + std::to_string(lightness) + "%)";
}

struct Share {  // of a tile
  int arrays = 0;
  bool is_present = false;
};
using Tile = std::map<std::size_t, Share>;  // by layer

class Drawing {
 public:
  Drawing(const Mapping &mapping, const config::ChipConfig &chip)
      : mapping_(mapping), chip_(chip), mesh_(chip), columns_(chip.tile_columns) {
    for (const auto &segment : mapping.program.segments) {
      for (const auto &stage : segment.stages) {
        Share &share = tiles_[stage.tile][stage.layer];
        share.is_present = true;
        if (mapping.layers[stage.layer].shares_arrays) continue;
        share.arrays += static_cast<int>(stage.arrays.size());
      }
    }
  }

  std::string run() {
    for (const auto &layer : mapping_.layers) {
      if (!layer.tiles.empty()) ++entries_;
    }
    chips_ = 1 + (tiles_.empty() ? 0 : tiles_.rbegin()->first / chip_.tiles_per_chip());
    const int chip_height = chip_.tile_rows * (kTile + kGap) + mesh_.rows() * kRouterGap +
                            (chips_ > 1 ? kLine : 0) + kGap;
    grid_end_ = kTop + chips_ * chip_height;
    const int grid_width = columns_ * (kTile + kGap) + mesh_.columns() * kRouterGap;
    const int legend_columns =
        std::max(1, std::min(entries_, std::max(grid_width, 2 * kLegendColumn) / kLegendColumn));
    const int legend_rows = (entries_ + legend_columns - 1) / std::max(1, legend_columns);
    const int width = 2 * kMargin + std::max(grid_width, legend_columns * kLegendColumn);
    const int height = grid_end_ + kMargin + legend_rows * kLine + kMargin;
    out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width << "\" height=\""
         << height << "\" viewBox=\"0 0 " << width << ' ' << height
         << "\" font-family=\"sans-serif\" font-size=\"11\">\n";
    out_ << "<rect width=\"" << width << "\" height=\"" << height << "\" fill=\"white\"/>\n";
    title();
    for (int chip = 0; chip < chips_; ++chip) {
      const int top = kTop + chip * chip_height;
      if (chips_ > 1) text(kMargin, top + kLine - 6, "chip " + std::to_string(chip));
      for (int tile = 0; tile < chip_.tiles_per_chip(); ++tile) {
        const auto router = mesh_.place(static_cast<unsigned>(tile));
        draw_tile(chip * chip_.tiles_per_chip() + tile,
                  kMargin + tile % columns_ * (kTile + kGap) + router.x * kRouterGap,
                  top + (chips_ > 1 ? kLine : 0) + tile / columns_ * (kTile + kGap) +
                      router.y * kRouterGap);
      }
    }
    legend(legend_rows);
    out_ << "</svg>\n";
    return out_.str();
  }

 private:
  void rectangle(double x, double y, double width, double height, const std::string &fill) {
    char numbers[128];
    std::snprintf(numbers, sizeof numbers,
                  "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"", x, y, width,
                  height);
    out_ << numbers << " fill=\"" << fill << "\"/>\n";
  }
  void text(int x, int y, const std::string &content, const char *style = "") {
    out_ << "<text x=\"" << x << "\" y=\"" << y << "\"" << style << '>' << escaped(content)
         << "</text>\n";
  }

  void title() {
    const int arrays = chips_ * chip_.tiles_per_chip() * chip_.arrays_per_tile();
    text(kMargin, 24, mapping_.program.name + " on " + chip_.name,
         " font-size=\"16\" font-weight=\"bold\"");
    text(kMargin, 44,
         std::to_string(mapping_.arrays_used) + " of " + std::to_string(arrays) + " arrays on " +
             std::to_string(mapping_.tiles_used) + " of " +
             std::to_string(chips_ * chip_.tiles_per_chip()) + " tiles. An image moves " +
             std::to_string(mapping_.hop_bytes) +
             " bytes x routers. Tiles that stand together share a router.");
    text(kMargin, 62,
         "Height of a colour: arrays of the layer in the tile. Bars at the foot: layers without "
         "arrays.");
  }

  void draw_tile(int number, int x, int y) {
    out_ << "<g><title>tile " << number;
    const auto found = tiles_.find(number);
    if (found != tiles_.end()) {
      for (const auto &[layer, share] : found->second) {
        out_ << "\n" << escaped(mapping_.layers[layer].name) << ": " << share.arrays << " arrays";
      }
    }
    out_ << "</title>\n";
    rectangle(x, y, kTile, kTile, "#eeeeee");
    if (found != tiles_.end()) fill_tile(found->second, x, y);
    out_ << "<text x=\"" << x + 2 << "\" y=\"" << y + 9 << "\" font-size=\"8\" fill=\"#333333\">"
         << number << "</text></g>\n";
  }

  void fill_tile(const Tile &tile, int x, int y) {
    const double room = kTile - kFoot, per_array = room / chip_.arrays_per_tile();
    double top = y;
    std::vector<std::size_t> feet;
    for (const auto &[layer, share] : tile) {
      if (share.arrays == 0) {
        feet.push_back(layer);
        continue;
      }
      rectangle(x, top, kTile, share.arrays * per_array, colour(layer));
      top += share.arrays * per_array;
    }
    const double width = static_cast<double>(kTile) / static_cast<double>(feet.size() + 1);
    for (std::size_t i = 0; i < feet.size(); ++i) {
      rectangle(x + static_cast<double>(i) * width, y + room, width - 1, kFoot, colour(feet[i]));
    }
  }

  void legend(int rows) {
    int entry = 0;
    for (std::size_t i = 0; i < mapping_.layers.size(); ++i) {
      const LayerPlacement &layer = mapping_.layers[i];
      if (layer.tiles.empty()) continue;
      const int x = kMargin + entry / rows * kLegendColumn;
      const int y = grid_end_ + kMargin + entry % rows * kLine;
      ++entry;
      rectangle(x, y, 12, 12, colour(i));
      std::string name = layer.name;
      constexpr std::size_t kMostName = 34;
      if (name.size() > kMostName) name = "..." + name.substr(name.size() - kMostName + 3);
      std::string more = layer.arrays > 0 ? ", " + std::to_string(layer.arrays) + " arrays" : "";
      if (layer.replication > 1) more += ", " + std::to_string(layer.replication) + " copies";
      text(x + 18, y + 10, name + more);
    }
  }

  const Mapping &mapping_;
  const config::ChipConfig &chip_;
  const program::Mesh mesh_;
  const int columns_;
  std::map<int, Tile> tiles_;
  int chips_ = 1, entries_ = 0, grid_end_ = 0;
  std::ostringstream out_;
};

}  // namespace

std::string floorplan_svg(const Mapping &mapping, const config::ChipConfig &chip) {
  return Drawing(mapping, chip).run();
}

}  // namespace npim::mapping
