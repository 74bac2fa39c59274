// What quantisation decides before it makes any layer: which nodes need a layer of their own, which
// clamps are limits of the layer before them, and the 8-bit scale of every tensor. Tensors between
// which integers are copied (concats, pools, reshapes) share a scale.
#pragma once

#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "network/moments.h"
#include "network/point_functions.h"
#include "network/quantise.h"
#include "network/ranges.h"

namespace npim::network {

/// What a layer's integers are to mean.
struct Target {
  std::string tensor;  ///< of the float graph
  ActivationScale scale;
  Limits limits = {-std::numeric_limits<float>::infinity(),
                   std::numeric_limits<float>::infinity()};  ///< ReLU or Clip
  bool is_clamped = false;
  bool is_s32 = false;
  double largest = 0;  ///< magnitude seen in calibration

  /// The limits in the output's integers.
  std::int32_t low() const { return steps(limits.low); }
  std::int32_t high() const { return steps(limits.high); }
  double real(double integer) const { return scale.scale * (integer - scale.zero_point); }

 private:
  std::int32_t steps(double limit) const;
};

class ScalePlan {
 public:
  /// `inputs`: the calibration images as the float graph takes them; none without calibration.
  /// `graph` must outlive the plan.
  ScalePlan(const Graph &graph, const QuantiseOptions &options,
            const std::vector<std::vector<float>> &inputs);

  /// Whether the node at this index needs no layer.
  bool is_absorbed(std::size_t node) const { return absorbed_.count(node) != 0; }
  /// Of a node that is not absorbed and whose output has a scale of its own.
  const Target &target(std::size_t node) const { return targets_.at(node); }
  /// The scale that a tensor shares with others; null when all of them come from the network's
  /// input.
  const ActivationScale *shared_scale(const std::string &tensor) const;
  /// Mean and variance per channel of a product with weights in float; null where not measured.
  const std::vector<Moments> *moments(const std::string &tensor) const;
  /// The tensor that leaves the chip: the output without what the host does after it.
  const std::string &last_tensor() const { return last_tensor_; }
  bool host_softmax() const { return host_softmax_; }
  const PointFunctions &functions() const { return functions_; }
  /// Whether the node's layer is a table of the function of its source.
  bool is_table(const Node &node) const;

 private:
  void find_last_tensor();
  void absorb_unneeded();
  void plan_targets();
  Target plan_target(const Node &node);
  void join_scales(const Node &node);
  std::string root_of(std::string tensor) const;
  void choose_scales(const std::map<std::string, ActivationRange> &ranges);
  std::map<std::string, ActivationRange> nominal_ranges() const;
  void measure_moments(const std::vector<std::vector<float>> &inputs);

  const Graph &graph_;
  const PointFunctions functions_;
  std::string last_tensor_;
  bool host_softmax_ = false;
  std::set<std::size_t> absorbed_;
  std::map<std::size_t, Target> targets_;          // by node
  std::map<std::string, std::string> parents_;     // of tensors that share a scale
  std::map<std::string, ActivationScale> scales_;  // by root of a group
  std::map<std::string, std::vector<Moments>> moments_;
};

}  // namespace npim::network
