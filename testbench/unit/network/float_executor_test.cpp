#include "network/float_executor.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

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
