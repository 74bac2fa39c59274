// The crossbar: weights in cells, read-back, and the fast kernel against the per-cell oracle.
#include "crossbar/array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <stdexcept>

namespace npim::crossbar {
namespace {

device::ArrayGeometry geometry(int rows, int columns, int cell_bits) {
  config::ChipConfig::Array array;
  array.rows = rows;
  array.columns = columns;
  array.cell_bits = cell_bits;
  return device::ArrayGeometry(array);
}

std::vector<std::int8_t> random_weights(std::mt19937 &random, int count) {
  std::uniform_int_distribution<int> any(-128, 127);
  std::vector<std::int8_t> weights(static_cast<std::size_t>(count));
  for (auto &weight : weights) weight = static_cast<std::int8_t>(any(random));
  return weights;
}

TEST(Array, PositiveAndNegativePartsAreInAdjacentColumns) {
  const auto shape = geometry(128, 128, 1);
  ASSERT_EQ(shape.vectors(), 8);
  Array array(shape);
  const std::int8_t weights[] = {5, -128};
  array.program(weights, 1, 2);
  for (int column = 0; column < 32; ++column) {
    // 5 = bits 0 and 2 of W_P in columns 0 and 4; -128 = bit 7 of W_N in column 16 + 15.
    const bool set = column == 0 || column == 4 || column == 31;
    EXPECT_EQ(array.level(0, column), set ? 1 : 0) << column;
  }
}

TEST(Array, MultiLevelCellsHoldDigits) {
  const auto shape = geometry(4, 16, 4);
  ASSERT_EQ(shape.vectors(), 4);
  Array array(shape);
  const std::int8_t weight = -0x5b;
  array.program(&weight, 1, 1);
  EXPECT_EQ(array.level(0, 1), 0xb);
  EXPECT_EQ(array.level(0, 3), 0x5);
  EXPECT_EQ(array.level(0, 0), 0);
  EXPECT_EQ(array.weight(0, 0), -0x5b);
}

TEST(Array, UnprogrammedReadsZero) {
  const auto shape = geometry(128, 128, 1);
  Array array(shape);
  EXPECT_FALSE(array.is_programmed());
  const std::vector<std::uint8_t> inputs(128, 255);
  std::vector<std::int32_t> products(8, -1);
  array.dot_products(inputs.data(), 128, products.data());
  for (const auto product : products) EXPECT_EQ(product, 0);
  EXPECT_EQ(array.weight(127, 7), 0);
}

TEST(Array, RefusesWeightsThatDoNotFit) {
  const auto shape = geometry(8, 32, 1);
  Array array(shape);
  const std::vector<std::int8_t> weights(1000, 1);
  EXPECT_THROW(array.program(weights.data(), 9, 1), std::invalid_argument);
  EXPECT_THROW(array.program(weights.data(), 1, 3), std::invalid_argument);
  const std::vector<std::int8_t> least(1, -128);
  EXPECT_THROW(array.program(least.data(), 1, 1, 1), std::invalid_argument);
  EXPECT_THROW(array.program(weights.data(), 1, 1, -1), std::invalid_argument);
  EXPECT_FALSE(array.is_programmed());
}

// The same weights, a digit up: every sum doubles.
TEST(Array, ShiftedWeightsYieldShiftedSums) {
  const auto shape = geometry(64, 32, 1);
  Array plain(shape), shifted(shape);
  std::mt19937 random(5);
  auto weights = random_weights(random, 128);
  for (auto &weight : weights) weight = std::max<std::int8_t>(weight, -127);
  plain.program(weights.data(), 64, 2);
  shifted.program(weights.data(), 64, 2, 1);
  EXPECT_EQ(shifted.level(0, shape.column(0, 0, false)), 0);
  EXPECT_EQ(shifted.level(3, shape.column(1, 7, true)), plain.level(3, shape.column(1, 6, true)));
  std::vector<std::uint8_t> inputs(64, 255);
  std::int32_t once[2], twice[2];
  plain.dot_products(inputs.data(), 64, once);
  shifted.dot_products(inputs.data(), 64, twice);
  EXPECT_EQ(twice[0], 2 * once[0]);
  EXPECT_EQ(twice[1], 2 * once[1]);
}

TEST(Array, ProgrammingReplacesAllCells) {
  const auto shape = geometry(16, 32, 1);
  Array array(shape);
  const std::vector<std::int8_t> first(32, -1);
  array.program(first.data(), 16, 2);
  const std::int8_t second = 3;
  array.program(&second, 1, 1);
  EXPECT_EQ(array.weight(0, 0), 3);
  EXPECT_EQ(array.weight(15, 1), 0);
}

class CellBits : public testing::TestWithParam<int> {};

TEST_P(CellBits, ReadBackEqualsWhatWasProgrammed) {
  std::mt19937 random(7);
  const auto shape = geometry(100, 128, GetParam());
  Array array(shape);
  const auto weights = random_weights(random, 100 * shape.vectors());
  array.program(weights.data(), 100, shape.vectors());
  std::size_t i = 0;
  for (int row = 0; row < 100; ++row) {
    for (int vector = 0; vector < shape.vectors(); ++vector) {
      ASSERT_EQ(array.weight(row, vector), weights[i++]);
    }
  }
}

TEST_P(CellBits, FoldedKernelEqualsSumsOverCells) {
  std::mt19937 random(11);
  const auto shape = geometry(128, 128, GetParam());
  Array array(shape);
  const int vectors = shape.vectors();
  const auto weights = random_weights(random, 128 * vectors);
  array.program(weights.data(), 128, vectors);
  std::vector<std::uint8_t> inputs(128);
  for (auto &input : inputs) input = static_cast<std::uint8_t>(random());
  std::vector<std::int32_t> fast(static_cast<std::size_t>(vectors)), lines(128);
  for (int rows = 0; rows <= 128; ++rows) {
    array.dot_products(inputs.data(), rows, fast.data());
    array.bit_line_sums(inputs.data(), rows, lines.data());  // whole inputs as one slice
    for (int v = 0; v < vectors; ++v) {
      std::int64_t sum = 0;
      for (int digit = 0; digit < shape.digits(); ++digit) {
        const auto base = static_cast<std::size_t>(2 * (v * shape.digits() + digit));
        sum += (std::int64_t{lines[base]} - lines[base + 1]) * (1 << (digit * GetParam()));
      }
      ASSERT_EQ(fast[static_cast<std::size_t>(v)], sum) << rows << " rows, vector " << v;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CellBits, testing::Values(1, 2, 3, 4));

TEST(Array, ExtremesDoNotSaturate) {
  const auto shape = geometry(512, 128, 1);
  Array array(shape);
  for (const int weight : {-128, 127}) {
    const std::vector<std::int8_t> weights(512 * 8, static_cast<std::int8_t>(weight));
    array.program(weights.data(), 512, 8);
    const std::vector<std::uint8_t> inputs(512, 255);
    std::vector<std::int32_t> products(8);
    array.dot_products(inputs.data(), 512, products.data());
    for (const auto product : products) EXPECT_EQ(product, 512 * 255 * weight);
  }
}

}  // namespace
}  // namespace npim::crossbar
