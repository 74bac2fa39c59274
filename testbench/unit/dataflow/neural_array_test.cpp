// Real cells, wires, NNS+A and NNADC: the statistical arrays are those of circuit fidelity in
// distribution; neither depends on batches or order; faults and calibration do what they say.
#include "dataflow/neural_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "dataflow/datapath.h"

namespace npim::dataflow {
namespace {

config::ChipConfig chip_of(config::Fidelity fidelity, std::uint64_t seed = 1) {
  auto chip =
      config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/neural-pim-statistical.json");
  chip.fidelity = fidelity;
  chip.analog.seed = seed;
  return chip;
}

constexpr int kRows = 128, kVectors = 8;

/// Weights like a trained layer's, and inputs like a rectified layer's.
std::vector<std::int8_t> bell_weights(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> bell(0, 30);
  std::vector<std::int8_t> weights(kRows * kVectors);
  for (auto &weight : weights) {
    weight = static_cast<std::int8_t>(std::clamp(std::round(bell(random)), -127.0, 127.0));
  }
  return weights;
}
std::vector<std::uint8_t> rectified_inputs(unsigned seed, int count) {
  std::mt19937 random(seed);
  std::normal_distribution<double> bell(0, 80);
  std::vector<std::uint8_t> inputs(static_cast<std::size_t>(count * kRows));
  for (auto &input : inputs) {
    input = static_cast<std::uint8_t>(std::clamp(std::round(bell(random)), 0.0, 255.0));
  }
  return inputs;
}

struct Outcome {
  std::vector<double> held;
  std::vector<std::int32_t> codes;
};

Outcome run(const ArrayDatapath &array, const LayerConverter &layer,
            const std::vector<std::uint8_t> &inputs, std::uint64_t first, int count) {
  Outcome result;
  result.held.resize(static_cast<std::size_t>(count * kVectors));
  result.codes.resize(result.held.size());
  array.hold({inputs.data(), kRows, {first, count}}, layer, result.held.data());
  array.convert({first, count}, layer, result.held.data(), kVectors, result.codes.data());
  return result;
}

/// Differences of held sums from the exact ones, in LSB of the layer's converter, and of codes from
/// the ideal ones; over several arrays of several chips.
struct Errors {
  std::vector<double> held_lsb, code;
};

Errors errors_of(config::Fidelity fidelity, peripheral::ConverterSetting setting) {
  constexpr int kChips = 4, kArrays = 6, kWindows = 60;
  Errors errors;
  const auto inputs = rectified_inputs(5, kWindows);
  for (unsigned seed = 1; seed <= kChips; ++seed) {
    const Datapath datapath(chip_of(fidelity, seed));
    const Datapath ideal(chip_of(config::Fidelity::kIdeal));
    const LayerConverter layer = datapath.make_layer(setting);
    for (int number = 0; number < kArrays; ++number) {
      const auto weights = bell_weights(100U + static_cast<unsigned>(number));
      const auto array = datapath.make_array({number / 2, 7 * number});
      const auto exact = ideal.make_array({0, 0});
      array->program(weights.data(), kRows, kVectors, 0);
      exact->program(weights.data(), kRows, kVectors, 0);
      const Outcome real = run(*array, layer, inputs, 0, kWindows);
      const Outcome wanted = run(*exact, layer, inputs, 0, kWindows);
      const double lsb = kRows * 255.0 * 255.0 / 127 / setting.bitline_gain / setting.range_divisor;
      for (std::size_t i = 0; i < real.held.size(); ++i) {
        errors.held_lsb.push_back((real.held[i] - wanted.held[i]) / lsb);
        errors.code.push_back(real.codes[i] - wanted.codes[i]);
      }
    }
  }
  return errors;
}

struct Moments {
  double mean = 0, sigma = 0;
};
Moments moments(const std::vector<double> &values) {
  Moments m;
  for (const double value : values) m.mean += value;
  m.mean /= static_cast<double>(values.size());
  for (const double value : values) m.sigma += (value - m.mean) * (value - m.mean);
  m.sigma = std::sqrt(m.sigma / static_cast<double>(values.size()));
  return m;
}
/// The largest distance between two distributions.
double kolmogorov(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double largest = 0;
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const double at = std::min(a[i], b[j]);
    while (i < a.size() && a[i] <= at) ++i;
    while (j < b.size() && b[j] <= at) ++j;
    largest = std::max(largest, std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                         static_cast<double>(j) / static_cast<double>(b.size())));
  }
  return largest;
}

class Setting : public testing::TestWithParam<peripheral::ConverterSetting> {};

/// The same drawn parts in both, so the spread over chips is common; what is left to differ is what
/// the fit of the NNS+A leaves out and the table of the NNADC. Tolerance: mean and sigma within 3 %
/// of sigma, and a Kolmogorov-Smirnov distance of 0.02, which two samples of 11,520 values of one
/// distribution exceed in 2 % of all cases.
TEST_P(Setting, StatisticalEqualsCircuitInDistribution) {
  const Errors circuit = errors_of(config::Fidelity::kCircuit, GetParam());
  const Errors statistical = errors_of(config::Fidelity::kStatistical, GetParam());
  const Moments c = moments(circuit.held_lsb), s = moments(statistical.held_lsb);
  RecordProperty("circuit_sigma_lsb", std::to_string(c.sigma));
  std::printf("held: circuit %.3f +- %.3f, statistical %.3f +- %.3f LSB, KS %.4f\n", c.mean,
              c.sigma, s.mean, s.sigma, kolmogorov(circuit.held_lsb, statistical.held_lsb));
  EXPECT_NEAR(s.mean, c.mean, 0.03 * c.sigma);
  EXPECT_NEAR(s.sigma, c.sigma, 0.03 * c.sigma);
  EXPECT_LT(kolmogorov(circuit.held_lsb, statistical.held_lsb), 0.02);
  const Moments cc = moments(circuit.code), sc = moments(statistical.code);
  std::printf("code: circuit %.3f +- %.3f, statistical %.3f +- %.3f, KS %.4f\n", cc.mean, cc.sigma,
              sc.mean, sc.sigma, kolmogorov(circuit.code, statistical.code));
  EXPECT_NEAR(sc.mean, cc.mean, 0.03 * cc.sigma);
  EXPECT_NEAR(sc.sigma, cc.sigma, 0.03 * cc.sigma);
  EXPECT_LT(kolmogorov(circuit.code, statistical.code), 0.02);
}

INSTANTIATE_TEST_SUITE_P(All, Setting,
                         testing::Values(peripheral::ConverterSetting{1, 1},
                                         peripheral::ConverterSetting{1, 8},
                                         peripheral::ConverterSetting{4, 2}));

class Real : public testing::TestWithParam<config::Fidelity> {};

TEST_P(Real, ValuesDoNotDependOnBatchesOrOrder) {
  auto chip = chip_of(GetParam());
  const Datapath datapath(chip), again(chip);
  const LayerConverter layer = datapath.make_layer({2, 4});
  const auto weights = bell_weights(1);
  const auto inputs = rectified_inputs(2, 9);
  const auto array = datapath.make_array({1, 2}), other = again.make_array({1, 2});
  array->program(weights.data(), kRows, kVectors, 0);
  other->program(weights.data(), kRows, kVectors, 0);
  const Outcome whole = run(*array, layer, inputs, 1000, 9);
  for (int i = 8; i >= 0; --i) {
    const std::vector<std::uint8_t> one(inputs.begin() + i * kRows,
                                        inputs.begin() + (i + 1) * kRows);
    const Outcome alone = run(*other, layer, one, 1000 + static_cast<std::uint64_t>(i), 1);
    for (std::size_t v = 0; v < kVectors; ++v) {
      ASSERT_EQ(alone.held[v], whole.held[static_cast<std::size_t>(i) * kVectors + v]) << i;
      ASSERT_EQ(alone.codes[v], whole.codes[static_cast<std::size_t>(i) * kVectors + v]) << i;
    }
  }
}

TEST_P(Real, OtherSeedsPlacesAndWindowsAreOthers) {
  const auto weights = bell_weights(1);
  const auto inputs = rectified_inputs(2, 1);
  const auto held = [&](std::uint64_t seed, ArrayPlace place, std::uint64_t window) {
    const Datapath datapath(chip_of(GetParam(), seed));
    const auto array = datapath.make_array(place);
    array->program(weights.data(), kRows, kVectors, 0);
    return run(*array, datapath.make_layer({1, 1}), inputs, window, 1).held;
  };
  const auto reference = held(1, {0, 0}, 0);
  EXPECT_EQ(held(1, {0, 0}, 0), reference);
  EXPECT_NE(held(2, {0, 0}, 0), reference);
  EXPECT_NE(held(1, {1, 0}, 0), reference);
  EXPECT_NE(held(1, {0, 1}, 0), reference);
  EXPECT_NE(held(1, {0, 0}, 1), reference) << "noise of the sample-and-holds";
}

TEST_P(Real, StuckCellsFailVerificationAndAreSensed) {
  const Datapath datapath(chip_of(GetParam()));
  const auto array = datapath.make_array({0, 0});
  array->stick(3, 5, true);
  array->stick(4, 0, false);
  const std::vector<std::uint8_t> zeros(128 * 128, 0), ones(128 * 128, 1);
  EXPECT_EQ(array->program_levels(zeros.data()).failed_cells, 1);
  EXPECT_EQ(array->level(3, 5), 1);
  EXPECT_EQ(array->level(4, 0), 0);
  EXPECT_EQ(array->program_levels(ones.data()).failed_cells, 1);
  EXPECT_EQ(array->level(4, 0), 0);
  EXPECT_EQ(array->level(4, 1), 1);
}

TEST_P(Real, BrokenConvertersGiveTheirCodeUntilOutOfService) {
  Datapath datapath(chip_of(GetParam()));
  const auto array = datapath.make_array({2, 3});
  const auto weights = bell_weights(1);
  const auto inputs = rectified_inputs(2, 4);
  array->program(weights.data(), kRows, kVectors, 0);
  const LayerConverter layer = datapath.make_layer({1, 4});
  ConverterBank &bank = datapath.converters(2);
  const Outcome good = run(*array, layer, inputs, 0, 4);
  bank.inject(1, ConverterFault::kStuck, 55);
  const Outcome stuck = run(*array, layer, inputs, 0, 4);
  for (std::size_t i = 0; i < good.codes.size(); ++i) {
    EXPECT_EQ(stuck.codes[i], i % kVectors % 4 == 1 ? 55 : good.codes[i]) << i;
  }
  EXPECT_FALSE(datapath.calibrate(2, 1));
  EXPECT_TRUE(bank.at(1).failed);
  bank.set_in_service(1, false);
  EXPECT_EQ(bank.in_service(), 3);
  const Outcome masked = run(*array, layer, inputs, 0, 4);
  for (std::size_t i = 0; i < good.codes.size(); ++i) {
    EXPECT_NEAR(masked.codes[i], good.codes[i], 4) << "another converter, the same sum";
  }
}

TEST_P(Real, CalibrationStraightensConverters) {
  Datapath datapath(chip_of(GetParam()));
  const auto array = datapath.make_array({0, 0});
  double before = 0, after = 0;
  const int count = 201;
  std::vector<double> held(static_cast<std::size_t>(count * kVectors));
  std::vector<std::int32_t> codes(held.size());
  for (const int divisor : {1, 2, 4}) {
    const LayerConverter layer = datapath.make_layer({divisor, 1});
    const double lsb = kRows * 255.0 * 255.0 / 127 / divisor;
    const auto error = [&] {
      for (std::size_t i = 0; i < held.size(); ++i) {
        held[i] = lsb * (static_cast<double>(i / kVectors) - 100);
      }
      array->convert({0, count}, layer, held.data(), kVectors, codes.data());
      double sum = 0;
      for (std::size_t i = 0; i < held.size(); ++i) {
        sum += (codes[i] - held[i] / lsb) * (codes[i] - held[i] / lsb);
      }
      return std::sqrt(sum / static_cast<double>(held.size()));
    };
    before += error();
    for (int converter = 0; converter < 4; ++converter) {
      EXPECT_TRUE(datapath.calibrate(0, converter));
    }
    after += error();
    for (int converter = 0; converter < 4; ++converter) {
      for (std::size_t range = 0; range < ConverterBank::kRanges; ++range) {
        datapath.converters(0).set_trim(converter, range, {});
      }
    }
  }
  std::printf("rms error of a code: %.3f before, %.3f after, mean of three ranges\n", before / 3,
              after / 3);
  EXPECT_LT(after, before);
}

/// The offset and gain of an NNS+A are its own and stay; calibration leaves what changes from
/// window to window.
TEST_P(Real, CalibrationTakesTheOffsetsOfShiftAndAddsAway) {
  Datapath datapath(chip_of(GetParam()));
  const Datapath ideal(chip_of(config::Fidelity::kIdeal));
  const LayerConverter layer = datapath.make_layer({4, 8});
  const auto inputs = rectified_inputs(2, 40);
  double before = 0, after = 0;
  for (int number = 0; number < 8; ++number) {
    const auto weights = bell_weights(static_cast<unsigned>(number));
    const auto array = datapath.make_array({1, number}), exact = ideal.make_array({1, number});
    array->program(weights.data(), kRows, kVectors, 0);
    exact->program(weights.data(), kRows, kVectors, 0);
    const auto wanted = run(*exact, layer, inputs, 0, 40).codes;
    const auto squares = [&](const std::vector<std::int32_t> &codes) {
      double sum = 0;
      for (std::size_t i = 0; i < codes.size(); ++i) {
        sum += (codes[i] - wanted[i]) * (codes[i] - wanted[i]);
      }
      return sum / static_cast<double>(codes.size());
    };
    before += squares(run(*array, layer, inputs, 0, 40).codes) / 8;
    for (int converter = 0; converter < 4; ++converter) datapath.calibrate(1, converter);
    array->calibrate(0);
    after += squares(run(*array, layer, inputs, 0, 40).codes) / 8;
    for (int converter = 0; converter < 4; ++converter) {
      datapath.converters(1).set_trim(converter, 2, {});
    }
  }
  std::printf("rms error of a code: %.2f before, %.2f after\n", std::sqrt(before),
              std::sqrt(after));
  EXPECT_LT(after, before / 4);
}

INSTANTIATE_TEST_SUITE_P(Fidelity, Real,
                         testing::Values(config::Fidelity::kStatistical,
                                         config::Fidelity::kCircuit),
                         [](const auto &test) { return config::to_text(test.param); });

TEST(Datapath, RefusesWhatDoesNotSuitTheNetworks) {
  const auto refused = [](auto change) {
    auto chip = chip_of(config::Fidelity::kCircuit);
    change(chip);
    try {
      const Datapath datapath(chip);
    } catch (const InputError &error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(refused([](auto &c) {
              c.nnadc.code = config::CodeFormat::kLossless;
            }).find("nnadc.code_format"),
            std::string::npos);
  EXPECT_NE(refused([](auto &c) { c.array.cell_bits = 2; }).find("array.cell_bits"),
            std::string::npos);
  EXPECT_NE(refused([](auto &c) { c.dac_bits = 2; }).find("dac_bits"), std::string::npos);
  EXPECT_NE(refused([](auto &c) { c.analog.nnadcs.pop_back(); }).find("range_divisor 4"),
            std::string::npos);
  EXPECT_NE(refused([](auto &c) { c.analog.device = "/nowhere.json"; }).find("/nowhere.json"),
            std::string::npos);
}

}  // namespace
}  // namespace npim::dataflow
