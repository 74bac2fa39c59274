// Arguments of nodes that come as attributes in some opsets and as constant inputs in others, with
// defaults and negative values resolved.
#include <algorithm>
#include <limits>
#include <numeric>

#include "network/graph.h"

namespace npim::network {
namespace {

constexpr std::int64_t kMaximumExtent = 1 << 16;

std::vector<std::int64_t> all_of(std::int64_t extent) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(extent));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

AxisIndices all_of(const Shape &shape) {
  AxisIndices indices;
  for (const std::int64_t extent : shape) indices.push_back(all_of(extent));
  return indices;
}

std::size_t resolve_axis(const Graph &graph, const Node &node, std::int64_t axis,
                         std::size_t rank) {
  const auto limit = static_cast<std::int64_t>(rank);
  if (axis < -limit || axis >= limit) {
    graph.fail(node, "axis " + std::to_string(axis) + " is out of range");
  }
  return static_cast<std::size_t>(axis < 0 ? axis + limit : axis);
}

/// The indices start, start + step, ... before end, by ONNX's rules for negative and huge values.
std::vector<std::int64_t> slice_axis(const Graph &graph, const Node &node, std::int64_t extent,
                                     std::int64_t start, std::int64_t end, std::int64_t step) {
  if (step == 0) graph.fail(node, "step 0");
  if (extent == 0) return {};
  step = std::clamp<std::int64_t>(step, -extent - 1, extent + 1);
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  start = std::clamp<std::int64_t>(start, 0, step > 0 ? extent : extent - 1);
  end = std::clamp<std::int64_t>(end, step > 0 ? 0 : -1, extent);
  std::vector<std::int64_t> indices;
  for (; step > 0 ? start < end : start > end; start += step) indices.push_back(start);
  return indices;
}

AxisIndices sliced(const Graph &graph, const Node &node) {
  const Shape &shape = graph.shape(node.inputs[0]);
  AxisIndices indices = all_of(shape);
  const auto &starts = graph.constant_integers(node, 1, "starts");
  const auto &ends = graph.constant_integers(node, 2, "ends");
  std::vector<std::int64_t> axes, steps(starts.size(), 1);
  for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (node.has_input(3)) axes = graph.constant_integers(node, 3, "axes");
  if (node.has_input(4)) steps = graph.constant_integers(node, 4, "steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    graph.fail(node, "starts, ends, axes and steps differ in length");
  }
  std::vector<bool> is_done(shape.size(), false);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = resolve_axis(graph, node, axes[i], shape.size());
    if (is_done[axis]) graph.fail(node, "names an axis twice");
    is_done[axis] = true;
    indices[axis] = slice_axis(graph, node, shape[axis], starts[i], ends[i], steps[i]);
  }
  return indices;
}

/// Source of index `at` (which may lie outside) on an axis.
std::int64_t padded_index(const std::string &mode, std::int64_t at, std::int64_t extent) {
  if (at >= 0 && at < extent) return at;
  if (mode == "edge") return std::clamp<std::int64_t>(at, 0, extent - 1);
  if (mode == "reflect") return at < 0 ? -at : 2 * (extent - 1) - at;
  return -1;
}

AxisIndices padded(const Graph &graph, const Node &node) {
  const Shape &shape = graph.shape(node.inputs[0]);
  const auto &pads = graph.constant_integers(node, 1, "pads");
  const std::string mode = graph.text(node, "mode", "constant");
  if (mode != "constant" && mode != "edge" && mode != "reflect") {
    graph.fail(node, "mode '" + mode + "' is not supported; constant, edge and reflect are");
  }
  if (pads.size() != 2 * shape.size()) {
    graph.fail(node, std::to_string(pads.size()) + " pads do not match " + to_text(shape));
  }
  AxisIndices indices(shape.size());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::int64_t before = pads[axis], after = pads[axis + shape.size()];
    const bool is_usable = std::max(before, after) <= kMaximumExtent &&
                           std::min(before, after) >= -shape[axis] &&
                           shape[axis] + before + after >= 1;
    const bool fits = mode == "constant" || (mode == "edge" && shape[axis] > 0) ||
                      std::max(before, after) < shape[axis];
    if (!is_usable || !fits) {
      graph.fail(node, "pads " + std::to_string(before) + " and " + std::to_string(after) +
                           " are not usable on an extent of " + std::to_string(shape[axis]));
    }
    for (std::int64_t i = -before; i < shape[axis] + after; ++i) {
      indices[axis].push_back(padded_index(mode, i, shape[axis]));
    }
  }
  return indices;
}

AxisIndices gathered(const Graph &graph, const Node &node) {
  const Shape &shape = graph.shape(node.inputs[0]);
  const std::size_t axis = axis_of(graph, node, 0, shape.size());
  AxisIndices indices = all_of(shape);
  indices[axis] = graph.constant_integers(node, 1, "indices");
  for (std::int64_t &index : indices[axis]) {
    if (index < -shape[axis] || index >= shape[axis]) {
      graph.fail(node, "index " + std::to_string(index) + " exceeds " + to_text(shape));
    }
    if (index < 0) index += shape[axis];
  }
  return indices;
}

/// A scalar constant of floats, or `otherwise`.
float limit(const Graph &graph, const Node &node, std::size_t input, const std::string &attribute,
            float otherwise) {
  if (!node.has_input(input)) return graph.real(node, attribute, otherwise);
  const Tensor *tensor = graph.initialiser(node.inputs[input]);
  if (tensor == nullptr || tensor->floats.size() != 1) {
    graph.fail(node, "limit '" + node.inputs[input] + "' is not a constant number");
  }
  return tensor->floats[0];
}

}  // namespace

AxisIndices picked_indices(const Graph &graph, const Node &node) {
  switch (node.op) {
    case Op::kSlice:
      return sliced(graph, node);
    case Op::kPad:
      return padded(graph, node);
    default:
      return gathered(graph, node);
  }
}

std::vector<std::size_t> permutation_of(const Graph &graph, const Node &node) {
  const std::size_t rank = graph.shape(node.inputs[0]).size();
  Shape reversed;
  for (std::size_t i = rank; i-- > 0;) reversed.push_back(static_cast<std::int64_t>(i));
  std::vector<std::size_t> permutation;
  std::vector<bool> is_used(rank, false);
  for (const std::int64_t axis : graph.integers(node, "perm", reversed)) {
    permutation.push_back(resolve_axis(graph, node, axis, rank));
    if (is_used[permutation.back()]) graph.fail(node, "perm names an axis twice");
    is_used[permutation.back()] = true;
  }
  return permutation;
}

std::size_t axis_of(const Graph &graph, const Node &node, std::int64_t otherwise,
                    std::size_t rank) {
  return resolve_axis(graph, node, graph.integer(node, "axis", otherwise), rank);
}

Limits limits_of(const Graph &graph, const Node &node) {
  const float infinity = std::numeric_limits<float>::infinity();
  if (node.op == Op::kRelu) return {0.0F, infinity};
  const Limits limits = {limit(graph, node, 1, "min", -infinity),
                         limit(graph, node, 2, "max", infinity)};
  if (!(limits.low <= limits.high)) graph.fail(node, "the lower limit exceeds the upper one");
  return limits;
}

}  // namespace npim::network
