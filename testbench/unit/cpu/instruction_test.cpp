// Instructions of RV64IMAFD one by one, and what they trap on.
#include "cpu/soft_float.h"
#include "hart_fixture.h"

namespace npim::cpu::test {
namespace {

using U = std::uint64_t;
constexpr U kMin = U{1} << 63, kOnes = ~U{0};

struct Instructions : HartTest {
  /// A register-register (or register-immediate) instruction on a0, a1 into a2.
  U alu(std::uint32_t instruction, U a, U b = 0) {
    machine();
    x(a0) = a;
    x(a1) = b;
    run({instruction});
    return x(a2);
  }
  U op(unsigned funct3, unsigned funct7, U a, U b) {
    return alu(r_type(0x33, funct3, funct7, a2, a0, a1), a, b);
  }
  U op32(unsigned funct3, unsigned funct7, U a, U b) {
    return alu(r_type(0x3b, funct3, funct7, a2, a0, a1), a, b);
  }
  U imm(unsigned funct3, U a, int value) { return alu(i_type(0x13, funct3, a2, a0, value), a); }
  U imm32(unsigned funct3, U a, int value) { return alu(i_type(0x1b, funct3, a2, a0, value), a); }
  void expect_illegal(std::uint32_t bits) {
    const U at = run({bits});
    SCOPED_TRACE(bits);
    expect_trap(Cause::kIllegalInstruction, bits, at);
  }
};

TEST_F(Instructions, IntegerImmediates) {
  EXPECT_EQ(imm(0, 5, -6), kOnes);
  EXPECT_EQ(imm(0, kMin - 1, 1), kMin);
  EXPECT_EQ(imm(2, kOnes, 0), 1u);
  EXPECT_EQ(imm(2, 0, -1), 0u);
  EXPECT_EQ(imm(3, 0, -1), 1u);  // unsigned comparison with the sign-extended immediate
  EXPECT_EQ(imm(3, kOnes, -1), 0u);
  EXPECT_EQ(imm(4, 0xff, -1), ~U{0xff});
  EXPECT_EQ(imm(6, 0xf0, 0x0f), 0xffu);
  EXPECT_EQ(imm(7, kOnes, -2048), kOnes << 11);
  EXPECT_EQ(imm(1, 1, 63), kMin);
  EXPECT_EQ(imm(5, kMin, 63), 1u);
  EXPECT_EQ(imm(5, kMin, 63 | 0x400), kOnes);
  EXPECT_EQ(imm32(0, 0x7fffffff, 1), 0xffffffff80000000);
  EXPECT_EQ(imm32(0, 0xffffffff00000000, 0), 0u);
  EXPECT_EQ(imm32(1, 1, 31), 0xffffffff80000000);
  EXPECT_EQ(imm32(5, 0xf80000000, 31), 1u);
  EXPECT_EQ(imm32(5, 0x080000000, 4 | 0x400), 0xfffffffff8000000);
}

TEST_F(Instructions, IntegerRegisters) {
  EXPECT_EQ(op(0, 0, kOnes, 1), 0u);
  EXPECT_EQ(op(0, 0x20, 0, 1), kOnes);
  EXPECT_EQ(op(1, 0, 1, 64 + 3), 8u);
  EXPECT_EQ(op(2, 0, kMin, 0), 1u);
  EXPECT_EQ(op(3, 0, kMin, 0), 0u);
  EXPECT_EQ(op(4, 0, 0xff00, 0x0ff0), 0xf0f0u);
  EXPECT_EQ(op(5, 0, kMin, 64 + 62), 2u);
  EXPECT_EQ(op(5, 0x20, kMin, 62), kOnes - 1);
  EXPECT_EQ(op(6, 0, 1, 2), 3u);
  EXPECT_EQ(op(7, 0, 3, 6), 2u);
  EXPECT_EQ(op32(0, 0, 0x7fffffff, 1), 0xffffffff80000000);
  EXPECT_EQ(op32(0, 0x20, 0, 1), kOnes);
  EXPECT_EQ(op32(1, 0, 1, 32 + 31), 0xffffffff80000000);
  EXPECT_EQ(op32(5, 0, 0xff80000000, 32 + 31), 1u);
  EXPECT_EQ(op32(5, 0x20, 0x80000000, 31), kOnes);
}

TEST_F(Instructions, UpperImmediatesAndJumps) {
  EXPECT_EQ(alu(lui(a2, 0x80000), 0), 0xffffffff80000000);
  const U at = run({lui(a3, 1) - 0x37 + 0x17});  // auipc
  EXPECT_EQ(x(a3), at + 0x1000);
  const U call = run({jal(ra, 8), addi(a4, a4, 1), addi(a5, a5, 1)});
  EXPECT_EQ(x(ra), call + 4);
  EXPECT_EQ(x(a4), 0u);
  EXPECT_EQ(x(a5), 1u);
  x(t0) = 0;
  const U indirect =
      run({lui(t0, 0) - 0x37 + 0x17, jalr(t0, t0, 13), addi(a4, a4, 1), addi(a5, a5, 1)});
  EXPECT_EQ(x(t0), indirect + 8);  // rd equals rs1, and bit 0 of the target is dropped
  EXPECT_EQ(x(a4), 0u);
  EXPECT_EQ(x(a5), 2u);
}

TEST_F(Instructions, Branches) {
  const auto taken = [&](unsigned funct3, U a, U b) {
    machine();
    x(a0) = a;
    x(a1) = b;
    x(a2) = 0;
    run({branch(funct3, a0, a1, 8), addi(a2, zero, 1)});
    return x(a2) == 0;
  };
  EXPECT_TRUE(taken(0, 1, 1));
  EXPECT_FALSE(taken(0, 1, 2));
  EXPECT_FALSE(taken(1, 1, 1));
  EXPECT_TRUE(taken(1, 1, 1 | U{1} << 40));
  EXPECT_TRUE(taken(4, kOnes, 0));
  EXPECT_FALSE(taken(4, 0, 0));
  EXPECT_FALSE(taken(5, kOnes, 0));
  EXPECT_TRUE(taken(5, 0, 0));
  EXPECT_FALSE(taken(6, kOnes, 0));
  EXPECT_TRUE(taken(6, 0, 1));
  EXPECT_TRUE(taken(7, kOnes, 0));
  EXPECT_FALSE(taken(7, 0, 1));
}

TEST_F(Instructions, MultiplyAndDivide) {
  EXPECT_EQ(op(0, 1, kOnes, kOnes), 1u);
  EXPECT_EQ(op(1, 1, kMin, kMin), kMin >> 1);
  EXPECT_EQ(op(1, 1, kOnes, 2), kOnes);
  EXPECT_EQ(op(2, 1, kOnes, kOnes), kOnes);  // -1 times 2^64 - 1
  EXPECT_EQ(op(2, 1, kMin, kOnes), kMin);
  EXPECT_EQ(op(3, 1, kOnes, kOnes), kOnes - 1);
  EXPECT_EQ(op(4, 1, U(-7), 2), U(-3));
  EXPECT_EQ(op(4, 1, 7, 0), kOnes);
  EXPECT_EQ(op(4, 1, kMin, kOnes), kMin);
  EXPECT_EQ(op(5, 1, kOnes, 2), kOnes >> 1);
  EXPECT_EQ(op(5, 1, 7, 0), kOnes);
  EXPECT_EQ(op(6, 1, U(-7), 2), kOnes);
  EXPECT_EQ(op(6, 1, U(-7), 0), U(-7));
  EXPECT_EQ(op(6, 1, kMin, kOnes), 0u);
  EXPECT_EQ(op(7, 1, 7, 4), 3u);
  EXPECT_EQ(op(7, 1, 7, 0), 7u);
  EXPECT_EQ(op32(0, 1, 0x10000, 0x8000), 0xffffffff80000000);
  EXPECT_EQ(op32(4, 1, 0x80000000, 0xffffffff), 0xffffffff80000000);
  EXPECT_EQ(op32(4, 1, 0x100000007, U(-2)), U(-3));
  EXPECT_EQ(op32(4, 1, 7, kMin), kOnes);  // the low word of the divisor is zero
  EXPECT_EQ(op32(5, 1, 0xffffffff, 1), kOnes);
  EXPECT_EQ(op32(5, 1, 1, 0), kOnes);
  EXPECT_EQ(op32(6, 1, 0x80000000, 0xffffffff), 0u);
  EXPECT_EQ(op32(6, 1, 0x80000001, 0), 0xffffffff80000001);
  EXPECT_EQ(op32(7, 1, 0x80000001, 0), 0xffffffff80000001);
  EXPECT_EQ(op32(7, 1, 0xffffffff, 16), 15u);
}

TEST_F(Instructions, RegisterZeroStaysZero) {
  run({addi(zero, zero, 5), lui(zero, 5), jal(zero, 4), add(a0, zero, zero)});
  EXPECT_EQ(x(a0), 0u);
  EXPECT_EQ(x(zero), 0u);
}

TEST_F(Instructions, LoadsExtendAndStoresTruncate) {
  machine();
  x(a0) = kRam + 0x8000;
  machine().write<U>(kRam + 0x8000, 0x8182838485868788);
  const auto load = [&](unsigned funct3, int offset) {
    run({i_type(0x03, funct3, a2, a0, offset)});
    return x(a2);
  };
  EXPECT_EQ(load(0, 0), 0xffffffffffffff88);
  EXPECT_EQ(load(1, 0), 0xffffffffffff8788);
  EXPECT_EQ(load(2, 0), 0xffffffff85868788);
  EXPECT_EQ(load(3, 0), 0x8182838485868788);
  EXPECT_EQ(load(4, 7), 0x81u);
  EXPECT_EQ(load(5, 6), 0x8182u);
  EXPECT_EQ(load(6, 4), 0x81828384u);
  EXPECT_EQ(load(2, 3), 0xffffffff82838485);  // misaligned
  x(a1) = 0x1122334455667788;
  const auto stored = [&](unsigned funct3) {
    machine().write<U>(kRam + 0x8100, 0);
    run({s_type(0x23, funct3, a0, a1, 0x100)});
    return machine().read<U>(kRam + 0x8100);
  };
  EXPECT_EQ(stored(0), 0x88u);
  EXPECT_EQ(stored(1), 0x7788u);
  EXPECT_EQ(stored(2), 0x55667788u);
  EXPECT_EQ(stored(3), 0x1122334455667788u);
}

TEST_F(Instructions, MisalignedAccessesSpanPagesAndGrants) {
  for (const U at : {kRam + 0x8ffd, kRam + kRamSize / 2 - 1}) {
    machine();
    x(a0) = at;
    x(a1) = 0x1122334455667788;
    run({sd(a1, a0, 0), ld(a2, a0, 0), i_type(0x03, 2, a3, a0, 1)});
    EXPECT_EQ(x(a2), x(a1));
    EXPECT_EQ(x(a3), 0x44556677u);
    EXPECT_EQ(machine().read<U>(at), x(a1));
  }
}

TEST_F(Instructions, DataAccessFaults) {
  machine();
  x(a0) = kRam + kRamSize;  // a hole
  x(a2) = 0x1234;
  expect_trap(Cause::kLoadAccess, kRam + kRamSize, run({ld(a2, a0, 0)}));
  expect_trap(Cause::kStoreAccess, kRam + kRamSize + 8, run({sd(a2, a0, 8)}));
  // Half inside, half outside: nothing is written, mtval is the part that fails.
  expect_trap(Cause::kStoreAccess, kRam + kRamSize, run({sd(a2, a0, -4)}));
  EXPECT_EQ(machine().read<std::uint32_t>(kRam + kRamSize - 4), 0u);
  expect_trap(Cause::kLoadAccess, kRam + kRamSize, run({ld(a2, a0, -4)}));
  EXPECT_EQ(x(a2), 0x1234u);
  x(a0) = kOnes;  // the last byte of the address space
  expect_trap(Cause::kLoadAccess, kOnes, run({lw(a2, a0, 0)}));
  expect_trap(Cause::kStoreAccess, kOnes, run({sw(a2, a0, 0)}));
  x(a0) = kRom;
  expect_trap(Cause::kStoreAccess, kRom, run({sw(a2, a0, 0)}));
  run({lw(a3, a0, 0)});
  EXPECT_EQ(state().mcause, 99u);
  x(a0) = kDevice + 8;  // devices take aligned accesses only
  expect_trap(Cause::kLoadAccess, kDevice + 9, run({lw(a2, a0, 1)}));
  expect_trap(Cause::kStoreAccess, kDevice + 10, run({sw(a2, a0, 2)}));
  EXPECT_TRUE(machine().accesses.empty());
}

TEST_F(Instructions, DeviceAccessesKeepTheirWidth) {
  machine();
  x(a0) = kDevice + 8;
  x(a1) = kOnes;
  run({s_type(0x23, 0, a0, a1, 0), s_type(0x23, 1, a0, a1, 0), sw(a1, a0, 0), sd(a1, a0, 0),
       i_type(0x03, 0, a2, a0, 0)});
  ASSERT_EQ(machine().accesses.size(), 5u);
  EXPECT_EQ(machine().accesses[0].substr(0, 12), "w 10000008 1");
  EXPECT_EQ(machine().accesses[1].substr(0, 12), "w 10000008 2");
  EXPECT_EQ(machine().accesses[2].substr(0, 12), "w 10000008 4");
  EXPECT_EQ(machine().accesses[3].substr(0, 12), "w 10000008 8");
  EXPECT_EQ(machine().accesses[4].substr(0, 12), "r 10000008 1");
  EXPECT_EQ(x(a2), kOnes);
}

TEST_F(Instructions, FetchFaults) {
  machine();
  x(a0) = 0x50000000;
  run({jalr(ra, a0, 0)});
  expect_trap(Cause::kFetchAccess, 0x50000000, 0x50000000);
  x(a0) = kDevice;  // a device is not executable and is not touched
  run({jalr(ra, a0, 0)});
  expect_trap(Cause::kFetchAccess, kDevice, kDevice);
  EXPECT_TRUE(machine().accesses.empty());
  // An instruction whose second half is missing.
  x(a0) = kRam + kRamSize - 2;
  machine().write<std::uint16_t>(kRam + kRamSize - 2, 0x0013);
  run({jalr(ra, a0, 0)});
  expect_trap(Cause::kFetchAccess, kRam + kRamSize, kRam + kRamSize - 2);
}

TEST_F(Instructions, ExecutesFromRom) {
  machine();
  const std::uint32_t code[] = {addi(a1, zero, 9), jalr(zero, ra, 0)};
  std::memcpy(machine().rom.data(), code, sizeof code);
  x(a0) = kRom;
  run({jalr(ra, a0, 0)}, 20);
  EXPECT_EQ(x(a1), 9u);
}

TEST_F(Instructions, EnvironmentCallAndBreakpoint) {
  expect_trap(Cause::kEcallMachine, 0, run({kEcall}));
  const U at = run({kEbreak});
  expect_trap(Cause::kBreakpoint, at, at);
  const U compressed = run_halves({0x9002});
  expect_trap(Cause::kBreakpoint, compressed, compressed);
  EXPECT_TRUE(warnings().empty());  // they are asked for, not errors
}

TEST_F(Instructions, TrapsDoNotRetireButTakeTime) {
  machine();
  state().mtvec = kTrapLoop - 0x40;
  machine().put(kTrapLoop - 0x40, {csrrs(a2, 0xb02, zero), csrrs(a3, 0xb00, zero), jal(0, 0)});
  run({csrrs(a0, 0xb02, zero), csrrs(a1, 0xb00, zero), kEcall});
  EXPECT_EQ(x(a2) - x(a0), 2u);
  EXPECT_EQ(x(a3) - x(a1), 3u);
}

TEST_F(Instructions, Illegal) {
  expect_illegal(0);
  expect_illegal(0xffffffff);
  expect_illegal(0x00200073);                      // uret
  expect_illegal(0x120000f3);                      // sfence.vma with rd
  expect_illegal(kEcall | 1u << 7);                // ecall with rd
  expect_illegal(r_type(0x33, 0, 2, a0, a0, a0));  // no such funct7
  expect_illegal(r_type(0x3b, 1, 1, a0, a0, a0));  // mulhw does not exist
  expect_illegal(i_type(0x13, 1, a0, a0, 0x40));   // shift amount beyond 63
  expect_illegal(i_type(0x1b, 1, a0, a0, 0x20));   // beyond 31
  expect_illegal(i_type(0x1b, 2, a0, a0, 0));
  expect_illegal(i_type(0x03, 7, a0, a0, 0));
  expect_illegal(s_type(0x23, 4, a0, a0, 0));
  expect_illegal(branch(2, a0, a0, 8));
  expect_illegal(i_type(0x67, 1, a0, a0, 0));
  expect_illegal(i_type(0x0f, 2, zero, a0, 0));  // cbo
  expect_illegal(amo(2, 3, a0, a0, a1));         // lr with rs2
  expect_illegal(amo(5, 3, a0, a0, a1));
  expect_illegal(amo(0, 1, a0, a0, a1));
  expect_illegal(r_type(0x53, 0, 2, 1, 2, 3));     // half precision
  expect_illegal(r_type(0x53, 3, 0x10, 1, 2, 3));  // fsgnj with funct3 3
  expect_illegal(r_type(0x53, 0, 0x2c, 1, 2, 1));  // fsqrt with rs2
  expect_illegal(r_type(0x53, 5, 0, 1, 2, 3));     // reserved rounding modes
  expect_illegal(r_type(0x53, 6, 1, 1, 2, 3));
  expect_illegal(r_type(0x53, 0, 0x20, 1, 2, 0));  // fcvt.s.s
  expect_illegal(r_type(0x43, 0, 2, 1, 2, 3));
  EXPECT_EQ(warnings().size(), 25u);
}

TEST_F(Instructions, CompressedIllegal) {
  for (const std::uint16_t bits :
       {0x0000, 0x0004, 0x8000, 0x2001, 0x6101, 0x6081, 0x9c41, 0x9c61, 0x4002, 0x6002, 0x8002}) {
    const U at = run_halves({bits});
    SCOPED_TRACE(bits);
    expect_trap(Cause::kIllegalInstruction, bits, at);
  }
}

// Atomics.

TEST_F(Instructions, AtomicOperations) {
  machine();
  x(a0) = kRam + 0x8000;
  const auto doubled = [&](unsigned funct5, U memory, U operand) {
    machine().write<U>(kRam + 0x8000, memory);
    x(a1) = operand;
    run({amo(funct5, 3, a2, a0, a1)});
    EXPECT_EQ(x(a2), memory);
    return machine().read<U>(kRam + 0x8000);
  };
  EXPECT_EQ(doubled(1, 5, 6), 6u);
  EXPECT_EQ(doubled(0, kOnes, 2), 1u);
  EXPECT_EQ(doubled(4, 12, 10), 6u);
  EXPECT_EQ(doubled(12, 12, 10), 8u);
  EXPECT_EQ(doubled(8, 12, 10), 14u);
  EXPECT_EQ(doubled(16, kOnes, 1), kOnes);
  EXPECT_EQ(doubled(20, kOnes, 1), 1u);
  EXPECT_EQ(doubled(24, kOnes, 1), 1u);
  EXPECT_EQ(doubled(28, kOnes, 1), kOnes);
  const auto word = [&](unsigned funct5, U memory, U operand) {
    machine().write<U>(kRam + 0x8000, memory);
    x(a1) = operand;
    run({amo(funct5, 2, a2, a0, a1)});
    return machine().read<U>(kRam + 0x8000);
  };
  EXPECT_EQ(word(0, 0x5555555580000000, 0x80000001), 0x5555555500000001);
  EXPECT_EQ(x(a2), 0xffffffff80000000);
  EXPECT_EQ(word(16, 0x80000000, 0x100000001), 0x80000000);
  EXPECT_EQ(word(24, 0x80000000, 0xffffffff00000001), 1u);
}

TEST_F(Instructions, LoadReservedStoreConditional) {
  machine();
  x(a0) = kRam + 0x8000;
  x(a1) = 77;
  x(a4) = kRam + 0x8008;
  machine().write<U>(kRam + 0x8000, 0x1ffffffff);
  const std::uint32_t lr_d = amo(2, 3, a2, a0, 0), sc_d = amo(3, 3, a3, a0, a1);
  run({lr_d, sc_d, amo(3, 3, a5, a0, zero)});
  EXPECT_EQ(x(a2), 0x1ffffffffu);
  EXPECT_EQ(x(a3), 0u);
  EXPECT_EQ(x(a5), 1u);  // the reservation was used up
  EXPECT_EQ(machine().read<U>(kRam + 0x8000), 77u);
  run({lr_d, amo(3, 3, a3, a4, a1)});  // another address
  EXPECT_EQ(x(a3), 1u);
  run({lr_d, amo(3, 2, a3, a0, a1)});  // another size
  EXPECT_EQ(x(a3), 1u);
  run({lr_d, sd(zero, a0, 0), sc_d});  // the value changed
  EXPECT_EQ(x(a3), 1u);
  EXPECT_EQ(machine().read<U>(kRam + 0x8000), 0u);
  machine().write<U>(kRam + 0x8000, 0x80000000);
  run({amo(2, 2, a2, a0, 0), amo(3, 2, a3, a0, a1)});
  EXPECT_EQ(x(a2), 0xffffffff80000000);
  EXPECT_EQ(x(a3), 0u);
  state().mtvec = kTrapLoop - 0x40;  // a trap drops the reservation
  machine().put(kTrapLoop - 0x40, {sc_d, jal(0, 0)});
  run({lr_d, kEcall});
  EXPECT_EQ(x(a3), 1u);
}

TEST_F(Instructions, AtomicFaults) {
  machine();
  x(a0) = kRam + 0x8004;
  expect_trap(Cause::kLoadMisaligned, kRam + 0x8004, run({amo(2, 3, a2, a0, 0)}));
  expect_trap(Cause::kStoreMisaligned, kRam + 0x8004, run({amo(0, 3, a2, a0, a1)}));
  expect_trap(Cause::kStoreMisaligned, kRam + 0x8004, run({amo(3, 3, a2, a0, a1)}));
  x(a0) = kDevice + 8;
  expect_trap(Cause::kLoadAccess, kDevice + 8, run({amo(2, 3, a2, a0, 0)}));
  expect_trap(Cause::kStoreAccess, kDevice + 8, run({amo(0, 2, a2, a0, a1)}));
  x(a0) = kRom;
  expect_trap(Cause::kStoreAccess, kRom, run({amo(0, 3, a2, a0, a1)}));
  EXPECT_TRUE(machine().accesses.empty());
}

// Floating point: what lies around the arithmetic, which soft_float_test covers.

TEST_F(Instructions, FloatingPointOffIsIllegal) {
  machine();
  for (const std::uint32_t bits :
       {r_type(0x53, 0, 0, 1, 2, 3), i_type(0x07, 2, 1, sp, 0), s_type(0x27, 3, sp, 1, 0),
        r_type(0x53, 0, 0x79, 1, a0, 0), csrrs(a0, 1, zero), csrrw(zero, 3, zero),
        r_type(0x43, 0, 0, 1, 2, 3)}) {
    state().mstatus &= ~mstatus::kFs;
    expect_illegal(bits);
  }
}

TEST_F(Instructions, FloatingPointMarksItsStateDirty) {
  machine();
  const auto dirty = [&](std::uint32_t bits) {
    state().mstatus = (state().mstatus & ~mstatus::kFs) | U{1} << 13;
    state().fflags = 0;
    run({bits});
    return (state().mstatus & mstatus::kFs) == mstatus::kFs;
  };
  x(a0) = kRam + 0x8000;
  EXPECT_TRUE(dirty(i_type(0x07, 2, 1, a0, 0)));
  EXPECT_TRUE(dirty(r_type(0x53, 0, 0x79, 1, a0, 0)));
  EXPECT_TRUE(dirty(r_type(0x53, 0, 0x10, 1, 2, 3)));
  EXPECT_TRUE(dirty(csrrwi(zero, 2, 1)));
  EXPECT_FALSE(dirty(s_type(0x27, 3, a0, 1, 0)));
  EXPECT_FALSE(dirty(r_type(0x53, 0, 0x71, a2, 1, 0)));
  EXPECT_FALSE(dirty(csrrs(a2, 3, zero)));
  EXPECT_FALSE(dirty(r_type(0x53, 2, 0x51, a2, 1, 1)));  // feq of equals: no flag
}

TEST_F(Instructions, SinglesAreBoxed) {
  machine();
  constexpr U kBox = 0xffffffff00000000, kOne = 0x3f800000;
  x(a0) = kRam + 0x8000;
  machine().write<std::uint32_t>(kRam + 0x8000, kOne);
  run({i_type(0x07, 2, 1, a0, 0), r_type(0x53, 0, 0, 2, 1, 1), r_type(0x53, 0, 0x78, 3, a1, 0)});
  EXPECT_EQ(f(1), kBox | kOne);
  EXPECT_EQ(f(2), kBox | 0x40000000);
  EXPECT_EQ(f(3), kBox);
  f(4) = kOne;  // not boxed: counts as a NaN, except for moves and stores
  run({r_type(0x53, 0, 0, 5, 4, 1), r_type(0x53, 1, 0x70, a2, 4, 0),
       r_type(0x53, 0, 0x70, a3, 4, 0), s_type(0x27, 2, a0, 4, 4), r_type(0x53, 0, 0x10, 6, 4, 4)});
  EXPECT_EQ(f(5), kBox | 0x7fc00000);
  EXPECT_EQ(x(a2), 1u << 9);
  EXPECT_EQ(x(a3), kOne);
  EXPECT_EQ(machine().read<std::uint32_t>(kRam + 0x8004), kOne);
  EXPECT_EQ(f(6), kBox | 0x7fc00000);
}

TEST_F(Instructions, DynamicRounding) {
  machine();
  f(1) = 0x3ff8000000000000;  // 1.5
  const auto convert = [&](unsigned frm) {
    run({csrrwi(zero, 2, frm), r_type(0x53, 7, 0x61, a2, 1, 0)});
    return x(a2);
  };
  EXPECT_EQ(convert(0), 2u);
  EXPECT_EQ(convert(1), 1u);
  EXPECT_EQ(convert(2), 1u);
  EXPECT_EQ(convert(3), 2u);
  f(1) = 0x4004000000000000;  // 2.5
  EXPECT_EQ(convert(0), 2u);
  EXPECT_EQ(convert(4), 3u);
  for (const unsigned reserved : {5u, 6u, 7u}) {
    const std::uint32_t bits = r_type(0x53, 7, 0x61, a2, 1, 0);
    const U at = run({csrrwi(zero, 2, reserved), bits});
    expect_trap(Cause::kIllegalInstruction, bits, at + 4);
    run({r_type(0x53, 0, 0x61, a2, 1, 0)});  // a static mode does not care
    EXPECT_EQ(state().mcause, 99u);
  }
}

TEST_F(Instructions, FlagsAccumulate) {
  machine();
  f(1) = 0x3ff0000000000000;
  f(2) = 0;
  f(3) = 0x4008000000000000;
  run({csrrwi(zero, 1, 0), r_type(0x53, 0, 0x0d, 4, 1, 2)});  // 1 / 0
  EXPECT_EQ(state().fflags, fp::kDivideByZero);
  run({r_type(0x53, 0, 0x0d, 4, 1, 3), csrrs(a0, 3, zero)});  // 1 / 3
  EXPECT_EQ(x(a0), U{fp::kDivideByZero | fp::kInexact});
}

TEST_F(Instructions, FusedSignsAndMoves) {
  machine();
  f(1) = 0x4000000000000000;  // 2
  f(2) = 0x4008000000000000;  // 3
  f(3) = 0x3ff0000000000000;  // 1
  const auto fused = [&](unsigned opcode) {
    run({1u << 25 | 3u << 27 | 2u << 20 | 1u << 15 | 4u << 7 | opcode});
    return f(4);
  };
  EXPECT_EQ(fused(0x43), 0x401c000000000000u);  // 7
  EXPECT_EQ(fused(0x47), 0x4014000000000000u);  // 5
  EXPECT_EQ(fused(0x4b), 0xc014000000000000u);  // -5
  EXPECT_EQ(fused(0x4f), 0xc01c000000000000u);  // -7
  f(5) = 0xc000000000000000;
  run({r_type(0x53, 0, 0x11, 6, 1, 5), r_type(0x53, 1, 0x11, 7, 5, 5),
       r_type(0x53, 2, 0x11, 8, 5, 5), r_type(0x53, 0, 0x71, a0, 5, 0)});
  EXPECT_EQ(f(6), f(5));
  EXPECT_EQ(f(7), f(1));
  EXPECT_EQ(f(8), f(1));
  EXPECT_EQ(x(a0), f(5));
  f(9) = 0xffffffff80000000;
  run({r_type(0x53, 0, 0x70, a0, 9, 0)});
  EXPECT_EQ(x(a0), 0xffffffff80000000);
}

// Any bit pattern may be executed.

TEST_F(Instructions, RandomBitsNeverBreakTheHart) {
  HartConfig config = test_config();
  build(config);
  std::uint64_t random = 1;
  const auto next = [&] {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(random >> 32);
  };
  // The handler steps over the instruction whatever it was, and waits are cut short.
  machine().put(kTrapLoop,
                {csrrs(t6, 0x341, zero), addi(t6, t6, 2), csrrw(zero, 0x341, t6), kMret});
  machine().lines[0].write(true);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> noise(1000);
    for (auto &bits : noise) {
      bits = next();
      if (next() % 4 != 0) bits |= 3;  // mostly 32 bits long
    }
    machine().put(kRam + 0x10000, noise);
    machine().invalidate();
    hart().reset();
    state().mtvec = kTrapLoop;
    state().mie = interrupt_mask(Interrupt::kSoftware);
    state().mstatus |= mstatus::kFs;
    for (unsigned i = 1; i < 32; ++i) {
      x(i) = next() % 2 == 0 ? kRam + next() % kRamSize : U{next()} << 32 | next();
      f(i) = U{next()} << 32 | next();
    }
    state().pc = kRam + 0x10000;
    machine().put(kTrapLoop,
                  {csrrs(t6, 0x341, zero), addi(t6, t6, 2), csrrw(zero, 0x341, t6), kMret});
    pass(2000);
    ASSERT_EQ(state().pc % 2, 0u);
  }
  EXPECT_GT(hart().statistics().instructions, 100'000u);
}

}  // namespace
}  // namespace npim::cpu::test
