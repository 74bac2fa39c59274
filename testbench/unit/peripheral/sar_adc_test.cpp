#include "peripheral/sar_adc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace npim::peripheral {
namespace {

TEST(SarAdc, WithoutDeviationsRoundsToNearest) {
  RandomStream stream(1, 0, 0);
  const SarAdc adc({8, 0, 0}, stream);
  for (int code = 0; code < 256; ++code) {
    EXPECT_EQ(adc.convert(code, nullptr), code);
    EXPECT_EQ(adc.convert(code + 0.49, nullptr), code);
    EXPECT_EQ(adc.convert(code - 0.49, nullptr), code);
  }
  EXPECT_EQ(adc.convert(-3, nullptr), 0);
  EXPECT_EQ(adc.convert(300, nullptr), 255);
}

TEST(SarAdc, ComparatorNoiseHasItsVarianceAtTheLastBit) {
  RandomStream stream(2, 0, 0);
  const SarAdc adc({8, 0, 0.3}, stream);
  // At a transition half of the codes fall on either side; one sigma above it, 84 %.
  int at = 0, above = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    float normals[16];
    for (float &normal : normals) normal = static_cast<float>(stream.normal());
    at += adc.convert(100.5, normals) >= 101;
    above += adc.convert(100.8, normals + 8) >= 101;
  }
  EXPECT_NEAR(at / double{kDraws}, 0.5, 0.02);
  EXPECT_NEAR(above / double{kDraws}, 0.841, 0.02);
}

TEST(SarAdc, CapacitorMismatchMovesTheMiddleTransitionMost) {
  double squares = 0;
  constexpr int kChips = 2000;
  for (int chip = 0; chip < kChips; ++chip) {
    RandomStream stream(3, static_cast<std::uint32_t>(chip), 0);
    const SarAdc adc({8, 0.02, 0}, stream);
    double low = 120, high = 136;  // bisect the transition 127 -> 128
    for (int i = 0; i < 30; ++i) {
      const double middle = 0.5 * (low + high);
      (adc.convert(middle, nullptr) >= 128 ? high : low) = middle;
    }
    squares += (high - 127.5) * (high - 127.5);
  }
  // The half of the array against the other half: 0.02 * sqrt(128 * 128 / 256) LSB.
  EXPECT_NEAR(std::sqrt(squares / kChips), 0.02 * 8, 0.02);
}

TEST(SarAdc, RefusesBadParameters) {
  RandomStream stream(1, 0, 0);
  EXPECT_THROW(SarAdc({0, 0, 0}, stream), InputError);
  EXPECT_THROW(SarAdc({8, -1, 0}, stream), InputError);
  EXPECT_THROW(SarAdc({8, 0, std::numeric_limits<double>::quiet_NaN()}, stream), InputError);
}

}  // namespace
}  // namespace npim::peripheral
