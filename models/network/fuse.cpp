// Rewrites that leave a graph's function unchanged and bring it closer to what the chip executes.
#include <algorithm>
#include <cmath>
#include <utility>

#include "network/expand_recurrent.h"
#include "network/graph.h"

namespace npim::network {
namespace {

class Fuser {
 public:
  explicit Fuser(Graph &graph) : graph_(graph) {}

  void run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.nodes[i].outputs.empty()) continue;
      switch (graph_.nodes[i].op) {
        case Op::kSlice:
          turn_into_pool(i);
          break;
        case Op::kPad:
          move_into_convolutions(i);
          break;
        case Op::kBatchNormalization:
          fold_batch_normalization(i);
          break;
        case Op::kAdd:
          fold_constant_addition(i);
          break;
        case Op::kClip:
        case Op::kRelu:
          move_before_max_pool(i);
          break;
        default:
          break;
      }
    }
    auto is_removed = [](const Node &node) { return node.outputs.empty(); };
    auto &nodes = graph_.nodes;
    nodes.erase(std::remove_if(nodes.begin(), nodes.end(), is_removed), nodes.end());
  }

 private:
  /// The Conv, Gemm or MatMul that writes `tensor` for this one reader alone, or null.
  Node *producer_with_weights(const std::string &tensor) {
    const int writer = graph_.writer(tensor);
    if (writer < 0 || graph_.only_reader(tensor) < 0) return nullptr;
    Node &node = graph_.nodes[static_cast<std::size_t>(writer)];
    const bool has_weights = node.op == Op::kConv || node.op == Op::kGemm || node.op == Op::kMatMul;
    return has_weights ? &node : nullptr;
  }

  /// A constant under a name that nobody else uses.
  std::string add_constant(const std::string &base, Tensor tensor) {
    std::string name = base;
    while (graph_.shapes.count(name) != 0) name += "'";
    graph_.shapes[name] = tensor.shape;
    graph_.initialisers.emplace(name, std::move(tensor));
    return name;
  }

  /// The producer's bias, one value per output channel (beta of a Gemm applied).
  std::vector<float> bias_of(const Node &producer, std::size_t channels) const {
    std::vector<float> bias(channels, 0.0F);
    if (!producer.has_input(2)) return bias;
    const Tensor &stored = *graph_.initialiser(producer.inputs[2]);
    const float beta = producer.op == Op::kGemm ? graph_.real(producer, "beta", 1.0F) : 1.0F;
    for (std::size_t c = 0; c < channels; ++c) {
      bias[c] = beta * stored.floats[stored.floats.size() == 1 ? 0 : c];
    }
    return bias;
  }

  void set_bias(Node &producer, std::vector<float> bias) {
    Tensor tensor;
    tensor.shape = {static_cast<std::int64_t>(bias.size())};
    tensor.floats = std::move(bias);
    producer.inputs.resize(3);
    producer.inputs[2] = add_constant(producer.name + ".bias", std::move(tensor));
    if (producer.op == Op::kMatMul) producer.op = Op::kGemm;
    producer.attributes.erase("beta");
  }

  /// The producer takes over the output of node `index`, which disappears.
  void absorb(Node &producer, std::size_t index) {
    producer.outputs = graph_.nodes[index].outputs;
    producer.outputs.resize(1);
    graph_.nodes[index].inputs.clear();
    graph_.nodes[index].outputs.clear();
  }

  void fold_batch_normalization(std::size_t index) {
    const Node &node = graph_.nodes[index];
    Node *producer = producer_with_weights(node.inputs[0]);
    if (producer == nullptr || producer->op != Op::kConv) return;
    const float epsilon = graph_.real(node, "epsilon", 1e-5F);
    const auto values = [&](std::size_t input) -> const std::vector<float> & {
      return graph_.initialiser(node.inputs[input])->floats;
    };
    const std::size_t channels = values(1).size();
    Tensor weights = *graph_.initialiser(producer->inputs[1]);
    std::vector<float> bias = bias_of(*producer, channels);
    const std::size_t kernel = weights.floats.size() / channels;
    for (std::size_t c = 0; c < channels; ++c) {
      const double deviation = std::sqrt(static_cast<double>(values(4)[c]) + epsilon);
      const double factor = values(1)[c] / deviation;
      if (!std::isfinite(factor)) graph_.fail(node, "variance is negative or zero");
      for (std::size_t k = c * kernel; k < (c + 1) * kernel; ++k) {
        weights.floats[k] = static_cast<float>(weights.floats[k] * factor);
      }
      bias[c] =
          static_cast<float>((static_cast<double>(bias[c]) - values(3)[c]) * factor + values(2)[c]);
    }
    producer->inputs[1] = add_constant(producer->name + ".weight", std::move(weights));
    set_bias(*producer, std::move(bias));
    absorb(*producer, index);
  }

  void fold_constant_addition(std::size_t index) {
    const Node &node = graph_.nodes[index];
    for (std::size_t side = 0; side < 2; ++side) {
      const Tensor *constant = graph_.initialiser(node.inputs[1 - side]);
      Node *producer = producer_with_weights(node.inputs[side]);
      if (constant == nullptr || producer == nullptr) continue;
      const Shape &shape = graph_.shape(node.inputs[side]);
      if (graph_.shape(node.outputs[0]) != shape || !is_per_channel(constant->shape, shape)) return;
      const auto channels = static_cast<std::size_t>(shape[1]);
      std::vector<float> bias = bias_of(*producer, channels);
      const auto &addend = constant->floats;
      if (addend.empty()) return;
      for (std::size_t c = 0; c < channels; ++c) bias[c] += addend[addend.size() == 1 ? 0 : c];
      set_bias(*producer, std::move(bias));
      absorb(*producer, index);
      return;
    }
  }

  /// Whether `constant`, broadcast to `shape`, holds one value per channel (axis 1) or one for all.
  static bool is_per_channel(const Shape &constant, const Shape &shape) {
    for (std::size_t i = 0; i < constant.size(); ++i) {
      const std::size_t axis = shape.size() - constant.size() + i;
      if (constant[i] != 1 && (axis != 1 || constant[i] != shape[1])) return false;
    }
    return true;
  }

  /// max(relu(x)) = relu(max(x)), likewise for a Clip; before the pool, it is the clamp of the
  /// layer before it.
  void move_before_max_pool(std::size_t index) {
    const int writer = graph_.writer(graph_.nodes[index].inputs[0]);
    if (writer < 0 || graph_.only_reader(graph_.nodes[index].inputs[0]) < 0) return;
    Node &pool = graph_.nodes[static_cast<std::size_t>(writer)];
    if (pool.op != Op::kMaxPool) return;
    Node &relu = graph_.nodes[index];
    // The tensor between the two keeps its name and becomes the pool's input.
    const std::string between = relu.inputs[0];
    relu.inputs[0] = pool.inputs[0];
    pool.outputs = relu.outputs;
    relu.outputs = {between};
    pool.inputs[0] = between;
    graph_.shapes[between] = graph_.shape(relu.inputs[0]);
    std::swap(pool, relu);
    move_before_max_pool(static_cast<std::size_t>(writer));  // there may be another pool before
  }

  /// Every n-th row and m-th column from the first: a max pool over single pixels. Exporters write
  /// one Slice per axis; both become one pool.
  void turn_into_pool(std::size_t index) {
    Node &node = graph_.nodes[index];
    const Shape &in = graph_.shape(node.inputs[0]);
    if (in.size() != 4) return;
    const AxisIndices picked = picked_indices(graph_, node);
    Shape strides;
    for (std::size_t axis = 0; axis < 4; ++axis) {
      const auto &indices = picked[axis];
      const std::int64_t stride = indices.size() > 1 ? indices[1] - indices[0] : in[axis];
      if (indices[0] != 0 || stride < 1) return;
      if ((in[axis] - 1) / stride + 1 != static_cast<std::int64_t>(indices.size())) return;
      if (axis < 2 && stride != 1 && in[axis] != 1) return;
      if (axis >= 2) strides.push_back(stride);
    }
    std::string source = node.inputs[0];
    const int writer = graph_.writer(source);
    if (writer >= 0 && graph_.only_reader(source) >= 0) {
      Node &before = graph_.nodes[static_cast<std::size_t>(writer)];
      if (is_subsampling(before)) {
        const Shape first = graph_.integers(before, "strides", {1, 1});
        strides = {strides[0] * first[0], strides[1] * first[1]};
        source = before.inputs[0];
        before.inputs.clear();
        before.outputs.clear();
      }
    }
    node.op = Op::kMaxPool;
    node.inputs = {source};
    node.attributes = {{"kernel_shape", Shape{1, 1}}, {"strides", strides}};
  }

  bool is_subsampling(const Node &node) const {
    return node.op == Op::kMaxPool && graph_.integers(node, "kernel_shape", {0, 0}) == Shape{1, 1};
  }

  /// Zeros around an image that only convolutions read become their padding.
  void move_into_convolutions(std::size_t index) {
    Node &pad = graph_.nodes[index];
    const std::string &output = pad.outputs[0];
    const auto &pads = graph_.constant_integers(pad, 1, "pads");
    if (pads.size() != 8 || pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0) return;
    const Tensor *fill = pad.has_input(2) ? graph_.initialiser(pad.inputs[2]) : nullptr;
    if (graph_.text(pad, "mode", "constant") != "constant") return;
    if (fill != nullptr && fill->floats != std::vector<float>{0.0F}) return;
    if (std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p < 0; })) return;
    const auto reads = [&](const Node &node) {
      return std::count(node.inputs.begin(), node.inputs.end(), output) > 0;
    };
    if (std::count(graph_.outputs.begin(), graph_.outputs.end(), output) > 0) return;
    for (const Node &node : graph_.nodes) {
      if (!reads(node)) continue;
      if (node.op != Op::kConv || graph_.text(node, "auto_pad", "NOTSET") != "NOTSET") return;
    }
    for (Node &node : graph_.nodes) {
      if (!reads(node)) continue;
      const Shape own = graph_.integers(node, "pads", {0, 0, 0, 0});
      node.attributes["pads"] =
          Shape{own[0] + pads[2], own[1] + pads[3], own[2] + pads[6], own[3] + pads[7]};
      node.inputs[0] = pad.inputs[0];
    }
    pad.inputs.clear();
    pad.outputs.clear();
  }

  Graph &graph_;
};

}  // namespace

void fuse(Graph &graph) {
  expand_recurrent(graph);
  Fuser(graph).run();
}

}  // namespace npim::network
