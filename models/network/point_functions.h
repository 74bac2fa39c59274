// Parts of a graph that compute a function of one number: an activation, or a pattern of
// activations and arithmetic with constants that exporters write for SiLU, HardSwish and the like.
// In integers such a part is one table.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "network/graph.h"

namespace npim::network {

/// Whether the operator multiplies by constant weights on crossbars.
bool has_weights(Op op);
/// Whether the operator's layer requantises, and can limit its output on the way (ReLU, Clip).
bool requantises(Op op);

class PointFunctions {
 public:
  /// Of a graph whose nodes are in topological order; `graph` must outlive the object.
  explicit PointFunctions(const Graph &graph);

  /// Whether the node's output is (other than as a limit of the layer before it), element by
  /// element, a function of one tensor, source(node).
  bool is_function(const Node &node) const { return sources_.count(node.outputs[0]) != 0; }
  const std::string &source(const Node &node) const { return sources_.at(node.outputs[0]); }

  /// The function of a node at each of `points` of its source.
  std::vector<float> evaluate(const Node &node, const std::vector<float> &points) const;

 private:
  /// The tensor of which this one is a function: itself, if of no other.
  const std::string &source_of(const std::string &tensor) const;
  void add(const Node &node);
  bool is_limit_of_layer(const Node &node) const;

  const Graph &graph_;
  std::map<std::string, std::string> sources_;     // by output
  std::map<std::string, const Node *> functions_;  // by output
};

}  // namespace npim::network
