// `npim run --stats`, `--trace-instructions` and `--profile`: they tell what happened and change
// nothing.
#include <gmock/gmock.h>

#include "npim_runner.h"
#include "support/firmware.h"

namespace npim::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class FirmwareViews : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::firmware("debuggee")) GTEST_SKIP() << "firmware debuggee.elf was not built";
  }
  Finished run(const std::vector<std::string> &more) const {
    std::vector<std::string> arguments = {"run", "--platform",
                                          NpimRunner::source("configs/platforms/demo-small.json"),
                                          "--firmware", *test::firmware("debuggee")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return npim.npim(arguments);
  }
  NpimRunner npim;
};

TEST_F(FirmwareViews, ChangeNothing) {
  const auto json = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--json", npim.path("run.json")});
    EXPECT_EQ(run(more).status, 0);
    auto object = NpimRunner::read_json(npim.path("run.json"));
    object.erase("host_seconds");
    return boost::json::serialize(object);
  };
  EXPECT_EQ(json({}), json({"--stats", "--trace-instructions", npim.path("trace"), "--profile",
                            npim.path("profile")}));
}

TEST_F(FirmwareViews, StatsCount) {
  const Finished finished = run({"--stats"});
  EXPECT_EQ(finished.status, 0);
  for (const char *word : {"million instructions per host second", "device reads", "device writes",
                           "interrupts", "exceptions", "quantum breaks"}) {
    EXPECT_THAT(finished.out, HasSubstr(word));
  }
  EXPECT_THAT(run({}).out, Not(HasSubstr("quantum breaks")));
}

TEST_F(FirmwareViews, StatsOfSeveralHartsSayWhatTheySumUp) {
  const Finished finished =
      npim.npim({"run", "--platform", NpimRunner::source("configs/platforms/four-harts.json"),
                 "--firmware", NpimRunner::firmware("harts"), "--stats"});
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.out, HasSubstr("4 harts"));
  EXPECT_THAT(finished.out, HasSubstr("cycles of the hart that ran longest"));
  EXPECT_THAT(finished.out, Not(HasSubstr("of them waiting")));
}

TEST_F(FirmwareViews, TraceFilters) {
  const std::string trace = npim.path("trace");
  ASSERT_EQ(
      run({"--trace-instructions", trace, "--trace-filter", "get_watched,0x1000-0x1004"}).status,
      0);
  const std::string text = NpimRunner::read(trace);
  EXPECT_THAT(text, ContainsRegex("^ *1  0000000000001000 .*auipc t0,0x0  ; t0=0x1000\n"));
  EXPECT_THAT(text, HasSubstr("a0=0x2a"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
  EXPECT_EQ(run({"--trace-instructions", trace, "--trace-filter", "nobody"}).status, 2);
  EXPECT_EQ(run({"--trace-filter", "main"}).status, 2);
  EXPECT_EQ(run({"--trace-instructions", "/nonexistent/trace"}).status, 2);
  EXPECT_EQ(run({"--profile", "/nonexistent/profile"}).status, 2);
}

TEST_F(FirmwareViews, CallgrindAnnotateReadsTheProfile) {
  if (!is_installed("callgrind_annotate")) GTEST_SKIP() << "callgrind_annotate is not installed";
  const std::string profile = npim.path("profile");
  ASSERT_EQ(run({"--profile", profile}).status, 0);
  const Finished annotated = testing::run(
      {"callgrind_annotate", "--inclusive=yes", "--tree=calling", "--threshold=100", profile});
  EXPECT_EQ(annotated.status, 0) << annotated.err;
  EXPECT_EQ(annotated.err, "");
  EXPECT_THAT(annotated.out, HasSubstr("PROGRAM TOTALS"));
  EXPECT_THAT(annotated.out, HasSubstr("factorial"));
  EXPECT_THAT(annotated.out, ContainsRegex("compute"));
  EXPECT_THAT(annotated.out, ContainsRegex("> .*factorial \\(6x\\)")) << annotated.out;
  EXPECT_THAT(annotated.out, ContainsRegex("> .*factorial \\(15x\\)")) << "the recursive calls";
}

TEST_F(FirmwareViews, GdbOptionsAreChecked) {
  EXPECT_EQ(run({"--wait"}).status, 2);
  EXPECT_EQ(run({"--gdb", "65536"}).status, 2);
  EXPECT_EQ(run({"--gdb", "-1"}).status, 2);
  const Finished nobody = run({"--gdb", "0"});
  EXPECT_EQ(nobody.status, 0) << "without --wait it runs on";
  EXPECT_THAT(nobody.err, HasSubstr("GDB server on port "));
}

}  // namespace
}  // namespace npim::testing
