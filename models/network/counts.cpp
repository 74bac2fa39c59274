#include "network/counts.h"

#include "network/recurrent.h"

namespace npim::network {
namespace {

std::int64_t elements_of(const Graph &graph, const Node &node, std::size_t input) {
  return node.has_input(input) ? element_count(graph.shape(node.inputs[input])) : 0;
}

std::int64_t macs_of(const Graph &graph, const Node &node) {
  const std::int64_t outputs = element_count(graph.shape(node.outputs[0]));
  switch (node.op) {
    case Op::kConv:
      return outputs * (elements_of(graph, node, 1) / graph.shape(node.inputs[1])[0]);
    case Op::kGemm:
    case Op::kMatMul:
      return outputs * graph.shape(node.inputs[0]).back();
    case Op::kGru:
    case Op::kLstm: {
      const RecurrentShape shape = recurrent_shape(graph, node);
      return shape.length * shape.batch *
             (elements_of(graph, node, 1) + elements_of(graph, node, 2));
    }
    default:
      return 0;
  }
}

bool has_parameters(Op op) {
  return op == Op::kConv || op == Op::kGemm || op == Op::kMatMul || op == Op::kGru ||
         op == Op::kLstm || op == Op::kBatchNormalization;
}

}  // namespace

std::vector<LayerCount> count_layers(const Graph &graph) {
  std::vector<LayerCount> counts;
  for (const Node &node : graph.nodes) {
    if (!has_parameters(node.op)) continue;
    LayerCount count;
    count.name = node.name;
    // Of a normalisation only scale and bias are trained.
    const std::size_t last = node.op == Op::kBatchNormalization ? 2 : 3;
    for (std::size_t i = 1; i <= last; ++i) count.weights += elements_of(graph, node, i);
    count.macs = macs_of(graph, node);
    counts.push_back(std::move(count));
  }
  return counts;
}

LayerCount count_network(const Graph &graph) {
  LayerCount total;
  total.name = graph.name;
  for (const LayerCount &layer : count_layers(graph)) {
    total.weights += layer.weights;
    total.macs += layer.macs;
  }
  return total;
}

}  // namespace npim::network
