// Crossbars of real cells: the three tiers against one another, independence of batch, order and
// instruction set, and what each non-ideality does to a bit line.
#include "crossbar/physical_array.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <tuple>

namespace npim::crossbar {
namespace {

device::ArrayGeometry geometry(int rows, int columns, int cell_bits) {
  config::ChipConfig::Array array;
  array.rows = rows;
  array.columns = columns;
  array.cell_bits = cell_bits;
  return device::ArrayGeometry(array);
}

Physics physics(int dac_bits = 1) {
  Physics physics;
  physics.device.cell.bits = 4;
  physics.device.cell.r_on_ohm = 1e4;
  physics.device.cell.r_off_ohm = 1e5;
  physics.dac_bits = dac_bits;
  return physics;
}

Physics with_errors(int dac_bits = 1) {
  auto result = physics(dac_bits);
  result.device.programming = {device::Distribution::kLognormal, device::Scale::kRelative, 0.1};
  result.device.stuck = {0.01, 0.01};
  return result;
}

Physics with_noise(int dac_bits = 1) {
  auto result = physics(dac_bits);
  result.device.read_noise = {device::Scale::kRelative, 0.05};
  return result;
}

/// A programmed array that owns what it refers to.
struct Bench {
  Bench(const device::ArrayGeometry &shape_of, const Physics &physics_of, std::uint32_t seed = 1)
      : shape(shape_of), physics(physics_of), array(shape, physics, {seed, 1, 2}) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> any(-128, 127);
    std::vector<std::int8_t> weights(static_cast<std::size_t>(shape.rows * shape.vectors()));
    for (auto &weight : weights) weight = static_cast<std::int8_t>(any(random));
    array.program(weights.data(), shape.rows, shape.vectors());
  }
  Bench(const Bench &) = delete;
  Bench &operator=(const Bench &) = delete;

  InputBatch inputs(int batch, int rows, std::uint32_t seed = 5, std::uint64_t window = 0) const {
    std::mt19937 random(seed);
    std::vector<std::uint8_t> values(static_cast<std::size_t>(batch * rows));
    for (auto &value : values) value = static_cast<std::uint8_t>(random());
    return InputBatch(values.data(), batch, rows, physics.dac_bits, window);
  }
  std::vector<std::int32_t> lines(const InputBatch &in) const {
    std::vector<std::int32_t> values(static_cast<std::size_t>(in.size() * in.cycles()) *
                                     array.line_stride());
    array.bit_lines(in, values.data());
    return values;
  }
  std::vector<std::int64_t> weighted(const InputBatch &in) const {
    std::vector<std::int64_t> sums(static_cast<std::size_t>(in.size() * shape.vectors()));
    array.weighted_sums(in, sums.data());
    return sums;
  }
  std::vector<std::int32_t> converted(const InputBatch &in, const LineConverter &converter) const {
    std::vector<std::int32_t> sums(static_cast<std::size_t>(in.size() * shape.vectors()));
    array.converted_sums(in, converter, sums.data());
    return sums;
  }

  device::ArrayGeometry shape;
  Physics physics;
  PhysicalArray array;
};

/// The converter with 1 LSB per level that cannot clip.
LineConverter lossless(const Bench &bench) {
  return {1.0, 0,
          ((1 << bench.physics.dac_bits) - 1) * bench.shape.rows * bench.shape.cell.highest()};
}

template <class Check>
void on_every_target(const Check &check) {
  const auto targets = hwy::SupportedTargets() & ~(HWY_EMU128 | HWY_SCALAR);
  for (auto left = targets; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    hwy::GetChosenTarget().DeInit();
    SCOPED_TRACE(hwy::TargetName(left & -left));
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

TEST(Tiers, AreChosenFromTheConfiguration) {
  EXPECT_EQ(choose_tier(physics()), Tier::kIdeal);
  EXPECT_EQ(choose_tier(with_errors()), Tier::kStatistical);
  EXPECT_EQ(choose_tier(with_noise()), Tier::kStatistical);
  auto wired = physics();
  wired.wires.bit_line_ohm = 1;
  EXPECT_EQ(choose_tier(wired), Tier::kStatistical);
  auto oracle = with_noise();
  oracle.per_cell = true;
  EXPECT_EQ(choose_tier(oracle), Tier::kPerCell);
}

/// Bits of cells and of DACs.
class EveryWidth : public testing::TestWithParam<std::tuple<int, int>> {
 protected:
  int dac_bits() const { return std::get<1>(GetParam()); }
  /// Arrays of many heights, and one whose bit lines do not fill the vectors of the kernels.
  std::vector<device::ArrayGeometry> shapes() const {
    std::vector<device::ArrayGeometry> result;
    const int cell_bits = std::get<0>(GetParam());
    for (const int rows : {1, 2, 7, 63, 64, 65, 100, 128, 256}) {
      result.push_back(geometry(rows, 128, cell_bits));
    }
    result.push_back(geometry(512, 40, cell_bits));
    return result;
  }
};

// Tier 1 equals tier 3 exactly for bit lines (A, B), converted sums (A) and weighted sums (C).
TEST_P(EveryWidth, TiersAgreeExactlyWithoutNonIdealities) {
  auto per_cell = physics(dac_bits());
  per_cell.per_cell = true;
  for (const auto &shape : shapes()) {
    SCOPED_TRACE(shape.rows);
    const Bench ideal(shape, physics(dac_bits())), oracle(shape, per_cell);
    ASSERT_EQ(ideal.array.tier(), Tier::kIdeal);
    ASSERT_EQ(oracle.array.tier(), Tier::kPerCell);
    for (const int batch : {1, 17}) {
      const auto in = ideal.inputs(batch, shape.rows);
      EXPECT_EQ(ideal.lines(in), oracle.lines(in));
      EXPECT_EQ(ideal.weighted(in), oracle.weighted(in));
      for (const auto &converter :
           {lossless(ideal), LineConverter{1, 0, 15}, LineConverter{3, 0, 9}}) {
        EXPECT_EQ(ideal.converted(in, converter), oracle.converted(in, converter));
      }
    }
  }
}

// The same for tier 2, which drift of no size makes fold its cells into fixed point.
TEST_P(EveryWidth, StatisticalTierAgreesExactlyWhenItsCellsAreExact) {
  auto folded = physics(dac_bits());
  folded.device.drift = {0, 1e-12, 1, 0, 300};
  for (const auto &shape : shapes()) {
    SCOPED_TRACE(shape.rows);
    const Bench ideal(shape, physics(dac_bits())), statistical(shape, folded);
    ASSERT_EQ(statistical.array.tier(), Tier::kStatistical);
    for (const int batch : {1, 17}) {
      const auto in = ideal.inputs(batch, shape.rows);
      EXPECT_EQ(ideal.lines(in), statistical.lines(in));
      EXPECT_EQ(ideal.weighted(in), statistical.weighted(in));
      const LineConverter converter = {2, 0, 20};
      EXPECT_EQ(ideal.converted(in, converter), statistical.converted(in, converter));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryWidth,
                         testing::Combine(testing::Range(1, 5), testing::Range(1, 9)),
                         [](const auto &test) {
                           return "cells" + std::to_string(std::get<0>(test.param)) + "_dac" +
                                  std::to_string(std::get<1>(test.param));
                         });

TEST(PhysicalArray, IdealSumsAreTheDotProducts) {
  const Bench bench(geometry(128, 128, 1), physics());
  const auto in = bench.inputs(20, 128);
  const auto converted = bench.converted(in, lossless(bench));
  const auto weighted = bench.weighted(in);
  for (int item = 0; item < 20; ++item) {
    for (int v = 0; v < 8; ++v) {
      std::int64_t sum = 0;
      for (int row = 0; row < 128; ++row) {
        sum += in.input(item)[row] * bench.array.levels().weight(row, v);
      }
      const auto at = static_cast<std::size_t>(item * 8 + v);
      ASSERT_EQ(converted[at], sum);
      ASSERT_EQ(weighted[at], sum * (1 << bench.array.fraction_bits()));
    }
  }
}

// Programming errors, faults and drift: tier 2 keeps cells in fixed point, tier 3 in double
// precision. With 1-bit slices a cell is rounded to 2^-8 level or better.
TEST(PhysicalArray, FoldedCellsAreCloseToTheOracle) {
  for (const int dac_bits : {1, 2, 4, 8}) {
    auto config = with_errors(dac_bits);
    config.device.drift = {0.02, 0.005, 1, 0, 300};
    auto per_cell = config;
    per_cell.per_cell = true;
    const auto shape = geometry(128, 128, 1);
    Bench fast(shape, config), oracle(shape, per_cell);
    fast.array.set_conditions({1e6, 300});
    oracle.array.set_conditions({1e6, 300});
    const auto in = fast.inputs(16, 128);
    const auto a = fast.lines(in), b = oracle.lines(in);
    double squares = 0;
    for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(double(a[i]) - b[i], 2);
    const double rms =
        std::ldexp(std::sqrt(squares / static_cast<double>(a.size())), -fast.array.fraction_bits());
    EXPECT_LT(rms, 0.01 * ((1 << dac_bits) - 1)) << dac_bits;
    EXPECT_GT(rms, 0);
  }
}

// All paths of one array give the same integers: tables (over more than one of their blocks of
// items), multiply-add, one item at a time, and the sum over cycles and digits.
TEST(PhysicalArray, PathsAgreeExactlyWithProgrammingErrors) {
  for (const int dac_bits : {1, 3, 4}) {
    const Bench bench(geometry(100, 128, 1), with_errors(dac_bits));
    const auto in = bench.inputs(300, 100);
    const auto together = bench.lines(in);
    const auto weighted = bench.weighted(in);
    const LineConverter converter = {0.75, -3, 120};
    const auto converted = bench.converted(in, converter);
    const auto stride = bench.array.line_stride();
    const auto item_stride = static_cast<std::size_t>(in.cycles()) * stride;
    for (int item = 0; item < in.size(); ++item) {
      const InputBatch one(in.input(item), 1, 100, dac_bits, in.window(item));
      const auto alone = bench.lines(one);
      const auto first = together.begin() + static_cast<std::ptrdiff_t>(item_stride) * item;
      ASSERT_TRUE(std::equal(alone.begin(), alone.end(), first)) << item;
      const auto codes = bench.converted(one, converter);
      for (int v = 0; v < 8; ++v) {
        std::int64_t sum = 0, code_sum = 0;
        for (int cycle = 0; cycle < in.cycles(); ++cycle) {
          for (int digit = 0; digit < 8; ++digit) {
            for (const bool negative : {false, true}) {
              const auto value =
                  alone[static_cast<std::size_t>(cycle) * stride +
                        static_cast<std::size_t>(bench.shape.column(v, digit, negative))];
              const std::int64_t place =
                  std::int64_t{negative ? -1 : 1} * (1 << (cycle * dac_bits + digit));
              const double scaled = std::ldexp(value, -bench.array.fraction_bits()) / 0.75;
              sum += place * value;
              code_sum += place * std::clamp<std::int64_t>(std::lrint(scaled), -3, 120);
            }
          }
        }
        const auto at = static_cast<std::size_t>(item * 8 + v);
        ASSERT_EQ(weighted[at], sum);
        ASSERT_EQ(converted[at], codes[static_cast<std::size_t>(v)]);
        ASSERT_NEAR(converted[at], code_sum, 2 * 255);  // a half may round either way in float
      }
    }
  }
}

TEST(PhysicalArray, EveryInstructionSetGivesTheSame) {
  auto noisy = with_errors();
  noisy.device.read_noise.sigma = 0.03;
  for (const auto &config : {physics(), with_errors(), with_noise(), noisy, with_errors(4)}) {
    const Bench bench(geometry(128, 128, 1), config);
    const auto in = bench.inputs(20, 128);
    const LineConverter converter = {1, 0, 100};
    const auto lines = bench.lines(in);
    const auto weighted = bench.weighted(in);
    const auto converted = bench.converted(in, converter);
    on_every_target([&] {
      EXPECT_EQ(bench.lines(in), lines);
      EXPECT_EQ(bench.weighted(in), weighted);
      EXPECT_EQ(bench.converted(in, converter), converted);
    });
  }
}

// Noise belongs to the window, not to the call.
TEST(PhysicalArray, NoiseDoesNotDependOnBatchOrderOrThreads) {
  auto config = with_errors();
  config.device.read_noise.sigma = 0.05;
  for (const bool per_cell : {false, true}) {
    config.per_cell = per_cell;
    const Bench bench(geometry(32, 32, 1), config);
    const auto in = bench.inputs(24, 32, 5, 1000);
    const auto together = bench.lines(in);
    const auto weighted = bench.weighted(in);
    const auto item_stride = together.size() / 24;
    std::vector<std::int32_t> apart(together.size());
    std::vector<std::int64_t> sums_apart(weighted.size());
    const auto run = [&](int first) {
      for (int item = 23 - first; item >= 0; item -= 2) {
        const InputBatch one(in.input(item), 1, 32, 1, in.window(item));
        bench.array.bit_lines(one, apart.data() + static_cast<std::size_t>(item) * item_stride);
        bench.array.weighted_sums(one, sums_apart.data() + item * bench.shape.vectors());
      }
    };
    std::thread other(run, 1);
    run(0);
    other.join();
    EXPECT_EQ(together, apart);
    EXPECT_EQ(weighted, sums_apart);
    const auto later = bench.inputs(24, 32, 5, 2000);
    EXPECT_NE(bench.lines(later), together);
  }
}

/// Values of one bit line over many windows with the same input, in levels.
std::vector<double> draws(const Bench &bench, int windows, std::size_t line) {
  std::vector<std::uint8_t> values;
  const auto one = bench.inputs(1, bench.shape.rows);
  for (int i = 0; i < windows; ++i) {
    values.insert(values.end(), one.input(0), one.input(0) + bench.shape.rows);
  }
  const InputBatch in(values.data(), windows, bench.shape.rows, bench.physics.dac_bits);
  const auto lines = bench.lines(in);
  const auto item_stride = lines.size() / static_cast<std::size_t>(windows);
  std::vector<double> result;
  for (std::size_t i = line; i < lines.size(); i += item_stride) {
    result.push_back(std::ldexp(lines[i], -bench.array.fraction_bits()));
  }
  return result;
}

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments(const std::vector<double> &values) {
  Moments m;
  for (const double v : values) m.mean += v / static_cast<double>(values.size());
  for (const double v : values) {
    m.variance += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size() - 1);
  }
  return m;
}

/// Two-sample Kolmogorov-Smirnov distance.
double distance(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double worst = 0;
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const double at = std::min(a[i], b[j]);
    while (i < a.size() && a[i] <= at) ++i;
    while (j < b.size() && b[j] <= at) ++j;
    worst = std::max(worst, std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                     static_cast<double>(j) / static_cast<double>(b.size())));
  }
  return worst;
}

struct NoiseCase {
  const char *name;
  Physics physics;
  int cell_bits;
  bool is_normal = true;  ///< else only the moments are those of the oracle
};

void PrintTo(const NoiseCase &noise, std::ostream *out) {
  *out << noise.name;
}

std::vector<NoiseCase> noise_cases() {
  auto relative = with_noise(), absolute = with_noise();
  absolute.device.read_noise = {device::Scale::kAbsolute, 0.03};
  auto errors = with_errors();
  errors.device.read_noise = {device::Scale::kRelative, 0.05};
  auto four_bit_dac = with_noise(4), eight_bit_dac = with_noise(8);
  auto wires = with_noise();
  wires.wires = {2, 2, Wires::Method::kNodal};
  auto telegraph = physics();
  telegraph.device.telegraph_noise = {0.8, 0.2, 0.3, 0.4};
  return {{"relative", relative, 1},
          {"absolute", absolute, 1},
          {"multi_level", relative, 4},
          {"with_errors", errors, 1},
          {"four_bit_dac", four_bit_dac, 2},
          {"eight_bit_dac", eight_bit_dac, 1},
          {"wires", wires, 1},
          {"telegraph", telegraph, 1, false}};
}

class Noise : public testing::TestWithParam<NoiseCase> {};

// Tier 2 against tier 3: 4000 windows of the same input through the statistical tier and through
// the per-cell oracle, three bit lines each. Means within 5 standard errors, variances within 5
// standard errors of a normal sample's, Kolmogorov-Smirnov at the 0.1 % level. A few strong traps
// are not normal together: for them tier 2 has the mean and the variance, not the shape.
TEST_P(Noise, StatisticalEqualsPerCellInDistribution) {
  constexpr int kWindows = 4000;
  auto per_cell = GetParam().physics;
  per_cell.per_cell = true;
  const auto shape = geometry(48, 32, GetParam().cell_bits);
  const Bench fast(shape, GetParam().physics), oracle(shape, per_cell);
  ASSERT_EQ(fast.array.tier(), Tier::kStatistical);
  for (const std::size_t line : {1, 8, 14}) {
    SCOPED_TRACE(line);
    const auto a = draws(fast, kWindows, line), b = draws(oracle, kWindows, line);
    const auto m = moments(a), o = moments(b);
    EXPECT_GT(o.variance, 0);
    const double n = kWindows;
    // The fold's rounding of 48 cells by 2^-10 each moves the mean a little.
    const double rounding = 0.002 * ((1 << fast.physics.dac_bits) - 1);
    EXPECT_NEAR(m.mean, o.mean, 5 * std::sqrt(2 * o.variance / n) + rounding);
    EXPECT_NEAR(m.variance / o.variance, 1, 5 * 2 / std::sqrt(n));
    if (GetParam().is_normal) {
      EXPECT_LT(distance(a, b), 1.95 * std::sqrt(2 / n));
    }
  }
}

// The sums of strategy C: one draw per vector has the moments of a draw per cell and cycle.
TEST_P(Noise, VectorSumsEqualPerCellInMoments) {
  constexpr int kWindows = 3000;
  auto per_cell = GetParam().physics;
  per_cell.per_cell = true;
  const auto shape = geometry(48, 32, GetParam().cell_bits);
  const Bench fast(shape, GetParam().physics), oracle(shape, per_cell);
  const auto one = fast.inputs(1, 48);
  std::vector<std::uint8_t> values;
  for (int i = 0; i < kWindows; ++i) {
    values.insert(values.end(), one.input(0), one.input(0) + 48);
  }
  const InputBatch in(values.data(), kWindows, 48, fast.physics.dac_bits);
  const auto a = fast.weighted(in), b = oracle.weighted(in);
  const auto vectors = static_cast<std::size_t>(shape.vectors());
  for (std::size_t v = 0; v < std::min<std::size_t>(2, vectors); ++v) {
    std::vector<double> x, y;
    for (std::size_t i = v; i < a.size(); i += vectors) {
      x.push_back(static_cast<double>(a[i]));
      y.push_back(static_cast<double>(b[i]));
    }
    const auto m = moments(x), o = moments(y);
    const double n = kWindows, unit = std::ldexp(1.0, fast.array.fraction_bits());
    EXPECT_NEAR(m.mean, o.mean, 5 * std::sqrt(2 * o.variance / n) + 40 * unit);
    EXPECT_NEAR(m.variance / o.variance, 1, 5 * 2 / std::sqrt(n));
    if (GetParam().is_normal) {
      EXPECT_LT(distance(x, y), 1.95 * std::sqrt(2 / n));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Noise, testing::ValuesIn(noise_cases()),
                         [](const auto &test) { return test.param.name; });

// sum(sigma_i^2 x_i^2), by hand: relative noise of 1-bit cells with r_off = 10 r_on.
TEST(PhysicalArray, NoiseHasItsExactVariance) {
  const Bench bench(geometry(64, 32, 1), with_noise());
  const auto in = bench.inputs(1, 64);
  const std::size_t line = 3;
  double variance = 0, mean = 0;
  for (int row = 0; row < 64; ++row) {
    const int level = bench.array.levels().level(row, static_cast<int>(line));
    const double g = level ? 1.0 : 0.1;  // of g_on; one level is 0.9
    const int x = in.slice(0, row, 0);
    mean += x * level;
    variance += x * std::pow(0.05 * g / 0.9, 2);
  }
  const auto m = moments(draws(bench, 20000, line));
  EXPECT_NEAR(m.mean, mean, 5 * std::sqrt(variance / 20000));
  EXPECT_NEAR(m.variance / variance, 1, 5 * std::sqrt(2.0 / 20000));
}

// The values of the array are those of the nodal network of its conductances.
TEST(PhysicalArray, WiresActThroughNodalAnalysis) {
  auto config = physics();
  config.wires = {3, 4, Wires::Method::kNodal};
  const Bench bench(geometry(32, 32, 1), config);
  std::vector<double> g;
  for (int row = 0; row < 32; ++row) {
    for (int column = 0; column < 32; ++column) {
      g.push_back(bench.array.levels().level(row, column) ? 1e-4 : 1e-5);
    }
  }
  const NodalNetwork network(32, 32, g.data(), config.wires);
  const auto in = bench.inputs(10, 32);
  const auto lines = bench.lines(in);
  for (int item = 0; item < 10; ++item) {
    std::vector<double> volts;
    double driven = 0;
    for (int row = 0; row < 32; ++row) volts.push_back(in.slice(item, row, 2));
    for (const double v : volts) driven += v;
    const auto currents = network.currents(volts);
    for (std::size_t c = 0; c < 32; ++c) {
      const double expected = (currents[c] - 1e-5 * driven) / 9e-5;
      const auto at = (static_cast<std::size_t>(item) * 8 + 2) * bench.array.line_stride() + c;
      EXPECT_NEAR(std::ldexp(lines[at], -bench.array.fraction_bits()), expected, 0.005);
    }
  }
}

TEST(PhysicalArray, VanishingWiresAreIdeal) {
  for (const int cell_bits : {1, 2, 4}) {
    auto config = physics();
    config.wires = {1e-6, 1e-6, Wires::Method::kNodal};
    const auto shape = geometry(64, 64, cell_bits);
    const Bench wired(shape, config), ideal(shape, physics());
    const auto in = ideal.inputs(16, 64);
    EXPECT_EQ(wired.lines(in), ideal.lines(in));
    EXPECT_EQ(wired.weighted(in), ideal.weighted(in));
  }
}

TEST(PhysicalArray, AFaultChangesItsBitLineOnly) {
  const auto shape = geometry(16, 32, 1);
  const auto config = physics();
  PhysicalArray array(shape, config, {1, 0, 0});
  array.stick(3, 5, true);
  const std::vector<std::int8_t> weights(16 * 2, 0);
  array.program(weights.data(), 16, 2);
  EXPECT_EQ(array.tier(), Tier::kStatistical);
  const std::vector<std::uint8_t> ones(16, 1);
  const InputBatch in(ones.data(), 1, 16, 1);
  std::vector<std::int32_t> lines(8 * array.line_stride());
  array.bit_lines(in, lines.data());
  for (std::size_t c = 0; c < 32; ++c) {
    EXPECT_EQ(lines[c], c == 5 ? 1 << array.fraction_bits() : 0) << c;
  }
}

TEST(PhysicalArray, UnprogrammedReadsZero) {
  const auto shape = geometry(16, 32, 1);
  const auto config = with_noise();
  const PhysicalArray array(shape, config, {1, 0, 0});
  const std::vector<std::uint8_t> ones(16, 255);
  const InputBatch in(ones.data(), 1, 16, 1);
  std::vector<std::int32_t> lines(8 * array.line_stride(), -1), sums(2, -1);
  std::vector<std::int64_t> wide(2, -1);
  array.bit_lines(in, lines.data());
  array.converted_sums(in, {}, sums.data());
  array.weighted_sums(in, wide.data());
  EXPECT_EQ(lines, std::vector<std::int32_t>(lines.size(), 0));
  EXPECT_EQ(sums, std::vector<std::int32_t>(2, 0));
  EXPECT_EQ(wide, std::vector<std::int64_t>(2, 0));
}

TEST(PhysicalArray, MisuseIsRefused) {
  const auto shape = geometry(16, 32, 1);
  auto config = physics();
  PhysicalArray array(shape, config, {1, 0, 0});
  const std::vector<std::uint8_t> ones(64, 1);
  std::vector<std::int32_t> lines(1000);
  EXPECT_THROW(array.bit_lines(InputBatch(ones.data(), 1, 17, 1), lines.data()),
               std::invalid_argument);
  EXPECT_THROW(array.bit_lines(InputBatch(ones.data(), 1, 16, 2), lines.data()),
               std::invalid_argument);
  EXPECT_THROW(array.stick(16, 0, true), std::invalid_argument);
  EXPECT_THROW(array.set_conditions({-1, 300}), InputError);
  EXPECT_THROW(array.set_conditions({1, 0}), InputError);
  EXPECT_THROW(PhysicalArray(shape, config, {1, 70000, 0}), std::invalid_argument);
  config.device.cell.r_on_ohm = -1;
  EXPECT_THROW(PhysicalArray(shape, config, {1, 0, 0}), InputError);
  config = physics();
  config.dac_bits = 9;
  EXPECT_THROW(PhysicalArray(shape, config, {1, 0, 0}), InputError);
  config = physics();
  config.wires.word_line_ohm = -1;
  EXPECT_THROW(PhysicalArray(shape, config, {1, 0, 0}), InputError);
}

TEST(InputBatch, FormsHoldTheInputs) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> values(3 * 70);
  for (auto &value : values) value = static_cast<std::uint8_t>(random());
  const InputBatch in(values.data(), 3, 70, 1, 9);
  EXPECT_EQ(in.window(2), 11u);
  for (int item = 0; item < 3; ++item) {
    for (int row = 0; row < 70; ++row) {
      const int value = values[static_cast<std::size_t>(item * 70 + row)];
      const auto r = static_cast<std::size_t>(row);
      for (std::size_t bit = 0; bit < 8; ++bit) {
        const auto word = in.planes(item)[bit * in.row_words() + r / 64];
        const int expected = (value >> bit) & 1;
        ASSERT_EQ((word >> (row % 64)) & 1, static_cast<std::uint64_t>(expected));
        const unsigned place = in.table_places(item)[bit * in.row_groups() + r / 4];
        ASSERT_EQ((place / kTableColumns >> (row % 4)) & 1, expected);
        ASSERT_EQ(in.slice(item, row, static_cast<int>(bit)), expected);
      }
      ASSERT_EQ(in.pairs(0)[(r / 2 * 16 + static_cast<std::size_t>(item)) * 2 + r % 2], value);
    }
  }
}

}  // namespace
}  // namespace npim::crossbar
