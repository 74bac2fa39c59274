// Energy of one dot product against the resolution of the DACs ([NP] section 3): counts of actions
// of a full 128 x 128 array times the energies of the component libraries that the chips name.
#pragma once

#include <vector>

#include "analysis/performance.h"
#include "dataflow/resolution.h"

namespace npim::analysis {

struct DataflowEnergy {
  dataflow::Strategy strategy = dataflow::Strategy::kAnalogAccumulation;
  int dac_bits = 1;
  int converter_bits = 8;
  bool is_possible = true;  ///< B needs cells that do not exist with several DAC bits; A's and B's
                            ///< converter may have more bits than the library has figures for
  double conversions = 0;   ///< per dot product of up to 128 rows and weight
  int input_cycles = 8;
  EnergyShares shares_pj;  ///< per dot product; what a chip draws at rest is left out
};

/// The three chips, each with the given DACs and the converter that they need; A and B one bit less
/// than Eq. 2 to 5, which flip encoding saves.
DataflowEnergy dataflow_energy(const config::ChipConfig &chip, int dac_bits);

}  // namespace npim::analysis
