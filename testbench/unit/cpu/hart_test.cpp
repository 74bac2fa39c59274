// The shell: clock, device access, wfi, interrupts, messages, speed options.
#include "config/json_config.h"
#include "hart_fixture.h"

namespace npim::cpu::test {
namespace {

using sc_core::SC_NS;
using sc_core::sc_time;

struct HartShell : HartTest {
  /// After `delay_ns`, sets an interrupt line.
  void raise_later(unsigned line, double delay_ns, bool value = true) {
    machine();
    sc_core::sc_spawn([this, line, delay_ns, value] {
      sc_core::wait(delay_ns, SC_NS);
      machine().lines[line].write(value);
    });
  }
};

TEST(HartStop, StopRegisterEndsAtTheExactTime) {
  collect_warnings();
  TestMachine machine("machine", test_config());
  machine.put(kRam, {addi(a0, zero, 5), addi(a0, a0, 6), lui(t0, 0x10000), sw(a0, t0, 8),
                     sw(a0, t0, 0x20), addi(a0, a0, 1)});
  sc_core::sc_start();
  EXPECT_EQ(machine.hart.state().x[a0], 11u);
  EXPECT_EQ(machine.scratch, 11u);
  EXPECT_EQ(machine.hart.statistics().instructions, 5u);
  EXPECT_EQ(machine.hart.statistics().device_writes, 2u);
  EXPECT_EQ(sc_core::sc_time_stamp(), sc_time(4, SC_NS));
}

TEST_F(HartShell, DeviceAccessHappensAtItsTimeAndItsDelayCounts) {
  HartConfig config = test_config();
  config.cycles.load = 7;
  build(config);
  x(s2) = kDevice;
  run({ld(a0, s2, 0x10), ld(a1, s2, 0x10), sd(zero, s2, 0x30), ld(a2, s2, 0x10)}, 40);
  EXPECT_EQ(x(a0), 0u);
  EXPECT_EQ(x(a1), 7000u);
  // The slow device returns 3.3 ns: the access ends at the next clock edge.
  EXPECT_EQ(x(a2), 14'000u + 4'000u + 1'000u);
}

TEST_F(HartShell, CyclesByClass) {
  HartConfig config = test_config();
  config.cycles.base = 2;
  config.cycles.load = 3;
  config.cycles.store = 5;
  config.cycles.amo = 7;
  config.cycles.mul = 11;
  config.cycles.div = 13;
  config.cycles.branch_taken = 17;
  config.cycles.jump = 19;
  config.cycles.csr = 23;
  config.cycles.fp = 29;
  config.cycles.fp_div = 31;
  build(config);
  x(s0) = kRam + 0x8000;
  const auto cost = [&](std::uint32_t instruction) {
    run({csrrs(t0, 0xb00, zero), instruction, csrrs(t1, 0xb00, zero)}, 200);
    return x(t1) - x(t0) - 23;
  };
  EXPECT_EQ(cost(kNop), 2u);
  EXPECT_EQ(cost(0x0000000f), 2u);
  EXPECT_EQ(cost(ld(a0, s0, 0)), 3u);
  EXPECT_EQ(cost(i_type(0x07, 3, 1, s0, 0)), 3u);
  EXPECT_EQ(cost(sd(a0, s0, 0)), 5u);
  EXPECT_EQ(cost(s_type(0x27, 2, s0, 1, 0)), 5u);
  EXPECT_EQ(cost(amo(0, 3, a0, s0, a1)), 7u);
  EXPECT_EQ(cost(r_type(0x33, 3, 1, a0, a1, a2)), 11u);
  EXPECT_EQ(cost(r_type(0x3b, 0, 1, a0, a1, a2)), 11u);
  EXPECT_EQ(cost(r_type(0x33, 4, 1, a0, a1, a2)), 13u);
  EXPECT_EQ(cost(r_type(0x3b, 7, 1, a0, a1, a2)), 13u);
  EXPECT_EQ(cost(beq(zero, zero, 4)), 17u);
  EXPECT_EQ(cost(bne(zero, zero, 4)), 2u);
  EXPECT_EQ(cost(jal(0, 4)), 19u);
  EXPECT_EQ(cost(csrrw(zero, 0x340, a0)), 23u);
  EXPECT_EQ(cost(r_type(0x53, 0, 0, 1, 2, 3)), 29u);
  EXPECT_EQ(cost(r_type(0x53, 0, 0x0d, 1, 2, 3)), 31u);
  EXPECT_EQ(cost(r_type(0x53, 0, 0x2c, 1, 2, 0)), 31u);
}

TEST_F(HartShell, MemoryLatencyRoundsUpToCycles) {
  build();
  machine().ram_latency = sc_time(2.5, SC_NS);
  x(s0) = kRam + 0x8000;
  run({csrrs(t0, 0xb00, zero), ld(a0, s0, 0), sd(a0, s0, 0), csrrs(t1, 0xb00, zero)}, 40);
  EXPECT_EQ(x(t1) - x(t0), 1u + 4u + 4u);
}

TEST_F(HartShell, TimeCounterFollowsTimebaseOrItsSource) {
  build();
  pass(1000);  // spinning on a trap at first
  run({csrrs(a0, 0xc01, zero)});
  EXPECT_EQ(x(a0), 10u);  // 10 MHz
  hart().set_time_source([](const sc_time &now) { return now.value() + 5; });
  run({csrrs(a0, 0xc01, zero)});
  EXPECT_EQ(x(a0) % 1000, 5u);
}

TEST_F(HartShell, WfiJumpsToTheInterruptAndTheNextEdge) {
  build();
  state().mie = interrupt_mask(Interrupt::kTimer);
  raise_later(1, 5000.4);
  raise_later(0, 700);  // not enabled
  run({kWfi, csrrs(a0, 0xb00, zero), csrrs(a1, 0x344, zero)}, 4000);
  EXPECT_TRUE(hart().waiting_for_interrupt());
  EXPECT_EQ(x(a0), 0u);
  pass(2000);
  // MIE is clear: execution goes on behind wfi, at the first edge after the line rose.
  EXPECT_EQ(x(a0), 5001u);
  EXPECT_EQ(x(a1), interrupt_mask(Interrupt::kTimer) | interrupt_mask(Interrupt::kSoftware));
  EXPECT_EQ(hart().statistics().wait_cycles, 5000u);
  EXPECT_EQ(state().mcause, 0u);
}

// Another hart may store the same value there meanwhile, which comparing values would not show.
TEST_F(HartShell, WfiEndsAReservationWhenHartsTakeTurns) {
  build();
  Turns turns(1, sc_time(10'000, SC_NS));
  hart().set_turns(&turns, 0);
  machine().lines[1].write(true);
  state().mie = 1 << 7;
  x(a0) = kRam + 0x8000;
  x(a3) = 7;
  run({amo(2, 3, a2, a0, 0), kWfi, amo(3, 3, a3, a0, a1)}, 100);
  EXPECT_EQ(x(a3), 1u);
}

TEST_F(HartShell, WfiPassesWhenAnInterruptIsAlreadyPending) {
  build();
  state().mie = interrupt_mask(Interrupt::kSoftware);
  machine().lines[0].write(true);
  run({kNop, kWfi, csrrs(a0, 0xb00, zero)});
  EXPECT_EQ(x(a0), 2u);
}

TEST_F(HartShell, InterruptIsTakenAtTheFirstInstructionAfterTheLineRises) {
  build();
  state().mie = interrupt_mask(Interrupt::kExternal);
  state().mstatus |= mstatus::kMie;
  raise_later(2, 20.5);
  const std::uint64_t start = run(std::vector<std::uint32_t>(40, kNop), 60);
  EXPECT_EQ(state().mcause, kInterruptBit | 11);
  EXPECT_EQ(state().mepc, start + 21 * 4);  // those starting at 0..20 ns ran
  EXPECT_EQ(state().mtval, 0u);
  EXPECT_EQ(state().mstatus & (mstatus::kMie | mstatus::kMpie), mstatus::kMpie);
  EXPECT_EQ(hart().statistics().interrupts, 1u);
}

TEST_F(HartShell, LineRaisedAtAnInstructionsStartPreventsIt) {
  build();
  state().mie = interrupt_mask(Interrupt::kExternal);
  state().mstatus |= mstatus::kMie;
  raise_later(2, 20);
  const std::uint64_t start = run(std::vector<std::uint32_t>(40, kNop), 60);
  EXPECT_EQ(state().mepc, start + 20 * 4);
}

TEST_F(HartShell, LineChangedByAStoreIsSeenByTheNextInstruction) {
  build();
  x(s2) = kDevice;
  x(a1) = 7;
  state().mie = interrupt_mask(Interrupt::kTimer);
  state().mstatus |= mstatus::kMie;
  const std::uint64_t start = run({sd(a1, s2, 0x18), addi(a0, a0, 1)});
  EXPECT_EQ(state().mepc, start + 4);
  EXPECT_EQ(x(a0), 0u);
}

TEST_F(HartShell, PriorityIsExternalSoftwareTimer) {
  build();
  state().mie = kAllInterrupts;
  for (auto &line : machine().lines) line.write(true);
  pass(1);
  const auto taken = [&] {
    state().mstatus |= mstatus::kMie;
    run({kNop});
    return state().mcause & ~kInterruptBit;
  };
  EXPECT_EQ(taken(), 11u);
  machine().lines[2].write(false);
  pass(1);
  EXPECT_EQ(taken(), 3u);
  machine().lines[0].write(false);
  pass(1);
  EXPECT_EQ(taken(), 7u);
}

TEST_F(HartShell, VectoredInterruptsAndDirectExceptions) {
  build();
  state().mtvec = (kTrapLoop - 0x100) | 1;
  machine().put(kTrapLoop - 0x100, std::vector<std::uint32_t>(12, jal(0, 0)));
  state().mie = interrupt_mask(Interrupt::kTimer);
  machine().lines[1].write(true);
  run({csrrsi(zero, 0x300, 8), kNop});
  EXPECT_EQ(state().pc, kTrapLoop - 0x100 + 4 * 7);
  EXPECT_EQ(state().mcause, kInterruptBit | 7);
  machine().lines[1].write(false);
  run({kEcall});
  EXPECT_EQ(state().pc, kTrapLoop - 0x100);
}

TEST_F(HartShell, UnmaskingTakesAPendingInterruptAtOnce) {
  build();
  machine().lines[0].write(true);
  state().mstatus |= mstatus::kMie;
  const std::uint64_t start = run({addi(a0, zero, 8), csrrs(zero, 0x304, a0), addi(a1, a1, 1)});
  EXPECT_EQ(state().mepc, start + 8);
  EXPECT_EQ(x(a1), 0u);
}

TEST_F(HartShell, MretTakesAPendingInterruptAtOnce) {
  build();
  machine().lines[0].write(true);
  state().mie = interrupt_mask(Interrupt::kSoftware);
  state().mstatus |= mstatus::kMpie;
  state().mepc = kTrapLoop - 0x200;
  run({kMret});
  EXPECT_EQ(state().mepc, kTrapLoop - 0x200);
  EXPECT_EQ(state().pc, kTrapLoop);
}

TEST_F(HartShell, AccessFaultsAreReportedWithTheirReason) {
  build();
  hart().set_symboliser([](std::uint64_t) { return "main+0x12"; });
  hart().set_describer([](std::uint64_t) { return "cake shop"; });
  x(s2) = kDevice;
  const std::uint64_t start = run({ld(a0, s2, 0x28)});
  expect_trap(Cause::kLoadAccess, kDevice + 0x28, start);
  ASSERT_EQ(warnings().size(), 1u);
  EXPECT_EQ(warnings()[0],
            "load access fault at pc 0x80000100 (main+0x12), instruction 0x2893503, address "
            "0x10000028 (cake shop): register CAKE is a lie");
}

TEST_F(HartShell, IdenticalReportsAreLimited) {
  build();
  x(s2) = kDevice;
  state().mtvec = kTrapLoop - 0x40;
  machine().put(kTrapLoop - 0x40, {kMret});
  run({ld(a0, s2, 0x28)}, 500);  // returns to the same instruction for ever
  EXPECT_EQ(warnings().size(), 21u);
  EXPECT_NE(warnings().back().find("not reported again"), std::string::npos);
  EXPECT_GT(hart().statistics().exceptions, 100u);
}

TEST_F(HartShell, JumpToNowhereIsReportedOnceAndTimePasses) {
  build();
  std::string told;
  hart().set_lost_handler([&](const std::string &text) { told += text; });
  state().mtvec = 0x40000000;
  x(a0) = 0x50000000;
  run({jalr(ra, a0, 0)}, 1000);
  EXPECT_TRUE(hart().lost());
  EXPECT_NE(told.find("firmware jumped to nowhere"), std::string::npos) << told;
  EXPECT_NE(told.find("0x50000000"), std::string::npos) << told;
  EXPECT_EQ(warnings().size(), 2u);  // the jump, and then the handler
  EXPECT_EQ(sc_core::sc_time_stamp(), sc_time(1000, SC_NS));
}

TEST_F(HartShell, TracerSeesEveryRetiredInstruction) {
  build();
  std::vector<std::uint64_t> seen;
  hart().set_tracer([&](const Retired &retired) {
    if (retired.instruction.op == Op::kAddi) seen.push_back(retired.state.x[a0]);
  });
  run({addi(a0, zero, 1), addi(a0, a0, 1), kEcall, addi(a0, a0, 1)});
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(HartShell, ResetRestoresTheResetState) {
  build();
  run({addi(a0, zero, 1), csrrsi(zero, 0x300, 8)});
  hart().reset();
  EXPECT_EQ(x(a0), 0u);
  EXPECT_EQ(state().pc, kRam);
  EXPECT_EQ(state().mstatus, 0u);
  EXPECT_EQ(state().privilege, Privilege::kMachine);
  EXPECT_EQ(state().minstret(), 0u);
  EXPECT_EQ(state().mcycle(), 0u);
}

TEST_F(HartShell, ResetRevivesALostAndAWaitingHart) {
  build();
  state().mtvec = 0;
  run({kEcall}, 500);
  EXPECT_TRUE(hart().lost());
  hart().reset();
  run({addi(a0, zero, 1), kWfi}, 500);
  EXPECT_TRUE(hart().waiting_for_interrupt());
  EXPECT_EQ(x(a0), 1u);
  hart().reset();
  const double now_ns = sc_core::sc_time_stamp().to_seconds() * 1e9;
  run({csrrs(a0, 0xb00, zero), addi(a1, zero, 2)});
  EXPECT_EQ(x(a1), 2u);
  EXPECT_EQ(hart().local_time(), sc_core::sc_time_stamp());
  EXPECT_GT(now_ns, 999);
}

// Code that changes.

TEST_F(HartShell, OwnStoresIntoCodeAreSeen) {
  build();
  x(a1) = addi(a0, zero, 2);
  x(a2) = kRam + 0x100;
  // The store replaces the instruction at the start, which has been executed before.
  run({addi(a0, zero, 1), sw(a1, a2, 0), addi(a3, a3, 1), addi(a4, zero, 2), blt(a3, a4, -16)}, 20);
  EXPECT_EQ(x(a0), 2u);
}

TEST_F(HartShell, OwnStoresIntoCodeAreSeenWithoutDmi) {
  HartConfig config = test_config();
  config.dmi = false;
  build(config);
  x(a1) = addi(a0, zero, 2);
  x(a2) = kRam + 0x100;
  run({addi(a0, zero, 1), sw(a1, a2, 0), addi(a3, a3, 1), addi(a4, zero, 2), blt(a3, a4, -16)}, 20);
  EXPECT_EQ(x(a0), 2u);
}

TEST_F(HartShell, StoreAfterDataPageBecameCode) {
  build();
  x(a2) = kRam + 0x5000;
  x(a1) = addi(a0, a0, 1);
  x(a3) = jalr(zero, ra, 0);
  x(a4) = addi(a0, a0, 64);
  // Write a function through the fast path, call it, change it through what was the fast path,
  // call.
  run({sw(a1, a2, 0), sw(a3, a2, 4), sw(a3, a2, 4), jalr(ra, a2, 0), sw(a4, a2, 0),
       jalr(ra, a2, 0)},
      30);
  EXPECT_EQ(x(a0), 65u);
}

TEST_F(HartShell, StoreOverTheSecondHalfOfAnInstruction) {
  build();
  x(a2) = kRam + 0x100;
  x(a1) = addi(a0, zero, 77) >> 16;
  run({addi(a0, zero, 1), s_type(0x23, 1, a2, a1, 2), addi(a3, a3, 1), addi(a4, zero, 2),
       blt(a3, a4, -16)},
      20);
  EXPECT_EQ(x(a0), 77u);
}

TEST_F(HartShell, ForeignWritesToCodeAreSeenAfterFenceI) {
  build();
  x(a2) = kRam + 0x5000;
  machine().put(kRam + 0x5000, {addi(a0, zero, 1), jalr(zero, ra, 0)});
  run({jalr(ra, a2, 0)});
  EXPECT_EQ(x(a0), 1u);
  machine().put(kRam + 0x5000, {addi(a0, zero, 2)});
  run({kFenceI, jalr(ra, a2, 0)});
  EXPECT_EQ(x(a0), 2u);
}

TEST_F(HartShell, InstructionSpansPages) {
  build();
  const std::uint32_t instruction = addi(a0, a0, 33);
  machine().write<std::uint32_t>(kRam + 0x5ffe, instruction);
  machine().write<std::uint32_t>(kRam + 0x6002, jalr(zero, ra, 0));
  x(a2) = kRam + 0x5ffe;
  x(a3) = kRam + 0x6000;
  x(a4) = addi(a0, a0, 44) >> 16;
  run({jalr(ra, a2, 0), s_type(0x23, 1, a3, a4, 0), jalr(ra, a2, 0)}, 20);
  EXPECT_EQ(x(a0), 33u + 44u);
}

TEST_F(HartShell, InvalidatedDmiIsAskedForAgain) {
  build();
  x(s0) = kRam + 0x8000;
  run({ld(a0, s0, 0), sd(a0, s0, 8)});
  machine().invalidate();
  std::vector<unsigned char> moved(machine().ram);
  machine().ram.swap(moved);
  std::fill(moved.begin(), moved.end(), 0xee);
  machine().write<std::uint64_t>(kRam + 0x8000, 17);
  run({ld(a0, s0, 0), sd(a0, s0, 8)});
  EXPECT_EQ(x(a0), 17u);
  EXPECT_EQ(machine().read<std::uint64_t>(kRam + 0x8008), 17u);
}

TEST(HartConfigTest, ReadsAndRefuses) {
  const auto parse = [](const std::string &text) {
    config::Object object(config::Node::parse(text, "test"));
    const HartConfig result = parse_hart_config(object);
    object.finish();
    return result;
  };
  const HartConfig config = parse(
      R"({"clock_mhz": 800, "cycles": {"default": 2, "mul": 4}, "reset_pc": "0x80000000",
          "hart_id": 3, "timebase_hz": 1000000, "quantum_ns": 500, "dmi": false})");
  EXPECT_EQ(config.clock_mhz, 800);
  EXPECT_EQ(config.cycles.load, 2);
  EXPECT_EQ(config.cycles.mul, 4);
  EXPECT_EQ(config.reset_pc, 0x80000000u);
  EXPECT_EQ(config.hart_id, 3u);
  EXPECT_EQ(config.quantum, sc_time(500, SC_NS));
  EXPECT_FALSE(config.dmi);
  EXPECT_EQ(parse("{}").reset_pc, 0x1000u);
  for (const char *bad :
       {R"({"clock_mhz": 0})", R"({"cycles": {"mul": 0}})", R"({"cycles": {"mull": 1}})",
        R"({"reset_pc": "0x"})", R"({"reset_pc": "banana"})", R"({"reset_pc": 4097})",
        R"({"reset_pc": "0x80000000000000000"})", R"({"dmi": 1})", R"({"quantum_ns": -1})",
        R"({"reset_pc": -4})", R"({"hart": 1})"}) {
    EXPECT_THROW(parse(bad), InputError) << bad;
  }
}

}  // namespace
}  // namespace npim::cpu::test
