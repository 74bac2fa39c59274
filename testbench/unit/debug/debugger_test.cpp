// The debugger's half inside the simulation, on one and two real harts and a scripted connection.
#include "debug/debugger.h"

#include <gmock/gmock.h>

#include <deque>

#include "debug/packet.h"
#include "unit/cpu/test_machine.h"

namespace npim::debug {
namespace {

using cpu::test::addi;
using cpu::test::jal;
using cpu::test::kRam;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Packets that arrive as soon as the target listens; an empty script disconnects.
class ScriptedLink : public Link {
 public:
  void packet(const std::string &data) { events_.push_back({Event::Kind::kPacket, data}); }
  void connect() { events_.push_back({Event::Kind::kConnected, {}}); }
  void interrupt() { events_.push_back({Event::Kind::kInterrupt, {}}); }
  /// The next events only arrive when the target stands still.
  bool only_when_halted = false;
  /// Except for Ctrl-C.
  bool interrupts_at_once = false;

  bool has_events() const override {
    if (events_.empty()) return false;
    const bool at_once = interrupts_at_once && events_.front().kind == Event::Kind::kInterrupt;
    return !only_when_halted || at_once;
  }
  std::optional<Event> poll() override {
    if (!has_events()) return std::nullopt;
    return take();
  }
  Event wait() override {
    if (events_.empty()) return {Event::Kind::kDisconnected, {}};
    return take();
  }
  void send(const std::string &data) override { sent.push_back(data); }
  void stop_acks() override {}

  std::vector<std::string> sent;

 private:
  Event take() {
    const Event event = events_.front();
    events_.pop_front();
    return event;
  }
  std::deque<Event> events_;
};

constexpr std::uint64_t kCode = kRam + 0x100;
constexpr std::uint32_t kWfi = 0x10500073;

class DebuggerTest : public ::testing::Test {
 protected:
  void build(unsigned harts) {
    for (unsigned i = 0; i < harts; ++i) {
      cpu::HartConfig config;
      config.reset_pc = kCode;
      config.hart_id = i;
      config.quantum = sc_core::sc_time(100, sc_core::SC_NS);
      machines_.push_back(
          std::make_unique<cpu::test::TestMachine>(sc_core::sc_gen_unique_name("machine"), config));
      hubs_.push_back(std::make_unique<RetireHub>(hart(i)));
    }
  }
  cpu::test::TestMachine &machine(unsigned i = 0) { return *machines_[i]; }
  cpu::Hart &hart(unsigned i = 0) { return machine(i).hart; }
  void attach(bool hold) {
    Surroundings around;
    around.read = [this](std::uint64_t address, std::uint8_t *to, std::size_t size) {
      if (address < kRam || address - kRam + size > cpu::test::kRamSize) return std::size_t{0};
      std::memcpy(to, machine().at(address), size);
      return size;
    };
    around.write = [this](std::uint64_t address, const std::uint8_t *from, std::size_t size) {
      if (address < kRam || address - kRam + size > cpu::test::kRamSize) return std::size_t{0};
      std::memcpy(machine().at(address), from, size);
      return size;
    };
    around.translate = translate;
    around.reset = [this] { hart().reset(); };
    around.kill = [] { sc_core::sc_stop(); };
    around.nothing_scheduled = [] { return !sc_core::sc_pending_activity(); };
    std::vector<RetireHub *> hubs;
    std::vector<cpu::Hart *> harts;
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      hubs.push_back(hubs_[i].get());
      harts.push_back(&machines_[i]->hart);
    }
    debugger = std::make_unique<Debugger>(hubs, harts, around, monitor_);
    debugger->attach(link, hold);
    link.connect();
  }
  void pass(double ns) { sc_core::sc_start(sc_core::sc_time(ns, sc_core::SC_NS)); }
  static std::string hex_pc(std::uint64_t pc) { return hex_register(pc, 8); }

  ScriptedLink link;
  std::function<std::optional<std::uint64_t>(HartIndex, std::uint64_t)> translate;

 private:
  Monitor monitor_;
  std::vector<std::unique_ptr<cpu::test::TestMachine>> machines_;
  std::vector<std::unique_ptr<RetireHub>> hubs_;

 protected:
  std::unique_ptr<Debugger> debugger;  // destroyed before the harts
};

TEST_F(DebuggerTest, StepsWhileTimeStands) {
  build(1);
  machine().put(kCode, {addi(1, 0, 1), addi(2, 0, 2), jal(0, 0)});
  attach(true);
  for (const char *packet : {"p20", "vCont;s", "p20", "vCont;s", "p20", "p2", "D"})
    link.packet(packet);
  link.only_when_halted = true;
  pass(50);
  EXPECT_THAT(link.sent, ElementsAre(hex_pc(kCode), "T05thread:1;", hex_pc(kCode + 4),
                                     "T05thread:1;", hex_pc(kCode + 8), hex_pc(2), "OK"));
}

TEST_F(DebuggerTest, ABreakpointIsHitBeforeItsInstructionAndLeftByAStep) {
  build(1);
  machine().put(kCode, {addi(1, 1, 1), addi(2, 2, 1), jal(0, -8)});
  attach(true);
  link.packet("Z0," + hex_number(kCode + 4) + ",4");
  for (const char *packet : {"vCont;c", "p1", "p2", "vCont;s", "p2", "vCont;c", "p1", "D"}) {
    link.packet(packet);
  }
  link.only_when_halted = true;
  pass(50);
  EXPECT_THAT(link.sent, ElementsAre("OK", "T05thread:1;", hex_pc(1), hex_pc(0), "T05thread:1;",
                                     hex_pc(1), "T05thread:1;", hex_pc(2), "OK"));
  EXPECT_GT(hart().state().x[1], 10u) << "runs on after the detach";
}

TEST_F(DebuggerTest, AWatchpointIsHitBeforeTheAccessThatOverlapsIt) {
  build(1);
  machine().put(kCode, {cpu::test::sw(1, 3, 0), cpu::test::sw(1, 3, 8), jal(0, 0)});
  attach(true);
  hart().state().x[1] = 0xaabbccdd;
  hart().state().x[3] = kRam + 0x800;
  for (const char *packet : {"Z2,8000080b,1", "Z3,80000800,10", "vCont;c", "p20", "m80000800,10",
                             "z2,8000080b,1", "vCont;s", "m80000808,4", "D"}) {
    link.packet(packet);
  }
  link.only_when_halted = true;
  pass(50);
  EXPECT_THAT(link.sent, ElementsAre("OK", "OK", "T05thread:1;watch:8000080b;", hex_pc(kCode + 4),
                                     "ddccbbaa" + std::string(24, '0'), "OK", "T05thread:1;",
                                     "ddccbbaa", "OK"));
}

TEST_F(DebuggerTest, CtrlCStopsAHartInAnEndlessWait) {
  build(1);
  machine().put(kCode, {kWfi, addi(1, 0, 1), jal(0, 0)});
  attach(true);
  link.packet("vCont;c");
  link.interrupt();
  link.packet("p20");
  link.packet("P20=" + hex_pc(kCode + 4));  // the same pc: still waits
  link.packet("D");
  link.only_when_halted = true;
  pass(50);
  ASSERT_EQ(link.sent.size(), 5u);
  EXPECT_THAT(link.sent[0], StartsWith("O"));
  EXPECT_EQ(link.sent[1], "T02thread:1;");
  EXPECT_EQ(link.sent[2], hex_pc(kCode + 4));
  EXPECT_TRUE(hart().waiting_for_interrupt());
  EXPECT_EQ(hart().state().x[1], 0u);
}

TEST_F(DebuggerTest, AnEndlessWaitIsToldOnceDevicesHaveComeToRest) {
  build(1);
  machine().put(kCode, {kWfi, jal(0, 0)});
  attach(true);
  link.packet("vCont;c");
  link.interrupt();
  link.packet("D");
  link.only_when_halted = true;
  sc_core::sc_event device;
  device.notify(300, sc_core::SC_NS);
  pass(1000);
  ASSERT_EQ(link.sent.size(), 3u);
  EXPECT_THAT(link.sent[0], StartsWith("O"));
  EXPECT_EQ(link.sent[1], "T02thread:1;");
  EXPECT_EQ(hart().statistics().cycles, 1u) << "it still waits";
}

// Hart 0 stands for the user's sake, which nothing scheduled will change.
TEST_F(DebuggerTest, AWaitIsEndlessAlsoWhileOtherHartsWereToldToStay) {
  build(2);
  cpu::Turns turns(2, sc_core::sc_time(100, sc_core::SC_NS));
  for (unsigned i = 0; i < 2; ++i) hart(i).set_turns(&turns, i);
  machine(0).put(kCode, {addi(1, 1, 1), jal(0, -4)});
  machine(1).put(kCode, {kWfi, jal(0, 0)});
  attach(true);
  link.packet("vCont;c:2");
  link.interrupt();
  link.packet("k");
  link.only_when_halted = true;
  pass(1000);
  ASSERT_EQ(link.sent.size(), 2u);
  EXPECT_THAT(link.sent[0], StartsWith("O"));
  EXPECT_EQ(link.sent[1], "T02thread:2;");
  EXPECT_EQ(hart(0).state().x[1], 0u);
}

TEST_F(DebuggerTest, AConnectionThatBreaksLetsTheTargetGo) {
  build(1);
  machine().put(kCode, {addi(1, 1, 1), jal(0, -4)});
  attach(false);
  link.packet("Z0," + hex_number(kCode) + ",4");
  pass(100);  // the script ends: disconnected
  EXPECT_GT(hart().state().x[1], 10u);
  EXPECT_THAT(link.sent, ElementsAre("OK"));
}

TEST_F(DebuggerTest, AHeldTargetWaitsForAnotherConnection) {
  build(1);
  machine().put(kCode, {addi(1, 1, 1), jal(0, -4)});
  attach(true);
  link.packet("p1");
  link.packet("vCont;s");
  link.packet("p1");
  link.only_when_halted = true;
  pass(20);
  EXPECT_THAT(link.sent, ElementsAre(hex_pc(0), "T05thread:1;", hex_pc(1)));
}

TEST_F(DebuggerTest, TranslatesPageByPage) {
  build(1);
  machine().put(kCode, {jal(0, 0)});
  machine().write<std::uint32_t>(kRam + 0x3ffc, 0x44332211);
  machine().write<std::uint32_t>(kRam + 0x7000, 0x88776655);
  translate = [](HartIndex, std::uint64_t address) -> std::optional<std::uint64_t> {
    if (address >> 12 == 0x10) return kRam + 0x3000 + (address & 0xfff);
    if (address >> 12 == 0x11) return kRam + 0x7000 + (address & 0xfff);
    return std::nullopt;
  };
  attach(true);
  link.packet("m10ffc,8");
  link.packet("M10fff,2:aabb");
  link.packet("m11ffe,4");
  link.packet("m12000,4");
  link.packet("D");
  pass(10);
  EXPECT_THAT(link.sent, ElementsAre("1122334455667788", "OK", "0000", "E0e", "OK"));
  EXPECT_EQ(*machine().at(kRam + 0x3fff), 0xaa);
  EXPECT_EQ(*machine().at(kRam + 0x7000), 0xbb);
}

TEST_F(DebuggerTest, ControlsTwoHartsApart) {
  build(2);
  for (unsigned i = 0; i < 2; ++i) machine(i).put(kCode, {addi(1, 1, 1), jal(0, -4)});
  attach(true);
  // Hart 1 (thread 2) goes alone to its breakpoint; hart 0 stays where it is.
  link.packet("qfThreadInfo");
  link.packet("Hg2");
  link.packet("Z0," + hex_number(kCode + 4) + ",4");
  link.packet("vCont;c:2");
  link.packet("p1");
  link.packet("Hg1");
  link.packet("p1");
  link.packet("k");
  link.only_when_halted = true;
  pass(1000);
  EXPECT_THAT(link.sent,
              ElementsAre("m1,2", "OK", "OK", "T05thread:2;", hex_pc(1), "OK", hex_pc(0)));
  EXPECT_TRUE(debugger->killed());
}

// Hart 1 sleeps and could look at Ctrl-C at once, while hart 0 waits for the time of its device
// access. Were it to do so, GDB would see hart 0's pc from before, and a new one would be lost.
TEST_F(DebuggerTest, CtrlCLeavesTheHartInsideAnInstructionToFinishIt) {
  build(2);
  cpu::Turns turns(2, sc_core::sc_time(100, sc_core::SC_NS));
  for (unsigned i = 0; i < 2; ++i) hart(i).set_turns(&turns, i);
  std::vector<std::uint32_t> code(150, addi(2, 2, 1));
  code.push_back(cpu::test::lw(3, 1, 0));
  code.push_back(jal(0, 0));
  machine(0).put(kCode, code);
  machine(1).put(kCode, {kWfi, jal(0, -4)});
  hart(0).state().x[1] = cpu::test::kDevice + 8;
  attach(false);
  link.packet("vCont;c");
  pass(120);  // the access lies in the second slice, at 150 ns
  link.only_when_halted = link.interrupts_at_once = true;
  // As the server's thread does it: before SystemC's time reaches that of the access.
  link.interrupt();
  debugger->notify();
  for (const char *packet : {"p20", "p2"}) link.packet(packet);
  link.packet("P20=" + hex_pc(kCode));
  for (const char *packet : {"vCont;s", "p20", "D"}) {
    link.packet(packet);
  }
  pass(1000);
  EXPECT_THAT(link.sent, ElementsAre("T02thread:1;", hex_pc(kCode + 4 * 151), hex_pc(150), "OK",
                                     "T05thread:1;", hex_pc(kCode + 4), "OK"));
}

TEST_F(DebuggerTest, WhileItRunsOtherPacketsAreRefused) {
  build(1);
  machine().put(kCode, {jal(0, 0)});
  attach(true);
  link.packet("vCont;c");
  link.packet("g");
  link.packet("D");
  pass(1000);
  EXPECT_THAT(link.sent, ElementsAre("E01", "OK"));
}

}  // namespace
}  // namespace npim::debug
