// Dataflows A and B: with non-idealities off and enough bits they equal the integer dot product in
// the fast kernels and in the per-cell oracle, for every layout and precision; with fewer bits the
// error is the one of uniform rounding.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <tuple>

#include "base/error.h"
#include "dataflow/resolution.h"
#include "dataflow/strategy_a.h"
#include "dataflow/strategy_b.h"
#include "peripheral/line_range.h"
#include "peripheral/sar_adc.h"

namespace npim::dataflow {
namespace {

using crossbar::InputBatch;
using crossbar::PhysicalArray;
using peripheral::EncodedWeights;
using peripheral::IdealAdc;
using peripheral::LayoutOptions;
using peripheral::WeightMapping;

/// Random weights and inputs of one array, and what exact arithmetic makes of them.
struct Work {
  Work(int rows, int cell_bits, const LayoutOptions &options, int items = 4, unsigned seed = 1,
       bool with_ends = true)
      : geometry(make_geometry(rows, cell_bits)),
        vectors(peripheral::vectors_of(geometry, options)),
        weights(static_cast<std::size_t>(rows * vectors)),
        inputs(static_cast<std::size_t>(items * rows)),
        exact(static_cast<std::size_t>(items * vectors)) {
    std::mt19937 random(seed);
    for (auto &weight : weights) weight = static_cast<std::int8_t>(random());
    for (auto &input : inputs) input = static_cast<std::uint8_t>(random());
    if (with_ends) {
      set_ends();
    } else {  // digit 7 stays empty
      for (auto &weight : weights) weight = std::max(weight, std::int8_t{-127});
    }
    for (int i = 0; i < items; ++i) {
      for (int v = 0; v < vectors; ++v)
        exact[static_cast<std::size_t>(i * vectors + v)] = dot(i, v);
    }
    encoded = peripheral::encode_weights(geometry, options, weights.data(), rows, vectors);
  }

  /// A row of -128, a vector of 127 (all columns flip), a window of 255.
  void set_ends() {
    for (int v = 0; v < vectors; ++v) weights[static_cast<std::size_t>(v)] = -128;
    for (int row = 0; row < geometry.rows; ++row) {
      weights[static_cast<std::size_t>(row * vectors)] = 127;
      inputs[static_cast<std::size_t>(row)] = 255;
    }
  }
  static device::ArrayGeometry make_geometry(int rows, int cell_bits) {
    config::ChipConfig::Array array;
    array.rows = rows;
    array.columns = 66;
    array.cell_bits = cell_bits;
    return device::ArrayGeometry(array);
  }
  std::int64_t dot(int item, int vector) const {
    std::int64_t sum = 0;
    for (int row = 0; row < geometry.rows; ++row) {
      sum += inputs[static_cast<std::size_t>(item * geometry.rows + row)] *
             weights[static_cast<std::size_t>(row * vectors + vector)];
    }
    return sum;
  }
  std::vector<std::int64_t> run(const LineDataflow &dataflow,
                                const crossbar::Physics &physics) const {
    PhysicalArray array(geometry, physics, {7, 1, 2});
    array.program_levels(encoded.levels.data());
    const int items = static_cast<int>(inputs.size()) / geometry.rows;
    const InputBatch batch(inputs.data(), items, geometry.rows, physics.dac_bits);
    std::vector<std::int64_t> sums(exact.size());
    dataflow.products(array, batch, sums.data());
    return sums;
  }

  device::ArrayGeometry geometry;
  int vectors;
  std::vector<std::int8_t> weights;
  std::vector<std::uint8_t> inputs;
  std::vector<std::int64_t> exact;
  EncodedWeights encoded;
};

crossbar::Physics physics_of(int dac_bits, bool per_cell) {
  crossbar::Physics physics;
  physics.device.cell.bits = 8;
  physics.dac_bits = dac_bits;
  physics.per_cell = per_cell;
  return physics;
}

peripheral::AnalogBufferParameters buffer_of(int cell_bits, int conversions = 0,
                                             bool subtracts = false) {
  peripheral::AnalogBufferParameters parameters;
  parameters.cell.cell.bits = cell_bits;
  parameters.conversions_per_vector = conversions;
  parameters.subtracts = subtracts;
  return parameters;
}

class Layout : public testing::TestWithParam<std::tuple<WeightMapping, bool, int, int>> {
 protected:
  LayoutOptions options() const { return {std::get<0>(GetParam()), std::get<1>(GetParam()), 2}; }
  int cell_bits() const { return std::get<2>(GetParam()); }
  int dac_bits() const { return std::get<3>(GetParam()); }
};

TEST_P(Layout, DigitalAccumulationIsExactInBothTiers) {
  const Work work(128, cell_bits(), options());
  ASSERT_GT(work.vectors, 0);
  const std::int64_t largest = largest_line_sum(work.geometry, options().flip, dac_bits());
  const IdealAdc adc(peripheral::bits_of(largest));
  const StrategyA strategy(work.encoded, adc, dac_bits(), largest);
  EXPECT_EQ(strategy.required_bits(), adc.bits());
  for (const bool per_cell : {false, true}) {
    const auto physics = physics_of(dac_bits(), per_cell);
    ASSERT_EQ(crossbar::choose_tier(physics),
              per_cell ? crossbar::Tier::kPerCell : crossbar::Tier::kIdeal);
    EXPECT_EQ(work.run(strategy, physics), work.exact) << per_cell;
  }
}

TEST_P(Layout, AnalogBufferingIsExactInBothTiers) {
  // Cells of 8 bits hold the sums of as many rows.
  int rows = 128;
  while (peripheral::bits_of(largest_line_sum(Work::make_geometry(rows, cell_bits()),
                                              options().flip, dac_bits())) > 8) {
    rows /= 2;
  }
  if (rows < 2) GTEST_SKIP() << "no buffer cell holds the sum of two rows";
  const Work work(rows, cell_bits(), options());
  const std::int64_t largest = largest_line_sum(work.geometry, options().flip, dac_bits());
  const int cycles = (8 + dac_bits() - 1) / dac_bits();
  for (const int conversions : {0, 3}) {
    for (const bool subtracts : {false, true}) {
      const auto parameters = buffer_of(8, conversions, subtracts);
      RandomStream chip(1, 0, 0);
      const peripheral::AnalogBuffer buffer(work.encoded, parameters, dac_bits(), cycles, largest,
                                            chip);
      const IdealAdc adc(buffer.required_bits());
      const StrategyB strategy(work.encoded, buffer, adc, cycles);
      for (const bool per_cell : {false, true}) {
        EXPECT_EQ(work.run(strategy, physics_of(dac_bits(), per_cell)), work.exact)
            << rows << " rows, " << conversions << " conversions, subtracts " << subtracts;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Layout,
    testing::Combine(testing::Values(WeightMapping::kDifferential, WeightMapping::kBiased),
                     testing::Bool(), testing::Values(1, 2, 3, 4), testing::Values(1, 2, 3, 4, 8)));

TEST(StrategyA, NeedsWhatEquationTwoSays) {
  for (int cell_bits = 1; cell_bits <= 4; ++cell_bits) {
    for (int dac_bits = 1; dac_bits <= 8; ++dac_bits) {
      Resolution resolution;
      resolution.cell_bits = cell_bits;
      resolution.dac_bits = dac_bits;
      const auto geometry = Work::make_geometry(128, cell_bits);
      EXPECT_EQ(peripheral::bits_of(largest_line_sum(geometry, false, dac_bits)),
                bit_line_bits(resolution));
      // Flip encoding saves a bit ([IS] section 5).
      EXPECT_EQ(peripheral::bits_of(largest_line_sum(geometry, true, dac_bits)),
                bit_line_bits(resolution) - 1);
    }
  }
}

TEST(StrategyA, CountsConversionsAsThePaper) {
  const LayoutOptions plain;
  const Work work(128, 1, plain);
  const IdealAdc adc(8);
  const StrategyA strategy(work.encoded, adc, 1, 128);
  // Of a vector: 64 for each polarity.
  EXPECT_EQ(strategy.conversions_per_window(), work.vectors * 2 * 64);
}

TEST(StrategyA, SubtractsTheSignOfTwosComplementInputs) {
  const LayoutOptions options{WeightMapping::kBiased, true, 2};
  const Work work(128, 1, options);
  const IdealAdc adc(7);
  const StrategyA strategy(work.encoded, adc, 1, 64, peripheral::InputCode::kTwosComplement);
  const auto sums = work.run(strategy, physics_of(1, false));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    std::int64_t expected = 0;
    const std::size_t item = i / static_cast<std::size_t>(work.vectors),
                      vector = i % static_cast<std::size_t>(work.vectors);
    for (std::size_t row = 0; row < 128; ++row) {
      expected += static_cast<std::int8_t>(work.inputs[item * 128 + row]) *
                  work.weights[row * static_cast<std::size_t>(work.vectors) + vector];
    }
    ASSERT_EQ(sums[i], expected);
  }
  EXPECT_THROW(StrategyA(work.encoded, adc, 2, 64, peripheral::InputCode::kTwosComplement),
               InputError);
}

TEST(StrategyA, OneUnitColumnClipsByOneWhenAllRowsAreDriven) {
  // The first window drives every row with 255: the unit column adds up to 128, its code to 127.
  const LayoutOptions options{WeightMapping::kBiased, true, 1};
  const Work work(128, 1, options);
  const IdealAdc adc(7);
  const StrategyA strategy(work.encoded, adc, 1, 64);
  const auto sums = work.run(strategy, physics_of(1, false));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t vector = i % static_cast<std::size_t>(work.vectors);
    const bool first = i < static_cast<std::size_t>(work.vectors);
    EXPECT_EQ(work.exact[i] - sums[i], first ? work.encoded.unit_factor[vector] * 255 : 0);
  }
}

/// Mean square error of A below the required resolution against that of uniform rounding: codes
/// that count L leave errors -L/2 .. L/2 - 1, a variance of (L^2 - 1) / 12; the means of the two
/// polarities cancel.
TEST(StrategyA, LosesWhatRoundingPredictsBelowTheRequiredResolution) {
  for (const int dac_bits : {1, 2, 4}) {
    const Work work(128, 1, {}, 400, 5, false);
    const std::int64_t largest = largest_line_sum(work.geometry, false, dac_bits);
    const IdealAdc adc(peripheral::bits_of(largest) - 3);
    const StrategyA strategy(work.encoded, adc, dac_bits, largest);
    const auto sums = work.run(strategy, physics_of(dac_bits, false));
    double measured = 0, places = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      measured += std::pow(static_cast<double>(sums[i] - work.exact[i]), 2);
    }
    measured /= static_cast<double>(sums.size());
    for (int cycle = 0; cycle < 8 / dac_bits; ++cycle) {
      // Seven digits of a magnitude are in use.
      for (int digit = 0; digit < 7; ++digit)
        places += std::ldexp(1.0, 2 * (cycle * dac_bits + digit));
    }
    const double predicted = 2 * places * (64 - 1) / 12;
    EXPECT_NEAR(measured / predicted, 1, 0.15) << dac_bits;
  }
}

TEST(StrategyA, ResultsDoNotDependOnTheBatch) {
  const Work work(128, 1, {}, 8);
  RandomStream capacitors(3, 0, 0);
  const peripheral::SarAdc adc({8, 0.01, 0.25}, capacitors);
  const StrategyA strategy(work.encoded, adc, 1, 128);
  const auto physics = physics_of(1, false);
  const auto together = work.run(strategy, physics);
  PhysicalArray array(work.geometry, physics, {7, 1, 2});
  array.program_levels(work.encoded.levels.data());
  for (int item = 7; item >= 0; --item) {
    const InputBatch one(work.inputs.data() + std::ptrdiff_t{item} * 128, 1, 128, 1,
                         static_cast<std::uint64_t>(item));
    std::vector<std::int64_t> sums(static_cast<std::size_t>(work.vectors));
    strategy.products(array, one, sums.data());
    for (int v = 0; v < work.vectors; ++v) {
      ASSERT_EQ(sums[static_cast<std::size_t>(v)],
                together[static_cast<std::size_t>(item * work.vectors + v)]);
    }
  }
}

TEST(StrategyB, NeedsAndConvertsWhatThePaperSays) {
  // 8b x 8b, P_R = P_D = 1, N = 7: 11 bits, 15 conversions (of each polarity).
  const Work work(128, 1, {});
  const auto parameters = buffer_of(8);
  RandomStream chip(1, 0, 0);
  const peripheral::AnalogBuffer buffer(work.encoded, parameters, 1, 8, 128, chip);
  const Resolution resolution;
  EXPECT_EQ(buffer.required_bits(), converter_bits(Strategy::kAnalogBuffering, resolution));
  EXPECT_EQ(buffer.columns(), conversions(Strategy::kAnalogBuffering, resolution));
  EXPECT_EQ(buffer.conversions_per_vector(), 2 * buffer.columns());
}

TEST(StrategyB, SmallBufferCellsRoundAsPredicted) {
  // Cells of 6 bits count 4 of up to 128: errors -2 .. 1 of every write.
  const Work work(128, 1, {}, 400, 9, false);
  const auto parameters = buffer_of(6);
  RandomStream chip(1, 0, 0);
  const peripheral::AnalogBuffer buffer(work.encoded, parameters, 1, 8, 128, chip);
  const IdealAdc adc(11);
  const StrategyB strategy(work.encoded, buffer, adc, 8);
  const auto sums = work.run(strategy, physics_of(1, false));
  double measured = 0, places = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    measured += std::pow(static_cast<double>(sums[i] - work.exact[i]), 2);
  }
  for (int place = 0; place < 8; ++place) {
    for (int digit = 0; digit < 7; ++digit) places += std::ldexp(1.0, 2 * (place + digit));
  }
  const double predicted = 2 * places * (16 - 1) / 12;
  EXPECT_NEAR(measured / static_cast<double>(sums.size()) / predicted, 1, 0.15);
}

TEST(StrategyB, WritesThatVarySpreadTheResult) {
  const Work work(128, 1, {}, 1, 11);
  auto parameters = buffer_of(8, 0, true);
  // So high a conductance at level 0 that no write is cut at zero.
  parameters.cell.cell.r_on_ohm = 1e5;
  parameters.cell.cell.r_off_ohm = 2e5;
  parameters.cell.programming = {device::Distribution::kNormal, device::Scale::kAbsolute, 0.01};
  RandomStream chip(1, 0, 0);
  const peripheral::AnalogBuffer buffer(work.encoded, parameters, 1, 8, 128, chip);
  const IdealAdc adc(buffer.required_bits());
  const StrategyB strategy(work.encoded, buffer, adc, 8);
  const auto physics = physics_of(1, false);
  PhysicalArray array(work.geometry, physics, {7, 1, 2});
  array.program_levels(work.encoded.levels.data());
  double squares = 0, places = 0;
  constexpr int kWindows = 400;
  std::vector<std::int64_t> sums(static_cast<std::size_t>(work.vectors));
  for (int window = 0; window < kWindows; ++window) {
    const InputBatch one(work.inputs.data(), 1, 128, 1, static_cast<std::uint64_t>(window));
    strategy.products(array, one, sums.data());
    squares += std::pow(static_cast<double>(sums[1] - work.exact[1]), 2);
  }
  for (int place = 0; place < 8; ++place) {
    for (int digit = 0; digit < 8; ++digit) places += std::ldexp(1.0, 2 * (place + digit));
  }
  // 1 % of the range of 255 levels of one count each, in two polarities.
  const double written = 2 * places * std::pow(0.01 * 255, 2);
  EXPECT_NEAR(squares / kWindows / written, 1, 0.2);
}

TEST(StrategyB, RefusesBadParameters) {
  auto parameters = buffer_of(6);
  parameters.tia_noise = -1;
  try {
    peripheral::validate(parameters, "file.json");
    FAIL() << "accepted";
  } catch (const InputError &error) {
    EXPECT_NE(std::string(error.what()).find("tia.noise"), std::string::npos);
  }
}

}  // namespace
}  // namespace npim::dataflow
