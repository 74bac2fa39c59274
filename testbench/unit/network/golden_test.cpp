#include "network/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "unit/network/test_networks.h"

namespace npim::network {
namespace {

using test::Values;

constexpr std::int64_t kFullScale = 128 * 255 * 255;

ConverterFormat format_of(ConverterFormat::Code code, std::int32_t rows = 128) {
  ConverterFormat format;
  format.code = code;
  format.array_rows = rows;
  return format;
}

TEST(GoldenConvert, LosslessReturnsTheDotProduct) {
  const auto format = format_of(ConverterFormat::Code::kLossless);
  EXPECT_EQ(golden_convert(format, {4, 8}, 123456), 123456);
  EXPECT_EQ(golden_convert(format, {1, 1}, -8323200), -8323200);
}

TEST(GoldenConvert, SaturatesSymmetrically) {
  const auto signed8 = format_of(ConverterFormat::Code::kSigned8);
  const auto plus = format_of(ConverterFormat::Code::kSignPlus8);
  EXPECT_EQ(golden_convert(signed8, {1, 1}, kFullScale), 127);
  EXPECT_EQ(golden_convert(signed8, {1, 1}, -kFullScale), -127);
  EXPECT_EQ(golden_convert(signed8, {4, 8}, kFullScale / 32), 127);
  EXPECT_EQ(golden_convert(signed8, {4, 8}, kFullScale / 8), 127);
  EXPECT_EQ(golden_convert(plus, {1, 1}, kFullScale), 255);
  EXPECT_EQ(golden_convert(plus, {2, 1}, -kFullScale), -255);
  EXPECT_EQ(golden_convert(signed8, {1, 1}, std::numeric_limits<std::int64_t>::max()), 127);
  EXPECT_EQ(golden_convert(signed8, {1, 1}, std::numeric_limits<std::int64_t>::min()), -127);
}

// With 2032 rows, limit 127 and divisor * gain = 8 a code is exactly 2 * 255 * 255 units wide, so
// that exact halves exist among the integers.
TEST(GoldenConvert, RoundsHalvesAwayFromZero) {
  const auto format = format_of(ConverterFormat::Code::kSigned8, 2032);
  const Converter converter{4, 2};
  const std::int64_t lsb = 2 * 65025;
  for (std::int64_t k = 0; k < 127; ++k) {
    const std::int64_t half = k * lsb + lsb / 2;
    EXPECT_EQ(golden_convert(format, converter, half - 1), k);
    EXPECT_EQ(golden_convert(format, converter, half), std::min<std::int64_t>(k + 1, 127));
    EXPECT_EQ(golden_convert(format, converter, -half + 1), -k);
    EXPECT_EQ(golden_convert(format, converter, -half), -std::min<std::int64_t>(k + 1, 127));
  }
}

TEST(GoldenConvert, EqualsTheDefinitionInExtendedPrecision) {
  Values random(7);
  for (int i = 0; i < 20000; ++i) {
    const bool plus = i % 2 == 0;
    const auto format =
        format_of(plus ? ConverterFormat::Code::kSignPlus8 : ConverterFormat::Code::kSigned8);
    const Converter converter{1 << random.integer(0, 2), 1 << random.integer(0, 3)};
    const std::int64_t d = random.integer(-kFullScale, kFullScale) >> random.integer(0, 8);
    const long double limit = plus ? 255 : 127;
    long double code = static_cast<long double>(d) * converter.range_divisor *
                       converter.bitline_gain * limit / kFullScale;
    code = std::min(limit, std::max(-limit, std::round(code)));
    ASSERT_EQ(golden_convert(format, converter, d), static_cast<std::int64_t>(code)) << d;
  }
}

Requantise post_of(std::int32_t shift, std::int32_t low = 0, std::int32_t high = 255) {
  Requantise post;
  post.shift = shift;
  post.low = low;
  post.high = high;
  return post;
}

TEST(GoldenRequantise, RoundsHalvesUp) {
  Requantise post = post_of(1);
  post.output_s32 = true;
  EXPECT_EQ(golden_requantise(post, 3, 0), 2);
  EXPECT_EQ(golden_requantise(post, -3, 0), -1);
  EXPECT_EQ(golden_requantise(post, -1, 0), 0);
  EXPECT_EQ(golden_requantise(post, 1, 0), 1);
  EXPECT_EQ(golden_requantise(post, -4, 0), -2);
  post.shift = 4;
  EXPECT_EQ(golden_requantise(post, 7, 0), 0);
  EXPECT_EQ(golden_requantise(post, 8, 0), 1);
  EXPECT_EQ(golden_requantise(post, -8, 0), 0);
  EXPECT_EQ(golden_requantise(post, -9, 0), -1);
  EXPECT_EQ(golden_requantise(post, -24, 0), -1);
  EXPECT_EQ(golden_requantise(post, -25, 0), -2);
}

TEST(GoldenRequantise, ShiftZeroAddsNothing) {
  EXPECT_EQ(golden_requantise(post_of(0), 17, 3), 20);
  EXPECT_EQ(golden_requantise(post_of(0), 300, 3), 255);
  EXPECT_EQ(golden_requantise(post_of(0), -300, 3), 0);
}

TEST(GoldenRequantise, ShiftSixtyTwo) {
  const std::int64_t half = std::int64_t{1} << 61;
  Requantise post = post_of(62);
  EXPECT_EQ(golden_requantise(post, half - 1, 0), 0);
  EXPECT_EQ(golden_requantise(post, half, 0), 1);
  post.output_s32 = true;
  EXPECT_EQ(golden_requantise(post, -half, 0), 0);
  EXPECT_EQ(golden_requantise(post, -half - 1, 0), -1);
}

TEST(GoldenRequantise, ClampsToItsLimits) {
  EXPECT_EQ(golden_requantise(post_of(0, 10, 20), 5, 0), 10);
  EXPECT_EQ(golden_requantise(post_of(0, 10, 20), 25, 0), 20);
  EXPECT_EQ(golden_requantise(post_of(0, 10, 20), 15, 0), 15);
  Requantise post = post_of(0);
  post.output_s32 = true;
  EXPECT_EQ(golden_requantise(post, std::int64_t{1} << 40, 0), 2147483647);
  EXPECT_EQ(golden_requantise(post, -(std::int64_t{1} << 40), 0), -2147483647 - 1);
}

/// The definition once more, written from the output's side with explicit padding.
std::int32_t expected_value(const QuantisedNetwork &network, const Layer &layer, const Bytes &image,
                            std::int32_t y, std::int32_t x, std::int32_t c) {
  const Window &w = layer.window;
  const TensorShape &in = layer.input_shape;
  std::vector<std::int64_t> rows;
  for (std::int32_t ky = 0; ky < w.kernel_height; ++ky) {
    for (std::int32_t kx = 0; kx < w.kernel_width; ++kx) {
      for (std::int32_t i = 0; i < in.channels; ++i) {
        const std::int32_t sy = y * w.stride_height + ky * w.dilation_height - w.pad_top;
        const std::int32_t sx = x * w.stride_width + kx * w.dilation_width - w.pad_left;
        const bool inside = sy >= 0 && sx >= 0 && sy < in.height && sx < in.width;
        const std::int64_t value =
            inside ? image[static_cast<std::size_t>((sy * in.width + sx) * in.channels + i)]
                   : layer.pad_value;
        const std::size_t weight = static_cast<std::size_t>(
            ((c * w.kernel_height + ky) * w.kernel_width + kx) * in.channels + i);
        rows.push_back(value * layer.weights[weight] * (1 << layer.weight_shift));
      }
    }
  }
  std::int64_t accumulator = 0;
  for (std::size_t first = 0; first < rows.size();) {
    std::int64_t block = 0;
    const std::size_t end =
        first + static_cast<std::size_t>(layer.block_rows == 0 ? network.format.array_rows
                                                               : layer.block_rows);
    for (; first < std::min(end, rows.size()); ++first) block += rows[first];
    accumulator += golden_convert(network.format, layer.converter, block);
  }
  const auto channel = static_cast<std::size_t>(c);
  return golden_requantise(layer.requantise, accumulator * layer.requantise.multiplier[channel],
                           layer.requantise.bias[channel]);
}

void expect_convolution(const QuantisedNetwork &network, const Bytes &image) {
  validate(network);
  const auto outputs = execute_golden(network, image.data());
  const Layer &layer = network.layers[0];
  std::size_t index = 0;
  for (std::int32_t y = 0; y < layer.output_shape.height; ++y) {
    for (std::int32_t x = 0; x < layer.output_shape.width; ++x) {
      for (std::int32_t c = 0; c < layer.output_shape.channels; ++c) {
        ASSERT_EQ(outputs[0].values[index++], expected_value(network, layer, image, y, x, c));
      }
    }
  }
  EXPECT_EQ(index, outputs[0].values.size());
}

TEST(GoldenConvolution, RandomWindowsEqualTheDefinition) {
  Values random(3);
  for (int trial = 0; trial < 40; ++trial) {
    QuantisedNetwork network;
    network.name = "conv";
    network.format = format_of(static_cast<ConverterFormat::Code>(1 + trial % 3),
                               static_cast<std::int32_t>(random.integer(1, 40)));
    auto draw = [&](int low, int high) {
      return static_cast<std::int32_t>(random.integer(low, high));
    };
    network.input_shape = {draw(5, 9), draw(5, 9), draw(1, 5)};
    const Window window{draw(1, 3), draw(1, 3), draw(1, 3), draw(1, 3), draw(1, 2),
                        draw(1, 2), draw(0, 2), draw(0, 2), draw(0, 2), draw(0, 2)};
    network.layers.push_back(test::convolution(random, network.input_shape, draw(1, 6), window));
    network.layers[0].pad_value = static_cast<std::uint8_t>(draw(0, 255));
    network.layers[0].converter = {1 << draw(0, 2), 1 << draw(0, 3)};
    network.layers[0].requantise.output_s32 = trial % 2 == 0;
    network.layers[0].weight_shift = trial % 3 == 0 ? 1 : 0;
    network.layers[0].block_rows = trial % 4 == 0 ? draw(1, network.format.array_rows) : 0;
    for (auto &weight : network.layers[0].weights) {
      if (trial % 3 == 0) weight = std::max<std::int8_t>(weight, -127);
    }
    expect_convolution(network, test::random_image(random, network.input_shape));
  }
}

TEST(GoldenConvolution, RowBlocksEndWhereTheArrayEnds) {
  Values random(5);
  for (const std::int32_t rows : {127, 128, 129, 256, 257}) {
    QuantisedNetwork network;
    network.name = "fc";
    network.input_shape = {1, 1, rows};
    network.layers.push_back(test::convolution(random, network.input_shape, 3, Window{}));
    network.layers[0].converter = {4, 8};
    network.layers[0].requantise.output_s32 = true;
    network.layers[0].requantise.shift = 0;
    expect_convolution(network, test::random_image(random, network.input_shape));
  }
}

TEST(GoldenPool, MaximumSkipsPaddingAndAverageAddsIt) {
  QuantisedNetwork network;
  network.name = "pools";
  network.input_shape = {2, 2, 1};
  const Window window{2, 2, 1, 1, 1, 1, 1, 1, 0, 0};
  network.layers.push_back(test::pool(LayerOp::kMaxPool, network.input_shape, window, -1));
  network.layers[0].pad_value = 200;
  validate(network);
  const Bytes image = {10, 20, 30, 40};
  EXPECT_EQ(execute_golden(network, image.data())[0].values,
            (std::vector<std::int32_t>{10, 20, 30, 40}));

  network.layers[0] = test::pool(LayerOp::kAveragePool, network.input_shape, window, -1);
  network.layers[0].pad_value = 100;
  validate(network);
  // (3 * 100 + 10) / 4 = 77.5, (200 + 30) / 4, (200 + 40) / 4, 100 / 4; halves up
  EXPECT_EQ(execute_golden(network, image.data())[0].values,
            (std::vector<std::int32_t>{78, 58, 60, 25}));
}

TEST(GoldenAdd, WeighsBothInputs) {
  QuantisedNetwork network;
  network.name = "sum";
  network.input_shape = {1, 2, 1};
  network.layers.push_back(test::pool(LayerOp::kMaxPool, network.input_shape, Window{}, -1));
  network.layers.push_back(test::addition(network.input_shape, 0, -1));
  validate(network);
  const Bytes image = {100, 3};
  // (100 * 511 - 700 + 256) >> 9 = 98; (3 * 511 - 700 + 256) >> 9 = 2
  EXPECT_EQ(golden_logits(network, image.data()), (std::vector<std::int32_t>{98, 2}));
}

TEST(Golden, ResNetSizedLayerIsFast) {
  Values random(11);
  QuantisedNetwork network;
  network.name = "speed";
  network.input_shape = {32, 32, 64};
  network.layers.push_back(
      test::convolution(random, network.input_shape, 64, Window{3, 3, 1, 1, 1, 1, 1, 1, 1, 1}));
  const Bytes image = test::random_image(random, network.input_shape);
  const auto start = std::chrono::steady_clock::now();
  golden_logits(network, image.data());  // 37.7 million products
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  RecordProperty("seconds", std::to_string(elapsed.count()));
  EXPECT_LT(elapsed.count(), 5.0);  // generous: a sanitised build on a busy machine
}

// A grouped convolution is one convolution per group on its own channels.
TEST(Golden, GroupsAreConvolutionsOfTheirOwn) {
  Values random(21);
  for (const std::int32_t groups : {2, 3, 6}) {
    const TensorShape shape = {5, 4, 6};
    const Window window{3, 3, 1, 2, 1, 1, 1, 1, 1, 0};
    const std::int32_t in = shape.channels / groups, out = 2;
    // Few rows per array, so that a group's kernel spans several.
    const auto format = format_of(ConverterFormat::Code::kSigned8, 8);
    Layer whole = test::convolution(random, shape, out * groups, window);
    whole.groups = groups;
    whole.pad_value = 9;
    whole.converter = {4, 4};
    const auto kernel = static_cast<std::size_t>(9 * in);
    whole.weights.resize(kernel * static_cast<std::size_t>(out * groups));
    QuantisedNetwork network;
    network.format = format;
    network.input_shape = shape;
    network.layers = {whole};
    ASSERT_NO_THROW(validate(network));
    const Bytes image = test::random_image(random, shape);
    const auto got = execute_golden(network, image.data())[0];
    for (std::int32_t g = 0; g < groups; ++g) {
      Layer part = whole;
      part.groups = 1;
      part.input_shape.channels = in;
      part.output_shape.channels = out;
      const auto first = static_cast<std::ptrdiff_t>(g * out);
      const auto cut = [&](auto &values, std::ptrdiff_t size) {
        values.assign(values.begin() + first * size, values.begin() + (first + out) * size);
      };
      cut(part.weights, static_cast<std::ptrdiff_t>(kernel));
      cut(part.requantise.multiplier, 1);
      cut(part.requantise.bias, 1);
      GoldenTensor channels;
      channels.shape = part.input_shape;
      for (std::size_t pixel = 0; pixel < 20; ++pixel) {
        for (std::int32_t c = 0; c < in; ++c) {
          channels.values.push_back(image[pixel * 6 + static_cast<std::size_t>(g * in + c)]);
        }
      }
      const auto wanted = execute_golden_layer(format, part, {&channels});
      for (std::size_t i = 0; i < wanted.values.size(); ++i) {
        const std::size_t pixel = i / 2, c = i % 2;
        ASSERT_EQ(got.values[pixel * static_cast<std::size_t>(out * groups) +
                             static_cast<std::size_t>(first) + c],
                  wanted.values[i]);
      }
    }
  }
}

TEST(Golden, ConcatPlacesInputsAndFillsTheRest) {
  Values random(3);
  const QuantisedNetwork network = test::padded_concat();
  ASSERT_NO_THROW(validate(network));
  const Bytes image = test::random_image(random, network.input_shape);
  const auto outputs = execute_golden(network, image.data());
  ASSERT_EQ(outputs[1].shape.channels, 9);
  for (std::size_t pixel = 0; pixel < 12; ++pixel) {
    const auto *values = outputs[1].values.data() + pixel * 9;
    const auto *convolved = outputs[0].values.data() + pixel * 4;
    // [fill, convolution 0 .. 3, fill, image 0 .. 1, fill]
    EXPECT_EQ(values[0], 77);
    for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(values[1 + c], convolved[c]);
    EXPECT_EQ(values[5], 77);
    for (std::size_t c = 0; c < 2; ++c) EXPECT_EQ(values[6 + c], image[pixel * 2 + c]);
    EXPECT_EQ(values[8], 77);
  }
}

TEST(Golden, HostOperationsEqualTheirDefinitions) {
  Values random(4);
  const QuantisedNetwork network = test::host_operations();
  ASSERT_NO_THROW(validate(network));
  const Bytes image = test::random_image(random, network.input_shape);
  const auto outputs = execute_golden(network, image.data());
  const auto at = [&](std::size_t layer, std::size_t i) { return outputs[layer].values[i]; };
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(at(0, i), 255 - image[i]);
    const std::int32_t product = (at(0, i) - 10) * (at(1, i % 2) - 5) * 3;
    const double exact = product / 256.0 + 40;
    EXPECT_EQ(at(2, i), std::clamp<int>(static_cast<int>(std::floor(exact + 0.5)), 0, 255));
    // All six pixels of the 2 x 3 image lie in the window of the middle column, four elsewhere.
    const std::size_t column = i / 2 % 3;
    int sum = 0, taps = 0;
    for (std::size_t k = i % 2; k < 12; k += 2) {
      const std::size_t other = k / 2 % 3;
      if (std::max(column, other) - std::min(column, other) > 1) continue;
      sum += at(2, k);
      ++taps;
    }
    EXPECT_EQ(taps, column == 1 ? 6 : 4);
    EXPECT_NEAR(at(3, i), static_cast<double>(sum) / taps, 0.51);
    // Two neighbours: the own channel and the next one.
    const int own = at(3, i) - 20, next = i % 2 == 0 ? at(3, i + 1) - 20 : 0;
    const int step = std::min((own * own + next * next) >> 10, 63);
    const double factor = (65535.0 - 1000 * step) / 65536;
    EXPECT_EQ(at(4, i), std::clamp<int>(static_cast<int>(std::floor(own * factor + 20.5)), 0, 255));
    // Output pixel (y, x) is input pixel (x, y); the last element is filled.
    const std::size_t pixel = i / 2, from = pixel % 2 * 3 + pixel / 2;
    EXPECT_EQ(at(5, i), i == 11 ? 9 : at(4, 2 * from + i % 2));
  }
}

TEST(Golden, InputTableIsAppliedPerChannel) {
  QuantisedNetwork network;
  network.input_shape = {1, 2, 2};
  network.layers.push_back(test::pool(LayerOp::kMaxPool, network.input_shape, Window{}, -1));
  for (int byte = 0; byte < 256; ++byte) {
    network.input_table.push_back(static_cast<std::uint8_t>(255 - byte));
  }
  for (int byte = 0; byte < 256; ++byte) {
    network.input_table.push_back(static_cast<std::uint8_t>(byte / 2));
  }
  ASSERT_NO_THROW(validate(network));
  const std::uint8_t image[] = {0, 0, 200, 201};
  EXPECT_EQ(golden_logits(network, image), (std::vector<std::int32_t>{255, 0, 55, 100}));
}

}  // namespace
}  // namespace npim::network
