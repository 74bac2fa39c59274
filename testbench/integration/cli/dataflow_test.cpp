// npim dataflow: tables, JSON and plots, and what it refuses.
#include <gtest/gtest.h>

#include "npim_runner.h"

namespace npim::testing {
namespace {

class DataflowCommand : public ::testing::Test {
 protected:
  static std::string digits(const std::string &name) {
    return NpimRunner::source("configs/networks/digits/" + name);
  }
  Finished run(const std::vector<std::string> &more) const {
    std::vector<std::string> all = {"dataflow", "--configs", NpimRunner::source("configs")};
    all.insert(all.end(), more.begin(), more.end());
    return npim_.npim(all);
  }
  std::vector<std::string> network() const {
    return {digits("digits.onnx"),
            "--calibrate",
            digits("calibration-images-idx3-ubyte.gz"),
            "--images",
            digits("digits-images-idx3-ubyte.gz"),
            "--labels",
            digits("digits-labels-idx1-ubyte.gz")};
  }
  NpimRunner npim_;
};

TEST_F(DataflowCommand, SweepReachesExactSumsAtTheRequiredResolution) {
  auto arguments = network();
  const std::string json = npim_.path("sweep.json"), plots = npim_.path("plots");
  arguments.insert(arguments.end(), {"--sweep", "--count", "2", "--json", json, "--plots", plots});
  const Finished finished = run(arguments);
  ASSERT_EQ(finished.status, 0) << finished.err;
  const auto report = NpimRunner::read_json(json);
  int at_required = 0;
  for (const auto &value : report.at("accuracy").as_array()) {
    const auto &point = value.as_object();
    if (point.at("converter_bits") != point.at("required_bits")) continue;
    ++at_required;
    EXPECT_EQ(point.at("same_as_exact_percent").to_number<double>(), 100);
  }
  EXPECT_EQ(at_required, 3);
  EXPECT_EQ(report.at("energy").as_array().size(), 9U);
  for (const char *plot : {"accuracy-against-resolution", "energy-against-dac-bits"}) {
    EXPECT_NE(NpimRunner::read(plots + "/" + plot + ".svg").find("<polyline"), std::string::npos);
  }
}

TEST_F(DataflowCommand, InjectionFallsWithTheSinad) {
  auto arguments = network();
  const std::string json = npim_.path("injection.json");
  arguments.insert(arguments.end(), {"--injection", "--count", "20", "--json", json});
  const Finished finished = run(arguments);
  ASSERT_EQ(finished.status, 0) << finished.err;
  const auto report = NpimRunner::read_json(json);
  const auto &points = report.at("injection").as_array();
  ASSERT_EQ(points.size(), 10U);
  const auto correct = [&](std::size_t i) {
    return points.at(i).as_object().at("correct_percent").to_number<double>();
  };
  EXPECT_GT(correct(0), 95);                // no noise
  EXPECT_GE(correct(4), correct(0) - 5.5);  // 45 dB is enough ([NP] section 5.3)
  EXPECT_LT(points.at(9).as_object().at("same_percent").to_number<double>(), 100.1);
}

TEST_F(DataflowCommand, SinadNeedsNoNetwork) {
  const std::string json = npim_.path("sinad.json");
  const Finished finished =
      run({"--sinad", "--runs", "1", "--training-steps", "50", "--json", json});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("CASCADE-style"), std::string::npos);
  const auto report = NpimRunner::read_json(json);
  EXPECT_EQ(report.at("sinad").as_array().size(), 10U);
}

TEST_F(DataflowCommand, RefusesBadInput) {
  const auto refused = [&](const std::vector<std::string> &arguments, const std::string &word) {
    const Finished finished = run(arguments);
    EXPECT_EQ(finished.status, 2) << finished.out;
    EXPECT_NE(finished.err.find(word), std::string::npos) << finished.err;
  };
  refused({"--sinad", "--runs", "0"}, "--runs");
  refused({"--sweep"}, "model");
  refused({"--sweep", digits("digits.onnx")}, "--calibrate");
  auto arguments = network();
  refused(arguments, "--sweep");
  const std::string device = npim_.write("device.json", "{\"name\": \"x\"}");
  refused({"--sinad", "--device", device}, "source");
}

}  // namespace
}  // namespace npim::testing
