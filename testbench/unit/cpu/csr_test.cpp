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
  EXPECT_EQ(value(0x301), 0x800000000000112du);  // RV64 ACDFIM
  EXPECT_EQ(written(0x301, 0), 0x800000000000112du);
}

TEST_F(Csrs, Mstatus) {
  machine();
  state().mstatus = mstatus::kMpp;
  EXPECT_EQ(value(0x300), 0x1800u);
  EXPECT_EQ(written(0x300, kOnes & ~U{8}), 0x8000000000007880u);  // SD, FS, MPP, MPIE
  EXPECT_EQ(written(0x300, 0x2000), 0x3800u);                     // FS initial: no SD
  EXPECT_EQ(written(0x300, 0), 0x1800u);                          // MPP has one legal value
}

TEST_F(Csrs, TrapSetupAndHandling) {
  EXPECT_EQ(written(0x304, kOnes), 0x888u);
  EXPECT_EQ(written(0x304, 0), 0u);
  EXPECT_EQ(written(0x305, kOnes), kOnes - 2);  // mode 2 and 3 do not exist
  EXPECT_EQ(written(0x306, kOnes), 0xffffffffu);
  EXPECT_EQ(written(0x340, kOnes), kOnes);
  EXPECT_EQ(written(0x341, kOnes), kOnes - 1);
  EXPECT_EQ(written(0x343, kOnes), kOnes);
  EXPECT_EQ(written(0x344, kOnes), 0u);
  machine();
  x(a0) = kOnes;
  run({csrrw(zero, 0x342, a0), csrrs(a1, 0x342, zero)});
  EXPECT_EQ(x(a1), kOnes);
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
  for (unsigned number : {0x320u, 0x7a0u, 0x7a1u, 0x7a2u, 0x7a3u, 0x3a4u, 0x3aeu, 0x3c0u, 0x3efu}) {
    EXPECT_EQ(written(number, kOnes), 0u);
  }
}

TEST_F(Csrs, PmpRegistersStore) {
  EXPECT_EQ(written(0x3a0, kOnes), 0x9f9f9f9f9f9f9f9fu);
  EXPECT_EQ(written(0x3a2, 0x1f), 0x1fu);
  EXPECT_EQ(written(0x3b0, kOnes), (U{1} << 54) - 1);
  EXPECT_EQ(written(0x3bf, 5), 5u);
  run({csrrs(a1, 0x3a1, zero)});
  EXPECT_EQ(state().mcause, 2u);  // odd pmpcfg registers are RV32's
}

TEST_F(Csrs, AbsentOnes) {
  // satp, medeleg, mideleg, menvcfg, sstatus, dcsr, mcycleh, timeh, nothing
  for (unsigned number : {0x180u, 0x302u, 0x303u, 0x30au, 0x100u, 0x7b0u, 0xb80u, 0xc81u, 0x5c0u}) {
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
