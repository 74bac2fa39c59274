#include "debug/disassembler.h"

#include <array>
#include <cstdio>

#include "debug/packet.h"

namespace npim::debug {
namespace {

using cpu::Instruction;
using cpu::Op;

enum class Format : std::uint8_t {
  kUnknown,
  kPlain,
  kUpper,
  kJal,
  kJalr,
  kBranch,
  kLoad,
  kStore,
  kImmediate,
  kRegisters,
  kCsr,
  kCsrImmediate,
  kLoadReserved,
  kAtomic,
  kFloatLoad,
  kFloatStore,
  kFused,
  kFloat,
  kFloatOne,
  kFloatCompare,
  kFloatToInteger,
  kIntegerToFloat,
};

struct Row {
  Op op;
  const char *name;
  Format format;
};

// clang-format off
constexpr Row kRows[] = {
    {Op::kLui, "lui", Format::kUpper}, {Op::kAuipc, "auipc", Format::kUpper},
    {Op::kJal, "jal", Format::kJal}, {Op::kJalr, "jalr", Format::kJalr},
    {Op::kBeq, "beq", Format::kBranch}, {Op::kBne, "bne", Format::kBranch},
    {Op::kBlt, "blt", Format::kBranch}, {Op::kBge, "bge", Format::kBranch},
    {Op::kBltu, "bltu", Format::kBranch}, {Op::kBgeu, "bgeu", Format::kBranch},
    {Op::kLb, "lb", Format::kLoad}, {Op::kLh, "lh", Format::kLoad},
    {Op::kLw, "lw", Format::kLoad}, {Op::kLd, "ld", Format::kLoad},
    {Op::kLbu, "lbu", Format::kLoad}, {Op::kLhu, "lhu", Format::kLoad},
    {Op::kLwu, "lwu", Format::kLoad}, {Op::kSb, "sb", Format::kStore},
    {Op::kSh, "sh", Format::kStore}, {Op::kSw, "sw", Format::kStore},
    {Op::kSd, "sd", Format::kStore}, {Op::kAddi, "addi", Format::kImmediate},
    {Op::kSlti, "slti", Format::kImmediate}, {Op::kSltiu, "sltiu", Format::kImmediate},
    {Op::kXori, "xori", Format::kImmediate}, {Op::kOri, "ori", Format::kImmediate},
    {Op::kAndi, "andi", Format::kImmediate}, {Op::kSlli, "slli", Format::kImmediate},
    {Op::kSrli, "srli", Format::kImmediate}, {Op::kSrai, "srai", Format::kImmediate},
    {Op::kAddiw, "addiw", Format::kImmediate}, {Op::kSlliw, "slliw", Format::kImmediate},
    {Op::kSrliw, "srliw", Format::kImmediate}, {Op::kSraiw, "sraiw", Format::kImmediate},
    {Op::kAdd, "add", Format::kRegisters}, {Op::kSub, "sub", Format::kRegisters},
    {Op::kSll, "sll", Format::kRegisters}, {Op::kSlt, "slt", Format::kRegisters},
    {Op::kSltu, "sltu", Format::kRegisters}, {Op::kXor, "xor", Format::kRegisters},
    {Op::kSrl, "srl", Format::kRegisters}, {Op::kSra, "sra", Format::kRegisters},
    {Op::kOr, "or", Format::kRegisters}, {Op::kAnd, "and", Format::kRegisters},
    {Op::kAddw, "addw", Format::kRegisters}, {Op::kSubw, "subw", Format::kRegisters},
    {Op::kSllw, "sllw", Format::kRegisters}, {Op::kSrlw, "srlw", Format::kRegisters},
    {Op::kSraw, "sraw", Format::kRegisters}, {Op::kMul, "mul", Format::kRegisters},
    {Op::kMulh, "mulh", Format::kRegisters}, {Op::kMulhsu, "mulhsu", Format::kRegisters},
    {Op::kMulhu, "mulhu", Format::kRegisters}, {Op::kDiv, "div", Format::kRegisters},
    {Op::kDivu, "divu", Format::kRegisters}, {Op::kRem, "rem", Format::kRegisters},
    {Op::kRemu, "remu", Format::kRegisters}, {Op::kMulw, "mulw", Format::kRegisters},
    {Op::kDivw, "divw", Format::kRegisters}, {Op::kDivuw, "divuw", Format::kRegisters},
    {Op::kRemw, "remw", Format::kRegisters}, {Op::kRemuw, "remuw", Format::kRegisters},
    {Op::kFence, "fence", Format::kPlain}, {Op::kFenceI, "fence.i", Format::kPlain},
    {Op::kEcall, "ecall", Format::kPlain}, {Op::kEbreak, "ebreak", Format::kPlain},
    {Op::kMret, "mret", Format::kPlain}, {Op::kWfi, "wfi", Format::kPlain},
    {Op::kCsrrw, "csrrw", Format::kCsr}, {Op::kCsrrs, "csrrs", Format::kCsr},
    {Op::kCsrrc, "csrrc", Format::kCsr}, {Op::kCsrrwi, "csrrwi", Format::kCsrImmediate},
    {Op::kCsrrsi, "csrrsi", Format::kCsrImmediate}, {Op::kCsrrci, "csrrci", Format::kCsrImmediate},
    {Op::kLrW, "lr.w", Format::kLoadReserved}, {Op::kLrD, "lr.d", Format::kLoadReserved},
    {Op::kScW, "sc.w", Format::kAtomic}, {Op::kAmoSwapW, "amoswap.w", Format::kAtomic},
    {Op::kAmoAddW, "amoadd.w", Format::kAtomic}, {Op::kAmoXorW, "amoxor.w", Format::kAtomic},
    {Op::kAmoAndW, "amoand.w", Format::kAtomic}, {Op::kAmoOrW, "amoor.w", Format::kAtomic},
    {Op::kAmoMinW, "amomin.w", Format::kAtomic}, {Op::kAmoMaxW, "amomax.w", Format::kAtomic},
    {Op::kAmoMinuW, "amominu.w", Format::kAtomic}, {Op::kAmoMaxuW, "amomaxu.w", Format::kAtomic},
    {Op::kScD, "sc.d", Format::kAtomic}, {Op::kAmoSwapD, "amoswap.d", Format::kAtomic},
    {Op::kAmoAddD, "amoadd.d", Format::kAtomic}, {Op::kAmoXorD, "amoxor.d", Format::kAtomic},
    {Op::kAmoAndD, "amoand.d", Format::kAtomic}, {Op::kAmoOrD, "amoor.d", Format::kAtomic},
    {Op::kAmoMinD, "amomin.d", Format::kAtomic}, {Op::kAmoMaxD, "amomax.d", Format::kAtomic},
    {Op::kAmoMinuD, "amominu.d", Format::kAtomic}, {Op::kAmoMaxuD, "amomaxu.d", Format::kAtomic},
    {Op::kFlw, "flw", Format::kFloatLoad}, {Op::kFld, "fld", Format::kFloatLoad},
    {Op::kFsw, "fsw", Format::kFloatStore}, {Op::kFsd, "fsd", Format::kFloatStore},
    {Op::kFmaddS, "fmadd.s", Format::kFused}, {Op::kFmsubS, "fmsub.s", Format::kFused},
    {Op::kFnmsubS, "fnmsub.s", Format::kFused}, {Op::kFnmaddS, "fnmadd.s", Format::kFused},
    {Op::kFmaddD, "fmadd.d", Format::kFused}, {Op::kFmsubD, "fmsub.d", Format::kFused},
    {Op::kFnmsubD, "fnmsub.d", Format::kFused}, {Op::kFnmaddD, "fnmadd.d", Format::kFused},
    {Op::kFaddS, "fadd.s", Format::kFloat}, {Op::kFsubS, "fsub.s", Format::kFloat},
    {Op::kFmulS, "fmul.s", Format::kFloat}, {Op::kFdivS, "fdiv.s", Format::kFloat},
    {Op::kFsgnjS, "fsgnj.s", Format::kFloat}, {Op::kFsgnjnS, "fsgnjn.s", Format::kFloat},
    {Op::kFsgnjxS, "fsgnjx.s", Format::kFloat}, {Op::kFminS, "fmin.s", Format::kFloat},
    {Op::kFmaxS, "fmax.s", Format::kFloat}, {Op::kFaddD, "fadd.d", Format::kFloat},
    {Op::kFsubD, "fsub.d", Format::kFloat}, {Op::kFmulD, "fmul.d", Format::kFloat},
    {Op::kFdivD, "fdiv.d", Format::kFloat}, {Op::kFsgnjD, "fsgnj.d", Format::kFloat},
    {Op::kFsgnjnD, "fsgnjn.d", Format::kFloat}, {Op::kFsgnjxD, "fsgnjx.d", Format::kFloat},
    {Op::kFminD, "fmin.d", Format::kFloat}, {Op::kFmaxD, "fmax.d", Format::kFloat},
    {Op::kFsqrtS, "fsqrt.s", Format::kFloatOne}, {Op::kFsqrtD, "fsqrt.d", Format::kFloatOne},
    {Op::kFcvtSD, "fcvt.s.d", Format::kFloatOne}, {Op::kFcvtDS, "fcvt.d.s", Format::kFloatOne},
    {Op::kFeqS, "feq.s", Format::kFloatCompare}, {Op::kFltS, "flt.s", Format::kFloatCompare},
    {Op::kFleS, "fle.s", Format::kFloatCompare}, {Op::kFeqD, "feq.d", Format::kFloatCompare},
    {Op::kFltD, "flt.d", Format::kFloatCompare}, {Op::kFleD, "fle.d", Format::kFloatCompare},
    {Op::kFclassS, "fclass.s", Format::kFloatToInteger}, {Op::kFclassD, "fclass.d", Format::kFloatToInteger},
    {Op::kFcvtWS, "fcvt.w.s", Format::kFloatToInteger}, {Op::kFcvtWuS, "fcvt.wu.s", Format::kFloatToInteger},
    {Op::kFcvtLS, "fcvt.l.s", Format::kFloatToInteger}, {Op::kFcvtLuS, "fcvt.lu.s", Format::kFloatToInteger},
    {Op::kFcvtWD, "fcvt.w.d", Format::kFloatToInteger}, {Op::kFcvtWuD, "fcvt.wu.d", Format::kFloatToInteger},
    {Op::kFcvtLD, "fcvt.l.d", Format::kFloatToInteger}, {Op::kFcvtLuD, "fcvt.lu.d", Format::kFloatToInteger},
    {Op::kFmvXW, "fmv.x.w", Format::kFloatToInteger}, {Op::kFmvXD, "fmv.x.d", Format::kFloatToInteger},
    {Op::kFcvtSW, "fcvt.s.w", Format::kIntegerToFloat}, {Op::kFcvtSWu, "fcvt.s.wu", Format::kIntegerToFloat},
    {Op::kFcvtSL, "fcvt.s.l", Format::kIntegerToFloat}, {Op::kFcvtSLu, "fcvt.s.lu", Format::kIntegerToFloat},
    {Op::kFcvtDW, "fcvt.d.w", Format::kIntegerToFloat}, {Op::kFcvtDWu, "fcvt.d.wu", Format::kIntegerToFloat},
    {Op::kFcvtDL, "fcvt.d.l", Format::kIntegerToFloat}, {Op::kFcvtDLu, "fcvt.d.lu", Format::kIntegerToFloat},
    {Op::kFmvWX, "fmv.w.x", Format::kIntegerToFloat}, {Op::kFmvDX, "fmv.d.x", Format::kIntegerToFloat},
};
// clang-format on

struct Entry {
  const char *name = nullptr;
  Format format = Format::kUnknown;
};

const Entry &entry_of(Op op) {
  static const std::array<Entry, 256> entries = [] {
    std::array<Entry, 256> table{};
    for (const Row &row : kRows) table[static_cast<std::size_t>(row.op)] = {row.name, row.format};
    return table;
  }();
  return entries[static_cast<std::size_t>(op)];
}

std::string x(unsigned number) {
  return integer_name(number < 32 ? number : 0);  // the decoder's sink is x0
}
std::string f(unsigned number) {
  return float_name(number & 31);
}
std::string address(std::uint64_t value) {
  return "0x" + hex_number(value);
}

std::string operands(const Instruction &i, Format format, std::uint64_t pc) {
  const std::string imm = std::to_string(i.imm);
  const std::uint64_t target = pc + static_cast<std::uint64_t>(std::int64_t{i.imm});
  switch (format) {
    case Format::kUnknown:
    case Format::kPlain:
      return "";
    case Format::kUpper:
      return x(i.rd) + "," + address((static_cast<std::uint32_t>(i.imm) >> 12) & 0xfffff);
    case Format::kJal:
      return x(i.rd) + "," + address(target);
    case Format::kJalr:
    case Format::kLoad:
      return x(i.rd) + "," + imm + "(" + x(i.rs1) + ")";
    case Format::kBranch:
      return x(i.rs1) + "," + x(i.rs2) + "," + address(target);
    case Format::kStore:
      return x(i.rs2) + "," + imm + "(" + x(i.rs1) + ")";
    case Format::kImmediate:
      return x(i.rd) + "," + x(i.rs1) + "," + imm;
    case Format::kRegisters:
      return x(i.rd) + "," + x(i.rs1) + "," + x(i.rs2);
    case Format::kCsr:
      return x(i.rd) + "," + address(static_cast<std::uint32_t>(i.imm)) + "," + x(i.rs1);
    case Format::kCsrImmediate:
      return x(i.rd) + "," + address(static_cast<std::uint32_t>(i.imm)) + "," +
             std::to_string(i.rs1);
    case Format::kLoadReserved:
      return x(i.rd) + ",(" + x(i.rs1) + ")";
    case Format::kAtomic:
      return x(i.rd) + "," + x(i.rs2) + ",(" + x(i.rs1) + ")";
    case Format::kFloatLoad:
      return f(i.rd) + "," + imm + "(" + x(i.rs1) + ")";
    case Format::kFloatStore:
      return f(i.rs2) + "," + imm + "(" + x(i.rs1) + ")";
    case Format::kFused:
      return f(i.rd) + "," + f(i.rs1) + "," + f(i.rs2) + "," + f(i.rs3);
    case Format::kFloat:
      return f(i.rd) + "," + f(i.rs1) + "," + f(i.rs2);
    case Format::kFloatOne:
      return f(i.rd) + "," + f(i.rs1);
    case Format::kFloatCompare:
      return x(i.rd) + "," + f(i.rs1) + "," + f(i.rs2);
    case Format::kFloatToInteger:
      return x(i.rd) + "," + f(i.rs1);
    case Format::kIntegerToFloat:
      return f(i.rd) + "," + x(i.rs1);
  }
  return "";
}

}  // namespace

const char *integer_name(unsigned number) {
  static constexpr const char *kNames[32] = {"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                             "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                             "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                             "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
  return kNames[number & 31];
}

const char *float_name(unsigned number) {
  static constexpr const char *kNames[32] = {
      "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1", "fa0",
      "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4", "fs5",
      "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};
  return kNames[number & 31];
}

std::string disassemble(const Instruction &instruction, std::uint64_t pc) {
  const Entry &entry = entry_of(instruction.op);
  if (entry.name == nullptr) return ".word 0x" + hex_number(instruction.raw);
  const std::string text = operands(instruction, entry.format, pc);
  return text.empty() ? entry.name : std::string(entry.name) + " " + text;
}

Destination destination_of(const Instruction &instruction) {
  using File = Destination::File;
  switch (entry_of(instruction.op).format) {
    case Format::kUnknown:
    case Format::kPlain:
    case Format::kBranch:
    case Format::kStore:
    case Format::kFloatStore:
      return {};
    case Format::kFloatLoad:
    case Format::kFused:
    case Format::kFloat:
    case Format::kFloatOne:
    case Format::kIntegerToFloat:
      return {File::kFloat, instruction.rd & 31u};
    default:
      if (instruction.rd == 0 || instruction.rd >= 32) return {};
      return {File::kInteger, instruction.rd};
  }
}

}  // namespace npim::debug
