// Replica bias: levels that follow the inverters through corners, temperatures and supplies, and
// what that leaves of the errors of NNS+A and NNADC.
#include "peripheral/replica.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "peripheral/circuit.h"
#include "peripheral/measures.h"
#include "peripheral/spice_circuits.h"
#include "shipped.h"

namespace npim::peripheral {
namespace {

constexpr Variation kVaried{true, true, true, true}, kWithoutReplica{true, true, true, true, false};
constexpr const char *kCorners[] = {"cold", "ff", "fs", "hot", "high-vdd", "sf", "low-vdd", "ss"};

TEST(Replica, SettlesAtTheTripVoltage) {
  for (const char *corner : kCorners) {
    for (const char *neuron : {"summing", "residue"}) {
      const CurveSet &set = curves(corner);
      const ReplicaLevels levels = settle(set, neuron);
      EXPECT_NEAR(set.neurons.at(neuron).curve.at(levels.trip_v).value, levels.trip_v, 1e-9);
      EXPECT_NEAR(set.input_follower.curve.at(levels.input_v).value, levels.trip_v, 1e-9);
    }
  }
}

// The shipped parameters were trained at these levels: not one bit may change.
TEST(Replica, LeavesTheTtCornerWhereItWas) {
  for (const char *neuron : {"summing", "residue"}) {
    const SignalLevels levels = signal_levels(process(), curves(), neuron, nullptr);
    EXPECT_EQ(levels.common_mode_v, process().amplitude_v());
    EXPECT_EQ(levels.middle_v, process().mid_v());
    EXPECT_EQ(levels.rail_middle_v(), process().mid_v());
    EXPECT_EQ(levels.reference, 1);
  }
  for (const char *name : {"nnadc-r1", "nnadc-r4"}) {
    const Nnadc nnadc = load_nnadc(kFolder + name + ".json", process());
    const auto levels = signal_levels(process(), curves(), "residue", nullptr);
    for (const double factor :
         ReferenceChain(nnadc, process(), curves()).factors(levels, nullptr)) {
      EXPECT_EQ(factor, 1);
    }
  }
}

TEST(Replica, RailsFollowTheSupply) {
  for (const auto &[corner, factor] : {std::pair{"low-vdd", 0.95}, std::pair{"high-vdd", 1.05}}) {
    const auto levels = signal_levels(process(), curves(corner), "summing", nullptr);
    EXPECT_NEAR(levels.supply_v, factor * process().vdd_v, 1e-9);
  }
}

TEST(Replica, OwnMismatchIsThatOfItsCopiesAndMovesNoOtherDraw) {
  const Nnsa nnsa = load_nnsa(kFolder + "nnsa-d4.json", process());
  double squares = 0;
  constexpr int kChips = 400;
  for (std::uint32_t chip = 0; chip < kChips; ++chip) {
    RandomStream stream(3, chip, 0), same(3, chip, 0);
    const Instance with = make_instance(nnsa.network, process(), curves(), kVaried, stream);
    const Instance without =
        make_instance(nnsa.network, process(), curves(), kWithoutReplica, same);
    EXPECT_EQ(with.layer1.transfer, without.layer1.transfer);
    EXPECT_EQ(with.neurons[5].shift_v, without.neurons[5].shift_v);
    EXPECT_EQ(stream.word(), same.word());
    EXPECT_EQ(without.signals.common_mode_v, process().amplitude_v());
    squares += std::pow(with.signals.middle_v - process().mid_v(), 2);
  }
  // A shift s of an inverter with gain -A moves its trip voltage by s A / (1 + A).
  const DeviceCurve &inverter = curves().neurons.at("summing");
  const double gain = -inverter.curve.at(settle(curves(), "summing").trip_v).slope;
  const double expected = inverter.shift_sigma_v * gain / (1 + gain) / std::sqrt(kReplicaCopies);
  EXPECT_NEAR(std::sqrt(squares / kChips), expected, 0.15 * expected);
}

TEST(RandomStream, ABranchIsOfItsOwnAndMovesNothing) {
  RandomStream stream(1, 2, 3), same(1, 2, 3);
  RandomStream first = stream.branch();
  const std::uint32_t word = first.word();
  EXPECT_EQ(same.word(), stream.word());
  EXPECT_NE(stream.branch().word(), word);  // a block later
  EXPECT_EQ(same.branch().word(), stream.branch().word());
}

// Errors of the circuits without variation: the figures of configs/peripherals/REPORT.md.
TEST(Corners, NnsaStaysNearItsTarget) {
  for (const char *name : {"nnsa-d1", "nnsa-d2", "nnsa-d4"}) {
    const Nnsa nnsa = load_nnsa(kFolder + name + ".json", process());
    for (const std::string corner : kCorners) {
      const double mse = measure_nnsa(nnsa, process(), curves(corner), {}, 1, 4000, 11).mse_v2;
      EXPECT_LT(mse, corner == "low-vdd" ? 1.4e-5 : 1e-5) << name << ' ' << corner;
    }
  }
}

TEST(Corners, NnadcKeepsItsLinearity) {
  for (const char *name : {"nnadc-r1", "nnadc-r2", "nnadc-r4"}) {
    const Nnadc nnadc = load_nnadc(kFolder + name + ".json", process());
    for (const char *corner : kCorners) {
      RandomStream stream(17, 0, 0);
      const NnadcInstance chip(nnadc, process(), curves(corner), {}, stream);
      const Linearity l = measure_linearity([&](const Vector &x) { return chip.convert(x); },
                                            process().amplitude_v() / nnadc.range_divisor, 16);
      EXPECT_GT(l.enob, nnadc.range_divisor == 4 ? 7.7 : 7.85) << name << ' ' << corner;
      EXPECT_EQ(l.missing_codes, 0) << name << ' ' << corner;
    }
  }
}

TEST(Spice, AgreesWithTheModelOfAnNnsaInTheWorstCorners) {
  if (!spice_is_installed()) GTEST_SKIP() << "ngspice is not installed";
  const Nnsa nnsa = load_nnsa(kFolder + "nnsa-d4.json", process());
  for (const char *corner : {"sf", "low-vdd"}) {
    RandomStream stream(21, 0, 0);
    Variation variation;
    variation.cells = true;
    NnsaSweep sweep = random_sweep(process(), stream);
    sweep.points = 5;
    const Instance chip = make_instance(nnsa.network, process(), curves(corner), variation, stream);
    const Vector circuit = spice_nnsa(chip, process().corners.at(corner), sweep, nullptr);
    const Vector model = forward(chip, sweep.inputs()).col(0);
    EXPECT_LT((model - circuit).cwiseAbs().maxCoeff(), 1e-3) << corner;
  }
}

}  // namespace
}  // namespace npim::peripheral
