#include "trace/path_selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace npim::trace {
namespace {

using testing::HasSubstr;

bool selects(const std::string &patterns, const std::string &path) {
  return PathSelector(patterns, "--select").selects(path);
}

TEST(PathSelector, WithoutPatternsSelectsEverything) {
  EXPECT_TRUE(PathSelector().selects("chip.tile3.nnadc"));
}

TEST(PathSelector, APatternSelectsWhatLiesBelow) {
  EXPECT_TRUE(selects("chip.tile3", "chip.tile3"));
  EXPECT_TRUE(selects("chip.tile3", "chip.tile3.nnadc.busy"));
  EXPECT_FALSE(selects("chip.tile3", "chip.tile31.nnadc"));
  EXPECT_FALSE(selects("chip.tile3", "chip"));
  EXPECT_FALSE(selects("tile3", "chip.tile3"));
}

TEST(PathSelector, StarsAndQuestionMarks) {
  EXPECT_TRUE(selects("*", "hart0.functions.main"));
  EXPECT_TRUE(selects("*.nnadc", "chip.tile3.nnadc"));
  EXPECT_TRUE(selects("*.nnadc", "chip.tile3.nnadc.busy"));
  EXPECT_TRUE(selects("chip.tile?.bus", "chip.tile3.bus"));
  EXPECT_FALSE(selects("chip.tile?.bus", "chip.tile33.bus"));
  EXPECT_TRUE(selects("hart0.functions.npim_*", "hart0.functions.npim_submit"));
  EXPECT_TRUE(selects("*a*b*c", "xxaxxbxxabc"));
  EXPECT_FALSE(selects("*a*b*c", "xxaxxcxxb"));
  EXPECT_TRUE(selects("*", ""));
  EXPECT_FALSE(selects("?", ""));
}

TEST(PathSelector, SeveralPatterns) {
  EXPECT_TRUE(selects("accelerator,*.bus", "accelerator.dma"));
  EXPECT_TRUE(selects("accelerator,*.bus", "chip.tile3.bus"));
  EXPECT_FALSE(selects("accelerator,*.bus", "chip.tile3.post"));
}

TEST(PathSelector, EmptyPatternsAreRefusedByName) {
  for (const char *patterns : {"", ",", "a,,b"}) {
    try {
      PathSelector(patterns, "--select");
      FAIL() << patterns;
    } catch (const InputError &error) {
      EXPECT_THAT(error.what(), HasSubstr("--select"));
    }
  }
}

TEST(PathSelector, APatternThatSelectsNothingIsRefusedWithExamples) {
  const std::vector<std::string> paths = {"chip.tile0.bus", "accelerator.dma"};
  PathSelector("chip.*,accelerator", "--select").check(paths);
  try {
    PathSelector("chip,tile7", "--select").check(paths);
    FAIL();
  } catch (const InputError &error) {
    EXPECT_THAT(error.what(), HasSubstr("'tile7'"));
    EXPECT_THAT(error.what(), HasSubstr("chip.tile0.bus, accelerator.dma"));
  }
}

}  // namespace
}  // namespace npim::trace
