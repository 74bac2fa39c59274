// The design space of [NP] Fig. 11: a grid of chips around a base configuration, each judged by its
// peak computation efficiency (GOPS/s/mm2) and energy efficiency (GOPS/s/W) over the area and power
// of the tiles. Points are independent and are computed on all cores; an interrupted sweep goes on
// from the rows that its file holds.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/chip_config.h"
#include "cost/component.h"

namespace npim::analysis {

/// Coordinates, in the order of kAxes.
struct DesignPoint {
  int array_size = 128;  ///< rows and columns
  int arrays = 64;       ///< in a tile
  int nnadcs = 4;        ///< in a tile
  int nnsas = 64;        ///< in a tile
  int dac_bits = 4;
  bool operator==(const DesignPoint &o) const;
};
/// "N128-D4-A4-S64-M64", the paper's notation with the arrays at the end.
std::string to_text(const DesignPoint &point);

constexpr std::size_t kAxisCount = 5;
constexpr std::array<const char *, kAxisCount> kAxes = {"array_size", "arrays", "nnadcs", "nnsas",
                                                        "dac_bits"};

struct DesignResult {
  DesignPoint point;
  double period_ns = 0;
  double tile_area_mm2 = 0, tile_power_mw = 0;
  double gops_per_mm2 = 0, gops_per_w = 0;
  double converter_use = 0;  ///< part of the window period that the NNADCs work
};

/// Points in one sweep at most.
constexpr std::int64_t kMostPoints = 100000;

struct Sweep {
  std::string name;
  config::ChipConfig base;
  std::array<std::vector<int>, kAxisCount> axes;
  bool edram_follows_arrays = false;
  struct Published {
    std::string source;
    DesignPoint best;
    double gops_per_mm2 = 0;
  };
  std::optional<Published> published;

  std::int64_t size() const;
  DesignPoint point(std::int64_t index) const;  ///< the last axis runs fastest
};

/// Throws InputError naming file and axis: an empty axis, values out of range, too many points.
Sweep load_sweep(const std::string &path);
Sweep parse_sweep(const config::Node &node);

/// The base chip with the point's sizes. Registers hold a byte for every row and two for every
/// vector, as in the base chip.
config::ChipConfig chip_at(const Sweep &sweep, const DesignPoint &point);
DesignResult judge(const Sweep &sweep, const cost::ComponentLibrary &library,
                   const DesignPoint &point);

/// Computes all points but those in `done` on `threads` threads; `report` is called for one result
/// at a time, in any order. Exceptions of a point end the sweep and come out here.
void run_sweep(const Sweep &sweep, const cost::ComponentLibrary &library, int threads,
               const std::set<std::int64_t> &done,
               const std::function<void(std::int64_t, const DesignResult &)> &report);

/// Indices of results that no other beats in both efficiencies, best computation efficiency first.
std::vector<std::size_t> pareto_front(const std::vector<DesignResult> &results);

}  // namespace npim::analysis
