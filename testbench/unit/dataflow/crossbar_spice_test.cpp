// Nodal analysis of a crossbar's wires against ngspice.
#include "dataflow/crossbar_spice.h"

#include <gtest/gtest.h>

#include <random>

#include "peripheral/spice.h"

namespace npim::dataflow {
namespace {

TEST(CrossbarSpice, NodalAnalysisAgreesWithNgspice) {
  if (!peripheral::spice_is_installed()) GTEST_SKIP() << "ngspice is not installed";
  constexpr int kRows = 32, kColumns = 5;
  std::mt19937 random(1);
  std::uniform_real_distribution<double> cell(1e-6, 1e-4);
  std::vector<double> conductances(kRows * kColumns), volts(kRows);
  for (double &g : conductances) g = cell(random);
  for (double &v : volts) v = 0.1 * (random() & 15U);
  const WireComparison found = compare_wires(kRows, kColumns, conductances, {2, 5, {}}, volts);
  EXPECT_GT(found.ideal_drop, 0.03);  // there is something to agree on
  EXPECT_LT(found.nodal_difference, 1e-7);
  EXPECT_LT(found.fast_difference, 0.03);
}

}  // namespace
}  // namespace npim::dataflow
