// A few encoders, so that test programs read like assembly.
#pragma once

#include <cstdint>
#include <vector>

namespace npim::cpu::test {

// clang-format off
enum Register : unsigned {
  zero, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5,
  a6, a7, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6
};
// clang-format on

inline std::uint32_t r_type(unsigned opcode, unsigned funct3, unsigned funct7, unsigned rd,
                            unsigned rs1, unsigned rs2) {
  return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}
inline std::uint32_t i_type(unsigned opcode, unsigned funct3, unsigned rd, unsigned rs1, int imm) {
  return static_cast<std::uint32_t>(imm) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}
inline std::uint32_t s_type(unsigned opcode, unsigned funct3, unsigned rs1, unsigned rs2, int imm) {
  const auto bits = static_cast<std::uint32_t>(imm);
  return ((bits >> 5) & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (bits & 31) << 7 |
         opcode;
}
inline std::uint32_t branch(unsigned funct3, unsigned rs1, unsigned rs2, int offset) {
  const auto bits = static_cast<std::uint32_t>(offset);
  return ((bits >> 12) & 1) << 31 | ((bits >> 5) & 63) << 25 | rs2 << 20 | rs1 << 15 |
         funct3 << 12 | ((bits >> 1) & 15) << 8 | ((bits >> 11) & 1) << 7 | 0x63;
}

inline std::uint32_t addi(unsigned rd, unsigned rs1, int imm) {
  return i_type(0x13, 0, rd, rs1, imm);
}
inline std::uint32_t add(unsigned rd, unsigned rs1, unsigned rs2) {
  return r_type(0x33, 0, 0, rd, rs1, rs2);
}
inline std::uint32_t lui(unsigned rd, std::uint32_t imm20) {
  return imm20 << 12 | rd << 7 | 0x37;
}
inline std::uint32_t lw(unsigned rd, unsigned base, int offset) {
  return i_type(0x03, 2, rd, base, offset);
}
inline std::uint32_t ld(unsigned rd, unsigned base, int offset) {
  return i_type(0x03, 3, rd, base, offset);
}
inline std::uint32_t sw(unsigned rs2, unsigned base, int offset) {
  return s_type(0x23, 2, base, rs2, offset);
}
inline std::uint32_t sd(unsigned rs2, unsigned base, int offset) {
  return s_type(0x23, 3, base, rs2, offset);
}
inline std::uint32_t beq(unsigned a, unsigned b, int offset) {
  return branch(0, a, b, offset);
}
inline std::uint32_t bne(unsigned a, unsigned b, int offset) {
  return branch(1, a, b, offset);
}
inline std::uint32_t blt(unsigned a, unsigned b, int offset) {
  return branch(4, a, b, offset);
}
inline std::uint32_t jal(unsigned rd, int offset) {
  const auto bits = static_cast<std::uint32_t>(offset);
  return ((bits >> 20) & 1) << 31 | ((bits >> 1) & 0x3ff) << 21 | ((bits >> 11) & 1) << 20 |
         ((bits >> 12) & 0xff) << 12 | rd << 7 | 0x6f;
}
inline std::uint32_t jalr(unsigned rd, unsigned rs1, int offset) {
  return i_type(0x67, 0, rd, rs1, offset);
}
inline std::uint32_t csrrw(unsigned rd, unsigned number, unsigned rs1) {
  return i_type(0x73, 1, rd, rs1, static_cast<int>(number));
}
inline std::uint32_t csrrs(unsigned rd, unsigned number, unsigned rs1) {
  return i_type(0x73, 2, rd, rs1, static_cast<int>(number));
}
inline std::uint32_t csrrc(unsigned rd, unsigned number, unsigned rs1) {
  return i_type(0x73, 3, rd, rs1, static_cast<int>(number));
}
inline std::uint32_t csrrwi(unsigned rd, unsigned number, unsigned imm) {
  return i_type(0x73, 5, rd, imm, static_cast<int>(number));
}
inline std::uint32_t csrrsi(unsigned rd, unsigned number, unsigned imm) {
  return i_type(0x73, 6, rd, imm, static_cast<int>(number));
}
inline std::uint32_t csrrci(unsigned rd, unsigned number, unsigned imm) {
  return i_type(0x73, 7, rd, imm, static_cast<int>(number));
}
inline std::uint32_t amo(unsigned funct5, unsigned funct3, unsigned rd, unsigned address,
                         unsigned value) {
  return r_type(0x2f, funct3, funct5 << 2, rd, address, value);
}
constexpr std::uint32_t kNop = 0x13, kEcall = 0x73, kEbreak = 0x100073, kMret = 0x30200073,
                        kWfi = 0x10500073, kFenceI = 0x100f;

/// The instructions that put any 64-bit constant into a register: byte by byte, plain and long.
inline std::vector<std::uint32_t> li(unsigned rd, std::uint64_t value) {
  std::vector<std::uint32_t> code = {addi(rd, zero, static_cast<int>(value >> 56))};
  for (int shift = 48; shift >= 0; shift -= 8) {
    code.push_back(i_type(0x13, 1, rd, rd, 8));
    code.push_back(i_type(0x13, 6, rd, rd, static_cast<int>((value >> shift) & 0xff)));
  }
  return code;
}

}  // namespace npim::cpu::test
