// Floating-point execution of a graph, for calibration and as the reference for accuracy.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "network/graph.h"

namespace npim::network {

/// Values of every input and node output by tensor name, NCHW, row-major.
using FloatTensors = std::map<std::string, std::vector<float>>;

/// Runs the graph on one input (element_count(shape of graph.inputs[0]) values). The graph has
/// passed infer_shapes().
FloatTensors execute_float(const Graph &graph, const std::vector<float> &input);

/// May change what graph.nodes[index] has put out before others read it; `values` is its first
/// output.
using AlterOutput = std::function<void(std::size_t index, std::vector<float> &values)>;
FloatTensors execute_float(const Graph &graph, const std::vector<float> &input,
                           const AlterOutput &alter);

/// As execute_float, only the first output.
std::vector<float> float_logits(const Graph &graph, const std::vector<float> &input);

/// The network's input for an image of bytes: real = scale * (byte - zero_point), HWC to CHW.
std::vector<float> float_input(const TensorShape &shape, const std::uint8_t *image, double scale,
                               std::int32_t zero_point);

}  // namespace npim::network
