// Power and area of the shipped chips against what was published.
#include "cost/bill.h"

#include <gtest/gtest.h>

#include "cost/published.h"
#include "cost/window_cycle.h"

namespace npim::cost {
namespace {

Bill bill_of(const std::string &name) {
  return make_bill(
      config::load_chip_config(std::string(NPIM_SOURCE_DIR) + "/configs/chips/" + name + ".json"));
}

#define EXPECT_WITHIN(value, expected, percent) \
  EXPECT_NEAR((value) / (expected), 1.0, (percent) / 100.0) << (value) << " for " << (expected)

TEST(Bill, NeuralPimIsWithinFivePercentOfItsPaper) {
  const Bill bill = bill_of("neural-pim");
  EXPECT_WITHIN(bill.total().power_mw, 67.7e3, 3);
  EXPECT_WITHIN(bill.total().area_mm2, 86.4, 4);
  EXPECT_WITHIN(bill.tile().area_mm2, 0.2268, 5);
  EXPECT_WITHIN(bill.tile().power_mw, 204.6, 4);
  const auto figures = summary_figures(bill);
  EXPECT_WITHIN(figures.at("tile_gops_per_mm2"), 1904, 5);
  EXPECT_WITHIN(figures.at("cells_per_tile_mm2"), 4.6e6, 5);
  EXPECT_EQ(figures.at("weights_per_chip"), 280 * 64 * 1024);
}

/// Every line of Table I; the ADC is off by the 1.28 GS/s that the text needs for the 1.2 printed.
TEST(Bill, IsaacIsItsTableLineByLine) {
  const Bill bill = bill_of("isaac-ce");
  const Published table = load_published(bill.chip().published);
  int lines = 0;
  for (const auto &line : bill.lines()) {
    if (line.part == Part::kCellWrite) continue;  // not in the table, without power and area
    const auto *published = table.find(to_text(line.part));
    ASSERT_NE(published, nullptr) << to_text(line.part);
    ++lines;
    EXPECT_WITHIN(line.power_mw(), *published->power_mw, line.part == Part::kAdc ? 7 : 0.2);
    EXPECT_WITHIN(line.area_mm2(), *published->area_mm2, 0.2);
  }
  EXPECT_EQ(lines, 15);
  EXPECT_WITHIN(bill.total().power_mw, 65.8e3, 3.5);
  EXPECT_WITHIN(bill.total().area_mm2, 85.4, 0.1);
  EXPECT_WITHIN(summary_figures(bill).at("chip_gops_per_mm2"), 478.95, 0.5);
  EXPECT_WITHIN(summary_figures(bill).at("chip_gops_per_w"), 627.5, 5);
}

TEST(Bill, TheComparedChipsHaveEqualAreaAndTheDensitiesOfTheirPaper) {
  const double area = bill_of("neural-pim").total().area_mm2;
  for (const char *name : {"isaac-style", "cascade-style"}) {
    const Bill bill = bill_of(name);
    EXPECT_WITHIN(bill.total().area_mm2, area, 0.5);
    const Published table = load_published(bill.chip().published);
    EXPECT_WITHIN(summary_figures(bill).at("cells_per_tile_mm2"),
                  table.figures.at("cells_per_tile_mm2"), 5);
  }
}

TEST(Bill, SumsAddUp) {
  const Bill bill = bill_of("neural-pim-small");
  EXPECT_NEAR(bill.tiles().power_mw, 6 * bill.tile().power_mw, 1e-9);
  EXPECT_NEAR(bill.imas().area_mm2, 2 * bill.ima().area_mm2, 1e-12);
  double power = 0;
  for (const Part part : all_parts()) {
    if (const auto *line = bill.find(part))
      power += bill.units_per_chip(part) * line->unit.power_mw;
  }
  EXPECT_NEAR(bill.total().power_mw, power, 1e-6);
  EXPECT_EQ(bill.units_per_chip(Part::kDac), 6 * 2 * 4 * 128);
  EXPECT_EQ(bill.find(Part::kAdc), nullptr);
}

TEST(Bill, IsOfOneChipOfAChain) {
  EXPECT_DOUBLE_EQ(bill_of("neural-pim-8-chips").total().power_mw,
                   bill_of("neural-pim").total().power_mw);
}

TEST(WindowCycle, FollowsTheDataflow) {
  config::ChipConfig chip;
  EXPECT_DOUBLE_EQ(window_cycle(chip).period_ns, 300);
  chip.dac_bits = 1;
  EXPECT_DOUBLE_EQ(window_cycle(chip).period_ns, 900) << "9 input cycles at 1 bit";
  chip.pipeline = config::WindowPipeline::kOverlapped;
  EXPECT_DOUBLE_EQ(window_cycle(chip).period_ns, 800);
  chip.nnadc.per_tile = 1;
  chip.nnadc.rate_msps = 100;  // 512 conversions of 10 ns
  EXPECT_DOUBLE_EQ(window_cycle(chip).period_ns, 5120);
  config::ChipConfig shared;
  shared.nnsas_per_tile = 32;  // each serves two arrays: 16 vectors at 80 MHz
  EXPECT_DOUBLE_EQ(window_cycle(shared).period_ns, 100 + 2 * 200);
}

TEST(WindowCycle, ConversionsAreThoseOfThePapersTable) {
  config::ChipConfig chip;
  EXPECT_EQ(conversions_per_array(chip), 8);
  chip.dataflow = config::Dataflow::kDigitalAccumulation;
  chip.dac_bits = 1;
  EXPECT_EQ(conversions_per_array(chip), 8 * 8 * 16);
  chip.array.encoding = config::WeightEncoding::kBiased;
  EXPECT_EQ(conversions_per_array(chip), 8 * 129);
  chip.dataflow = config::Dataflow::kAnalogBuffering;
  EXPECT_EQ(conversions_per_array(chip), 16 * 5);
}

}  // namespace
}  // namespace npim::cost
