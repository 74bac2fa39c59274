// Every operator of the front end from an ONNX file through firmware on the simulated hart: the
// integers stay close to the float network, and every logit equals the golden executor's.
#include <gtest/gtest.h>

#include <functional>

#include "images_file.h"
#include "npim_runner.h"
#include "unit/network/onnx_model.h"

namespace npim::testing {
namespace {

using network::test::OnnxModel;
using network::test::Values;

/// Appends the operator to a network whose last tensor is 1 x 4 x 8 x 8, not negative and about 1.
struct Operator {
  const char *name;
  std::function<void(OnnxModel &, Values &)> append;
  std::int64_t opset = 13;
};

void convolve(OnnxModel &m, Values &random, const std::vector<std::int64_t> &weights, int group,
              int stride, int dilation, const std::vector<std::int64_t> &pads) {
  auto &node = m.then("Conv", {m.random_weights(random, weights)});
  OnnxModel::set_int(node, "group", group);
  OnnxModel::set_ints(node, "strides", {stride, stride});
  OnnxModel::set_ints(node, "dilations", {dilation, dilation});
  OnnxModel::set_ints(node, "pads", pads);
}

onnx::NodeProto &pool(OnnxModel &m, const char *op, int kernel, int stride,
                      const std::vector<std::int64_t> &pads = {0, 0, 0, 0}) {
  auto &node = m.then(op);
  OnnxModel::set_ints(node, "kernel_shape", {kernel, kernel});
  OnnxModel::set_ints(node, "strides", {stride, stride});
  OnnxModel::set_ints(node, "pads", pads);
  return node;
}

/// A second tensor of the same shape beside last().
std::string branch(OnnxModel &m, Values &random) {
  const std::string trunk = m.last();
  const std::string other =
      m.node("Conv", {trunk, m.random_weights(random, {4, 4, 1, 1})}).output(0);
  m.node("Identity", {trunk});
  return other;
}

void recurrent(OnnxModel &m, Values &random, const char *op, std::int64_t gates) {
  constexpr std::int64_t kHidden = 6;
  m.then("Reshape", {m.integers({8, 1, 32})});
  auto &node = m.then(op, {m.random_weights(random, {1, gates * kHidden, 32}, -0.3, 0.3),
                           m.random_weights(random, {1, gates * kHidden, kHidden})});
  OnnxModel::set_int(node, "hidden_size", kHidden);
}

void scale_by_gate(OnnxModel &m, const std::function<void()> &gate) {
  const std::string trunk = m.last();
  gate();
  m.then("Mul", {trunk});
}

std::vector<Operator> operators() {
  using M = OnnxModel;
  const auto conv = [](std::vector<std::int64_t> weights, int group, int stride, int dilation,
                       std::vector<std::int64_t> pads) {
    return
        [=](M &m, Values &random) { convolve(m, random, weights, group, stride, dilation, pads); };
  };
  const auto unary = [](const char *op) { return [op](M &m, Values &) { m.then(op); }; };
  return {
      {"Conv", conv({5, 4, 3, 3}, 1, 1, 1, {1, 1, 1, 1})},
      {"ConvStride", conv({5, 4, 3, 3}, 1, 2, 1, {0, 0, 1, 1})},
      {"ConvDilated", conv({5, 4, 3, 3}, 1, 1, 2, {2, 2, 2, 2})},
      {"ConvGroups", conv({6, 2, 3, 3}, 2, 1, 1, {1, 0, 2, 1})},
      {"ConvDepthwise", conv({4, 1, 3, 3}, 4, 1, 1, {1, 1, 1, 1})},
      {"ConvSameUpper",
       [](M &m, Values &random) {
         auto &node = m.then("Conv", {m.random_weights(random, {5, 4, 2, 2})});
         M::set_text(node, "auto_pad", "SAME_UPPER");
       }},
      {"Gemm",
       [](M &m, Values &random) {
         m.then("Flatten");
         m.then("Gemm",
                {m.random_weights(random, {256, 9}, -0.2, 0.2), m.random_weights(random, {9})});
       }},
      {"BatchNormalization",
       [](M &m, Values &random) {
         m.then("Conv", {m.random_weights(random, {4, 4, 1, 1})});
         m.then("BatchNormalization",
                {m.random_weights(random, {4}, 0.5, 1.5), m.random_weights(random, {4}),
                 m.random_weights(random, {4}), m.random_weights(random, {4}, 0.5, 2)});
       }},
      {"Relu", [](M &m, Values &random) { branch(m, random), m.then("Relu"); }},
      {"Clip",
       [](M &m, Values &) {
         m.then("Clip", {m.weights({}, {0}), m.weights({}, {0.8F})});
       }},
      {"Sigmoid", unary("Sigmoid")},
      {"Tanh", unary("Tanh")},
      {"HardSwish", unary("HardSwish"), 14},
      {"HardSigmoid", unary("HardSigmoid")},
      {"SiLU", [](M &m, Values &) { scale_by_gate(m, [&] { m.then("Sigmoid"); }); }},
      {"SqueezeAndExcitation",
       [](M &m, Values &random) {
         scale_by_gate(m, [&] {
           m.then("GlobalAveragePool");
           m.then("Conv", {m.random_weights(random, {4, 4, 1, 1})});
           m.then("Sigmoid");
         });
       }},
      {"MaxPool",
       [](M &m, Values &) {
         pool(m, "MaxPool", 3, 2, {1, 1, 1, 1});
       }},
      {"MaxPoolCeil", [](M &m, Values &) { M::set_int(pool(m, "MaxPool", 3, 2), "ceil_mode", 1); }},
      {"AveragePool", [](M &m, Values &) { pool(m, "AveragePool", 2, 2); }},
      {"AveragePoolInside",
       [](M &m, Values &) {
         pool(m, "AveragePool", 3, 2, {1, 1, 1, 1});
       }},
      {"AveragePoolWithPadding",
       [](M &m, Values &) {
         M::set_int(pool(m, "AveragePool", 3, 2, {1, 1, 1, 1}), "count_include_pad", 1);
       }},
      {"GlobalAveragePool", unary("GlobalAveragePool")},
      {"Add", [](M &m, Values &random) { m.then("Add", {branch(m, random)}); }},
      {"Mul", [](M &m, Values &random) { m.then("Mul", {branch(m, random)}); }},
      {"Concat",
       [](M &m, Values &random) { M::set_int(m.then("Concat", {branch(m, random)}), "axis", 1); }},
      {"Reshape",
       [](M &m, Values &) {
         m.then("Reshape", {m.integers({1, 8, 4, 8})});
       }},
      {"Pad",
       [](M &m, Values &random) {
         m.then("Pad", {m.integers({0, 0, 1, 2, 0, 0, 2, 1})});
         convolve(m, random, {3, 4, 3, 3}, 1, 1, 1, {0, 0, 0, 0});
       }},
      {"PadChannels",
       [](M &m, Values &) {
         m.then("Pad", {m.integers({0, 2, 0, 0, 0, 1, 0, 0})});
       }},
      {"SliceRows",
       [](M &m, Values &) {
         m.then("Slice", {m.integers({1}), m.integers({7}), m.integers({2})});
       }},
      {"SliceStrided",
       [](M &m, Values &) {
         m.then("Slice",
                {m.integers({0, 0}), m.integers({8, 8}), m.integers({2, 3}), m.integers({2, 2})});
       }},
      {"Transpose",
       [](M &m, Values &) {
         M::set_ints(m.then("Transpose"), "perm", {0, 2, 1, 3});
       }},
      {"Identity", unary("Identity")},
      {"Dropout", unary("Dropout")},
      {"LRN",
       [](M &m, Values &) {
         auto &node = m.then("LRN");
         M::set_int(node, "size", 3);
         M::set_float(node, "alpha", 0.3F);
       }},
      {"LSTM", [](M &m, Values &random) { recurrent(m, random, "LSTM", 4); }},
      {"GRU", [](M &m, Values &random) { recurrent(m, random, "GRU", 3); }},
  };
}

class Operators : public ::testing::TestWithParam<int> {
 protected:
  NpimRunner npim_;
};

TEST_P(Operators, StayCloseToFloatAndRunThroughFirmware) {
  const Operator op = operators()[static_cast<std::size_t>(GetParam())];
  SCOPED_TRACE(op.name);
  Values random(11);
  OnnxModel model({0, 1, 8, 8}, op.opset);
  convolve(model, random, {4, 1, 3, 3}, 1, 1, 1, {1, 1, 1, 1});
  model.then("Relu");
  op.append(model, random);
  model.then("Reshape", {model.integers({1, -1})});
  model.then("Softmax");
  const Bytes bytes = model.bytes();
  const std::string file = npim_.write("model.onnx", std::string(bytes.begin(), bytes.end()));
  const std::string images = write_images(npim_, 12, 8, 8);
  const Finished compiled =
      npim_.npim({"compile", file, "--chip", NpimRunner::source("configs/chips/neural-pim.json"),
                  "--calibrate", images, "--percentile", "100", "-o", npim_.path("model.npim"),
                  "--report", npim_.path("report.json")});
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  const auto report = NpimRunner::read_json(npim_.path("report.json"));
  const auto &last = report.at("layers").as_array().back().as_object();
  EXPECT_GT(last.at("sqnr_db").to_number<double>(), 22) << compiled.out;
  const Finished run = npim_.npim(
      {"run", "--platform", NpimRunner::source("configs/platforms/demo.json"), "--firmware",
       NpimRunner::firmware("demo_cnn"), "--program", npim_.path("model.npim"), "--images", images,
       "--count", "4", "--show", "0", "--check"});
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  EXPECT_NE(run.out.find("logits equal"), std::string::npos) << run.out;
}

INSTANTIATE_TEST_SUITE_P(All, Operators, ::testing::Range(0, static_cast<int>(operators().size())));

}  // namespace
}  // namespace npim::testing
