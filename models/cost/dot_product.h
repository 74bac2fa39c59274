// What the parts between bit lines and output register do for one dot product of up to an array's
// rows, over all of its input cycles, in each of the three dataflows ([NP] section 3, [IS] section
// 5, [CA]). Both the simulated chip and the analytic model book by this.
#pragma once

#include <cstdint>
#include <vector>

#include "config/chip_config.h"
#include "cost/component.h"

namespace npim::cost {

struct DotProductActions {
  struct Count {
    Part part;
    std::uint64_t actions;
  };
  std::vector<Count> accumulation;  ///< of the parts before, and after, the converter
  Part converter = Part::kNnadc;
  std::uint64_t conversions = 1;
  std::uint64_t register_writes = 1;  ///< of the IMA's output register
};

/// A unit column's conversions ([IS]: weights with a bias) belong to an array, not to its dot
/// products, and are left out.
DotProductActions dot_product_actions(const config::ChipConfig &chip);

}  // namespace npim::cost
