// Published figures of a chip (configs/published/*.json), to stand beside the model's.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "cost/bill.h"

namespace npim::cost {

struct Published {
  struct Line {
    std::optional<double> power_mw, area_mm2;
  };
  std::string source;
  bool ima_parts_per_tile = false;  ///< lines of an IMA's parts are sums over the tile
  /// By part, or "imas" (of a tile), "tile", "tiles", "chip".
  std::map<std::string, Line> lines;
  std::map<std::string, double> figures;  ///< by the name that summary_figures() uses

  const Line *find(const std::string &name) const;
};

/// Throws InputError naming file and key.
Published parse_published(const config::Node &node);
Published load_published(const std::string &path);

/// What is said of a chip in one number, by name:
///   tile_gops_per_mm2, chip_gops_per_mm2, chip_gops_per_w    at peak
///   cells_per_tile_mm2, crossbar_share_percent               array density, over tile area
///   weights_per_chip
std::map<std::string, double> summary_figures(const Bill &bill);

}  // namespace npim::cost
