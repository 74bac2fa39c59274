// The GDB server as its users meet it: gdb-multiarch drives `npim run --gdb` through everything
// that the server offers. Skipped where gdb-multiarch is not installed.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "gdb_session.h"

namespace npim::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Gdb : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = GdbSession::missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
  }
  GdbSession &start(const std::vector<std::string> &more = {}, GdbSession::Machine machine = {}) {
    session_.reset();  // one after the other
    session_ = std::make_unique<GdbSession>(std::move(machine), more);
    return *session_;
  }

 private:
  std::unique_ptr<GdbSession> session_;
};

TEST_F(Gdb, StandsBeforeTheFirstInstruction) {
  GdbSession &npim = start();
  const std::string text = npim.gdb({"p/x $pc", "p $minstret", "monitor time"});
  EXPECT_THAT(text, HasSubstr("$1 = 0x1000"));
  EXPECT_THAT(text, HasSubstr("$2 = 0"));
  EXPECT_THAT(text, HasSubstr("0 s of simulated time, 0 cycles, 0 instructions"));
  // GDB detaches as it leaves, which lets the firmware run.
  EXPECT_EQ(npim.finish(), 0) << npim.err();
  EXPECT_THAT(npim.out(), HasSubstr("debuggee: total 915, ratio in thousandths 5695"));
}

TEST_F(Gdb, ReadsAndWritesRegistersOfAllKinds) {
  GdbSession &npim = start();
  const std::string text = npim.gdb({"break factorial",
                                     "continue",
                                     "p $a0",
                                     "set $a0 = 0x123456789abcdef0",
                                     "p/x $a0",
                                     "set $a0 = 1",
                                     "p $zero",
                                     "set $fa3.double = 2.5",
                                     "p $fa3.double",
                                     "p/x $fa3",
                                     "set $fcsr = 0x63",
                                     "p/x $frm",
                                     "p/x $fflags",
                                     "set $fcsr = 0",
                                     "set $mscratch = 0xabcd",
                                     "p/x $mscratch",
                                     "p/x $misa",
                                     "p $priv",
                                     "info registers mstatus",
                                     "p $mcycle == $minstret",
                                     "info registers ra",
                                     "p $mhartid",
                                     "info all-registers"});
  EXPECT_THAT(text, ContainsRegex("Breakpoint 1, factorial \\(n=.*1\\)"));
  EXPECT_THAT(text, HasSubstr("$1 = 1"));
  EXPECT_THAT(text, HasSubstr("$2 = 0x123456789abcdef0"));
  EXPECT_THAT(text, HasSubstr("$3 = 0"));
  EXPECT_THAT(text, HasSubstr("$4 = 2.5"));
  EXPECT_THAT(text, HasSubstr("$6 = 0x3"));
  EXPECT_THAT(text, HasSubstr("$7 = 0x3"));
  EXPECT_THAT(text, HasSubstr("$8 = 0xabcd"));
  EXPECT_THAT(text, ContainsRegex("\\$9 = 0x8000000000[0-9a-f]+2d"));
  EXPECT_THAT(text, HasSubstr("[Machine]"));
  EXPECT_THAT(text, HasSubstr("FS:3"));
  EXPECT_THAT(text, ContainsRegex("ra +0x8[0-9a-f]+"));
  EXPECT_EQ(npim.finish(), 0) << npim.err();
}

TEST_F(Gdb, ReadsAndWritesMemory) {
  GdbSession &npim = start();
  const std::string text =
      npim.gdb({"break set_watched", "continue", "p watched", "set var watched = 7", "p watched",
                "x/2i 0x1000", "p *(char*)0x50000000", "set var *(char*)0x50000000 = 1",
                "p/x *(unsigned*)0x40000000", "set var *(unsigned*)0x1000 = 0",
                "restore " + npim.elf() + " binary 0x90000000 0 60000", "x/s 0x90000001",
                "dump binary memory /dev/null 0x80000000 0x80010000", "compare-sections .text",
                "set var total = 1000"});
  EXPECT_THAT(text, HasSubstr("$1 = 1"));
  EXPECT_THAT(text, HasSubstr("$2 = 7"));
  EXPECT_THAT(text, ContainsRegex("auipc"));
  EXPECT_THAT(text, HasSubstr("Cannot access memory at address 0x50000000"));
  EXPECT_THAT(text, HasSubstr("0x4d49504e")) << "the accelerator's ID register";
  EXPECT_THAT(text, HasSubstr("Cannot access memory at address 0x1000")) << "ROM is read-only";
  EXPECT_THAT(text, HasSubstr("\"ELF"));
  EXPECT_EQ(npim.finish(), 0) << npim.err();
  EXPECT_THAT(npim.out(), HasSubstr("total 1042")) << "what GDB wrote counts";
}

TEST_F(Gdb, StopsAtSoftwareAndHardwareBreakpoints) {
  GdbSession &npim = start();
  const std::string text = npim.gdb({"hbreak main", "continue", "break factorial if n == 3",
                                     "continue", "bt", "info breakpoints", "delete",
                                     "tbreak get_watched", "continue", "finish", "continue"});
  EXPECT_THAT(text, HasSubstr("Breakpoint 1, main ()"));
  EXPECT_THAT(text, ContainsRegex("Breakpoint 2, factorial \\(n=.*3\\)"));
  EXPECT_THAT(text, HasSubstr("#0  factorial (n="));
  EXPECT_THAT(text, ContainsRegex("#[0-9]+ .*boot_main \\("));
  EXPECT_THAT(text, HasSubstr("Temporary breakpoint 3, get_watched ()"));
  EXPECT_THAT(text, HasSubstr("Value returned is $1 = 42"));
  EXPECT_THAT(text, HasSubstr("exited normally"));
  EXPECT_EQ(npim.finish(), 0) << npim.err();
  EXPECT_THAT(npim.out(), HasSubstr("total 915"));
}

TEST_F(Gdb, StopsAtTheTrapHandler) {
  GdbSession &npim = start();
  const std::string text =
      npim.gdb({"break main", "continue", "set var *(unsigned*)$pc = 0x0000000b", "hbreak *$mtvec",
                "continue", "p $mcause", "p/x $mtval", "p $pc == ($mtvec & ~3)"});
  EXPECT_THAT(text, HasSubstr("$1 = 2"));
  EXPECT_THAT(text, HasSubstr("$2 = 0xb")) << "code that GDB wrote is what runs";
  EXPECT_THAT(text, HasSubstr("$3 = 1"));
}

TEST_F(Gdb, StopsAtWatchpoints) {
  GdbSession &npim = start();
  const std::string text =
      npim.gdb({"break main", "continue", "watch watched", "continue", "rwatch watched", "continue",
                "delete", "awatch total", "continue", "delete", "continue"});
  EXPECT_THAT(text, HasSubstr("Hardware watchpoint 2: watched"));
  EXPECT_THAT(text, HasSubstr("Old value = 1\nNew value = 42"));
  EXPECT_THAT(text, ContainsRegex("set_watched"));
  EXPECT_THAT(text, HasSubstr("Hardware read watchpoint 3: watched\n\nValue = 42"));
  EXPECT_THAT(text, ContainsRegex("get_watched"));
  EXPECT_THAT(text, HasSubstr("Hardware access (read/write) watchpoint 4: total"));
  EXPECT_THAT(text, HasSubstr("exited normally"));
  EXPECT_EQ(npim.finish(), 0) << npim.err();
}

TEST_F(Gdb, Steps) {
  GdbSession &npim = start();
  const std::string text =
      npim.gdb({"stepi", "p/x $pc", "stepi 3", "p/x $pc", "stepi", "p/x $pc", "p $minstret",
                "break set_watched", "continue", "step", "finish", "next", "info line"});
  EXPECT_THAT(text, HasSubstr("$1 = 0x1004"));
  EXPECT_THAT(text, HasSubstr("$2 = 0x1010"));
  EXPECT_THAT(text, HasSubstr("$3 = 0x80000000"));
  EXPECT_THAT(text, HasSubstr("$4 = 5"));
  EXPECT_THAT(text, HasSubstr("compute () at "));
  EXPECT_EQ(npim.finish(), 0) << npim.err();
}

TEST_F(Gdb, InterruptsARunningHart) {
  GdbSession &npim = start({"--bootargs", "case=1", "--timeout", "1000"});
  const std::string text =
      npim.gdb({GdbSession::ctrl_c_after(8), "continue", "p spins > 100", "bt", "p spins",
                GdbSession::ctrl_c_after(3), "continue", "p spins > $2", "kill"});
  EXPECT_THAT(text, HasSubstr("Program received signal SIGINT"));
  EXPECT_THAT(text, HasSubstr("$1 = 1"));
  EXPECT_THAT(text, ContainsRegex("spin \\(\\)"));
  EXPECT_THAT(text, HasSubstr("$3 = 1"));
  EXPECT_EQ(npim.finish(), 1);
  EXPECT_THAT(npim.err(), HasSubstr("ended by the debugger"));
}

TEST_F(Gdb, InterruptsAHartThatSleepsAndWakes) {
  GdbSession &npim = start({"--bootargs", "case=2", "--timeout", "100000"});
  const std::string text =
      npim.gdb({GdbSession::ctrl_c_after(8), "continue", "p ticks > 2", "info symbol $pc",
                "p ticks", "break main.c:59", "continue", "p ticks - $2 <= 1", "kill"});
  EXPECT_THAT(text, HasSubstr("Program received signal SIGINT"));
  EXPECT_THAT(text, HasSubstr("$1 = 1"));
  EXPECT_THAT(text, ContainsRegex("(tick|main).* in section .text"));
  EXPECT_EQ(npim.finish(), 1);
}

TEST_F(Gdb, InterruptsAHartThatSleepsForEver) {
  GdbSession &npim = start({"--bootargs", "case=3"});
  const std::string text =
      npim.gdb({GdbSession::ctrl_c_after(8), "continue", "info threads", "monitor time",
                // A jump out of the wait, as with a real hart.
                "jump compute"});
  EXPECT_THAT(text, HasSubstr("nothing is scheduled any more"));
  EXPECT_THAT(text, HasSubstr("Program received signal SIGINT"));
  EXPECT_THAT(text, HasSubstr("in wfi"));
  EXPECT_THAT(text, ContainsRegex("[0-9]+ ns of simulated time")) << "the limit did not pass";
  npim.finish();
  EXPECT_THAT(npim.out(), HasSubstr("debuggee: total 915"));
}

TEST_F(Gdb, DetachesAndAttachesAgain) {
  GdbSession &npim = start({"--bootargs", "case=1", "--timeout", "1000"});
  const std::string first = npim.gdb({"break spin", "continue", "p spins", "break main", "detach"});
  EXPECT_THAT(first, HasSubstr("$1 = 0"));
  const std::string second = npim.gdb({"p spins > 0", "p spins", "detach"});
  EXPECT_THAT(second, HasSubstr("$1 = 1"));
  // A connection that goes without a word is like a detached one.
  const std::string third = npim.gdb({"p spins > 0", "shell kill -KILL $PPID"});
  const std::string fourth = npim.gdb({"p spins > 0", "info threads", "kill"});
  EXPECT_THAT(fourth, HasSubstr("$1 = 1"));
  EXPECT_EQ(npim.finish(), 1);
  EXPECT_THAT(npim.err(), HasSubstr("ended by the debugger"));
}

TEST_F(Gdb, ListsHartsAsThreads) {
  GdbSession &npim = start();
  const std::string text =
      npim.gdb({"info threads", "thread 1", "thread 2", "thread apply all p $mhartid"});
  EXPECT_THAT(text, ContainsRegex("\\* 1 +Thread 1 \\(hart 0, mode M\\)"));
  EXPECT_THAT(text, HasSubstr("Unknown thread 2"));
  EXPECT_THAT(text, HasSubstr("$1 = 0"));
}

TEST_F(Gdb, ControlsSeveralHarts) {
  GdbSession &npim = start({}, {"four-harts", "harts"});
  // Stops in `work`, which harts reach one after the other; steps one of them alone.
  const std::string text =
      npim.gdb({"break work", "continue", "info threads", "p harts_count()", "thread 2",
                "p $mhartid", "delete", "break take_turn thread 3", "continue", "p $mhartid",
                "set scheduler-locking on", "p/x $minstret", "thread 1", "set $before = $minstret",
                "thread 3", "stepi", "thread 1", "p $minstret - $before", "delete"});
  EXPECT_THAT(text, ContainsRegex("hart [0-9].*hit Breakpoint 1, work|Breakpoint 1, work"));
  EXPECT_THAT(text, HasSubstr("Thread 4 (hart 3"));
  EXPECT_THAT(text, HasSubstr("$1 = 4"));
  EXPECT_THAT(text, HasSubstr("$2 = 1"));
  EXPECT_THAT(text, HasSubstr("$3 = 2")) << "the third thread is hart 2";
  EXPECT_THAT(text, HasSubstr("$5 = 0")) << "hart 0 stood while hart 2 stepped";
  EXPECT_EQ(npim.finish(), 0) << npim.err();
  EXPECT_THAT(npim.out(), HasSubstr("amoadd 20000, lr/sc 60000, locked 20000, torn 0"));
}

TEST_F(Gdb, ReadsAndWritesMemoryThroughTheMmu) {
  GdbSession &npim = start();
  // A table at 0x90000000 that maps 0x2000000000 to DRAM and nothing else; loads use it under
  // mstatus.MPRV with MPP = S.
  const std::string text = npim.gdb(
      {"break set_watched", "continue", "set var watched = 0x1234",
       "set *(unsigned long *)0x90000400 = (0x80000 << 10) | 0xc7",
       "set $pmpaddr0 = 0x3fffffffffffff", "set $pmpcfg0 = 0x1f",
       "set $satp = (8ull << 60) | 0x90000", "set $mstatus = $mstatus | 0x20800",
       "p/x *(unsigned long *)((unsigned long)&watched - 0x80000000ul + 0x2000000000ul)",
       "set *(unsigned long *)((unsigned long)&watched - 0x80000000ul + 0x2000000000ul) = 0x4321",
       "p/x *(char *)0x3000000000", "monitor physical on", "p/x watched", "monitor physical off",
       "monitor physical", "set $mstatus = $mstatus & ~0x20800ul", "p/x watched", "set $satp = 0",
       "delete"});
  EXPECT_THAT(text, HasSubstr("$1 = 0x1234"));
  EXPECT_THAT(text, HasSubstr("Cannot access memory at address 0x3000000000"));
  EXPECT_THAT(text, HasSubstr("$2 = 0x4321")) << "as the bus sees it";
  EXPECT_THAT(text, HasSubstr("expected on or off"));
  EXPECT_THAT(text, HasSubstr("$3 = 0x4321"));
  EXPECT_EQ(npim.finish(), 0) << npim.err();
}

TEST_F(Gdb, AnswersMonitorCommands) {
  GdbSession &npim = start();
  const std::string text =
      npim.gdb({"break main", "continue", "monitor help", "monitor time", "monitor chip",
                "monitor chip CAP_ARRAY", "monitor chip NOTHING", "monitor queue", "monitor tiles",
                "monitor map", "monitor stats", "monitor describe 0x10000005", "monitor describe",
                "monitor nonsense"});
  for (const char *word :
       {"this list", "of simulated time", "QUEUE_HEAD", "ROWS=128", "no register NOTHING",
        "head 0, tail 0", "no control vectors are loaded", "DRAM (0x80000000", "instructions",
        "UART 16550 + 0x5 (LSR)", "expected an address", "unknown command"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
}

TEST_F(Gdb, ResetsTheHart) {
  GdbSession &npim = start();
  const std::string text = npim.gdb({"break set_watched", "continue", "p total", "monitor reset",
                                     "flushregs", "p/x $pc", "p total", "continue", "p total"});
  EXPECT_THAT(text, HasSubstr("$1 = 873"));
  EXPECT_THAT(text, HasSubstr("$2 = 0x1000"));
  EXPECT_THAT(text, HasSubstr("$3 = 0"));
  EXPECT_THAT(text, HasSubstr("$4 = 873"));
  EXPECT_EQ(npim.finish(), 0) << npim.err();
}

TEST_F(Gdb, HelpsALostHartOn) {
  GdbSession &npim = start({"--bootargs", "case=8"}, {"no-chip", "misbehave"});
  const std::string text =
      npim.gdb({"continue", "info threads", "monitor reset", "maintenance flush register-cache",
                "break main", "continue", GdbSession::ctrl_c_after(3), "jump never_end", "kill"});
  EXPECT_THAT(text, HasSubstr("received signal SIGSEGV"));
  EXPECT_THAT(text, HasSubstr("lost: traps in its trap handler"));
  EXPECT_THAT(text, HasSubstr("Breakpoint 1, main ()"));
  EXPECT_EQ(npim.finish(), 1);
  EXPECT_THAT(npim.err(), HasSubstr("ended by the debugger"));
}

TEST_F(Gdb, LeavesALostHartLost) {
  GdbSession &npim = start({"--bootargs", "case=8"}, {"no-chip", "misbehave"});
  const std::string text = npim.gdb({"continue", "continue"});
  EXPECT_THAT(text, HasSubstr("received signal SIGSEGV"));
  EXPECT_THAT(text, HasSubstr("exited with code 01"));
  EXPECT_EQ(npim.finish(), 1);
  EXPECT_THAT(npim.err(), HasSubstr("firmware jumped to nowhere"));
}

TEST_F(Gdb, ChangesNeitherResultsNorSimulatedTime) {
  const std::string json = "/tmp/npim-gdb-times-" + std::to_string(getpid()) + ".json";
  const auto simulated = [&](const std::vector<std::string> &commands) {
    GdbSession &npim = start({"--json", json});
    npim.gdb(commands);
    EXPECT_EQ(npim.finish(), 0) << npim.err();
    std::ifstream file(json);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.substr(0, text.find("\"host_seconds\""));
  };
  const std::string undisturbed = simulated({"detach"});
  EXPECT_THAT(undisturbed, HasSubstr("simulated_ps"));
  EXPECT_EQ(undisturbed, simulated({"break factorial", "watch watched", "continue", "continue",
                                    "stepi 100", "next", "monitor chip", "shell sleep 0.3",
                                    "continue", "delete", "continue"}));
  std::remove(json.c_str());
}

TEST_F(Gdb, SurvivesNonsense) {
  GdbSession &npim = start();
  const std::string text =
      npim.gdb({"maint packet Zzzz", "maint packet Z0,12", "maint packet m",
                "maint packet mffffffffffffffff,8", "maint packet Hg99", "maint packet vCont;q",
                "maint packet qXfer:features:read:nothing:0,1", "maint packet vMustReplyEmpty",
                "maint packet p9999", "maint packet G00", "maint packet qRcmd,1",
                "maint packet Z9,0,0", "p/x $pc"});
  EXPECT_THAT(text, HasSubstr("received: \"E01\""));
  EXPECT_THAT(text, HasSubstr("$1 = 0x1000"));
  EXPECT_EQ(npim.finish(), 0) << npim.err();
}

}  // namespace
}  // namespace npim::testing
