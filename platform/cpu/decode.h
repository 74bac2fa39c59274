// RV64IMAFDC decoder: instruction bits to a compact record with all fields extracted (RISC-V
// unprivileged specification, version 20191213, chapters 2-12 and 16).
#pragma once

#include <cstdint>

#include "cpu/hart_config.h"

namespace npim::cpu {

// clang-format off
enum class Op : std::uint8_t {
  kUndecoded,  // not an instruction
  kIllegal,
  // RV64I
  kLui, kAuipc, kJal, kJalr,
  kBeq, kBne, kBlt, kBge, kBltu, kBgeu,
  kLb, kLh, kLw, kLd, kLbu, kLhu, kLwu,
  kSb, kSh, kSw, kSd,
  kAddi, kSlti, kSltiu, kXori, kOri, kAndi, kSlli, kSrli, kSrai,
  kAdd, kSub, kSll, kSlt, kSltu, kXor, kSrl, kSra, kOr, kAnd,
  kAddiw, kSlliw, kSrliw, kSraiw, kAddw, kSubw, kSllw, kSrlw, kSraw,
  kFence, kFenceI, kEcall, kEbreak, kMret, kSret, kWfi, kSfenceVma,
  // Zicsr
  kCsrrw, kCsrrs, kCsrrc, kCsrrwi, kCsrrsi, kCsrrci,
  // M
  kMul, kMulh, kMulhsu, kMulhu, kDiv, kDivu, kRem, kRemu,
  kMulw, kDivw, kDivuw, kRemw, kRemuw,
  // A: word, then doubleword in the same order
  kLrW, kScW, kAmoSwapW, kAmoAddW, kAmoXorW, kAmoAndW, kAmoOrW,
  kAmoMinW, kAmoMaxW, kAmoMinuW, kAmoMaxuW,
  kLrD, kScD, kAmoSwapD, kAmoAddD, kAmoXorD, kAmoAndD, kAmoOrD,
  kAmoMinD, kAmoMaxD, kAmoMinuD, kAmoMaxuD,
  // F and D memory
  kFlw, kFsw, kFld, kFsd,
  // F, then D in the same order
  kFmaddS, kFmsubS, kFnmsubS, kFnmaddS, kFaddS, kFsubS, kFmulS, kFdivS, kFsqrtS,
  kFsgnjS, kFsgnjnS, kFsgnjxS, kFminS, kFmaxS, kFeqS, kFltS, kFleS, kFclassS,
  kFcvtWS, kFcvtWuS, kFcvtLS, kFcvtLuS, kFcvtSW, kFcvtSWu, kFcvtSL, kFcvtSLu,
  kFmaddD, kFmsubD, kFnmsubD, kFnmaddD, kFaddD, kFsubD, kFmulD, kFdivD, kFsqrtD,
  kFsgnjD, kFsgnjnD, kFsgnjxD, kFminD, kFmaxD, kFeqD, kFltD, kFleD, kFclassD,
  kFcvtWD, kFcvtWuD, kFcvtLD, kFcvtLuD, kFcvtDW, kFcvtDWu, kFcvtDL, kFcvtDLu,
  kFcvtSD, kFcvtDS,
  kFmvXW, kFmvWX, kFmvXD, kFmvDX,
};
// clang-format on

/// One decoded instruction. An integer destination x0 is recorded as HartState::kSink.
struct Instruction {
  Op op = Op::kUndecoded;
  std::uint8_t length = 0;  ///< bytes: 2 or 4
  std::uint16_t cost = 0;   ///< cycles when no branch is taken
  std::uint8_t rd = 0;
  std::uint8_t rs1 = 0;  ///< also the immediate of csrrwi and its siblings
  std::uint8_t rs2 = 0;
  std::uint8_t rs3 = 0;   ///< fused multiply-add
  std::int32_t imm = 0;   ///< sign-extended immediate, shift amount or CSR number
  std::uint32_t raw = 0;  ///< as fetched; a compressed instruction in the low half
};
static_assert(sizeof(Instruction) == 16);

/// Rounding mode field of a floating-point operation.
inline unsigned rounding_field(const Instruction &instruction) {
  return (instruction.raw >> 12) & 7;
}

/// Whether the low half-word belongs to a 16-bit instruction.
inline bool is_compressed(std::uint32_t bits) {
  return (bits & 3) != 3;
}

/// The 32-bit equivalent of a 16-bit instruction; 0 (an illegal instruction) when there is none.
std::uint32_t expand_compressed(std::uint16_t bits);

/// Decodes 16 or 32 bits (the high half is ignored when compressed).
Instruction decode(std::uint32_t bits, const CycleCosts &costs);

}  // namespace npim::cpu
