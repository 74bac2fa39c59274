// How many copies of its weights each layer gets. A layer takes windows / copies pipeline cycles
// per image, and the slowest layer sets the pace of all, because images stream through the chip. As
// in ISAAC ([IS] section 5, which [NP] section 5 follows): the last convolution gets one copy and,
// working back, each stride multiplies the copies by its area, so that all layers take equal time.
// Equivalently: copies = windows / pace for one pace that all layers share, which also covers
// networks with branches. Copies work on neighbouring windows of one row, so a layer cannot have
// more of them than its rows have windows, and no pace is faster than the rows of the tallest
// layer.
#pragma once

#include <cstdint>
#include <vector>

#include "config/chip_config.h"
#include "network/quantised.h"

namespace npim::mapping {

enum class Replication {
  kNone,      ///< every weight once
  kBalanced,  ///< equally fast layers, at the pace that arrays and links allow
};

/// Copies of a layer's weights, or windows that it computes at a time, for a pace in windows per
/// image and copy.
int copies_for_pace(const network::Layer &layer, std::int64_t pace);

/// From one window of a copy to its next one.
double window_period_ns(const config::ChipConfig &chip);

/// Strips of a layer's width so that the network brings the input of each strip within an image's
/// time at that pace: a tile's link carries a flit per clock.
int strips_for_pace(const network::Layer &layer, const config::ChipConfig &chip, std::int64_t pace);

/// The paces worth trying, fastest first; the last one needs no copies.
std::vector<std::int64_t> paces(const network::QuantisedNetwork &network);

}  // namespace npim::mapping
