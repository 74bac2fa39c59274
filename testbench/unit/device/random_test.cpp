// Philox against its published vectors, the vector code against the scalar code on every
// instruction set of this machine, and the shape of the normal distribution.
#include "device/random.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <stdexcept>
#include <vector>

namespace npim::device {
namespace {

DrawKey key_of(std::uint64_t seed, std::uint64_t window = 0, std::uint32_t cycle = 0) {
  DrawKey key;
  key.seed = seed;
  key.tile = 3;
  key.array = 65535;
  key.window = window;
  key.cycle = cycle;
  key.purpose = Purpose::kReadNoise;
  return key;
}

// Random123, tests/kat_vectors.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

/// Calls `check` with each instruction set that this machine has.
template <class Check>
void on_every_target(const Check &check) {
  const auto targets = hwy::SupportedTargets() & ~(HWY_EMU128 | HWY_SCALAR);
  for (auto left = targets; left != 0; left &= left - 1) {
    const auto target = left & -left;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().DeInit();
    SCOPED_TRACE(hwy::TargetName(target));
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

TEST(Random, VectorsEqualScalarsBitForBit) {
  on_every_target([] {
    for (const std::size_t count : {1, 17, 64, 100, 4096}) {
      const auto key = key_of(0x123456789abcdef0, 1ULL << 40, 255);
      std::vector<float> normals(count);
      std::vector<std::uint32_t> words(count);
      fill_normals(key, 128, count, normals.data());
      fill_words(key, 128, count, words.data());
      for (std::size_t i = 0; i < count; ++i) {
        const float scalar = random_normal(key, 128 + i);
        ASSERT_EQ(std::memcmp(&scalar, &normals[i], sizeof scalar), 0) << i;
        ASSERT_EQ(random_word(key, 128 + i), words[i]) << i;
      }
    }
  });
}

TEST(Random, EveryPartOfTheKeyMatters) {
  std::set<std::uint32_t> words;
  auto key = key_of(1);
  const auto add = [&] { words.insert(random_word(key, 5)); };
  add();
  key.seed ^= 1ULL << 63, add();
  key.tile ^= 1, add();
  key.array ^= 1, add();
  key.window ^= 1, add();
  key.window ^= 1ULL << 63, add();
  key.cycle ^= 1, add();
  key.purpose = Purpose::kDrift, add();
  words.insert(random_word(key, 6));
  EXPECT_EQ(words.size(), 9u);
}

TEST(Random, OutOfRangeIsRefused) {
  std::vector<float> normals(64);
  auto key = key_of(1);
  EXPECT_THROW(random_word(key, kMostDraws), std::invalid_argument);
  EXPECT_THROW(fill_normals(key, 32, 1, normals.data()), std::invalid_argument);
  EXPECT_THROW(fill_normals(key, kMostDraws, 1, normals.data()), std::invalid_argument);
  key.tile = 65536;
  EXPECT_THROW(random_word(key, 0), std::invalid_argument);
  key = key_of(1, 0, 256);
  EXPECT_THROW(random_word(key, 0), std::invalid_argument);
}

// Kolmogorov-Smirnov at the 0.1 % level with a fixed seed, and moments within 5 standard errors.
TEST(Random, NormalsAreNormal) {
  constexpr std::size_t kCount = 1 << 20;
  std::vector<float> normals(kCount);
  fill_normals(key_of(42), 0, kCount, normals.data());
  double moment[5] = {};
  for (const float z : normals) {
    for (int power = 1; power <= 4; ++power) moment[power] += std::pow(double{z}, power);
  }
  const double n = kCount;
  EXPECT_NEAR(moment[1] / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(moment[2] / n, 1, 5 * std::sqrt(2 / n));
  EXPECT_NEAR(moment[3] / n, 0, 5 * std::sqrt(15 / n));
  EXPECT_NEAR(moment[4] / n, 3, 5 * std::sqrt(96 / n));
  std::sort(normals.begin(), normals.end());
  double worst = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double cdf = 0.5 * std::erfc(-double{normals[i]} / std::sqrt(2.0));
    const double at = static_cast<double>(i);
    worst = std::max({worst, std::abs(cdf - at / n), std::abs(cdf - (at + 1) / n)});
  }
  EXPECT_LT(worst, 1.95 / std::sqrt(n));
  EXPECT_GT(normals.back(), 4.5);
}

TEST(Random, NeighboursAreUncorrelated) {
  constexpr std::size_t kCount = 1 << 18;
  std::vector<float> a(kCount), b(kCount);
  fill_normals(key_of(42, 0), 0, kCount, a.data());
  fill_normals(key_of(42, 1), 0, kCount, b.data());
  double windows = 0, columns = 0, pairs = 0;
  for (std::size_t i = 0; i + 16 < kCount; ++i) {
    windows += double{a[i]} * b[i];
    columns += double{a[i]} * a[i + 1];
    pairs += double{a[i]} * a[i + 16];  // cosine and sine of one Box-Muller pair
  }
  const double bound = 5 * std::sqrt(static_cast<double>(kCount));
  EXPECT_LT(std::abs(windows), bound);
  EXPECT_LT(std::abs(columns), bound);
  EXPECT_LT(std::abs(pairs), bound);
}

TEST(Random, UniformsStayInside) {
  for (std::size_t i = 0; i < 10000; ++i) {
    const double u = random_uniform(key_of(9), i);
    ASSERT_GT(u, 0);
    ASSERT_LT(u, 1);
  }
}

}  // namespace
}  // namespace npim::device
