#include "dataflow/resolution.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace npim::dataflow {
namespace {

constexpr auto kA = Strategy::kDigitalAccumulation, kB = Strategy::kAnalogBuffering,
               kC = Strategy::kAnalogAccumulation;

TEST(Resolution, MatchesThePapersExample) {
  const Resolution example;
  EXPECT_EQ(converter_bits(kA, example), 8);
  EXPECT_EQ(converter_bits(kB, example), 11);
  EXPECT_EQ(converter_bits(kC, example), 8);
  EXPECT_EQ(conversions(kA, example), 64);
  EXPECT_EQ(conversions(kB, example), 15);
  EXPECT_EQ(conversions(kC, example), 1);
  EXPECT_EQ(example.input_cycles(), 8);
}

TEST(Resolution, NeedsTheWholeSumWhenCellsAndSlicesHaveSeveralBits) {
  Resolution several;
  several.cell_bits = several.dac_bits = 2;
  EXPECT_EQ(bit_line_bits(several), 11);
  several.dac_bits = 1;
  EXPECT_EQ(bit_line_bits(several), 9);
}

TEST(Resolution, RulesOutBuffersForSeveralBitSlices) {
  Resolution wide;
  EXPECT_TRUE(buffering_is_possible(wide));
  wide.dac_bits = 2;
  EXPECT_FALSE(buffering_is_possible(wide));
}

TEST(Resolution, RefusesWhatNoArrayHas) {
  Resolution bad;
  bad.cell_bits = 9;
  try {
    bad.check();
    FAIL() << "accepted";
  } catch (const InputError &error) {
    EXPECT_NE(std::string(error.what()).find("cell bits"), std::string::npos);
  }
}

}  // namespace
}  // namespace npim::dataflow
