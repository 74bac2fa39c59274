// U and S: traps and their delegation, interrupts, Sv39, PMP, triggers.
#include "hart_fixture.h"
#include "paging.h"

namespace npim::cpu::test {
namespace {

using U = std::uint64_t;
constexpr U kOnes = ~U{0};
constexpr std::uint32_t kSret = 0x10200073, kSfence = 0x12000073;
constexpr U kSupervisorLoop = kRam + 0xf1000, kTables = kRam + 0x40000, kData = kRam + 0x20000;

struct Privileged : HartTest {
  TestMachine &open(HartConfig config = test_config()) {
    build(config);
    machine().put(kSupervisorLoop, {jal(0, 0)});
    state().stvec = kSupervisorLoop;
    state().pmpaddr[0] = kOnes >> 10;
    state().pmpcfg[0] = 0x1f;  // all of memory, for S and U
    return machine();
  }
  void run_as(Privilege privilege, const std::vector<std::uint32_t> &code, double ns = 0) {
    if (machine_pointer_ == nullptr) machine_pointer_ = &machine();
    state().privilege = privilege;
    state().mcause = state().scause = 99;
    start = run(code, ns);
  }
  void expect_machine_trap(Cause cause, U value, U pc) {
    EXPECT_EQ(state().privilege, Privilege::kMachine);
    expect_trap(cause, value, pc);
  }
  void expect_supervisor_trap(Cause cause, U value, U pc) {
    EXPECT_EQ(state().privilege, Privilege::kSupervisor);
    EXPECT_EQ(state().scause, static_cast<U>(cause));
    EXPECT_EQ(state().stval, value);
    EXPECT_EQ(state().sepc, pc);
    EXPECT_EQ(state().pc, kSupervisorLoop);
    EXPECT_EQ(state().mcause, 99u);
  }
  U start = 0;

 private:
  TestMachine *machine_pointer_ = nullptr;
};

TEST_F(Privileged, EnvironmentCallsSayWhereFrom) {
  open();
  run_as(Privilege::kUser, {kEcall});
  expect_machine_trap(Cause::kEcallUser, 0, start);
  EXPECT_EQ(state().mstatus & mstatus::kMpp, 0u);
  run_as(Privilege::kSupervisor, {kEcall});
  expect_machine_trap(Cause::kEcallSupervisor, 0, start);
  EXPECT_EQ(state().mstatus & mstatus::kMpp, U{1} << 11);
  run_as(Privilege::kMachine, {kEcall});
  expect_machine_trap(Cause::kEcallMachine, 0, start);
  EXPECT_EQ(state().mstatus & mstatus::kMpp, U{3} << 11);
}

TEST_F(Privileged, EveryDelegatedCauseGoesToTheSupervisor) {
  open();
  state().medeleg = kOnes & 0xb3ff;
  run_as(Privilege::kUser, {kEcall});
  expect_supervisor_trap(Cause::kEcallUser, 0, start);
  EXPECT_EQ(state().mstatus & mstatus::kSpp, 0u);
  run_as(Privilege::kSupervisor, {kEcall});
  expect_supervisor_trap(Cause::kEcallSupervisor, 0, start);
  EXPECT_NE(state().mstatus & mstatus::kSpp, 0u);
  run_as(Privilege::kUser, {0xffffffff});
  expect_supervisor_trap(Cause::kIllegalInstruction, 0xffffffff, start);
  run_as(Privilege::kUser, {kEbreak});
  expect_supervisor_trap(Cause::kBreakpoint, start, start);
  x(a0) = 0x40000000;
  run_as(Privilege::kUser, {ld(a1, a0, 8)});
  expect_supervisor_trap(Cause::kLoadAccess, 0x40000008, start);
  run_as(Privilege::kUser, {sd(a1, a0, 8)});
  expect_supervisor_trap(Cause::kStoreAccess, 0x40000008, start);
  run_as(Privilege::kUser, {jalr(zero, a0, 0)});
  expect_supervisor_trap(Cause::kFetchAccess, 0x40000000, 0x40000000);
  x(a0) = kData + 1;
  run_as(Privilege::kUser, {amo(2, 3, a1, a0, zero)});
  expect_supervisor_trap(Cause::kLoadMisaligned, kData + 1, start);
  run_as(Privilege::kUser, {amo(0, 3, a1, a0, a2)});
  expect_supervisor_trap(Cause::kStoreMisaligned, kData + 1, start);
  run_as(Privilege::kMachine, {kEcall});  // never downwards
  expect_machine_trap(Cause::kEcallMachine, 0, start);
}

TEST_F(Privileged, TrapEntryAndSretMoveTheInterruptBits) {
  open();
  state().medeleg = 1u << 8;
  state().mstatus = mstatus::kSie;
  run_as(Privilege::kUser, {kEcall});
  EXPECT_EQ(state().mstatus, mstatus::kSpie);
  const U spin = start + 4;
  x(a0) = spin;
  run_as(Privilege::kSupervisor, {csrrw(zero, 0x141, a0), kSret});
  EXPECT_EQ(state().pc, spin);
  EXPECT_EQ(state().privilege, Privilege::kUser);
  EXPECT_EQ(state().mstatus, mstatus::kSie | mstatus::kSpie);
  state().mstatus = mstatus::kSpp | mstatus::kMprv;
  run_as(Privilege::kSupervisor, {csrrw(zero, 0x141, a0), kSret});
  EXPECT_EQ(state().privilege, Privilege::kSupervisor);
  EXPECT_EQ(state().mstatus, mstatus::kSpie);  // MPRV has gone
}

TEST_F(Privileged, MretReturnsToAnyMode) {
  open();
  for (const Privilege privilege :
       {Privilege::kUser, Privilege::kSupervisor, Privilege::kMachine}) {
    state().mstatus = static_cast<U>(privilege) << 11 | mstatus::kMprv | mstatus::kMpie;
    x(a0) = kTrapLoop;
    run_as(Privilege::kMachine, {csrrw(zero, 0x341, a0), kMret});
    EXPECT_EQ(state().privilege, privilege);
    const U kept = privilege == Privilege::kMachine ? mstatus::kMprv : 0;
    EXPECT_EQ(state().mstatus, mstatus::kMie | mstatus::kMpie | kept);
  }
}

TEST_F(Privileged, InstructionsThatModesMayNotExecute) {
  open();
  const auto illegal = [&](Privilege privilege, std::uint32_t bits, U status) {
    state().mstatus = status;
    run_as(privilege, {bits}, 6);
    const bool trapped = state().mcause == 2;
    state().waiting = false;
    return trapped;
  };
  for (const std::uint32_t bits : {kMret, kSret, kSfence, kWfi}) {
    EXPECT_TRUE(illegal(Privilege::kUser, bits, 0)) << bits;
  }
  EXPECT_TRUE(illegal(Privilege::kSupervisor, kMret, 0));
  EXPECT_FALSE(illegal(Privilege::kSupervisor, kSret, 0));
  EXPECT_TRUE(illegal(Privilege::kSupervisor, kSret, mstatus::kTsr));
  EXPECT_FALSE(illegal(Privilege::kSupervisor, kSfence, 0));
  EXPECT_TRUE(illegal(Privilege::kSupervisor, kSfence, mstatus::kTvm));
  EXPECT_FALSE(illegal(Privilege::kSupervisor, csrrs(a0, 0x180, zero), 0));
  EXPECT_TRUE(illegal(Privilege::kSupervisor, csrrs(a0, 0x180, zero), mstatus::kTvm));
  EXPECT_TRUE(illegal(Privilege::kSupervisor, kWfi, mstatus::kTw));
  EXPECT_FALSE(illegal(Privilege::kMachine, kSret, mstatus::kTsr));
  EXPECT_FALSE(illegal(Privilege::kMachine, kSfence, mstatus::kTvm));
}

TEST_F(Privileged, InterruptsOfTheSupervisor) {
  open();
  state().mie = kAllInterrupts;
  state().mideleg = kSupervisorInterrupts;
  state().stvec = kSupervisorLoop | 1;
  machine().put(kSupervisorLoop, std::vector<std::uint32_t>(12, jal(0, 0)));
  const auto taken = [&](Privilege privilege, U status, U software) {
    state().mstatus = status;
    state().mip_software = software;
    run_as(privilege, {kNop, kNop});
    return state().mcause != 99 ? state().mcause : state().scause;
  };
  EXPECT_EQ(taken(Privilege::kSupervisor, 0, 0x222), 99u);  // SIE is clear
  EXPECT_EQ(taken(Privilege::kMachine, mstatus::kSie | mstatus::kMie, 0x222), 99u);
  EXPECT_EQ(taken(Privilege::kSupervisor, mstatus::kSie, 0x222), kInterruptBit | 9);
  EXPECT_EQ(state().pc, kSupervisorLoop + 4 * 9);
  EXPECT_EQ(taken(Privilege::kUser, 0, 0x022), kInterruptBit | 1);
  EXPECT_EQ(state().privilege, Privilege::kSupervisor);
  EXPECT_EQ(taken(Privilege::kUser, 0, 0x020), kInterruptBit | 5);
  machine().lines[1].write(true);
  pass(1);
  EXPECT_EQ(taken(Privilege::kSupervisor, mstatus::kSie, 0x222), kInterruptBit | 7);  // M first
  EXPECT_EQ(state().privilege, Privilege::kMachine);
  machine().lines[1].write(false);
  pass(1);
  state().mideleg = 0;
  EXPECT_EQ(taken(Privilege::kSupervisor, 0, 0x020), kInterruptBit | 5);
  EXPECT_EQ(state().privilege, Privilege::kMachine);
}

TEST_F(Privileged, SupervisorExternalLineInterrupts) {
  open();
  state().mie = kAllInterrupts;
  state().mideleg = kSupervisorInterrupts;
  machine().lines[3].write(true);
  run_as(Privilege::kUser, {kNop});
  EXPECT_EQ(state().scause, kInterruptBit | 9);
}

TEST_F(Privileged, WfiWakesForAnInterruptThatIsDelegatedAndMasked) {
  open();
  state().mie = state().mideleg = kSupervisorInterrupts;
  machine();
  sc_core::sc_spawn([this] {
    sc_core::wait(50, sc_core::SC_NS);
    machine().lines[3].write(true);
  });
  run_as(Privilege::kSupervisor, {kWfi, addi(a0, zero, 3)}, 30);
  EXPECT_TRUE(hart().waiting_for_interrupt());
  pass(40);
  EXPECT_EQ(x(a0), 3u);
}

// Sv39.

struct Paged : Privileged {
  std::unique_ptr<PageTables> tables;
  static constexpr U kHere = 0x7000000000 - 0x1000000000 * 4;  // 0x3000000000

  void SetUp() override {
    Privileged::SetUp();
    open();
    tables = std::make_unique<PageTables>(machine(), kTables);
    // Code runs where it is; data is elsewhere.
    tables->map(kRam, kRam, pte::kV | pte::kR | pte::kW | pte::kX | pte::kA | pte::kD, 2);
    state().satp = tables->satp();
    state().medeleg = 0xb000;
    x(a0) = kHere;
    machine().write<U>(kData, 0x1122334455667788);
  }
  /// Maps the page of data and loads (or stores) there as supervisor.
  bool loads(U flags, U status = 0, Privilege privilege = Privilege::kSupervisor) {
    return accesses(ld(a1, a0, 0), flags, status, privilege, Cause::kLoadPage);
  }
  bool stores(U flags, U status = 0, Privilege privilege = Privilege::kSupervisor) {
    return accesses(sd(a2, a0, 0), flags, status, privilege, Cause::kStorePage);
  }
  bool accesses(std::uint32_t instruction, U flags, U status, Privilege privilege, Cause refused) {
    entry = tables->map(kHere, kData, flags);
    hart().translation_changed();
    state().mstatus = status;
    state().medeleg = 0;  // user pages hold no handler of the supervisor's
    if (privilege == Privilege::kUser) {
      tables->map(kRam, kRam, pte::kAll | pte::kU, 2);
    } else {
      tables->map(kRam, kRam, pte::kAll, 2);
    }
    run_as(privilege, {instruction}, 5);
    if (state().mcause == 99) return true;
    expect_machine_trap(refused, kHere, start);
    return false;
  }
  U entry = 0;
};

TEST_F(Paged, RightsOfPages) {
  using namespace pte;
  constexpr U kAd = kA | kD;
  EXPECT_FALSE(loads(0));
  EXPECT_TRUE(loads(kV | kR | kAd));
  EXPECT_EQ(x(a1), 0x1122334455667788u);
  EXPECT_FALSE(stores(kV | kR | kAd));
  EXPECT_TRUE(stores(kV | kR | kW | kAd));
  EXPECT_FALSE(loads(kV | kW | kAd));  // reserved
  EXPECT_FALSE(loads(kV | kX | kAd));
  EXPECT_TRUE(loads(kV | kX | kAd, mstatus::kMxr));
  EXPECT_FALSE(stores(kV | kX | kAd, mstatus::kMxr));
  EXPECT_FALSE(loads(kV | kAd));  // a pointer at the last level
  for (unsigned bit = 54; bit < 64; ++bit) EXPECT_FALSE(loads(kV | kR | kAd | U{1} << bit));
}

TEST_F(Paged, UserPagesAndSum) {
  using namespace pte;
  EXPECT_FALSE(loads(kAll | kU));
  EXPECT_TRUE(loads(kAll | kU, mstatus::kSum));
  EXPECT_TRUE(stores(kAll | kU, mstatus::kSum));
  EXPECT_TRUE(loads(kAll | kU, 0, Privilege::kUser));
  EXPECT_TRUE(stores(kAll | kU, 0, Privilege::kUser));
  EXPECT_FALSE(loads(kAll, 0, Privilege::kUser));
  EXPECT_FALSE(loads(kAll, mstatus::kSum, Privilege::kUser));
}

TEST_F(Paged, SumIsNotForgottenByCachedTranslations) {
  tables->map(kHere, kData, pte::kAll | pte::kU);
  x(a4) = mstatus::kSum;
  run_as(Privilege::kSupervisor,
         {csrrs(zero, 0x100, a4), ld(a1, a0, 0), csrrc(zero, 0x100, a4), ld(a2, a0, 0)});
  EXPECT_EQ(x(a1), 0x1122334455667788u);
  EXPECT_EQ(state().scause, 13u);
  EXPECT_EQ(state().sepc, start + 12);
}

TEST_F(Paged, HardwareSetsAccessedAndDirty) {
  using namespace pte;
  const auto flags = [&] { return machine().read<U>(entry) & 0xff; };
  EXPECT_TRUE(loads(kV | kR | kW));
  EXPECT_EQ(flags(), kV | kR | kW | kA);
  EXPECT_TRUE(stores(kV | kR | kW));
  EXPECT_EQ(flags(), kV | kR | kW | kA | kD);
  EXPECT_FALSE(stores(kV | kR));
  EXPECT_EQ(flags(), kV | kR);
}

TEST_F(Paged, MprvLendsMachineModeTheTranslation) {
  tables->map(kHere, kData, pte::kAll);
  state().mstatus = mstatus::kMprv | U{1} << 11;
  run_as(Privilege::kMachine, {ld(a1, a0, 0)});
  EXPECT_EQ(x(a1), 0x1122334455667788u);
  state().mstatus = mstatus::kMprv;  // as user
  run_as(Privilege::kMachine, {ld(a1, a0, 0)});
  expect_machine_trap(Cause::kLoadPage, kHere, start);
  state().mstatus = mstatus::kMprv | U{3} << 11;
  run_as(Privilege::kMachine, {ld(a1, a0, 0)});
  expect_machine_trap(Cause::kLoadAccess, kHere, start);
}

TEST_F(Paged, PageFaultsOfFetches) {
  run_as(Privilege::kSupervisor, {jalr(zero, a0, 0)});
  expect_supervisor_trap(Cause::kFetchPage, kHere, kHere);
  tables->map(kHere, kData, pte::kV | pte::kR | pte::kA);
  run_as(Privilege::kSupervisor, {kSfence, jalr(zero, a0, 0)});
  expect_supervisor_trap(Cause::kFetchPage, kHere, kHere);
  tables->map(kHere, kData, pte::kAll | pte::kU);
  run_as(Privilege::kSupervisor, {kSfence, jalr(zero, a0, 0)});
  expect_supervisor_trap(Cause::kFetchPage, kHere, kHere);  // SUM or not
  tables->map(kHere, kData, pte::kV | pte::kX | pte::kA);
  machine().put(kData, {addi(a5, zero, 9), jalr(zero, ra, 0)});
  run_as(Privilege::kSupervisor, {kSfence, jalr(ra, a0, 0)});
  EXPECT_EQ(x(a5), 9u);
}

TEST_F(Paged, NonCanonicalAddresses) {
  for (const U address : {U{1} << 39, U{1} << 38, kOnes << 39, U{1} << 63}) {
    x(a0) = address;
    run_as(Privilege::kSupervisor, {ld(a1, a0, 0)});
    expect_supervisor_trap(Cause::kLoadPage, address, start);
    run_as(Privilege::kSupervisor, {jalr(zero, a0, 0)});
    expect_supervisor_trap(Cause::kFetchPage, address, address);
  }
}

TEST_F(Paged, Superpages) {
  constexpr U kBig = 0x2000000000, kBigger = U{5} << 30;
  tables->map(kBig, kRam, pte::kAll, 1);  // 2 MiB onto RAM of 1 MiB
  tables->map(kBigger, kRam, pte::kAll, 2);
  x(a0) = kBig + (kData - kRam);
  x(a1) = kBigger + (kData - kRam);
  run_as(Privilege::kSupervisor, {kSfence, ld(a2, a0, 0), ld(a3, a1, 0)});
  EXPECT_EQ(x(a2), 0x1122334455667788u);
  EXPECT_EQ(x(a3), 0x1122334455667788u);
  tables->map(kBig, kRam + 0x1000, pte::kAll, 1);  // misaligned
  run_as(Privilege::kSupervisor, {kSfence, ld(a2, a0, 0)});
  expect_supervisor_trap(Cause::kLoadPage, x(a0), start + 4);
  tables->map(kBigger, kRam + 0x200000, pte::kAll, 2);
  run_as(Privilege::kSupervisor, {kSfence, ld(a2, a1, 0)});
  expect_supervisor_trap(Cause::kLoadPage, x(a1), start + 4);
}

TEST_F(Paged, SfenceForgetsOneAddressOrAll) {
  const U where = tables->map(kHere, kData, pte::kAll);
  tables->map(kHere + 0x1000, kTables, pte::kAll);
  machine().write<U>(kData + 0x1000, 42);
  // The program maps the page elsewhere through the window onto the root table's page... by hand.
  x(a2) = where;
  x(a3) = (kData + 0x1000) >> 12 << 10 | pte::kAll;
  run_as(Privilege::kSupervisor,
         {ld(a1, a0, 0), sd(a3, a2, 0), ld(a4, a0, 0), kSfence | a0 << 15, ld(a5, a0, 0)});
  EXPECT_EQ(x(a1), 0x1122334455667788u);
  EXPECT_EQ(x(a4), 0x1122334455667788u);  // remembered until the fence
  EXPECT_EQ(x(a5), 42u);
}

TEST_F(Paged, SfenceOfOneAddressForgetsItsSuperpage) {
  constexpr U kBig = 0x2000000000;
  const U where = tables->map(kBig, kRam, pte::kAll, 1);
  x(a0) = kBig + (kData - kRam);
  x(a2) = where;
  x(a3) = kBig;
  x(a1) = 1;
  run_as(Privilege::kSupervisor,
         {ld(a1, a0, 0), sd(zero, a2, 0), kSfence | a3 << 15, ld(a1, a0, 0)});
  expect_supervisor_trap(Cause::kLoadPage, x(a0), start + 12);
}

TEST_F(Paged, AccessSpansPages) {
  tables->map(kHere, kData, pte::kAll);
  machine().write<U>(kData + 0xffc, 0xaaaaaaaabbbbbbbb);
  x(a0) = kHere + 0xffc;
  x(a2) = 0x99;
  run_as(Privilege::kSupervisor, {ld(a1, a0, 0)});
  expect_supervisor_trap(Cause::kLoadPage, kHere + 0x1000, start);
  run_as(Privilege::kSupervisor, {sd(a2, a0, 0)});
  expect_supervisor_trap(Cause::kStorePage, kHere + 0x1000, start);
  EXPECT_EQ(machine().read<std::uint32_t>(kData + 0xffc), 0xbbbbbbbbu);  // nothing was stored
  tables->map(kHere + 0x1000, kData + 0x3000, pte::kAll);
  machine().write<std::uint32_t>(kData + 0x3000, 0x12345678);
  run_as(Privilege::kSupervisor, {ld(a1, a0, 0), sd(a2, a0, 0)});
  EXPECT_EQ(x(a1), 0x12345678bbbbbbbbu);
  EXPECT_EQ(machine().read<std::uint32_t>(kData + 0x3000), 0u);
}

TEST_F(Paged, TableInAHoleIsAnAccessFaultOfTheSameKind) {
  state().medeleg = 0;
  const U hole = U{0x40000000} >> 12 << 10 | pte::kV;
  machine().write<U>(kTables + ((kHere >> 30) & 511) * 8, hole);
  run_as(Privilege::kSupervisor, {ld(a1, a0, 0)});
  expect_machine_trap(Cause::kLoadAccess, kHere, start);
  run_as(Privilege::kSupervisor, {sd(a1, a0, 0)});
  expect_machine_trap(Cause::kStoreAccess, kHere, start);
  run_as(Privilege::kSupervisor, {amo(0, 3, a1, a0, a2)});
  expect_machine_trap(Cause::kStoreAccess, kHere, start);
  run_as(Privilege::kSupervisor, {jalr(zero, a0, 0)});
  expect_machine_trap(Cause::kFetchAccess, kHere, kHere);
}

TEST_F(Paged, PageOfAHoleIsAnAccessFault) {
  state().medeleg = 0;
  tables->map(kHere, 0x40000000, pte::kAll);
  run_as(Privilege::kSupervisor, {ld(a1, a0, 0)});
  expect_machine_trap(Cause::kLoadAccess, kHere, start);
  run_as(Privilege::kSupervisor, {jalr(zero, a0, 0)});
  expect_machine_trap(Cause::kFetchAccess, kHere, kHere);
}

TEST_F(Paged, DevicesBehindPages) {
  tables->map(kHere, kDevice, pte::kAll);
  x(a2) = 55;
  run_as(Privilege::kSupervisor, {sd(a2, a0, 8), ld(a1, a0, 8)});
  EXPECT_EQ(x(a1), 55u);
  EXPECT_EQ(machine().scratch, 55u);
}

TEST_F(Paged, AtomicsTranslateAndFaultAsStores) {
  tables->map(kHere, kData, pte::kV | pte::kR | pte::kA);
  run_as(Privilege::kSupervisor, {amo(0, 3, a1, a0, a2)});
  expect_supervisor_trap(Cause::kStorePage, kHere, start);
  run_as(Privilege::kSupervisor, {amo(2, 3, a1, a0, zero), amo(3, 3, a1, a0, a2)});
  expect_supervisor_trap(Cause::kStorePage, kHere, start + 4);
  tables->map(kHere, kData, pte::kAll);
  x(a2) = 1;
  run_as(Privilege::kSupervisor, {kSfence, amo(0, 3, a1, a0, a2), amo(2, 3, a3, a0, zero)});
  EXPECT_EQ(x(a1), 0x1122334455667788u);
  EXPECT_EQ(x(a3), 0x1122334455667789u);
}

TEST_F(Paged, CodeIsTheSameThroughEveryMapping) {
  // Two views of one page of code; a store through one is seen through the other.
  constexpr U kThere = kHere + 0x5000;
  tables->map(kHere, kData, pte::kAll);
  tables->map(kThere, kData, pte::kAll);
  machine().put(kData, {addi(a5, a5, 1), jalr(zero, ra, 0)});
  x(a1) = kThere;
  x(a2) = addi(a5, a5, 100);
  run_as(Privilege::kSupervisor,
         {jalr(ra, a0, 0), jalr(ra, a1, 0), sw(a2, a1, 0), jalr(ra, a0, 0), jalr(ra, a1, 0)}, 30);
  EXPECT_EQ(x(a5), 202u);
}

TEST_F(Paged, SatpSwitchChangesCode) {
  PageTables others(machine(), kTables + 0x10000);
  others.map(kRam, kRam, pte::kAll, 2);
  others.map(kHere, kData + 0x1000, pte::kAll);
  tables->map(kHere, kData, pte::kAll);
  machine().put(kData, {addi(a5, a5, 1), jalr(zero, ra, 0)});
  machine().put(kData + 0x1000, {addi(a5, a5, 100), jalr(zero, ra, 0)});
  x(a1) = others.satp();
  run_as(Privilege::kSupervisor,
         {jalr(ra, a0, 0), csrrw(a1, 0x180, a1), jalr(ra, a0, 0), csrrw(a1, 0x180, a1),
          jalr(ra, a0, 0), csrrw(a1, 0x180, zero)},
         40);
  EXPECT_EQ(x(a5), 102u);
}

TEST_F(Paged, SatpThatADebuggerWritesChangesCodeInTheMiddleOfABlock) {
  PageTables others(machine(), kTables + 0x10000);
  others.map(kHere, kData + 0x1000, pte::kAll);
  tables->map(kHere, kData, pte::kAll);
  std::vector<std::uint32_t> ones(20, addi(a5, a5, 1)), hundreds(20, addi(a5, a5, 100));
  ones.push_back(jal(zero, 0));
  hundreds.push_back(jal(zero, 0));
  machine().put(kData, ones);
  machine().put(kData + 0x1000, hundreds);
  run_as(Privilege::kSupervisor, {jalr(zero, a0, 0)}, 8);
  const U before = x(a5);
  ASSERT_TRUE(before > 0 && before < 15) << before;
  EXPECT_TRUE(hart().write_csr(0x180, others.satp()));
  pass(3);
  EXPECT_EQ(x(a5), before + 300);
}

// PMP.

TEST_F(Privileged, WithoutEntriesLowerModesReachNothing) {
  open();
  state().pmpcfg[0] = 0;
  run_as(Privilege::kSupervisor, {kNop});
  expect_machine_trap(Cause::kFetchAccess, start, start);
}

TEST_F(Privileged, PmpRightsByEntry) {
  open();
  // 0: 4 bytes readable; 1: top of range up to kData + 64 without rights; 2: everything.
  state().pmpaddr = {kData >> 2, (kData + 64) >> 2, kOnes >> 10};
  state().pmpcfg[0] = 0x1f0811;
  state().pmpaddr[1] = (kData + 64) >> 2;
  // TOR of entry 1 starts at entry 0's address, which entry 0 itself covers first.
  x(a0) = kData;
  hart().translation_changed();
  run_as(Privilege::kUser, {lw(a1, a0, 0)});
  EXPECT_EQ(state().mcause, 99u);
  run_as(Privilege::kUser, {sw(a1, a0, 0)});
  expect_machine_trap(Cause::kStoreAccess, kData, start);
  run_as(Privilege::kUser, {ld(a1, a0, 0)});  // half of it
  expect_machine_trap(Cause::kLoadAccess, kData, start);
  run_as(Privilege::kUser, {lw(a1, a0, 4)});
  expect_machine_trap(Cause::kLoadAccess, kData + 4, start);
  run_as(Privilege::kUser, {lw(a1, a0, 60)});
  expect_machine_trap(Cause::kLoadAccess, kData + 60, start);
  run_as(Privilege::kUser, {lw(a1, a0, 64), sw(a1, a0, 64), lw(a1, a0, -4)});
  EXPECT_EQ(state().mcause, 99u);
  run_as(Privilege::kUser, {jalr(ra, a0, 0)});
  expect_machine_trap(Cause::kFetchAccess, kData, kData);
  run_as(Privilege::kMachine, {lw(a1, a0, 4), sw(a1, a0, 0)});  // entries are not locked
  EXPECT_EQ(state().mcause, 99u);
  run_as(Privilege::kMachine, {sd(a1, a0, 0)});  // but an access has to lie in one
  expect_machine_trap(Cause::kStoreAccess, kData, start);
}

TEST_F(Privileged, LockedEntriesBindMachineMode) {
  open();
  x(a0) = kData;
  x(a1) = kData >> 2 | 0x1f;  // NAPOT, 256 bytes
  x(a2) = 0x991f;             // entry 1: locked, NAPOT, read only
  run_as(Privilege::kMachine, {sd(a1, a0, 0), csrrw(zero, 0x3b1, a1), csrrw(zero, 0x3a0, a2),
                               ld(a3, a0, 248), sd(a3, a0, 256), ld(a3, a0, 0)});
  EXPECT_EQ(state().mcause, 99u);  // entry 0 comes first, and it is not locked
  state().pmpcfg[0] = 0x9900;
  hart().translation_changed();
  run_as(Privilege::kMachine, {ld(a3, a0, 248), sd(a3, a0, 256), sd(a3, a0, 248)});
  expect_machine_trap(Cause::kStoreAccess, kData + 248, start + 8);
}

TEST_F(Paged, PmpGuardsPageTables) {
  state().medeleg = 0;
  tables->map(kHere, kData, pte::kV | pte::kR | pte::kW);
  // The page of the last table is read-only: reading works with A set, updates do not.
  const U table = (tables->map(kHere, kData, pte::kV | pte::kR | pte::kW) & ~U{0xfff});
  state().pmpaddr[1] = kOnes >> 10;
  state().pmpaddr[0] = table >> 2 | 0x1ff;
  state().pmpcfg[0] = 0x1f19;
  hart().translation_changed();
  run_as(Privilege::kSupervisor, {ld(a1, a0, 0)});
  expect_machine_trap(Cause::kLoadAccess, kHere, start);
  run_as(Privilege::kSupervisor, {sd(a1, a0, 0)});
  expect_machine_trap(Cause::kStoreAccess, kHere, start);
  state().pmpcfg[0] = 0x1f18;
  hart().translation_changed();
  run_as(Privilege::kSupervisor, {jalr(zero, a0, 0)});
  expect_machine_trap(Cause::kFetchAccess, kHere, kHere);
}

TEST_F(Privileged, CodeThatPmpCutsIntoRunsPieceByPiece) {
  open();
  // The first 0x200 bytes of the page at kData are executable, the rest is not.
  state().pmpaddr = {kData >> 2, (kData + 0x200) >> 2, (kData + 0x1000) >> 2, kOnes >> 10};
  state().pmpcfg[0] = 0x1f0b0c00;  // all; kData..+0x1000: rw; kData..+0x200: x; below: off
  state().pmpcfg[0] |= 0;
  machine().put(kData + 0x1f8, {addi(a1, zero, 1), addi(a1, a1, 1), addi(a1, a1, 1)});
  x(a0) = kData + 0x1f8;
  hart().translation_changed();
  run_as(Privilege::kUser, {jalr(zero, a0, 0)});
  expect_machine_trap(Cause::kFetchAccess, kData + 0x200, kData + 0x200);
  EXPECT_EQ(x(a1), 2u);
}

// Triggers.

struct Triggers : Privileged {
  void arm(unsigned index, U control, U address) {
    state().triggers[index] = {control, address};
    hart().translation_changed();
  }
};

TEST_F(Triggers, ExecuteLoadAndStore) {
  open();
  x(a0) = kData;
  constexpr U kUser = 8;
  run_as(Privilege::kUser, {ld(a1, a0, 0), sd(a1, a0, 8)});  // fill the fast paths
  arm(1, kUser | 1, kData + 4);
  run_as(Privilege::kUser, {sd(a1, a0, 0), ld(a1, a0, 8), ld(a1, a0, 0)});
  expect_machine_trap(Cause::kBreakpoint, kData, start + 8);
  EXPECT_NE(state().triggers[1].control & (1u << 20), 0u);
  arm(1, kUser | 2, kData + 4);
  run_as(Privilege::kUser, {ld(a1, a0, 0), sd(a1, a0, 8), sd(a1, a0, 0)});
  expect_machine_trap(Cause::kBreakpoint, kData, start + 8);
  arm(1, 0, 0);
  arm(2, kUser | 4, kRam + 0x100 + 4 * 20);
  x(a5) = 0;
  run_as(Privilege::kUser, std::vector<std::uint32_t>(30, addi(a5, a5, 1)), 60);
  EXPECT_EQ(state().mcause, 3u);
  EXPECT_EQ(state().mepc, kRam + 0x100 + 4 * 20);
  EXPECT_EQ(x(a5), (state().mepc - start) / 4);
}

TEST_F(Triggers, OnlyInTheirModes) {
  open();
  x(a0) = kData;
  arm(0, 16 | 1, kData);
  run_as(Privilege::kUser, {ld(a1, a0, 0)});
  EXPECT_EQ(state().mcause, 99u);
  run_as(Privilege::kSupervisor, {ld(a1, a0, 0)});
  expect_machine_trap(Cause::kBreakpoint, kData, start);
  arm(0, 64 | 1, kData);
  run_as(Privilege::kMachine, {ld(a1, a0, 0)});  // MIE is clear
  EXPECT_EQ(state().mcause, 99u);
  state().mstatus |= mstatus::kMie;
  run_as(Privilege::kMachine, {ld(a1, a0, 0)});
  expect_machine_trap(Cause::kBreakpoint, kData, start);
}

TEST_F(Triggers, ArmedBySoftwareTakeEffectAtOnce) {
  open();
  x(a0) = kData;
  x(a1) = 64 | 1;
  state().mstatus |= mstatus::kMie;
  run_as(Privilege::kMachine,
         {ld(a2, a0, 0), csrrw(zero, 0x7a2, a0), csrrw(zero, 0x7a1, a1), ld(a2, a0, 0)});
  expect_machine_trap(Cause::kBreakpoint, kData, start + 12);
}

// The debugger's view.

TEST_F(Paged, PhysicalAddressHasNoSideEffects) {
  const U where = tables->map(kHere, kData, pte::kV | pte::kR);
  state().privilege = Privilege::kSupervisor;
  EXPECT_EQ(hart().physical_address(kHere + 5), kData + 5);
  EXPECT_EQ(machine().read<U>(where) & pte::kA, 0u);
  EXPECT_FALSE(hart().physical_address(kHere + 0x1000).has_value());
  state().privilege = Privilege::kMachine;
  EXPECT_EQ(hart().physical_address(kHere), kHere);
}

}  // namespace
}  // namespace npim::cpu::test
