// DAC slicing, the shift-and-add recursion, the converter's rounding at its edges and
// post-processing.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>

#include "peripheral/dac.h"
#include "peripheral/nnadc.h"
#include "peripheral/post_processing.h"
#include "peripheral/shift_add.h"

namespace npim::peripheral {
namespace {

TEST(Dac, SlicesLeastSignificantFirst) {
  const Dac dac(4, 8);
  EXPECT_EQ(dac.cycles(), 2);
  EXPECT_EQ(dac.slice(0xa7, 0), 0x7);
  EXPECT_EQ(dac.slice(0xa7, 1), 0xa);
  EXPECT_EQ(Dac(1, 8).cycles(), 8);
  EXPECT_EQ(Dac(8, 8).slice(0xa7, 0), 0xa7);
}

TEST(Dac, LastSliceMayBeShort) {
  const Dac dac(3, 8);
  EXPECT_EQ(dac.cycles(), 3);
  EXPECT_EQ(dac.slice(0xff, 2), 0x3);
  for (int input = 0; input < 256; ++input) {
    const auto value = static_cast<std::uint8_t>(input);
    EXPECT_EQ(dac.slice(value, 0) + 8 * dac.slice(value, 1) + 64 * dac.slice(value, 2), input);
  }
}

TEST(Dac, CountsTheSlicesThatAreNotZero) {
  std::vector<std::uint8_t> inputs;
  for (int rows = 0; rows < 300; ++rows) {
    for (int bits = 1; bits <= 8; ++bits) {
      const Dac dac(bits, 8);
      std::uint64_t count = 0;
      for (const std::uint8_t input : inputs) {
        for (int cycle = 0; cycle < dac.cycles(); ++cycle) count += dac.slice(input, cycle) != 0;
      }
      ASSERT_EQ(dac.driven_slices(inputs.data(), rows), count) << bits << " bits, " << rows;
    }
    inputs.push_back(static_cast<std::uint8_t>(rows % 5 == 0 ? 0 : rows * 37));
  }
  const std::vector<std::uint8_t> full(512, 255);
  EXPECT_EQ(Dac(1, 8).driven_slices(full.data(), 512), 512U * 8);
}

TEST(IdealNnsa, HalvesThePreviousSumPerDacBit) {
  config::ChipConfig::Array shape;
  shape.rows = 4;
  shape.columns = 16;
  const device::ArrayGeometry geometry(shape);
  std::int32_t lines[16] = {};
  lines[0] = 3;   // digit 0 of W_P
  lines[15] = 2;  // digit 7 of W_N
  HeldSum held;
  held.value = 99;
  const IdealNnsa nnsa(2);
  nnsa.accumulate(geometry, lines, true, &held);
  EXPECT_EQ(held.value, 3 - 2 * 128);
  EXPECT_EQ(held.fraction_bits, 0);
  nnsa.accumulate(geometry, lines, false, &held);
  // V = (3 - 256) / 4 + (3 - 256), in quarters
  EXPECT_EQ(held.fraction_bits, 2);
  EXPECT_EQ(held.value, (3 - 256) + 4 * (3 - 256));
}

/// The definition with exact rationals: round half away from zero of D * factor / FS.
std::int64_t reference_code(std::int64_t sum, std::int64_t factor, std::int64_t full_scale,
                            std::int64_t highest) {
  const std::int64_t magnitude = std::abs(sum) * factor;
  std::int64_t code = magnitude / full_scale;
  if (2 * (magnitude % full_scale) >= full_scale) ++code;
  code = std::min(code, highest);
  return sum < 0 ? -code : code;
}

TEST(IdealNnadc, EqualsTheDefinitionAroundEveryStep) {
  for (const int rows : {1, 32, 128, 512}) {
    const std::int64_t full_scale = std::int64_t{rows} * 255 * 255;
    for (const int highest : {127, 255}) {
      for (const int factor : {1, 2, 8, 32, 512}) {
        const IdealNnadc nnadc(rows, highest,
                               {factor >= 4 ? 4 : 1, factor >= 4 ? factor / 4 : factor});
        for (int code = -highest - 1; code <= highest + 1; ++code) {
          const std::int64_t step =
              (2 * code + 1) * full_scale / (2 * std::int64_t{factor} * highest);
          for (std::int64_t sum = step - 2; sum <= step + 2; ++sum) {
            ASSERT_EQ(nnadc.convert_one(static_cast<std::int32_t>(sum)),
                      reference_code(sum, std::int64_t{factor} * highest, full_scale, highest))
                << rows << " rows, factor " << factor << ", sum " << sum;
          }
        }
      }
    }
  }
}

TEST(IdealNnadc, HalvesRoundAwayFromZero) {
  const IdealNnadc nnadc(254, 127, {1, 1});  // FS / 127 = 2 * 65025: half a step is 65025
  EXPECT_EQ(nnadc.convert_one(65024), 0);
  EXPECT_EQ(nnadc.convert_one(65025), 1);
  EXPECT_EQ(nnadc.convert_one(-65024), 0);
  EXPECT_EQ(nnadc.convert_one(-65025), -1);
}

TEST(IdealNnadc, Saturates) {
  const IdealNnadc nnadc(128, 127, {4, 128});
  EXPECT_EQ(nnadc.convert_one(std::numeric_limits<std::int32_t>::max()), 127);
  EXPECT_EQ(nnadc.convert_one(std::numeric_limits<std::int32_t>::min()), -127);
  EXPECT_EQ(nnadc.convert_one(0), 0);
}

TEST(IdealNnadc, EqualsTheDefinitionForRandomSums) {
  std::mt19937 random(3);
  const IdealNnadc nnadc(128, 255, {2, 8});
  std::uniform_int_distribution<std::int32_t> any(-128 * 255 * 128, 128 * 255 * 127);
  for (int i = 0; i < 100000; ++i) {
    const std::int32_t sum = any(random) >> (i % 16);
    ASSERT_EQ(nnadc.convert_one(sum), reference_code(sum, 16 * 255, 128 * 65025, 255)) << sum;
  }
}

TEST(Converter, FollowsTheConfiguration) {
  config::ChipConfig chip;
  const std::int32_t sum = 1000000;
  std::int32_t code = 0;
  chip.nnadc.code = config::CodeFormat::kLossless;
  make_converter(chip, {4, 8})->convert(&sum, 1, &code);
  EXPECT_EQ(code, sum);
  EXPECT_EQ(make_converter(chip, {1, 1})->code_bound(10), 10 * 255 * 255);
  chip.nnadc.code = config::CodeFormat::kSigned8;
  make_converter(chip, {1, 1})->convert(&sum, 1, &code);
  EXPECT_EQ(code, 15);  // 1e6 * 127 / 8323200 = 15.26
  chip.nnadc.code = config::CodeFormat::kSignPlus8;
  make_converter(chip, {2, 4})->convert(&sum, 1, &code);
  EXPECT_EQ(code, 245);  // 1e6 * 8 * 255 / 8323200 = 245.1
}

TEST(Requantiser, RoundsHalvesUp) {
  const std::int32_t multiplier = 1;
  const std::int64_t bias = 0;
  Requantiser post;
  post.multiplier = &multiplier;
  post.bias = &bias;
  post.shift = 1;
  post.output_s32 = true;
  const std::int64_t sums[] = {3, -3, -1, 1, 2};
  const std::int32_t expected[] = {2, -1, 0, 1, 1};
  for (int i = 0; i < 5; ++i) {
    std::int32_t output = 0;
    post.per_channel(sums + i, 1, &output);
    EXPECT_EQ(output, expected[i]) << sums[i];
  }
}

TEST(Requantiser, ClampsAtItsLimits) {
  Requantiser post;
  post.low = 7;
  post.high = 200;
  EXPECT_EQ(post.finish(-5), 7);
  EXPECT_EQ(post.finish(199), 199);
  EXPECT_EQ(post.finish(std::numeric_limits<std::int64_t>::max()), 200);
  post.output_s32 = true;
  EXPECT_EQ(post.finish(std::int64_t{1} << 40), std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(post.finish(-(std::int64_t{1} << 40)), std::numeric_limits<std::int32_t>::min());
  post.shift = 62;
  EXPECT_EQ(post.finish(std::int64_t{1} << 61), 1);
  EXPECT_EQ(post.finish((std::int64_t{1} << 61) - 1), 0);
}

TEST(Requantiser, AddsTwoInputsWithTheirOwnFactors) {
  const std::int32_t multiplier[] = {3, -2};
  const std::int64_t bias = 10;
  Requantiser post;
  post.multiplier = multiplier;
  post.bias = &bias;
  post.shift = 2;
  const std::uint8_t a[] = {0, 255, 8}, b[] = {255, 0, 3};
  std::int32_t outputs[3];
  post.add(a, b, 3, outputs);
  EXPECT_EQ(outputs[0], 0);    // (-510 + 10 + 2) >> 2 < 0
  EXPECT_EQ(outputs[1], 194);  // (765 + 10 + 2) >> 2
  EXPECT_EQ(outputs[2], 7);    // (24 - 6 + 10 + 2) >> 2
}

}  // namespace
}  // namespace npim::peripheral
