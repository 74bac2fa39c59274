#include "network/scale_plan.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "network/activation.h"

namespace npim::network {
namespace {

constexpr double kNominalRange = 4.0;  // of activations, where there are no images

bool copies_integers(Op op) {
  switch (op) {
    case Op::kCast:
    case Op::kConcat:
    case Op::kFlatten:
    case Op::kGather:
    case Op::kMaxPool:
    case Op::kPad:
    case Op::kReshape:
    case Op::kSlice:
    case Op::kSqueeze:
    case Op::kTranspose:
    case Op::kUnsqueeze:
      return true;
    default:
      return false;
  }
}

bool is_clamp(Op op) {
  return op == Op::kRelu || op == Op::kClip;
}

/// Whether the node's output has a scale of its own; the others copy integers.
bool yields_new_values(Op op) {
  return requantises(op) || is_activation(op);
}

}  // namespace

std::int32_t Target::steps(double limit) const {
  return static_cast<std::int32_t>(
      std::lround(std::clamp(limit / scale.scale + scale.zero_point, 0.0, 255.0)));
}

ScalePlan::ScalePlan(const Graph &graph, const QuantiseOptions &options,
                     const std::vector<std::vector<float>> &inputs)
    : graph_(graph), functions_(graph) {
  find_last_tensor();
  absorb_unneeded();
  plan_targets();
  std::vector<std::string> tensors;
  for (const auto &entry : targets_) tensors.push_back(entry.second.tensor);
  choose_scales(inputs.empty() ? nominal_ranges()
                               : measure_ranges(graph_, tensors, inputs, options));
  using Correction = QuantiseOptions::Correction;
  if (options.correction == Correction::kMean || options.correction == Correction::kMeanVariance) {
    measure_moments(inputs);
  }
}

void ScalePlan::find_last_tensor() {
  if (graph_.outputs.size() != 1) {
    graph_.fail("has " + std::to_string(graph_.outputs.size()) + " outputs; 1 is supported");
  }
  last_tensor_ = graph_.outputs[0];
  while (true) {
    const int writer = graph_.writer(last_tensor_);
    if (writer < 0 || graph_.uses(last_tensor_) != 1) return;
    const Node &node = graph_.nodes[static_cast<std::size_t>(writer)];
    const bool is_softmax = node.op == Op::kSoftmax;
    if (!is_softmax && node.op != Op::kFlatten && node.op != Op::kReshape) return;
    host_softmax_ = host_softmax_ || is_softmax;
    last_tensor_ = node.inputs[0];
  }
}

/// Drops what only functions computed as a whole read, and what comes after the last tensor.
void ScalePlan::absorb_unneeded() {
  std::set<std::string> needed = {last_tensor_};
  for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
    const Node &node = graph_.nodes[i];
    const bool is_needed =
        std::any_of(node.outputs.begin(), node.outputs.end(),
                    [&](const std::string &output) { return needed.count(output) != 0; });
    if (!is_needed) {
      absorbed_.insert(i);
    } else if (functions_.is_function(node)) {
      needed.insert(functions_.source(node));
    } else {
      needed.insert(node.inputs.begin(), node.inputs.end());
    }
  }
}

void ScalePlan::plan_targets() {
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node &node = graph_.nodes[i];
    if (is_absorbed(i)) continue;
    if (copies_integers(node.op)) join_scales(node);
    if (yields_new_values(node.op)) targets_[i] = plan_target(node);
  }
}

Target ScalePlan::plan_target(const Node &node) {
  Target target;
  target.tensor = node.outputs[0];
  const Node *clamp = is_clamp(node.op) ? &node : nullptr;
  const int reader = graph_.only_reader(target.tensor);
  if (clamp == nullptr && reader >= 0) {
    const Node &next = graph_.nodes[static_cast<std::size_t>(reader)];
    if (is_clamp(next.op) && !functions_.is_function(next)) {
      clamp = &next;
      target.tensor = next.outputs[0];
      absorbed_.insert(static_cast<std::size_t>(reader));
    }
  }
  if (clamp != nullptr) {
    target.limits = limits_of(graph_, *clamp);
    target.is_clamped = true;
  }
  // A clamp exists for bytes only.
  target.is_s32 = requantises(node.op) && !is_table(node) && target.tensor == last_tensor_ &&
                  !target.is_clamped && graph_.uses(last_tensor_) == 1;
  return target;
}

/// A single step of arithmetic or a single clamp is left to layers that tiles have.
bool ScalePlan::is_table(const Node &node) const {
  if (!functions_.is_function(node)) return false;
  if (is_activation(node.op) && !is_clamp(node.op)) return true;
  const std::string &source = functions_.source(node);
  const std::size_t operands = is_activation(node.op) ? 1 : 2;
  for (std::size_t i = 0; i < operands; ++i) {
    if (node.inputs[i] != source && graph_.initialiser(node.inputs[i]) == nullptr) return true;
  }
  // x + x and the like; and constants divided by x.
  return operands == 2 && ((node.inputs[0] == source && node.inputs[1] == source) ||
                           (node.op == Op::kDiv && node.inputs[1] == source));
}

void ScalePlan::join_scales(const Node &node) {
  for (std::size_t i = 0; i < (node.op == Op::kConcat ? node.inputs.size() : 1); ++i) {
    // The network's input has the scale that it has.
    if (node.inputs[i] == graph_.inputs[0]) continue;
    parents_[root_of(node.inputs[i])] = root_of(node.outputs[0]);
  }
}

std::string ScalePlan::root_of(std::string tensor) const {
  for (auto parent = parents_.find(tensor); parent != parents_.end() && parent->second != tensor;
       parent = parents_.find(tensor)) {
    tensor = parent->second;
  }
  return tensor;
}

void ScalePlan::choose_scales(const std::map<std::string, ActivationRange> &ranges) {
  std::map<std::string, ActivationRange> shared;
  for (const auto &[tensor, range] : ranges) {
    ActivationRange &whole = shared[root_of(tensor)];
    whole.low = std::min(whole.low, range.low);
    whole.high = std::max(whole.high, range.high);
  }
  for (const auto &[root, range] : shared) scales_[root] = scale_of(range);
  for (auto &entry : targets_) {
    entry.second.scale = scales_.at(root_of(entry.second.tensor));
    entry.second.largest = ranges.at(entry.second.tensor).largest;
  }
}

std::map<std::string, ActivationRange> ScalePlan::nominal_ranges() const {
  std::map<std::string, ActivationRange> ranges;
  for (const auto &entry : targets_) {
    const Limits &limits = entry.second.limits;
    ranges[entry.second.tensor] = {
        std::clamp<double>(limits.low, -kNominalRange, 0),
        std::isfinite(limits.high) ? std::max<double>(limits.high, 0) : kNominalRange,
        kNominalRange};
  }
  return ranges;
}

void ScalePlan::measure_moments(const std::vector<std::vector<float>> &inputs) {
  // Sums of reals depend on their order: per image first, then over the images.
  std::vector<std::map<std::string, std::vector<Moments>>> per_image(inputs.size());
  parallel_for(inputs.size(), [&](std::size_t i) {
    const FloatTensors values = execute_float(graph_, inputs[i]);
    for (const auto &entry : targets_) {
      const Node &node = graph_.nodes[entry.first];
      if (!has_weights(node.op)) continue;
      const std::string &tensor = node.outputs[0];
      const Shape &shape = graph_.shape(tensor);
      const std::vector<float> &real = values.at(tensor);
      std::vector<Moments> &moments = per_image[i][tensor];
      const bool is_image = node.op == Op::kConv;
      moments.resize(static_cast<std::size_t>(is_image ? shape[1] : shape.back()));
      const std::size_t plane = is_image ? real.size() / moments.size() : 1;
      for (std::size_t k = 0; k < real.size(); ++k) {
        moments[k / plane % moments.size()].add(static_cast<double>(real[k]));
      }
    }
  });
  for (const auto &image : per_image) {
    for (const auto &[tensor, moments] : image) {
      std::vector<Moments> &sum = moments_[tensor];
      sum.resize(moments.size());
      for (std::size_t c = 0; c < moments.size(); ++c) sum[c].add(moments[c]);
    }
  }
}

const ActivationScale *ScalePlan::shared_scale(const std::string &tensor) const {
  const auto scale = scales_.find(root_of(tensor));
  return scale == scales_.end() ? nullptr : &scale->second;
}

const std::vector<Moments> *ScalePlan::moments(const std::string &tensor) const {
  const auto found = moments_.find(tensor);
  return found == moments_.end() ? nullptr : &found->second;
}

}  // namespace npim::network
