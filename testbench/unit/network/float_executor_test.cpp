#include "network/float_executor.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "network/onnx_import.h"
#include "unit/network/onnx_model.h"

namespace npim::network {
namespace {

using test::OnnxModel;
using test::Values;

std::vector<float> run(OnnxModel &model, const std::vector<float> &input) {
  return float_logits(import_onnx(model.bytes(), "model.onnx"), input);
}

std::vector<float> random_values(Values &random, std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(random.real(-1, 1)));
  }
  return values;
}

TEST(FloatExecutor, ConvolutionEqualsTheDefinition) {
  Values random(1);
  for (int trial = 0; trial < 30; ++trial) {
    const auto draw = [&](std::int64_t low, std::int64_t high) {
      return random.integer(low, high);
    };
    const std::int64_t channels = draw(1, 3), height = draw(5, 24), width = draw(5, 24),
                       out = draw(1, 6);
    const std::int64_t kh = draw(1, 3), kw = draw(1, 3), sy = draw(1, 3), sx = draw(1, 3),
                       dy = draw(1, 2), dx = draw(1, 2);
    const std::int64_t top = draw(0, 2), left = draw(0, 2), bottom = draw(0, 2), right = draw(0, 2);
    const auto weights = random_values(random, static_cast<std::size_t>(out * channels * kh * kw));
    const auto bias = random_values(random, static_cast<std::size_t>(out));
    const auto input = random_values(random, static_cast<std::size_t>(channels * height * width));
    OnnxModel model({1, channels, height, width});
    auto &node = model.then(
        "Conv", {model.weights({out, channels, kh, kw}, weights), model.weights({out}, bias)});
    OnnxModel::set_ints(node, "strides", {sy, sx});
    OnnxModel::set_ints(node, "dilations", {dy, dx});
    OnnxModel::set_ints(node, "pads", {top, left, bottom, right});
    const auto result = run(model, input);
    const std::int64_t rows = (height + top + bottom - (kh - 1) * dy - 1) / sy + 1;
    const std::int64_t columns = (width + left + right - (kw - 1) * dx - 1) / sx + 1;
    ASSERT_EQ(result.size(), static_cast<std::size_t>(out * rows * columns));
    std::size_t index = 0;
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t y = 0; y < rows; ++y) {
        for (std::int64_t x = 0; x < columns; ++x) {
          double sum = bias[static_cast<std::size_t>(o)];
          for (std::int64_t k = 0; k < channels * kh * kw; ++k) {
            const std::int64_t c = k / (kh * kw), in_y = y * sy - top + k / kw % kh * dy,
                               in_x = x * sx - left + k % kw * dx;
            if (in_y < 0 || in_y >= height || in_x < 0 || in_x >= width) continue;
            sum +=
                static_cast<double>(weights[static_cast<std::size_t>(o * channels * kh * kw + k)]) *
                input[static_cast<std::size_t>((c * height + in_y) * width + in_x)];
          }
          ASSERT_NEAR(result[index++], sum, 1e-5);
        }
      }
    }
  }
}

TEST(FloatExecutor, Pools) {
  const std::vector<float> input = {1, -2, 3, -4, 5, -6, 7, -8, 9};
  OnnxModel maximum({1, 1, 3, 3});
  auto &max_pool = maximum.then("MaxPool");
  OnnxModel::set_ints(max_pool, "kernel_shape", {2, 2});
  OnnxModel::set_ints(max_pool, "strides", {2, 2});
  EXPECT_EQ(run(maximum, input), (std::vector<float>{5}));

  OnnxModel ceiling({1, 1, 3, 3});
  auto &ceil_pool = ceiling.then("MaxPool");
  OnnxModel::set_ints(ceil_pool, "kernel_shape", {2, 2});
  OnnxModel::set_ints(ceil_pool, "strides", {2, 2});
  OnnxModel::set_int(ceil_pool, "ceil_mode", 1);
  EXPECT_EQ(run(ceiling, input), (std::vector<float>{5, 3, 7, 9}));

  // Padding neither wins a maximum of negative values nor, by default, counts in an average.
  OnnxModel negative({1, 1, 1, 1});
  auto &padded = negative.then("MaxPool");
  OnnxModel::set_ints(padded, "kernel_shape", {2, 2});
  OnnxModel::set_ints(padded, "pads", {1, 1, 0, 0});
  EXPECT_EQ(run(negative, {-3}), (std::vector<float>{-3}));
  for (const bool counts : {false, true}) {
    OnnxModel average({1, 1, 1, 1});
    auto &pool = average.then("AveragePool");
    OnnxModel::set_ints(pool, "kernel_shape", {2, 2});
    OnnxModel::set_ints(pool, "pads", {1, 1, 0, 0});
    OnnxModel::set_int(pool, "count_include_pad", counts);
    EXPECT_EQ(run(average, {-4}), (std::vector<float>{counts ? -1.0F : -4.0F}));
  }

  OnnxModel global({1, 1, 3, 3});
  global.then("GlobalAveragePool");
  EXPECT_FLOAT_EQ(run(global, input)[0], 5.0F / 9);
}

TEST(FloatExecutor, AutomaticPadding) {
  for (const bool upper : {true, false}) {
    OnnxModel model({1, 1, 1, 4});
    auto &node = model.then("Conv", {model.weights({1, 1, 1, 2}, {1, 10})});
    OnnxModel::set_text(node, "auto_pad", upper ? "SAME_UPPER" : "SAME_LOWER");
    EXPECT_EQ(run(model, {1, 2, 3, 4}),
              upper ? (std::vector<float>{21, 32, 43, 4}) : (std::vector<float>{10, 21, 32, 43}));
  }
}

TEST(FloatExecutor, MatrixProducts) {
  // alpha * a * b + beta * c with a = (1 2 3)
  const std::vector<float> b = {1, 4, 2, 5, 3, 6};  // 3 x 2; transposed 2 x 3: 1 2 3 / 4 5 6
  OnnxModel plain({1, 3});
  auto &gemm = plain.then("Gemm", {plain.weights({3, 2}, b), plain.weights({2}, {1, 2})});
  OnnxModel::set_float(gemm, "alpha", 0.5F);
  OnnxModel::set_float(gemm, "beta", 2.0F);
  EXPECT_EQ(run(plain, {1, 2, 3}), (std::vector<float>{9, 20}));
  OnnxModel transposed({1, 3});
  auto &other = transposed.then("Gemm", {transposed.weights({2, 3}, {1, 2, 3, 4, 5, 6})});
  OnnxModel::set_int(other, "transB", 1);
  EXPECT_EQ(run(transposed, {1, 2, 3}), (std::vector<float>{14, 32}));
  OnnxModel product({1, 3});
  product.then("MatMul", {product.weights({3, 2}, b)});
  EXPECT_EQ(run(product, {1, 2, 3}), (std::vector<float>{14, 32}));
}

TEST(FloatExecutor, NormalisationAdditionAndSoftmax) {
  OnnxModel norm({1, 2, 1, 2});
  auto &node =
      norm.then("BatchNormalization", {norm.weights({2}, {2, 1}), norm.weights({2}, {1, 0}),
                                       norm.weights({2}, {3, 0}), norm.weights({2}, {3, 0})});
  OnnxModel::set_float(node, "epsilon", 1.0F);
  EXPECT_EQ(run(norm, {3, 5, 7, 8}), (std::vector<float>{1, 3, 7, 8}));

  OnnxModel sum({1, 2, 1, 2});
  sum.then("Add", {sum.weights({2, 1, 1}, {10, 20})});
  EXPECT_EQ(run(sum, {1, 2, 3, 4}), (std::vector<float>{11, 12, 23, 24}));

  OnnxModel softmax({1, 3});
  softmax.then("Softmax");
  const auto shares = run(softmax, {1000, 1000, 1000 + std::log(2.0F)});
  EXPECT_NEAR(shares[0], 0.25, 1e-5);
  EXPECT_NEAR(shares[2], 0.5, 1e-4);

  // Before opset 13 over everything from the second axis on, since then over the last axis.
  for (const std::int64_t opset : {11, 12, 13, 17}) {
    OnnxModel image({1, 2, 1, 2}, opset);
    image.then("Softmax");
    const float wanted = opset < 13 ? 0.25F : 0.5F;
    EXPECT_EQ(run(image, {3, 3, 3, 3}), (std::vector<float>(4, wanted)));
  }
}

TEST(FloatExecutor, AveragesDivideByTheTapsThatCount) {
  const auto average = [](std::vector<std::int64_t> pads, bool rounds_up, bool counts) {
    OnnxModel model({1, 1, 1, 4});
    auto &node = model.then("AveragePool");
    OnnxModel::set_ints(node, "kernel_shape", {1, 3});
    OnnxModel::set_ints(node, "strides", {1, 2});
    OnnxModel::set_ints(node, "pads", {0, pads[0], 0, pads[1]});
    OnnxModel::set_int(node, "ceil_mode", rounds_up);
    OnnxModel::set_int(node, "count_include_pad", counts);
    return run(model, {3, 6, 9, 12});
  };
  EXPECT_EQ(average({0, 0}, false, false), (std::vector<float>{6}));
  EXPECT_EQ(average({1, 1}, false, false), (std::vector<float>{4.5F, 9}));
  EXPECT_EQ(average({1, 1}, false, true), (std::vector<float>{3, 9}));
  // The second window reaches over the edge, where nothing is: not even padding that counts.
  EXPECT_EQ(average({0, 0}, true, false), (std::vector<float>{6, 10.5F}));
  EXPECT_EQ(average({0, 0}, true, true), (std::vector<float>{6, 10.5F}));
  EXPECT_THROW(average({2, 0}, true, true), InputError);
}

TEST(FloatExecutor, GroupedConvolutionSeesItsOwnChannels) {
  // Two groups of one input channel each; a depthwise convolution of factor two.
  OnnxModel model({1, 2, 1, 3});
  auto &node = model.then("Conv", {model.weights({4, 1, 1, 1}, {1, 10, 100, 1000})});
  OnnxModel::set_int(node, "group", 2);
  EXPECT_EQ(run(model, {1, 2, 3, 4, 5, 6}),
            (std::vector<float>{1, 2, 3, 10, 20, 30, 400, 500, 600, 4000, 5000, 6000}));
}

TEST(FloatExecutor, Activations) {
  const std::vector<float> x = {-4, -1, 0, 1, 7};
  const auto apply = [&](
                         const std::string &op, const std::function<void(onnx::NodeProto &)> &set =
                                                    [](onnx::NodeProto &) {}) {
    OnnxModel model({1, 5}, 14);
    set(model.then(op));
    return run(model, x);
  };
  const auto hard_swish = apply("HardSwish");
  EXPECT_EQ(hard_swish[0], 0);
  EXPECT_NEAR(hard_swish[1], -1.0 / 3, 1e-6);
  EXPECT_NEAR(hard_swish[3], 2.0 / 3, 1e-6);
  EXPECT_EQ(hard_swish[4], 7);
  EXPECT_EQ(apply("HardSigmoid", [](auto &n) { OnnxModel::set_float(n, "alpha", 0.125F); }),
            (std::vector<float>{0, 0.375F, 0.5F, 0.625F, 1}));
  EXPECT_EQ(apply("LeakyRelu", [](auto &n) { OnnxModel::set_float(n, "alpha", 0.5F); }),
            (std::vector<float>{-2, -0.5F, 0, 1, 7}));
  const auto sigmoid = apply("Sigmoid"), tangent = apply("Tanh");
  EXPECT_NEAR(sigmoid[1], 0.2689414, 1e-6);
  EXPECT_EQ(sigmoid[2], 0.5F);
  EXPECT_NEAR(tangent[3], 0.7615942, 1e-6);
  OnnxModel clip({1, 5});
  clip.then("Clip", {clip.weights({}, {0}), clip.weights({}, {6})});
  EXPECT_EQ(run(clip, x), (std::vector<float>{0, 0, 0, 1, 6}));
  OnnxModel silu({1, 5});
  silu.then("Sigmoid");
  silu.node("Mul", {"input", silu.last()});
  EXPECT_NEAR(run(silu, x)[0], -0.0719448, 1e-6);
  OnnxModel crossed({1, 5});
  crossed.then("Clip", {crossed.weights({}, {1}), crossed.weights({}, {0})});
  EXPECT_THROW(import_onnx(crossed.bytes(), "m"), InputError);
}

TEST(FloatExecutor, Rearrangements) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  OnnxModel transposed({1, 2, 3});
  OnnxModel::set_ints(transposed.then("Transpose"), "perm", {2, 0, 1});
  EXPECT_EQ(run(transposed, x), (std::vector<float>{1, 4, 2, 5, 3, 6}));
  OnnxModel sliced({1, 2, 3});
  sliced.then("Slice", {sliced.integers({-1}), sliced.integers({-9}), sliced.integers({2}),
                        sliced.integers({-2})});
  EXPECT_EQ(run(sliced, x), (std::vector<float>{3, 1, 6, 4}));
  OnnxModel gathered({1, 2, 3});
  OnnxModel::set_int(gathered.then("Gather", {gathered.integers({-1, 0})}), "axis", 2);
  EXPECT_EQ(run(gathered, x), (std::vector<float>{3, 1, 6, 4}));
  const std::vector<std::pair<std::string, std::vector<float>>> modes = {
      {"constant", {9, 1, 2, 3, 9, 9, 9, 4, 5, 6, 9, 9}},
      {"edge", {1, 1, 2, 3, 3, 3, 4, 4, 5, 6, 6, 6}},
      {"reflect", {2, 1, 2, 3, 2, 1, 5, 4, 5, 6, 5, 4}}};
  for (const auto &[mode, wanted] : modes) {
    OnnxModel padded({1, 2, 3});
    OnnxModel::set_text(
        padded.then("Pad", {padded.integers({0, 0, 1, 0, 0, 2}), padded.weights({}, {9})}), "mode",
        mode);
    EXPECT_EQ(run(padded, x), wanted) << mode;
  }
  OnnxModel cropped({1, 2, 3});
  cropped.then("Pad", {cropped.integers({0, 0, -1, 0, 0, 1})});
  EXPECT_EQ(run(cropped, x), (std::vector<float>{2, 3, 0, 5, 6, 0}));
  OnnxModel joined({1, 2, 3});
  joined.then("Relu");
  OnnxModel::set_int(joined.node("Concat", {"input", joined.last(), "input"}), "axis", -1);
  EXPECT_EQ(run(joined, x),
            (std::vector<float>{1, 2, 3, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 4, 5, 6}));
  OnnxModel squeezed({1, 2, 3});
  squeezed.then("Unsqueeze", {squeezed.integers({-1})});
  squeezed.then("Squeeze", {squeezed.integers({0, 3})});
  const Graph graph = import_onnx(squeezed.bytes(), "m");
  EXPECT_EQ(graph.shape(graph.outputs[0]), (Shape{2, 3}));
}

TEST(FloatExecutor, LocalResponseNormalisation) {
  OnnxModel model({1, 4, 1, 1});
  auto &node = model.then("Lrn");
  node.set_op_type("LRN");
  OnnxModel::set_int(node, "size", 3);
  OnnxModel::set_float(node, "alpha", 0.3F);
  OnnxModel::set_float(node, "beta", 0.5F);
  OnnxModel::set_float(node, "bias", 2.0F);
  const auto y = run(model, {1, 2, 3, 4});
  // 2 + 0.1 * (1 + 4), (1 + 4 + 9), (4 + 9 + 16), (9 + 16)
  EXPECT_NEAR(y[0], 1 / std::sqrt(2.5), 1e-6);
  EXPECT_NEAR(y[1], 2 / std::sqrt(3.4), 1e-6);
  EXPECT_NEAR(y[2], 3 / std::sqrt(4.9), 1e-6);
  EXPECT_NEAR(y[3], 4 / std::sqrt(4.5), 1e-6);
}

TEST(FloatExecutor, MeanOverAnImage) {
  OnnxModel model({1, 2, 1, 2});
  auto &node = model.then("ReduceMean");
  OnnxModel::set_ints(node, "axes", {2, 3});
  OnnxModel::set_int(node, "keepdims", 0);
  const Graph graph = import_onnx(model.bytes(), "m");
  EXPECT_EQ(graph.shape(graph.outputs[0]), (Shape{1, 2}));
  EXPECT_EQ(float_logits(graph, {1, 3, 5, 9}), (std::vector<float>{2, 7}));
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// One input and one hidden unit: the recurrences written out. Gate order i, o, f, c.
TEST(FloatExecutor, LongShortTermMemory) {
  const std::vector<float> w = {0.5F, -0.3F, 0.8F, 1.1F}, r = {0.2F, 0.7F, -0.4F, 0.9F},
                           b = {0.1F, 0.2F, 0.3F, -0.1F, 0.05F, 0, 0, 0.15F};
  for (const std::string direction : {"forward", "reverse"}) {
    OnnxModel model({3, 1, 1});
    auto &node = model.then("LSTM", {model.weights({1, 4, 1}, w), model.weights({1, 4, 1}, r),
                                     model.weights({1, 8}, b)});
    node.add_output("h");
    node.add_output("c");
    OnnxModel::set_int(node, "hidden_size", 1);
    OnnxModel::set_text(node, "direction", direction);
    model.graph().add_output()->set_name("t1");
    const Graph graph = import_onnx(model.bytes(), "m");
    const std::vector<float> x = {1, -2, 0.5F};
    const auto values = execute_float(graph, x);
    double h = 0, c = 0;
    for (std::size_t step = 0; step < 3; ++step) {
      const std::size_t t = direction == "forward" ? step : 2 - step;
      const auto gate = [&](std::size_t g) { return w[g] * x[t] + r[g] * h + b[g] + b[4 + g]; };
      const double i = sigmoid(gate(0)), o = sigmoid(gate(1)), f = sigmoid(gate(2)),
                   candidate = std::tanh(gate(3));
      c = f * c + i * candidate;
      h = o * std::tanh(c);
      EXPECT_NEAR(values.at("t1")[t], h, 1e-6);
    }
    EXPECT_NEAR(values.at("h")[0], h, 1e-6);
    EXPECT_NEAR(values.at("c")[0], c, 1e-6);
  }
}

// What exporters write when only the last state is used: the sequence has no name.
TEST(FloatExecutor, RecurrentNetworksMayNameTheirLastStateOnly) {
  for (const bool is_lstm : {true, false}) {
    const std::int64_t rows = is_lstm ? 4 : 3;
    const auto last_state = [&](bool names_sequence) {
      Values random(4);
      OnnxModel model({3, 1, 2});
      auto &node = model.then(
          is_lstm ? "LSTM" : "GRU",
          {model.random_weights(random, {1, rows, 2}), model.random_weights(random, {1, rows, 1})});
      if (!names_sequence) node.set_output(0, "");
      node.clear_name();
      node.add_output("h");
      model.graph().add_output()->set_name("h");
      const Graph graph = import_onnx(model.bytes(), "m");
      EXPECT_EQ(graph.nodes[0].name, names_sequence ? "t1" : "h");
      EXPECT_EQ(graph.shape("h"), (Shape{1, 1, 1}));
      return execute_float(graph, {1, -2, 0.5F, 3, -1, 0.25F}).at("h");
    };
    EXPECT_EQ(last_state(false), last_state(true));
  }
}

// Gate order z, r, h; both places of the reset gate.
TEST(FloatExecutor, GatedRecurrentUnit) {
  const std::vector<float> w = {0.5F, -0.3F, 0.8F}, r = {0.2F, 0.7F, -0.4F},
                           b = {0.1F, 0.2F, 0.3F, -0.1F, 0.05F, 0.6F};
  for (const bool after : {false, true}) {
    OnnxModel model({3, 1, 1});
    auto &node = model.then("GRU", {model.weights({1, 3, 1}, w), model.weights({1, 3, 1}, r),
                                    model.weights({1, 6}, b)});
    OnnxModel::set_int(node, "linear_before_reset", after);
    const std::vector<float> x = {1, -2, 0.5F};
    const auto y = run(model, x);
    double h = 0;
    for (std::size_t t = 0; t < 3; ++t) {
      const double z = sigmoid(w[0] * x[t] + r[0] * h + b[0] + b[3]);
      const double reset = sigmoid(w[1] * x[t] + r[1] * h + b[1] + b[4]);
      const double recurrent = after ? reset * (r[2] * h + b[5]) : r[2] * (reset * h) + b[5];
      h = (1 - z) * std::tanh(w[2] * x[t] + b[2] + recurrent) + z * h;
      EXPECT_NEAR(y[t], h, 1e-6);
    }
  }
}

TEST(FloatExecutor, RefusesRecurrentNetworksThatItDoesNotModel) {
  const auto refuse = [](const std::function<void(onnx::NodeProto &)> &damage) {
    OnnxModel model({3, 1, 1});
    auto &node = model.then(
        "LSTM", {model.weights({1, 4, 1}, {1, 1, 1, 1}), model.weights({1, 4, 1}, {1, 1, 1, 1})});
    ASSERT_NO_THROW(import_onnx(model.bytes(), "m"));
    damage(node);
    EXPECT_THROW(import_onnx(model.bytes(), "m"), InputError);
  };
  refuse([](auto &n) { OnnxModel::set_float(n, "clip", 1); });
  refuse([](auto &n) { OnnxModel::set_int(n, "layout", 1); });
  refuse([](auto &n) { OnnxModel::set_int(n, "hidden_size", 2); });
  refuse([](auto &n) { OnnxModel::set_text(n, "direction", "bidirectional"); });
  refuse([](auto &n) { n.set_input(2, "input"); });
}

TEST(FloatExecutor, InputReordersToChannelsFirst) {
  const std::uint8_t image[] = {0, 10, 255, 20};  // two pixels of two channels
  EXPECT_EQ(float_input({1, 2, 2}, image, 0.5, 10), (std::vector<float>{-5, 122.5, 0, 5}));
}

TEST(FloatExecutor, ResNetSizedConvolutionIsFast) {
  Values random(2);
  OnnxModel model({1, 64, 32, 32});
  auto &node = model.then("Conv", {model.random_weights(random, {64, 64, 3, 3})});
  OnnxModel::set_ints(node, "pads", {1, 1, 1, 1});
  const Graph graph = import_onnx(model.bytes(), "model.onnx");
  const auto input = random_values(random, 64 * 32 * 32);
  const auto start = std::chrono::steady_clock::now();
  float_logits(graph, input);  // 37.7 million products
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  RecordProperty("seconds", std::to_string(elapsed.count()));
  EXPECT_LT(elapsed.count(), 5.0);  // generous: a sanitised build on a busy machine
}

}  // namespace
}  // namespace npim::network
