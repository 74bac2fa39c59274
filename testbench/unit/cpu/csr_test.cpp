// Every CSR: reset value, writable bits, access rights.
#include "hart_fixture.h"

namespace npim::cpu::test {
namespace {

using U = std::uint64_t;
constexpr U kOnes = ~U{0};

struct Csrs : HartTest {
  /// Writes, then returns what reads back.
  U written(unsigned number, U value) {
    machine();
    x(a0) = value;
    state().mcause = 99;
    run({csrrw(zero, number, a0), csrrs(a1, number, zero)});
    EXPECT_EQ(state().mcause, 99u) << std::hex << "CSR " << number;
    return x(a1);
  }
  U value(unsigned number) {
    machine();
    state().mcause = 99;
    run({csrrs(a1, number, zero)});
    EXPECT_EQ(state().mcause, 99u) << std::hex << "CSR " << number;
    return x(a1);
  }
  void expect_absent(std::uint32_t bits) {
    const U at = run({bits});
    expect_trap(Cause::kIllegalInstruction, bits, at);
  }
};

TEST_F(Csrs, Identity) {
  HartConfig config = test_config();
  config.hart_id = 5;
  build(config);
  EXPECT_EQ(value(0xf11), 0u);
  EXPECT_EQ(value(0xf12), 0u);
  EXPECT_EQ(value(0xf13), 0u);
  EXPECT_EQ(value(0xf14), 5u);
  EXPECT_EQ(value(0xf15), 0u);
  EXPECT_EQ(value(0x301), 0x800000000014112du);  // RV64 ACDFIMSU
  EXPECT_EQ(written(0x301, 0), 0x800000000014112du);
}

TEST_F(Csrs, Mstatus) {
  constexpr U kWidths = 0xa00000000;  // UXL and SXL: 64 bits
  machine();
  state().mstatus = 0;
  EXPECT_EQ(value(0x300), kWidths);
  // SD, TSR, TW, TVM, MXR, SUM, FS, MPP, SPP, MPIE, SPIE, SIE; MPRV would change where data is.
  EXPECT_EQ(written(0x300, kOnes & ~(U{8} | mstatus::kMprv)), 0x80000000007c79a2u | kWidths);
  EXPECT_EQ(written(0x300, mstatus::kMpp | mstatus::kMprv), 0x21800u | kWidths);
  EXPECT_EQ(written(0x300, 0x2000), 0x2000u | kWidths);  // FS initial: no SD
  EXPECT_EQ(written(0x300, 0), kWidths);
}

TEST_F(Csrs, MppKeepsALegalValue) {
  for (const U legal : {U{0}, U{1}, U{3}}) {
    EXPECT_EQ(written(0x300, legal << 11) & mstatus::kMpp, legal << 11);
    EXPECT_EQ(written(0x300, U{2} << 11) & mstatus::kMpp, legal << 11);
  }
}

TEST_F(Csrs, SstatusIsAViewOfMstatus) {
  machine();
  constexpr U kUxl = 0x200000000;
  state().mstatus = 0;
  EXPECT_EQ(written(0x100, kOnes), 0x80000000000c6122u | kUxl);
  EXPECT_EQ(state().mstatus, 0xc6122u);
  state().mstatus = mstatus::kMpp | mstatus::kTvm | mstatus::kMpie;
  EXPECT_EQ(written(0x100, mstatus::kSum), mstatus::kSum | kUxl);
  EXPECT_EQ(state().mstatus, mstatus::kMpp | mstatus::kTvm | mstatus::kMpie | mstatus::kSum);
}

TEST_F(Csrs, TrapSetupAndHandling) {
  EXPECT_EQ(written(0x304, kOnes), 0xaaau);
  EXPECT_EQ(written(0x304, 0), 0u);
  EXPECT_EQ(written(0x305, kOnes), kOnes - 2);  // mode 2 and 3 do not exist
  EXPECT_EQ(written(0x306, kOnes), 0xffffffffu);
  EXPECT_EQ(written(0x340, kOnes), kOnes);
  EXPECT_EQ(written(0x341, kOnes), kOnes - 1);
  EXPECT_EQ(written(0x343, kOnes), kOnes);
  machine();
  x(a0) = kOnes;
  run({csrrw(zero, 0x342, a0), csrrs(a1, 0x342, zero)});
  EXPECT_EQ(x(a1), kOnes);
}

TEST_F(Csrs, DelegationAndEnvironment) {
  EXPECT_EQ(written(0x302, kOnes), 0xb3ffu);  // 10 is reserved, 11 cannot be delegated
  EXPECT_EQ(written(0x303, kOnes), 0x222u);
  EXPECT_EQ(written(0x30a, kOnes), 1u);  // FIOM
  EXPECT_EQ(written(0x10a, kOnes), 1u);
  EXPECT_EQ(written(0x302, 0), 0u);
  EXPECT_EQ(written(0x303, 0), 0u);
}

TEST_F(Csrs, SupervisorTrapSetupAndHandling) {
  EXPECT_EQ(written(0x105, kOnes), kOnes - 2);
  EXPECT_EQ(written(0x106, kOnes), 0xffffffffu);
  EXPECT_EQ(written(0x140, kOnes), kOnes);
  EXPECT_EQ(written(0x141, kOnes), kOnes - 1);
  EXPECT_EQ(written(0x142, kOnes), kOnes);
  EXPECT_EQ(written(0x143, kOnes), kOnes);
}

TEST_F(Csrs, SieAndSipShowWhatIsDelegated) {
  machine();
  state().mie = 0xaaa;
  EXPECT_EQ(value(0x104), 0u);
  EXPECT_EQ(written(0x104, 0), 0u);
  EXPECT_EQ(state().mie, 0xaaau);
  state().mideleg = 0x022;
  EXPECT_EQ(value(0x104), 0x022u);
  EXPECT_EQ(written(0x104, 0x200), 0u);
  EXPECT_EQ(state().mie, 0xa88u);
  state().mie = 0;
  EXPECT_EQ(written(0x144, kOnes), 2u);  // SSIP only
  state().mideleg = 0x200;
  EXPECT_EQ(written(0x144, kOnes), 0u);
  EXPECT_EQ(state().mip_software, 2u);
}

TEST_F(Csrs, Mip) {
  EXPECT_EQ(written(0x344, kOnes), 0x222u);
  EXPECT_EQ(written(0x344, 0), 0u);
}

TEST_F(Csrs, SeipIsLineOrSoftwareAndUpdatesLeaveTheLineOut) {
  machine();
  machine().lines[3].write(true);
  pass(2);
  EXPECT_EQ(value(0x344), 0x200u);
  run({csrrsi(a0, 0x344, 2)});
  EXPECT_EQ(x(a0), 0x200u);
  EXPECT_EQ(state().mip_software, 2u);
  machine().lines[3].write(false);
  pass(2);
  EXPECT_EQ(value(0x344), 2u);
  EXPECT_EQ(written(0x344, 0x200), 0x200u);
}

TEST_F(Csrs, Satp) {
  constexpr U kSv39 = U{8} << 60;
  // From machine mode; translation does not apply there.
  EXPECT_EQ(written(0x180, kOnes >> 4 | kSv39), kOnes >> 4 | kSv39);
  for (const U mode : {1, 2, 7, 9, 10, 11, 15}) {
    EXPECT_EQ(written(0x180, mode << 60 | 5), kOnes >> 4 | kSv39) << mode;
  }
  EXPECT_EQ(written(0x180, 0x1234), 0x1234u);
}

TEST_F(Csrs, CountersCanStandStill) {
  EXPECT_EQ(written(0x320, kOnes), 5u);
  const U cycle = value(0xb00), instret = value(0xb02);
  EXPECT_EQ(value(0xb00), cycle);
  EXPECT_EQ(value(0xb02), instret);
  EXPECT_EQ(written(0xb00, 77), 77u);
  EXPECT_EQ(written(0xb02, 88), 88u);
  run({csrrwi(zero, 0x320, 4), csrrs(a0, 0xb00, zero), csrrwi(zero, 0x320, 0),
       csrrs(a1, 0xb02, zero), csrrs(a2, 0xb00, zero)});
  EXPECT_EQ(x(a0), 77u);  // counts from behind the write
  EXPECT_EQ(x(a1), 88u);
  EXPECT_EQ(x(a2), 80u);
}

TEST_F(Csrs, Triggers) {
  constexpr U kType = U{2} << 60;
  EXPECT_EQ(written(0x7a0, 3), 3u);
  EXPECT_EQ(written(0x7a0, 4), 3u);  // there are four
  EXPECT_EQ(value(0x7a1), kType);
  EXPECT_EQ(written(0x7a1, kOnes), kType | 0x10005f);
  EXPECT_EQ(written(0x7a2, kOnes), kOnes);
  EXPECT_EQ(written(0x7a1, 0), kType);
  EXPECT_EQ(written(0x7a0, 0), 0u);
  EXPECT_EQ(value(0x7a2), 0u);
  EXPECT_EQ(written(0x7a3, kOnes), 0u);
  EXPECT_EQ(value(0x7a4), 4u);  // tinfo: type 2
}

TEST_F(Csrs, MipFollowsTheLines) {
  machine();
  for (unsigned bit : {0u, 1u, 2u}) {
    machine().lines[bit].write(true);
    pass(2);
    EXPECT_EQ(value(0x344), U{8} << (4 * bit));
    machine().lines[bit].write(false);
    pass(2);
  }
  EXPECT_EQ(value(0x344), 0u);
}

TEST_F(Csrs, FloatingPoint) {
  EXPECT_EQ(written(1, kOnes), 31u);
  EXPECT_EQ(written(2, kOnes), 7u);
  EXPECT_EQ(value(3), 0xffu);
  EXPECT_EQ(written(3, 0x141), 0x41u);
  EXPECT_EQ(value(1), 1u);
  EXPECT_EQ(value(2), 2u);
}

TEST_F(Csrs, CountersCount) {
  machine();
  const U before = value(0xb00);
  EXPECT_GT(value(0xb00), before);
  run({csrrs(a0, 0xb00, zero), csrrs(a1, 0xc00, zero), csrrs(a2, 0xb02, zero),
       csrrs(a3, 0xc02, zero)});
  EXPECT_EQ(x(a1) - x(a0), 1u);
  EXPECT_EQ(x(a3) - x(a2), 1u);
  // A write takes the place of the increment by the instruction that writes.
  run({csrrwi(zero, 0xb00, 9), csrrs(a0, 0xb00, zero), csrrwi(zero, 0xb02, 9),
       csrrs(a1, 0xb02, zero), csrrs(a2, 0xb02, zero)});
  EXPECT_EQ(x(a0), 9u);
  EXPECT_EQ(x(a1), 9u);
  EXPECT_EQ(x(a2), 10u);
}

TEST_F(Csrs, ZeroRegistersIgnoreWrites) {
  for (unsigned number = 0xb03; number <= 0xb1f; ++number) EXPECT_EQ(written(number, kOnes), 0u);
  for (unsigned number = 0x323; number <= 0x33f; ++number) EXPECT_EQ(written(number, kOnes), 0u);
  for (unsigned number = 0xc03; number <= 0xc1f; ++number) EXPECT_EQ(value(number), 0u);
  for (unsigned number : {0x7a3u, 0x3a4u, 0x3aeu, 0x3c0u, 0x3efu}) {
    EXPECT_EQ(written(number, kOnes), 0u);
  }
}

TEST_F(Csrs, PmpRegistersStore) {
  EXPECT_EQ(written(0x3a0, 0x1f1f1f1f1f1f7f00), 0x1f1f1f1f1f1f1f00u);
  EXPECT_EQ(written(0x3a2, 0x1f), 0x1fu);
  EXPECT_EQ(written(0x3a2, 0x1a), 0x1fu);  // W without R is reserved
  EXPECT_EQ(written(0x3b0, kOnes), (U{1} << 54) - 1);
  EXPECT_EQ(written(0x3bf, 5), 5u);
  run({csrrs(a1, 0x3a1, zero)});
  EXPECT_EQ(state().mcause, 2u);  // odd pmpcfg registers are RV32's
}

TEST_F(Csrs, AbsentOnes) {
  // sedeleg, stimecmp, hstatus, mtinst, dcsr, mcycleh, timeh, nothing
  for (unsigned number : {0x102u, 0x14du, 0x600u, 0x34au, 0x7b0u, 0xb80u, 0xc81u, 0x5c0u}) {
    expect_absent(csrrs(a0, number, zero));
    expect_absent(csrrw(zero, number, a0));
  }
}

TEST_F(Csrs, ReadOnlyOnes) {
  for (unsigned number : {0xc00u, 0xc01u, 0xc02u, 0xc03u, 0xf11u, 0xf14u}) {
    expect_absent(csrrw(a0, number, zero));
    expect_absent(csrrs(a0, number, a1));
    expect_absent(csrrc(a0, number, a1));
    expect_absent(csrrsi(a0, number, 1));
    run({csrrs(a0, number, zero), csrrci(a0, number, 0)});  // no write: allowed
    EXPECT_EQ(state().mcause, 99u);
  }
}

TEST_F(Csrs, LockedPmpEntriesKeepTheirs) {
  machine();
  EXPECT_EQ(written(0x3b1, 0x100), 0x100u);
  EXPECT_EQ(written(0x3a0, 0x8f00), 0x8f00u);  // entry 1: TOR, locked
  EXPECT_EQ(written(0x3a0, 0), 0x8f00u);
  EXPECT_EQ(written(0x3b1, 7), 0x100u);
  EXPECT_EQ(written(0x3b0, 7), 0u);  // the bottom of a locked TOR entry
  EXPECT_EQ(written(0x3b2, 7), 7u);
  EXPECT_EQ(written(0x3a0, 0x1f0000), 0x1f8f00u);
}

TEST_F(Csrs, CountersOfLowerModesNeedPermission) {
  machine();
  state().pmpaddr[0] = ~U{0} >> 10;
  state().pmpcfg[0] = 0x1f;
  const auto readable = [&](Privilege privilege, unsigned number) {
    state().privilege = privilege;
    state().mcause = 99;
    run({csrrs(a0, number, zero)});
    const bool trapped = state().mcause == 2;
    state().privilege = Privilege::kMachine;
    return !trapped;
  };
  for (const unsigned index : {0u, 1u, 2u, 3u, 31u}) {
    const unsigned number = 0xc00 + index;
    state().mcounteren = ~(U{1} << index);
    state().scounteren = kOnes;
    EXPECT_FALSE(readable(Privilege::kSupervisor, number)) << number;
    EXPECT_FALSE(readable(Privilege::kUser, number)) << number;
    EXPECT_TRUE(readable(Privilege::kMachine, number)) << number;
    state().mcounteren = U{1} << index;
    state().scounteren = ~(U{1} << index);
    EXPECT_TRUE(readable(Privilege::kSupervisor, number)) << number;
    EXPECT_FALSE(readable(Privilege::kUser, number)) << number;
    state().scounteren = U{1} << index;
    EXPECT_TRUE(readable(Privilege::kUser, number)) << number;
  }
}

TEST_F(Csrs, LowerModesCannotReachHigherRegisters) {
  machine();
  state().pmpaddr[0] = ~U{0} >> 10;
  state().pmpcfg[0] = 0x1f;
  for (unsigned number = 0; number < 0x1000; ++number) {
    const unsigned owner = (number >> 8) & 3;
    for (const Privilege privilege : {Privilege::kUser, Privilege::kSupervisor}) {
      if (owner <= static_cast<unsigned>(privilege)) continue;
      state().privilege = privilege;
      state().mcause = 99;
      run({csrrs(a0, number, zero)}, 3);
      EXPECT_EQ(state().mcause, 2u) << std::hex << number;
      EXPECT_EQ(state().mstatus & mstatus::kMpp, static_cast<U>(privilege) << 11);
    }
  }
}

TEST_F(Csrs, ReadModifyWrite) {
  machine();
  x(a0) = 0xf0;
  x(a1) = 0x3c;
  run({csrrw(a2, 0x340, a0), csrrs(a3, 0x340, a1), csrrc(a4, 0x340, a0), csrrs(a5, 0x340, zero)});
  EXPECT_EQ(x(a2), 0u);
  EXPECT_EQ(x(a3), 0xf0u);
  EXPECT_EQ(x(a4), 0xfcu);
  EXPECT_EQ(x(a5), 0x0cu);
  run({csrrwi(a2, 0x340, 21), csrrsi(a3, 0x340, 10), csrrci(a4, 0x340, 1), csrrs(a5, 0x340, zero)});
  EXPECT_EQ(x(a2), 0x0cu);
  EXPECT_EQ(x(a3), 21u);
  EXPECT_EQ(x(a4), 31u);
  EXPECT_EQ(x(a5), 30u);
  x(a0) = 0x123;
  run({csrrw(a0, 0x340, a0)});  // rd equals rs1
  EXPECT_EQ(x(a0), 30u);
  EXPECT_EQ(state().mscratch, 0x123u);
}

TEST_F(Csrs, TrapEntryAndReturn) {
  machine();
  state().mstatus |= mstatus::kMie;
  const U at = run({kEcall});
  expect_trap(Cause::kEcallMachine, 0, at);
  EXPECT_EQ(state().mstatus & (mstatus::kMie | mstatus::kMpie), mstatus::kMpie);
  x(a0) = at + 4;  // the spin behind the call
  run({csrrw(zero, 0x341, a0), kMret});
  EXPECT_EQ(state().pc, at + 4);
  EXPECT_EQ(state().mstatus & (mstatus::kMie | mstatus::kMpie), mstatus::kMie | mstatus::kMpie);
}

}  // namespace
}  // namespace npim::cpu::test
