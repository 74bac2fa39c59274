#include "network/fold_constants.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "network/tensor_ops.h"

namespace npim::network {
namespace {

// ONNX element types of Cast (onnx.proto, TensorProto.DataType).
constexpr std::int64_t kFloat = 1, kInt32 = 6, kInt64 = 7, kDouble = 11;

class Evaluator {
 public:
  Evaluator(const Graph &graph, const Node &node, const Shape &shape)
      : graph_(graph), node_(node), shape_(shape) {}

  Tensor run() const {
    Tensor result;
    if (node_.op == Op::kShape) {
      result.type = Tensor::Type::kInteger;
      result.integers = shape_part(graph_, node_);
    } else if (node_.op == Op::kConstantOfShape) {
      result = filled();
    } else if (node_.op == Op::kCast) {
      result = cast();
    } else if (input(0).type == Tensor::Type::kInteger) {
      result.type = Tensor::Type::kInteger;
      result.integers = compute<std::int64_t>();
    } else {
      result.floats = compute<float>();
    }
    for (const float value : result.floats) {
      if (!std::isfinite(value)) graph_.fail(node_, "yields a value that is not finite");
    }
    result.shape = shape_;
    return result;
  }

 private:
  const Tensor &input(std::size_t index) const { return *graph_.initialiser(node_.inputs[index]); }
  template <typename T>
  const std::vector<T> &values(std::size_t index) const {
    const Tensor &tensor = input(index);
    if (tensor.type != input(0).type) graph_.fail(node_, "mixes integers and floats");
    if constexpr (std::is_same_v<T, float>) {
      return tensor.floats;
    } else {
      return tensor.integers;
    }
  }

  template <typename T>
  std::vector<T> compute() const {
    switch (node_.op) {
      case Op::kSlice:
      case Op::kGather:
        return pick<T>(values<T>(0), input(0).shape, picked_indices(graph_, node_), T{0});
      case Op::kPad:
        return pick<T>(values<T>(0), input(0).shape, picked_indices(graph_, node_),
                       node_.has_input(2) ? values<T>(2).at(0) : T{0});
      case Op::kTranspose:
        return transpose(values<T>(0), input(0).shape, permutation_of(graph_, node_));
      case Op::kConcat:
        return concatenated<T>();
      case Op::kRange:
        return range<T>();
      case Op::kAdd:
      case Op::kSub:
      case Op::kMul:
      case Op::kDiv:
        return combine_broadcast<T>(values<T>(0), input(0).shape, values<T>(1), input(1).shape,
                                    shape_, [this](T a, T b) { return arithmetic(a, b); });
      default:
        return values<T>(0);  // Reshape and the like
    }
  }

  float arithmetic(float a, float b) const { return apply(node_.op, a, b); }
  std::int64_t arithmetic(std::int64_t a, std::int64_t b) const {
    std::int64_t result = 0;
    bool overflows = false;
    switch (node_.op) {
      case Op::kAdd:
        overflows = __builtin_add_overflow(a, b, &result);
        break;
      case Op::kSub:
        overflows = __builtin_sub_overflow(a, b, &result);
        break;
      case Op::kMul:
        overflows = __builtin_mul_overflow(a, b, &result);
        break;
      default:
        if (b == 0) graph_.fail(node_, "divides by zero");
        overflows = b == -1 && a == std::numeric_limits<std::int64_t>::min();
        if (!overflows) result = a / b;
    }
    if (overflows) graph_.fail(node_, "exceeds 64 bits");
    return result;
  }

  template <typename T>
  std::vector<T> concatenated() const {
    const std::size_t axis = axis_of(graph_, node_, 0, shape_.size());
    std::vector<const std::vector<T> *> parts;
    std::vector<std::size_t> chunks;
    std::size_t outer = 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= static_cast<std::size_t>(shape_[i]);
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      parts.push_back(&values<T>(i));
      chunks.push_back(outer == 0 ? 0 : parts.back()->size() / outer);
    }
    return concatenate(parts, chunks, outer);
  }

  template <typename T>
  std::vector<T> range() const {
    std::vector<T> result;
    const T start = values<T>(0).at(0), delta = values<T>(2).at(0);
    for (std::int64_t i = 0; i < shape_[0]; ++i) {
      if constexpr (std::is_same_v<T, float>) {
        result.push_back(start + static_cast<float>(i) * delta);
      } else {
        // Modulo 2^64: the sum fits, the product alone need not.
        const auto offset = static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(delta);
        result.push_back(static_cast<T>(static_cast<std::uint64_t>(start) + offset));
      }
    }
    return result;
  }

  Tensor filled() const {
    Tensor result;
    const auto count = static_cast<std::size_t>(element_count(shape_));
    const auto value = node_.attributes.find("value");
    const auto *integer =
        value == node_.attributes.end() ? nullptr : std::get_if<std::int64_t>(&value->second);
    if (integer == nullptr) {
      result.floats.assign(count, graph_.real(node_, "value", 0.0F));
    } else {
      result.type = Tensor::Type::kInteger;
      result.integers.assign(count, *integer);
    }
    return result;
  }

  Tensor cast() const {
    const std::int64_t to = graph_.integer(node_, "to", 0);
    Tensor result = input(0);
    if (to == kFloat || to == kDouble) {
      if (result.type == Tensor::Type::kInteger) {
        result.floats.assign(result.integers.begin(), result.integers.end());
        result.integers.clear();
      }
      result.type = Tensor::Type::kFloat;
    } else if (to == kInt32 || to == kInt64) {
      for (const float value : result.floats) {
        if (std::abs(value) >= 0x1p62F) graph_.fail(node_, "exceeds 64 bits");
        result.integers.push_back(static_cast<std::int64_t>(value));
      }
      result.floats.clear();
      result.type = Tensor::Type::kInteger;
    } else {
      graph_.fail(node_, "element type " + std::to_string(to) +
                             " is not supported; float, double, int32 and int64 are");
    }
    return result;
  }

  const Graph &graph_;
  const Node &node_;
  const Shape &shape_;
};

}  // namespace

bool is_constant(const Graph &graph, const Node &node) {
  switch (node.op) {
    case Op::kShape:
      return true;
    case Op::kAdd:
    case Op::kCast:
    case Op::kConcat:
    case Op::kConstantOfShape:
    case Op::kDiv:
    case Op::kFlatten:
    case Op::kGather:
    case Op::kMul:
    case Op::kPad:
    case Op::kRange:
    case Op::kReshape:
    case Op::kSlice:
    case Op::kSqueeze:
    case Op::kSub:
    case Op::kTranspose:
    case Op::kUnsqueeze:
      return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const std::string &input) {
        return input.empty() || graph.initialiser(input) != nullptr;
      });
    default:
      return false;
  }
}

Tensor constant_value(const Graph &graph, const Node &node, const Shape &shape) {
  return Evaluator(graph, node, shape).run();
}

std::int64_t range_size(const Graph &graph, const Node &node) {
  double bounds[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const Tensor *tensor = graph.initialiser(node.inputs[i]);
    if (tensor == nullptr || element_count(tensor->shape) != 1) {
      graph.fail(node, "bound '" + node.inputs[i] + "' is not a constant number");
    }
    bounds[i] = tensor->type == Tensor::Type::kInteger ? static_cast<double>(tensor->integers[0])
                                                       : static_cast<double>(tensor->floats[0]);
  }
  const double size = std::ceil((bounds[1] - bounds[0]) / bounds[2]);
  if (!(std::abs(size) <= 0x1p20)) graph.fail(node, "range is not usable");
  return std::max<std::int64_t>(0, static_cast<std::int64_t>(size));
}

Shape shape_part(const Graph &graph, const Node &node) {
  const Shape &shape = graph.shape(node.inputs[0]);
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto bound = [&](const char *name, std::int64_t otherwise) {
    const std::int64_t value = graph.integer(node, name, otherwise);
    return std::clamp<std::int64_t>(value < 0 ? value + rank : value, 0, rank);
  };
  const std::int64_t start = bound("start", 0), end = std::max(start, bound("end", rank));
  return {shape.begin() + start, shape.begin() + end};
}

}  // namespace npim::network
