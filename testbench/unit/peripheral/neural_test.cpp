// The RRAM substrate, its gradients and training, the shipped parameters, and ngspice as a second
// opinion.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "peripheral/circuit.h"
#include "peripheral/parameter_file.h"
#include "peripheral/spice_circuits.h"
#include "shipped.h"

namespace npim::peripheral {
namespace {

constexpr Variation kVaried{true, true, true, true};

TEST(Philox, AnswersTheKnownAnswerTest) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
            (PhiloxWords{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (PhiloxWords{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(TransferCurve, PassesThroughItsPointsWithTheSlopeOfItsValues) {
  const TransferCurve curve(0.0, 0.1, {1.2, 1.1, 0.6, 0.1, 0.0}, 0.6);
  EXPECT_DOUBLE_EQ(curve.at(0.2).value, 0.6);
  EXPECT_DOUBLE_EQ(curve.at(0.4).value, 0.0);
  constexpr double kStep = 1e-6;
  for (double v = -0.1; v < 0.5; v += 0.013) {
    const double slope = (curve.at(v + kStep).value - curve.at(v - kStep).value) / (2 * kStep);
    EXPECT_NEAR(curve.at(v).slope, slope, 1e-6) << v;
  }
}

TEST(Divider, ObeysKirchhoffWithSeriesResistance) {
  RandomStream stream(1, 2, 3);
  Matrix conductance(6, 4);
  for (int i = 0; i < conductance.size(); ++i) conductance.data()[i] = stream.uniform(1, 10);
  Vector series(6), sources(6);
  series << 0, 1, 2, 5, 0.5, 0;
  for (int i = 0; i < 6; ++i) sources[i] = stream.uniform(0, 1.2);
  const Vector columns = divider_transfer(conductance, series).transpose() * sources;
  Vector lines = sources;
  for (int l = 0; l < 6; ++l) {
    double load = 0, from_columns = 0;
    for (int c = 0; c < 4; ++c) {
      load += 1e-3 * conductance(l, c);
      from_columns += 1e-3 * conductance(l, c) * columns[c];
    }
    lines[l] = (sources[l] + series[l] * from_columns) / (1 + series[l] * load);
  }
  for (int c = 0; c < 4; ++c) {
    double current = 0;
    for (int l = 0; l < 6; ++l) current += conductance(l, c) * (lines[l] - columns[c]);
    EXPECT_NEAR(current, 0, 1e-12);
  }
}

TEST(Divider, ColumnsAreConvexCombinationsOfTheirLines) {
  const Nnsa nnsa = load_nnsa(kFolder + "nnsa-d4.json", process());
  RandomStream stream(1, 0, 0);
  const Instance chip = make_instance(nnsa.network, process(), curves(), kVaried, stream);
  EXPECT_TRUE(chip.layer1.transfer.colwise().sum().isApproxToConstant(1, 1e-12));
  EXPECT_TRUE(chip.layer2.transfer.colwise().sum().isApproxToConstant(1, 1e-12));
}

/// Compares every entry of the gradient with a central difference.
void check_gradients(Network network, Loss loss, const Batch &batch, bool varied) {
  Variation variation;
  variation.cells = variation.mismatch = varied;
  variation.quantised = variation.loading = false;
  const auto loss_at = [&](Matrix *by_output, Levels *gradient) {
    RandomStream stream(5, 0, 0);
    const Instance chip = make_instance(network, process(), curves(), variation, stream);
    Trace trace;
    const Matrix outputs = forward(chip, batch.inputs, &trace);
    Matrix local;
    const double value = loss_of(loss, outputs, batch.targets, by_output ? by_output : &local);
    if (gradient != nullptr) *gradient = backward(chip, trace, local);
    return value;
  };
  Levels gradient;
  loss_at(nullptr, &gradient);
  Matrix *levels[] = {&network.levels.upper1, &network.levels.lower1, &network.levels.upper2,
                      &network.levels.lower2};
  const Matrix *gradients[] = {&gradient.upper1, &gradient.lower1, &gradient.upper2,
                               &gradient.lower2};
  for (int m = 0; m < 4; ++m) {
    const double scale = gradients[m]->cwiseAbs().maxCoeff();
    for (Eigen::Index i = 0; i < levels[m]->size(); ++i) {
      constexpr double kStep = 1e-4;
      double &level = levels[m]->data()[i];
      const double kept = level;
      level = kept + kStep;
      const double above = loss_at(nullptr, nullptr);
      level = kept - kStep;
      const double below = loss_at(nullptr, nullptr);
      level = kept;
      EXPECT_NEAR(gradients[m]->data()[i], (above - below) / (2 * kStep), 2e-4 * scale)
          << "matrix " << m << " entry " << i;
    }
  }
}

TEST(Gradient, OfAnNnsaAgreesWithDifferences) {
  RandomStream stream(2, 0, 0);
  const Nnsa nnsa = untrained_nnsa(4, process(), stream);
  check_gradients(nnsa.network, Loss::kSquare, draw_nnsa_batch(nnsa, process(), 8, stream), false);
  check_gradients(nnsa.network, Loss::kSquare, draw_nnsa_batch(nnsa, process(), 8, stream), true);
}

TEST(Gradient, OfASubAdcAgreesWithDifferences) {
  RandomStream stream(2, 0, 0);
  const Nnadc nnadc = untrained_nnadc(1, process(), stream);
  Batch batch{Matrix::Ones(8, 2), Matrix(8, kStageDecisions)};
  for (int i = 0; i < 8; ++i) {
    batch.inputs(i, 0) = stream.uniform(-0.25, 0.25);
    for (int d = 0; d < kStageDecisions; ++d) batch.targets(i, d) = stream.below(2) ? 1 : -1;
  }
  check_gradients(nnadc.stages[0].sub_adc, Loss::kDecision, batch, true);
}

TEST(Nnsa, RecursionOfFullScaleEndsAtFullScale) {
  for (const int dac_bits : {1, 2, 4}) {
    RandomStream stream(1, 0, 0);
    const Nnsa nnsa = untrained_nnsa(dac_bits, process(), stream);
    double sum = 0;
    for (int cycle = 0; cycle < 8 / dac_bits; ++cycle) {
      Matrix inputs = Matrix::Constant(1, kNnsaInputs, 0.25);
      inputs(0, kNnsaWeightBits) = sum;
      sum = nnsa.ideal(inputs)[0];
    }
    EXPECT_NEAR(sum, 0.25, 1e-12) << dac_bits;
  }
  EXPECT_NEAR(nnsa_beta(1), 508.0, 0.05);
  EXPECT_NEAR(nnsa_beta(2), 338.7, 0.05);
  EXPECT_NEAR(nnsa_beta(4), 270.9, 0.05);
}

TEST(Training, GoesOnFromASavedStateAsIfItHadNeverStopped) {
  RandomStream stream(1, 0, 0);
  const Nnsa fresh = untrained_nnsa(2, process(), stream);
  TrainingOptions options;
  options.steps = 60;
  options.batch = 16;
  const auto draw = [&](int size, RandomStream &from) {
    return draw_nnsa_batch(fresh, process(), size, from);
  };
  Network whole = fresh.network;
  Trainer uninterrupted(whole, process(), curves(), Loss::kSquare, draw, options, 9);
  uninterrupted.run(60);
  Network part = fresh.network;
  Trainer first(part, process(), curves(), Loss::kSquare, draw, options, 9);
  first.run(25);
  const std::string path = ::testing::TempDir() + "/training.checkpoint";
  write_file(path, format_checkpoint({{"nnsa", first.state()}}, options));
  Network again = fresh.network;
  Trainer second(again, process(), curves(), Loss::kSquare, draw, options, 9);
  second.state() = load_checkpoint(path, options).at("nnsa");
  second.run(60);
  EXPECT_EQ(whole.levels.upper1, again.levels.upper1);
  EXPECT_EQ(whole.levels.lower2, again.levels.lower2);
  options.seed = 2;
  EXPECT_THROW(load_checkpoint(path, options), InputError);
}

TEST(Training, LowersTheError) {
  RandomStream stream(1, 0, 0);
  Nnsa nnsa = untrained_nnsa(4, process(), stream);
  const double before = measure_nnsa(nnsa, process(), curves(), kVaried, 10, 50, 3).mse_v2;
  TrainingOptions options;
  options.steps = 400;
  options.polish_sweeps = 1;
  options.polish_chips = 4;
  train_nnsa(nnsa, process(), curves(), options, {});
  EXPECT_LT(measure_nnsa(nnsa, process(), curves(), kVaried, 10, 50, 3).mse_v2, before / 20);
}

TEST(ParameterFile, KeepsLevels) {
  const Nnsa nnsa = load_nnsa(kFolder + "nnsa-d1.json", process());
  const std::string path = ::testing::TempDir() + "/nnsa.json";
  write_file(path, format_nnsa(nnsa, {process().name, {}}));
  const Nnsa again = load_nnsa(path, process());
  EXPECT_EQ(again.dac_bits, 1);
  EXPECT_EQ(again.network.levels.upper1, nnsa.network.levels.upper1);
  EXPECT_EQ(again.network.levels.lower2, nnsa.network.levels.lower2);
}

TEST(ProcessFile, RefusesAnOffResistanceBelowTheOnResistance) {
  const Bytes bytes = read_file(kFolder + "process-130nm.json");
  std::string text(bytes.begin(), bytes.end());
  const std::string key = "\"off_kohm\": ";
  const auto at = text.find(key) + key.size();
  text.replace(at, text.find(',', at) - at, "50");
  const std::string path = ::testing::TempDir() + "/process.json";
  write_file(path, text);
  try {
    load_process(path);
    FAIL() << "accepted";
  } catch (const InputError &error) {
    EXPECT_NE(std::string(error.what()).find("off_kohm"), std::string::npos) << error.what();
  }
}

TEST(ShippedNnsa, MeanSquareErrorWithVariationIsBelowThePapers) {
  for (const char *name : {"nnsa-d1", "nnsa-d2", "nnsa-d4"}) {
    const Nnsa nnsa = load_nnsa(kFolder + name + ".json", process());
    const ErrorMeasure measure = measure_nnsa(nnsa, process(), curves(), kVaried, 100, 100, 11);
    EXPECT_LT(measure.mse_v2, 1e-5) << name;
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class ShippedNnadc : public ::testing::TestWithParam<const char *> {};

TEST_P(ShippedNnadc, MeetsItsTargetsNominallyAndInTheMedianOfDrawnChips) {
  const Nnadc nnadc = load_nnadc(kFolder + GetParam() + ".json", process());
  const CircuitCurves tables(curves());
  const auto measure = [&](const Variation &variation, std::uint32_t chip) {
    RandomStream stream(17, chip, 0);
    const NnadcCircuit circuit(NnadcInstance(nnadc, process(), curves(), variation, stream),
                               tables);
    const auto convert = [&](const Vector &x) {
      const std::vector<float> inputs(x.begin(), x.end());
      std::vector<std::int32_t> codes(inputs.size());
      circuit.convert(inputs.data(), inputs.size(), codes.data());
      return std::vector<int>(codes.begin(), codes.end());
    };
    return measure_linearity(convert, process().amplitude_v() / nnadc.range_divisor, 16);
  };
  std::vector<double> enob, dnl, inl;
  const auto take = [&](const Linearity &l) {
    enob.push_back(l.enob);
    dnl.push_back(std::max(-l.dnl_low, l.dnl_high));
    inl.push_back(std::max(-l.inl_low, l.inl_high));
  };
  const auto check = [&](const char *what) {
    EXPECT_GE(median(enob), 7.8) << what;
    EXPECT_LT(median(dnl), 0.6) << what;
    EXPECT_LT(median(inl), 0.7) << what;
  };
  take(measure({}, 0));
  check("nominal");
  enob.clear(), dnl.clear(), inl.clear();
  for (std::uint32_t chip = 0; chip < 101; ++chip) take(measure(kVaried, chip));
  check("drawn chips");
}

INSTANTIATE_TEST_SUITE_P(Ranges, ShippedNnadc,
                         ::testing::Values("nnadc-r1", "nnadc-r2", "nnadc-r4"));

TEST(Linearity, OfAnIdealConverterIsPerfect) {
  const Convert convert = [](const Vector &x) {
    std::vector<int> codes;
    for (Eigen::Index i = 0; i < x.size(); ++i) codes.push_back(ideal_code(process(), 1, x[i]));
    return codes;
  };
  const Linearity measure = measure_linearity(convert, process().amplitude_v(), 16);
  EXPECT_NEAR(measure.dnl_high, 0, 1e-9);
  EXPECT_NEAR(measure.inl_low, 0, 1e-9);
  EXPECT_EQ(measure.missing_codes, 0);
  EXPECT_NEAR(measure.enob, 7.99, 0.05);  // 255 codes
}

TEST(Spice, AgreesWithTheModelOfAnNnsa) {
  if (!spice_is_installed()) GTEST_SKIP() << "ngspice is not installed";
  const Nnsa nnsa = load_nnsa(kFolder + "nnsa-d4.json", process());
  RandomStream stream(21, 0, 0);
  Variation variation;
  variation.cells = true;
  NnsaSweep sweep = random_sweep(process(), stream);
  sweep.points = 11;
  const Instance chip = make_instance(nnsa.network, process(), curves(), variation, stream);
  const Vector model = forward(chip, sweep.inputs()).col(0);
  const Vector circuit = spice_nnsa(chip, process().corners.at("tt"), sweep, nullptr);
  ASSERT_EQ(circuit.size(), model.size());
  EXPECT_LT((model - circuit).cwiseAbs().maxCoeff(), 1e-3);
  EXPECT_LT((circuit - nnsa.ideal(sweep.inputs())).cwiseAbs().maxCoeff(), 20e-3);
}

TEST(Spice, NamesWhatItCouldNotRun) {
  if (!spice_is_installed()) GTEST_SKIP() << "ngspice is not installed";
  EXPECT_THROW(run_spice("r1 a 0 {nonsense}\n", "dc v1 0 1 1", {"v(a)"}), std::runtime_error);
}

}  // namespace
}  // namespace npim::peripheral
