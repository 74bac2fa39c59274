// The units of a tile by themselves: values and times of the same call. Small chip: 833 ps per tile
// clock and conversion, one NNADC.
#include "chip/tile_units.h"

#include <gtest/gtest.h>

#include "chip_bench.h"

namespace npim::chip::test {
namespace {

using sc_core::sc_time;
using sc_core::SC_ZERO_TIME;

constexpr std::uint64_t kClock = 833;  // ps

std::uint64_t booked(const cost::Account &account, cost::Part part) {
  return account.actions[static_cast<std::size_t>(part)];
}
std::uint64_t ps(const sc_time &time) {
  return time.value();
}

TEST(NnadcUnit, ConvertsABatchAndSharesItAmongTheConverters) {
  auto config = small_chip();
  config.nnadc.per_tile = 3;
  config.nnadc.code = config::CodeFormat::kLossless;
  const ChipContext context(config, dataflow::Kernel::kFolded);
  Nnadc nnadc("nnadc", context, 0);
  cost::Account account;
  const Payer payer = {&account};
  const auto array = context.datapath.make_array({0, 0});
  const auto layer = context.datapath.make_layer({1, 1});
  const std::vector<double> sums = {7, -9, 100000, 4};
  std::vector<std::int32_t> codes(4);
  const std::vector<Conversion> batch = {{array.get(), 0, sums.data(), codes.data(), 3},
                                         {array.get(), 0, sums.data() + 3, codes.data() + 3, 1}};
  Nnadc::convert(batch, layer);
  EXPECT_EQ(codes, (std::vector<std::int32_t>{7, -9, 100000, 4}));
  EXPECT_EQ(ps(nnadc.reserve(SC_ZERO_TIME, 4, payer)), 2 * kClock) << "4 over 3";
  EXPECT_EQ(ps(nnadc.reserve(SC_ZERO_TIME, 1, payer)), 3 * kClock) << "queued";
  EXPECT_EQ(booked(account, cost::Part::kNnadc), 5U);
}

TEST(NnadcUnit, UsesTheRangeOfTheLayer) {
  const auto config = small_chip();
  const ChipContext context(config, dataflow::Kernel::kFolded);
  const auto array = context.datapath.make_array({0, 0});
  const std::int32_t full_scale = 128 * 255 * 255;
  const double sum = full_scale / 127 + 1;  // one code in the widest range
  std::int32_t code = 0;
  const std::vector<Conversion> batch = {{array.get(), 0, &sum, &code, 1}};
  Nnadc::convert(batch, context.datapath.make_layer({1, 1}));
  EXPECT_EQ(code, 1);
  Nnadc::convert(batch, context.datapath.make_layer({4, 8}));
  EXPECT_EQ(code, 32);
}

/// A pixel of two channels: y = 3 A + 10 c, clamped to 0 .. 255.
class PostUnit : public ::testing::Test {
 protected:
  PostUnit() {
    requantiser.multiplier = multiplier.data();
    requantiser.bias = bias.data();
    config.post_lanes = 3;
  }
  PostPixel pixel() { return {2, &requantiser, accumulators.data(), values.data(), &payer}; }

  const std::vector<std::int32_t> multiplier = {3, 3};
  const std::vector<std::int64_t> bias = {0, 10};
  peripheral::Requantiser requantiser;
  std::vector<std::int64_t> accumulators = {0, 0};
  std::vector<std::int32_t> values = {0, 0};
  config::ChipConfig config = small_chip();
  cost::Account account;
  Payer payer = {&account};
};

TEST_F(PostUnit, AddsPartialSumsAndRequantises) {
  const ChipContext context(config, dataflow::Kernel::kFolded);
  PostProcessor post("post", context);
  const std::vector<std::int64_t> sums = {5, -20, 7};
  const std::vector<PartialSums> parts = {{sums.data(), 0, 2}, {sums.data() + 2, 0, 1}};
  // 3 sums and 2 channels over 3 lanes.
  EXPECT_EQ(ps(post.finish_sums(SC_ZERO_TIME, parts, pixel())), 2 * kClock);
  EXPECT_EQ(values, (std::vector<std::int32_t>{36, 0}));
  EXPECT_EQ(booked(account, cost::Part::kTileShiftAdd), 3U);
  EXPECT_EQ(booked(account, cost::Part::kSigmoid), 2U);
  EXPECT_EQ(booked(account, cost::Part::kTileOutputRegister), 2U);
  PostPixel raw = pixel();
  raw.requantiser = nullptr;
  accumulators = {0, 0};
  EXPECT_EQ(ps(post.finish_sums(SC_ZERO_TIME, parts, raw)), 3 * kClock) << "queued, 3 sums";
  EXPECT_EQ(values, (std::vector<std::int32_t>{12, -20}));
}

TEST_F(PostUnit, PoolsTheTapsInsideTheImage) {
  const ChipContext context(config, dataflow::Kernel::kFolded);
  PostProcessor post("post", context);
  const std::vector<std::uint8_t> pixels = {1, 30, 5, 2, 3, 4};
  const PoolTaps taps = {pixels.data(), 3, 4};
  EXPECT_EQ(ps(post.max_pool(SC_ZERO_TIME, taps, pixel())), 3 * kClock) << "4 taps of 2 channels";
  EXPECT_EQ(values, (std::vector<std::int32_t>{5, 30}));
  const sc_time later(1, sc_core::SC_US);
  EXPECT_EQ(ps(post.average_pool(later, taps, 1, pixel())), 1000000 + 3 * kClock);
  EXPECT_EQ(values, (std::vector<std::int32_t>{30, 121}));
}

TEST_F(PostUnit, AddsPixelsAndAggregates) {
  const ChipContext context(config, dataflow::Kernel::kFolded);
  PostProcessor post("post", context);
  const std::vector<std::uint8_t> a = {1, 2}, b = {10, 60};
  EXPECT_EQ(ps(post.add(SC_ZERO_TIME, a.data(), b.data(), pixel())), 2 * kClock);
  EXPECT_EQ(values, (std::vector<std::int32_t>{33, 186}));
  // s32 of two ports: {1, -1} and {256, 2}.
  const std::vector<std::uint8_t> sums = {1, 0, 0, 0, 255, 255, 255, 255, 0, 1, 0, 0, 2, 0, 0, 0};
  PostPixel raw = pixel();
  raw.requantiser = nullptr;
  EXPECT_EQ(ps(post.aggregate(SC_ZERO_TIME, sums.data(), 2, raw)), 4 * kClock);
  EXPECT_EQ(values, (std::vector<std::int32_t>{257, 1}));
}

}  // namespace
}  // namespace npim::chip::test
