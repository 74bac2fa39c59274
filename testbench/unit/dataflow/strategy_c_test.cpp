// Strategy C: the cycle-by-cycle path through DAC, cells and NNS+A equals the folded dot product
// for every precision and number of rows.
#include "dataflow/strategy_c.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>

namespace npim::dataflow {
namespace {

class Precision : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(Precision, PerCycleEqualsFolded) {
  const auto [dac_bits, cell_bits] = GetParam();
  config::ChipConfig chip;
  chip.array.cell_bits = cell_bits;
  const device::ArrayGeometry geometry(chip.array);
  crossbar::Array array(geometry);
  std::mt19937 random(static_cast<unsigned>(17 * dac_bits + cell_bits));
  std::vector<std::int8_t> weights(static_cast<std::size_t>(128 * geometry.vectors()));
  for (auto &weight : weights) weight = static_cast<std::int8_t>(random());
  weights[0] = -128;
  array.program(weights.data(), 128, geometry.vectors());
  std::vector<std::uint8_t> inputs(128);
  for (auto &input : inputs) input = static_cast<std::uint8_t>(random());
  inputs[0] = 255;

  const peripheral::Dac dac(dac_bits, 8);
  const peripheral::IdealNnsa nnsa(dac_bits);
  const StrategyC oracle(dac, nnsa, Kernel::kPerCycle), fast(dac, nnsa, Kernel::kFolded);
  const auto converter = peripheral::make_converter(chip, {4, 8});
  const auto vectors = static_cast<std::size_t>(geometry.vectors());
  std::vector<std::int32_t> slow_codes(vectors), fast_codes(vectors), sums(vectors);
  for (int rows = 1; rows <= 128; ++rows) {
    oracle.dot_products(array, inputs.data(), rows, *converter, slow_codes.data());
    fast.dot_products(array, inputs.data(), rows, *converter, fast_codes.data());
    ASSERT_EQ(slow_codes, fast_codes) << rows;
    oracle.accumulate(array, inputs.data(), rows, sums.data());
    for (std::size_t v = 0; v < vectors; ++v) {
      std::int32_t expected = 0;
      for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
        expected += inputs[r] * weights[r * vectors + v];
      }
      ASSERT_EQ(sums[v], expected) << rows << " rows, vector " << v;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Precision,
                         testing::Combine(testing::Values(1, 2, 3, 4, 8),
                                          testing::Values(1, 2, 3, 4)));

TEST(StrategyC, CyclesFollowTheDac) {
  const peripheral::Dac dac(1, 8);
  const peripheral::IdealNnsa nnsa(1);
  EXPECT_EQ(StrategyC(dac, nnsa, Kernel::kFolded).input_cycles(), 8);
}

}  // namespace
}  // namespace npim::dataflow
