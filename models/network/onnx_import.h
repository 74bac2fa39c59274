// Reading of ONNX files (opset 11 to 17, https://onnx.ai/onnx/) into graphs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "network/graph.h"
#include "network/synthetic_weights.h"

namespace npim::network {

struct ImportOptions {
  /// Random weights for a file without weights, whose parameters are graph inputs: all
  /// inputs but the first. For studies of time and area; without it such a file is refused.
  std::optional<WeightSource> synthetic_weights;
};

/// Reads a network with one input whose batch extent is 1 or dynamic (dynamic becomes 1). Throws
/// InputError naming file and node: damaged file, external or missing weights, weights that are not
/// finite, operators that are not supported, tensors that are undefined, shapes that do not match,
/// cycles.
Graph import_onnx(const std::string &path, const ImportOptions &options = {});
/// The same from memory; `name` stands for the file in messages.
Graph import_onnx(const Bytes &content, const std::string &name, const ImportOptions &options = {});

}  // namespace npim::network
