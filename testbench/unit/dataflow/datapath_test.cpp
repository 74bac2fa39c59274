// The arrays that a chip's datapath makes, through the interface that the chip uses.
#include "dataflow/datapath.h"

#include <gtest/gtest.h>

#include <random>

namespace npim::dataflow {
namespace {

TEST(IdealDatapath, ABatchEqualsItsWindowsAndTheDefinition) {
  const config::ChipConfig chip;
  const Datapath datapath(chip);
  const auto array = datapath.make_array({3, 17});
  const LayerConverter layer = datapath.make_layer({2, 4});
  const int rows = 100, vectors = 5, count = 7;
  std::mt19937 random(1);
  std::vector<std::int8_t> weights(static_cast<std::size_t>(rows * vectors));
  for (auto &weight : weights) weight = static_cast<std::int8_t>(random());
  std::vector<std::uint8_t> inputs(static_cast<std::size_t>(count * rows));
  for (auto &input : inputs) input = static_cast<std::uint8_t>(random());
  array->program(weights.data(), rows, vectors, 0);
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      ASSERT_EQ(array->weight(r, v), weights[static_cast<std::size_t>(r * vectors + v)]);
    }
  }
  const auto all = static_cast<std::size_t>(array->vectors());
  std::vector<double> held(count * all);
  std::vector<std::int32_t> codes(static_cast<std::size_t>(count * vectors));
  array->hold({inputs.data(), rows, {9, count}}, layer, held.data());
  array->convert({9, count}, layer, held.data(), vectors, codes.data());
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> one(all);
    std::vector<std::int32_t> code(vectors);
    array->hold({inputs.data() + i * rows, rows, {9 + i}}, layer, one.data());
    array->convert({9 + i}, layer, one.data(), vectors, code.data());
    for (std::size_t v = 0; v < vectors; ++v) {
      std::int32_t sum = 0;
      for (std::size_t r = 0; r < rows; ++r) sum += inputs[i * rows + r] * weights[r * vectors + v];
      std::int32_t expected = 0;
      layer.ideal->convert(&sum, 1, &expected);
      ASSERT_EQ(one[v], sum);
      ASSERT_EQ(held[i * all + v], sum);
      ASSERT_EQ(code[v], expected);
      ASSERT_EQ(codes[i * vectors + v], expected);
    }
  }
}

}  // namespace
}  // namespace npim::dataflow
