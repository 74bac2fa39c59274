// What a network's accuracy is when every convolution and fully connected layer has a given SINAD
// ([NP] section 5.3, Eq. 13): noise of sigma_i = max|x_i| / 10^(SINAD / 20) on the outputs x_i of
// layer i (before the activation function, where the dot products' error arises), in floating
// point.
#pragma once

#include <cstdint>
#include <vector>

#include "network/graph.h"

namespace npim::analysis {

/// Names the draws of an image.
struct NoiseKey {
  std::uint64_t seed = 0, image = 0;
};

/// The network's first output. The graph has passed infer_shapes().
std::vector<float> noisy_logits(const network::Graph &graph, const std::vector<float> &input,
                                double sinad_db, const NoiseKey &key);

}  // namespace npim::analysis
