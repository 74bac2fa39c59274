// Which tiles the analytic model's layers lie on, for the floorplan of a report.
#pragma once

#include <boost/json.hpp>

#include "analysis/performance.h"

namespace npim::app {

/// One object per tile that holds arrays of the network: "tile", "layers" (numbers), "arrays_used",
/// "busy" (of the time between two images, the part in which its arrays compute, over all arrays of
/// the tile) and "energy_pj" (what is booked on the layers, spread over their arrays). Tiles are
/// numbered row by row, chip after chip; layers lie along the snake that performance.h describes.
boost::json::array tiles_json(const analysis::Workload &work, const analysis::Plan &plan,
                              const config::ChipConfig &chip, const cost::Energy &energy);

}  // namespace npim::app
