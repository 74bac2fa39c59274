// Symbols, disassembly, the instruction trace and the call profile.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "debug/call_profile.h"
#include "debug/disassembler.h"
#include "debug/instruction_info.h"
#include "debug/instruction_trace.h"
#include "debug/monitor.h"
#include "unit/cpu/assembler.h"

namespace npim::debug {
namespace {

using namespace cpu::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Symbols some_symbols() {
  return Symbols({{0x2000, 0x2040, "twice"},
                  {0x1000, 0x1100, "main"},
                  {0x1200, 0, "open_ended"},
                  {0x1000, 0x1004, "alias"}});
}

TEST(Symbols, FindsFunctions) {
  const Symbols symbols = some_symbols();
  EXPECT_EQ(symbols.text(0x1000), "main");
  EXPECT_EQ(symbols.text(0x10ff), "main+0xff");
  EXPECT_EQ(symbols.text(0x1100), "") << "a hole";
  EXPECT_EQ(symbols.text(0x1ffe), "open_ended+0xdfe");
  EXPECT_EQ(symbols.text(0x203f), "twice+0x3f");
  EXPECT_EQ(symbols.text(0x2040), "");
  EXPECT_EQ(symbols.text(0), "");
  EXPECT_EQ(Symbols().text(0x1000), "");
}

TEST(Symbols, ParsesFilters) {
  const Symbols symbols = some_symbols();
  const auto ranges = symbols.parse_filter("twice,0x80000000-0x80001000,0x10", "--trace-filter");
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0].begin, 0x2000u);
  EXPECT_EQ(ranges[0].end, 0x2040u);
  EXPECT_EQ(ranges[1].end, 0x80001000u);
  EXPECT_EQ(ranges[2].end, 0x11u);
  for (const char *wrong : {"", "nobody", "main,", "0x10-0x10", "0x20-0x10", "0x-0x1", "10-20",
                            "0x1-0x2-0x3", "0x11111111111111111"}) {
    EXPECT_THROW(symbols.parse_filter(wrong, "--trace-filter"), InputError) << wrong;
  }
}

std::string text(std::uint32_t bits, std::uint64_t pc = 0x1000) {
  return disassemble(cpu::decode(bits, {}), pc);
}

TEST(Disassembler, WritesEveryFormat) {
  EXPECT_EQ(text(addi(10, 11, -3)), "addi a0,a1,-3");
  EXPECT_EQ(text(lui(5, 0xfffff)), "lui t0,0xfffff");
  EXPECT_EQ(text(lw(8, 2, -8)), "lw s0,-8(sp)");
  EXPECT_EQ(text(sd(1, 2, 16)), "sd ra,16(sp)");
  EXPECT_EQ(text(jal(0, -16)), "jal zero,0xff0");
  EXPECT_EQ(text(beq(10, 0, 8)), "beq a0,zero,0x1008");
  EXPECT_EQ(text(csrrw(0, 0x305, 6)), "csrrw zero,0x305,t1");
  EXPECT_EQ(text(csrrwi(1, 0x300, 8)), "csrrwi ra,0x300,8");
  EXPECT_EQ(text(0x02b50533), "mul a0,a0,a1");
  EXPECT_EQ(text(0x1005a52f), "lr.w a0,(a1)");
  EXPECT_EQ(text(0x00c5b52f), "amoadd.d a0,a2,(a1)");
  EXPECT_EQ(text(0x00053507), "fld fa0,0(a0)");
  EXPECT_EQ(text(0x00a53027), "fsd fa0,0(a0)");
  EXPECT_EQ(text(0x02c5f553), "fadd.d fa0,fa1,fa2");
  EXPECT_EQ(text(0x6ac5f543), "fmadd.d fa0,fa1,fa2,fa3");
  EXPECT_EQ(text(0xa2b52553), "feq.d a0,fa0,fa1");
  EXPECT_EQ(text(0xc2051553), "fcvt.w.d a0,fa0");
  EXPECT_EQ(text(0xd2050553), "fcvt.d.w fa0,a0");
  EXPECT_EQ(text(0x10500073), "wfi");
  EXPECT_EQ(text(0x0000100f), "fence.i");
  EXPECT_EQ(text(0x8082), "jalr zero,0(ra)");
  EXPECT_EQ(text(0xffffffff), ".word 0xffffffff");
}

TEST(Disassembler, SurvivesAnyBits) {
  std::uint32_t bits = 1;
  for (int i = 0; i < 200000; ++i) {
    bits = bits * 1664525 + 1013904223;
    EXPECT_FALSE(text(bits ^ (bits >> 13)).empty());
  }
}

TEST(InstructionInfo, KnowsMemoryAccesses) {
  const auto store = memory_access(sw(1, 3, -4));
  ASSERT_TRUE(store);
  EXPECT_TRUE(store->writes && !store->reads);
  EXPECT_EQ(store->size, 4u);
  EXPECT_EQ(store->base, 3u);
  EXPECT_EQ(store->offset, -4);
  const auto compressed = memory_access(0x60a2);  // ld ra,8(sp)
  ASSERT_TRUE(compressed);
  EXPECT_TRUE(compressed->reads);
  EXPECT_EQ(compressed->base, 2u);
  EXPECT_EQ(compressed->offset, 8);
  EXPECT_EQ(compressed->size, 8u);
  const auto add = memory_access(amo(0, 3, 10, 11, 12));
  ASSERT_TRUE(add);
  EXPECT_TRUE(add->reads && add->writes);
  EXPECT_EQ(memory_access(lw(1, 2, 4))->size, 4u);
  EXPECT_EQ(memory_access(0x00053507)->size, 8u) << "fld";
  EXPECT_FALSE(memory_access(addi(1, 1, 1)));
  EXPECT_FALSE(memory_access(0));
}

TEST(InstructionInfo, KnowsCallsAndReturns) {
  EXPECT_EQ(control_flow(jal(1, 8)), Flow::kCall);
  EXPECT_EQ(control_flow(jal(5, 8)), Flow::kCall);
  EXPECT_EQ(control_flow(jal(0, 8)), Flow::kJump);
  EXPECT_EQ(control_flow(jalr(1, 10, 0)), Flow::kCall);
  EXPECT_EQ(control_flow(jalr(0, 1, 0)), Flow::kReturn);
  EXPECT_EQ(control_flow(jalr(0, 5, 0)), Flow::kReturn);
  EXPECT_EQ(control_flow(jalr(0, 10, 0)), Flow::kJump);
  EXPECT_EQ(control_flow(0x8082), Flow::kReturn);
  EXPECT_EQ(control_flow(0x30200073), Flow::kTrapReturn);
  EXPECT_EQ(control_flow(beq(1, 2, 8)), Flow::kNone);
}

/// Feeds a listener with instructions of one cycle each.
class Feeder {
 public:
  explicit Feeder(RetireListener &listener) : listener_(listener) {}
  void operator()(std::uint64_t pc, std::uint32_t bits, std::uint64_t next,
                  std::uint64_t cycles = 1) {
    state_.cycle += cycles;
    state_.pc = next;
    const cpu::Instruction instruction = cpu::decode(bits, {});
    listener_.retired({pc, instruction, state_});
  }
  cpu::HartState &state() { return state_; }

 private:
  RetireListener &listener_;
  cpu::HartState state_;
};

TEST(InstructionTrace, WritesFilteredLines) {
  const std::string path = "/tmp/npim-trace-" + std::to_string(getpid());
  const Symbols symbols = some_symbols();
  InstructionTrace trace(path, symbols, symbols.parse_filter("main", "filter"));
  Feeder feed(trace);
  feed.state().x[10] = 0xabc;
  feed(0x1010, addi(10, 0, 5), 0x1014);
  feed(0x2000, addi(10, 0, 5), 0x2004);
  feed(0x1014, sw(10, 2, 0), 0x1018);
  EXPECT_EQ(trace.lines(), 2u);
  trace.close();
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(text, HasSubstr("0000000000001010  main+0x10"));
  EXPECT_THAT(text, HasSubstr("00500513  addi a0,zero,5  ; a0=0xabc\n"));
  EXPECT_THAT(text, HasSubstr("sw a0,0(sp)\n"));
  std::remove(path.c_str());
  EXPECT_THROW(InstructionTrace("/nonexistent/x", symbols, {}), InputError);
  InstructionTrace full("/dev/full", symbols, {});
  Feeder feed_full(full);
  feed_full(0x1000, addi(1, 1, 1), 0x1004);
  EXPECT_THROW(full.close(), InputError);
}

class Profile : public ::testing::Test {
 protected:
  const Symbols symbols{{{0x1000, 0x1100, "main"},
                         {0x2000, 0x2100, "f"},
                         {0x3000, 0x3100, "g"},
                         {0x4000, 0x4100, "handler"}}};
  CallProfile profile{symbols, "some.elf"};
  Feeder feed{profile};
};

TEST_F(Profile, CountsCallsAndTheirCosts) {
  feed(0x1000, jal(1, 0x1000), 0x2000);
  feed(0x2000, addi(0, 0, 0), 0x2004, 10);
  feed(0x2004, jalr(0, 1, 0), 0x1004);
  feed(0x1004, addi(0, 0, 0), 0x1008);
  const std::string text = profile.finish();
  EXPECT_THAT(text, HasSubstr("events: Cycles Instructions\nsummary: 13 4\n"));
  EXPECT_THAT(text, HasSubstr("fn=main\n0x1000 0 1 1\n0x1004 0 1 1\n"
                              "cfn=f\ncalls=1 0x2000 0\n0x1000 0 11 2\n"));
  EXPECT_THAT(text, HasSubstr("fn=f\n0x2000 0 10 1\n0x2004 0 1 1\n"));
}

TEST_F(Profile, FollowsTailCalls) {
  feed(0x1000, jal(1, 0x1000), 0x2000);
  feed(0x2000, jal(0, 0x1000), 0x3000);
  feed(0x3000, jalr(0, 1, 0), 0x1004);
  feed(0x1004, jal(1, 0xffc), 0x2000);
  feed(0x2000, jalr(0, 1, 0), 0x1008);
  feed(0x1008, addi(0, 0, 0), 0x100c);
  const std::string text = profile.finish();
  EXPECT_THAT(text, HasSubstr("cfn=f\ncalls=1 0x2000 0\n0x1000 0 2 2\n"));
  EXPECT_THAT(text, HasSubstr("cfn=g\ncalls=1 0x3000 0\n0x2000 0 1 1\n"));
  EXPECT_THAT(text, HasSubstr("cfn=f\ncalls=1 0x2000 0\n0x1004 0 1 1\n"));
}

TEST_F(Profile, FollowsRecursion) {
  feed(0x1000, jal(1, 0x1000), 0x2000);
  feed(0x2000, jal(1, 0), 0x2000);
  feed(0x2000, jal(1, 0), 0x2000);
  feed(0x2000, jalr(0, 1, 0), 0x2004);
  feed(0x2004, jalr(0, 1, 0), 0x2004);
  feed(0x2004, jalr(0, 1, 0), 0x1004);
  feed(0x1004, addi(0, 0, 0), 0x1008);
  const std::string text = profile.finish();
  EXPECT_THAT(text, HasSubstr("cfn=f\ncalls=2 0x2000 0\n0x2000 0 4 4\n"));
  EXPECT_THAT(text, HasSubstr("cfn=f\ncalls=1 0x2000 0\n0x1000 0 5 5\n"));
}

TEST_F(Profile, ATrapIsACallOfItsHandler) {
  feed(0x1000, addi(0, 0, 0), 0x1004);
  feed(0x4000, jal(1, -0x2000), 0x2000);  // interrupt before 0x1004; the handler calls f
  feed(0x2000, jalr(0, 1, 0), 0x4004);
  feed(0x4004, 0x30200073, 0x1004);
  feed(0x1004, addi(0, 0, 0), 0x1008);
  const std::string text = profile.finish();
  EXPECT_THAT(text, HasSubstr("fn=main\n0x1000 0 1 1\n0x1004 0 1 1\n"
                              "cfn=handler\ncalls=1 0x4000 0\n0x1000 0 3 3\n"));
}

TEST_F(Profile, LongjmpUnwindsSeveralFrames) {
  feed(0x1000, jal(1, 0x1000), 0x2000);
  feed(0x2000, jal(1, 0x1000), 0x3000);
  feed(0x3000, jalr(0, 1, 0), 0x1004);  // not to f
  feed(0x1004, addi(0, 0, 0), 0x1008, 100);
  EXPECT_THAT(profile.finish(), HasSubstr("cfn=f\ncalls=1 0x2000 0\n0x1000 0 2 2\n"));
}

TEST_F(Profile, AWaitBelongsToItsFunction) {
  feed(0x1000, 0x10500073, 0x1004);
  feed(0x4000, addi(0, 0, 0), 0x4004, 500);
  EXPECT_THAT(profile.finish(), HasSubstr("fn=main\n0x1000 0 501 1\n"));
}

TEST_F(Profile, SurvivesEndlessRecursionAndStrayReturns) {
  for (int i = 0; i < 10000; ++i) feed(0x2000, jal(1, 0), 0x2000);
  for (int i = 0; i < 10; ++i) feed(0x2000, jalr(0, 1, 0), 0x9000);
  feed(0x9000, 0x30200073, 0x2000);
  EXPECT_THAT(profile.finish(), HasSubstr("(no symbol)"));
}

TEST(Monitor, FindsCommandsAndTrimsArguments) {
  Monitor monitor;
  monitor.add("echo", "echo TEXT", "says it again",
              [](const std::string &t) { return "<" + t + ">"; });
  EXPECT_EQ(monitor.run("echo"), "<>");
  EXPECT_EQ(monitor.run("  echo  a b \n"), "<a b>");
  EXPECT_THAT(monitor.run("help"), HasSubstr("echo TEXT  says it again"));
  EXPECT_THAT(monitor.run(""), HasSubstr("echo TEXT"));
  EXPECT_THAT(monitor.run("ech"), HasSubstr("unknown command"));
}

}  // namespace
}  // namespace npim::debug
