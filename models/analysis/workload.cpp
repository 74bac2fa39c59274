#include "analysis/workload.h"

#include <algorithm>
#include <map>
#include <set>

#include "network/recurrent.h"
#include "network/window.h"

namespace npim::analysis {
namespace {

using network::element_count;
using network::Graph;
using network::Node;
using network::Op;
using network::Shape;

class Reader {
 public:
  explicit Reader(const Graph &graph) : graph_(graph) { work_.name = graph.name; }

  Workload read() {
    for (const auto &input : graph_.inputs) {
      sources_[input] = {};
      work_.input_bytes += element_count(graph_.shape(input));
    }
    for (const Node &node : graph_.nodes) read(node);
    for (const auto &output : graph_.outputs) {
      work_.output_bytes += element_count(graph_.shape(output));
    }
    return std::move(work_);
  }

 private:
  using Layers = std::set<int>;

  Layers sources_of(const Node &node) const {
    Layers all;
    for (const auto &input : node.inputs) {
      const auto found = sources_.find(input);
      if (found != sources_.end()) all.insert(found->second.begin(), found->second.end());
    }
    return all;
  }

  void read(const Node &node) {
    switch (node.op) {
      case Op::kConv:
        return add(node, convolution(node));
      case Op::kGemm:
      case Op::kMatMul:
        return add(node, product(node));
      case Op::kLstm:
      case Op::kGru:
        return add(node, recurrent(node));
      default:
        pass(node);
    }
  }

  void add(const Node &node, LayerWork layer) {
    layer.name = node.name;
    const Layers producers = sources_of(node);
    layer.producers.assign(producers.begin(), producers.end());
    for (const auto &output : node.outputs) {
      sources_[output] = {static_cast<int>(work_.layers.size())};
    }
    work_.layers.push_back(std::move(layer));
  }

  LayerWork convolution(const Node &node) const {
    const Shape &in = graph_.shape(node.inputs[0]), &out = graph_.shape(node.outputs[0]);
    const Shape &weights = graph_.shape(node.inputs[1]);
    const network::Window window = network::window_of(graph_, node);
    LayerWork layer;
    layer.groups = graph_.integer(node, "group", 1);
    layer.windows = element_count(out) / out[1];
    layer.rows = element_count(weights) / weights[0];
    layer.outputs = weights[0] / layer.groups;
    const std::int64_t pixels = element_count(in) / in[1], width = in.back();
    const std::int64_t needed =
        std::min(pixels, (window.covered_height() - 1) * width + window.covered_width());
    layer.first_need = static_cast<double>(needed) / static_cast<double>(pixels);
    layer.buffer_bytes = needed * in[1];
    return layer;
  }

  LayerWork product(const Node &node) const {
    if (graph_.initialiser(node.inputs[1]) == nullptr) {
      graph_.fail(node, "multiplies two activations; crossbars hold constant weights only");
    }
    LayerWork layer;
    const Shape &weights = graph_.shape(node.inputs[1]);
    layer.outputs = graph_.shape(node.outputs[0]).back();
    layer.rows = element_count(weights) / layer.outputs;
    layer.windows = element_count(graph_.shape(node.outputs[0])) / layer.outputs;
    layer.buffer_bytes = layer.rows;
    return layer;
  }

  LayerWork recurrent(const Node &node) const {
    const network::RecurrentShape shape = network::recurrent_shape(graph_, node);
    LayerWork layer;
    layer.recurrent = true;
    layer.windows = shape.length * shape.batch;
    layer.groups = shape.directions;
    layer.rows = shape.inputs + shape.hidden;
    layer.outputs = (node.op == Op::kLstm ? 4 : 3) * shape.hidden;
    layer.buffer_bytes = layer.rows;
    layer.first_need = 1.0 / static_cast<double>(shape.length);
    layer.element_operations = layer.windows * layer.groups * layer.outputs;
    return layer;
  }

  /// A node without weights: its work is charged to the last layer before it.
  void pass(const Node &node) {
    const Layers from = sources_of(node);
    for (const auto &output : node.outputs) sources_[output] = from;
    if (from.empty()) return;
    LayerWork &layer = work_.layers[static_cast<std::size_t>(*from.rbegin())];
    const std::int64_t outputs = element_count(graph_.shape(node.outputs[0]));
    switch (node.op) {
      case Op::kMaxPool:
      case Op::kAveragePool:
      case Op::kGlobalAveragePool: {
        const network::Window window = network::window_of(graph_, node);
        layer.pooled_values += outputs * window.kernel_height * window.kernel_width;
        break;
      }
      case Op::kAdd:
      case Op::kMul:
      case Op::kSub:
      case Op::kDiv:
      case Op::kSigmoid:
      case Op::kTanh:
      case Op::kHardSigmoid:
      case Op::kHardSwish:
      case Op::kLrn:
        layer.element_operations += outputs;
        break;
      default:  // ReLU is part of requantisation; the rest moves data or changes shapes
        break;
    }
  }

  const Graph &graph_;
  Workload work_;
  std::map<std::string, Layers> sources_;  ///< of tensors that depend on the input
};

}  // namespace

std::int64_t Workload::macs() const {
  std::int64_t sum = 0;
  for (const auto &layer : layers) sum += layer.macs();
  return sum;
}

std::int64_t Workload::weights() const {
  std::int64_t sum = 0;
  for (const auto &layer : layers) sum += layer.weights();
  return sum;
}

bool Workload::recurrent() const {
  return std::any_of(layers.begin(), layers.end(), [](const auto &l) { return l.recurrent; });
}

Workload workload_of(const Graph &graph) {
  return Reader(graph).read();
}

}  // namespace npim::analysis
