#include "network/onnx_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "network/float_executor.h"
#include "unit/network/onnx_model.h"

namespace npim::network {
namespace {

using test::OnnxModel;
using test::Values;
using testing::HasSubstr;

void expect_refused(const Bytes &bytes, const std::vector<std::string> &messages) {
  try {
    import_onnx(bytes, "model.onnx");
    FAIL() << "accepted; wanted: " << messages[0];
  } catch (const InputError &error) {
    EXPECT_THAT(error.what(), HasSubstr("model.onnx"));
    for (const std::string &message : messages) EXPECT_THAT(error.what(), HasSubstr(message));
  }
}

TEST(OnnxImport, SmallClassifier) {
  const Graph graph = import_onnx(test::small_classifier(1).bytes(), "model.onnx");
  EXPECT_EQ(graph.inputs, std::vector<std::string>{"input"});
  EXPECT_EQ(graph.shape("input"), (Shape{1, 2, 8, 8}));
  EXPECT_EQ(graph.shape(graph.outputs.at(0)), (Shape{1, 4}));
  EXPECT_EQ(graph.nodes.size(), 15U);
}

TEST(OnnxImport, SortsDropsAndSkips) {
  OnnxModel model({1, 1, 2, 2});
  model.node("Relu", {"late"}, "out");
  model.node("Identity", {"input"}, "same");
  model.node("Dropout", {"same"}, "kept");
  model.node("Relu", {"kept"}, "late");
  model.node("Relu", {"input"}, "nobody");
  model.graph().add_output()->set_name("out");
  const Graph graph = import_onnx(model.bytes(), "model.onnx");
  ASSERT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(graph.nodes[0].outputs[0], "late");
  EXPECT_EQ(graph.nodes[0].inputs[0], "input");
  EXPECT_EQ(graph.nodes[1].outputs[0], "out");
}

TEST(OnnxImport, ConstantsOfEveryKind) {
  OnnxModel model({1, 4});
  auto &typed = model.node("Constant", {}, "addend");
  auto *value = typed.add_attribute();
  value->set_name("value");
  value->set_type(onnx::AttributeProto::TENSOR);
  value->mutable_t()->set_data_type(onnx::TensorProto::DOUBLE);
  value->mutable_t()->add_dims(1);
  value->mutable_t()->add_double_data(2.5);
  auto &shape = model.node("Constant", {}, "shape");
  OnnxModel::set_ints(shape, "value_ints", {1, 1, 2, -1});
  model.node("Add", {"input", "addend"}, "sum");
  model.node("Reshape", {"sum", "shape"});
  const Graph graph = import_onnx(model.bytes(), "model.onnx");
  EXPECT_EQ(graph.shape(graph.outputs[0]), (Shape{1, 1, 2, 2}));
  EXPECT_EQ(float_logits(graph, {1, 2, 3, 4}), (std::vector<float>{3.5, 4.5, 5.5, 6.5}));
}

TEST(OnnxImport, RefusesUnsupportedOperatorsByName) {
  OnnxModel model({1, 1, 2, 2});
  model.then("Foo").set_name("bar");
  expect_refused(model.bytes(),
                 {"operator 'Foo' of node 'bar' is not supported", "supported: Add, AveragePool"});
  OnnxModel other({1, 1, 2, 2});
  other.then("Relu").set_domain("com.example");
  expect_refused(other.bytes(), {"com.example.Relu"});
}

TEST(OnnxImport, RefusesUndefinedTensorsAndCycles) {
  OnnxModel undefined({1, 1, 2, 2});
  undefined.node("Add", {"input", "nowhere"});
  expect_refused(undefined.bytes(), {"Add1", "'nowhere' is not defined"});
  OnnxModel cycle({1, 1, 2, 2});
  cycle.node("Add", {"input", "b"}, "a");
  cycle.node("Relu", {"a"}, "b");
  expect_refused(cycle.bytes(), {"cycle"});
  OnnxModel aside({1, 1, 2, 2});  // a cycle that no output needs is refused as well
  aside.node("Relu", {"y"}, "x");
  aside.node("Relu", {"x"}, "y");
  aside.node("Relu", {"input"});
  expect_refused(aside.bytes(), {"cycle"});
  OnnxModel twice({1, 1, 2, 2});
  twice.node("Relu", {"input"}, "a");
  twice.node("Relu", {"input"}, "a");
  expect_refused(twice.bytes(), {"'a' is defined twice"});
  OnnxModel output({1, 1, 2, 2});
  output.then("Relu");
  output.graph().add_output()->set_name("gone");
  expect_refused(output.bytes(), {"output 'gone' is not defined"});
  OnnxModel missing({1, 1, 2, 2});
  missing.node("Conv", {"input"});
  expect_refused(missing.bytes(), {"Conv1", "has 1 inputs"});
  OnnxModel empty_name({1, 1, 2, 2});
  empty_name.node("Add", {"input", ""});
  expect_refused(empty_name.bytes(), {"input 1 is missing"});
}

TEST(OnnxImport, RefusesShapesThatDoNotMatch) {
  Values random(1);
  const auto refuse = [&](const std::function<void(OnnxModel &)> &build,
                          const std::vector<std::string> &messages) {
    OnnxModel model({1, 3, 8, 8});
    build(model);
    expect_refused(model.bytes(), messages);
  };
  refuse(
      [&](OnnxModel &m) {
        m.then("Conv", {m.random_weights(random, {4, 2, 3, 3})});
      },
      {"Conv1", "weights 4x2x3x3 do not match the input 1x3x8x8"});
  refuse(
      [&](OnnxModel &m) {
        m.then("Conv", {m.random_weights(random, {4, 3, 9, 9})});
      },
      {"exceeds"});
  refuse(
      [&](OnnxModel &m) {
        m.then("Conv", {m.random_weights(random, {4, 3, 1, 1}), m.random_weights(random, {3})});
      },
      {"bias"});
  refuse(
      [&](OnnxModel &m) {
        OnnxModel::set_ints(m.then("Conv", {m.random_weights(random, {4, 3, 3, 3})}),
                            "kernel_shape", {5, 5});
      },
      {"kernel_shape"});
  refuse([&](OnnxModel &m) { m.then("Conv", {"input"}); }, {"not a constant"});
  refuse([&](OnnxModel &m) { m.then("Conv", {m.integers({1, 2})}); }, {"integers"});
  refuse(
      [&](OnnxModel &m) {
        OnnxModel::set_int(m.then("Conv", {m.random_weights(random, {3, 3, 1, 1})}), "group", 3);
      },
      {"in 3 groups"});
  refuse(
      [&](OnnxModel &m) {
        m.then("Flatten");
        m.then("Gemm", {m.random_weights(random, {10, 191})});
      },
      {"Gemm2", "1x192"});
  refuse([&](OnnxModel &m) { m.then("Reshape", {m.integers({1, 100})}); }, {"cannot turn"});
  refuse([&](OnnxModel &m) { m.then("Reshape", {m.integers({-1, -1})}); }, {"cannot turn"});
  refuse([&](OnnxModel &m) { m.then("Reshape", {m.integers({0, 0, 0, 0, 5})}); }, {"cannot turn"});
  refuse([&](OnnxModel &m) { m.then("Add", {m.random_weights(random, {5})}); }, {"do not match"});
  refuse([&](OnnxModel &m) { m.then("Add", {m.integers({1})}); }, {"integers"});
  refuse([&](OnnxModel &m) { m.then("MaxPool"); }, {"kernel extent 0"});
  refuse(
      [&](OnnxModel &m) {
        OnnxModel::set_ints(m.then("MaxPool"), "kernel_shape", {2, 2, 2});
      },
      {"3 values instead of 2"});
  refuse([&](OnnxModel &m) { OnnxModel::set_int(m.then("MaxPool"), "kernel_shape", 2); },
         {"wrong type"});
  refuse(
      [&](OnnxModel &m) {
        auto &pool = m.then("MaxPool");
        OnnxModel::set_ints(pool, "kernel_shape", {2, 2});
        OnnxModel::set_ints(pool, "pads", {2, 0, 0, 0});
      },
      {"padding"});
}

TEST(OnnxImport, RefusesAbsurdSizes) {
  const std::int64_t huge = std::int64_t{1} << 31;
  OnnxModel input({1, huge, 8, 8});
  input.then("Relu");
  expect_refused(input.bytes(), {"'input'", "2147483648"});
  OnnxModel weights({1, 3, 8, 8});
  weights.then("Conv", {weights.weights({huge, 3, 3, 3}, {1, 2, 3})});
  expect_refused(weights.bytes(), {"absurd shape"});
  OnnxModel negative({1, 3, 8, 8});
  negative.then("Conv", {negative.weights({-1, 3, 3, 3}, {1})});
  expect_refused(negative.bytes(), {"absurd shape"});
  OnnxModel fewer({1, 3, 8, 8});
  fewer.then("Conv", {fewer.weights({1 << 20, 3, 3, 3}, {1, 2, 3})});
  expect_refused(fewer.bytes(), {"holds 3 values instead of 28311552"});
  OnnxModel window({1, 1, 8, 8});
  OnnxModel::set_ints(window.then("MaxPool"), "kernel_shape", {huge, huge});
  expect_refused(window.bytes(), {"kernel extent"});
  OnnxModel pads({1, 1, 60000, 1});
  auto &padded = pads.then("Conv", {pads.weights({1, 1, 1, 1}, {1})});
  OnnxModel::set_ints(padded, "pads", {60000, 60000, 60000, 60000});
  expect_refused(pads.bytes(), {"output shape"});
  OnnxModel chain({1, 64, 1024, 1024});
  for (int i = 0; i < 4; ++i) chain.then("Relu");
  expect_refused(chain.bytes(), {"in total"});
}

TEST(OnnxImport, RefusesDamagedWeights) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    OnnxModel model({1, 1, 2, 2});
    model.then("Conv", {model.weights({1, 1, 1, 1}, {bad})});
    expect_refused(model.bytes(), {"'w1'", "not finite"});
  }
  OnnxModel external({1, 1, 2, 2});
  external.then("Conv", {external.weights({1, 1, 1, 1}, {1})});
  external.graph().mutable_initializer(0)->set_data_location(onnx::TensorProto::EXTERNAL);
  expect_refused(external.bytes(), {"another file"});
  OnnxModel half({1, 1, 2, 2});
  half.then("Conv", {half.weights({1, 1, 1, 1}, {1})});
  half.graph().mutable_initializer(0)->set_data_type(onnx::TensorProto::FLOAT16);
  expect_refused(half.bytes(), {"element type 10"});
  OnnxModel odd({1, 1, 2, 2});
  odd.then("Conv", {odd.weights({1, 1, 1, 1}, {1})});
  odd.graph().mutable_initializer(0)->mutable_raw_data()->push_back('x');
  expect_refused(odd.bytes(), {"values instead of"});
  OnnxModel unset({1, 1, 2, 2});
  unset.add_input("weight", {1, 1, 1, 1});
  unset.then("Conv", {"weight"});
  expect_refused(unset.bytes(), {"weights are missing"});
}

TEST(OnnxImport, RefusesOtherVersionsAndBatches) {
  OnnxModel old({1, 1, 2, 2}, 10);
  old.then("Relu");
  expect_refused(old.bytes(), {"opset 10"});
  OnnxModel young({1, 1, 2, 2}, 18);
  young.then("Relu");
  expect_refused(young.bytes(), {"opset 18"});
  OnnxModel batch({16, 1, 2, 2});
  batch.then("Relu");
  expect_refused(batch.bytes(), {"batch of 16"});
  OnnxModel dynamic({1, 1, 0, 2});
  dynamic.then("Relu");
  expect_refused(dynamic.bytes(), {"'batch' on axis 2"});
}

TEST(OnnxImport, RefusesEveryTruncation) {
  const Bytes bytes = test::small_classifier(1).bytes();
  int accepted = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    try {
      import_onnx(part, "model.onnx");
      ++accepted;  // cut after the graph, in front of optional fields
    } catch (const InputError &) {
    }
  }
  EXPECT_LE(accepted, 1);
}

TEST(OnnxImport, SurvivesDamage) {
  const Bytes bytes = test::small_classifier(1).bytes();
  Values random(21);
  for (int trial = 0; trial < 3000; ++trial) {
    Bytes damaged = bytes;
    for (auto flips = random.integer(1, 4); flips > 0; --flips) {
      const auto at = random.integer(0, static_cast<std::int64_t>(bytes.size()) - 1);
      damaged[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random.integer(0, 255));
    }
    try {
      const Graph graph = import_onnx(damaged, "model.onnx");
      const auto elements = element_count(graph.shape(graph.inputs[0]));
      if (elements < 100000) {
        float_logits(graph, std::vector<float>(static_cast<std::size_t>(elements), 0.5F));
      }
    } catch (const InputError &) {
    }
  }
}

// Strided slices, and channel padding whose amounts the exporter computes: 2 x (0, 0, 0, 0, c, c),
// reshaped, reversed, transposed, cast.
OnnxModel padded_shortcut(std::int64_t channels) {
  OnnxModel m({0, 2, 5, 6});
  const auto slice = [&](std::int64_t axis) {
    m.then("Slice", {m.integers({0}), m.integers({std::numeric_limits<std::int64_t>::max()}),
                     m.integers({axis}), m.integers({2})});
  };
  slice(2);
  slice(3);
  const std::string image = m.last();
  auto *fill = m.node("ConstantOfShape", {m.integers({2})}).add_attribute();
  fill->set_name("value");
  fill->set_type(onnx::AttributeProto::TENSOR);
  fill->mutable_t()->set_data_type(onnx::TensorProto::INT64);
  fill->mutable_t()->add_dims(1);
  fill->mutable_t()->add_int64_data(0);
  auto &concat = m.node("Concat", {m.integers({0, 0, 0, 0, channels, channels}), m.last()});
  OnnxModel::set_int(concat, "axis", 0);
  m.then("Reshape", {m.integers({-1, 2})});
  m.then("Slice", {m.integers({-1}), m.integers({std::numeric_limits<std::int64_t>::min() + 1}),
                   m.integers({0}), m.integers({-1})});
  OnnxModel::set_ints(m.then("Transpose"), "perm", {1, 0});
  m.then("Reshape", {m.integers({-1})});
  OnnxModel::set_int(m.then("Cast"), "to", 7);
  m.node("Pad", {image, m.last(), m.weights({}, {0})});
  return m;
}

TEST(OnnxImport, FoldsTheArithmeticOfAPaddedShortcut) {
  const Graph graph = import_onnx(padded_shortcut(1).bytes(), "model.onnx");
  ASSERT_EQ(graph.nodes.size(), 3U);  // two slices and the pad
  EXPECT_EQ(graph.shape(graph.outputs[0]), (Shape{1, 4, 3, 3}));
  std::vector<float> input;
  for (int i = 0; i < 60; ++i) input.push_back(static_cast<float>(i + 1));
  const auto output = float_logits(graph, input);
  for (std::size_t c = 0; c < 4; ++c) {
    for (std::size_t y = 0; y < 3; ++y) {
      for (std::size_t x = 0; x < 3; ++x) {
        const bool is_inside = c == 1 || c == 2;
        const float wanted = is_inside ? input[(c - 1) * 30 + 2 * y * 6 + 2 * x] : 0.0F;
        EXPECT_EQ(output[(c * 3 + y) * 3 + x], wanted);
      }
    }
  }
}

TEST(OnnxImport, FoldsShapesIntoAReshape) {
  OnnxModel m({0, 2, 3, 4});
  const std::string image = "input";
  m.node("Shape", {image});
  m.then("Gather", {m.integers({0})});
  const std::string batch = m.last();
  OnnxModel::set_int(m.node("Concat", {batch, m.integers({-1})}), "axis", 0);
  m.node("Reshape", {image, m.last()});
  const Graph graph = import_onnx(m.bytes(), "model.onnx");
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.shape(graph.outputs[0]), (Shape{1, 24}));
}

TEST(OnnxImport, EvaluatesIntegerArithmetic) {
  // (2, 7) -> range 2, 4, 6 -> + 1 -> 3, 5, 7 -> * 4 / 2 - 5 -> 1, 5, 9: 45 values as 1 x 5 x 9
  OnnxModel m({1, 45});
  const auto scalar = [&](std::int64_t value) {
    auto &node = m.node("Constant", {});
    OnnxModel::set_int(node, "value_int", value);
    return m.last();
  };
  const std::string start = scalar(2), limit = scalar(7), delta = scalar(2), five = scalar(5);
  m.node("Range", {start, limit, delta});
  m.then("Add", {m.integers({1})});
  m.then("Mul", {m.integers({4})});
  m.then("Div", {m.integers({2, 2, 2})});
  m.then("Sub", {five});
  m.node("Reshape", {"input", m.last()});
  const Graph graph = import_onnx(m.bytes(), "model.onnx");
  EXPECT_EQ(graph.shape(graph.outputs[0]), (Shape{1, 5, 9}));
}

TEST(OnnxImport, RefusesConstantsThatCannotBeEvaluated) {
  const auto refuse = [](const std::function<void(OnnxModel &)> &build,
                         const std::string &message) {
    OnnxModel m({1, 2, 4, 4});
    build(m);
    expect_refused(m.bytes(), {message});
  };
  const auto reshape = [](OnnxModel &m) { m.node("Reshape", {"input", m.last()}); };
  refuse(
      [&](OnnxModel &m) {
        m.node("Div", {m.integers({1, 32}), m.integers({1, 0})});
        reshape(m);
      },
      "divides by zero");
  refuse(
      [&](OnnxModel &m) {
        m.node("Mul", {m.integers({std::numeric_limits<std::int64_t>::max()}), m.integers({2})});
        reshape(m);
      },
      "exceeds 64 bits");
  refuse(
      [&](OnnxModel &m) {
        m.node("ConstantOfShape", {m.integers({1 << 20, 1 << 20})});
        m.node("Add", {"input", m.last()});
      },
      "is not usable");
  refuse(
      [&](OnnxModel &m) {
        m.node("ConstantOfShape", {m.integers({1 << 27})});
        m.node("Add", {"input", m.last()});
      },
      "too large in total");
  refuse(
      [&](OnnxModel &m) {
        m.node("Gather", {m.integers({1, 2}), m.integers({2})});
        reshape(m);
      },
      "index 2 exceeds");
  refuse(
      [&](OnnxModel &m) {
        m.node("Slice", {m.integers({1, 2}), m.integers({0}), m.integers({1}), m.integers({0}),
                         m.integers({0})});
        reshape(m);
      },
      "step 0");
  refuse(
      [&](OnnxModel &m) {
        m.then("Pad", {m.integers({0, 0, 0, 0, 0, 1 << 30, 0, 0})});
      },
      "not usable");
  refuse(
      [&](OnnxModel &m) {
        m.then("Relu");
        m.then("Reshape", {m.last()});
      },
      "not a constant");
}

TEST(OnnxImport, RefusesOutputsThatTheInputDoesNotReach) {
  OnnxModel shape({1, 2, 4, 4});
  shape.then("Shape");
  expect_refused(shape.bytes(), {"does not depend on the input"});
  OnnxModel constant({1, 2});
  constant.node("Add", {constant.weights({1}, {1}), constant.weights({1}, {2})});
  expect_refused(constant.bytes(), {"does not depend on the input"});
}

TEST(OnnxImport, DropoutThatTrainsIsRefused) {
  for (const bool trains : {false, true}) {
    OnnxModel m({1, 2, 4, 4});
    auto *flag = m.graph().add_initializer();
    flag->set_name("training");
    flag->set_data_type(onnx::TensorProto::BOOL);
    flag->set_raw_data(std::string(1, trains ? '\1' : '\0'));
    m.node("Relu", {"input"});
    m.then("Dropout", {m.weights({}, {0.5F}), "training"});
    if (trains) {
      expect_refused(m.bytes(), {"Dropout2", "training mode"});
    } else {
      EXPECT_EQ(import_onnx(m.bytes(), "model.onnx").nodes.size(), 1U);
    }
  }
}

TEST(OnnxImport, DropsWhatOnlyCopies) {
  OnnxModel m({1, 2, 4, 4});
  m.then("Pad", {m.integers({0, 0, 0, 0, 0, 0, 0, 0})});
  m.then("Slice", {m.integers({0}), m.integers({9})});
  OnnxModel::set_ints(m.then("Transpose"), "perm", {0, 1, 2, 3});
  OnnxModel::set_ints(m.then("AveragePool"), "kernel_shape", {1, 1});
  OnnxModel::set_int(m.then("Cast"), "to", 1);
  m.then("Relu");
  const Graph graph = import_onnx(m.bytes(), "model.onnx");
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.nodes[0].inputs[0], "input");
}

TEST(OnnxImport, PublishedResNetImports) {
  const std::string path = NPIM_SOURCE_DIR "/../shared/data/onnx/resnet20_cifar10.onnx";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  const Graph graph = import_onnx(path);
  EXPECT_EQ(graph.shape(graph.outputs[0]), (Shape{1, 10}));
  // 19 convolutions and ReLUs, 9 additions, 2 shortcuts of 2 slices and a pad, and the classifier:
  // average, reshape, product.
  EXPECT_EQ(graph.nodes.size(), 19U + 19 + 9 + 2 * 3 + 3);
  EXPECT_THROW(import_onnx(path + ".absent"), InputError);
}

TEST(OnnxImport, MakesUpMissingWeights) {
  OnnxModel m({1, 3, 8, 8});
  m.add_input("kernel", {6, 3, 3, 3});
  m.add_input("bias", {6});
  m.add_input("matrix", {216, 5});
  m.then("Conv", {"kernel", "bias"});
  m.then("Flatten");
  m.then("MatMul", {"matrix"});
  expect_refused(m.bytes(), {"4 inputs without data", "--synthetic-weights"});
  ImportOptions options;
  options.synthetic_weights = {7};
  const Graph graph = import_onnx(m.bytes(), "model.onnx", options);
  const auto variance = [&](const std::string &name) {
    double sum = 0, squares = 0;
    const auto &values = graph.initialiser(name)->floats;
    for (const float value : values) sum += value, squares += static_cast<double>(value) * value;
    const double mean = sum / static_cast<double>(values.size());
    return squares / static_cast<double>(values.size()) - mean * mean;
  };
  EXPECT_NEAR(variance("kernel"), 2.0 / 27, 0.02);
  EXPECT_NEAR(variance("matrix"), 2.0 / 216, 0.002);
  const Graph again = import_onnx(m.bytes(), "model.onnx", options);
  EXPECT_EQ(graph.initialiser("kernel")->floats, again.initialiser("kernel")->floats);
  options.synthetic_weights = {8};
  const Graph other = import_onnx(m.bytes(), "model.onnx", options);
  EXPECT_NE(graph.initialiser("kernel")->floats, other.initialiser("kernel")->floats);
  // Absurd sizes are refused before anything is allocated.
  m.add_input("huge", {65536, 65536});
  EXPECT_THROW(import_onnx(m.bytes(), "model.onnx", options), InputError);
}

TEST(Fuse, KeepsTheFunction) {
  Values random(9);
  Graph graph = import_onnx(test::small_classifier(4).bytes(), "model.onnx");
  Graph fused = graph;
  fuse(fused);
  EXPECT_EQ(fused.nodes.size(),
            graph.nodes.size() - 2);  // batch normalisation and constant addition
  for (const Node &node : fused.nodes) EXPECT_NE(node.op, Op::kBatchNormalization);
  for (int trial = 0; trial < 5; ++trial) {
    std::vector<float> input;
    for (int i = 0; i < 128; ++i) input.push_back(static_cast<float>(random.real(0, 1)));
    const auto before = float_logits(graph, input), after = float_logits(fused, input);
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 1e-4);
  }
}

TEST(Fuse, MovesReluBeforeMaxPools) {
  OnnxModel model({1, 1, 4, 4});
  model.then("Conv", {model.weights({1, 1, 1, 1}, {-1})});
  for (int i = 0; i < 2; ++i) {
    auto &pool = model.then("MaxPool");
    OnnxModel::set_ints(pool, "kernel_shape", {2, 2});
  }
  model.then("Relu");
  Graph graph = import_onnx(model.bytes(), "model.onnx");
  std::vector<float> input;
  for (int i = 0; i < 16; ++i) input.push_back(static_cast<float>(i) - 8);
  const auto before = float_logits(graph, input);
  fuse(graph);
  EXPECT_EQ(graph.nodes[1].op, Op::kRelu);
  EXPECT_EQ(float_logits(graph, input), before);
}

}  // namespace
}  // namespace npim::network
