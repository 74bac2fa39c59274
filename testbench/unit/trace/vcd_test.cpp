#include "trace/vcd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "base/error.h"

namespace npim::trace {
namespace {

using sc_core::SC_NS;
using sc_core::SC_PS;
using sc_core::sc_time;
using testing::HasSubstr;

std::string content(const std::string &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string path_of(const char *name) {
  return testing::TempDir() + "/" + name;
}

TEST(Vcd, ScopesValuesAndTimesInOrder) {
  const std::string path = path_of("order.vcd");
  VcdSink sink(path);
  const int busy = sink.bits("chip.tile0.bus.busy", 1);
  const int head = sink.bits("accelerator.queue_head", 32);
  const int use = sink.real("chip.tile0.bus.utilisation");
  sink.change(busy, sc_time(20, SC_PS), 0);  // announced before what comes first
  sink.change(busy, sc_time(10, SC_PS), 1);
  sink.change(head, sc_time(10, SC_PS), 5);
  sink.change_real(use, sc_time(15, SC_PS), 0.25);
  sink.close(sc_time(1, SC_NS));
  EXPECT_EQ(content(path),
            "$comment npim run --vcd $end\n$timescale 1 ps $end\n"
            "$scope module accelerator $end\n"
            "$var wire 32 \" queue_head [31:0] $end\n"
            "$upscope $end\n"
            "$scope module chip $end\n$scope module tile0 $end\n$scope module bus $end\n"
            "$var wire 1 ! busy $end\n"
            "$var real 64 # utilisation $end\n"
            "$upscope $end\n$upscope $end\n$upscope $end\n"
            "$enddefinitions $end\n#0\n$dumpvars\n0!\nb0 \"\nr0 #\n$end\n"
            "#10\n1!\nb101 \"\n#15\nr0.25 #\n#20\n0!\n#1000\n");
}

TEST(Vcd, TheLastChangeOfAMomentCountsAndNoChangeIsNone) {
  const std::string path = path_of("moment.vcd");
  VcdSink sink(path);
  const int busy = sink.bits("busy", 1);
  sink.change(busy, sc_time(10, SC_PS), 1);
  sink.change(busy, sc_time(20, SC_PS), 0);
  sink.change(busy, sc_time(20, SC_PS), 1);  // back to back: no glitch
  sink.change(busy, sc_time(30, SC_PS), 0);
  sink.close(sc_time(40, SC_PS));
  EXPECT_THAT(content(path), HasSubstr("$end\n#10\n1!\n#30\n0!\n#40\n"));
}

TEST(Vcd, WhatIsRetractedDoesNotHappen) {
  const std::string path = path_of("retract.vcd");
  VcdSink sink(path);
  const int busy = sink.bits("busy", 1), other = sink.bits("other", 1);
  sink.change(busy, sc_time(10, SC_PS), 1);
  sink.change(other, sc_time(10, SC_PS), 1);
  sink.retract(busy);
  sink.close(sc_time(40, SC_PS));
  EXPECT_THAT(content(path), HasSubstr("$end\n#10\n1\"\n#40\n"));
}

TEST(Vcd, ManySignalsHaveDifferentCodes) {
  const std::string path = path_of("many.vcd");
  VcdSink sink(path);
  for (int i = 0; i < 10000; ++i) sink.bits("s" + std::to_string(i), 1);
  sink.close(sc_time());
  std::ifstream file(path);
  std::set<std::string> codes;
  for (std::string word; file >> word;) {
    if (word != "$var") continue;
    std::string kind, width, code;
    file >> kind >> width >> code;
    codes.insert(code);
  }
  EXPECT_EQ(codes.size(), 10000u);
}

TEST(Vcd, AnUnwritableFileIsRefused) {
  EXPECT_THROW(VcdSink("/nowhere/x.vcd"), InputError);
}

}  // namespace
}  // namespace npim::trace
