// LSTM and GRU by the ONNX definitions (gate order i, o, f, c and z, r, h), default activations.
#pragma once

#include <vector>

#include "network/graph.h"

namespace npim::network {

struct RecurrentShape {
  std::int64_t length = 0, batch = 0, inputs = 0, hidden = 0, directions = 0;
};

/// Checks the shapes and attributes of an LSTM or GRU whose weights are constants. Throws
/// InputError naming the node.
RecurrentShape recurrent_shape(const Graph &graph, const Node &node);

/// The outputs Y [length, directions, batch, hidden], Y_h [directions, batch, hidden] and, for an
/// LSTM, Y_c.
std::vector<std::vector<float>> run_recurrent(const Graph &graph, const Node &node,
                                              const std::vector<float> &input);

}  // namespace npim::network
