// The analytic model of a network on a chip: replication, time and energy from counts. It is a
// lower bound on time: windows follow one another at the period of the window pipeline, nobody
// waits for the NoC, for eDRAM or for space. The cycle-level model (chip/) is checked against it;
// the design space and the comparison of chips use it for its speed.
//
// Assumptions, beyond window_cycle.h:
//   * each window is copied anew from eDRAM to the input registers, over the tile's bus;
//   * every slice of every used row is driven: zero inputs save nothing;
//   * layers take arrays, not whole tiles; convolution groups that fit share an array;
//   * copies balance the layers: the least image period such that ceil(windows / windows per
//     period) copies of each layer fit, which is ISAAC's rule worked back from the last layer and
//     shrunk by one factor ([IS] section 5). Networks with recurrent layers are copied as a whole
//     ([NP] section 5.2: channels);
//   * layers lie along a snake through the tiles in network order; traffic goes between their
//     middles.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/workload.h"
#include "config/chip_config.h"
#include "cost/bill.h"
#include "cost/ledger.h"

namespace npim::analysis {

struct LayerPlan {
  std::int64_t row_blocks = 1;     ///< arrays below each other
  std::int64_t column_groups = 1;  ///< arrays side by side
  std::int64_t packed_groups = 1;  ///< convolution groups in one array
  std::int64_t arrays = 1;         ///< of one copy
  std::int64_t copies = 1;
  double window_ns = 0;    ///< period of the windows of one copy
  double copy_bytes = 0;   ///< from eDRAM to input registers per window, all tiles of a copy
  double middle_tile = 0;  ///< place of its middle along the snake, over all chips
  double start_ns = 0, end_ns = 0;  ///< of an image in an empty chip
};

struct Plan {
  std::vector<LayerPlan> layers;
  int chips = 1;
  std::int64_t arrays_used = 0, arrays = 0;
  double image_ns = 0;    ///< from one image to the next, many in flight
  double latency_ns = 0;  ///< of one image in an empty chip
  /// The same if each layer had all arrays for itself: below it for every division of the arrays.
  double least_latency_ns = 0;
  double host_link_ns = 0;  ///< that one host link needs for input and output: not part of image_ns
};

/// Arrays that the network needs once.
std::int64_t arrays_needed(const Workload &work, const config::ChipConfig &chip);
int chips_needed(const Workload &work, const config::ChipConfig &chip);

/// Places the network on `chips` chips. Throws InputError when it does not fit.
Plan make_plan(const Workload &work, const config::ChipConfig &chip, int chips);

/// Books one image's actions and powered times, layer by layer (no tiles).
void book_image(const Workload &work, const Plan &plan, const cost::Bill &bill,
                cost::Ledger &ledger);

/// The groups of [NP] Fig. 13, in pJ; links are not in `total_pj`, as there.
struct EnergyShares {
  double crossbar_pj = 0, dac_pj = 0, adc_pj = 0, accumulate_pj = 0, other_pj = 0;
  double link_pj = 0;
  double total_pj() const { return crossbar_pj + dac_pj + adc_pj + accumulate_pj + other_pj; }
};
EnergyShares shares_of(const cost::Energy &energy);

}  // namespace npim::analysis
