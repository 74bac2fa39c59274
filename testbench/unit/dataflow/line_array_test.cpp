// Strategies A and B as arrays of a chip: with exact parts and enough bits they hold and convert
// what strategy C with a lossless converter does.
#include "dataflow/line_array.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "dataflow/ideal_array.h"

namespace npim::dataflow {
namespace {

struct Chip {
  config::ChipConfig::Array array;
  device::ArrayGeometry geometry{array};
  crossbar::Physics physics;
  std::vector<std::int8_t> weights = std::vector<std::int8_t>(100 * 5);
  std::vector<std::uint8_t> inputs = std::vector<std::uint8_t>(3 * 100);

  Chip() {
    std::mt19937 random(4);
    for (auto &weight : weights) weight = static_cast<std::int8_t>(random());
    for (auto &input : inputs) input = static_cast<std::uint8_t>(random());
    for (std::size_t row = 0; row < 100; ++row) weights[row * 5] = 127;  // a vector that flips
  }
  std::vector<std::int32_t> codes(ArrayDatapath &array_datapath, int windows,
                                  std::uint64_t first) const {
    const LayerConverter layer{{}, std::make_unique<peripheral::LosslessConverter>()};
    const Windows work{inputs.data() + first * 100, 100, {first, windows}};
    std::vector<double> held(static_cast<std::size_t>(windows * array_datapath.vectors()));
    std::vector<std::int32_t> codes(static_cast<std::size_t>(windows * 5));
    array_datapath.hold(work, layer, held.data());
    array_datapath.convert(work.keys, layer, held.data(), 5, codes.data());
    return codes;
  }
};

peripheral::Baseline baseline(bool flip, bool buffered, int adc_bits) {
  peripheral::Baseline baseline;
  baseline.layout.flip = flip;
  baseline.adc.bits = adc_bits;
  baseline.adc.comparator_noise_lsb = 0.5;
  if (buffered) {
    baseline.buffer.emplace();
    baseline.buffer->cell.cell.bits = 8;
    baseline.buffer->tia_noise = 0.01;
    baseline.buffer->subtracts = true;
  }
  return baseline;
}

TEST(LineArray, WithExactPartsEqualsTheIdealArray) {
  const Chip chip;
  const peripheral::Dac dac(1, 8);
  const peripheral::IdealNnsa nnsa(1);
  const StrategyC strategy(dac, nnsa, Kernel::kPerCycle);
  IdealArray ideal(chip.geometry, strategy);
  ideal.program(chip.weights.data(), 100, 5);
  for (const bool flip : {false, true}) {
    for (const bool buffered : {false, true}) {
      const auto parts = baseline(flip, buffered, buffered ? 12 : 8);
      LineArray array(chip.geometry, chip.physics, parts, {1, 2, 3}, true);
      array.program(chip.weights.data(), 100, 5);
      EXPECT_LE(array.required_bits(), parts.adc.bits);
      EXPECT_EQ(chip.codes(array, 3, 0), chip.codes(ideal, 3, 0)) << flip << buffered;
      for (int row = 0; row < 100; ++row) {
        for (int vector = 0; vector < 5; ++vector) {
          ASSERT_EQ(array.weight(row, vector),
                    chip.weights[static_cast<std::size_t>(row * 5 + vector)]);
        }
      }
    }
  }
}

TEST(LineArray, ErrorsDependOnTheWindowAndNotOnTheBatch) {
  const Chip chip;
  for (const bool buffered : {false, true}) {
    const auto parts = baseline(true, buffered, buffered ? 12 : 7);
    LineArray array(chip.geometry, chip.physics, parts, {1, 2, 3}, false);
    array.program(chip.weights.data(), 100, 5);
    const auto together = chip.codes(array, 3, 0), last = chip.codes(array, 1, 2);
    EXPECT_TRUE(std::equal(last.begin(), last.end(), together.begin() + 10));
    LineArray exact(chip.geometry, chip.physics, parts, {1, 2, 3}, true);
    exact.program(chip.weights.data(), 100, 5);
    EXPECT_NE(chip.codes(exact, 3, 0), together);
    LineArray elsewhere(chip.geometry, chip.physics, parts, {1, 2, 4}, false);
    elsewhere.program(chip.weights.data(), 100, 5);
    EXPECT_NE(chip.codes(elsewhere, 3, 0), together);
  }
}

TEST(LineArray, RefusesBiasedWeights) {
  const Chip chip;
  auto parts = baseline(true, false, 8);
  parts.layout.mapping = peripheral::WeightMapping::kBiased;
  EXPECT_THROW(LineArray(chip.geometry, chip.physics, parts, {}, true), InputError);
}

}  // namespace
}  // namespace npim::dataflow
