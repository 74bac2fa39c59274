#include "analysis/compare.h"

#include <gtest/gtest.h>

#include "network/zoo.h"

namespace npim::analysis {
namespace {

const std::string kConfigs = std::string(NPIM_SOURCE_DIR) + "/configs";

std::vector<cost::Bill> bills() {
  std::vector<cost::Bill> all;
  for (const char *name : {"neural-pim", "isaac-style", "cascade-style"}) {
    all.push_back(cost::make_bill(config::load_chip_config(kConfigs + "/chips/" + name + ".json")));
  }
  return all;
}

/// Shares of Fig. 13 within a few points, without a constant that was fitted to them (but for
/// CASCADE's summing amplifiers, see configs/components/cascade.json).
TEST(Compare, SharesOfNeuralPimAndIsaacAreThePapers) {
  const Comparison comparison =
      compare({workload_of(network::zoo_network("googlenet", {1}))}, bills());
  const auto published = load_published_comparison(kConfigs + "/published/comparison.json");
  for (const std::size_t chip : {0, 1}) {
    const EnergyShares model = comparison.mean_shares(chip, cost::Accounting::kPoweredTime);
    const EnergyShares &paper = published.find(comparison.chips[chip])->shares;
    EXPECT_NEAR(model.total_pj(), 1, 1e-9);
    EXPECT_NEAR(100 * model.crossbar_pj, paper.crossbar_pj, 1);
    EXPECT_NEAR(100 * model.dac_pj, paper.dac_pj, 4);
    EXPECT_NEAR(100 * model.adc_pj, paper.adc_pj, 4);
    EXPECT_NEAR(100 * model.accumulate_pj, paper.accumulate_pj, 1);
    EXPECT_NEAR(100 * model.other_pj, paper.other_pj, 6);
  }
}

TEST(Compare, AllChipsOfANetworkAreEquallyMany) {
  const Comparison comparison =
      compare({workload_of(network::zoo_network("alexnet", {1}))}, bills());
  const auto &row = comparison.outcomes[0];
  EXPECT_EQ(row[0].plan.chips, 4);
  for (const Outcome &outcome : row) {
    EXPECT_EQ(outcome.plan.chips, row[0].plan.chips);
    EXPECT_LE(outcome.chips_needed, outcome.plan.chips);
    EXPECT_LE(outcome.plan.arrays_used, outcome.plan.arrays);
  }
  EXPECT_GT(comparison.mean_throughput_gain(1), 2);
  EXPECT_GT(comparison.mean_energy_gain(1, cost::Accounting::kPoweredTime), 3);
  EXPECT_DOUBLE_EQ(comparison.mean_energy_gain(0, cost::Accounting::kPerAction), 1);
}

}  // namespace
}  // namespace npim::analysis
