#include "network/graph.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/error.h"

namespace npim::network {
namespace {

constexpr std::int64_t kMaximumElements = std::int64_t{1} << 28;

constexpr std::array<std::pair<const char *, Op>, 39> kOps = {{
    {"Add", Op::kAdd},
    {"AveragePool", Op::kAveragePool},
    {"BatchNormalization", Op::kBatchNormalization},
    {"Cast", Op::kCast},
    {"Clip", Op::kClip},
    {"Concat", Op::kConcat},
    {"Constant", Op::kConstant},
    {"ConstantOfShape", Op::kConstantOfShape},
    {"Conv", Op::kConv},
    {"Div", Op::kDiv},
    {"Dropout", Op::kDropout},
    {"Flatten", Op::kFlatten},
    {"GRU", Op::kGru},
    {"Gather", Op::kGather},
    {"Gemm", Op::kGemm},
    {"GlobalAveragePool", Op::kGlobalAveragePool},
    {"HardSigmoid", Op::kHardSigmoid},
    {"HardSwish", Op::kHardSwish},
    {"Identity", Op::kIdentity},
    {"LRN", Op::kLrn},
    {"LSTM", Op::kLstm},
    {"LeakyRelu", Op::kLeakyRelu},
    {"MatMul", Op::kMatMul},
    {"MaxPool", Op::kMaxPool},
    {"Mul", Op::kMul},
    {"Pad", Op::kPad},
    {"Range", Op::kRange},
    {"ReduceMean", Op::kReduceMean},
    {"Relu", Op::kRelu},
    {"Reshape", Op::kReshape},
    {"Shape", Op::kShape},
    {"Sigmoid", Op::kSigmoid},
    {"Slice", Op::kSlice},
    {"Softmax", Op::kSoftmax},
    {"Squeeze", Op::kSqueeze},
    {"Sub", Op::kSub},
    {"Tanh", Op::kTanh},
    {"Transpose", Op::kTranspose},
    {"Unsqueeze", Op::kUnsqueeze},
}};

/// Depth-first, without recursion: a hostile file may hold a very long chain of nodes.
class Sorter {
 public:
  explicit Sorter(Graph &graph) : graph_(graph), state_(graph.nodes.size(), State::kNew) {}

  void run() {
    index_writers();
    // Everything is visited, so that errors in parts that no output needs are found as well.
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (state_[i] != State::kNew) continue;
      open(i);
      while (!stack_.empty()) step();
    }
    std::set<std::string> needed;
    for (const std::string &output : graph_.outputs) {
      if (writers_.count(output) == 0 && known_.count(output) == 0) {
        graph_.fail("output '" + output + "' is not defined");
      }
      needed.insert(output);
    }
    keep(needed);
  }

 private:
  enum class State : std::uint8_t { kNew, kOpen, kDone };
  struct Frame {
    std::size_t node;
    std::size_t next_input;
  };

  void index_writers() {
    const std::set<std::string> inputs(graph_.inputs.begin(), graph_.inputs.end());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (const std::string &output : graph_.nodes[i].outputs) {
        if (output.empty()) continue;
        if (inputs.count(output) != 0 || graph_.initialisers.count(output) != 0 ||
            !writers_.emplace(output, i).second) {
          graph_.fail(graph_.nodes[i], "tensor '" + output + "' is defined twice");
        }
      }
    }
    for (const std::string &input : graph_.inputs) known_.insert(input);
  }

  void open(std::size_t node) {
    state_[node] = State::kOpen;
    stack_.push_back({node, 0});
  }

  void step() {
    Frame &frame = stack_.back();
    const std::size_t index = frame.node;
    const Node &node = graph_.nodes[index];
    if (frame.next_input < node.inputs.size()) {
      visit(node.inputs[frame.next_input++], node);
    } else {
      state_[index] = State::kDone;
      order_.push_back(index);
      stack_.pop_back();
    }
  }

  void visit(const std::string &tensor, const Node &reader) {
    if (tensor.empty() || known_.count(tensor) != 0 || graph_.initialisers.count(tensor) != 0) {
      return;
    }
    const auto writer = writers_.find(tensor);
    if (writer == writers_.end()) {
      graph_.fail(reader, "input '" + tensor + "' is not defined");
    }
    const std::size_t node = writer->second;
    if (state_[node] == State::kOpen) graph_.fail(graph_.nodes[node], "is part of a cycle");
    if (state_[node] == State::kNew) open(node);
  }

  /// Replaces the nodes by the needed ones, in order.
  void keep(std::set<std::string> &needed) {
    std::vector<Node> nodes;
    for (auto index = order_.rbegin(); index != order_.rend(); ++index) {
      Node &node = graph_.nodes[*index];
      const bool is_needed =
          std::any_of(node.outputs.begin(), node.outputs.end(),
                      [&](const std::string &output) { return needed.count(output) != 0; });
      if (!is_needed) continue;
      needed.insert(node.inputs.begin(), node.inputs.end());
      nodes.push_back(std::move(node));
    }
    std::reverse(nodes.begin(), nodes.end());
    graph_.nodes = std::move(nodes);
  }

  Graph &graph_;
  std::vector<State> state_;
  std::map<std::string, std::size_t> writers_;
  std::set<std::string> known_;
  std::vector<Frame> stack_;
  std::vector<std::size_t> order_;
};

template <typename T>
const T *attribute_of(const Graph &graph, const Node &node, const std::string &name) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return nullptr;
  const T *value = std::get_if<T>(&found->second);
  if (value == nullptr) graph.fail(node, "attribute '" + name + "' has the wrong type");
  return value;
}

}  // namespace

std::int64_t element_count(const Shape &shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || extent > kMaximumElements) return -1;
    count *= extent;  // both factors are at most 2^28
    if (count > kMaximumElements) return -1;
  }
  return count;
}

std::string to_text(const Shape &shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const std::int64_t extent : shape) {
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  }
  return text;
}

const char *to_text(Op op) {
  for (const auto &[name, value] : kOps) {
    if (value == op) return name;
  }
  return "?";
}

bool parse_op(const std::string &name, Op &op) {
  for (const auto &[known, value] : kOps) {
    if (name != known) continue;
    op = value;
    return true;
  }
  return false;
}

std::string supported_ops() {
  std::string text;
  for (const auto &entry : kOps) text += (text.empty() ? "" : ", ") + std::string(entry.first);
  return text;
}

const Tensor *Graph::initialiser(const std::string &tensor) const {
  const auto found = initialisers.find(tensor);
  return found == initialisers.end() ? nullptr : &found->second;
}

int Graph::uses(const std::string &tensor) const {
  auto count = std::count(outputs.begin(), outputs.end(), tensor);
  for (const Node &node : nodes) {
    count += std::count(node.inputs.begin(), node.inputs.end(), tensor);
  }
  return static_cast<int>(count);
}

int Graph::only_reader(const std::string &tensor) const {
  if (std::find(outputs.begin(), outputs.end(), tensor) != outputs.end()) return -1;
  int reader = -1;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string &input : nodes[i].inputs) {
      if (input != tensor) continue;
      if (reader >= 0) return -1;
      reader = static_cast<int>(i);
    }
  }
  return reader;
}

int Graph::writer(const std::string &tensor) const {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto &outputs_of_node = nodes[i].outputs;
    if (std::find(outputs_of_node.begin(), outputs_of_node.end(), tensor) !=
        outputs_of_node.end()) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

const std::vector<std::int64_t> &Graph::constant_integers(const Node &node, std::size_t input,
                                                          const std::string &what) const {
  const Tensor *tensor = initialiser(node.inputs[input]);
  if (tensor == nullptr) {
    fail(node, what + " '" + node.inputs[input] + "' is not a constant of the file");
  }
  if (tensor->type != Tensor::Type::kInteger) fail(node, what + " has the wrong element type");
  return tensor->integers;
}

void Graph::fail(const std::string &what) const {
  throw InputError(name, what);
}

void Graph::fail(const Node &node, const std::string &what) const {
  throw InputError(name + ", node '" + node.name + "' (" + to_text(node.op) + ")", what);
}

std::int64_t Graph::integer(const Node &node, const std::string &attribute,
                            std::int64_t otherwise) const {
  const auto *value = attribute_of<std::int64_t>(*this, node, attribute);
  return value == nullptr ? otherwise : *value;
}

float Graph::real(const Node &node, const std::string &attribute, float otherwise) const {
  const auto *value = attribute_of<float>(*this, node, attribute);
  return value == nullptr ? otherwise : *value;
}

std::string Graph::text(const Node &node, const std::string &attribute,
                        const std::string &otherwise) const {
  const auto *value = attribute_of<std::string>(*this, node, attribute);
  return value == nullptr ? otherwise : *value;
}

Shape Graph::integers(const Node &node, const std::string &attribute,
                      const Shape &otherwise) const {
  const auto *value = attribute_of<std::vector<std::int64_t>>(*this, node, attribute);
  if (value == nullptr) return otherwise;
  if (value->size() != otherwise.size()) {
    fail(node, "attribute '" + attribute + "' has " + std::to_string(value->size()) +
                   " values instead of " + std::to_string(otherwise.size()));
  }
  return *value;
}

void sort_nodes(Graph &graph) {
  Sorter(graph).run();
}

}  // namespace npim::network
