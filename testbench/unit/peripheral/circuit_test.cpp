// The vector form of drawn peripherals against the networks that it was folded from.
#include "peripheral/circuit.h"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <random>
#include <vector>

#include "peripheral/parameter_file.h"
#include "shipped.h"

namespace npim::peripheral {
namespace {

const CircuitCurves &tables() {
  static const CircuitCurves made(curves());
  return made;
}

constexpr Variation kVaried{true, true, true, true};

/// Volts within the range, [rows][count].
std::vector<float> random_volts(std::size_t rows, std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> volts(-0.25F, 0.25F);
  std::vector<float> values(rows * count);
  for (float &value : values) value = volts(random);
  return values;
}

TEST(CircuitCurve, FollowsTheSmoothCurveBetweenAndBeyondItsPoints) {
  const TransferCurve &smooth = curves().neurons.at("residue").curve;
  const CurveTable table(smooth);
  for (double v = smooth.low_v(); v < 1.15; v += 0.00037) {
    const double position = (v - table.low_v()) / table.step_v();
    const auto piece = static_cast<std::size_t>(position);
    const double value = double{table.value_v()[piece]} +
                         (position - static_cast<double>(piece)) * double{table.change_v()[piece]};
    EXPECT_NEAR(value, smooth.at(v).value, 2e-5) << v;
  }
}

/// The first chip is nominal, the last one at a corner.
const CurveSet &curves_of(std::uint32_t chip, std::uint32_t last) {
  return chip == last ? curves("sf") : curves();
}

TEST(NnsaCircuit, EqualsTheNetworkOfAnyDrawnChip) {
  for (const char *name : {"nnsa-d1", "nnsa-d2", "nnsa-d4"}) {
    const Nnsa nnsa = load_nnsa(kFolder + name + ".json", process());
    for (std::uint32_t chip = 0; chip < 3; ++chip) {
      RandomStream stream(5, chip, 0);
      const CurveSet &set = curves_of(chip, 2);
      const CircuitCurves tables_of(set);
      const Instance instance =
          make_instance(nnsa.network, process(), set, chip == 0 ? Variation{} : kVaried, stream);
      const NnsaCircuit circuit(instance, process(), tables_of);
      constexpr std::size_t kCount = 300;
      const auto inputs = random_volts(9, kCount, chip);
      std::vector<float> sums(kCount);
      circuit.step(inputs.data(), kCount, inputs.data() + 8 * kCount, kCount, sums.data());
      Matrix rows = Matrix::Ones(kCount, kNnsaInputs);
      for (Eigen::Index i = 0; i < rows.rows(); ++i) {
        for (Eigen::Index k = 0; k < 9; ++k) {
          rows(i, k) =
              double{inputs[static_cast<std::size_t>(k) * kCount + static_cast<std::size_t>(i)]};
        }
      }
      const Vector expected = forward(instance, rows).col(0);
      for (std::size_t i = 0; i < kCount; ++i) {
        EXPECT_NEAR(double{sums[i]}, expected[static_cast<Eigen::Index>(i)], kCircuitTolerance_v)
            << name << " chip " << chip;
      }
    }
  }
}

TEST(NnsaCircuit, AccumulatesThroughItsSampleAndHold) {
  const Nnsa nnsa = load_nnsa(kFolder + "nnsa-d2.json", process());
  RandomStream stream(5, 1, 0);
  const Instance instance = make_instance(nnsa.network, process(), curves(), kVaried, stream);
  const NnsaCircuit circuit(instance, process(), tables());
  constexpr std::size_t kCount = 20, kCycles = 4;
  const auto pairs = random_volts(8 * kCycles, kCount, 3);
  const auto normals = random_volts(kCycles, kCount, 4);
  std::vector<float> held(kCount);
  circuit.accumulate(pairs.data(), kCount, kCycles, normals.data(), kCount, held.data());
  for (std::size_t i = 0; i < kCount; ++i) {
    double expected = 0;
    for (std::size_t cycle = 0; cycle < kCycles; ++cycle) {
      Matrix inputs = Matrix::Ones(1, kNnsaInputs);
      for (std::size_t j = 0; j < 8; ++j) {
        inputs(0, static_cast<Eigen::Index>(j)) = double{pairs[(cycle * 8 + j) * kCount + i]};
      }
      inputs(0, 8) = expected;
      expected = hold(process().sample_hold, forward(instance, inputs)(0, 0), expected, nullptr) +
                 process().sample_hold.noise_v() * double{normals[cycle * kCount + i]};
    }
    EXPECT_NEAR(double{held[i]}, expected, 2 * kCircuitTolerance_v);
  }
}

TEST(NnadcCircuit, GivesTheSameCodesButAtTheEdgesOfCodes) {
  for (const char *name : {"nnadc-r1", "nnadc-r2", "nnadc-r4"}) {
    const Nnadc nnadc = load_nnadc(kFolder + name + ".json", process());
    for (std::uint32_t chip = 0; chip < 3; ++chip) {
      RandomStream stream(6, chip, 0);
      const CurveSet &set = curves_of(chip, 2);
      const CircuitCurves tables_of(set);
      const NnadcInstance instance(nnadc, process(), set, chip == 0 ? Variation{} : kVaried,
                                   stream);
      const NnadcCircuit circuit(instance, tables_of);
      constexpr int kCount = 4000;
      const double limit = process().amplitude_v() / nnadc.range_divisor;
      Vector ramp(kCount);
      std::vector<float> inputs(kCount);
      for (int i = 0; i < kCount; ++i) {
        inputs[static_cast<std::size_t>(i)] =
            static_cast<float>(1.05 * limit * (2 * (i + 0.5) / kCount - 1));
        ramp[i] = double{inputs[static_cast<std::size_t>(i)]};
      }
      std::vector<std::int32_t> codes(kCount);
      circuit.convert(inputs.data(), kCount, codes.data());
      const auto expected = instance.convert(ramp);
      int differ = 0;
      for (std::size_t i = 0; i < kCount; ++i) {
        EXPECT_LE(std::abs(codes[i] - expected[i]), 1) << name << " at " << inputs[i];
        differ += codes[i] != expected[i];
      }
      EXPECT_LT(differ, kCount / 50) << name;
    }
  }
}

/// Codes of one converter and sums of one NNS+A for a fixed set of inputs in batches of `batch`.
std::vector<float> everything(std::size_t batch) {
  const Nnsa nnsa = load_nnsa(kFolder + "nnsa-d4.json", process());
  const Nnadc nnadc = load_nnadc(kFolder + "nnadc-r4.json", process());
  RandomStream stream(8, 0, 0);
  const NnsaCircuit sums_of(make_instance(nnsa.network, process(), curves(), kVaried, stream),
                            process(), tables());
  const NnadcCircuit converter(NnadcInstance(nnadc, process(), curves(), kVaried, stream),
                               tables());
  constexpr std::size_t kCount = 333;
  const auto pairs = random_volts(16, kCount, 1);
  const auto normals = random_volts(2, kCount, 2);
  std::vector<float> results(2 * kCount);
  std::vector<std::int32_t> codes(kCount);
  for (std::size_t i = 0; i < kCount; i += batch) {
    const std::size_t here = std::min(batch, kCount - i);
    sums_of.accumulate(pairs.data() + i, kCount, 2, normals.data() + i, here, results.data() + i);
    converter.convert(results.data() + i, here, codes.data() + i);
    for (std::size_t k = i; k < i + here; ++k) results[kCount + k] = static_cast<float>(codes[k]);
  }
  return results;
}

TEST(Circuit, IsTheSameForEveryBatchAndInstructionSet) {
  const auto expected = everything(333);
  for (const std::size_t batch : {std::size_t{1}, std::size_t{8}, std::size_t{100}}) {
    EXPECT_EQ(everything(batch), expected) << batch;
  }
  for (auto left = hwy::SupportedTargets() & ~(HWY_EMU128 | HWY_SCALAR); left != 0;
       left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    hwy::GetChosenTarget().DeInit();
    EXPECT_EQ(everything(64), expected) << hwy::TargetName(left & -left);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

TEST(Circuit, SaturatesFarOutsideItsRange) {
  const Nnadc nnadc = load_nnadc(kFolder + "nnadc-r1.json", process());
  RandomStream stream(1, 0, 0);
  const NnadcCircuit circuit(NnadcInstance(nnadc, process(), curves(), {}, stream), tables());
  const float inputs[] = {-1.0F, 1.0F, std::nanf(""), INFINITY};
  std::int32_t codes[4];
  circuit.convert(inputs, 4, codes);
  EXPECT_EQ(codes[0], -kHighestCode);
  EXPECT_EQ(codes[1], kHighestCode);
}

}  // namespace
}  // namespace npim::peripheral
