#include "network/expand_recurrent.h"

#include <algorithm>
#include <utility>

#include "network/recurrent.h"

namespace npim::network {
namespace {

constexpr std::int64_t kMaximumSteps = 256;

/// Writes the nodes that stand for one LSTM or GRU.
class Expansion {
 public:
  Expansion(Graph &graph, const Node &node, std::vector<Node> &nodes)
      : graph_(graph), node_(node), nodes_(nodes), shape_(recurrent_shape(graph, node)) {
    is_lstm_ = node.op == Op::kLstm;
    gates_ = is_lstm_ ? 4 : 3;
    hidden_ = shape_.hidden;
    resets_after_product_ = graph.integer(node, "linear_before_reset", 0) != 0;
  }

  void run() {
    if (shape_.batch != 1) {
      graph_.fail(node_,
                  "a batch of " + std::to_string(shape_.batch) + " sequences is not supported");
    }
    if (shape_.length > kMaximumSteps) {
      graph_.fail(node_,
                  std::to_string(shape_.length) + " steps exceed " + std::to_string(kMaximumSteps));
    }
    std::vector<std::string> sequence = unsequenced(), last_h, last_c;
    std::vector<std::vector<std::string>> outputs;  // [direction][step]
    for (std::int64_t d = 0; d < shape_.directions; ++d) {
      run_direction(d, sequence[0], outputs, last_h, last_c);
    }
    std::vector<std::string> all;
    for (std::int64_t t = 0; t < shape_.length; ++t) {
      for (const auto &direction : outputs) all.push_back(direction[static_cast<std::size_t>(t)]);
    }
    finish(0, all, {shape_.length, shape_.directions, 1, hidden_});
    finish(1, last_h, {shape_.directions, 1, hidden_});
    if (is_lstm_) finish(2, last_c, {shape_.directions, 1, hidden_});
  }

 private:
  using Names = std::vector<std::string>;

  // --- Nodes ---

  std::string unique(const std::string &what) {
    std::string name = node_.name + "/" + what;
    while (graph_.shapes.count(name) != 0) name += "'";
    return name;
  }
  std::string add(Op op, const std::string &what, Names inputs, const Shape &shape,
                  std::map<std::string, Attribute> attributes = {}) {
    Node node;
    node.op = op;
    node.name = unique(what);
    node.inputs = std::move(inputs);
    node.outputs = {node.name};
    node.attributes = std::move(attributes);
    graph_.shapes[node.name] = shape;
    nodes_.push_back(std::move(node));
    return nodes_.back().name;
  }
  std::string constant(const std::string &what, std::vector<float> values, const Shape &shape) {
    Tensor tensor;
    tensor.shape = shape;
    tensor.floats = std::move(values);
    return keep(what, std::move(tensor));
  }
  std::string constant(const std::string &what, const Shape &values) {
    Tensor tensor;
    tensor.type = Tensor::Type::kInteger;
    tensor.shape = {static_cast<std::int64_t>(values.size())};
    tensor.integers = values;
    return keep(what, std::move(tensor));
  }
  std::string keep(const std::string &what, Tensor tensor) {
    std::string name = unique(what);
    graph_.shapes[name] = tensor.shape;
    graph_.initialisers.emplace(name, std::move(tensor));
    return name;
  }

  Names unsequenced() {
    const Shape flat = {shape_.length, shape_.inputs};
    return {add(Op::kReshape, "inputs", {node_.inputs[0], constant("inputs.shape", flat)}, flat)};
  }
  /// Elements first .. last - 1 along an axis of a matrix.
  std::string slice(const std::string &what, const std::string &from, std::int64_t axis,
                    std::int64_t first, std::int64_t last) {
    Shape shape = graph_.shape(from);
    shape[static_cast<std::size_t>(axis)] = last - first;
    return add(Op::kSlice, what,
               {from, constant(what + ".starts", Shape{first}),
                constant(what + ".ends", Shape{last}), constant(what + ".axes", Shape{axis})},
               shape);
  }
  std::string product(const std::string &what, const std::string &from, const std::string &weights,
                      const std::string &bias) {
    Names inputs = {from, weights};
    if (!bias.empty()) inputs.push_back(bias);
    return add(Op::kGemm, what, std::move(inputs),
               {graph_.shape(from)[0], graph_.shape(weights)[0]}, {{"transB", std::int64_t{1}}});
  }
  std::string combine(Op op, const std::string &what, const std::string &a, const std::string &b) {
    return add(op, what, {a, b}, graph_.shape(a));
  }
  std::string activate(Op op, const std::string &what, const std::string &from) {
    return add(op, what, {from}, graph_.shape(from));
  }

  // --- Weights ---

  /// Rows first .. last - 1 of one direction of a weight tensor.
  std::string rows(const std::string &what, std::size_t input, std::int64_t direction,
                   std::int64_t first, std::int64_t last) {
    const Tensor &stored = *graph_.initialiser(node_.inputs[input]);
    const std::int64_t height = stored.shape[1], width = stored.shape[2];
    const auto begin = stored.floats.begin() + (direction * height + first) * width;
    return constant(what, std::vector<float>(begin, begin + (last - first) * width),
                    {last - first, width});
  }
  /// The input's (part 0) or the state's (part 1) biases.
  std::vector<float> bias(std::int64_t direction, std::int64_t part) const {
    const std::int64_t size = gates_ * hidden_;
    if (!node_.has_input(3)) return std::vector<float>(static_cast<std::size_t>(size), 0.0F);
    const std::vector<float> &stored = graph_.initialiser(node_.inputs[3])->floats;
    const auto begin = stored.begin() + (direction * 2 + part) * size;
    return {begin, begin + size};
  }
  std::string state(const std::string &what, std::size_t input, std::int64_t direction) {
    std::vector<float> values(static_cast<std::size_t>(hidden_), 0.0F);
    if (node_.has_input(input)) {
      const auto begin =
          graph_.initialiser(node_.inputs[input])->floats.begin() + direction * hidden_;
      values.assign(begin, begin + hidden_);
    }
    return constant(what, std::move(values), {1, hidden_});
  }

  // --- Steps ---

  void run_direction(std::int64_t direction, const std::string &sequence,
                     std::vector<Names> &outputs, Names &last_h, Names &last_c) {
    const std::string prefix =
        shape_.directions > 1 ? (direction == 0 ? "forward/" : "reverse/") : "";
    const bool is_reverse =
        direction == 1 || graph_.text(node_, "direction", "forward") == "reverse";
    // What does not depend on the state is added once.
    std::vector<float> added = bias(direction, 0), recurrent = bias(direction, 1);
    const std::int64_t joint = is_lstm_ || !resets_after_product_ ? gates_ : 2;
    for (std::size_t i = 0; i < static_cast<std::size_t>(joint * hidden_); ++i) {
      added[i] += recurrent[i];
      recurrent[i] = 0;
    }
    const std::int64_t rows_all = gates_ * hidden_;
    const std::string from_inputs =
        product(prefix + "inputs", sequence, rows(prefix + "W", 1, direction, 0, rows_all),
                constant(prefix + "B", added, {rows_all}));
    weights_ = prepare_weights(prefix, direction, recurrent);
    std::string h = state(prefix + "h", 5, direction);
    std::string c = is_lstm_ ? state(prefix + "c", 6, direction) : std::string();
    Names steps(static_cast<std::size_t>(shape_.length));
    for (std::int64_t i = 0; i < shape_.length; ++i) {
      const std::int64_t t = is_reverse ? shape_.length - 1 - i : i;
      step_ = prefix + "step" + std::to_string(t) + "/";
      const std::string x =
          shape_.length == 1 ? from_inputs : slice(step_ + "inputs", from_inputs, 0, t, t + 1);
      is_lstm_ ? step_lstm(x, h, c) : step_gru(x, h);
      steps[static_cast<std::size_t>(t)] = h;
    }
    outputs.push_back(std::move(steps));
    last_h.push_back(h);
    last_c.push_back(c);
  }

  struct Weights {
    std::string all, bias;         ///< of all gates
    std::string gates, candidate;  ///< GRU whose reset comes before the product
  };
  Weights prepare_weights(const std::string &prefix, std::int64_t direction,
                          const std::vector<float> &recurrent) {
    const std::int64_t all = gates_ * hidden_;
    Weights weights;
    if (is_lstm_ || resets_after_product_) {
      weights.all = rows(prefix + "R", 2, direction, 0, all);
      if (!is_lstm_) weights.bias = constant(prefix + "Rb", recurrent, {all});
    } else {
      weights.gates = rows(prefix + "Rzr", 2, direction, 0, 2 * hidden_);
      weights.candidate = rows(prefix + "Rh", 2, direction, 2 * hidden_, all);
    }
    return weights;
  }

  std::string gate(const std::string &what, const std::string &sums, std::int64_t index) {
    return slice(step_ + what, sums, 1, index * hidden_, (index + 1) * hidden_);
  }

  /// Gates in ONNX's order: input, output, forget, cell.
  void step_lstm(const std::string &x, std::string &h, std::string &c) {
    const std::string sums =
        combine(Op::kAdd, step_ + "sums", x, product(step_ + "state", h, weights_.all, ""));
    const std::string i = activate(Op::kSigmoid, step_ + "i", gate("i.sum", sums, 0));
    const std::string o = activate(Op::kSigmoid, step_ + "o", gate("o.sum", sums, 1));
    const std::string f = activate(Op::kSigmoid, step_ + "f", gate("f.sum", sums, 2));
    const std::string g = activate(Op::kTanh, step_ + "g", gate("g.sum", sums, 3));
    c = combine(Op::kAdd, step_ + "c", combine(Op::kMul, step_ + "kept", f, c),
                combine(Op::kMul, step_ + "new", i, g));
    h = combine(Op::kMul, step_ + "h", o, activate(Op::kTanh, step_ + "c.tanh", c));
  }

  /// Gates in ONNX's order: update z, reset r, candidate; h' = n + z (h - n).
  void step_gru(const std::string &x, std::string &h) {
    std::string candidate;
    std::string z, r;
    const auto open = [&](const std::string &state) {
      const std::string sums =
          combine(Op::kAdd, step_ + "sums", slice(step_ + "gates", x, 1, 0, 2 * hidden_), state);
      z = activate(Op::kSigmoid, step_ + "z", gate("z.sum", sums, 0));
      r = activate(Op::kSigmoid, step_ + "r", gate("r.sum", sums, 1));
    };
    if (resets_after_product_) {
      const std::string state = product(step_ + "state", h, weights_.all, weights_.bias);
      open(slice(step_ + "state.gates", state, 1, 0, 2 * hidden_));
      candidate = combine(Op::kMul, step_ + "reset", r, gate("state.candidate", state, 2));
    } else {
      open(product(step_ + "state", h, weights_.gates, ""));
      candidate = product(step_ + "candidate.state", combine(Op::kMul, step_ + "reset", r, h),
                          weights_.candidate, "");
    }
    const std::string n =
        activate(Op::kTanh, step_ + "n",
                 combine(Op::kAdd, step_ + "candidate", gate("candidate.inputs", x, 2), candidate));
    const std::string difference = combine(Op::kSub, step_ + "difference", h, n);
    h = combine(Op::kAdd, step_ + "h", n, combine(Op::kMul, step_ + "kept", z, difference));
  }

  /// Output `index` of the node, if anybody reads it, from its parts.
  void finish(std::size_t index, const Names &parts, const Shape &shape) {
    if (index >= node_.outputs.size() || node_.outputs[index].empty() ||
        graph_.uses(node_.outputs[index]) == 0) {
      return;
    }
    std::string whole = parts[0];
    if (parts.size() > 1) {
      whole =
          add(Op::kConcat, "outputs" + std::to_string(index), parts,
              {1, static_cast<std::int64_t>(parts.size()) * hidden_}, {{"axis", std::int64_t{1}}});
    }
    Node node;
    node.op = Op::kReshape;
    node.name = node_.outputs[index];
    node.inputs = {whole, constant("outputs" + std::to_string(index) + ".shape", shape)};
    node.outputs = {node_.outputs[index]};
    nodes_.push_back(std::move(node));
  }

  Graph &graph_;
  const Node &node_;
  std::vector<Node> &nodes_;
  const RecurrentShape shape_;
  bool is_lstm_ = false, resets_after_product_ = false;
  std::int64_t gates_ = 0, hidden_ = 0;
  Weights weights_;
  std::string step_;
};

bool is_recurrent(const Node &node) {
  return node.op == Op::kLstm || node.op == Op::kGru;
}

}  // namespace

void expand_recurrent(Graph &graph) {
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), is_recurrent)) return;
  const std::vector<Node> before = graph.nodes;
  std::vector<Node> nodes;
  for (const Node &node : before) {
    if (is_recurrent(node)) {
      Expansion(graph, node, nodes).run();
    } else {
      nodes.push_back(node);
    }
  }
  graph.nodes = std::move(nodes);
  sort_nodes(graph);  // drops what nobody reads, such as the state after the last step
}

}  // namespace npim::network
