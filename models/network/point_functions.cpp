#include "network/point_functions.h"

#include <set>

#include "network/activation.h"
#include "network/tensor_ops.h"

namespace npim::network {
namespace {

bool is_arithmetic(Op op) {
  return op == Op::kAdd || op == Op::kSub || op == Op::kMul || op == Op::kDiv;
}

}  // namespace

bool has_weights(Op op) {
  return op == Op::kConv || op == Op::kGemm || op == Op::kMatMul;
}

bool requantises(Op op) {
  switch (op) {
    case Op::kAdd:
    case Op::kAveragePool:
    case Op::kBatchNormalization:
    case Op::kDiv:
    case Op::kGlobalAveragePool:
    case Op::kLrn:
    case Op::kMul:
    case Op::kReduceMean:
    case Op::kSub:
      return true;
    default:
      return has_weights(op);
  }
}

PointFunctions::PointFunctions(const Graph &graph) : graph_(graph) {
  for (const Node &node : graph.nodes) {
    if (is_activation(node.op) || is_arithmetic(node.op)) add(node);
  }
}

const std::string &PointFunctions::source_of(const std::string &tensor) const {
  const auto found = sources_.find(tensor);
  return found == sources_.end() ? tensor : found->second;
}

void PointFunctions::add(const Node &node) {
  const Shape &shape = graph_.shape(node.outputs[0]);
  std::set<std::string> sources;
  // Limits of a Clip are constants as well, but not operands.
  const std::size_t operands = is_arithmetic(node.op) ? 2 : 1;
  for (std::size_t i = 0; i < operands; ++i) {
    const Tensor *constant = graph_.initialiser(node.inputs[i]);
    if (constant != nullptr && constant->floats.size() == 1) continue;
    if (constant != nullptr || graph_.shape(node.inputs[i]) != shape) return;
    sources.insert(source_of(node.inputs[i]));
  }
  if (sources.size() != 1 || is_limit_of_layer(node)) return;
  sources_[node.outputs[0]] = *sources.begin();
  functions_[node.outputs[0]] = &node;
}

bool PointFunctions::is_limit_of_layer(const Node &node) const {
  if (node.op != Op::kRelu && node.op != Op::kClip) return false;
  const int writer = graph_.writer(node.inputs[0]);
  if (writer < 0 || graph_.only_reader(node.inputs[0]) < 0) return false;
  const Node &before = graph_.nodes[static_cast<std::size_t>(writer)];
  return requantises(before.op) && !is_function(before);
}

std::vector<float> PointFunctions::evaluate(const Node &node,
                                            const std::vector<float> &points) const {
  std::map<std::string, std::vector<float>> values = {{source(node), points}};
  // Depth first without recursion: a node is computed once its operands are.
  std::vector<const Node *> pending = {&node};
  while (!pending.empty()) {
    const Node &next = *pending.back();
    const std::size_t operands = is_arithmetic(next.op) ? 2 : 1;
    std::vector<std::vector<float>> inputs;
    for (std::size_t i = 0; i < operands; ++i) {
      const std::string &input = next.inputs[i];
      const Tensor *constant = graph_.initialiser(input);
      if (constant != nullptr) {
        inputs.emplace_back(points.size(), constant->floats[0]);
      } else if (values.count(input) != 0) {
        inputs.push_back(values.at(input));
      } else {
        pending.push_back(functions_.at(input));
      }
    }
    if (inputs.size() != operands) continue;
    std::vector<float> &result = values[next.outputs[0]];
    result = inputs[0];
    if (operands == 2) {
      for (std::size_t i = 0; i < result.size(); ++i) {
        result[i] = apply(next.op, inputs[0][i], inputs[1][i]);
      }
    } else {
      const ActivationFunction function(graph_, next);
      for (float &value : result) value = function(value);
    }
    pending.pop_back();
  }
  return values.at(node.outputs[0]);
}

}  // namespace npim::network
