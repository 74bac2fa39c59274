// Ranges of activations over calibration images, and the 8-bit scale that covers them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "network/float_executor.h"
#include "network/quantise.h"

namespace npim::network {

/// real = scale * (integer - zero_point), integer 0 .. 255.
struct ActivationScale {
  double scale = 1.0;
  std::int32_t zero_point = 0;
};

struct ActivationRange {
  double low = 0.0, high = 0.0;  ///< always includes 0
  double largest = 0.0;          ///< of all magnitudes, whatever was cut off
};

/// The range of each named tensor over the inputs. Runs the graph twice per input.
std::map<std::string, ActivationRange> measure_ranges(const Graph &graph,
                                                      const std::vector<std::string> &tensors,
                                                      const std::vector<std::vector<float>> &inputs,
                                                      const QuantiseOptions &options);

/// Zero point 0 when nothing is negative.
ActivationScale scale_of(const ActivationRange &range);

}  // namespace npim::network
