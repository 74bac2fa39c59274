#include "analysis/noise_injection.h"

#include <gtest/gtest.h>

#include <cmath>

#include "network/float_executor.h"

namespace npim::analysis {
namespace {

/// A matrix product whose outputs are all 2, then a ReLU.
network::Graph constant_layer(int outputs) {
  network::Graph graph;
  graph.inputs = {"x"};
  graph.outputs = {"y"};
  network::Tensor weights;
  weights.floats.assign(static_cast<std::size_t>(2 * outputs), 1.0F);
  graph.initialisers["w"] = weights;
  graph.shapes = {{"x", {1, 2}}, {"w", {2, outputs}}, {"s", {1, outputs}}, {"y", {1, outputs}}};
  network::Node product, relu;
  product.op = network::Op::kMatMul;
  product.inputs = {"x", "w"};
  product.outputs = {"s"};
  relu.op = network::Op::kRelu;
  relu.inputs = {"s"};
  relu.outputs = {"y"};
  graph.nodes = {product, relu};
  return graph;
}

TEST(NoiseInjection, HasTheSigmaOfEquation13) {
  constexpr int kOutputs = 20000;
  const auto graph = constant_layer(kOutputs);
  const auto values = noisy_logits(graph, {1, 1}, 30, {1, 0});
  double sum = 0, squares = 0;
  for (const float value : values) {
    sum += value - 2.0;
    squares += (value - 2.0) * (value - 2.0);
  }
  const double sigma = 2 / std::pow(10, 1.5);
  EXPECT_NEAR(sum / kOutputs, 0, 4 * sigma / std::sqrt(kOutputs));
  EXPECT_NEAR(std::sqrt(squares / kOutputs) / sigma, 1, 0.03);
}

TEST(NoiseInjection, IsKeyedBySeedAndImage) {
  const auto graph = constant_layer(100);
  const auto once = noisy_logits(graph, {1, 1}, 30, {1, 5});
  EXPECT_EQ(noisy_logits(graph, {1, 1}, 30, {1, 5}), once);
  EXPECT_NE(noisy_logits(graph, {1, 1}, 30, {1, 6}), once);
  EXPECT_NE(noisy_logits(graph, {1, 1}, 30, {2, 5}), once);
}

TEST(NoiseInjection, WithoutNoiseIsTheFloatExecutor) {
  const auto graph = constant_layer(10);
  EXPECT_EQ(noisy_logits(graph, {1, 1}, INFINITY, {1, 0}), network::float_logits(graph, {1, 1}));
}

}  // namespace
}  // namespace npim::analysis
