// Static shapes of every tensor, by the ONNX operator definitions.
#include <algorithm>
#include <utility>

#include "network/fold_constants.h"
#include "network/graph.h"
#include "network/recurrent.h"
#include "network/window.h"

namespace npim::network {
namespace {

constexpr std::int64_t kMaximumExtent = 1 << 16;
constexpr std::int64_t kMaximumTotalElements = std::int64_t{1} << 27;  // of all node outputs
constexpr std::int64_t kMaximumConstantBytes = std::int64_t{1} << 29;  // of all folded constants

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
    std::vector<bool> is_folded(graph_.nodes.size(), false);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      node_ = &graph_.nodes[i];
      is_folded[i] = is_constant(graph_, *node_);
      is_folded[i] ? fold() : infer();
    }
    std::size_t next = 0;
    const auto folded = [&](const Node &) { return is_folded[next++]; };
    graph_.nodes.erase(std::remove_if(graph_.nodes.begin(), graph_.nodes.end(), folded),
                       graph_.nodes.end());
  }

 private:
  [[noreturn]] void fail(const std::string &what) const { graph_.fail(*node_, what); }

  void infer() {
    check_inputs();
    std::vector<Shape> shapes = output_shapes();
    for (std::size_t i = 0; i < shapes.size() && i < node_->outputs.size(); ++i) {
      const std::int64_t elements = element_count(shapes[i]);
      if (elements <= 0) fail("output shape " + to_text(shapes[i]) + " is not usable");
      elements_ += elements;
      if (elements_ > kMaximumTotalElements) fail("the network's tensors are too large in total");
      if (!node_->outputs[i].empty()) graph_.shapes[node_->outputs[i]] = std::move(shapes[i]);
    }
    // Masks, indices and running means belong to training.
    for (std::size_t i = shapes.size(); i < node_->outputs.size(); ++i) {
      if (!node_->outputs[i].empty() && graph_.uses(node_->outputs[i]) > 0) {
        fail("output '" + node_->outputs[i] + "' is not supported");
      }
    }
  }

  void fold() {
    const Shape shape = output_shapes().at(0);
    const std::int64_t elements = element_count(shape);
    if (elements < 0) fail("output shape " + to_text(shape) + " is not usable");
    // Integers count as what they take, floats as no more.
    constant_bytes_ += elements * static_cast<std::int64_t>(sizeof(std::int64_t));
    if (constant_bytes_ > kMaximumConstantBytes) fail("constants are too large in total");
    const std::string &name = node_->outputs[0];
    graph_.initialisers[name] = constant_value(graph_, *node_, shape);
    graph_.shapes[name] = shape;
  }

  /// Shapes, indices and limits are integers; what flows through the network is not.
  void check_inputs() const {
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
      const Tensor *tensor = graph_.initialiser(node_->inputs[i]);
      if (tensor != nullptr && tensor->type == Tensor::Type::kInteger && !takes_integers(i)) {
        fail("input '" + node_->inputs[i] + "' holds integers");
      }
    }
  }

  bool takes_integers(std::size_t input) const {
    switch (node_->op) {
      case Op::kReshape:
      case Op::kGather:
      case Op::kSqueeze:
      case Op::kUnsqueeze:
      case Op::kReduceMean:
        return input == 1;
      case Op::kPad:
        return input == 1;
      case Op::kSlice:
        return input >= 1;
      case Op::kConstantOfShape:
      case Op::kRange:
        return true;
      default:
        return false;
    }
  }

  void require_inputs(std::size_t lowest, std::size_t highest) const {
    if (node_->inputs.size() < lowest || node_->inputs.size() > highest) {
      fail("has " + std::to_string(node_->inputs.size()) + " inputs");
    }
    for (std::size_t i = 0; i < lowest; ++i) {
      if (!node_->has_input(i)) fail("input " + std::to_string(i) + " is missing");
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

  std::vector<Shape> output_shapes() const {
    if (node_->op == Op::kLstm || node_->op == Op::kGru) return recurrent();
    return {output_shape()};
  }

  Shape output_shape() const {
    switch (node_->op) {
      case Op::kAdd:
      case Op::kSub:
      case Op::kMul:
      case Op::kDiv:
        return broadcast();
      case Op::kBatchNormalization:
        return batch_normalization();
      case Op::kCast:
        return cast();
      case Op::kClip:
        require_inputs(1, 3);
        limits_of(graph_, *node_);
        return input(0);
      case Op::kConcat:
        return concatenation();
      case Op::kConstantOfShape:
        require_inputs(1, 1);
        return graph_.constant_integers(*node_, 0, "shape");
      case Op::kConv:
        return convolution();
      case Op::kAveragePool:
      case Op::kGlobalAveragePool:
      case Op::kMaxPool:
        return pool();
      case Op::kFlatten:
        return flatten();
      case Op::kGather:
      case Op::kPad:
      case Op::kSlice:
        return picked();
      case Op::kGemm:
        return gemm();
      case Op::kLrn:
        return local_response_normalization();
      case Op::kMatMul:
        return matrix_product();
      case Op::kRange:
        require_inputs(3, 3);
        return {range_size(graph_, *node_)};
      case Op::kReduceMean:
        return mean();
      case Op::kReshape:
        return reshape();
      case Op::kShape:
        require_inputs(1, 1);
        return {static_cast<std::int64_t>(shape_part(graph_, *node_).size())};
      case Op::kHardSigmoid:
      case Op::kHardSwish:
      case Op::kIdentity:
      case Op::kLeakyRelu:
      case Op::kRelu:
      case Op::kSigmoid:
      case Op::kTanh:
        require_inputs(1, 1);
        return input(0);
      case Op::kSoftmax:
        require_inputs(1, 1);
        axis_of(graph_, *node_, -1, input(0).size());
        return input(0);
      case Op::kSqueeze:
        return squeeze();
      case Op::kTranspose:
        return transposition();
      case Op::kUnsqueeze:
        return unsqueeze();
      case Op::kDropout:
        require_inputs(1, 3);
        return input(0);
      case Op::kConstant:
      case Op::kGru:
      case Op::kLstm:
        break;
    }
    fail("is not resolved");
  }

  Shape broadcast() const {
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
    if (in[0] != 1) fail("input " + to_text(in) + " is a batch of several images");
    const std::int64_t group = graph_.integer(*node_, "group", 1);
    if (group < 1 || group > in[1] || kernel[0] % group != 0 || in[1] % group != 0 ||
        kernel[1] != in[1] / group) {
      fail("weights " + to_text(kernel) + " do not match the input " + to_text(in) + " in " +
           std::to_string(group) + " groups");
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
    return {in[0], channels, w.output_height(in[2]), w.output_width(in[3])};
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
    if (a.size() < 2 || b.size() != 2 || a.back() != b[0]) {
      fail("operands " + to_text(a) + " and " + to_text(b) + " do not match");
    }
    Shape out = a;
    out.back() = b[1];
    return out;
  }

  Shape cast() const {
    require_inputs(1, 1);
    // Between kinds of floats nothing changes; integers exist as constants only.
    const std::int64_t to = graph_.integer(*node_, "to", 0);
    if (!is_constant(graph_, *node_) && to != 1 && to != 11) {
      fail("to element type " + std::to_string(to) + " is supported for constants only");
    }
    return input(0);
  }

  Shape concatenation() const {
    require_inputs(1, node_->inputs.size());
    Shape out = input(0);
    const std::size_t axis = axis_of(graph_, *node_, 0, out.size());
    for (std::size_t i = 1; i < node_->inputs.size(); ++i) {
      if (!node_->has_input(i)) fail("input " + std::to_string(i) + " is missing");
      Shape next = input(i);
      if (next.size() != out.size()) fail("inputs differ in rank");
      const std::int64_t extent = std::exchange(next[axis], out[axis]);
      if (next != out)
        fail("shapes " + to_text(input(0)) + " and " + to_text(input(i)) + " do not match");
      out[axis] += extent;  // each at most 2^28, at most 10^4 of them
    }
    return out;
  }

  Shape picked() const {
    const bool is_gather = node_->op == Op::kGather;
    require_inputs(node_->op == Op::kSlice ? 3 : 2,
                   is_gather ? 2 : (node_->op == Op::kPad ? 3 : 5));
    if (node_->op == Op::kPad && node_->has_input(2)) {
      const Tensor *value = graph_.initialiser(node_->inputs[2]);
      if (value == nullptr || element_count(value->shape) != 1) fail("value is not a constant");
    }
    if (element_count(input(0)) < 0) fail("input is too large");
    const AxisIndices indices = picked_indices(graph_, *node_);
    Shape out;
    const std::size_t gathered = is_gather ? axis_of(graph_, *node_, 0, input(0).size()) : 0;
    for (std::size_t axis = 0; axis < indices.size(); ++axis) {
      if (is_gather && axis == gathered) {
        out.insert(out.end(), input(1).begin(), input(1).end());
      } else {
        out.push_back(static_cast<std::int64_t>(indices[axis].size()));
      }
    }
    return out;
  }

  Shape transposition() const {
    require_inputs(1, 1);
    Shape out;
    for (const std::size_t axis : permutation_of(graph_, *node_)) out.push_back(input(0)[axis]);
    return out;
  }

  /// The axes of a Squeeze, Unsqueeze or ReduceMean: an attribute before opset 13 (18), then an
  /// input.
  std::vector<bool> axis_flags(std::size_t rank, bool &is_given) const {
    std::vector<std::int64_t> axes;
    is_given = true;
    const auto attribute = node_->attributes.find("axes");
    if (node_->has_input(1)) {
      axes = graph_.constant_integers(*node_, 1, "axes");
    } else if (attribute != node_->attributes.end()) {
      const auto *values = std::get_if<std::vector<std::int64_t>>(&attribute->second);
      if (values == nullptr) fail("attribute 'axes' has the wrong type");
      axes = *values;
    } else {
      is_given = false;
    }
    std::vector<bool> flags(rank, false);
    for (const std::int64_t axis : axes) {
      const auto limit = static_cast<std::int64_t>(rank);
      if (axis < -limit || axis >= limit) {
        fail("axis " + std::to_string(axis) + " is out of range");
      }
      const auto index = static_cast<std::size_t>(axis < 0 ? axis + limit : axis);
      if (flags[index]) fail("names an axis twice");
      flags[index] = true;
    }
    return flags;
  }

  Shape squeeze() const {
    require_inputs(1, 2);
    bool is_given = false;
    const std::vector<bool> flags = axis_flags(input(0).size(), is_given);
    Shape out;
    for (std::size_t axis = 0; axis < flags.size(); ++axis) {
      const std::int64_t extent = input(0)[axis];
      if (flags[axis] && extent != 1) fail("squeezes an axis of " + std::to_string(extent));
      const bool is_dropped = is_given ? bool{flags[axis]} : extent == 1;
      if (!is_dropped) out.push_back(extent);
    }
    return out;
  }

  Shape unsqueeze() const {
    require_inputs(1, 2);
    std::size_t added = 0;
    if (node_->has_input(1)) {
      added = graph_.constant_integers(*node_, 1, "axes").size();
    } else if (const auto found = node_->attributes.find("axes");
               found != node_->attributes.end()) {
      const auto *values = std::get_if<std::vector<std::int64_t>>(&found->second);
      added = values == nullptr ? 0 : values->size();
    }
    if (added > 8) fail("adds " + std::to_string(added) + " axes");
    bool is_given = false;
    const std::vector<bool> flags = axis_flags(input(0).size() + added, is_given);
    if (!is_given) fail("names no axes");
    Shape out;
    auto from = input(0).begin();
    for (const bool is_new : flags) out.push_back(is_new ? 1 : *from++);
    return out;
  }

  /// Only the mean over an image is supported: what some exporters write for a global pool.
  Shape mean() const {
    require_inputs(1, 2);
    bool is_given = false;
    const Shape &in = input(0);
    if (in.size() != 4 || axis_flags(4, is_given) != std::vector<bool>{false, false, true, true}) {
      fail("is supported over height and width of an image only");
    }
    if (graph_.integer(*node_, "keepdims", 1) == 0) return {in[0], in[1]};
    return {in[0], in[1], 1, 1};
  }

  Shape local_response_normalization() const {
    require_inputs(1, 1);
    if (input(0).size() < 2) fail("input " + to_text(input(0)) + " has no channels");
    const std::int64_t size = graph_.integer(*node_, "size", 0);
    if (size < 1 || size > kMaximumExtent) fail("size " + std::to_string(size) + " is not usable");
    return input(0);
  }

  std::vector<Shape> recurrent() const {
    require_inputs(3, 8);
    for (const std::size_t i : {1, 2}) weights(i, "weight tensor");
    for (const std::size_t i : {3, 5, 6}) {
      if (node_->has_input(i)) weights(i, i == 3 ? "bias" : "initial state");
    }
    const RecurrentShape r = recurrent_shape(graph_, *node_);
    const Shape state = {r.directions, r.batch, r.hidden};
    std::vector<Shape> shapes = {{r.length, r.directions, r.batch, r.hidden}, state};
    if (node_->op == Op::kLstm) shapes.push_back(state);
    return shapes;
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
  std::int64_t elements_ = 0;
  std::int64_t constant_bytes_ = 0;
};

}  // namespace

void infer_shapes(Graph &graph) {
  Inference(graph).run();
}

}  // namespace npim::network
