#include "network/quantise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iterator>

#include "base/error.h"
#include "network/dataset.h"
#include "network/float_executor.h"
#include "network/golden.h"
#include "network/onnx_import.h"
#include "unit/network/onnx_model.h"
#include "unit/network/quantise_checks.h"

namespace npim::network {
namespace {

using test::expect_close;
using test::lossless;
using test::OnnxModel;
using test::random_images;
using test::Values;
using testing::HasSubstr;

/// Root mean square of the difference between integer and float logits, relative to the float
/// logits'.
double relative_error(const Graph &graph, const QuantisedNetwork &network,
                      const Calibration &images) {
  double signal = 0, noise = 0;
  for (std::int32_t i = 0; i < images.count; ++i) {
    const std::uint8_t *image = images.pixels.data() + i * images.shape.elements();
    const auto real = float_logits(
        graph, float_input(images.shape, image, network.input_scale, network.input_zero_point));
    const auto integers = golden_logits(network, image);
    const Layer &last = network.layers.back();
    for (std::size_t k = 0; k < real.size(); ++k) {
      const double got = last.output_scale * (integers[k] - last.output_zero_point);
      signal += static_cast<double>(real[k]) * real[k];
      noise += (got - real[k]) * (got - real[k]);
    }
  }
  return std::sqrt(noise / signal);
}

TEST(Quantise, LosslessConverterAgreesWithFloat) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    Values random(seed);
    const Graph graph = import_onnx(test::small_classifier(seed, false).bytes(), "a/model.onnx");
    const Calibration images = random_images(random, {8, 8, 2}, 16);
    QuantisationReport report;
    const auto network = quantise(graph, images, lossless(), &report);
    EXPECT_EQ(network.name, "model");
    ASSERT_EQ(network.layers.size(), 8U);
    EXPECT_TRUE(network.layers.back().requantise.output_s32);
    EXPECT_EQ(network.layers[0].output_zero_point, 0);
    EXPECT_NE(network.layers[4].output_zero_point, 0);  // signed, no ReLU follows
    // Logits may cancel; the layers before them keep close to 8 bits' 40 to 50 dB.
    EXPECT_LT(relative_error(graph, network, images), 0.04) << seed;
    for (const LayerReport &layer : report.layers) {
      EXPECT_GT(layer.sqnr_db, layer.name == "MatMul13" ? 28 : 36) << layer.name;
      EXPECT_EQ(layer.clipping_rate, 0);
      EXPECT_EQ(layer.converter.bitline_gain * layer.converter.range_divisor, 1);
    }
  }
}

TEST(Quantise, FinalSoftmaxIsLeftToTheHost) {
  Values random(3);
  const Calibration images = random_images(random, {8, 8, 2}, 4);
  QuantisationReport with, without;
  const auto a = quantise(import_onnx(test::small_classifier(2, true).bytes(), "m"), images,
                          lossless(), &with);
  const auto b = quantise(import_onnx(test::small_classifier(2, false).bytes(), "m"), images,
                          lossless(), &without);
  EXPECT_TRUE(with.host_softmax);
  EXPECT_FALSE(without.host_softmax);
  EXPECT_EQ(serialise(a), serialise(b));
}

TEST(Quantise, InputZeroPointAndPaddingAgree) {
  Values random(4);
  const Graph graph = import_onnx(test::small_classifier(5, false).bytes(), "m");
  const Calibration images = random_images(random, {8, 8, 2}, 16);
  QuantiseOptions options = lossless();
  options.input_scale = 2.0 / 255;
  options.input_zero_point = 128;
  const auto network = quantise(graph, images, options);
  EXPECT_EQ(network.layers[0].pad_value, 128);
  EXPECT_LT(relative_error(graph, network, images), 0.03);
}

TEST(Quantise, SerialisedNetworkComputesTheSame) {
  Values random(4);
  const Calibration images = random_images(random, {8, 8, 2}, 4);
  const auto network =
      quantise(import_onnx(test::small_classifier(5).bytes(), "m"), images, QuantiseOptions{});
  const auto back = deserialise(serialise(network), "file");
  EXPECT_EQ(golden_logits(back, images.pixels.data()),
            golden_logits(network, images.pixels.data()));
}

TEST(Quantise, ConverterTakesTheBestProductWithTheSmallestGain) {
  Values random(6);
  const Graph graph = import_onnx(test::small_classifier(3, false).bytes(), "m");
  const Calibration images = random_images(random, {8, 8, 2}, 16);
  QuantiseOptions options;
  options.range = QuantiseOptions::Range::kMinMax;
  QuantisationReport gains, literal;
  const auto network = quantise(graph, images, options, &gains);
  options.bitline_gains = {1};
  const auto plain = quantise(graph, images, options, &literal);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Converter &converter = network.layers[i].converter;
    if (converter.bitline_gain > 1) {
      EXPECT_EQ(converter.range_divisor, 4);
    }
    EXPECT_EQ(plain.layers[i].converter.bitline_gain, 1);
    if (network.layers[i].op == LayerOp::kConvolution) {
      // Dot products of 18 to 54 rows fill a small part of the full scale.
      EXPECT_GT(converter.range_divisor * converter.bitline_gain, 4) << i;
      EXPECT_GE(gains.layers[i].converter_sqnr_db, literal.layers[i].converter_sqnr_db) << i;
    }
  }
  EXPECT_LT(relative_error(graph, network, images), relative_error(graph, plain, images));
}

// One weight of full magnitude on one input: the dot product is 254 * byte (the cells hold twice
// the weight), a code is worth 128 * 255 * 255 / (127 * product), so no product of the default set
// can clip.
TEST(Quantise, ConverterOfAKnownLayer) {
  OnnxModel model({1, 1, 1, 1});
  model.then("Conv", {model.weights({1, 1, 1, 1}, {1})});
  const Graph graph = import_onnx(model.bytes(), "m");
  Calibration images;
  images.shape = {1, 1, 1};
  images.count = 256;
  for (int i = 0; i < 256; ++i) images.pixels.push_back(static_cast<std::uint8_t>(i));
  QuantisationReport report;
  quantise(graph, images, QuantiseOptions{}, &report);
  EXPECT_EQ(report.layers[0].converter.range_divisor, 4);
  EXPECT_EQ(report.layers[0].converter.bitline_gain, 8);
  EXPECT_EQ(report.layers[0].clipping_rate, 0);
  QuantiseOptions wide;
  wide.bitline_gains = {1, 128};
  quantise(graph, images, wide, &report);  // 128 * 2 clips half of the inputs, 128 * 1 none
  EXPECT_EQ(report.layers[0].converter.bitline_gain, 128);
  EXPECT_EQ(report.layers[0].converter.range_divisor, 1);
}

// Magnitudes of 7 bits on the upper 7 of 8 bit lines: twice the sum for a converter that rounds;
// exact sums need no shift.
TEST(Quantise, WeightsUseTheMostSignificantBitLines) {
  Values random(6);
  const Graph graph = import_onnx(test::small_classifier(3, false).bytes(), "m");
  const Calibration images = random_images(random, {8, 8, 2}, 4);
  for (const auto code : {ConverterFormat::Code::kSigned8, ConverterFormat::Code::kSignPlus8,
                          ConverterFormat::Code::kLossless}) {
    QuantiseOptions options;
    options.format.code = code;
    for (const Layer &layer : quantise(graph, images, options).layers) {
      const bool shifts =
          layer.op == LayerOp::kConvolution && code != ConverterFormat::Code::kLossless;
      EXPECT_EQ(layer.weight_shift, shifts ? 1 : 0);
    }
  }
}

TEST(Quantise, RangeMethods) {
  // An identity layer whose values are 0 .. 99 a thousand times and one outlier per method to cut.
  OnnxModel model({1, 1, 1, 1});
  model.then("Conv", {model.weights({1, 1, 1, 1}, {255})});
  model.then("Relu");
  const Graph graph = import_onnx(model.bytes(), "m");
  Calibration images;
  images.shape = {1, 1, 1};
  images.count = 20001;
  for (int i = 0; i < 20000; ++i) images.pixels.push_back(static_cast<std::uint8_t>(i % 100));
  images.pixels.push_back(255);
  QuantiseOptions options = lossless();
  const auto top = [&] {
    const auto network = quantise(graph, images, options);
    return network.layers[0].output_scale * 255;
  };
  EXPECT_NEAR(top(), 255, 1e-3);
  options.range = QuantiseOptions::Range::kPercentile;
  options.percentile = 99.99;
  EXPECT_NEAR(top(), 99, 0.2);
  options.percentile = 100;
  EXPECT_NEAR(top(), 255, 1e-3);
  options.range = QuantiseOptions::Range::kMeanSquare;
  EXPECT_NEAR(top(), 255, 1e-3);  // the grid of whole steps is exact: nothing to gain by cutting
}

TEST(Quantise, ReluOnATensorWithTwoReaders) {
  // x = conv(input) is signed, read by a ReLU and by the sum x + relu(x).
  OnnxModel model({1, 2, 4, 4});
  Values random(8);
  model.then("Conv", {model.random_weights(random, {3, 2, 1, 1}, -1, 1)});
  const std::string x = model.last();
  model.then("Relu");
  model.node("Add", {x, model.last()});
  const Graph graph = import_onnx(model.bytes(), "m");
  const Calibration images = random_images(random, {4, 4, 2}, 8);
  const auto network = quantise(graph, images, lossless());
  ASSERT_EQ(network.layers.size(), 2U);  // a function of x: one table
  // The output is HWC here and CHW there: compare element by element.
  const std::uint8_t *image = images.pixels.data();
  const auto real = float_logits(graph, float_input(images.shape, image, 1.0 / 255, 0));
  const auto integers = golden_logits(network, image);
  const Layer &last = network.layers.back();
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t pixel = 0; pixel < 16; ++pixel) {
      EXPECT_NEAR((integers[pixel * 3 + c] - last.output_zero_point) * last.output_scale,
                  real[c * 16 + pixel], 0.03);
    }
  }
}

TEST(Quantise, SubsampledAndPaddedShortcut) {
  OnnxModel m({1, 3, 6, 5});
  Values random(4);
  m.then("Conv", {m.random_weights(random, {4, 3, 1, 1}), m.random_weights(random, {4})});
  m.then("Relu");
  const std::string x = m.last();
  auto &conv =
      m.then("Conv", {m.random_weights(random, {8, 4, 3, 3}), m.random_weights(random, {8})});
  OnnxModel::set_ints(conv, "strides", {2, 2});
  OnnxModel::set_ints(conv, "pads", {1, 1, 1, 1});
  const std::string main = m.last();
  m.node("Slice",
         {x, m.integers({0, 0}), m.integers({99, 99}), m.integers({2, 3}), m.integers({2, 2})});
  m.then("Pad", {m.integers({0, 2, 0, 0, 0, 2, 0, 0})});
  m.node("Add", {main, m.last()});
  m.then("Relu");
  m.then("Flatten");
  m.then("MatMul", {m.random_weights(random, {72, 3})});
  const auto network = expect_close(m, lossless(), 30);
  ASSERT_EQ(network.layers.size(), 6U);
  EXPECT_EQ(network.layers[2].op, LayerOp::kMaxPool);
  EXPECT_EQ(network.layers[2].window.stride_width, 2);
  EXPECT_EQ(network.layers[3].op, LayerOp::kConcat);
  EXPECT_EQ(network.layers[3].channel_offsets, std::vector<std::int32_t>{2});
  EXPECT_EQ(network.layers[3].pad_value, 0);
}

TEST(Quantise, BranchesOfAConcatShareOneScale) {
  OnnxModel m({1, 2, 6, 6});
  Values random(5);
  const auto branch = [&](double size) {
    m.node("Conv", {"input", m.random_weights(random, {3, 2, 1, 1}, -size, size)});
    return m.last();
  };
  const std::string small = branch(0.5), large = branch(2);
  m.node("Relu", {large});
  const std::string relu = m.last();
  OnnxModel::set_ints(m.node("MaxPool", {"input"}), "kernel_shape", {1, 1});
  const std::string image = m.last();
  OnnxModel::set_int(m.node("Concat", {small, relu, image}), "axis", 1);
  const std::string joined = m.last();
  OnnxModel::set_int(m.node("Concat", {joined, small}), "axis", 1);  // of a concat, and twice
  m.then("Conv", {m.random_weights(random, {4, 11, 3, 3})});
  const auto network = expect_close(m, lossless(), 28);
  double scale = 0;
  int concats = 0;
  for (const Layer &layer : network.layers) {
    if (layer.op != LayerOp::kConcat) continue;
    ++concats;
    for (const std::int32_t input : layer.inputs) {
      ASSERT_NE(input, kNetworkInput);  // another scale: a copy stands between
      const Layer &from = network.layers[static_cast<std::size_t>(input)];
      if (scale == 0) scale = from.output_scale;
      EXPECT_EQ(from.output_scale, scale);
      EXPECT_EQ(from.output_zero_point, layer.output_zero_point);
    }
  }
  EXPECT_EQ(concats, 2);
}

TEST(Quantise, DepthwiseConvolutionsAndClips) {
  OnnxModel m({1, 3, 8, 8});
  Values random(6);
  m.then("Conv", {m.random_weights(random, {8, 3, 1, 1}, -2, 4)});
  m.then("Clip", {m.weights({}, {0}), m.weights({}, {1.5F})});
  auto &depthwise =
      m.then("Conv", {m.random_weights(random, {8, 1, 3, 3}), m.random_weights(random, {8})});
  OnnxModel::set_int(depthwise, "group", 8);
  OnnxModel::set_ints(depthwise, "pads", {1, 1, 1, 1});
  m.then("BatchNormalization",
         {m.random_weights(random, {8}, 0.5, 1.5), m.random_weights(random, {8}),
          m.random_weights(random, {8}), m.random_weights(random, {8}, 0.5, 2)});
  m.then("Clip", {m.weights({}, {-0.5F}), m.weights({}, {0.75F})});
  m.then("Conv", {m.random_weights(random, {4, 8, 1, 1})});
  const auto network = expect_close(m, lossless(), 28);
  ASSERT_EQ(network.layers.size(), 3U);
  EXPECT_EQ(network.layers[1].groups, 8);
  EXPECT_GT(network.layers[1].requantise.low + 255 - network.layers[1].requantise.high, -1);
}

TEST(Quantise, NormalisationsThatFollowNoConvolution) {
  OnnxModel m({1, 3, 4, 4});
  Values random(7);
  m.then("BatchNormalization",
         {m.random_weights(random, {3}, -1, 1), m.random_weights(random, {3}),
          m.random_weights(random, {3}), m.random_weights(random, {3}, 0.5, 2)});
  const std::string norm = m.last();
  m.then("Mul", {m.weights({3, 1, 1}, {2, -1, 0.5F})});
  m.then("Add", {m.weights({}, {0.25F})});
  m.node("Sub", {m.weights({1}, {1}), m.last()});
  m.then("Div", {m.weights({1}, {4})});
  m.node("Sub", {norm, m.last()});
  m.then("Relu");
  m.then("Conv", {m.random_weights(random, {2, 3, 1, 1})});
  expect_close(m, lossless(), 28);
}

TEST(Quantise, ZerosAroundAnImage) {
  for (const bool before_convolution : {true, false}) {
    OnnxModel m({1, 2, 4, 4});
    Values random(8);
    m.then("Conv", {m.random_weights(random, {3, 2, 1, 1})});  // signed: zero is no byte 0
    m.then("Pad", {m.integers({0, 0, 1, 2, 0, 0, 0, 1})});
    if (!before_convolution) m.then("GlobalAveragePool");
    m.then("Conv", {m.random_weights(random, {2, 3, 1, 1})});
    const auto network = expect_close(m, lossless(), 28);
    ASSERT_EQ(network.layers.size(), before_convolution ? 2U : 4U);
    if (!before_convolution) {
      EXPECT_EQ(network.layers[1].output_shape.width, 7);
    }
  }
}

// Channels with means of their own: no byte is zero, so the padding tells a wrong zero point.
TEST(Quantise, NormalisedInput) {
  OnnxModel m({1, 3, 6, 6});
  Values random(9);
  auto &conv = m.then("Conv", {m.random_weights(random, {8, 3, 3, 3})});
  OnnxModel::set_ints(conv, "pads", {1, 1, 1, 1});
  m.then("Relu");
  m.then("Conv", {m.random_weights(random, {4, 8, 1, 1})});
  QuantiseOptions options = lossless();
  options.input_mean = {0.485, 0.456, 0.406};
  options.input_deviation = {0.229, 0.224, 0.225};
  const auto network = expect_close(m, options, 30);
  ASSERT_EQ(network.input_table.size(), 3U * 256);
  for (std::size_t c = 0; c < 3; ++c) {
    for (const int byte : {0, 100, 255}) {
      const double real = (byte / 255.0 - options.input_mean[c]) / options.input_deviation[c];
      const double held =
          network.input_scale * (network.input_table[c * 256 + static_cast<std::size_t>(byte)] -
                                 network.input_zero_point);
      EXPECT_NEAR(held, real, 0.51 * network.input_scale + 0.51 * network.input_scale);
    }
  }
  options.input_mean = {0.5};
  const Graph graph = import_onnx(m.bytes(), "m");
  const Calibration images = random_images(random, {6, 6, 3}, 2);
  EXPECT_THROW(quantise(graph, images, options), InputError);
  options.input_mean = {0.5, 0.5, std::nan("")};
  EXPECT_THROW(quantise(graph, images, options), InputError);
}

// One product of at most 255 * 254 is less than half a code of the widest range of an array of 256
// rows: every code is 0, and only a corrected bias keeps the mean.
TEST(Quantise, CorrectionRestoresMeans) {
  OnnxModel m({1, 1, 8, 8});
  Values random(10);
  m.then("Conv", {m.random_weights(random, {6, 1, 1, 1}, 0.2, 1)});
  m.then("Flatten");
  m.then("MatMul", {m.random_weights(random, {384, 2})});
  const Graph graph = import_onnx(m.bytes(), "m");
  const Calibration images = random_images(random, {8, 8, 1}, 32);
  QuantiseOptions options;
  options.bitline_gains = {1};
  options.range_divisors = {1};
  options.format.array_rows = 256;
  using Correction = QuantiseOptions::Correction;
  for (const Correction correction :
       {Correction::kNone, Correction::kRegression, Correction::kMean, Correction::kMeanVariance}) {
    options.correction = correction;
    const auto network = quantise(graph, images, options);
    double wanted = 0, got = 0;
    for (std::int32_t i = 0; i < images.count; ++i) {
      const std::uint8_t *image = images.pixels.data() + i * 64;
      const auto values = execute_float(graph, float_input({8, 8, 1}, image, options));
      for (const float value : values.at(graph.nodes[0].outputs[0])) {
        wanted += static_cast<double>(value);
      }
      const GoldenTensor layer = execute_golden(network, image)[0];
      for (const std::int32_t value : layer.values) {
        got += network.layers[0].output_scale * (value - network.layers[0].output_zero_point);
      }
    }
    EXPECT_NEAR(got, correction == Correction::kNone ? 0 : wanted, 0.01 * wanted);
  }
}

TEST(Quantise, RefusesWhatTheChipCannotExpress) {
  Values random(1);
  const auto refuse = [&](OnnxModel &model, const std::string &message) {
    const Graph graph = import_onnx(model.bytes(), "model.onnx");
    const Calibration images = random_images(random, input_shape_of(graph), 2);
    try {
      quantise(graph, images, QuantiseOptions{});
      FAIL() << "accepted; wanted: " << message;
    } catch (const InputError &error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
      EXPECT_THAT(error.what(), HasSubstr("model.onnx"));
    }
  };
  OnnxModel softmax({1, 2, 4, 4});
  softmax.then("Softmax");
  softmax.then("Relu");
  refuse(softmax, "is not the last operation");
  OnnxModel quotient({1, 1, 2, 2});
  auto &pool = quotient.then("MaxPool");
  OnnxModel::set_ints(pool, "kernel_shape", {3, 3});
  OnnxModel::set_ints(pool, "pads", {1, 1, 1, 1});
  quotient.then("Add", {quotient.weights({}, {1})});
  quotient.node("Div", {"input", quotient.last()});
  refuse(quotient, "divides by a tensor");
  OnnxModel power({1, 1, 2, 2});
  power.node("Div", {power.weights({1}, {0}), "input"});
  refuse(power, "yields no number");
  OnnxModel nothing({1, 2});
  nothing.then("Softmax");
  refuse(nothing, "no operation");
}

TEST(Quantise, RefusesWrongCalibrationAndOptions) {
  Values random(1);
  const Graph graph = import_onnx(test::small_classifier(1).bytes(), "model.onnx");
  const auto refuse = [&](const Calibration &images, const QuantiseOptions &options,
                          const std::string &message) {
    try {
      quantise(graph, images, options);
      FAIL() << "accepted; wanted: " << message;
    } catch (const InputError &error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  };
  refuse(random_images(random, {8, 9, 2}, 2), {}, "8x9x2");
  refuse(random_images(random, {8, 8, 2}, 0), {}, "without calibration images");
  Calibration fewer = random_images(random, {8, 8, 2}, 2);
  fewer.count = 3;
  refuse(fewer, {}, "fewer bytes");
  const Calibration images = random_images(random, {8, 8, 2}, 2);
  QuantiseOptions options;
  options.bitline_gains = {};
  refuse(images, options, "gains");
  options = {};
  options.range_divisors = {0};
  refuse(images, options, "range divisors");
  options = {};
  options.percentile = 0;
  refuse(images, options, "percentile");
  options = {};
  options.input_scale = 0;
  refuse(images, options, "input scale");
}

TEST(Quantise, BlackImagesAndZeroWeightsAreNoTrouble) {
  OnnxModel model({1, 1, 4, 4});
  model.then("Conv", {model.weights({2, 1, 1, 1}, {0, 1e-30F})});
  model.then("Relu");
  model.then("Flatten");
  model.then("Gemm", {model.weights({32, 2}, std::vector<float>(64, 0.0F))});
  Calibration images;
  images.shape = {4, 4, 1};
  images.count = 2;
  images.pixels.assign(32, 0);
  QuantisationReport report;
  const auto network =
      quantise(import_onnx(model.bytes(), "m"), images, QuantiseOptions{}, &report);
  EXPECT_EQ(golden_logits(network, images.pixels.data()), (std::vector<std::int32_t>{0, 0}));
}

// Whatever a damaged file turns into, it is refused or becomes a network that validates and runs.
TEST(Quantise, SurvivesDamagedModels) {
  const Bytes bytes = test::small_classifier(1).bytes();
  Values random(31);
  int quantised = 0;
  for (int trial = 0; trial < 400; ++trial) {
    Bytes damaged = bytes;
    for (auto flips = random.integer(1, 4); flips > 0; --flips) {
      const auto at = random.integer(0, static_cast<std::int64_t>(bytes.size()) - 1);
      damaged[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random.integer(0, 255));
    }
    try {
      const Graph graph = import_onnx(damaged, "damaged.onnx");
      const TensorShape shape = input_shape_of(graph);
      if (shape.elements() > 10000) continue;
      const Calibration images = random_images(random, shape, 2);
      QuantisationReport report;
      const auto network = quantise(graph, images, QuantiseOptions{}, &report);
      golden_logits(network, images.pixels.data());
      ++quantised;
    } catch (const InputError &) {
    }
  }
  EXPECT_GT(quantised, 10);
}

// --- The project's own network on MNIST -------------------------------------------------------

class Digits : public testing::Test {
 protected:
  void SetUp() override {
    const std::string model = NPIM_SOURCE_DIR "/configs/networks/digits/digits.onnx";
    const std::string mnist = NPIM_SOURCE_DIR "/../shared/data/mnist/";
    if (!std::filesystem::exists(model)) GTEST_SKIP() << model << " is absent";
    if (!std::filesystem::exists(mnist)) GTEST_SKIP() << mnist << " is absent";
    graph_ = import_onnx(model);
    const auto training = load_images(mnist + "train-images-idx3-ubyte.gz");
    calibration_.shape = {28, 28, 1};
    calibration_.count = 64;
    calibration_.pixels.assign(training.pixels.begin(), training.pixels.begin() + 64 * 784);
    test_ = load_images(mnist + "t10k-images-idx3-ubyte.gz", mnist + "t10k-labels-idx1-ubyte.gz");
  }

  template <typename Logits>
  double accuracy(Logits logits) const {
    int right = 0;
    for (std::int32_t i = 0; i < kImages; ++i) {
      const auto values = logits(test_.image(i));
      const auto best = std::max_element(values.begin(), values.end()) - values.begin();
      right += best == test_.labels[static_cast<std::size_t>(i)];
    }
    return 100.0 * right / kImages;
  }

  static constexpr std::int32_t kImages = 500;
  Graph graph_;
  Calibration calibration_;
  LabelledImages test_;
};

TEST_F(Digits, IntegersAreAsAccurateAsFloats) {
  const double real = accuracy([&](const std::uint8_t *image) {
    return float_logits(graph_, float_input({28, 28, 1}, image, 1.0 / 255, 0));
  });
  EXPECT_GE(real, 97.0);
  for (const auto code : {ConverterFormat::Code::kLossless, ConverterFormat::Code::kSigned8}) {
    QuantiseOptions options;
    options.format.code = code;
    const auto start = std::chrono::steady_clock::now();
    QuantisationReport report;
    const auto network = quantise(graph_, calibration_, options, &report);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const double share =
        accuracy([&](const std::uint8_t *image) { return golden_logits(network, image); });
    const std::string name = code == ConverterFormat::Code::kLossless ? "lossless" : "signed8";
    RecordProperty(name + "_percent", std::to_string(share));
    RecordProperty(name + "_quantise_seconds", std::to_string(elapsed.count()));
    EXPECT_GE(share, 97.0);
    EXPECT_GE(share, real - 0.8);
    for (const LayerReport &layer : report.layers) EXPECT_GT(layer.sqnr_db, 15) << layer.name;
  }
}

}  // namespace
}  // namespace npim::network
