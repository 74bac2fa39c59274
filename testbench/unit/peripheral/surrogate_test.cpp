// Statistical stand-ins of drawn peripherals against the circuits that they were measured on.
#include "peripheral/surrogate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "peripheral/parameter_file.h"
#include "peripheral/training.h"

namespace npim::peripheral {
namespace {

const std::string kFolder = std::string(NPIM_SOURCE_DIR) + "/configs/peripherals/";
constexpr Variation kVaried{true, true, true, true};

struct Chip {
  Process process = load_process(kFolder + "process-130nm.json");
  CurveSet curves = load_curves(kFolder + "curves-130nm.json", process).at("tt");
  CircuitCurves tables{curves};
  Nnsa nnsa = load_nnsa(kFolder + "nnsa-d4.json", process);
  Nnadc nnadc = load_nnadc(kFolder + "nnadc-r2.json", process);
  NnsaCircuit sums = make_sums();
  NnadcCircuit converter = make_converter();

  NnsaCircuit make_sums() const {
    RandomStream stream(3, 0, 0);
    return {make_instance(nnsa.network, process, curves, kVaried, stream), process, tables};
  }
  NnadcCircuit make_converter() const {
    RandomStream stream(3, 1, 0);
    return {NnadcInstance(nnadc, process, curves, kVaried, stream), tables};
  }
};

/// Accumulations of two cycles whose bit lines are fresh draws.
void accumulate(const Chip &chip, std::size_t count, std::vector<float> &ideal,
                std::vector<float> &held) {
  RandomStream stream(99, 0, 0);
  std::vector<float> pairs(16 * count), normals(2 * count);
  Vector sum = Vector::Zero(static_cast<Eigen::Index>(count));
  for (std::size_t cycle = 0; cycle < 2; ++cycle) {
    Batch batch = draw_nnsa_batch(chip.nnsa, chip.process, static_cast<int>(count), stream);
    batch.inputs.col(8) = sum;
    sum = chip.nnsa.ideal(batch.inputs);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < 8; ++j) {
        pairs[(cycle * 8 + j) * count + i] = static_cast<float>(
            batch.inputs(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
      }
      normals[cycle * count + i] = static_cast<float>(stream.normal());
    }
  }
  held.resize(count);
  chip.sums.accumulate(pairs.data(), count, 2, normals.data(), count, held.data());
  ideal.assign(sum.begin(), sum.end());
}

TEST(NnsaSurrogate, HasTheCircuitsMeanAndSpreadOnNewInputs) {
  const Chip chip;
  const NnsaSurrogate surrogate(chip.nnsa, chip.sums, chip.process, RandomStream(4, 0, 0));
  constexpr std::size_t kCount = 4000;
  std::vector<float> ideal, held;
  accumulate(chip, kCount, ideal, held);
  double mean = 0, square = 0, error = 0, error_square = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double deviation = double{held[i]} - double{ideal[i]};
    error += deviation;
    error_square += deviation * deviation;
    const double z = (deviation - surrogate.mean_error_v(double{ideal[i]})) /
                     surrogate.spread_v(double{ideal[i]});
    mean += z;
    square += z * z;
  }
  EXPECT_NEAR(mean / kCount, 0, 0.1);
  EXPECT_NEAR(std::sqrt(square / kCount), 1, 0.1);
  // The errors of an instance are what the surrogate is for.
  EXPECT_GT(std::sqrt(error_square / kCount), 3e-4);
  EXPECT_LT(std::abs(error / kCount), 0.02);
}

TEST(NnsaSurrogate, AddsMeanAndSpreadForEveryBatch) {
  const Chip chip;
  const NnsaSurrogate surrogate(chip.nnsa, chip.sums, chip.process, RandomStream(4, 0, 0), 1000);
  RandomStream stream(1, 2, 3);
  std::vector<float> ideal, normals;
  for (int i = 0; i < 77; ++i) {
    ideal.push_back(static_cast<float>(stream.uniform(-0.27, 0.27)));
    normals.push_back(static_cast<float>(stream.normal()));
  }
  std::vector<float> held(ideal.size());
  surrogate.hold(ideal.data(), normals.data(), ideal.size(), held.data());
  for (std::size_t i = 0; i < ideal.size(); ++i) {
    const double x = double{ideal[i]};
    const double expected =
        x + surrogate.mean_error_v(x) + std::max(0.0, surrogate.spread_v(x)) * double{normals[i]};
    EXPECT_NEAR(double{held[i]}, expected, 1e-7);
    float alone = 0;
    surrogate.hold(&ideal[i], &normals[i], 1, &alone);
    EXPECT_EQ(alone, held[i]);
  }
}

TEST(NnadcSurrogate, EqualsTheCircuitButNearTransitions) {
  const Chip chip;
  const double limit = chip.process.amplitude_v() / 2;
  const NnadcSurrogate surrogate(chip.converter, limit);
  constexpr std::size_t kCount = 5000;
  std::vector<float> inputs;
  for (std::size_t i = 0; i < kCount; ++i) {
    inputs.push_back(static_cast<float>(1.1 * limit * (2 * (double(i) + 0.5) / kCount - 1)));
  }
  std::vector<std::int32_t> codes(kCount), exact(kCount);
  surrogate.convert(inputs.data(), kCount, codes.data());
  chip.converter.convert(inputs.data(), kCount, exact.data());
  std::size_t differ = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    // A step of 1/32 LSB may hold a transition: the table has the code of its middle.
    differ += codes[i] != exact[i];
    EXPECT_LE(std::abs(codes[i] - exact[i]), 1);
  }
  EXPECT_LT(differ, kCount / 32);
  const float far[] = {-9.0F, 9.0F};
  std::int32_t ends[2];
  surrogate.convert(far, 2, ends);
  EXPECT_EQ(ends[0], -kHighestCode);
  EXPECT_EQ(ends[1], kHighestCode);
}

}  // namespace
}  // namespace npim::peripheral
