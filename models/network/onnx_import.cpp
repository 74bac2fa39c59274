#include "network/onnx_import.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "network/synthetic_weights.h"
#include "network/window.h"

namespace npim::network {
namespace {

constexpr std::size_t kMaximumFile = std::size_t{1} << 30;
constexpr int kMaximumNodes = 10000;
constexpr std::int64_t kMaximumExtent = 1 << 16;
constexpr std::int64_t kLowestOpset = 11, kHighestOpset = 17;

/// Elements of a constant; its bytes are in the file, so the file's size bounds them.
std::int64_t constant_count(const onnx::TensorProto &proto) {
  std::int64_t count = 1;
  for (const std::int64_t extent : proto.dims()) {
    if (extent < 0 || extent > static_cast<std::int64_t>(kMaximumFile)) return -1;
    count *= extent;
    if (count > static_cast<std::int64_t>(kMaximumFile)) return -1;
  }
  return count;
}

template <typename T>
T little_endian(const std::string &raw, std::size_t index) {
  T value;
  std::memcpy(&value, raw.data() + index * sizeof(T), sizeof(T));
  return value;
}

class Importer {
 public:
  Importer(const std::string &name, const ImportOptions &options) : options_(options) {
    graph_.name = name;
  }

  Graph run(const Bytes &content) {
    onnx::ModelProto model;
    if (!model.ParseFromArray(content.data(), static_cast<int>(content.size()))) {
      graph_.fail("is not a complete ONNX file");
    }
    check_version(model);
    const onnx::GraphProto &proto = model.graph();
    if (proto.node_size() == 0) graph_.fail("holds no network");
    if (proto.node_size() > kMaximumNodes) {
      graph_.fail(std::to_string(proto.node_size()) + " nodes are too many");
    }
    if (proto.sparse_initializer_size() != 0) graph_.fail("sparse weights are not supported");
    read_initialisers(proto);
    read_inputs(proto);
    for (const onnx::NodeProto &node : proto.node()) read_node(node);
    for (const onnx::ValueInfoProto &output : proto.output()) {
      graph_.outputs.push_back(output.name());
    }
    if (graph_.outputs.empty()) graph_.fail("names no output");
    sort_nodes(graph_);
    skip_copies();
    if (options_.synthetic_weights) fill_weights(graph_, missing_, *options_.synthetic_weights);
    infer_shapes(graph_);
    check_outputs();
    sort_nodes(graph_);  // what only folded nodes needed
    skip_copies();
    return std::move(graph_);
  }

 private:
  void check_version(const onnx::ModelProto &model) {
    for (const auto &opset : model.opset_import()) {
      if (!opset.domain().empty() && opset.domain() != "ai.onnx") continue;
      opset_ = opset.version();
      if (opset_ >= kLowestOpset && opset_ <= kHighestOpset) return;
      graph_.fail("opset " + std::to_string(opset.version()) + " is not supported; " +
                  std::to_string(kLowestOpset) + " to " + std::to_string(kHighestOpset) + " are");
    }
    graph_.fail("is not an ONNX file, or names no opset");
  }

  void read_initialisers(const onnx::GraphProto &proto) {
    for (const onnx::TensorProto &tensor : proto.initializer()) {
      if (tensor.name().empty()) graph_.fail("a weight tensor has no name");
      Tensor read = read_tensor(tensor, "weight tensor '" + tensor.name() + "'");
      if (!graph_.initialisers.emplace(tensor.name(), std::move(read)).second) {
        graph_.fail("weight tensor '" + tensor.name() + "' is defined twice");
      }
    }
  }

  Tensor read_tensor(const onnx::TensorProto &proto, const std::string &what) const {
    if (proto.data_location() == onnx::TensorProto::EXTERNAL || proto.external_data_size() != 0) {
      graph_.fail(what + " lies in another file, which is not supported");
    }
    const std::int64_t count = constant_count(proto);
    if (count < 0) graph_.fail(what + " has an absurd shape");
    Tensor tensor;
    tensor.shape.assign(proto.dims().begin(), proto.dims().end());
    const auto size = static_cast<std::size_t>(count);
    switch (proto.data_type()) {
      case onnx::TensorProto::FLOAT:
        copy<float>(proto, proto.float_data(), size, what, tensor.floats);
        break;
      case onnx::TensorProto::DOUBLE:
        copy<double>(proto, proto.double_data(), size, what, tensor.floats);
        break;
      case onnx::TensorProto::INT64:
        copy<std::int64_t>(proto, proto.int64_data(), size, what, tensor.integers);
        tensor.type = Tensor::Type::kInteger;
        break;
      case onnx::TensorProto::INT32:
        copy<std::int32_t>(proto, proto.int32_data(), size, what, tensor.integers);
        tensor.type = Tensor::Type::kInteger;
        break;
      case onnx::TensorProto::BOOL:
        copy<std::uint8_t>(proto, proto.int32_data(), size, what, tensor.integers);
        tensor.type = Tensor::Type::kInteger;
        break;
      default:
        graph_.fail(what + " has element type " + std::to_string(proto.data_type()) +
                    "; float, double, int32, int64 and bool are supported");
    }
    for (const float value : tensor.floats) {
      if (!std::isfinite(value)) graph_.fail(what + " holds a value that is not finite");
    }
    return tensor;
  }

  /// Copies from the raw or the typed field, whose size is checked before anything is allocated.
  template <typename Stored, typename Field, typename Value>
  void copy(const onnx::TensorProto &proto, const Field &field, std::size_t count,
            const std::string &what, std::vector<Value> &values) const {
    const std::string &raw = proto.raw_data();
    const bool is_raw = proto.has_raw_data();
    const std::size_t stored =
        is_raw ? raw.size() / sizeof(Stored) : static_cast<std::size_t>(field.size());
    if (stored != count || (is_raw && raw.size() % sizeof(Stored) != 0)) {
      graph_.fail(what + " holds " + std::to_string(stored) + " values instead of " +
                  std::to_string(count));
    }
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      values.push_back(
          static_cast<Value>(is_raw ? little_endian<Stored>(raw, i)
                                    : static_cast<Stored>(field.Get(static_cast<int>(i)))));
    }
  }

  /// Inputs that are not initialisers. Exporters list weights among the inputs as well; without
  /// data they are weights that the file lacks.
  void read_inputs(const onnx::GraphProto &proto) {
    for (const onnx::ValueInfoProto &input : proto.input()) {
      if (graph_.initialisers.count(input.name()) != 0) continue;
      if (input.name().empty()) graph_.fail("an input has no name");
      if (graph_.shapes.count(input.name()) != 0 || missing_.count(input.name()) != 0) {
        graph_.fail("input '" + input.name() + "' is defined twice");
      }
      if (options_.synthetic_weights && !graph_.inputs.empty()) {
        missing_.insert(input.name());
        graph_.initialisers[input.name()].shape = input_shape(input, false);
        continue;
      }
      graph_.inputs.push_back(input.name());
      graph_.shapes[input.name()] = input_shape(input, graph_.inputs.size() == 1);
    }
    if (graph_.inputs.empty()) graph_.fail("has no input");
    if (graph_.inputs.size() > 1) {
      graph_.fail("has " + std::to_string(graph_.inputs.size()) + " inputs without data ('" +
                  graph_.inputs[0] + "', '" + graph_.inputs[1] +
                  "' ...): weights are missing (--synthetic-weights makes some up), or the "
                  "network has several inputs");
    }
  }

  Shape input_shape(const onnx::ValueInfoProto &input, bool is_image) const {
    const auto &type = input.type().tensor_type();
    if (!input.type().has_tensor_type() || type.elem_type() != onnx::TensorProto::FLOAT) {
      graph_.fail("input '" + input.name() + "' is not a tensor of floats");
    }
    Shape shape;
    for (const auto &dim : type.shape().dim()) {
      const bool is_sequence = type.shape().dim_size() == 3;  // the first axis is time
      const bool is_batch = is_image && shape.empty() && !is_sequence;
      std::int64_t extent = dim.has_dim_value() ? dim.dim_value() : 0;
      if (is_batch && !dim.has_dim_value()) extent = 1;
      if (extent < 1 || extent > kMaximumExtent) {
        graph_.fail("input '" + input.name() + "' has extent " + to_text_of(dim) + " on axis " +
                    std::to_string(shape.size()) + ", which cannot be resolved");
      }
      if (is_batch && extent != 1) {
        graph_.fail("input '" + input.name() + "' has a fixed batch of " + std::to_string(extent) +
                    "; 1 or a dynamic one is supported");
      }
      shape.push_back(extent);
    }
    return shape;
  }

  static std::string to_text_of(const onnx::TensorShapeProto::Dimension &dim) {
    if (dim.has_dim_value()) return std::to_string(dim.dim_value());
    return dim.has_dim_param() ? "'" + dim.dim_param() + "'" : "(none)";
  }

  void read_node(const onnx::NodeProto &proto) {
    Node node;
    node.name = proto.name();
    const auto output = std::find_if(proto.output().begin(), proto.output().end(),
                                     [](const std::string &name) { return !name.empty(); });
    const bool has_output = output != proto.output().end();
    if (node.name.empty() && has_output) node.name = *output;
    const bool is_standard = proto.domain().empty() || proto.domain() == "ai.onnx";
    if (!is_standard || !parse_op(proto.op_type(), node.op)) {
      graph_.fail("operator '" + (is_standard ? "" : proto.domain() + ".") + proto.op_type() +
                  "' of node '" + node.name + "' is not supported; supported: " + supported_ops());
    }
    if (!has_output) graph_.fail(node, "has no output");
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    // Who wants the last state of a recurrent network only leaves out the sequence, which has to be
    // computed all the same.
    if (node.outputs[0].empty()) node.outputs[0] = *output + ".first output";
    if (node.op == Op::kConstant) {
      read_constant(proto, node);
      return;
    }
    for (const onnx::AttributeProto &attribute : proto.attribute()) {
      node.attributes[attribute.name()] = read_attribute(attribute, node);
    }
    // Before opset 13 a Softmax ran over all axes from the given one on, by default the second.
    if (node.op == Op::kSoftmax && opset_ < 13) {
      node.attributes.emplace("axis", std::int64_t{1});
      node.attributes["is_flattened"] = std::int64_t{1};
    }
    graph_.nodes.push_back(std::move(node));
  }

  Attribute read_attribute(const onnx::AttributeProto &proto, const Node &node) const {
    switch (proto.type()) {
      case onnx::AttributeProto::INT:
        return std::int64_t{proto.i()};
      case onnx::AttributeProto::FLOAT:
        if (!std::isfinite(proto.f())) {
          graph_.fail(node, "attribute '" + proto.name() + "' is not finite");
        }
        return proto.f();
      case onnx::AttributeProto::STRING:
        return proto.s();
      case onnx::AttributeProto::INTS:
        return std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
      case onnx::AttributeProto::FLOATS:
        return std::vector<float>(proto.floats().begin(), proto.floats().end());
      case onnx::AttributeProto::TENSOR:
        return read_scalar(proto, node);
      default:
        graph_.fail(node, "attribute '" + proto.name() + "' has a type that is not supported");
    }
  }

  /// A tensor of one element, the fill value of a ConstantOfShape.
  Attribute read_scalar(const onnx::AttributeProto &proto, const Node &node) const {
    const Tensor tensor =
        read_tensor(proto.t(), "attribute '" + proto.name() + "' of '" + node.name + "'");
    if (tensor.floats.size() + tensor.integers.size() != 1) {
      graph_.fail(node, "attribute '" + proto.name() + "' is not a single value");
    }
    if (tensor.type == Tensor::Type::kInteger) return tensor.integers[0];
    return tensor.floats[0];
  }

  void read_constant(const onnx::NodeProto &proto, const Node &node) {
    if (proto.attribute_size() != 1) graph_.fail(node, "does not hold exactly one value");
    const onnx::AttributeProto &value = proto.attribute(0);
    Tensor tensor;
    if (value.name() == "value" && value.type() == onnx::AttributeProto::TENSOR) {
      tensor = read_tensor(value.t(), "constant '" + node.name + "'");
    } else if (value.name() == "value_float") {
      tensor.floats = {value.f()};
    } else if (value.name() == "value_floats") {
      tensor.floats.assign(value.floats().begin(), value.floats().end());
      tensor.shape = {value.floats_size()};
    } else if (value.name() == "value_int") {
      tensor.type = Tensor::Type::kInteger;
      tensor.integers = {value.i()};
    } else if (value.name() == "value_ints") {
      tensor.type = Tensor::Type::kInteger;
      tensor.integers.assign(value.ints().begin(), value.ints().end());
      tensor.shape = {value.ints_size()};
    } else {
      graph_.fail(node, "value '" + value.name() + "' is not supported");
    }
    for (const float real : tensor.floats) {
      if (!std::isfinite(real)) graph_.fail(node, "holds a value that is not finite");
    }
    if (!graph_.initialisers.emplace(node.outputs[0], std::move(tensor)).second) {
      graph_.fail(node, "tensor '" + node.outputs[0] + "' is defined twice");
    }
  }

  /// Readers of a node that copies its input (an Identity; with shapes known also a Pad by nothing
  /// and the like) read that input instead.
  void skip_copies() {
    std::map<std::string, std::string> sources;
    std::vector<Node> kept;
    for (Node &node : graph_.nodes) {
      for (std::string &input : node.inputs) {
        const auto source = sources.find(input);
        if (source != sources.end()) input = source->second;
      }
      if (node.has_input(0) && is_copy(node)) {
        sources[node.outputs[0]] = node.inputs[0];
      } else {
        kept.push_back(std::move(node));
      }
    }
    for (std::string &output : graph_.outputs) {
      const auto source = sources.find(output);
      if (source != sources.end()) output = source->second;
    }
    graph_.nodes = std::move(kept);
    sort_nodes(graph_);
  }

  /// Of a graph whose nodes are sorted.
  void check_outputs() const {
    std::set<std::string> reached(graph_.inputs.begin(), graph_.inputs.end());
    for (const Node &node : graph_.nodes) {
      const bool depends =
          std::any_of(node.inputs.begin(), node.inputs.end(),
                      [&](const std::string &input) { return reached.count(input) != 0; });
      if (depends) reached.insert(node.outputs.begin(), node.outputs.end());
    }
    for (const std::string &output : graph_.outputs) {
      if (reached.count(output) == 0) {
        graph_.fail("output '" + output + "' does not depend on the input");
      }
    }
  }

  void check_dropout(const Node &node) const {
    if (!node.has_input(2)) return;
    const Tensor *trains = graph_.initialiser(node.inputs[2]);
    if (trains == nullptr || trains->integers != std::vector<std::int64_t>{0}) {
      graph_.fail(node, "training mode is not supported");
    }
  }

  bool is_copy(const Node &node) const {
    if (node.op == Op::kDropout) check_dropout(node);
    if (node.op == Op::kIdentity || node.op == Op::kDropout) return true;
    const auto shape = graph_.shapes.find(node.outputs[0]);
    if (shape == graph_.shapes.end() || shape->second != graph_.shape(node.inputs[0])) return false;
    switch (node.op) {
      case Op::kCast:
      case Op::kFlatten:
      case Op::kReshape:
      case Op::kSqueeze:
      case Op::kUnsqueeze:
        return true;
      case Op::kConcat:
        return node.inputs.size() == 1;
      case Op::kPad:
      case Op::kSlice:
        return copies_in_order(picked_indices(graph_, node));
      case Op::kAveragePool:
        return has_single_tap(node);
      case Op::kTranspose: {
        const auto permutation = permutation_of(graph_, node);
        return std::is_sorted(permutation.begin(), permutation.end());
      }
      default:
        return false;
    }
  }

  static bool copies_in_order(const AxisIndices &indices) {
    for (const auto &axis : indices) {
      for (std::size_t i = 0; i < axis.size(); ++i) {
        if (axis[i] != static_cast<std::int64_t>(i)) return false;
      }
    }
    return true;
  }

  bool has_single_tap(const Node &node) const {
    const Window w = window_of(graph_, node);
    return w.kernel_height == 1 && w.kernel_width == 1 && w.stride_height == 1 &&
           w.stride_width == 1;
  }

  const ImportOptions options_;
  std::int64_t opset_ = kHighestOpset;
  std::set<std::string> missing_;  // weights to make up
  Graph graph_;
};

}  // namespace

Graph import_onnx(const std::string &path, const ImportOptions &options) {
  return import_onnx(read_file(path, kMaximumFile), path, options);
}

Graph import_onnx(const Bytes &content, const std::string &name, const ImportOptions &options) {
  if (content.size() > kMaximumFile) throw InputError(name, "is larger than 1 GiB");
  return Importer(name, options).run(content);
}

}  // namespace npim::network
