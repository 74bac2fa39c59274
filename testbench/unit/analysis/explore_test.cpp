#include "analysis/explore.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace npim::analysis {
namespace {

const std::string kPath = std::string(NPIM_SOURCE_DIR) + "/configs/sweeps/paper.json";

std::string error_of(const std::string &from, const std::string &to) {
  const Bytes file = read_file(kPath);
  std::string text(file.begin(), file.end());
  EXPECT_NE(text.find(from), std::string::npos) << from;
  text.replace(text.find(from), from.size(), to);
  try {
    parse_sweep(config::Node::parse(text, kPath));
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

#define EXPECT_ERROR(from, to, part) \
  EXPECT_NE(error_of(from, to).find(part), std::string::npos) << error_of(from, to)

TEST(Sweep, PointsCoverTheGrid) {
  const Sweep sweep = load_sweep(kPath);
  EXPECT_EQ(sweep.size(), 162);
  EXPECT_EQ(to_text(sweep.point(0)), "N32-D1-A1-S64-M64");
  EXPECT_EQ(to_text(sweep.point(1)), "N32-D2-A1-S64-M64");
  EXPECT_EQ(to_text(sweep.point(161)), "N128-D4-A4-S128-M128");
  std::set<std::string> all;
  for (std::int64_t i = 0; i < sweep.size(); ++i) all.insert(to_text(sweep.point(i)));
  EXPECT_EQ(all.size(), 162u);
}

TEST(Sweep, ThePublishedOptimumIsTheBaseChip) {
  const Sweep sweep = load_sweep(kPath);
  const auto chip = chip_at(sweep, sweep.published->best);
  EXPECT_EQ(chip.edram.bytes, sweep.base.edram.bytes);
  EXPECT_EQ(chip.input_register_bytes, sweep.base.input_register_bytes);
  EXPECT_EQ(chip.output_register_bytes, sweep.base.output_register_bytes);
  const auto library = cost::ComponentLibrary::load(sweep.base.components);
  const DesignResult result = judge(sweep, library, sweep.published->best);
  EXPECT_NEAR(result.gops_per_mm2 / 1904, 1, 0.05);
}

/// The paper's choice among array sizes, DAC bits and NNS+As is the model's, one at a time.
TEST(Sweep, ThePublishedOptimumBeatsSmallerArraysAndNarrowerDacs) {
  const Sweep sweep = load_sweep(kPath);
  const auto library = cost::ComponentLibrary::load(sweep.base.components);
  const double best = judge(sweep, library, sweep.published->best).gops_per_mm2;
  for (const DesignPoint &point : {DesignPoint{64, 64, 4, 64, 4}, DesignPoint{32, 64, 4, 64, 4},
                                   DesignPoint{128, 64, 4, 64, 2}, DesignPoint{128, 64, 4, 64, 1},
                                   DesignPoint{128, 64, 4, 128, 4}, DesignPoint{128, 64, 1, 64, 4},
                                   DesignPoint{128, 128, 4, 64, 4}}) {
    EXPECT_LT(judge(sweep, library, point).gops_per_mm2, best) << to_text(point);
  }
}

TEST(Sweep, ThreadsAndInterruptionsChangeNothing) {
  const Sweep sweep = load_sweep(kPath);
  const auto library = cost::ComponentLibrary::load(sweep.base.components);
  const auto run = [&](int threads, const std::set<std::int64_t> &done) {
    std::map<std::int64_t, double> results;
    run_sweep(sweep, library, threads, done, [&](std::int64_t index, const DesignResult &result) {
      EXPECT_TRUE(results.emplace(index, result.gops_per_mm2).second);
    });
    return results;
  };
  const auto one = run(1, {});
  EXPECT_EQ(one.size(), 162u);
  EXPECT_EQ(run(4, {}), one);
  auto rest = run(3, {0, 5, 161});
  EXPECT_EQ(rest.size(), 159u);
  for (const std::int64_t i : {0, 5, 161}) rest[i] = one.at(i);
  EXPECT_EQ(rest, one);
}

TEST(Sweep, AFailureOfAPointComesOut) {
  Sweep sweep = load_sweep(kPath);
  sweep.axes[4] = {4, 8};  // there is no figure for 8-bit DACs
  const auto library = cost::ComponentLibrary::load(sweep.base.components);
  EXPECT_THROW(run_sweep(sweep, library, 3, {}, [](std::int64_t, const DesignResult &) {}),
               InputError);
}

TEST(Sweep, BadSweepsAreRefusedByName) {
  EXPECT_ERROR("[1, 2, 4],\n    \"nnsas\"", "[],\n    \"nnsas\"", "axes.nnadcs");
  EXPECT_ERROR("[32, 64, 128]", "[32, 32]", "twice");
  EXPECT_ERROR("[32, 64, 128]", "[40]", "array_size 40");
  EXPECT_ERROR("[64, 96, 128]", "[63]", "arrays 63");
  EXPECT_ERROR("\"nnsas\"", "\"nnsa\"", "nnsas");
  EXPECT_ERROR("../chips/neural-pim.json", "../chips/isaac-style.json", "base");
  std::string many;
  for (int i = 1; i <= 4096; ++i) many += (many.empty() ? "" : ", ") + std::to_string(i);
  EXPECT_ERROR("[64, 128]", "[" + many + "]", "more than 100000");
}

TEST(ParetoFront, KeepsWhatNothingBeats) {
  std::vector<DesignResult> results(5);
  const double pairs[5][2] = {{1, 5}, {3, 3}, {2, 2}, {4, 1}, {3, 3}};
  for (std::size_t i = 0; i < 5; ++i) {
    results[i].gops_per_mm2 = pairs[i][0];
    results[i].gops_per_w = pairs[i][1];
  }
  const auto front = pareto_front(results);
  ASSERT_EQ(front.size(), 3u);
  EXPECT_EQ(front[0], 3u);
  EXPECT_EQ(results[front[1]].gops_per_mm2, 3);
  EXPECT_EQ(front[2], 0u);
  EXPECT_TRUE(pareto_front({}).empty());
}

}  // namespace
}  // namespace npim::analysis
