#include "network/quantised.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "network/golden.h"
#include "unit/network/test_networks.h"

namespace npim::network {
namespace {

using test::Values;
using testing::HasSubstr;

void expect_refused(QuantisedNetwork network, const std::function<void(QuantisedNetwork &)> &damage,
                    const std::string &message) {
  ASSERT_NO_THROW(validate(network));
  const std::string name = network.name;
  damage(network);
  try {
    validate(network);
    FAIL() << "accepted: " << message;
  } catch (const InputError &error) {
    EXPECT_THAT(error.what(), HasSubstr(message));
    EXPECT_THAT(error.what(), HasSubstr(name));
  }
}

void expect_refused(const std::function<void(QuantisedNetwork &)> &damage,
                    const std::string &message) {
  ASSERT_EQ(test::every_operation().name, "every operation");
  expect_refused(test::every_operation(), damage, message);
}

TEST(Validate, NamesNetworkAndLayer) {
  expect_refused([](QuantisedNetwork &n) { n.layers[2].window.stride_height = 0; },
                 "layer 2 ('pool')");
}

TEST(Validate, RefusesUnusableShapes) {
  expect_refused([](QuantisedNetwork &n) { n.input_shape.channels = 0; }, "input shape");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].output_shape.channels = 2147483647; },
                 "output shape");
  expect_refused(
      [](QuantisedNetwork &n) {
        n.layers[0].input_shape = {65536, 65536, 65536};
      },
      "input shape");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].output_shape.height = 5; },
                 "output height 5 should be 6");
  expect_refused([](QuantisedNetwork &n) { n.layers[3].input_shape.width = 5; },
                 "differs from its producer's");
}

TEST(Validate, RefusesWindowsOutOfRange) {
  expect_refused([](QuantisedNetwork &n) { n.layers[0].window.kernel_height = 2147483647; },
                 "kernel height");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].window.kernel_width = 65536; }, "exceeds");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].window.dilation_width = -1; }, "dilation");
  expect_refused([](QuantisedNetwork &n) { n.layers[1].window.pad_top = 2; }, "padding");
  expect_refused([](QuantisedNetwork &n) { n.layers[1].window.pad_bottom = -1; }, "padding");
}

TEST(Validate, RefusesWrongReferences) {
  expect_refused([](QuantisedNetwork &n) { n.layers[1].inputs = {1}; }, "not an earlier layer");
  expect_refused([](QuantisedNetwork &n) { n.layers[1].inputs = {-2}; }, "not an earlier layer");
  expect_refused([](QuantisedNetwork &n) { n.layers[3].inputs = {1}; }, "inputs instead of 2");
  expect_refused([](QuantisedNetwork &n) { n.layers[3].inputs = {1, 1}; }, "never used");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].requantise.output_s32 = true; },
                 "reads 32-bit values");
  expect_refused([](QuantisedNetwork &n) { n.layers.clear(); }, "no layers");
}

TEST(Validate, RefusesWrongConcatsGroupsAndTables) {
  const auto refuse = [](const std::function<void(QuantisedNetwork &)> &damage,
                         const std::string &message) {
    expect_refused(test::padded_concat(), damage, message);
  };
  refuse([](auto &n) { n.layers[1].channel_offsets = {1, 4}; }, "overlap");
  refuse([](auto &n) { n.layers[1].channel_offsets = {6, 1}; }, "overlap");
  refuse([](auto &n) { n.layers[1].channel_offsets = {-1, 6}; }, "overlap");
  refuse([](auto &n) { n.layers[1].channel_offsets = {1, 8}; }, "exceeds");
  refuse([](auto &n) { n.layers[1].channel_offsets = {1}; }, "one channel offset per input");
  refuse([](auto &n) { n.layers[1].inputs = {}; }, "has 0 inputs");
  refuse([](auto &n) { n.layers[1].input_shape.channels = 5; }, "channels are not those");
  refuse([](auto &n) { n.layers[1].output_shape.width = 3; }, "output shape");
  refuse([](auto &n) { n.layers.pop_back(); }, "last layer");
  refuse([](auto &n) { n.layers[0].channel_offsets = {0}; }, "is no concat");
  refuse([](auto &n) { n.layers[1].groups = 3; }, "not a convolution");
  refuse([](auto &n) { n.layers[2].groups = 0; }, "do not divide");
  refuse([](auto &n) { n.layers[2].groups = 2; }, "do not divide");
  refuse([](auto &n) { n.layers[1].requantise.bias = {1}; }, "does not requantise");
  refuse([](auto &n) { n.input_table.resize(256); }, "256 per channel");
}

TEST(Validate, RefusesWrongHostOperations) {
  const auto refuse = [](const std::function<void(QuantisedNetwork &)> &damage,
                         const std::string &message) {
    expect_refused(test::host_operations(), damage, message);
  };
  refuse([](auto &n) { n.layers[0].table.pop_back(); }, "255 table entries instead of 256");
  refuse([](auto &n) { n.layers[0].table[3] = 256; }, "table holds 256");
  refuse([](auto &n) { n.layers[0].requantise.bias = {0}; }, "does not requantise");
  refuse([](auto &n) { n.layers[1].table = {1}; }, "does not use");
  refuse([](auto &n) { n.layers[2].inputs.pop_back(); }, "inputs instead of 2");
  refuse([](auto &n) { n.layers[2].output_shape.channels = 1; }, "differs from the inputs'");
  refuse([](auto &n) { n.layers[2].requantise.bias[0] = INT64_MAX; }, "exceeds 64 bits");
  refuse([](auto &n) { n.layers[3].requantise.multiplier.pop_back(); }, "multipliers");
  refuse([](auto &n) { n.layers[3].window.pad_top = 3; }, "not smaller than the kernel");
  refuse([](auto &n) { n.layers[4].table.clear(); }, "no factors");
  refuse([](auto &n) { n.layers[4].table.resize(5000); }, "too many");
  refuse([](auto &n) { n.layers[4].table[0] = -1; }, "out of range");
  refuse([](auto &n) { n.layers[4].neighbours = 0; }, "neighbours");
  refuse([](auto &n) { n.layers[4].sum_shift = 32; }, "sum shift");
  refuse([](auto &n) { n.layers[5].table.pop_back(); }, "one table entry per output element");
  refuse([](auto &n) { n.layers[5].table[0] = 12; }, "table holds 12");
  refuse([](auto &n) { n.layers[5].table[0] = -2; }, "table holds -2");
  refuse([](auto &n) { n.layers[5].op = static_cast<LayerOp>(11); }, "unknown operation");
}

TEST(Serialise, KeepsHostOperations) {
  const QuantisedNetwork network = test::host_operations();
  const QuantisedNetwork read = deserialise(serialise(network), "memory");
  EXPECT_EQ(read.layers[0].table, network.layers[0].table);
  EXPECT_EQ(read.layers[2].second_zero_point, 5);
  EXPECT_EQ(read.layers[4].sum_shift, 10);
  EXPECT_EQ(serialise(read), serialise(network));
}

TEST(Serialise, KeepsConcatsGroupsAndTables) {
  QuantisedNetwork network = test::padded_concat();
  Values random(5);
  network.input_table = test::random_image(random, {2, 256, 1});
  Layer &last = network.layers[2];
  last.output_shape.channels = 9;
  last.groups = 9;
  last.weights.resize(9);
  last.requantise.multiplier.resize(9);
  last.requantise.bias.resize(9);
  const QuantisedNetwork read = deserialise(serialise(network), "memory");
  EXPECT_EQ(read.input_table, network.input_table);
  EXPECT_EQ(read.layers[1].channel_offsets, network.layers[1].channel_offsets);
  EXPECT_EQ(read.layers[2].groups, 9);
  EXPECT_EQ(serialise(read), serialise(network));
}

TEST(Validate, RefusesWrongParameters) {
  expect_refused([](QuantisedNetwork &n) { n.layers[0].weights.pop_back(); }, "weights instead");
  expect_refused([](QuantisedNetwork &n) { n.layers[1].weights.push_back(1); }, "has weights");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].requantise.multiplier.pop_back(); },
                 "multipliers");
  expect_refused([](QuantisedNetwork &n) { n.layers[2].requantise.bias.push_back(1); }, "biases");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].requantise.shift = 63; }, "shift");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].requantise.shift = -1; }, "shift");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].requantise.low = 256; }, "clamp");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].converter.range_divisor = 0; }, "range");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].converter.bitline_gain = 1 << 30; }, "gain");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].weight_shift = 2; }, "weight shift");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].block_rows = n.format.array_rows + 1; },
                 "row block exceeds");
  expect_refused(
      [](QuantisedNetwork &n) {
        n.layers[0].weight_shift = 1;
        n.layers[0].weights[0] = -128;
      },
      "-128 does not fit");
  expect_refused([](QuantisedNetwork &n) { n.format.array_rows = 0; }, "array_rows");
  expect_refused([](QuantisedNetwork &n) { n.format.code = static_cast<ConverterFormat::Code>(9); },
                 "code");
  expect_refused([](QuantisedNetwork &n) { n.layers[0].output_scale = NAN; }, "output scale");
  expect_refused([](QuantisedNetwork &n) { n.input_scale = 0; }, "input scale");
}

TEST(Validate, RefusesPostProcessingBeyond64Bits) {
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  const auto highest = std::numeric_limits<std::int64_t>::max();
  expect_refused([&](QuantisedNetwork &n) { n.layers[0].requantise.bias[1] = lowest; }, "64 bits");
  expect_refused([&](QuantisedNetwork &n) { n.layers[0].requantise.bias[1] = highest; }, "64 bits");
  expect_refused(
      [&](QuantisedNetwork &n) {
        n.layers[3].requantise.bias[0] = highest - 255 * 511 - 100;  // the rounding term is 256
      },
      "64 bits");
  QuantisedNetwork exact = test::every_operation();
  exact.layers[3].requantise.bias[0] = highest - 255 * 511 - 256;
  EXPECT_NO_THROW(validate(exact));
}

TEST(Serialise, RoundTrip) {
  QuantisedNetwork network = test::every_operation();
  network.layers[0].pad_value = 7;
  network.layers[0].converter = {4, 8};
  network.layers[0].weight_shift = 1;
  network.layers[0].block_rows = 3;
  for (auto &weight : network.layers[0].weights) weight = std::max<std::int8_t>(weight, -127);
  network.layers[0].output_scale = 0.1;
  network.layers[0].output_zero_point = -3;
  network.input_zero_point = 12;
  network.format = {100, ConverterFormat::Code::kSignPlus8};
  const Bytes bytes = serialise(network);
  const QuantisedNetwork back = deserialise(bytes, "file");
  EXPECT_EQ(serialise(back), bytes);
  EXPECT_EQ(back.name, network.name);
  EXPECT_EQ(back.layers[0].weights, network.layers[0].weights);
  EXPECT_EQ(back.layers[0].weight_shift, 1);
  EXPECT_EQ(back.layers[0].block_rows, 3);
  EXPECT_EQ(back.layers[0].output_scale, 0.1);
  EXPECT_EQ(back.layers[0].output_zero_point, -3);
  EXPECT_EQ(back.layers[0].converter.bitline_gain, 8);
  EXPECT_EQ(back.layers[2].window.pad_right, 1);
  EXPECT_TRUE(back.format == network.format);
  Values random(2);
  const Bytes image = test::random_image(random, network.input_shape);
  EXPECT_EQ(golden_logits(back, image.data()), golden_logits(network, image.data()));
}

TEST(Deserialise, RefusesEveryTruncation) {
  const Bytes bytes = serialise(test::every_operation());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THROW(deserialise(part, "part"), InputError) << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_THROW(deserialise(longer, "longer"), InputError);
}

TEST(Deserialise, RefusesOtherFilesAndVersions) {
  Bytes bytes = serialise(test::every_operation());
  bytes[4] = 99;
  try {
    deserialise(bytes, "old.npim");
    FAIL();
  } catch (const InputError &error) {
    EXPECT_THAT(error.what(), HasSubstr("version 99"));
    EXPECT_THAT(error.what(), HasSubstr("old.npim"));
  }
  bytes[0] ^= 1;
  EXPECT_THROW(deserialise(bytes, "other"), InputError);
}

// Whatever a damaged file turns into, it is refused or can be executed.
TEST(Deserialise, SurvivesBitFlips) {
  const Bytes bytes = serialise(test::every_operation());
  Values random(13);
  int accepted = 0;
  for (int trial = 0; trial < 4000; ++trial) {
    Bytes damaged = bytes;
    const auto flips = random.integer(1, 3);
    for (std::int64_t i = 0; i < flips; ++i) {
      const auto bit = random.integer(0, static_cast<std::int64_t>(bytes.size()) * 8 - 1);
      damaged[static_cast<std::size_t>(bit / 8)] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    }
    try {
      const QuantisedNetwork network = deserialise(damaged, "damaged");
      const Bytes image(static_cast<std::size_t>(network.input_shape.elements()), 255);
      golden_logits(network, image.data());
      ++accepted;
    } catch (const InputError &) {
    }
  }
  EXPECT_GT(accepted, 0);  // flips in weights are not errors
  EXPECT_LT(accepted, 4000);
}

TEST(Deserialise, RefusesHugeLengthsWithoutAllocating) {
  const Bytes bytes = serialise(test::every_operation());
  // Every aligned or unaligned 32-bit field in turn becomes 0xfffffff0.
  for (std::size_t at = 6; at + 4 <= std::min<std::size_t>(bytes.size(), 400); ++at) {
    Bytes damaged = bytes;
    damaged[at] = 0xf0;
    damaged[at + 1] = damaged[at + 2] = damaged[at + 3] = 0xff;
    try {
      deserialise(damaged, "huge");
    } catch (const InputError &) {
    }
  }
}

}  // namespace
}  // namespace npim::network
