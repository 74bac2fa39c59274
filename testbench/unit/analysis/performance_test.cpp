// The analytic model against cases worked out by hand.
#include "analysis/performance.h"

#include <gtest/gtest.h>

#include "network/zoo.h"

namespace npim::analysis {
namespace {

using cost::Part;

LayerWork convolution(std::int64_t windows, std::int64_t rows, std::int64_t outputs,
                      std::vector<int> producers = {}) {
  LayerWork layer;
  layer.name = "layer";
  layer.windows = windows;
  layer.rows = rows;
  layer.outputs = outputs;
  layer.producers = std::move(producers);
  return layer;
}

/// One tile of 64 arrays; 300 ns from window to window.
config::ChipConfig one_tile() {
  config::ChipConfig chip;
  chip.tile_columns = chip.tile_rows = 1;
  return chip;
}

cost::Bill free_bill(const config::ChipConfig &chip) {
  std::vector<cost::BillLine> lines;
  for (const Part part : cost::all_parts()) {
    lines.push_back({part, cost::Level::kTile, 64, "", "", "", {1, 0, 1, 1}});
  }
  return {chip, lines};
}

TEST(Plan, OneLayerOnOneTile) {
  Workload work;
  work.name = "one";
  // 3 row blocks x 2 column groups of 8 vectors: 6 arrays, 10 copies on 64 arrays.
  work.layers = {convolution(100, 300, 9)};
  const Plan plan = make_plan(work, one_tile(), 1);
  EXPECT_EQ(plan.layers[0].row_blocks, 3);
  EXPECT_EQ(plan.layers[0].column_groups, 2);
  EXPECT_EQ(plan.layers[0].arrays, 6);
  EXPECT_EQ(plan.layers[0].copies, 10);
  EXPECT_DOUBLE_EQ(plan.layers[0].window_ns, 300);
  EXPECT_DOUBLE_EQ(plan.image_ns, 10 * 300);
  EXPECT_DOUBLE_EQ(plan.latency_ns, 10 * 300 + 2 * 300);
}

TEST(Plan, CopiesBalanceTheLayers) {
  Workload work;
  work.name = "two";
  work.layers = {convolution(4000, 32, 8), convolution(1000, 32, 8, {0})};  // an array each
  const Plan plan = make_plan(work, one_tile(), 1);
  // 4 : 1 of 64 arrays is 51.2 : 12.8; 79 windows per image need 51 and 13.
  EXPECT_EQ(plan.layers[0].copies, 51);
  EXPECT_EQ(plan.layers[1].copies, 13);
  EXPECT_NEAR(plan.image_ns, 4000 * 300.0 / 51, 1e-6);
}

/// 64 copies that each need 128 bytes per window: 256 ns over a bus of 32 bytes per ns.
TEST(Plan, CopiesShareTheTilesBus) {
  Workload work;
  work.name = "bus";
  work.layers = {convolution(6400, 128, 8)};
  EXPECT_NEAR(make_plan(work, one_tile(), 1).layers[0].window_ns, 256 + 200, 1e-9);
  config::ChipConfig overlapped = one_tile();
  overlapped.pipeline = config::WindowPipeline::kOverlapped;
  EXPECT_NEAR(make_plan(work, overlapped, 1).layers[0].window_ns, 256, 1e-9);
}

TEST(Plan, RecurrentNetworksAreCopiedAsAWhole) {
  Workload work;
  work.name = "rnn";
  work.layers = {convolution(20, 256, 16), convolution(1, 128, 8, {0})};  // 4 and 1 arrays
  work.layers[0].recurrent = true;
  const Plan plan = make_plan(work, one_tile(), 1);
  EXPECT_EQ(plan.layers[0].copies, 12);
  EXPECT_EQ(plan.layers[1].copies, 12);
  EXPECT_DOUBLE_EQ(plan.image_ns, 20 * 300.0 / 12);
  EXPECT_GE(plan.latency_ns, 20 * 300.0) << "time steps follow each other";
}

TEST(Plan, GroupsThatFitShareAnArray) {
  Workload work;
  work.name = "depthwise";
  work.layers = {convolution(49, 9, 1)};
  work.layers[0].groups = 64;
  const Plan plan = make_plan(work, one_tile(), 1);
  EXPECT_EQ(plan.layers[0].packed_groups, 8);  // 8 vectors; 14 groups would fit by rows
  EXPECT_EQ(plan.layers[0].arrays, 8);
  work.layers[0].rows = 200;  // two row blocks: no sharing
  work.layers[0].groups = 4;
  EXPECT_EQ(make_plan(work, one_tile(), 1).layers[0].arrays, 8);
}

TEST(Plan, WhatDoesNotFitIsRefusedWithTheNumbers) {
  Workload work;
  work.name = "large";
  work.layers = {convolution(1, 128 * 65, 8)};
  EXPECT_EQ(chips_needed(work, one_tile()), 2);
  try {
    make_plan(work, one_tile(), 1);
    ADD_FAILURE();
  } catch (const InputError &error) {
    EXPECT_NE(std::string(error.what()).find("65"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("64"), std::string::npos) << error.what();
  }
  EXPECT_NO_THROW(make_plan(work, one_tile(), 2));
}

TEST(Plan, ALayerStartsWhenItsFirstWindowHasItsInputs) {
  Workload work;
  work.name = "lag";
  work.layers = {convolution(1000, 128, 8), convolution(1000, 128, 8, {0})};
  work.layers[1].first_need = 0.25;
  config::ChipConfig chip = one_tile();
  chip.arrays_per_ima = 1;
  chip.imas_per_tile = 2;  // no copies
  const Plan plan = make_plan(work, chip, 1);
  const double first = 1000 * 300 + 600;
  EXPECT_DOUBLE_EQ(plan.layers[0].end_ns, first);
  EXPECT_DOUBLE_EQ(plan.layers[1].start_ns, first / 4);
  EXPECT_DOUBLE_EQ(plan.latency_ns, first / 4 + first);
}

/// 10 windows of 300 rows and 9 outputs: 3 row blocks, 2 column groups.
TEST(Booking, CountsOfNeuralPim) {
  Workload work;
  work.name = "counts";
  work.layers = {convolution(10, 300, 9)};
  const cost::Bill bill = free_bill(one_tile());
  cost::Ledger ledger;
  book_image(work, make_plan(work, bill.chip(), 1), bill, ledger);
  EXPECT_EQ(ledger.actions(Part::kDac), 10u * 300 * 2 * 2);  // rows x column groups x slices
  EXPECT_EQ(ledger.actions(Part::kCrossbar), 10u * 6 * 2);
  EXPECT_EQ(ledger.actions(Part::kNnsa), 10u * 9 * 3 * 2);
  EXPECT_EQ(ledger.actions(Part::kNnadc), 10u * 9 * 3);
  EXPECT_EQ(ledger.actions(Part::kAdc), 0u);
  EXPECT_EQ(ledger.actions(Part::kTileShiftAdd), 10u * 9 * 2);
  const cost::Account &account = ledger.accounts().front();
  const auto on = [&](Part part) { return account.unit_ns[static_cast<std::size_t>(part)]; };
  EXPECT_DOUBLE_EQ(on(Part::kDac), 10 * 200.0 * 64 * 6 / 64) << "while slices are driven";
  EXPECT_DOUBLE_EQ(on(Part::kEdram), 10 * 300.0 * 64 * 6 / 64);
}

TEST(Booking, ConversionsOfTheBaselines) {
  Workload work;
  work.name = "counts";
  work.layers = {convolution(10, 300, 9)};
  config::ChipConfig chip = one_tile();
  chip.dac_bits = 1;
  chip.dataflow = config::Dataflow::kDigitalAccumulation;
  cost::Ledger isaac;
  book_image(work, make_plan(work, chip, 1), free_bill(chip), isaac);
  EXPECT_EQ(isaac.actions(Part::kAdc), 10u * 9 * 3 * 16 * 8);  // every bit line, every cycle
  EXPECT_EQ(isaac.actions(Part::kNnsa), 0u);
  chip.dataflow = config::Dataflow::kAnalogBuffering;
  cost::Ledger cascade;
  book_image(work, make_plan(work, chip, 1), free_bill(chip), cascade);
  EXPECT_EQ(cascade.actions(Part::kAdc), 10u * 9 * 3 * 5);
  EXPECT_EQ(cascade.actions(Part::kBufferArray), 10u * 9 * 3 * 16 * 8);
  EXPECT_EQ(cascade.actions(Part::kSummingAmplifier), 10u * 9 * 3 * 10);
}

/// [NP] section 8's hand check: a full tile, one window, power times powered time: 47 nJ.
TEST(Booking, AFullTilesWindowIsTheHandCheck) {
  const auto chip =
      config::load_chip_config(std::string(NPIM_SOURCE_DIR) + "/configs/chips/neural-pim.json");
  const cost::Bill bill = cost::make_bill(chip);
  Workload work;
  work.name = "tile";
  work.layers = {convolution(1, 128 * 8, 64)};
  cost::Ledger ledger;
  book_image(work, make_plan(work, chip, 1), bill, ledger);
  const EnergyShares shares =
      shares_of(cost::settle(ledger, bill, cost::Accounting::kPoweredTime, 300));
  EXPECT_NEAR(shares.dac_pj, 20e3, 0.1e3);
  EXPECT_NEAR(shares.accumulate_pj, 3.8e3, 0.1e3);
  EXPECT_NEAR(shares.crossbar_pj, 1.9e3, 0.1e3);
  EXPECT_NEAR(shares.adc_pj, 1.8e3, 0.1e3);
  EXPECT_NEAR(shares.total_pj() / 47e3, 1, 0.1);
}

TEST(Workload, CountsAreThoseOfTheNetworks) {
  const Workload googlenet = workload_of(network::zoo_network("googlenet", {1}));
  EXPECT_NEAR(static_cast<double>(googlenet.macs()), 1.5e9, 0.05e9);
  EXPECT_EQ(googlenet.layers[0].windows, 112 * 112);
  EXPECT_EQ(googlenet.layers[0].rows, 147);
  EXPECT_TRUE(googlenet.layers[0].producers.empty());
  EXPECT_EQ(googlenet.input_bytes, 3 * 224 * 224);
  // The last one reads the concatenation of four branches.
  EXPECT_EQ(googlenet.layers.back().producers.size(), 4u);
  EXPECT_DOUBLE_EQ(googlenet.layers.back().first_need, 1);
  // (K_y - 1) rows and K_x pixels of 112.
  EXPECT_DOUBLE_EQ(googlenet.layers[2].first_need, (2 * 56 + 3) / (56.0 * 56));
}

TEST(Workload, RecurrentLayersTakeInputAndStateSideBySide) {
  const Workload work = workload_of(network::zoo_network("neuraltalk", {1}));
  ASSERT_EQ(work.layers.size(), 3u);
  EXPECT_TRUE(work.layers[1].recurrent);
  EXPECT_EQ(work.layers[1].rows, 1200);
  EXPECT_EQ(work.layers[1].outputs, 2400);
  EXPECT_EQ(work.layers[2].producers, std::vector<int>{1});
}

}  // namespace
}  // namespace npim::analysis
