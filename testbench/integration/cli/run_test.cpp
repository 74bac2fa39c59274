// The main path end to end: compile, boot, classify, compare with the golden executor.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "npim_runner.h"

namespace npim::testing {
namespace {

const std::string kMnist = NpimRunner::source("../shared/data/mnist/");

/// A run's JSON without what may differ from run to run.
boost::json::object results_of(const std::string &path) {
  boost::json::object json = NpimRunner::read_json(path);
  json.erase("host_seconds");
  return json;
}

std::string without_host_time(const std::string &text) {
  const auto at = text.find("Simulated ");
  return at == std::string::npos ? text : text.substr(0, at);
}

/// Stages account for their whole life, and energy for the total.
void expect_attributed(const boost::json::object &json) {
  const auto number = [](const boost::json::value &value) { return value.to_number<double>(); };
  std::set<std::int64_t> numbers;
  for (const auto &stage : json.at("stages").as_array()) {
    numbers.insert(stage.at("layer").to_number<std::int64_t>());
  }
  ASSERT_EQ(numbers.size(), 7u);
  for (const auto &stage : json.at("stages").as_array()) {
    double sum = number(stage.at("computing_ns"));
    for (const auto &wait : stage.at("waiting_ns").as_object()) sum += number(wait.value());
    EXPECT_NEAR(sum, number(stage.at("lifetime_ns")), 1e-3) << stage;
    EXPECT_GT(number(stage.at("windows")), 0);
  }
  const auto &energy = json.at("energy").as_object();
  EXPECT_EQ(energy.at("accounting").as_string(), "per action");
  double parts = 0, layers = number(energy.at("unassigned_pj").at("layer"));
  for (const auto &part : energy.at("by_part").as_object()) parts += number(part.value());
  for (const auto &layer : energy.at("by_layer").as_array()) layers += number(layer.at("pj"));
  EXPECT_NEAR(parts / number(energy.at("total_pj")), 1, 1e-9);
  EXPECT_NEAR(layers / number(energy.at("total_pj")), 1, 1e-9);
}

TEST(Run, ClassifiesDigitsAndEqualsTheGoldenExecutor) {
  const NpimRunner npim;
  const std::string json_path = npim.path("run.json");
  const Finished finished = npim.run_digits({"--count", "60", "--check", "--json", json_path});
  ASSERT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("600 of 600 logits equal"), std::string::npos) << finished.out;
  const auto json = NpimRunner::read_json(json_path);
  EXPECT_EQ(json.at("images").to_number<int>(), 60);
  EXPECT_GE(json.at("correct").to_number<int>(), 58);
  EXPECT_EQ(json.at("logits").as_array().size(), 60u);
  EXPECT_EQ(json.at("predictions").as_array().size(), 60u);
  const auto &counters = json.at("counters").as_object();
  EXPECT_GE(counters.at("dma_read_bytes").to_number<std::uint64_t>(), 60u * 784);
  EXPECT_EQ(counters.at("dma_write_bytes").to_number<std::uint64_t>() >= 60u * 40, true);
  EXPECT_GT(counters.at("energy_pj").to_number<double>(), 0);
  expect_attributed(json);
}

TEST(Run, ClassifiesColourImagesWithAResidualNetwork) {
  const std::string data = NpimRunner::source("../shared/data/");
  if (!std::filesystem::exists(data + "onnx/resnet20_cifar10.onnx")) {
    GTEST_SKIP() << data << " is absent";
  }
  const NpimRunner npim;
  const Finished compiled = npim.npim(
      {"compile", data + "onnx/resnet20_cifar10.onnx", "--chip",
       NpimRunner::source("configs/chips/neural-pim.json"), "--calibrate",
       data + "cifar10/data_batch_1.bin", "--calibrate-count", "16", "--map", npim.path("map.svg"),
       "--json", npim.path("map.json"), "-o", npim.path("resnet20.npim")});
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  EXPECT_NE(NpimRunner::read(npim.path("map.svg")).find("/layer3/layer3.2/conv2/Conv"),
            std::string::npos);
  EXPECT_GT(NpimRunner::read_json(npim.path("map.json")).at("hop_bytes").to_number<int>(), 0);
  const Finished finished = npim.npim(
      {"run", "--platform", NpimRunner::source("configs/platforms/demo.json"), "--firmware",
       NpimRunner::firmware("demo_cnn"), "--program", npim.path("resnet20.npim"), "--images",
       data + "cifar10/test_batch.bin", "--count", "5", "--batch", "3", "--check"});
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("50 of 50 logits equal"), std::string::npos) << finished.out;
}

TEST(Run, TheFullChipGivesTheSameAnswers) {
  const NpimRunner npim;
  ASSERT_EQ(npim.run_digits({"--count", "20", "--json", npim.path("small.json")}).status, 0);
  ASSERT_EQ(npim.run_digits({"--count", "20", "--check", "--json", npim.path("full.json")},
                            "demo_cnn", "demo")
                .status,
            0);
  EXPECT_EQ(NpimRunner::read_json(npim.path("small.json")).at("logits"),
            NpimRunner::read_json(npim.path("full.json")).at("logits"));
}

TEST(Run, SpeedOptionsAndTracingChangeNothing) {
  const NpimRunner npim;
  const auto run = [&](const std::string &name, std::vector<std::string> options) {
    // Enough images in odd batches for stages to compete for buses and converters.
    options.insert(options.end(), {"--count", "40", "--batch", "7", "--json", npim.path(name)});
    const Finished finished = npim.run_digits(options, "demo_cnn", "demo");
    EXPECT_EQ(finished.status, 0) << finished.err;
    return without_host_time(finished.out);
  };
  const std::string console = run("plain", {});
  const auto plain = results_of(npim.path("plain"));
  const std::vector<std::vector<std::string>> settings = {{"--quantum-ns", "1"},
                                                          {"--quantum-ns", "10000000"},
                                                          {"--no-dmi"},
                                                          {"--trace", npim.path("trace.json")},
                                                          {"--no-dmi", "--quantum-ns", "123.456"}};
  for (const auto &setting : settings) {
    EXPECT_EQ(run("other", setting), console) << setting[0];
    EXPECT_EQ(results_of(npim.path("other")), plain) << setting[0];
  }
  const auto trace = boost::json::parse(NpimRunner::read(npim.path("trace.json")));
  EXPECT_TRUE(trace.is_object() || trace.is_array());
}

/// The fast kernel against the slow one, on the whole path.
TEST(Run, TheOracleGivesTheSameResultsAndTimes) {
  const NpimRunner npim;
  ASSERT_EQ(npim.run_digits({"--count", "3", "--json", npim.path("fast")}).status, 0);
  ASSERT_EQ(npim.run_digits({"--count", "3", "--oracle", "--json", npim.path("oracle")}).status, 0);
  EXPECT_EQ(results_of(npim.path("oracle")), results_of(npim.path("fast")));
}

TEST(Run, BatchSizeChangesNoValue) {
  const NpimRunner npim;
  ASSERT_EQ(npim.run_digits({"--count", "7", "--batch", "1", "--json", npim.path("1")}).status, 0);
  ASSERT_EQ(npim.run_digits({"--count", "7", "--batch", "4", "--json", npim.path("4")}).status, 0);
  EXPECT_EQ(NpimRunner::read_json(npim.path("1")).at("logits"),
            NpimRunner::read_json(npim.path("4")).at("logits"));
}

TEST(Run, LayerByLayerTakesLongerAndGivesTheSameLogits) {
  const NpimRunner npim;
  const std::string program = npim.path("whole.npim");
  const Finished compiled =
      npim.npim({"compile", NpimRunner::source("configs/networks/digits/digits.onnx"), "--chip",
                 NpimRunner::source("configs/chips/neural-pim.json"), "--schedule",
                 "layer-by-layer", "--calibrate",
                 NpimRunner::source("configs/networks/digits/calibration-images-idx3-ubyte.gz"),
                 "-o", program});
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  const auto run = [&](const std::string &program_path, const std::string &schedule) {
    const std::string json = npim.path("run.json");
    const Finished finished = npim.npim(
        {"run", "--platform", NpimRunner::source("configs/platforms/demo.json"), "--firmware",
         NpimRunner::firmware("demo_cnn"), "--program", program_path, "--images",
         NpimRunner::source("configs/networks/digits/digits-images-idx3-ubyte.gz"), "--count", "4",
         "--schedule", schedule, "--json", json});
    EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
    return NpimRunner::read_json(json);
  };
  const auto pipelined = run(program, "pipelined"), whole = run(program, "layer-by-layer");
  EXPECT_EQ(pipelined.at("logits"), whole.at("logits"));
  EXPECT_GT(whole.at("chip_ns").to_number<double>(),
            1.1 * pipelined.at("chip_ns").to_number<double>());
  const Finished refused = npim.run_digits({"--schedule", "layer-by-layer"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.err.find("was not compiled with --schedule layer-by-layer"), std::string::npos)
      << refused.err;
}

/// The analytic model is a lower bound on time.
TEST(Run, TakesLongerThanTheAnalyticBound) {
  const NpimRunner npim;
  ASSERT_EQ(npim.npim({"estimate", NpimRunner::source("configs/networks/digits/digits.onnx"),
                       "--chip", NpimRunner::source("configs/chips/neural-pim.json"), "--json",
                       npim.path("estimate.json")})
                .status,
            0);
  const auto estimate = NpimRunner::read_json(npim.path("estimate.json"));
  const auto run = [&](const std::string &count, const std::string &batch) {
    EXPECT_EQ(npim.run_digits({"--count", count, "--batch", batch, "--json", npim.path("run.json")},
                              "demo_cnn", "demo")
                  .status,
              0);
    return NpimRunner::read_json(npim.path("run.json")).at("chip_ns").to_number<double>();
  };
  EXPECT_GE(run("1", "1"), estimate.at("least_latency_ns").to_number<double>());
  EXPECT_GE(run("50", "50") / 50, estimate.at("image_ns").to_number<double>());
}

TEST(Run, EnergyByEitherAccounting) {
  const NpimRunner npim;
  const auto energy = [&](const std::string &accounting) {
    const Finished finished = npim.run_digits(
        {"--count", "2", "--accounting", accounting, "--json", npim.path("run.json")});
    EXPECT_EQ(finished.status, 0) << finished.err;
    return std::make_pair(finished.out, NpimRunner::read_json(npim.path("run.json")));
  };
  const auto [action_text, action] = energy("per-action");
  const auto [powered_text, powered] = energy("powered-time");
  EXPECT_NE(action_text.find("energy per image, per action"), std::string::npos) << action_text;
  EXPECT_NE(powered_text.find("energy per image, powered time"), std::string::npos);
  EXPECT_EQ(powered.at("energy").at("accounting").as_string(), "powered time");
  EXPECT_NE(action.at("energy").at("total_pj"), powered.at("energy").at("total_pj"));
  EXPECT_EQ(npim.run_digits({"--accounting", "guessed"}).status, 2);
}

TEST(Run, SelfTestPasses) {
  const NpimRunner npim;
  const Finished finished =
      npim.npim({"run", "--platform", NpimRunner::source("configs/platforms/demo-small.json"),
                 "--firmware", NpimRunner::firmware("selftest")});
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
}

TEST(Run, TheFirstFirmwareOfTheReadmeWorks) {
  const NpimRunner npim;
  const Finished finished = npim.run_digits({"--count", "1"}, "first");
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("image 0 is a 8"), std::string::npos) << finished.out;
}

TEST(Run, HelloNeedsNoChip) {
  const NpimRunner npim;
  const Finished finished =
      npim.npim({"run", "--platform", NpimRunner::source("configs/platforms/no-chip.json"),
                 "--firmware", NpimRunner::firmware("hello")});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_NE(finished.out.find("Hello from RV64"), std::string::npos);
}

TEST(Run, ClassifiesMnist) {
  if (!std::filesystem::exists(kMnist)) GTEST_SKIP() << kMnist << " is not here";
  const NpimRunner npim;
  const std::string json_path = npim.path("mnist.json");
  const Finished finished = npim.npim(
      {"run", "--platform", NpimRunner::source("configs/platforms/demo.json"), "--firmware",
       NpimRunner::firmware("demo_cnn"), "--program", npim.digits_program("neural-pim"), "--images",
       kMnist + "t10k-images-idx3-ubyte.gz", "--labels", kMnist + "t10k-labels-idx1-ubyte.gz",
       "--count", "500", "--check", "--json", json_path});
  ASSERT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("5000 of 5000 logits equal"), std::string::npos);
  const auto json = NpimRunner::read_json(json_path);
  EXPECT_GE(json.at("correct").to_number<int>(), 485);  // 97 %
}

TEST(Help, EveryCommandHasOne) {
  const NpimRunner npim;
  for (const std::vector<std::string> &arguments :
       {std::vector<std::string>{"--help"}, {"run", "--help"}, {"compile", "--help"}}) {
    const Finished finished = npim.npim(arguments);
    EXPECT_EQ(finished.status, 0);
    EXPECT_NE(finished.out.find("Usage: npim"), std::string::npos) << finished.out;
  }
}

}  // namespace
}  // namespace npim::testing
