// Networks that the chip cannot do alone, from the ONNX file through firmware on the simulated
// hart: the host executes the rest, says so, and every logit equals the golden executor's.
#include <gtest/gtest.h>

#include "images_file.h"
#include "npim_runner.h"
#include "unit/network/onnx_model.h"

namespace npim::testing {
namespace {

using network::test::OnnxModel;
using network::test::Values;

class Mixed : public ::testing::Test {
 protected:
  std::string images(int count, int height, int width) const {
    return write_images(npim_, count, height, width);
  }

  Finished compile(OnnxModel &model, const std::string &images,
                   const std::vector<std::string> &more = {}) const {
    const Bytes bytes = model.bytes();
    const std::string file = npim_.write("model.onnx", std::string(bytes.begin(), bytes.end()));
    std::vector<std::string> all = {
        "compile",     file,
        "--chip",      NpimRunner::source("configs/chips/neural-pim-small.json"),
        "--calibrate", images,
        "-o",          npim_.path("model.npim"),
        "--json",      npim_.path("report.json"),
        "--map",       npim_.path("map.svg")};
    all.insert(all.end(), more.begin(), more.end());
    return npim_.npim(all);
  }

  /// Compiles, runs on the hart and checks every logit. Returns what firmware printed.
  std::string run(OnnxModel &model, const std::string &images, const std::string &batch = "3") {
    const Finished compiled = compile(model, images);
    EXPECT_EQ(compiled.status, 0) << compiled.err;
    EXPECT_NE(compiled.out.find("on the host: "), std::string::npos) << compiled.out;
    const std::string out = execute(images, {"--batch", batch});
    EXPECT_NE(out.find(" us on the host and "), std::string::npos) << out;
    return out;
  }

  /// What has been compiled, on the hart, with a check of every logit.
  std::string execute(const std::string &images, const std::vector<std::string> &more) const {
    std::vector<std::string> all = {"run",
                                    "--platform",
                                    NpimRunner::source("configs/platforms/demo-small.json"),
                                    "--firmware",
                                    NpimRunner::firmware("demo_cnn"),
                                    "--program",
                                    npim_.path("model.npim"),
                                    "--images",
                                    images,
                                    "--check"};
    all.insert(all.end(), more.begin(), more.end());
    const Finished finished = npim_.npim(all);
    EXPECT_EQ(finished.status, 0) << finished.err << finished.out;
    return finished.out;
  }

  /// Rows of an image of 10 x 6 are the steps of a sequence.
  OnnxModel recurrent(const std::string &op, int linear_before_reset, bool all_steps) {
    constexpr std::int64_t kSteps = 10, kInputs = 6, kHidden = 12;
    OnnxModel m({1, 1, kSteps, kInputs});
    Values random(7);
    const std::int64_t gates = op == "LSTM" ? 4 : 3;
    m.then("Reshape", {m.integers({kSteps, 1, kInputs})});
    auto &node = m.then(op, {m.random_weights(random, {1, gates * kHidden, kInputs}),
                             m.random_weights(random, {1, gates * kHidden, kHidden}),
                             m.random_weights(random, {1, 2 * gates * kHidden})});
    OnnxModel::set_int(node, "hidden_size", kHidden);
    if (op == "GRU") OnnxModel::set_int(node, "linear_before_reset", linear_before_reset);
    if (!all_steps) {
      node.add_output("h");
      m.node("Squeeze", {"h"});
    }
    m.then("Reshape", {m.integers({1, -1})});
    m.then("MatMul", {m.random_weights(random, {(all_steps ? kSteps : 1) * kHidden, 5})});
    return m;
  }

  NpimRunner npim_;
};

TEST_F(Mixed, LongShortTermMemory) {
  OnnxModel model = recurrent("LSTM", 0, false);
  const std::string file = images(7, 10, 6);
  run(model, file);
  ASSERT_EQ(compile(model, file, {"--replicate", "none"}).status, 0);
  const auto report = NpimRunner::read_json(npim_.path("report.json"));
  int shared = 0;
  for (const auto &layer : report.at("layers").as_array()) {
    shared += layer.as_object().at("shares_arrays").as_bool() ? 1 : 0;
  }
  EXPECT_EQ(shared, 9) << "all steps use the arrays of the first";
  EXPECT_EQ(report.at("arrays_used").to_number<int>(), 6 + 6 + 1);
}

/// Sequences that run in channels of their own get the same logits, sooner.
TEST_F(Mixed, ChannelsRunOneSequenceEach) {
  OnnxModel model = recurrent("LSTM", 0, false);
  const std::string file = images(16, 10, 6);
  const auto chip_time = [&](const std::vector<std::string> &more) {
    const std::string json = npim_.path("channels.json");
    const Finished compiled = compile(model, file, more);
    EXPECT_EQ(compiled.status, 0) << compiled.err;
    const std::string out = execute(file, {"--json", json});
    EXPECT_NE(out.find("80 of 80 logits equal"), std::string::npos) << out;
    return NpimRunner::read_json(json).at("chip_ns").to_number<double>();
  };
  EXPECT_LT(chip_time({"--channels", "2"}), 0.8 * chip_time({}));
}

TEST_F(Mixed, GatedRecurrentUnits) {
  for (const int linear_before_reset : {0, 1}) {
    OnnxModel model = recurrent("GRU", linear_before_reset, true);
    run(model, images(4, 10, 6));
  }
}

TEST_F(Mixed, RowsThatMove) {
  Values random(5);
  OnnxModel m({0, 1, 8, 12});
  auto &first = m.then("Conv", {m.random_weights(random, {5, 1, 3, 3})});
  OnnxModel::set_ints(first, "pads", {1, 1, 1, 1});
  m.then("Relu");
  OnnxModel::set_ints(m.then("Transpose"), "perm", {0, 1, 3, 2});
  m.then("Slice", {m.integers({2}), m.integers({9}), m.integers({2})});
  m.then("Conv", {m.random_weights(random, {4, 5, 3, 3})});
  m.then("Relu");
  m.then("Reshape", {m.integers({1, 6, 5, 4})});
  m.then("Conv", {m.random_weights(random, {3, 6, 2, 2})});
  m.then("Flatten");
  m.then("MatMul", {m.random_weights(random, {3 * 4 * 3, 5})});
  const std::string out = run(m, images(6, 8, 12));
  EXPECT_NE(out.find("gather      host"), std::string::npos) << out;
}

TEST_F(Mixed, ChosenLayersRunOnTheHost) {
  OnnxModel m({0, 1, 6, 6});
  Values random(6);
  m.then("Conv", {m.random_weights(random, {4, 1, 3, 3})});
  m.then("Flatten");
  m.then("MatMul", {m.random_weights(random, {64, 3})});
  const std::string file = images(3, 6, 6);
  const Finished chosen = compile(m, file, {"--on-host", "Conv1"});
  EXPECT_EQ(chosen.status, 0) << chosen.err;
  EXPECT_NE(chosen.out.find("on the host: "), std::string::npos) << chosen.out;
  const Finished wrong = compile(m, file, {"--on-host", "Conv9"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_NE(wrong.err.find("has no layer 'Conv9'"), std::string::npos) << wrong.err;
}

}  // namespace
}  // namespace npim::testing
