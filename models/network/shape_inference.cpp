// Static shapes of every tensor, by the ONNX operator definitions.
#include <algorithm>

#include "network/graph.h"

namespace npim::network {
namespace {

constexpr std::int64_t kMaximumExtent = 1 << 16;
constexpr std::int64_t kMaximumTotalElements = std::int64_t{1} << 27;  // of all node outputs

/// One spatial axis of a sliding window, resolved step by step.
struct Axis {
  std::int64_t in, kernel, stride, dilation, pad_before, pad_after;
  std::int64_t span() const { return (kernel - 1) * dilation + 1; }
  std::int64_t room() const { return in + pad_before + pad_after - span(); }
};

class WindowReader {
 public:
  WindowReader(const Graph &graph, const Node &node) : graph_(graph), node_(node) {}

  Window read() {
    const Shape &in = graph_.shape(node_.inputs[0]);
    if (in.size() != 4) {
      graph_.fail(node_, "input is " + to_text(in) + "; only two-dimensional images are supported");
    }
    Window window;
    if (node_.op == Op::kGlobalAveragePool) {
      window.kernel_height = extent(in[2], "input height");
      window.kernel_width = extent(in[3], "input width");
      return window;
    }
    const Shape kernel = kernel_shape();
    const Shape strides = graph_.integers(node_, "strides", {1, 1});
    const Shape dilations = graph_.integers(node_, "dilations", {1, 1});
    const Shape pads = graph_.integers(node_, "pads", {0, 0, 0, 0});
    const Axis y = resolve({in[2], kernel[0], strides[0], dilations[0], pads[0], pads[2]});
    const Axis x = resolve({in[3], kernel[1], strides[1], dilations[1], pads[1], pads[3]});
    window.kernel_height = static_cast<std::int32_t>(y.kernel);
    window.kernel_width = static_cast<std::int32_t>(x.kernel);
    window.stride_height = static_cast<std::int32_t>(y.stride);
    window.stride_width = static_cast<std::int32_t>(x.stride);
    window.dilation_height = static_cast<std::int32_t>(y.dilation);
    window.dilation_width = static_cast<std::int32_t>(x.dilation);
    window.pad_top = static_cast<std::int32_t>(y.pad_before);
    window.pad_left = static_cast<std::int32_t>(x.pad_before);
    window.pad_bottom = static_cast<std::int32_t>(y.pad_after);
    window.pad_right = static_cast<std::int32_t>(x.pad_after);
    return window;
  }

 private:
  std::int32_t extent(std::int64_t value, const std::string &what) const {
    if (value < 1 || value > kMaximumExtent) {
      graph_.fail(node_, what + " " + std::to_string(value) + " is not usable");
    }
    return static_cast<std::int32_t>(value);
  }

  Shape kernel_shape() const {
    if (node_.op != Op::kConv) {
      const Shape kernel = graph_.integers(node_, "kernel_shape", {0, 0});
      return kernel;
    }
    const Shape &weights = graph_.shape(node_.inputs[1]);
    const Shape stored = {weights[2], weights[3]};
    if (graph_.integers(node_, "kernel_shape", stored) != stored) {
      graph_.fail(node_, "attribute 'kernel_shape' differs from the weights' " + to_text(weights));
    }
    return stored;
  }

  Axis resolve(Axis axis) const {
    extent(axis.in, "input extent");
    extent(axis.kernel, "kernel extent");
    extent(axis.stride, "stride");
    extent(axis.dilation, "dilation");
    apply_automatic_padding(axis);
    if (axis.pad_before != 0) extent(axis.pad_before, "padding");
    if (axis.pad_after != 0) extent(axis.pad_after, "padding");
    if (axis.room() < 0) graph_.fail(node_, "the kernel exceeds the padded input");
    if (node_.op != Op::kConv) {
      // A window in the padding alone would have no maximum and no average.
      if (axis.pad_before >= axis.kernel || axis.pad_after >= axis.kernel) {
        graph_.fail(node_, "padding is not smaller than the kernel");
      }
      if (axis.dilation != 1 && axis.pad_before + axis.pad_after > 0) {
        graph_.fail(node_, "a pool with padding and dilation is not supported");
      }
      if (graph_.integer(node_, "ceil_mode", 0) != 0) apply_ceil_mode(axis);
    }
    return axis;
  }

  void apply_automatic_padding(Axis &axis) const {
    const std::string mode = graph_.text(node_, "auto_pad", "NOTSET");
    if (mode == "NOTSET") return;
    axis.pad_before = axis.pad_after = 0;
    if (mode == "VALID") return;
    if (mode != "SAME_UPPER" && mode != "SAME_LOWER") {
      graph_.fail(node_, "auto_pad '" + mode + "' is unknown");
    }
    const std::int64_t out = (axis.in + axis.stride - 1) / axis.stride;
    const std::int64_t total =
        std::max<std::int64_t>(0, (out - 1) * axis.stride + axis.span() - axis.in);
    const std::int64_t smaller = total / 2;
    axis.pad_before = mode == "SAME_UPPER" ? smaller : total - smaller;
    axis.pad_after = total - axis.pad_before;
  }

  /// One more window where a part of the input is left, unless it would start in the padding after
  /// it.
  void apply_ceil_mode(Axis &axis) const {
    const std::int64_t left = axis.room() % axis.stride;
    if (left == 0) return;
    const std::int64_t start = axis.room() - left + axis.stride;
    if (start >= axis.in + axis.pad_before) return;
    if (node_.op == Op::kAveragePool) {
      graph_.fail(node_, "ceil_mode with windows over the edge is not supported");
    }
    axis.pad_after += axis.stride - left;
    if (axis.dilation != 1 || axis.pad_after >= axis.kernel) {
      graph_.fail(node_, "ceil_mode needs more padding than the kernel covers");
    }
  }

  const Graph &graph_;
  const Node &node_;
};

class Inference {
 public:
  explicit Inference(Graph &graph) : graph_(graph) {}

  void run() {
    for (const auto &[name, tensor] : graph_.initialisers) graph_.shapes[name] = tensor.shape;
    for (const std::string &input : graph_.inputs) {
      if (element_count(graph_.shape(input)) <= 0) {
        graph_.fail("input '" + input + "' of shape " + to_text(graph_.shape(input)) +
                    " is not usable");
      }
    }
    std::int64_t total = 0;
    for (const Node &node : graph_.nodes) {
      node_ = &node;
      check_inputs();
      Shape shape = output_shape();
      const std::int64_t elements = element_count(shape);
      if (elements <= 0) fail("output shape " + to_text(shape) + " is not usable");
      total += elements;
      if (total > kMaximumTotalElements) fail("the network's tensors are too large in total");
      graph_.shapes[node.outputs.at(0)] = std::move(shape);
    }
  }

 private:
  [[noreturn]] void fail(const std::string &what) const { graph_.fail(*node_, what); }

  /// Only a Reshape computes with integers, and only with its target shape.
  void check_inputs() const {
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
      const Tensor *tensor = graph_.initialiser(node_->inputs[i]);
      const bool is_target = node_->op == Op::kReshape && i == 1;
      if (tensor != nullptr && tensor->type == Tensor::Type::kInteger && !is_target) {
        fail("input '" + node_->inputs[i] + "' holds integers");
      }
    }
  }

  void require_inputs(std::size_t lowest, std::size_t highest) const {
    if (node_->inputs.size() < lowest || node_->inputs.size() > highest) {
      fail("has " + std::to_string(node_->inputs.size()) + " inputs");
    }
    for (std::size_t i = 0; i < lowest; ++i) {
      if (!node_->has_input(i)) fail("input " + std::to_string(i) + " is missing");
    }
    // Only the first output is modelled; masks, indices and running means belong to training.
    for (std::size_t i = 1; i < node_->outputs.size(); ++i) {
      if (!node_->outputs[i].empty() && graph_.uses(node_->outputs[i]) > 0) {
        fail("output '" + node_->outputs[i] + "' is not supported");
      }
    }
  }

  const Shape &input(std::size_t index) const { return graph_.shape(node_->inputs[index]); }

  /// An input that must be known before the run: weights and the like.
  const Tensor &constant(std::size_t index, const std::string &what, Tensor::Type type) const {
    const Tensor *tensor = graph_.initialiser(node_->inputs[index]);
    if (tensor == nullptr) {
      fail(what + " '" + node_->inputs[index] + "' is not a constant of the file");
    }
    if (tensor->type != type) fail(what + " has the wrong element type");
    return *tensor;
  }
  const Shape &weights(std::size_t index, const std::string &what) const {
    return constant(index, what, Tensor::Type::kFloat).shape;
  }

  Shape output_shape() const {
    switch (node_->op) {
      case Op::kAdd:
        return add();
      case Op::kBatchNormalization:
        return batch_normalization();
      case Op::kConv:
        return convolution();
      case Op::kAveragePool:
      case Op::kGlobalAveragePool:
      case Op::kMaxPool:
        return pool();
      case Op::kFlatten:
        return flatten();
      case Op::kGemm:
        return gemm();
      case Op::kMatMul:
        return matrix_product();
      case Op::kReshape:
        return reshape();
      case Op::kRelu:
      case Op::kIdentity:
      case Op::kSoftmax:
        require_inputs(1, 1);
        return input(0);
      case Op::kDropout:
        require_inputs(1, 3);
        return input(0);
      case Op::kConstant:
        break;
    }
    fail("is not resolved");
  }

  Shape add() const {
    require_inputs(2, 2);
    // Broadcasting, from the last axis.
    const Shape &a = input(0), &b = input(1);
    Shape out(std::max(a.size(), b.size()), 1);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::int64_t extent_a = i < a.size() ? a[a.size() - 1 - i] : 1;
      const std::int64_t extent_b = i < b.size() ? b[b.size() - 1 - i] : 1;
      if (extent_a != extent_b && extent_a != 1 && extent_b != 1) {
        fail("shapes " + to_text(a) + " and " + to_text(b) + " do not match");
      }
      out[out.size() - 1 - i] = extent_a == 1 ? extent_b : extent_a;
    }
    return out;
  }

  Shape batch_normalization() const {
    require_inputs(5, 5);
    const Shape &in = input(0);
    if (in.size() < 2) fail("input " + to_text(in) + " has no channels");
    static const char *const kNames[] = {"", "scale", "bias", "mean", "variance"};
    for (std::size_t i = 1; i < 5; ++i) {
      if (weights(i, kNames[i]) != Shape{in[1]}) {
        fail(std::string(kNames[i]) + " of shape " + to_text(input(i)) + " does not match " +
             std::to_string(in[1]) + " channels");
      }
    }
    if (graph_.integer(*node_, "training_mode", 0) != 0) fail("training mode is not supported");
    return in;
  }

  Shape convolution() const {
    require_inputs(2, 3);
    const Shape &in = input(0), &kernel = weights(1, "weight tensor");
    if (in.size() != 4 || kernel.size() != 4) {
      fail("input " + to_text(in) + " with weights " + to_text(kernel) +
           "; only two-dimensional convolutions are supported");
    }
    const std::int64_t group = graph_.integer(*node_, "group", 1);
    if (group != 1) fail("group " + std::to_string(group) + " is not supported; only 1 is");
    if (kernel[1] != in[1]) {
      fail("weights " + to_text(kernel) + " do not match the input " + to_text(in));
    }
    if (node_->has_input(2) && weights(2, "bias") != Shape{kernel[0]}) {
      fail("bias " + to_text(input(2)) + " does not match the weights " + to_text(kernel));
    }
    return windowed(kernel[0]);
  }

  Shape pool() const {
    require_inputs(1, 1);
    if (graph_.integer(*node_, "storage_order", 0) != 0) fail("storage_order is not supported");
    if (input(0).size() != 4) fail("input " + to_text(input(0)) + " is not an image");
    return windowed(input(0)[1]);
  }

  Shape windowed(std::int64_t channels) const {
    const Window w = window_of(graph_, *node_);
    const Shape &in = input(0);
    const std::int64_t rows = in[2] + w.pad_top + w.pad_bottom -
                              (std::int64_t{w.kernel_height} - 1) * w.dilation_height - 1;
    const std::int64_t columns = in[3] + w.pad_left + w.pad_right -
                                 (std::int64_t{w.kernel_width} - 1) * w.dilation_width - 1;
    return {in[0], channels, rows / w.stride_height + 1, columns / w.stride_width + 1};
  }

  Shape flatten() const {
    require_inputs(1, 1);
    const Shape &in = input(0);
    const auto rank = static_cast<std::int64_t>(in.size());
    std::int64_t axis = graph_.integer(*node_, "axis", 1);
    if (axis < -rank || axis > rank) fail("axis " + std::to_string(axis) + " is out of range");
    if (axis < 0) axis += rank;
    Shape out = {1, 1};
    for (std::int64_t i = 0; i < rank; ++i) {
      out[i < axis ? 0 : 1] *= in[static_cast<std::size_t>(i)];
    }
    return out;
  }

  Shape gemm() const {
    require_inputs(2, 3);
    const Shape &a = input(0), &b = weights(1, "weight tensor");
    if (a.size() != 2 || b.size() != 2) {
      fail("operands " + to_text(a) + " and " + to_text(b) + " are not matrices");
    }
    if (graph_.integer(*node_, "transA", 0) != 0) fail("transA is not supported");
    const bool transposed = graph_.integer(*node_, "transB", 0) != 0;
    if (a[1] != b[transposed ? 1 : 0]) {
      fail("operands " + to_text(a) + " and " + to_text(b) + " do not match");
    }
    const std::int64_t columns = b[transposed ? 0 : 1];
    if (node_->has_input(2)) {
      const Shape &bias = weights(2, "bias");
      const bool is_row = !bias.empty() && bias.back() == columns;
      const std::int64_t size = element_count(bias);
      if (!(size == columns && is_row) && size != 1) {
        fail("bias " + to_text(bias) + " does not match " + std::to_string(columns) + " columns");
      }
    }
    return {a[0], columns};
  }

  Shape matrix_product() const {
    require_inputs(2, 2);
    const Shape &a = input(0), &b = weights(1, "right operand");
    if (a.size() != 2 || b.size() != 2 || a[1] != b[0]) {
      fail("operands " + to_text(a) + " and " + to_text(b) + " do not match");
    }
    return {a[0], b[1]};
  }

  Shape reshape() const {
    require_inputs(2, 2);
    const Shape &in = input(0);
    Shape out = constant(1, "target shape", Tensor::Type::kInteger).integers;
    const bool zero_is_zero = graph_.integer(*node_, "allowzero", 0) != 0;
    std::int64_t rest = element_count(in);
    std::int64_t *open = nullptr;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] == 0 && !zero_is_zero && i < in.size()) out[i] = in[i];
      if (out[i] == -1 && open == nullptr) {
        open = &out[i];
      } else if (out[i] < 1 || rest % out[i] != 0) {
        fail("cannot turn " + to_text(in) + " into the target shape");
      } else {
        rest /= out[i];
      }
    }
    if (open != nullptr) {
      *open = rest;
    } else if (rest != 1) {
      fail("cannot turn " + to_text(in) + " into " + to_text(out));
    }
    return out;
  }

  Graph &graph_;
  const Node *node_ = nullptr;
};

}  // namespace

Window window_of(const Graph &graph, const Node &node) {
  return WindowReader(graph, node).read();
}

void infer_shapes(Graph &graph) {
  Inference(graph).run();
}

}  // namespace npim::network
