#include "cost/ledger.h"

#include <gtest/gtest.h>

namespace npim::cost {
namespace {

/// A chip of two tiles with a DAC, eDRAM and a link, in round figures.
Bill small_bill() {
  config::ChipConfig chip;
  chip.tile_columns = 2;
  chip.tile_rows = 1;
  chip.imas_per_tile = 4;
  BillLine dac{Part::kDac, Level::kIma, 10, "", "", "", {0.5, 0, 3, 0.1}};
  BillLine edram{Part::kEdram, Level::kTile, 1, "", "", "", {20, 2, 7, 1}};
  BillLine link{Part::kLink, Level::kChip, 1, "", "", "", {100, 100, 0, 1}};
  return {chip, {dac, edram, link}};
}

TEST(Ledger, AccountsAreOpenedOnce) {
  Ledger ledger;
  Account &first = ledger.open(3, 1);
  for (int tile = 10; tile < 500; ++tile) ledger.open(tile, 0);
  EXPECT_EQ(&ledger.open(3, 1), &first);
  first.book(Part::kDac, 2);
  ledger.open(3, 2).book(Part::kDac, 5);
  EXPECT_EQ(ledger.actions(Part::kDac), 7u);
  ledger.clear();
  EXPECT_EQ(ledger.actions(Part::kDac), 0u);
  EXPECT_EQ(&ledger.open(3, 1), &first);
}

TEST(Ledger, PerActionAddsLeakageOverTheElapsedTime) {
  Ledger ledger;
  ledger.open(0, 4).book(Part::kDac, 100);
  ledger.open(1, 5).book(Part::kEdram, 10);
  const Energy energy = settle(ledger, small_bill(), Accounting::kPerAction, 50);
  EXPECT_DOUBLE_EQ(energy.part_pj(Part::kDac), 300);
  EXPECT_DOUBLE_EQ(energy.part_pj(Part::kEdram), 70 + 2 * 2 * 50);
  EXPECT_DOUBLE_EQ(energy.part_pj(Part::kLink), 100 * 50);
  EXPECT_DOUBLE_EQ(energy.total_pj(), 300 + 70 + 200 + 5000);
  EXPECT_DOUBLE_EQ(energy.by_layer.at(4), 300);
  EXPECT_DOUBLE_EQ(energy.by_tile.at(1), 70);
  EXPECT_DOUBLE_EQ(energy.by_layer.at(kNoLayer), 5200);
}

TEST(Ledger, PoweredTimeCountsWhatWasOnAndTheLinks) {
  Ledger ledger;
  Account &account = ledger.open(0, 0);
  account.power(Part::kDac, 10, 200);
  account.power(Part::kEdram, 0.5, 300);
  account.book(Part::kDac, 1000000);
  const Energy energy = settle(ledger, small_bill(), Accounting::kPoweredTime, 50, 3);
  EXPECT_DOUBLE_EQ(energy.part_pj(Part::kDac), 0.5 * 2000);
  EXPECT_DOUBLE_EQ(energy.part_pj(Part::kEdram), 20 * 150);
  EXPECT_DOUBLE_EQ(energy.part_pj(Part::kLink), 100 * 50 * 3);
}

TEST(Ledger, LayersAndTilesAddUpToTheTotal) {
  Ledger ledger;
  for (int i = 0; i < 20; ++i) {
    ledger.open(i % 2, i % 3).book(Part::kDac, static_cast<std::uint64_t>(i));
    ledger.open(i % 2, i % 3).power(Part::kEdram, 1, i);
  }
  for (const auto accounting : {Accounting::kPerAction, Accounting::kPoweredTime}) {
    const Energy energy = settle(ledger, small_bill(), accounting, 10);
    double layers = 0, tiles = 0;
    for (const auto &[layer, pj] : energy.by_layer) layers += pj;
    for (const auto &[tile, pj] : energy.by_tile) tiles += pj;
    EXPECT_NEAR(layers, energy.total_pj(), 1e-9);
    EXPECT_NEAR(tiles, energy.total_pj(), 1e-9);
  }
}

/// The energy of one image out of a run of many: bookings are divided, leakage lasts an image.
TEST(Ledger, BookedAndStandingEnergiesScaleApart) {
  Ledger ledger;
  ledger.open(1, 4).book(Part::kDac, 100);
  ledger.open(kNoTile, kNoLayer).book(Part::kEdram, 8);
  Energy energy = settle(ledger, small_bill(), Accounting::kPerAction, 50);
  const Energy whole = energy;
  energy.scale(0.25, 0.5);
  EXPECT_DOUBLE_EQ(energy.part_pj(Part::kDac), whole.part_pj(Part::kDac) / 4);
  EXPECT_DOUBLE_EQ(energy.standing_pj(), whole.standing_pj() / 2);
  EXPECT_DOUBLE_EQ(energy.by_layer.at(4), whole.by_layer.at(4) / 4);
  const double booked = whole.by_tile.at(kNoTile) - whole.standing_pj();
  EXPECT_DOUBLE_EQ(energy.by_tile.at(kNoTile), booked / 4 + whole.standing_pj() / 2);
  Energy twice = energy;
  twice += energy;
  EXPECT_DOUBLE_EQ(twice.total_pj(), 2 * energy.total_pj());
  twice -= energy;
  EXPECT_DOUBLE_EQ(twice.total_pj(), energy.total_pj());
}

}  // namespace
}  // namespace npim::cost
