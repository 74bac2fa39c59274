// A trained network as a graph of floating-point operators: what an ONNX file says once names,
// shapes and constants are settled. Tensors are NCHW with batch 1, as in ONNX
// (https://onnx.ai/onnx/operators/).
//
// import_onnx() yields a checked graph: nodes in topological order, every tensor with a static
// shape, no dead nodes, no constants computed at run time. The float executor runs it and
// quantise() turns it into the integer network.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "network/quantised.h"

namespace npim::network {

using Shape = std::vector<std::int64_t>;

/// Elements of a tensor; -1 when the product exceeds the limit of 2^28 or an extent is negative.
std::int64_t element_count(const Shape &shape);
/// "1x3x32x32".
std::string to_text(const Shape &shape);

/// A dense tensor, row-major. Either floats or integers hold the values, as `type` says.
struct Tensor {
  enum class Type { kFloat, kInteger };
  Type type = Type::kFloat;
  Shape shape;
  std::vector<float> floats;
  std::vector<std::int64_t> integers;
};

/// Operators under their ONNX names.
enum class Op {
  kAdd,
  kAveragePool,
  kBatchNormalization,
  kCast,
  kClip,
  kConcat,
  kConstant,
  kConstantOfShape,
  kConv,
  kDiv,
  kDropout,
  kFlatten,
  kGather,
  kGemm,
  kGlobalAveragePool,
  kGru,
  kHardSigmoid,
  kHardSwish,
  kIdentity,
  kLeakyRelu,
  kLrn,
  kLstm,
  kMatMul,
  kMaxPool,
  kMul,
  kPad,
  kRange,
  kReduceMean,
  kRelu,
  kReshape,
  kShape,
  kSigmoid,
  kSlice,
  kSoftmax,
  kSqueeze,
  kSub,
  kTanh,
  kTranspose,
  kUnsqueeze,
};

const char *to_text(Op op);
/// False when the operator is not supported.
bool parse_op(const std::string &name, Op &op);
/// "Add, AveragePool, ...".
std::string supported_ops();

using Attribute =
    std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>>;

struct Node {
  std::string name;  ///< never empty: the ONNX name or that of the first output
  Op op = Op::kIdentity;
  std::vector<std::string> inputs;  ///< an empty name is an optional input left out
  std::vector<std::string> outputs;
  std::map<std::string, Attribute> attributes;

  bool has_input(std::size_t index) const {
    return index < inputs.size() && !inputs[index].empty();
  }
};

struct Graph {
  std::string name;  ///< the file, for messages
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Node> nodes;
  std::map<std::string, Tensor> initialisers;
  std::map<std::string, Shape> shapes;  ///< of inputs, initialisers and node outputs

  const Shape &shape(const std::string &tensor) const { return shapes.at(tensor); }
  const Tensor *initialiser(const std::string &tensor) const;
  /// Node inputs and graph outputs that read the tensor.
  int uses(const std::string &tensor) const;
  /// The node that reads the tensor if it is the only use, else -1.
  int only_reader(const std::string &tensor) const;
  /// The node that writes the tensor, or -1.
  int writer(const std::string &tensor) const;

  /// Constant integers at a node's input. Throws InputError when the input is not that.
  const std::vector<std::int64_t> &constant_integers(const Node &node, std::size_t input,
                                                     const std::string &what) const;

  [[noreturn]] void fail(const std::string &what) const;
  [[noreturn]] void fail(const Node &node, const std::string &what) const;

  /// Attributes with ONNX's defaults; throw InputError when the type is not the expected one.
  std::int64_t integer(const Node &node, const std::string &name, std::int64_t otherwise) const;
  float real(const Node &node, const std::string &name, float otherwise) const;
  std::string text(const Node &node, const std::string &name, const std::string &otherwise) const;
  /// Exactly `size` integers.
  Shape integers(const Node &node, const std::string &name, const Shape &otherwise) const;
};

/// Sorts the nodes topologically and drops those that no output needs. Throws InputError on tensors
/// that nobody defines or several define, and on cycles.
void sort_nodes(Graph &graph);

/// Fills `shapes` from those of inputs and initialisers; checks ranks, extents and attributes of
/// every node. Nodes that depend on constants and shapes alone (what exporters leave of shape
/// arithmetic) are evaluated and become initialisers. Throws InputError naming the node.
void infer_shapes(Graph &graph);

/// What a Slice, Pad or Gather copies: for each axis of the input, the index on it for every index
/// of the output; -1 stands for the fill value. A Gather's indices count as one axis.
using AxisIndices = std::vector<std::vector<std::int64_t>>;
AxisIndices picked_indices(const Graph &graph, const Node &node);

/// The source axis of every output axis of a Transpose.
std::vector<std::size_t> permutation_of(const Graph &graph, const Node &node);

/// The axis attribute, negative values resolved, of a tensor of `rank` axes.
std::size_t axis_of(const Graph &graph, const Node &node, std::int64_t otherwise, std::size_t rank);

/// The limits of a Clip or Relu; infinite where there is none.
struct Limits {
  float low, high;
};
Limits limits_of(const Graph &graph, const Node &node);

/// Equivalent rewrites, for quantisation: LSTM and GRU become their steps, batch normalisation and
/// constant additions move into the convolution or matrix product before them, ReLU moves before a
/// max pool. Shapes stay valid.
void fuse(Graph &graph);

}  // namespace npim::network
