// Operators beyond convolutions and pools, as integers: every layer stays close to the float
// network.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "network/float_executor.h"
#include "network/golden.h"
#include "unit/network/quantise_checks.h"

namespace npim::network {
namespace {

using test::expect_close;
using test::lossless;
using test::OnnxModel;
using test::Values;

/// A 3 x 3 convolution with padding.
std::string add_convolution(OnnxModel &m, Values &random, std::int64_t in, std::int64_t out) {
  auto &node = m.then("Conv", {m.random_weights(random, {out, in, 3, 3}, -0.6, 0.7),
                               m.random_weights(random, {out})});
  OnnxModel::set_ints(node, "pads", {1, 1, 1, 1});
  return m.last();
}

std::int64_t count(const QuantisedNetwork &network, LayerOp op) {
  return std::count_if(network.layers.begin(), network.layers.end(),
                       [&](const Layer &layer) { return layer.op == op; });
}

// What exporters write for SiLU and HardSwish, and the operators themselves: one table each.
TEST(Lowering, ActivationPatternsAreOneTable) {
  const auto pattern = [](const std::function<void(OnnxModel &, const std::string &)> &write) {
    OnnxModel m({1, 2, 5, 5});
    Values random(3);
    write(m, add_convolution(m, random, 2, 4));
    m.then("Conv", {m.random_weights(random, {3, 4, 1, 1})});
    const QuantisedNetwork network = expect_close(m, lossless(), 30);
    EXPECT_EQ(network.layers.size(), 3U);
    EXPECT_EQ(network.layers[1].op, LayerOp::kLookup);
  };
  pattern([](OnnxModel &m, const std::string &) { m.then("Sigmoid"); });
  pattern([](OnnxModel &m, const std::string &) { m.then("Tanh"); });
  pattern([](OnnxModel &m, const std::string &) { m.then("LeakyRelu"); });
  pattern([](OnnxModel &m, const std::string &) { m.then("HardSigmoid"); });
  pattern([](OnnxModel &m, const std::string &) { m.then("HardSwish"); });
  pattern([](OnnxModel &m, const std::string &x) {
    m.then("Sigmoid");
    m.node("Mul", {x, m.last()});
  });
  pattern([](OnnxModel &m, const std::string &x) {
    auto &gate = m.then("HardSigmoid");
    OnnxModel::set_float(gate, "alpha", 1.0F / 6);
    m.node("Mul", {m.last(), x});
  });
  pattern([](OnnxModel &m, const std::string &x) {
    m.then("Add", {m.weights({}, {3})});
    m.then("Clip", {m.weights({}, {0}), m.weights({}, {6})});
    m.then("Div", {m.weights({}, {6})});
    m.node("Mul", {x, m.last()});
  });
}

TEST(Lowering, ReluBeforeAFunctionStaysALimit) {
  OnnxModel m({1, 2, 5, 5});
  Values random(3);
  add_convolution(m, random, 2, 4);
  m.then("Relu");
  const std::string x = m.last();
  m.then("Sigmoid");
  m.node("Mul", {x, m.last()});
  add_convolution(m, random, 4, 2);
  const QuantisedNetwork network = expect_close(m, lossless(), 30);
  EXPECT_EQ(network.layers.size(), 3U);
}

TEST(Lowering, SqueezeAndExcitation) {
  OnnxModel m({1, 2, 6, 6});
  Values random(4);
  const std::string x = add_convolution(m, random, 2, 4);
  m.then("GlobalAveragePool");
  m.then("Conv", {m.random_weights(random, {4, 4, 1, 1})});
  m.then("Sigmoid");
  m.node("Mul", {x, m.last()});
  add_convolution(m, random, 4, 3);
  const QuantisedNetwork network = expect_close(m, lossless(), 28);
  EXPECT_EQ(count(network, LayerOp::kMultiply), 1);
  EXPECT_EQ(count(network, LayerOp::kGather), 0);
}

TEST(Lowering, ProductsAndSumsBroadcast) {
  OnnxModel m({1, 3, 4, 5});
  Values random(5);
  const std::string x = add_convolution(m, random, 3, 3);
  auto &rows = m.then("ReduceMean");
  OnnxModel::set_ints(rows, "axes", {2, 3});
  const std::string mean = m.last();
  m.node("Add", {x, mean});                           // 1 x 3 x 4 x 5 and 1 x 3 x 1 x 1
  m.then("Mul", {m.random_weights(random, {4, 5})});  // a constant over pixels
  m.node("Sub", {m.last(), x});
  add_convolution(m, random, 3, 2);
  expect_close(m, lossless(), 26);
}

TEST(Lowering, LocalResponseNormalisation) {
  OnnxModel m({1, 2, 5, 5});
  Values random(6);
  add_convolution(m, random, 2, 8);
  m.then("Relu");
  auto &node = m.then("LRN");
  OnnxModel::set_int(node, "size", 5);
  OnnxModel::set_float(node, "alpha", 0.5F);
  add_convolution(m, random, 8, 3);
  const QuantisedNetwork network = expect_close(m, lossless(), 30);
  EXPECT_EQ(network.layers[1].op, LayerOp::kLocalResponse);
}

TEST(Lowering, AveragesInsideTheImage) {
  for (const bool rounds_up : {false, true}) {
    OnnxModel m({1, 2, 6, 6});
    Values random(7);
    add_convolution(m, random, 2, 4);
    auto &pool = m.then("AveragePool");
    OnnxModel::set_ints(pool, "kernel_shape", {3, 3});
    OnnxModel::set_ints(pool, "strides", {2, 2});
    if (rounds_up) {
      OnnxModel::set_int(pool, "ceil_mode", 1);
    } else {
      OnnxModel::set_ints(pool, "pads", {1, 1, 1, 1});
    }
    add_convolution(m, random, 4, 3);
    const QuantisedNetwork network = expect_close(m, lossless(), 30);
    EXPECT_EQ(network.layers[1].op, LayerOp::kInsideAverage);
    EXPECT_EQ(network.layers[1].output_shape.height, 3);
  }
}

TEST(Lowering, SlicesTransposesAndPadsMoveIntegers) {
  OnnxModel m({1, 4, 5, 6});
  Values random(8);
  const std::string x = add_convolution(m, random, 4, 6);
  m.then("Slice", {m.integers({1, 1}), m.integers({5, 4}), m.integers({1, 3})});  // 1 x 4 x 5 x 3
  OnnxModel::set_ints(m.then("Transpose"), "perm", {0, 2, 3, 1});                 // 1 x 5 x 3 x 4
  auto &pad = m.then("Pad", {m.integers({0, 0, 1, 1, 0, 1, 0, 1})});              // 1 x 6 x 4 x 6
  OnnxModel::set_text(pad, "mode", "reflect");
  add_convolution(m, random, 6, 5);
  const std::string y = m.last();
  m.node("Pad", {x, m.integers({0, 0, 0, 0, 0, 0, 1, 0}), m.weights({}, {0.5F})});
  m.then("Reshape", {m.integers({1, 9, 4, 6})});
  auto &concat = m.node("Concat", {y, m.last()});
  OnnxModel::set_int(concat, "axis", 1);
  m.then("Gather", {m.integers({13, 0, 5})});
  m.graph().mutable_node()->rbegin()[0].clear_attribute();
  OnnxModel::set_int(m.graph().mutable_node()->rbegin()[0], "axis", 1);
  add_convolution(m, random, 3, 2);
  expect_close(m, lossless(), 25);
}

TEST(Lowering, ConcatsAlongOtherAxes) {
  for (const std::int64_t axis : {2, 3}) {
    OnnxModel m({1, 2, 4, 4});
    Values random(9);
    const std::string x = add_convolution(m, random, 2, 3);
    const std::string y = add_convolution(m, random, 3, 3);
    OnnxModel::set_int(m.node("Concat", {x, y}), "axis", axis);
    add_convolution(m, random, 3, 2);
    expect_close(m, lossless(), 26);
  }
}

TEST(Lowering, RowsOfFeatures) {
  OnnxModel m({1, 4, 3, 2});
  Values random(10);
  add_convolution(m, random, 4, 5);
  m.then("Reshape", {m.integers({1, 5, 6})});
  OnnxModel::set_ints(m.then("Transpose"), "perm", {0, 2, 1});  // 1 x 6 x 5
  m.then("MatMul", {m.random_weights(random, {5, 7})});
  m.then("Add", {m.random_weights(random, {7})});
  m.then("Relu");
  m.then("Flatten");
  m.then("MatMul", {m.random_weights(random, {42, 3})});
  expect_close(m, lossless(), 28);
}

OnnxModel recurrent_model(const std::string &op, const std::string &direction, bool last_only,
                          int linear_before_reset = 0) {
  constexpr std::int64_t kSteps = 4, kInputs = 6, kHidden = 5;
  OnnxModel m({kSteps, 1, kInputs});
  Values random(11);
  const std::int64_t gates = op == "LSTM" ? 4 : 3, d = direction == "bidirectional" ? 2 : 1;
  auto &node = m.then(op, {m.random_weights(random, {d, gates * kHidden, kInputs}),
                           m.random_weights(random, {d, gates * kHidden, kHidden}),
                           m.random_weights(random, {d, 2 * gates * kHidden})});
  OnnxModel::set_int(node, "hidden_size", kHidden);
  OnnxModel::set_text(node, "direction", direction);
  if (op == "GRU") OnnxModel::set_int(node, "linear_before_reset", linear_before_reset);
  if (last_only) {
    node.add_output("h");
    m.node("Transpose", {"h"});
    OnnxModel::set_ints(m.graph().mutable_node()->rbegin()[0], "perm", {1, 0, 2});
  }
  m.then("Reshape", {m.integers({1, -1})});
  m.then("MatMul", {m.random_weights(random, {(last_only ? 1 : kSteps) * d * kHidden, 3})});
  return m;
}

TEST(Lowering, RecurrentNetworks) {
  for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
    for (const bool last_only : {false, true}) {
      SCOPED_TRACE(direction);
      OnnxModel lstm = recurrent_model("LSTM", direction, last_only);
      expect_close(lstm, lossless(), 20);
      for (const int after : {0, 1}) {
        OnnxModel gru = recurrent_model("GRU", direction, last_only, after);
        expect_close(gru, lossless(), 20);
      }
    }
  }
}

TEST(Lowering, StepsOfARecurrentNetworkAreTheNetwork) {
  for (const std::string op : {"LSTM", "GRU"}) {
    for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
      OnnxModel model = recurrent_model(op, direction, false, 1);
      const Graph graph = import_onnx(model.bytes(), "m");
      Graph fused = graph;
      fuse(fused);
      EXPECT_GT(fused.nodes.size(), graph.nodes.size() + 20);
      std::vector<float> input;
      Values random(2);
      for (int i = 0; i < 24; ++i) input.push_back(static_cast<float>(random.real(-2, 2)));
      const auto wanted = float_logits(graph, input), got = float_logits(fused, input);
      ASSERT_EQ(wanted.size(), got.size());
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-5) << op;
    }
  }
}

TEST(Lowering, InitialStatesAreConstants) {
  OnnxModel m({3, 1, 4});
  Values random(12);
  m.then("LSTM", {m.random_weights(random, {1, 12, 4}), m.random_weights(random, {1, 12, 3}), "",
                  "", m.random_weights(random, {1, 1, 3}), m.random_weights(random, {1, 1, 3})});
  m.then("Squeeze");
  expect_close(m, lossless(), 20);
}

TEST(Lowering, LongSequencesAreRefused) {
  OnnxModel m({300, 1, 1});
  Values random(13);
  m.then("GRU", {m.random_weights(random, {1, 3, 1}), m.random_weights(random, {1, 3, 1})});
  const Graph graph = import_onnx(m.bytes(), "m");
  QuantiseOptions options;
  options.without_calibration = true;
  EXPECT_THROW(quantise(graph, {}, options), InputError);
  OnnxModel batch({3, 2, 1});
  batch.then("GRU",
             {batch.random_weights(random, {1, 3, 1}), batch.random_weights(random, {1, 3, 1})});
  EXPECT_THROW(quantise(import_onnx(batch.bytes(), "m"), {}, options), InputError);
}

}  // namespace
}  // namespace npim::network
