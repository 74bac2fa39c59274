// The F and D extensions on top of soft_float: register boxing, rounding modes, flags.
#include <type_traits>

#include "cpu/executor.h"
#include "cpu/soft_float.h"

namespace npim::cpu {
namespace {

constexpr std::uint64_t kBox = 0xffffffff00000000;
constexpr unsigned kDynamic = 7;

/// A register as an operand: a binary32 value that is not NaN-boxed counts as the canonical NaN.
template <typename F>
typename F::Bits unbox(std::uint64_t value) {
  if constexpr (std::is_same_v<F, fp::Single>) {
    return (value & kBox) == kBox ? static_cast<std::uint32_t>(value)
                                  : fp::kCanonicalNan<fp::Single>;
  } else {
    return value;
  }
}

template <typename F>
std::uint64_t box(typename F::Bits value) {
  if constexpr (std::is_same_v<F, fp::Single>) {
    return kBox | value;
  } else {
    return value;
  }
}

std::uint64_t extend_word(std::uint64_t value) {
  return static_cast<std::uint64_t>(
      static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(value))));
}

/// Operations whose rm field selects a rounding mode rather than an operation.
bool rounds(Op single_op) {
  return single_op <= Op::kFsqrtS || (single_op >= Op::kFcvtWS && single_op <= Op::kFcvtSLu);
}

}  // namespace

/// Arithmetic, comparison and integer conversion, named by the operation on singles. False when the
/// rounding mode is reserved.
template <typename F>
bool Executor::execute_fp_as(const Instruction &instruction, Op single_op) {
  using Bits = typename F::Bits;
  HartState &s = state_;
  fp::Context context;
  if (rounds(single_op)) {
    const unsigned field = rounding_field(instruction);
    const unsigned mode = field == kDynamic ? s.frm : field;
    if (mode > 4) return false;
    context.rounding = static_cast<fp::Rounding>(mode);
  }
  const Bits a = unbox<F>(s.f[instruction.rs1]), b = unbox<F>(s.f[instruction.rs2]),
             c = unbox<F>(s.f[instruction.rs3]);
  constexpr Bits kSign = fp::kSignBit<F>;
  const std::uint64_t integer = s.x[instruction.rs1];
  const auto to_fp = [&](Bits value) { s.f[instruction.rd] = box<F>(value); };
  const auto to_x = [&](std::uint64_t value) { s.x[instruction.rd] = value; };
  bool writes_fp = true;
  switch (single_op) {
    case Op::kFmaddS:
      to_fp(fp::multiply_add<F>(a, b, c, context));
      break;
    case Op::kFmsubS:
      to_fp(fp::multiply_add<F>(a, b, c ^ kSign, context));
      break;
    case Op::kFnmsubS:
      to_fp(fp::multiply_add<F>(a ^ kSign, b, c, context));
      break;
    case Op::kFnmaddS:
      to_fp(fp::multiply_add<F>(a ^ kSign, b, c ^ kSign, context));
      break;
    case Op::kFaddS:
      to_fp(fp::add<F>(a, b, context));
      break;
    case Op::kFsubS:
      to_fp(fp::subtract<F>(a, b, context));
      break;
    case Op::kFmulS:
      to_fp(fp::multiply<F>(a, b, context));
      break;
    case Op::kFdivS:
      to_fp(fp::divide<F>(a, b, context));
      break;
    case Op::kFsqrtS:
      to_fp(fp::square_root<F>(a, context));
      break;
    case Op::kFsgnjS:
      to_fp((a & ~kSign) | (b & kSign));
      break;
    case Op::kFsgnjnS:
      to_fp((a & ~kSign) | (~b & kSign));
      break;
    case Op::kFsgnjxS:
      to_fp(a ^ (b & kSign));
      break;
    case Op::kFminS:
      to_fp(fp::minimum<F>(a, b, context));
      break;
    case Op::kFmaxS:
      to_fp(fp::maximum<F>(a, b, context));
      break;
    case Op::kFcvtSW:
      to_fp(fp::from_integer<F>(integer, 32, true, context));
      break;
    case Op::kFcvtSWu:
      to_fp(fp::from_integer<F>(integer, 32, false, context));
      break;
    case Op::kFcvtSL:
      to_fp(fp::from_integer<F>(integer, 64, true, context));
      break;
    case Op::kFcvtSLu:
      to_fp(fp::from_integer<F>(integer, 64, false, context));
      break;
    default:
      writes_fp = false;
      break;
  }
  switch (single_op) {
    case Op::kFeqS:
      to_x(fp::equal<F>(a, b, context));
      break;
    case Op::kFltS:
      to_x(fp::less<F>(a, b, context));
      break;
    case Op::kFleS:
      to_x(fp::less_or_equal<F>(a, b, context));
      break;
    case Op::kFclassS:
      to_x(fp::classify<F>(a));
      break;
    case Op::kFcvtWS:
      to_x(fp::to_integer<F>(a, 32, true, context));
      break;
    case Op::kFcvtWuS:
      to_x(fp::to_integer<F>(a, 32, false, context));
      break;
    case Op::kFcvtLS:
      to_x(fp::to_integer<F>(a, 64, true, context));
      break;
    case Op::kFcvtLuS:
      to_x(fp::to_integer<F>(a, 64, false, context));
      break;
    default:
      break;
  }
  s.fflags |= context.flags;
  if (writes_fp || context.flags != 0) s.mstatus |= mstatus::kFs;
  return true;
}

Executor::Outcome Executor::execute_fp(const Instruction &instruction) {
  const Outcome illegal{true, Cause::kIllegalInstruction, instruction.raw};
  HartState &s = state_;
  if (!s.fp_enabled()) return illegal;
  const Op op = instruction.op;
  if (op < Op::kFmaddD) {
    return execute_fp_as<fp::Single>(instruction, op) ? Outcome{} : illegal;
  }
  if (op < Op::kFcvtSD) {
    const unsigned distance =
        static_cast<unsigned>(Op::kFmaddD) - static_cast<unsigned>(Op::kFmaddS);
    const Op single_op = static_cast<Op>(static_cast<unsigned>(op) - distance);
    return execute_fp_as<fp::Double>(instruction, single_op) ? Outcome{} : illegal;
  }
  const std::uint64_t source = s.f[instruction.rs1];
  switch (op) {
    case Op::kFmvXW:
      s.x[instruction.rd] = extend_word(source);
      return {};
    case Op::kFmvXD:
      s.x[instruction.rd] = source;
      return {};
    case Op::kFmvWX:
      s.f[instruction.rd] = kBox | (s.x[instruction.rs1] & ~kBox);
      s.mstatus |= mstatus::kFs;
      return {};
    case Op::kFmvDX:
      s.f[instruction.rd] = s.x[instruction.rs1];
      s.mstatus |= mstatus::kFs;
      return {};
    default:
      break;
  }
  const unsigned field = rounding_field(instruction);
  fp::Context context;
  const unsigned mode = field == kDynamic ? s.frm : field;
  if (mode > 4) return illegal;
  context.rounding = static_cast<fp::Rounding>(mode);
  if (op == Op::kFcvtSD) {
    s.f[instruction.rd] = box<fp::Single>(fp::narrow(source, context));
  } else {
    s.f[instruction.rd] = fp::widen(unbox<fp::Single>(source), context);
  }
  s.fflags |= context.flags;
  s.mstatus |= mstatus::kFs;
  return {};
}

}  // namespace npim::cpu
