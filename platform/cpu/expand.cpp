// The C extension: every 16-bit instruction is another spelling of a 32-bit one.
#include "cpu/decode.h"

namespace npim::cpu {
namespace {

/// Bits high..low of `value`.
constexpr std::uint32_t field(std::uint32_t value, unsigned high, unsigned low) {
  return (value >> low) & ((1u << (high - low + 1)) - 1);
}

/// Sign-extends the low `width` bits.
constexpr std::uint32_t extend(std::uint32_t value, unsigned width) {
  const std::uint32_t sign = 1u << (width - 1);
  return (value ^ sign) - sign;
}

constexpr std::uint32_t kLoad = 0x03, kLoadFp = 0x07, kOpImm = 0x13, kOpImm32 = 0x1b, kStore = 0x23,
                        kStoreFp = 0x27, kOp = 0x33, kLui = 0x37, kOp32 = 0x3b, kBranch = 0x63,
                        kJalr = 0x67, kJal = 0x6f;

std::uint32_t encode_i(std::uint32_t opcode, unsigned funct3, unsigned rd, unsigned rs1,
                       std::uint32_t imm) {
  return field(imm, 11, 0) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

std::uint32_t encode_s(std::uint32_t opcode, unsigned funct3, unsigned rs1, unsigned rs2,
                       std::uint32_t imm) {
  return field(imm, 11, 5) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | field(imm, 4, 0) << 7 |
         opcode;
}

std::uint32_t encode_r(std::uint32_t opcode, unsigned funct7, unsigned funct3, unsigned rd,
                       unsigned rs1, unsigned rs2) {
  return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}

std::uint32_t encode_branch(unsigned funct3, unsigned rs1, std::uint32_t offset) {
  return field(offset, 12, 12) << 31 | field(offset, 10, 5) << 25 | rs1 << 15 | funct3 << 12 |
         field(offset, 4, 1) << 8 | field(offset, 11, 11) << 7 | kBranch;
}

std::uint32_t encode_jal(unsigned rd, std::uint32_t offset) {
  return field(offset, 20, 20) << 31 | field(offset, 10, 1) << 21 | field(offset, 11, 11) << 20 |
         field(offset, 19, 12) << 12 | rd << 7 | kJal;
}

/// Loads and stores of quadrant 0: registers x8..x15, offset scaled by 4 or 8.
std::uint32_t expand_quadrant_0(std::uint32_t bits) {
  const unsigned rd = 8 + field(bits, 4, 2), rs1 = 8 + field(bits, 9, 7);
  const std::uint32_t word_offset =
      field(bits, 12, 10) << 3 | field(bits, 6, 6) << 2 | field(bits, 5, 5) << 6;
  const std::uint32_t double_offset = field(bits, 12, 10) << 3 | field(bits, 6, 5) << 6;
  switch (field(bits, 15, 13)) {
    case 0: {
      const std::uint32_t imm = field(bits, 12, 11) << 4 | field(bits, 10, 7) << 6 |
                                field(bits, 6, 6) << 2 | field(bits, 5, 5) << 3;
      return imm == 0 ? 0 : encode_i(kOpImm, 0, rd, 2, imm);
    }
    case 1:
      return encode_i(kLoadFp, 3, rd, rs1, double_offset);
    case 2:
      return encode_i(kLoad, 2, rd, rs1, word_offset);
    case 3:
      return encode_i(kLoad, 3, rd, rs1, double_offset);
    case 5:
      return encode_s(kStoreFp, 3, rs1, rd, double_offset);
    case 6:
      return encode_s(kStore, 2, rs1, rd, word_offset);
    case 7:
      return encode_s(kStore, 3, rs1, rd, double_offset);
    default:
      return 0;
  }
}

/// c.srli, c.srai, c.andi and the register-register operations.
std::uint32_t expand_arithmetic(std::uint32_t bits) {
  const unsigned rd = 8 + field(bits, 9, 7), rs2 = 8 + field(bits, 4, 2);
  const std::uint32_t imm = field(bits, 12, 12) << 5 | field(bits, 6, 2);
  switch (field(bits, 11, 10)) {
    case 0:
      return encode_i(kOpImm, 5, rd, rd, imm);
    case 1:
      return encode_i(kOpImm, 5, rd, rd, imm | 0x400);
    case 2:
      return encode_i(kOpImm, 7, rd, rd, extend(imm, 6));
    default:
      break;
  }
  switch (field(bits, 12, 12) << 2 | field(bits, 6, 5)) {
    case 0:
      return encode_r(kOp, 0x20, 0, rd, rd, rs2);
    case 1:
      return encode_r(kOp, 0, 4, rd, rd, rs2);
    case 2:
      return encode_r(kOp, 0, 6, rd, rd, rs2);
    case 3:
      return encode_r(kOp, 0, 7, rd, rd, rs2);
    case 4:
      return encode_r(kOp32, 0x20, 0, rd, rd, rs2);
    case 5:
      return encode_r(kOp32, 0, 0, rd, rd, rs2);
    default:
      return 0;
  }
}

/// c.addi16sp and c.lui.
std::uint32_t expand_lui(std::uint32_t bits, unsigned rd) {
  if (rd == 2) {
    const std::uint32_t imm = field(bits, 12, 12) << 9 | field(bits, 6, 6) << 4 |
                              field(bits, 5, 5) << 6 | field(bits, 4, 3) << 7 |
                              field(bits, 2, 2) << 5;
    return imm == 0 ? 0 : encode_i(kOpImm, 0, 2, 2, extend(imm, 10));
  }
  const std::uint32_t imm = field(bits, 12, 12) << 5 | field(bits, 6, 2);
  return imm == 0 ? 0 : extend(imm, 6) << 12 | rd << 7 | kLui;
}

std::uint32_t expand_quadrant_1(std::uint32_t bits) {
  const unsigned rd = field(bits, 11, 7);
  const std::uint32_t imm = extend(field(bits, 12, 12) << 5 | field(bits, 6, 2), 6);
  const std::uint32_t jump = field(bits, 12, 12) << 11 | field(bits, 11, 11) << 4 |
                             field(bits, 10, 9) << 8 | field(bits, 8, 8) << 10 |
                             field(bits, 7, 7) << 6 | field(bits, 6, 6) << 7 |
                             field(bits, 5, 3) << 1 | field(bits, 2, 2) << 5;
  const std::uint32_t branch = field(bits, 12, 12) << 8 | field(bits, 11, 10) << 3 |
                               field(bits, 6, 5) << 6 | field(bits, 4, 3) << 1 |
                               field(bits, 2, 2) << 5;
  switch (field(bits, 15, 13)) {
    case 0:
      return encode_i(kOpImm, 0, rd, rd, imm);
    case 1:
      return rd == 0 ? 0 : encode_i(kOpImm32, 0, rd, rd, imm);
    case 2:
      return encode_i(kOpImm, 0, rd, 0, imm);
    case 3:
      return expand_lui(bits, rd);
    case 4:
      return expand_arithmetic(bits);
    case 5:
      return encode_jal(0, extend(jump, 12));
    case 6:
      return encode_branch(0, 8 + field(bits, 9, 7), extend(branch, 9));
    default:
      return encode_branch(1, 8 + field(bits, 9, 7), extend(branch, 9));
  }
}

/// c.jr, c.mv, c.ebreak, c.jalr, c.add.
std::uint32_t expand_jump_or_move(std::uint32_t bits, unsigned rd, unsigned rs2) {
  const bool second_half = field(bits, 12, 12) != 0;
  if (rs2 != 0) return encode_r(kOp, 0, 0, rd, second_half ? rd : 0, rs2);
  if (rd == 0) return second_half ? 0x00100073 : 0;
  return encode_i(kJalr, 0, second_half ? 1 : 0, rd, 0);
}

std::uint32_t expand_quadrant_2(std::uint32_t bits) {
  const unsigned rd = field(bits, 11, 7), rs2 = field(bits, 6, 2);
  const std::uint32_t load_word =
      field(bits, 12, 12) << 5 | field(bits, 6, 4) << 2 | field(bits, 3, 2) << 6;
  const std::uint32_t load_double =
      field(bits, 12, 12) << 5 | field(bits, 6, 5) << 3 | field(bits, 4, 2) << 6;
  const std::uint32_t store_word = field(bits, 12, 9) << 2 | field(bits, 8, 7) << 6;
  const std::uint32_t store_double = field(bits, 12, 10) << 3 | field(bits, 9, 7) << 6;
  switch (field(bits, 15, 13)) {
    case 0:
      return encode_i(kOpImm, 1, rd, rd, field(bits, 12, 12) << 5 | field(bits, 6, 2));
    case 1:
      return encode_i(kLoadFp, 3, rd, 2, load_double);
    case 2:
      return rd == 0 ? 0 : encode_i(kLoad, 2, rd, 2, load_word);
    case 3:
      return rd == 0 ? 0 : encode_i(kLoad, 3, rd, 2, load_double);
    case 4:
      return expand_jump_or_move(bits, rd, rs2);
    case 5:
      return encode_s(kStoreFp, 3, 2, rs2, store_double);
    case 6:
      return encode_s(kStore, 2, 2, rs2, store_word);
    default:
      return encode_s(kStore, 3, 2, rs2, store_double);
  }
}

}  // namespace

std::uint32_t expand_compressed(std::uint16_t bits) {
  switch (bits & 3) {
    case 0:
      return expand_quadrant_0(bits);
    case 1:
      return expand_quadrant_1(bits);
    case 2:
      return expand_quadrant_2(bits);
    default:
      return 0;
  }
}

}  // namespace npim::cpu
