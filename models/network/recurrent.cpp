#include "network/recurrent.h"

#include <cmath>

namespace npim::network {
namespace {

float sigmoid(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}

std::int64_t gates_of(const Node &node) {
  return node.op == Op::kLstm ? 4 : 3;
}

/// One direction of one LSTM or GRU.
class Cell {
 public:
  Cell(const Graph &graph, const Node &node, const RecurrentShape &shape, std::size_t direction)
      : shape_(shape),
        is_lstm_(node.op == Op::kLstm),
        resets_after_product_(graph.integer(node, "linear_before_reset", 0) != 0),
        hidden_(static_cast<std::size_t>(shape.hidden)),
        inputs_(static_cast<std::size_t>(shape.inputs)),
        rows_(static_cast<std::size_t>(gates_of(node)) * hidden_) {
    weights_ = graph.initialiser(node.inputs[1])->floats.data() + direction * rows_ * inputs_;
    recurrence_ = graph.initialiser(node.inputs[2])->floats.data() + direction * rows_ * hidden_;
    if (node.has_input(3)) {
      bias_ = graph.initialiser(node.inputs[3])->floats.data() + direction * 2 * rows_;
    }
  }

  /// h and c: the state of one batch element, updated for the input vector x.
  void step(const float *x, float *h, float *c) const {
    std::vector<float> from_input(rows_), from_state(rows_);
    for (std::size_t row = 0; row < rows_; ++row) {
      from_input[row] = dot(weights_ + row * inputs_, x, inputs_) + bias(row);
      from_state[row] = dot(recurrence_ + row * hidden_, h, hidden_) + bias(rows_ + row);
    }
    is_lstm_ ? step_lstm(from_input, from_state, h, c) : step_gru(from_input, from_state, h);
  }

 private:
  static float dot(const float *a, const float *b, std::size_t size) {
    float sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += a[i] * b[i];
    return sum;
  }
  float bias(std::size_t row) const { return bias_ == nullptr ? 0.0F : bias_[row]; }

  void step_lstm(const std::vector<float> &x, const std::vector<float> &state, float *h,
                 float *c) const {
    for (std::size_t k = 0; k < hidden_; ++k) {
      const auto gate = [&](std::size_t index) {
        return x[index * hidden_ + k] + state[index * hidden_ + k];
      };
      c[k] = sigmoid(gate(2)) * c[k] + sigmoid(gate(0)) * std::tanh(gate(3));
      h[k] = sigmoid(gate(1)) * std::tanh(c[k]);
    }
  }

  void step_gru(const std::vector<float> &x, const std::vector<float> &state, float *h) const {
    std::vector<float> reset(hidden_), update(hidden_), candidate(hidden_);
    for (std::size_t k = 0; k < hidden_; ++k) {
      update[k] = sigmoid(x[k] + state[k]);
      reset[k] = sigmoid(x[hidden_ + k] + state[hidden_ + k]);
    }
    std::vector<float> gated(hidden_);
    for (std::size_t k = 0; k < hidden_; ++k) gated[k] = reset[k] * h[k];
    for (std::size_t k = 0; k < hidden_; ++k) {
      const std::size_t row = 2 * hidden_ + k;
      const float recurrent =
          resets_after_product_
              ? reset[k] * state[row]
              : dot(recurrence_ + row * hidden_, gated.data(), hidden_) + bias(rows_ + row);
      candidate[k] = std::tanh(x[row] + recurrent);
    }
    for (std::size_t k = 0; k < hidden_; ++k) {
      h[k] = (1 - update[k]) * candidate[k] + update[k] * h[k];
    }
  }

  RecurrentShape shape_;
  bool is_lstm_, resets_after_product_;
  std::size_t hidden_, inputs_, rows_;
  const float *weights_ = nullptr, *recurrence_ = nullptr, *bias_ = nullptr;
};

std::vector<float> initial_state(const Graph &graph, const Node &node, std::size_t input,
                                 std::size_t size) {
  if (!node.has_input(input)) return std::vector<float>(size, 0.0F);
  return graph.initialiser(node.inputs[input])->floats;
}

void refuse_attribute(const Graph &graph, const Node &node, const char *name) {
  if (node.attributes.count(name) != 0) {
    graph.fail(node, std::string("attribute '") + name + "' is not supported");
  }
}

void require_shape(const Graph &graph, const Node &node, std::size_t input, const Shape &wanted) {
  if (!node.has_input(input) || graph.shape(node.inputs[input]) == wanted) return;
  graph.fail(node, "input " + std::to_string(input) + " of shape " +
                       to_text(graph.shape(node.inputs[input])) + " should be " + to_text(wanted));
}

}  // namespace

RecurrentShape recurrent_shape(const Graph &graph, const Node &node) {
  for (const char *name : {"activations", "activation_alpha", "activation_beta", "clip"}) {
    refuse_attribute(graph, node, name);
  }
  if (graph.integer(node, "layout", 0) != 0 || graph.integer(node, "input_forget", 0) != 0) {
    graph.fail(node, "layout and input_forget other than 0 are not supported");
  }
  if (node.has_input(4)) graph.fail(node, "sequences of different lengths are not supported");
  if (node.has_input(7)) graph.fail(node, "peepholes are not supported");
  const Shape &x = graph.shape(node.inputs[0]), &weights = graph.shape(node.inputs[1]);
  if (x.size() != 3 || weights.size() != 3) {
    graph.fail(node,
               "input " + to_text(x) + " with weights " + to_text(weights) + " is not a sequence");
  }
  const std::string direction = graph.text(node, "direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    graph.fail(node, "direction '" + direction + "' is unknown");
  }
  RecurrentShape shape;
  shape.length = x[0];
  shape.batch = x[1];
  shape.inputs = x[2];
  shape.directions = direction == "bidirectional" ? 2 : 1;
  const std::int64_t gates = gates_of(node);
  shape.hidden = weights[1] / gates;
  if (graph.integer(node, "hidden_size", shape.hidden) != shape.hidden) {
    graph.fail(node, "hidden_size differs from the weights' " + to_text(weights));
  }
  const std::int64_t rows = gates * shape.hidden;
  require_shape(graph, node, 1, {shape.directions, rows, shape.inputs});
  require_shape(graph, node, 2, {shape.directions, rows, shape.hidden});
  require_shape(graph, node, 3, {shape.directions, 2 * rows});
  require_shape(graph, node, 5, {shape.directions, shape.batch, shape.hidden});
  require_shape(graph, node, 6, {shape.directions, shape.batch, shape.hidden});
  return shape;
}

std::vector<std::vector<float>> run_recurrent(const Graph &graph, const Node &node,
                                              const std::vector<float> &input) {
  const RecurrentShape shape = recurrent_shape(graph, node);
  const auto length = static_cast<std::size_t>(shape.length);
  const auto batch = static_cast<std::size_t>(shape.batch);
  const auto inputs = static_cast<std::size_t>(shape.inputs);
  const auto hidden = static_cast<std::size_t>(shape.hidden);
  const auto directions = static_cast<std::size_t>(shape.directions);
  const std::size_t states = directions * batch * hidden;
  const bool is_lstm = node.op == Op::kLstm;
  std::vector<float> h = initial_state(graph, node, 5, states);
  std::vector<float> c = initial_state(graph, node, is_lstm ? 6 : 8, states);
  std::vector<float> outputs(length * states);
  for (std::size_t d = 0; d < directions; ++d) {
    const Cell cell(graph, node, shape, d);
    const bool is_reverse = d == 1 || graph.text(node, "direction", "forward") == "reverse";
    for (std::size_t t = 0; t < length; ++t) {
      const std::size_t at = is_reverse ? length - 1 - t : t;
      for (std::size_t b = 0; b < batch; ++b) {
        const std::size_t state = (d * batch + b) * hidden;
        cell.step(input.data() + (at * batch + b) * inputs, h.data() + state, c.data() + state);
        for (std::size_t k = 0; k < hidden; ++k) {
          outputs[at * states + state + k] = h[state + k];
        }
      }
    }
  }
  std::vector<std::vector<float>> results = {std::move(outputs), std::move(h)};
  if (is_lstm) results.push_back(std::move(c));
  return results;
}

}  // namespace npim::network
