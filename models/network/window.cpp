#include "network/window.h"

#include <algorithm>

namespace npim::network {
namespace {

constexpr std::int64_t kMaximumExtent = 1 << 16;

/// One spatial axis of a sliding window, resolved step by step.
struct Axis {
  std::int64_t in, kernel, stride, dilation, pad_before, pad_after;
  std::int64_t span() const { return covered(kernel, dilation); }
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
    if (node_.op == Op::kGlobalAveragePool || node_.op == Op::kReduceMean) {
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

  /// Whether ceil mode has added taps beyond the padding.
  bool is_extended() const { return is_extended_; }

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

  Axis resolve(Axis axis) {
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
  void apply_ceil_mode(Axis &axis) {
    const std::int64_t left = axis.room() % axis.stride;
    if (left == 0) return;
    const std::int64_t start = axis.room() - left + axis.stride;
    if (start >= axis.in + axis.pad_before) return;
    if (node_.op == Op::kAveragePool && axis.pad_before + axis.pad_after > 0 &&
        graph_.integer(node_, "count_include_pad", 0) != 0) {
      // Some of the padding would count and some not.
      graph_.fail(node_, "ceil_mode with windows over padding that counts is not supported");
    }
    is_extended_ = true;
    axis.pad_after += axis.stride - left;
    if (axis.dilation != 1 || axis.pad_after >= axis.kernel) {
      graph_.fail(node_, "ceil_mode needs more padding than the kernel covers");
    }
  }

  const Graph &graph_;
  const Node &node_;
  bool is_extended_ = false;
};

}  // namespace

Window window_of(const Graph &graph, const Node &node) {
  return WindowReader(graph, node).read();
}

bool counts_padding(const Graph &graph, const Node &node) {
  WindowReader reader(graph, node);
  reader.read();
  return graph.integer(node, "count_include_pad", 0) != 0 && !reader.is_extended();
}

}  // namespace npim::network
