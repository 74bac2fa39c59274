// npim periph as a user runs it.
#include <gtest/gtest.h>

#include "npim_runner.h"

namespace npim::testing {
namespace {

TEST(Periph, EvaluatesShippedParametersAndDrawsPlots) {
  const NpimRunner runner;
  const Finished done = runner.npim(
      {"periph", "eval", "--folder", NpimRunner::source("configs/peripherals"), "--chips", "2",
       "--samples", "50", "--plots", runner.path("plots"), "--json", runner.path("eval.json")});
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_NE(done.out.find("with variation"), std::string::npos);
  const auto report = NpimRunner::read_json(runner.path("eval.json"));
  EXPECT_LT(report.at("nnsa-d4").at("with variation").at("mse_v2").as_double(),
            1e-4);  // two chips only
  EXPECT_NE(NpimRunner::read(runner.path("plots/nnadc-r1-INL.svg")).find("</svg>"),
            std::string::npos);
}

TEST(Periph, ComparesTheModelWithNgspice) {
  if (!is_installed("ngspice")) GTEST_SKIP() << "ngspice is not installed";
  const NpimRunner runner;
  const Finished done =
      runner.npim({"periph", "spice", "--folder", NpimRunner::source("configs/peripherals"),
                   "--chips", "1", "--points", "5", "--keep", runner.path("netlists")});
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_NE(done.out.find("model - SPICE"), std::string::npos);
  EXPECT_NE(NpimRunner::read(runner.path("netlists/nnsa-d4-0.cir")).find(".subckt neuron_summing"),
            std::string::npos);
}

TEST(Periph, ComparesACrossbarsWiresWithNgspice) {
  if (!is_installed("ngspice")) GTEST_SKIP() << "ngspice is not installed";
  const NpimRunner runner;
  const std::string folder = NpimRunner::source("configs/peripherals");
  const Finished done =
      runner.npim({"periph", "spice", "--folder", folder, "--part", "crossbar", "--chips", "1",
                   "--rows", "64", "--columns", "2", "--json", runner.path("wires.json")});
  ASSERT_EQ(done.status, 0) << done.err;
  const auto report = NpimRunner::read_json(runner.path("wires.json"));
  EXPECT_LT(report.at("nodal_minus_spice").as_double(), 1e-6);
  EXPECT_LT(report.at("fast_minus_spice").as_double(), 2e-3);  // what ir_drop.h states
  EXPECT_GT(report.at("drop").as_double(), 1e-3);
  EXPECT_EQ(
      runner.npim({"periph", "spice", "--folder", folder, "--part", "crossbar", "--wire-ohm", "-1"})
          .status,
      2);
}

TEST(Periph, RefusesUnknownPartsAndFiles) {
  const NpimRunner runner;
  const std::string folder = NpimRunner::source("configs/peripherals");
  const Finished part = runner.npim({"periph", "spice", "--folder", folder, "--part", "nnadc-r3"});
  EXPECT_EQ(part.status, 2);
  EXPECT_NE(part.err.find("nnadc-r3"), std::string::npos);
  EXPECT_EQ(runner.npim({"periph", "eval", "--folder", runner.path("nowhere")}).status, 2);
  EXPECT_EQ(runner.npim({"periph", "polish"}).status, 2);
}

}  // namespace
}  // namespace npim::testing
