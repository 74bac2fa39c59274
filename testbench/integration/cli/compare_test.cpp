// npim explore and npim compare.
#include <gtest/gtest.h>

#include <fstream>

#include "npim_runner.h"

namespace npim::testing {
namespace {

class Compare : public ::testing::Test {
 protected:
  static std::string sweep() { return NpimRunner::source("configs/sweeps/paper.json"); }
  Finished compare(std::vector<std::string> more) {
    std::vector<std::string> all = {"compare", "--configs", NpimRunner::source("configs")};
    all.insert(all.end(), more.begin(), more.end());
    return npim_.npim(all);
  }
  NpimRunner npim_;
};

TEST_F(Compare, TablesAndJsonOfTwoNetworks) {
  const std::string json_path = npim_.path("compare.out.json");
  const Finished finished =
      compare({"--analytic", "--networks", "neuraltalk", "mobilenet-v2", "--json", json_path});
  ASSERT_EQ(finished.status, 0) << finished.err;
  for (const char *part : {"5.36", "1.73", "3.43", "1.59", "powered time", "per action",
                           "lower bound", "implied by the paper"}) {
    EXPECT_NE(finished.out.find(part), std::string::npos) << part << "\n" << finished.out;
  }
  const auto json = NpimRunner::read_json(json_path);
  EXPECT_EQ(json.at("networks").as_array().size(), 2u);
  EXPECT_EQ(json.at("gains").as_array().size(), 3u);
}

/// Of the cycle-level model: each chip in a process of its own, times never below the bounds.
TEST_F(Compare, SimulatesTheChips) {
  const std::string path = npim_.path("simulated.json");
  const Finished finished = compare({"--networks", "neuraltalk", "--json", path});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("Simulated times"), std::string::npos) << finished.out;
  const auto json = NpimRunner::read_json(path);
  const auto &chips = json.at("networks").as_array().at(0).at("chips").as_array();
  ASSERT_EQ(chips.size(), 3u);
  for (const auto &chip : chips) {
    EXPECT_GE(chip.at("image_ns").as_double(), chip.at("least_image_ns").as_double());
    EXPECT_GE(chip.at("latency_ns").as_double(), chip.at("least_latency_ns").as_double());
    const auto total = [&](const char *energy) {
      const auto &shares = chip.at(energy).at("per action");
      double sum = 0;
      for (const char *part : {"crossbar", "dac", "adc", "accumulate", "other"}) {
        sum += shares.at(part).to_number<double>();
      }
      return sum;
    };
    EXPECT_NEAR(total("energy_pj") / total("counted_energy_pj"), 1, 0.15);
  }
}

/// The energy of the cycle-level chip is what it booked: an NNADC's share is the conversions that
/// the stages made, times the figure of the component library.
TEST_F(Compare, EnergyComesFromConversionsThatWereMade) {
  const std::string chip = NpimRunner::source("configs/chips/neural-pim-small.json");
  const std::string estimate = npim_.path("booked.json"), figures = npim_.path("figures.json");
  Finished finished =
      npim_.npim({"estimate", NpimRunner::source("configs/networks/digits/digits.onnx"), "--chip",
                  chip, "--json", estimate});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("as the simulated chip booked it"), std::string::npos);
  finished = npim_.npim({"chip", chip, "--json", figures});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const auto report = NpimRunner::read_json(figures);
  double energy_pj = 0;
  for (const auto &component : report.at("components").as_array()) {
    if (component.at("name").as_string() == "nnadc") {
      energy_pj = component.at("energy_pj").to_number<double>();
    }
  }
  ASSERT_GT(energy_pj, 0);
  const auto json = NpimRunner::read_json(estimate);
  const auto &simulated = json.at("simulated");
  std::int64_t conversions = 0;
  for (const auto &layer : simulated.at("layers").as_array()) {
    conversions += layer.at("conversions").as_int64();
  }
  const auto &components = simulated.at("energy").at("per action").at("components");
  EXPECT_NEAR(components.at("nnadc").at("dynamic_pj").to_number<double>(),
              static_cast<double>(conversions) * energy_pj, 1e-6 * energy_pj * conversions);
}

TEST_F(Compare, RefusesUnknownNetworksAndAccountings) {
  Finished finished = compare({"--networks", "lenet-5000"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("lenet-5000"), std::string::npos) << finished.err;
  finished = compare({"--accounting", "creative"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("--accounting"), std::string::npos) << finished.err;
}

TEST_F(Compare, EstimateOfAUsersNetwork) {
  const std::string model = NpimRunner::source("configs/networks/digits/digits.onnx");
  const std::string chip = NpimRunner::source("configs/chips/neural-pim-small.json");
  const std::string path = npim_.path("estimate.out.json");
  const Finished finished = npim_.npim({"estimate", model, "--chip", chip, "--json", path});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("lower bound"), std::string::npos) << finished.out;
  const auto json = NpimRunner::read_json(path);
  EXPECT_EQ(json.at("layers").as_array().size(), 5u);
  EXPECT_EQ(json.at("chips").as_int64(), 1);
  EXPECT_LE(json.at("arrays_used").as_int64(), json.at("arrays").as_int64());
  const Finished small = npim_.npim({"estimate", "vgg-16", "--chip", chip, "--chips", "2"});
  EXPECT_EQ(small.status, 2);
  EXPECT_NE(small.err.find("vgg-16"), std::string::npos) << small.err;
  EXPECT_NE(small.err.find("96"), std::string::npos) << small.err;
}

TEST_F(Compare, ASweepResumesFromItsFile) {
  const std::string csv = npim_.path("points.csv");
  const Finished first = npim_.npim({"explore", sweep(), "--csv", csv, "--json", npim_.path("a")});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.out.find("N128-D4-A4-S64-M64"), std::string::npos) << first.out;
  const std::string whole = NpimRunner::read(csv);
  // Interrupted in the middle of a row.
  std::ofstream(csv, std::ios::binary) << whole.substr(0, whole.size() / 2);
  const Finished second =
      npim_.npim({"explore", sweep(), "--csv", csv, "--json", npim_.path("b"), "--threads", "1"});
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_NE(second.out.find("taken over"), std::string::npos) << second.out;
  EXPECT_EQ(NpimRunner::read(npim_.path("a")), NpimRunner::read(npim_.path("b")));
  EXPECT_EQ(NpimRunner::read_json(npim_.path("b")).at("points").as_array().size(), 162u);
}

TEST_F(Compare, AnotherFileIsNotOverwrittenByASweep) {
  const std::string path = npim_.write("mine.csv", "my data\n");
  const Finished finished = npim_.npim({"explore", sweep(), "--csv", path});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("mine.csv"), std::string::npos) << finished.err;
  EXPECT_EQ(NpimRunner::read(path), "my data\n");
}

TEST_F(Compare, AnEmptyAxisIsRefusedByName) {
  std::string text = NpimRunner::read(sweep());
  text.replace(text.find("../chips"), 8, NpimRunner::source("configs/chips"));
  text.replace(text.find("[64, 128]"), 9, "[]");
  const Finished finished = npim_.npim({"explore", npim_.write("sweep.json", text)});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("axes.nnsas"), std::string::npos) << finished.err;
}

TEST_F(Compare, ASweepOfMillionsIsRefusedByName) {
  std::string text = NpimRunner::read(sweep());
  text.replace(text.find("../chips"), 8, NpimRunner::source("configs/chips"));
  std::string axis = "[1";
  for (int i = 2; i <= 1000; ++i) axis += ", " + std::to_string(i);
  axis += "]";
  text.replace(text.find("[64, 128],\n    \"dac"), 9, axis);
  text.replace(text.find("[1, 2, 4]"), 9, axis);
  const Finished finished = npim_.npim({"explore", npim_.write("sweep.json", text)});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("key 'axes': the sweep has 27000000 points"), std::string::npos)
      << finished.err;
}

}  // namespace
}  // namespace npim::testing
