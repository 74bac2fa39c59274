// How long one window occupies the arrays of a tile that is full of work: the period of the window
// pipeline, from which peak throughput follows ([NP] section 5.2, [IS] Fig. 4).
#pragma once

#include <cstdint>

#include "config/chip_config.h"

namespace npim::cost {

struct WindowCycle {
  double input_cycle_ns = 0;  ///< of one input slice; converters or NNS+As may make it longer
  int input_cycles = 0;
  double copy_ns = 0;       ///< before the first slice, when it does not overlap
  double converter_ns = 0;  ///< that the tile's converters need for one window of all its arrays
  double period_ns = 0;     ///< from one window to the next
};

/// Of a tile all of whose arrays are used.
WindowCycle window_cycle(const config::ChipConfig &chip);

/// Conversions that one window takes in one full array.
std::int64_t conversions_per_array(const config::ChipConfig &chip);

/// Multiplications and additions per second of a full tile, in GOPS.
double tile_gops(const config::ChipConfig &chip);

}  // namespace npim::cost
