#include "cpu/decode.h"

#include "cpu/hart_state.h"

namespace npim::cpu {
namespace {

/// Fields of a 32-bit instruction.
struct Fields {
  std::uint32_t bits;

  unsigned opcode() const { return bits & 0x7f; }
  unsigned rd() const { return (bits >> 7) & 31; }
  unsigned funct3() const { return (bits >> 12) & 7; }
  unsigned rs1() const { return (bits >> 15) & 31; }
  unsigned rs2() const { return (bits >> 20) & 31; }
  unsigned rs3() const { return bits >> 27; }
  unsigned funct7() const { return bits >> 25; }
  unsigned format() const { return (bits >> 25) & 3; }
  std::int32_t imm_i() const { return static_cast<std::int32_t>(bits) >> 20; }
  std::int32_t imm_s() const {
    return (static_cast<std::int32_t>(bits & 0xfe000000) >> 20) | static_cast<std::int32_t>(rd());
  }
  std::int32_t imm_b() const {
    const std::uint32_t low = ((bits >> 7) & 0x1e) | ((bits >> 20) & 0x7e0) | ((bits << 4) & 0x800);
    return (static_cast<std::int32_t>(bits & 0x80000000) >> 19) | static_cast<std::int32_t>(low);
  }
  std::int32_t imm_u() const { return static_cast<std::int32_t>(bits & 0xfffff000); }
  std::int32_t imm_j() const {
    const std::uint32_t low = (bits & 0xff000) | ((bits >> 9) & 0x800) | ((bits >> 20) & 0x7fe);
    return (static_cast<std::int32_t>(bits & 0x80000000) >> 11) | static_cast<std::int32_t>(low);
  }
};

/// What the operation writes, which decides whether rd = 0 means "nowhere".
bool writes_fp(Op op) {
  switch (op) {
    case Op::kFeqS:
    case Op::kFltS:
    case Op::kFleS:
    case Op::kFclassS:
    case Op::kFcvtWS:
    case Op::kFcvtWuS:
    case Op::kFcvtLS:
    case Op::kFcvtLuS:
    case Op::kFeqD:
    case Op::kFltD:
    case Op::kFleD:
    case Op::kFclassD:
    case Op::kFcvtWD:
    case Op::kFcvtWuD:
    case Op::kFcvtLD:
    case Op::kFcvtLuD:
    case Op::kFmvXW:
    case Op::kFmvXD:
      return false;
    default:
      return op == Op::kFlw || op == Op::kFld || op >= Op::kFmaddS;
  }
}

std::uint16_t cost_of(Op op, const CycleCosts &costs) {
  if (op == Op::kJal || op == Op::kJalr) return costs.jump;
  if ((op >= Op::kLb && op <= Op::kLwu) || op == Op::kFlw || op == Op::kFld) return costs.load;
  if ((op >= Op::kSb && op <= Op::kSd) || op == Op::kFsw || op == Op::kFsd) return costs.store;
  if (op >= Op::kCsrrw && op <= Op::kCsrrci) return costs.csr;
  if ((op >= Op::kMul && op <= Op::kMulhu) || op == Op::kMulw) return costs.mul;
  if (op >= Op::kDiv && op <= Op::kRemuw) return costs.div;
  if (op >= Op::kLrW && op <= Op::kAmoMaxuD) return costs.amo;
  if (op == Op::kFdivS || op == Op::kFsqrtS || op == Op::kFdivD || op == Op::kFsqrtD) {
    return costs.fp_div;
  }
  return op >= Op::kFmaddS ? costs.fp : costs.base;
}

/// An entry of a table by funct3; kIllegal where there is none.
template <std::size_t N>
Op pick(const Op (&table)[N], unsigned index) {
  return index < N ? table[index] : Op::kIllegal;
}

constexpr Op kNone = Op::kIllegal;

Op decode_op_imm(const Fields &f) {
  constexpr Op kTable[] = {Op::kAddi, Op::kSlli, Op::kSlti, Op::kSltiu,
                           Op::kXori, Op::kSrli, Op::kOri,  Op::kAndi};
  const unsigned funct6 = f.bits >> 26;
  if (f.funct3() == 1 && funct6 != 0) return kNone;
  if (f.funct3() == 5 && funct6 == 0x10) return Op::kSrai;
  if (f.funct3() == 5 && funct6 != 0) return kNone;
  return pick(kTable, f.funct3());
}

Op decode_op_imm_32(const Fields &f) {
  switch (f.funct3()) {
    case 0:
      return Op::kAddiw;
    case 1:
      return f.funct7() == 0 ? Op::kSlliw : kNone;
    case 5:
      if (f.funct7() == 0x20) return Op::kSraiw;
      return f.funct7() == 0 ? Op::kSrliw : kNone;
    default:
      return kNone;
  }
}

Op decode_op(const Fields &f) {
  constexpr Op kBase[] = {Op::kAdd, Op::kSll, Op::kSlt, Op::kSltu,
                          Op::kXor, Op::kSrl, Op::kOr,  Op::kAnd};
  constexpr Op kMultiply[] = {Op::kMul, Op::kMulh, Op::kMulhsu, Op::kMulhu,
                              Op::kDiv, Op::kDivu, Op::kRem,    Op::kRemu};
  if (f.funct7() == 0) return pick(kBase, f.funct3());
  if (f.funct7() == 1) return pick(kMultiply, f.funct3());
  if (f.funct7() == 0x20 && f.funct3() == 0) return Op::kSub;
  return f.funct7() == 0x20 && f.funct3() == 5 ? Op::kSra : kNone;
}

Op decode_op_32(const Fields &f) {
  constexpr Op kBase[] = {Op::kAddw, Op::kSllw, kNone, kNone, kNone, Op::kSrlw, kNone, kNone};
  constexpr Op kMultiply[] = {Op::kMulw, kNone,      kNone,     kNone,
                              Op::kDivw, Op::kDivuw, Op::kRemw, Op::kRemuw};
  if (f.funct7() == 0) return pick(kBase, f.funct3());
  if (f.funct7() == 1) return pick(kMultiply, f.funct3());
  if (f.funct7() == 0x20 && f.funct3() == 0) return Op::kSubw;
  return f.funct7() == 0x20 && f.funct3() == 5 ? Op::kSraw : kNone;
}

/// `single` moved to the same place among the operations on doubles (or double-words).
Op in_second_block(Op op, Op first_block, Op second_block) {
  return static_cast<Op>(static_cast<unsigned>(op) - static_cast<unsigned>(first_block) +
                         static_cast<unsigned>(second_block));
}

Op decode_amo(const Fields &f) {
  Op op = kNone;
  switch (f.bits >> 27) {
    case 0x02:
      op = f.rs2() == 0 ? Op::kLrW : kNone;
      break;
    case 0x03:
      op = Op::kScW;
      break;
    case 0x01:
      op = Op::kAmoSwapW;
      break;
    case 0x00:
      op = Op::kAmoAddW;
      break;
    case 0x04:
      op = Op::kAmoXorW;
      break;
    case 0x0c:
      op = Op::kAmoAndW;
      break;
    case 0x08:
      op = Op::kAmoOrW;
      break;
    case 0x10:
      op = Op::kAmoMinW;
      break;
    case 0x14:
      op = Op::kAmoMaxW;
      break;
    case 0x18:
      op = Op::kAmoMinuW;
      break;
    case 0x1c:
      op = Op::kAmoMaxuW;
      break;
    default:
      break;
  }
  if (op == kNone || f.funct3() == 2) return op;
  return f.funct3() == 3 ? in_second_block(op, Op::kLrW, Op::kLrD) : kNone;
}

/// Operations whose rm field is an opcode extension, and those that round, of OP-FP; as singles.
Op decode_fp_single(const Fields &f, bool &rounds) {
  constexpr Op kSign[] = {Op::kFsgnjS, Op::kFsgnjnS, Op::kFsgnjxS};
  constexpr Op kExtreme[] = {Op::kFminS, Op::kFmaxS};
  constexpr Op kCompare[] = {Op::kFleS, Op::kFltS, Op::kFeqS};
  constexpr Op kToInteger[] = {Op::kFcvtWS, Op::kFcvtWuS, Op::kFcvtLS, Op::kFcvtLuS};
  constexpr Op kFromInteger[] = {Op::kFcvtSW, Op::kFcvtSWu, Op::kFcvtSL, Op::kFcvtSLu};
  rounds = true;
  switch (f.bits >> 27) {
    case 0x00:
      return Op::kFaddS;
    case 0x01:
      return Op::kFsubS;
    case 0x02:
      return Op::kFmulS;
    case 0x03:
      return Op::kFdivS;
    case 0x0b:
      return f.rs2() == 0 ? Op::kFsqrtS : kNone;
    case 0x18:
      return pick(kToInteger, f.rs2());
    case 0x1a:
      return pick(kFromInteger, f.rs2());
    default:
      break;
  }
  rounds = false;
  switch (f.bits >> 27) {
    case 0x04:
      return pick(kSign, f.funct3());
    case 0x05:
      return pick(kExtreme, f.funct3());
    case 0x14:
      return pick(kCompare, f.funct3());
    case 0x1c:
      return f.rs2() == 0 && f.funct3() == 1 ? Op::kFclassS : kNone;
    default:
      return kNone;
  }
}

bool valid_rounding(const Fields &f) {
  return f.funct3() != 5 && f.funct3() != 6;
}

Op decode_op_fp(const Fields &f) {
  if (f.format() > 1) return kNone;
  const bool is_double = f.format() == 1;
  if (f.rs2() == 0 && f.funct3() == 0) {
    if (f.bits >> 27 == 0x1c) return is_double ? Op::kFmvXD : Op::kFmvXW;
    if (f.bits >> 27 == 0x1e) return is_double ? Op::kFmvDX : Op::kFmvWX;
  }
  if (f.bits >> 27 == 0x08) {
    if (f.rs2() != (is_double ? 0 : 1) || !valid_rounding(f)) return kNone;
    return is_double ? Op::kFcvtDS : Op::kFcvtSD;
  }
  bool rounds = false;
  const Op op = decode_fp_single(f, rounds);
  if (op == kNone || (rounds && !valid_rounding(f))) return kNone;
  return is_double ? in_second_block(op, Op::kFmaddS, Op::kFmaddD) : op;
}

Op decode_fused(const Fields &f, Op single) {
  if (f.format() > 1 || !valid_rounding(f)) return kNone;
  return f.format() == 1 ? in_second_block(single, Op::kFmaddS, Op::kFmaddD) : single;
}

Op decode_system(const Fields &f) {
  constexpr Op kTable[] = {kNone, Op::kCsrrw,  Op::kCsrrs,  Op::kCsrrc,
                           kNone, Op::kCsrrwi, Op::kCsrrsi, Op::kCsrrci};
  if (f.funct3() != 0) return pick(kTable, f.funct3());
  if (f.funct7() == 9 && f.rd() == 0) return Op::kSfenceVma;
  switch (f.bits) {
    case 0x00000073:
      return Op::kEcall;
    case 0x00100073:
      return Op::kEbreak;
    case 0x30200073:
      return Op::kMret;
    case 0x10200073:
      return Op::kSret;
    case 0x10500073:
      return Op::kWfi;
    default:
      return kNone;
  }
}

/// The operation, and in `imm` its immediate.
Op decode_32(const Fields &f, std::int32_t &imm) {
  constexpr Op kLoad[] = {Op::kLb, Op::kLh, Op::kLw, Op::kLd, Op::kLbu, Op::kLhu, Op::kLwu};
  constexpr Op kLoadFp[] = {kNone, kNone, Op::kFlw, Op::kFld};
  constexpr Op kStore[] = {Op::kSb, Op::kSh, Op::kSw, Op::kSd};
  constexpr Op kStoreFp[] = {kNone, kNone, Op::kFsw, Op::kFsd};
  constexpr Op kBranch[] = {Op::kBeq, Op::kBne, kNone,     kNone,
                            Op::kBlt, Op::kBge, Op::kBltu, Op::kBgeu};
  constexpr Op kFence[] = {Op::kFence, Op::kFenceI};
  imm = f.imm_i();
  switch (f.opcode()) {
    case 0x03:
      return pick(kLoad, f.funct3());
    case 0x07:
      return pick(kLoadFp, f.funct3());
    case 0x0f:
      return pick(kFence, f.funct3());
    case 0x13:
      if (f.funct3() == 1 || f.funct3() == 5) imm &= 63;
      return decode_op_imm(f);
    case 0x17:
      imm = f.imm_u();
      return Op::kAuipc;
    case 0x1b:
      if (f.funct3() != 0) imm &= 31;
      return decode_op_imm_32(f);
    case 0x23:
      imm = f.imm_s();
      return pick(kStore, f.funct3());
    case 0x27:
      imm = f.imm_s();
      return pick(kStoreFp, f.funct3());
    case 0x2f:
      return decode_amo(f);
    case 0x33:
      return decode_op(f);
    case 0x37:
      imm = f.imm_u();
      return Op::kLui;
    case 0x3b:
      return decode_op_32(f);
    case 0x43:
      return decode_fused(f, Op::kFmaddS);
    case 0x47:
      return decode_fused(f, Op::kFmsubS);
    case 0x4b:
      return decode_fused(f, Op::kFnmsubS);
    case 0x4f:
      return decode_fused(f, Op::kFnmaddS);
    case 0x53:
      return decode_op_fp(f);
    case 0x63:
      imm = f.imm_b();
      return pick(kBranch, f.funct3());
    case 0x67:
      return f.funct3() == 0 ? Op::kJalr : kNone;
    case 0x6f:
      imm = f.imm_j();
      return Op::kJal;
    case 0x73:
      imm &= 0xfff;
      return decode_system(f);
    default:
      return kNone;
  }
}

}  // namespace

Instruction decode(std::uint32_t bits, const CycleCosts &costs) {
  Instruction instruction;
  const bool compressed = is_compressed(bits);
  instruction.length = compressed ? 2 : 4;
  instruction.raw = compressed ? bits & 0xffff : bits;
  const Fields f{compressed ? expand_compressed(static_cast<std::uint16_t>(bits)) : bits};
  instruction.op = decode_32(f, instruction.imm);
  instruction.cost = cost_of(instruction.op, costs);
  instruction.rd = static_cast<std::uint8_t>(f.rd());
  if (f.rd() == 0 && !writes_fp(instruction.op)) instruction.rd = HartState::kSink;
  instruction.rs1 = static_cast<std::uint8_t>(f.rs1());
  instruction.rs2 = static_cast<std::uint8_t>(f.rs2());
  instruction.rs3 = static_cast<std::uint8_t>(f.rs3());
  return instruction;
}

}  // namespace npim::cpu
