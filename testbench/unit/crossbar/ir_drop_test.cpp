// Voltage drop: nodal analysis against hand calculation and conservation, limits, and the fast
// method's stated error.
#include "crossbar/ir_drop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"

namespace npim::crossbar {
namespace {

std::vector<double> random_cells(int rows, int columns, double on_ohm, std::uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::vector<double> g(static_cast<std::size_t>(rows * columns));
  for (auto &cell : g) cell = random() & 1 ? 1 / on_ohm : 0.1 / on_ohm;
  return g;
}

std::vector<double> multiply(const std::vector<double> &matrix, const std::vector<double> &volts) {
  const std::size_t columns = matrix.size() / volts.size();
  std::vector<double> currents(columns, 0.0);
  for (std::size_t row = 0; row < volts.size(); ++row) {
    for (std::size_t c = 0; c < columns; ++c) currents[c] += matrix[row * columns + c] * volts[row];
  }
  return currents;
}

double largest(const std::vector<double> &values) {
  return *std::max_element(values.begin(), values.end());
}

double largest_difference(const std::vector<double> &a, const std::vector<double> &b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

TEST(IrDrop, OneCellIsThreeResistorsInSeries) {
  const double g = 1e-3;
  const Wires wires = {10, 20, Wires::Method::kNodal};
  const NodalNetwork network(1, 1, &g, wires);
  EXPECT_NEAR(network.currents({0.5})[0], 0.5 / 1030, 1e-12);
  EXPECT_NEAR(network.transfer()[0], 1.0 / 1030, 1e-12);
}

// Two cells on one word line: node voltages by hand.
TEST(IrDrop, WordLineOfTwoCells) {
  const std::vector<double> g = {1e-3, 2e-3};
  const Wires wires = {100, 1e-6, Wires::Method::kNodal};
  const double beyond = 1 / (100 + 500.0);  // segment and second cell
  const double first = 1 / (1 + 100 * (1e-3 + beyond));
  const double second = first * 500 / 600;
  const auto currents = NodalNetwork(1, 2, g.data(), wires).currents({1.0});
  EXPECT_NEAR(currents[0], first * 1e-3, 1e-9);
  EXPECT_NEAR(currents[1], second * 2e-3, 1e-9);
}

// The folded matrix is the same linear network as a solve for each input.
TEST(IrDrop, TransferMatrixEqualsASolvePerInput) {
  std::mt19937 random(3);
  const int rows = 24, columns = 17;
  const auto g = random_cells(rows, columns, 1e3);
  const Wires wires = {2, 5, Wires::Method::kNodal};
  const NodalNetwork network(rows, columns, g.data(), wires);
  const auto transfer = network.transfer();
  for (int trial = 0; trial < 10; ++trial) {
    std::vector<double> volts(rows);
    for (auto &v : volts) v = static_cast<double>(random() % 16);
    const auto solved = network.currents(volts);
    EXPECT_LT(largest_difference(multiply(transfer, volts), solved), 1e-11 * largest(solved));
  }
}

TEST(IrDrop, NoResistanceIsTheConductances) {
  const auto g = random_cells(8, 8, 1e4);
  EXPECT_EQ(transfer_matrix(8, 8, g, {0, 0, Wires::Method::kNodal}), g);
  EXPECT_EQ(transfer_matrix(8, 8, g, {0, 0, Wires::Method::kFast}), g);
}

TEST(IrDrop, ConvergesToIdealInProportionToTheResistance) {
  const auto g = random_cells(32, 32, 1e4);
  for (const auto method : {Wires::Method::kNodal, Wires::Method::kFast}) {
    double last = 0;
    for (const double ohm : {1e-2, 1e-3, 1e-4, 1e-5}) {
      const double error =
          largest_difference(transfer_matrix(32, 32, g, {ohm, ohm, method}), g) / largest(g);
      if (last != 0) {
        EXPECT_NEAR(last / error, 10, 0.5) << ohm;
      }
      last = error;
    }
  }
}

TEST(IrDrop, ResistanceInOneDirectionIsExactInBothMethods) {
  const auto g = random_cells(16, 12, 1e3);
  for (const bool word : {true, false}) {
    const double tiny = 1e-7;
    const Wires fast = {word ? 3.0 : 0.0, word ? 0.0 : 3.0, Wires::Method::kFast};
    const Wires nodal = {word ? 3.0 : tiny, word ? tiny : 3.0, Wires::Method::kNodal};
    EXPECT_LT(
        largest_difference(transfer_matrix(16, 12, g, fast), transfer_matrix(16, 12, g, nodal)),
        1e-6 * largest(g));
  }
}

// Voltage drop only takes current away, and most at the far corner.
TEST(IrDrop, FarCellsLoseMost) {
  const std::vector<double> g(16 * 16, 1e-3);
  const auto transfer = transfer_matrix(16, 16, g, {5, 5, Wires::Method::kNodal});
  for (const double t : transfer) EXPECT_LT(t, 1e-3);
  EXPECT_GT(transfer[15 * 16], transfer[15]);  // last row, first column against the far corner
}

// The bounds that the header states: error of a bit line relative to the largest ideal current.
TEST(IrDrop, FastMethodStaysWithinItsStatedError) {
  std::mt19937 random(5);
  const struct { double on_ohm, bound; } cases[] = {{1e6, 0.0001}, {1e5, 0.002}, {1e4, 0.05}};
  for (const auto &[on_ohm, bound] : cases) {
    const auto g = random_cells(128, 128, on_ohm);
    const auto nodal = transfer_matrix(128, 128, g, {1, 1, Wires::Method::kNodal});
    const auto fast = transfer_matrix(128, 128, g, {1, 1, Wires::Method::kFast});
    for (int trial = 0; trial < 10; ++trial) {
      std::vector<double> volts(128);
      for (auto &v : volts) v = random() & 1;
      const double full = largest(multiply(g, volts));
      EXPECT_LT(largest_difference(multiply(nodal, volts), multiply(fast, volts)), bound * full)
          << on_ohm;
    }
  }
}

TEST(IrDrop, BadResistancesAreRefusedByName) {
  const auto message = [](const Wires &wires) -> std::string {
    try {
      validate(wires);
    } catch (const InputError &error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message({-1, 0, Wires::Method::kNodal}).find("word_line_ohm"), std::string::npos);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(message({0, nan, Wires::Method::kFast}).find("bit_line_ohm"), std::string::npos);
  EXPECT_EQ(message({0, 1, Wires::Method::kFast}), "");
}

}  // namespace
}  // namespace npim::crossbar
