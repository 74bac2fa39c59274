// Element-wise functions of one number: the activations of a network.
#pragma once

#include <algorithm>
#include <cmath>

#include "network/graph.h"

namespace npim::network {

inline bool is_activation(Op op) {
  switch (op) {
    case Op::kClip:
    case Op::kHardSigmoid:
    case Op::kHardSwish:
    case Op::kLeakyRelu:
    case Op::kRelu:
    case Op::kSigmoid:
    case Op::kTanh:
      return true;
    default:
      return false;
  }
}

/// The function of an activation node, with its attributes.
class ActivationFunction {
 public:
  ActivationFunction(const Graph &graph, const Node &node) : op_(node.op) {
    if (op_ == Op::kClip || op_ == Op::kRelu) limits_ = limits_of(graph, node);
    alpha_ = graph.real(node, "alpha", op_ == Op::kLeakyRelu ? 0.01F : 0.2F);
    beta_ = graph.real(node, "beta", 0.5F);
  }

  float operator()(float x) const {
    switch (op_) {
      case Op::kHardSigmoid:
        return std::clamp(alpha_ * x + beta_, 0.0F, 1.0F);
      case Op::kHardSwish:
        return x * std::clamp(x / 6 + 0.5F, 0.0F, 1.0F);
      case Op::kLeakyRelu:
        return x < 0 ? alpha_ * x : x;
      case Op::kSigmoid:
        return 1 / (1 + std::exp(-x));
      case Op::kTanh:
        return std::tanh(x);
      default:
        return std::clamp(x, limits_.low, limits_.high);
    }
  }

 private:
  Op op_;
  Limits limits_{0, 0};
  float alpha_, beta_;
};

}  // namespace npim::network
