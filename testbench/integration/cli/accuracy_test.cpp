// npim accuracy, and the reports of npim compile on quantisation.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "npim_runner.h"

namespace npim::testing {
namespace {

class Accuracy : public ::testing::Test {
 protected:
  static std::string digits(const std::string &name) {
    return NpimRunner::source("configs/networks/digits/" + name);
  }
  std::vector<std::string> arguments(
      const std::string &command,
      const std::string &chip = NpimRunner::source("configs/chips/neural-pim-small.json")) const {
    return {command, digits("digits.onnx"), "--chip",
            chip,    "--calibrate",         digits("calibration-images-idx3-ubyte.gz")};
  }
  Finished measure(const std::vector<std::string> &more) const {
    return measure(arguments("accuracy"), more);
  }
  Finished measure(std::vector<std::string> all, const std::vector<std::string> &more) const {
    all.insert(all.end(), {"--images", digits("digits-images-idx3-ubyte.gz")});
    all.insert(all.end(), more.begin(), more.end());
    return npim_.npim(all);
  }
  NpimRunner npim_;
};

TEST_F(Accuracy, ComparesFivePoints) {
  const std::string json = npim_.path("accuracy.json");
  const Finished finished =
      measure({"--labels", digits("digits-labels-idx1-ubyte.gz"), "--json", json});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("paper-literal"), std::string::npos) << finished.out;
  const auto report = NpimRunner::read_json(json);
  const auto &points = report.at("points").as_array();
  ASSERT_EQ(points.size(), 5U);
  const auto percent = [&](std::size_t i, const char *key) {
    return points.at(i).as_object().at(key).to_number<double>();
  };
  EXPECT_EQ(percent(0, "same_as_float_percent"), 100);
  EXPECT_GT(percent(0, "correct_percent"), 95);
  EXPECT_GE(percent(1, "correct_percent"), percent(0, "correct_percent") - 0.7);
  EXPECT_GE(percent(2, "correct_percent"), percent(1, "correct_percent") - 0.7);
  // Firmware on the same chip gets as many right as the third point says.
  const Finished run = npim_.run_digits({"--json", npim_.path("run.json")});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto counted = NpimRunner::read_json(npim_.path("run.json"));
  EXPECT_NEAR(
      percent(2, "correct_percent"),
      100 * counted.at("correct").to_number<double>() / counted.at("labelled").to_number<double>(),
      1e-9);
}

/// The point with noise is what firmware sees on a chip of that fidelity.
class NoisyAccuracy : public Accuracy, public ::testing::WithParamInterface<const char *> {};

TEST_P(NoisyAccuracy, IsThatOfTheSimulatedChip) {
  const std::string ideal = GetParam();
  const std::string chip = NpimRunner::source("configs/chips/" + ideal + "-statistical.json");
  const std::string json = npim_.path("noise.json"), run_json = npim_.path("noisy-run.json");
  const Finished finished =
      measure(arguments("accuracy", chip),
              {"--labels", digits("digits-labels-idx1-ubyte.gz"), "--count", "60", "--json", json});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const auto report = NpimRunner::read_json(json);
  // Dataflows A and B have no points for the NNADC's ranges.
  const std::size_t number = ideal == "neural-pim" ? 3 : 2;
  const auto &point = report.at("points").as_array().at(number).as_object();
  EXPECT_EQ(point.at("point").as_string(), "noise");
  const Finished run = npim_.npim(
      {"run", "--platform", NpimRunner::source("configs/platforms/demo.json"), "--chip", chip,
       "--firmware", NpimRunner::firmware("demo_cnn"), "--program", npim_.digits_program(ideal),
       "--images", digits("digits-images-idx3-ubyte.gz"), "--labels",
       digits("digits-labels-idx1-ubyte.gz"), "--count", "60", "--show", "0", "--json", run_json});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto counted = NpimRunner::read_json(run_json);
  EXPECT_NEAR(
      point.at("correct_percent").to_number<double>(),
      100 * counted.at("correct").to_number<double>() / counted.at("labelled").to_number<double>(),
      1e-9);
}

INSTANTIATE_TEST_SUITE_P(Chips, NoisyAccuracy,
                         ::testing::Values("neural-pim", "isaac-style", "cascade-style"),
                         [](const auto &test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_F(Accuracy, DoesNotDependOnThreads) {
  const std::string one = npim_.path("one.json"), four = npim_.path("four.json");
  ASSERT_EQ(measure({"--count", "40", "--threads", "1", "--json", one}).status, 0);
  ASSERT_EQ(measure({"--count", "40", "--threads", "4", "--json", four}).status, 0);
  EXPECT_EQ(NpimRunner::read(one), NpimRunner::read(four));
  EXPECT_EQ(NpimRunner::read_json(one).at("images").to_number<int>(), 40);
}

TEST_F(Accuracy, RefusesOptionsThatMakeNoSense) {
  for (const auto &[option, value] :
       std::vector<std::pair<std::string, std::string>>{{"--activation-range", "widest"},
                                                        {"--percentile", "12"},
                                                        {"--correction", "all"},
                                                        {"--count", "0"},
                                                        {"--input-mean", "a,b"},
                                                        {"--input-mean", "0.1,0.2,0.3"},
                                                        {"--input-std", "0"},
                                                        {"--block-rows", "0"},
                                                        {"--block-rows", "129"},
                                                        {"--calibrate-count", "0"}}) {
    const Finished finished = measure({option, value});
    EXPECT_EQ(finished.status, 2) << option << ": " << finished.out;
    EXPECT_FALSE(finished.err.empty());
  }
}

TEST_F(Accuracy, EveryWayToChooseRangesAndCorrectionsWorks) {
  for (const std::string range : {"min-max", "percentile", "mse"}) {
    EXPECT_EQ(measure({"--count", "10", "--activation-range", range}).status, 0) << range;
  }
  for (const std::string correction : {"none", "regression", "mean", "mean-variance"}) {
    EXPECT_EQ(measure({"--count", "10", "--correction", correction}).status, 0) << correction;
  }
}

TEST_F(Accuracy, FewerRowsPerDotProductTakeMoreConversions) {
  const std::string program = npim_.path("rows.npim");
  std::vector<std::string> all =
      arguments("compile", NpimRunner::source("configs/chips/neural-pim.json"));
  const auto conversions = [&](const std::vector<std::string> &more) {
    std::vector<std::string> compile = all;
    compile.insert(compile.end(), {"-o", program});
    compile.insert(compile.end(), more.begin(), more.end());
    EXPECT_EQ(npim_.npim(compile).status, 0);
    const std::string json = npim_.path("rows.json");
    const Finished run =
        npim_.npim({"run", "--platform", NpimRunner::source("configs/platforms/demo.json"),
                    "--firmware", NpimRunner::firmware("demo_cnn"), "--program", program,
                    "--images", digits("digits-images-idx3-ubyte.gz"), "--count", "20", "--show",
                    "0", "--check", "--json", json});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_NE(run.out.find("200 of 200 logits equal"), std::string::npos) << run.out;
    const auto report = NpimRunner::read_json(json);
    const auto &counters = report.at("counters").as_object();
    return counters.at("conversions").to_number<std::int64_t>();
  };
  EXPECT_GT(conversions({"--block-rows", "48"}), conversions({}));
}

TEST_F(Accuracy, CompileReportsEachLayer) {
  std::vector<std::string> all = arguments("compile");
  const std::string json = npim_.path("layers.json"), text = npim_.path("layers.txt");
  all.insert(all.end(), {"-o", npim_.path("out.npim"), "--report", json});
  const Finished finished = npim_.npim(all);
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("parameters"), std::string::npos);
  const auto report = NpimRunner::read_json(json);
  int converters = 0;
  for (const auto &entry : report.at("layers").as_array()) {
    const auto &layer = entry.as_object();
    EXPECT_GT(layer.at("sqnr_db").to_number<double>(), 10) << layer;
    if (!layer.contains("converter")) continue;
    ++converters;
    const auto &converter = layer.at("converter").as_object();
    EXPECT_EQ(converter.at("code_histogram").as_array().size(), 255U);
    const double range = converter.at("range_of_vdd").to_number<double>();
    EXPECT_TRUE(range == 0.5 || range == 0.25 || range == 0.125);
    EXPECT_LE(converter.at("clipping_rate").to_number<double>(), 0.1);
  }
  EXPECT_GE(converters, 4);
  all.back() = text;
  ASSERT_EQ(npim_.npim(all).status, 0);
  EXPECT_NE(NpimRunner::read(text).find("codes from -largest to largest"), std::string::npos);
}

TEST_F(Accuracy, BuiltInNetworksNeedNoFile) {
  const Finished finished =
      npim_.npim({"compile", "mobilenetv2", "--chip",
                  NpimRunner::source("configs/chips/neural-pim.json"), "-o", npim_.path("m.npim")});
  // Whatever the mapping says, parameters and MACs are known.
  EXPECT_NE(finished.out.find("3,487,816 parameters"), std::string::npos) << finished.out;
  EXPECT_NE(finished.out.find("MACs"), std::string::npos);
}

}  // namespace
}  // namespace npim::testing
