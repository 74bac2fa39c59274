// Programming, faults, drift and wear of the cells of one crossbar.
#include "device/cell_bank.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace npim::device {
namespace {

constexpr int kRows = 128, kColumns = 128;
const Place kPlace = {7, 2, 5};

DeviceParams device() {
  DeviceParams params;
  params.cell.bits = 4;
  params.cell.r_on_ohm = 1e4;
  params.cell.r_off_ohm = 1e6;
  return params;
}

CellBank bank_of(const DeviceParams &params, int bits = 1) {
  return CellBank(params, kRows, kColumns, CellLevels{bits}, kPlace);
}

std::vector<std::uint8_t> levels_of(int level) {
  return std::vector<std::uint8_t>(static_cast<std::size_t>(kRows * kColumns),
                                   static_cast<std::uint8_t>(level));
}

struct Statistics {
  double mean = 0, sigma = 0;
};

template <class Value>
Statistics over_cells(const Value &value) {
  double sum = 0, squares = 0;
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      const double v = value(row, column);
      sum += v;
      squares += v * v;
    }
  }
  const double n = kRows * kColumns;
  return {sum / n, std::sqrt(squares / n - sum / n * sum / n)};
}

TEST(CellBank, IdealCellsHoldTheirLevels) {
  const auto params = device();
  auto bank = bank_of(params, 2);
  EXPECT_NEAR(bank.conductance_s(0, 0, {}), 1e-6, 1e-12);
  const auto report = bank.program(levels_of(2).data());
  EXPECT_NEAR(bank.conductance_s(3, 4, {}), 1e-6 + 2 * 99e-6 / 3, 1e-10);
  EXPECT_EQ(report.pulses, kRows * kColumns);
  EXPECT_EQ(report.word_line_steps, kRows);
  EXPECT_EQ(report.time_ns, kRows * 150.0);
  EXPECT_EQ(report.failed_cells, 0);
}

TEST(CellBank, MoreBitsThanTheDeviceHasAreRefused) {
  const auto params = device();
  EXPECT_THROW(bank_of(params, 5), InputError);
}

TEST(CellBank, LognormalErrorsHaveTheirSigma) {
  auto params = device();
  params.programming = {Distribution::kLognormal, Scale::kRelative, 0.1};
  auto bank = bank_of(params);
  bank.program(levels_of(1).data());
  const auto s = over_cells(
      [&](int row, int column) { return std::log(bank.conductance_s(row, column, {}) * 1e4); });
  EXPECT_NEAR(s.mean, 0, 5 * 0.1 / 128);
  EXPECT_NEAR(s.sigma, 0.1, 5 * 0.1 / 128 / std::sqrt(2.0));
}

TEST(CellBank, NormalErrorsHaveTheirSigma) {
  for (const auto scale : {Scale::kRelative, Scale::kAbsolute}) {
    auto params = device();
    params.programming = {Distribution::kNormal, scale, 0.05};
    auto bank = bank_of(params, 2);
    bank.program(levels_of(1).data());
    const double target = bank.target_s(1);
    const double sigma = 0.05 * (scale == Scale::kRelative ? target : 99e-6);
    const auto s =
        over_cells([&](int row, int column) { return bank.conductance_s(row, column, {}); });
    EXPECT_NEAR(s.mean, target, 5 * sigma / 128);
    EXPECT_NEAR(s.sigma, sigma, 5 * sigma / 128);
  }
}

TEST(CellBank, SameKeySameCellsOtherKeyOtherCells) {
  auto params = device();
  params.programming = {Distribution::kNormal, Scale::kRelative, 0.05};
  auto a = bank_of(params), b = bank_of(params);
  CellBank other(params, kRows, kColumns, CellLevels{1}, {7, 2, 6});
  a.program(levels_of(1).data());
  b.program(levels_of(1).data());
  other.program(levels_of(1).data());
  EXPECT_EQ(a.conductance_s(9, 9, {}), b.conductance_s(9, 9, {}));
  EXPECT_NE(a.conductance_s(9, 9, {}), other.conductance_s(9, 9, {}));
  const double first = a.conductance_s(9, 9, {});
  a.program(levels_of(1).data());
  EXPECT_NE(a.conductance_s(9, 9, {}), first);
}

TEST(CellBank, WriteVerifyPullsCellsIntoTolerance) {
  auto params = device();
  params.programming = {Distribution::kNormal, Scale::kAbsolute, 0.05};
  params.write_verify = {0.05, 50, 10, 20, 3, 1};
  auto bank = bank_of(params);
  const auto report = bank.program(levels_of(1).data());
  // |error| <= 1 sigma with probability 0.683: a geometric number of pulses.
  EXPECT_NEAR(static_cast<double>(report.pulses) / (kRows * kColumns), 1 / 0.6827, 0.03);
  EXPECT_EQ(report.failed_cells, 0);
  EXPECT_EQ(report.time_ns, static_cast<double>(report.word_line_steps) * 30);
  EXPECT_EQ(report.energy_pj, static_cast<double>(report.pulses) * 4);
  EXPECT_GT(report.word_line_steps, 3 * kRows);
  for (int column = 0; column < kColumns; ++column) {
    EXPECT_LE(std::abs(bank.conductance_s(17, column, {}) - 1e-4), 0.05 * 99e-6 * 1.0001);
  }
}

TEST(CellBank, TooFewPulsesLeaveFailedCells) {
  auto params = device();
  params.programming = {Distribution::kNormal, Scale::kAbsolute, 0.05};
  params.write_verify = {0.05, 2, 10, 20, 0, 0};
  auto bank = bank_of(params);
  const auto report = bank.program(levels_of(1).data());
  const double expected = 0.3173 * 0.3173 * kRows * kColumns;
  EXPECT_NEAR(static_cast<double>(report.failed_cells), expected, 5 * std::sqrt(expected));
}

TEST(CellBank, StuckCellsKeepTheirPlaces) {
  auto params = device();
  params.stuck = {0.1, 0.05};
  auto bank = bank_of(params);
  int off = 0, on = 0;
  std::vector<bool> is_on;
  bank.program(levels_of(0).data());
  for (int i = 0; i < kRows * kColumns; ++i) {
    is_on.push_back(bank.conductance_s(i / kColumns, i % kColumns, {}) > 5e-5);
    on += is_on.back();
  }
  bank.program(levels_of(1).data());
  for (int i = 0; i < kRows * kColumns; ++i) {
    const bool is_off = bank.conductance_s(i / kColumns, i % kColumns, {}) < 5e-5;
    off += is_off;
    EXPECT_FALSE(is_off && is_on[static_cast<std::size_t>(i)]);
  }
  EXPECT_NEAR(off, 1638, 5 * std::sqrt(1638 * 0.9));
  EXPECT_NEAR(on, 819, 5 * std::sqrt(819 * 0.95));
}

TEST(CellBank, InjectedFaultHolds) {
  const auto params = device();
  auto bank = bank_of(params);
  bank.stick(1, 2, true);
  bank.program(levels_of(0).data());
  EXPECT_NEAR(bank.conductance_s(1, 2, {}), 1e-4, 1e-10);
  EXPECT_NEAR(bank.conductance_s(1, 3, {}), 1e-6, 1e-12);
}

TEST(CellBank, DriftFollowsItsPowerOfTime) {
  auto params = device();
  params.drift.exponent = 0.1;
  params.drift.reference_s = 10;
  auto bank = bank_of(params);
  bank.program(levels_of(1).data());
  EXPECT_NEAR(bank.conductance_s(0, 0, {5, 300}), 1e-4, 1e-10);
  EXPECT_NEAR(bank.conductance_s(0, 0, {1e5, 300}), 1e-4 * std::pow(1e4, -0.1), 1e-9);
  params.drift.exponent_sigma = 0.01;
  auto spread = bank_of(params);
  spread.program(levels_of(1).data());
  const auto s = over_cells([&](int row, int column) {
    return -std::log(spread.conductance_s(row, column, {1e5, 300}) * 1e4) / std::log(1e4);
  });
  EXPECT_NEAR(s.mean, 0.1, 5e-4);
  EXPECT_NEAR(s.sigma, 0.01, 5e-4);
}

// One electronvolt makes 1000 s at 400 K the same as 1000 s * exp(E_a / k * (1/300 - 1/400)) at
// 300 K.
TEST(CellBank, HeatMakesTimeRunFaster) {
  auto params = device();
  params.drift.exponent = 0.01;
  params.drift.activation_energy_ev = 1;
  auto bank = bank_of(params);
  bank.program(levels_of(1).data());
  const double faster = std::exp(1 / 8.617333262e-5 * (1.0 / 300 - 1.0 / 400));
  EXPECT_NEAR(bank.conductance_s(0, 0, {1000, 400}), bank.conductance_s(0, 0, {1000 * faster, 300}),
              1e-12);
  EXPECT_LT(bank.conductance_s(0, 0, {1000, 400}), bank.conductance_s(0, 0, {1000, 300}));
}

TEST(CellBank, WornOutCellsStick) {
  auto params = device();
  params.endurance = {3, 0, true};
  auto bank = bank_of(params);
  for (int i = 0; i < 3; ++i) bank.program(levels_of(0).data());
  EXPECT_EQ(bank.wear(5, 5), 3u);
  EXPECT_NEAR(bank.conductance_s(5, 5, {}), 1e-6, 1e-12);
  bank.program(levels_of(0).data());
  EXPECT_EQ(bank.wear(5, 5), 4u);
  EXPECT_NEAR(bank.conductance_s(5, 5, {}), 1e-4, 1e-10);
}

TEST(CellBank, PulsesAreCounted) {
  auto params = device();
  auto bank = bank_of(params);
  EXPECT_EQ(bank.wear(0, 0), 0u);
  bank.program(levels_of(0).data());
  bank.program(levels_of(1).data());
  EXPECT_EQ(bank.wear(0, 0), 2u);
  params.programming = {Distribution::kNormal, Scale::kAbsolute, 0.05};
  params.write_verify = {0.05, 50, 10, 20, 3, 1};
  auto verified = bank_of(params);
  std::int64_t pulses = verified.program(levels_of(1).data()).pulses;
  for (int i = 0; i < kRows * kColumns; ++i) pulses -= verified.wear(i / kColumns, i % kColumns);
  EXPECT_EQ(pulses, 0);
}

TEST(CellBank, NoiseFollowsItsScale) {
  auto params = device();
  params.read_noise = {Scale::kRelative, 0.02};
  EXPECT_NEAR(bank_of(params).noise(0, 0, 5e-5).sigma_s, 1e-6, 1e-12);
  params.read_noise = {Scale::kAbsolute, 0.02};
  EXPECT_NEAR(bank_of(params).noise(0, 0, 5e-5).sigma_s, 0.02 * 99e-6, 1e-12);
}

TEST(CellBank, TrapsSitInTheirFractionOfCells) {
  auto params = device();
  params.telegraph_noise = {0.25, 0.1, 0, 0.5};
  const auto bank = bank_of(params);
  int traps = 0;
  for (int i = 0; i < kRows * kColumns; ++i) {
    const double trap = bank.noise(i / kColumns, i % kColumns, 1e-4).trap_s;
    if (trap == 0) continue;
    EXPECT_NEAR(trap, 1e-5, 1e-12);
    ++traps;
  }
  EXPECT_NEAR(traps, 4096, 5 * std::sqrt(4096 * 0.75));
}

}  // namespace
}  // namespace npim::device
