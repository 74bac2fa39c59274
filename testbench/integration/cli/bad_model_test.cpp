// ONNX files that cannot be used, as a user meets them: exit status 2, a message that names file
// and node or tensor, and no memory taken for sizes that a file only claims.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "npim_runner.h"
#include "unit/network/onnx_model.h"

namespace npim::testing {
namespace {

using network::test::OnnxModel;
using network::test::Values;

#if defined(__SANITIZE_ADDRESS__)
constexpr long kMostMemoryKib = 2 * 1024 * 1024;
#else
constexpr long kMostMemoryKib = 256 * 1024;
#endif

class BadModel : public ::testing::Test {
 protected:
  /// Both commands that read networks refuse the file in the same words.
  void expect_refused(const Bytes &model, const std::vector<std::string> &words) {
    const std::string file = npim_.write("model.onnx", std::string(model.begin(), model.end()));
    const std::string chip = NpimRunner::source("configs/chips/neural-pim-small.json");
    const std::vector<std::string> compile = {
        "compile", file, "--chip", chip, "--calibrate", images(), "-o", npim_.path("out.npim")};
    const std::vector<std::string> accuracy = {"accuracy",    file,     "--chip",   chip,
                                               "--calibrate", images(), "--images", images()};
    for (const auto &arguments : {compile, accuracy}) {
      const Finished finished = npim_.npim(arguments);
      EXPECT_EQ(finished.status, 2) << finished.out << finished.err;
      EXPECT_LT(finished.peak_kib, kMostMemoryKib);
      for (const auto &word : words) {
        EXPECT_NE(finished.err.find(word), std::string::npos)
            << word << " is not in: " << finished.err;
      }
    }
  }
  void expect_refused(OnnxModel &model, std::vector<std::string> words) {
    words.emplace_back("model.onnx");
    expect_refused(model.bytes(), words);
  }

  /// Two images of 8 x 8 x 1.
  std::string images() const {
    const std::string idx = std::string("\0\0\x08\x03\0\0\0\x02\0\0\0\x08\0\0\0\x08", 16);
    return npim_.write("images.idx", idx + std::string(128, 'a'));
  }

  /// A convolution on the image; last() is its output.
  OnnxModel convolution(const std::vector<std::int64_t> &weights) {
    OnnxModel model({0, 1, 8, 8});
    model.then("Conv", {model.random_weights(random_, weights)});
    return model;
  }

  Values random_{1};
  NpimRunner npim_;
};

TEST_F(BadModel, DamagedFiles) {
  OnnxModel model = convolution({2, 1, 3, 3});
  const Bytes good = model.bytes();
  expect_refused(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(good.size() / 2)),
                 {"model.onnx"});
  Bytes damaged = good;
  for (std::size_t i = 20; i < damaged.size(); i += 7) damaged[i] ^= 0xff;
  expect_refused(damaged, {"model.onnx"});
  expect_refused(Bytes(5000, 0xff), {"model.onnx", "complete ONNX file"});
  expect_refused(Bytes(), {"model.onnx"});
}

TEST_F(BadModel, CyclesAndLooseEnds) {
  OnnxModel cycle({0, 1, 8, 8});
  cycle.node("Add", {"input", "b"}, "a");
  cycle.node("Relu", {"a"}, "b");
  expect_refused(cycle, {"cycle"});
  OnnxModel loose({0, 1, 8, 8});
  loose.node("Relu", {"nowhere"});
  expect_refused(loose, {"'nowhere' is not defined", "Relu1"});
  OnnxModel constant({0, 1, 8, 8});
  constant.node("Shape", {"input"});
  expect_refused(constant, {"does not depend on the input"});
  OnnxModel islands = convolution({2, 1, 3, 3});
  islands.node("Relu", {islands.weights({1, 2, 6, 6}, std::vector<float>(72, 1))});
  expect_refused(islands, {"does not depend on the input"});
}

TEST_F(BadModel, ShapesThatAreUnknownOrDoNotMatch) {
  OnnxModel dynamic({0, 1, 8, 8});
  dynamic.graph()
      .mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(2)
      ->set_dim_param("height");
  dynamic.then("Relu");
  expect_refused(dynamic, {"'input'", "'height' on axis 2", "cannot be resolved"});
  OnnxModel reshape({0, 1, 8, 8});
  reshape.then("Relu");
  reshape.then("Reshape", {"t1"});
  expect_refused(reshape, {"Reshape2", "target shape", "not a constant"});
  OnnxModel channels = convolution({2, 3, 3, 3});
  expect_refused(channels, {"Conv1", "weights 2x3x3x3", "1x1x8x8"});
  OnnxModel kernel = convolution({2, 1, 9, 9});
  expect_refused(kernel, {"Conv1", "exceeds the padded input"});
  OnnxModel sum = convolution({2, 1, 3, 3});
  sum.node("Add", {sum.last(), "input"});
  expect_refused(sum, {"Add2", "do not match"});
}

TEST_F(BadModel, AbsurdSizes) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 31;
  OnnxModel input({0, kHuge, 8, 8});
  input.then("Relu");
  expect_refused(input, {"'input'", "2147483648"});
  OnnxModel weights({0, 1, 8, 8});
  auto *tensor = weights.graph().add_initializer();
  tensor->set_name("huge");
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t extent : {kHuge, std::int64_t{1}, std::int64_t{1}, std::int64_t{1}}) {
    tensor->add_dims(extent);
  }
  tensor->set_raw_data("abcd");
  weights.then("Conv", {"huge"});
  expect_refused(weights, {"'huge'", "absurd shape"});
  OnnxModel padded({0, 1, 8, 8});
  padded.then("Pad", {padded.integers({0, 0, 0, 0, 0, kHuge, 0, 0})});
  expect_refused(padded, {"Pad1", "2147483648"});
  OnnxModel filled({0, 1, 8, 8});
  filled.node("ConstantOfShape", {filled.integers({kHuge, kHuge})});
  filled.node("Add", {"input", filled.last()});
  expect_refused(filled, {"ConstantOfShape1", "not usable"});
  OnnxModel many({0, 1, 8, 8});
  for (int i = 0; i < 20; ++i) {
    many.then("Pad", {many.integers({0, 0, 0, 0, 0, 0, 2000, 2000})});
  }
  expect_refused(many, {"Pad", "too large in total"});
}

TEST_F(BadModel, WeightsThatAreNoNumbers) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    OnnxModel model({0, 1, 8, 8});
    model.then("Conv", {model.weights({1, 1, 1, 2}, {1, value})});
    expect_refused(model, {"'w1'", "not finite"});
  }
}

TEST_F(BadModel, UnsupportedOperators) {
  OnnxModel model = convolution({2, 1, 3, 3});
  model.then("Einsum");
  expect_refused(model, {"'Einsum'", "'Einsum2'", "supported: Add, AveragePool"});
  OnnxModel old({0, 1, 8, 8}, 9);
  old.then("Relu");
  expect_refused(old, {"opset 9", "11 to 17"});
}

TEST_F(BadModel, NetworksTooBigForTheChip) {
  OnnxModel model({0, 1, 8, 8});
  model.then("Flatten");
  for (const std::int64_t inputs : {64, 4096}) {
    const std::vector<std::int64_t> shape = {inputs, inputs == 64 ? 4096 : 64};
    model.then("MatMul", {model.random_weights(random_, shape)});
  }
  const std::string file = npim_.path("big.onnx");
  const Bytes bytes = model.bytes();
  npim_.write("big.onnx", std::string(bytes.begin(), bytes.end()));
  const Finished finished = npim_.npim({"compile", file, "--chip",
                                        NpimRunner::source("configs/chips/neural-pim-small.json"),
                                        "--calibrate", images(), "-o", npim_.path("out.npim")});
  EXPECT_EQ(finished.status, 2) << finished.out;
  EXPECT_LT(finished.peak_kib, kMostMemoryKib);
  for (const char *word : {"MatMul2", "neural-pim-small", "does not fit", "there are 48 arrays"}) {
    EXPECT_NE(finished.err.find(word), std::string::npos) << word << " is not in " << finished.err;
  }
}

TEST_F(BadModel, CalibrationOfAnotherShape) {
  OnnxModel model({0, 3, 8, 8});
  model.then("Conv", {model.random_weights(random_, {2, 3, 3, 3})});
  expect_refused(model, {"images.idx", "8 x 8 x 1", "8 x 8 x 3"});
}

TEST_F(BadModel, FilesWithoutWeights) {
  OnnxModel model({0, 1, 8, 8});
  model.add_input("weights", {2, 1, 3, 3});
  model.then("Conv", {"weights"});
  expect_refused(model, {"weights", "--synthetic-weights"});
}

}  // namespace
}  // namespace npim::testing
