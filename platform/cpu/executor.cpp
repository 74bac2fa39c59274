// The main loop: RV64I, M, loads and stores. The rarer extensions have files of their own.
#include "cpu/executor.h"

#include <limits>

namespace npim::cpu {
namespace {

__extension__ using Signed128 = __int128;
__extension__ using Unsigned128 = unsigned __int128;

constexpr std::int64_t kMostNegative = std::numeric_limits<std::int64_t>::min();
constexpr std::int32_t kMostNegativeWord = std::numeric_limits<std::int32_t>::min();

std::int64_t as_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
std::uint64_t as_unsigned(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}
std::int32_t as_word(std::uint64_t value) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}
/// The low 32 bits, sign-extended.
std::uint64_t word(std::uint64_t value) {
  return as_unsigned(as_word(value));
}

std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  const Signed128 product = Signed128{as_signed(a)} * as_signed(b);
  return static_cast<std::uint64_t>(static_cast<Unsigned128>(product) >> 64);
}
std::uint64_t multiply_high_mixed(std::uint64_t a, std::uint64_t b) {
  // |product| < 2^127, so the multiplication cannot overflow.
  const Signed128 product = Signed128{as_signed(a)} * static_cast<Signed128>(b);
  return static_cast<std::uint64_t>(static_cast<Unsigned128>(product) >> 64);
}
std::uint64_t multiply_high_unsigned(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>((Unsigned128{a} * b) >> 64);
}
std::uint64_t divide(std::uint64_t a, std::uint64_t b) {
  if (b == 0) return ~std::uint64_t{0};
  if (as_signed(a) == kMostNegative && as_signed(b) == -1) return a;
  return as_unsigned(as_signed(a) / as_signed(b));
}
std::uint64_t remainder(std::uint64_t a, std::uint64_t b) {
  if (b == 0) return a;
  if (as_signed(a) == kMostNegative && as_signed(b) == -1) return 0;
  return as_unsigned(as_signed(a) % as_signed(b));
}
std::uint64_t divide_word(std::uint64_t a, std::uint64_t b) {
  if (as_word(b) == 0) return ~std::uint64_t{0};
  if (as_word(a) == kMostNegativeWord && as_word(b) == -1) return word(a);
  return as_unsigned(as_word(a) / as_word(b));
}
std::uint64_t remainder_word(std::uint64_t a, std::uint64_t b) {
  if (as_word(b) == 0) return word(a);
  if (as_word(a) == kMostNegativeWord && as_word(b) == -1) return 0;
  return as_unsigned(as_word(a) % as_word(b));
}
std::uint64_t divide_unsigned_word(std::uint64_t a, std::uint64_t b) {
  const auto x = static_cast<std::uint32_t>(a), y = static_cast<std::uint32_t>(b);
  return y == 0 ? ~std::uint64_t{0} : word(x / y);
}
std::uint64_t remainder_unsigned_word(std::uint64_t a, std::uint64_t b) {
  const auto x = static_cast<std::uint32_t>(a), y = static_cast<std::uint32_t>(b);
  return word(y == 0 ? x : x % y);
}

constexpr std::uint64_t kOffsetMask = InstructionCache::kPageSize - 1;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
constexpr std::uint64_t kBox = 0xffffffff00000000;
/// More than any handler needs that makes progress, yet soon over.
constexpr std::uint32_t kMostRepeatedTraps = 100000;

}  // namespace

bool Executor::fetch(std::uint64_t pc, std::uint32_t &bits) {
  std::uint16_t low = 0, high = 0;
  if (!memory_.fetch(pc, low)) return false;
  if (!is_compressed(low) && !memory_.fetch(pc + 2, high)) return false;
  bits = static_cast<std::uint32_t>(high) << 16 | low;
  return true;
}

const Instruction *Executor::decode_at(std::uint64_t pc, Instruction &slot) {
  std::uint32_t bits = 0;
  if (!fetch(pc, bits)) return nullptr;
  // The second half of a spanning instruction lies in another page, whose stores would not find it.
  const bool spans = (pc & kOffsetMask) == kOffsetMask - 1 && !is_compressed(bits);
  Instruction &target = spans ? spanning_ : slot;
  target = decode(bits, costs_);
  return &target;
}

void Executor::take_exception(Cause cause, std::uint64_t value, std::uint32_t bits) {
  // A trap on the handler's first instruction with interrupts masked leaves everything as it was:
  // the same trap follows for ever. Data accesses are excepted, a device may answer next time.
  const bool repeats = cause == Cause::kFetchAccess || cause == Cause::kIllegalInstruction ||
                       cause == Cause::kBreakpoint || cause == Cause::kEcallMachine;
  const bool stuck = repeats && state_.pc == (state_.mtvec & ~std::uint64_t{3}) &&
                     (state_.mstatus & mstatus::kMie) == 0;
  // Further on in the handler (its stack is gone, say) each round may differ a little: patience.
  state_.repeated_traps = state_.pc == state_.mepc ? state_.repeated_traps + 1 : 0;
  const bool lost = stuck || state_.repeated_traps >= kMostRepeatedTraps;
  ++exceptions_;
  if (lost) {
    state_.lost = true;
    state_.horizon = 0;
  }
  if (trap_observer_) {
    const bool refused =
        cause == Cause::kFetchAccess || cause == Cause::kLoadAccess || cause == Cause::kStoreAccess;
    trap_observer_(
        {cause, state_.pc, value, bits, refused ? memory_.fault().reason : std::string(), lost});
  }
  enter_exception(state_, cause, value);
}

void Executor::run() {
  instructions_.apply_flush();
  if (tracer_) {
    run_loop<true>();
  } else {
    run_loop<false>();
  }
}

template <bool kTraced>
void Executor::run_loop() {
  HartState &s = state_;
  std::uint64_t *const x = s.x.data();
  std::uint64_t pc = s.pc;
  std::uint64_t page_number = kNoPage;
  InstructionCache::Page *page = nullptr;

  while (s.cycle < s.horizon) {
    if (pc >> InstructionCache::kPageBits != page_number) {
      page_number = pc >> InstructionCache::kPageBits;
      page = instructions_.page(pc);
      memory_.watch_code_page(pc);
    }
    const Instruction *d = &(*page)[(pc & kOffsetMask) / 2];
    if (d->op == Op::kUndecoded) {
      d = decode_at(pc, (*page)[(pc & kOffsetMask) / 2]);
      if (d == nullptr) {
        s.pc = pc;
        take_exception(Cause::kFetchAccess, memory_.fault().address, 0);
        pc = s.pc;
        s.cycle += costs_.base;
        continue;
      }
    }
    std::uint64_t next = pc + d->length;
    const std::uint64_t a = x[d->rs1], b = x[d->rs2];
    const std::uint64_t imm = as_unsigned(d->imm);
    Outcome outcome;

    const auto trap = [&](Cause cause, std::uint64_t value) { outcome = {true, cause, value}; };
    const auto branch = [&](bool taken) {
      if (!taken) return;
      next = pc + imm;
      s.cycle += costs_.branch_taken;
      s.cycle -= costs_.base;  // a branch is charged as `base` below
    };
    const auto load = [&](auto zero) {
      decltype(zero) value = 0;
      if (memory_.load(a + imm, value)) {
        // Signed types extend their sign, unsigned ones zeros.
        x[d->rd] = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
      } else {
        trap(Cause::kLoadAccess, memory_.fault().address);
      }
    };
    const auto store = [&](auto value) {
      if (!memory_.store(a + imm, value)) trap(Cause::kStoreAccess, memory_.fault().address);
    };
    const auto fp_enabled = [&] {
      if (s.fp_enabled()) return true;
      trap(Cause::kIllegalInstruction, d->raw);
      return false;
    };

    switch (d->op) {
      case Op::kUndecoded:
      case Op::kIllegal:
        trap(Cause::kIllegalInstruction, d->raw);
        break;
      case Op::kLui:
        x[d->rd] = imm;
        break;
      case Op::kAuipc:
        x[d->rd] = pc + imm;
        break;
      case Op::kJal:
        x[d->rd] = next;
        next = pc + imm;
        break;
      case Op::kJalr:
        x[d->rd] = next;
        next = (a + imm) & ~std::uint64_t{1};
        break;
      case Op::kBeq:
        branch(a == b);
        break;
      case Op::kBne:
        branch(a != b);
        break;
      case Op::kBlt:
        branch(as_signed(a) < as_signed(b));
        break;
      case Op::kBge:
        branch(as_signed(a) >= as_signed(b));
        break;
      case Op::kBltu:
        branch(a < b);
        break;
      case Op::kBgeu:
        branch(a >= b);
        break;
      case Op::kLb:
        load(std::int8_t{});
        break;
      case Op::kLh:
        load(std::int16_t{});
        break;
      case Op::kLw:
        load(std::int32_t{});
        break;
      case Op::kLd:
        load(std::uint64_t{});
        break;
      case Op::kLbu:
        load(std::uint8_t{});
        break;
      case Op::kLhu:
        load(std::uint16_t{});
        break;
      case Op::kLwu:
        load(std::uint32_t{});
        break;
      case Op::kSb:
        store(static_cast<std::uint8_t>(b));
        break;
      case Op::kSh:
        store(static_cast<std::uint16_t>(b));
        break;
      case Op::kSw:
        store(static_cast<std::uint32_t>(b));
        break;
      case Op::kSd:
        store(b);
        break;
      case Op::kAddi:
        x[d->rd] = a + imm;
        break;
      case Op::kSlti:
        x[d->rd] = as_signed(a) < d->imm;
        break;
      case Op::kSltiu:
        x[d->rd] = a < imm;
        break;
      case Op::kXori:
        x[d->rd] = a ^ imm;
        break;
      case Op::kOri:
        x[d->rd] = a | imm;
        break;
      case Op::kAndi:
        x[d->rd] = a & imm;
        break;
      case Op::kSlli:
        x[d->rd] = a << imm;
        break;
      case Op::kSrli:
        x[d->rd] = a >> imm;
        break;
      case Op::kSrai:
        x[d->rd] = as_unsigned(as_signed(a) >> imm);
        break;
      case Op::kAdd:
        x[d->rd] = a + b;
        break;
      case Op::kSub:
        x[d->rd] = a - b;
        break;
      case Op::kSll:
        x[d->rd] = a << (b & 63);
        break;
      case Op::kSlt:
        x[d->rd] = as_signed(a) < as_signed(b);
        break;
      case Op::kSltu:
        x[d->rd] = a < b;
        break;
      case Op::kXor:
        x[d->rd] = a ^ b;
        break;
      case Op::kSrl:
        x[d->rd] = a >> (b & 63);
        break;
      case Op::kSra:
        x[d->rd] = as_unsigned(as_signed(a) >> (b & 63));
        break;
      case Op::kOr:
        x[d->rd] = a | b;
        break;
      case Op::kAnd:
        x[d->rd] = a & b;
        break;
      case Op::kAddiw:
        x[d->rd] = word(a + imm);
        break;
      case Op::kSlliw:
        x[d->rd] = word(a << imm);
        break;
      case Op::kSrliw:
        x[d->rd] = word(static_cast<std::uint32_t>(a) >> imm);
        break;
      case Op::kSraiw:
        x[d->rd] = as_unsigned(as_word(a) >> imm);
        break;
      case Op::kAddw:
        x[d->rd] = word(a + b);
        break;
      case Op::kSubw:
        x[d->rd] = word(a - b);
        break;
      case Op::kSllw:
        x[d->rd] = word(a << (b & 31));
        break;
      case Op::kSrlw:
        x[d->rd] = word(static_cast<std::uint32_t>(a) >> (b & 31));
        break;
      case Op::kSraw:
        x[d->rd] = as_unsigned(as_word(a) >> (b & 31));
        break;
      case Op::kFence:
        break;  // accesses are performed in program order
      case Op::kFenceI:
        instructions_.flush();
        s.horizon = 0;
        break;
      case Op::kEcall:
        trap(Cause::kEcallMachine, 0);
        break;
      case Op::kEbreak:
        trap(Cause::kBreakpoint, pc);
        break;
      case Op::kMret:
        return_from_trap(s);
        next = s.pc;
        s.horizon = 0;
        break;
      case Op::kWfi:
        s.waiting = true;
        s.horizon = 0;
        break;
      case Op::kCsrrw:
      case Op::kCsrrs:
      case Op::kCsrrc:
      case Op::kCsrrwi:
      case Op::kCsrrsi:
      case Op::kCsrrci:
        outcome = execute_csr(*d);
        break;
      case Op::kMul:
        x[d->rd] = a * b;
        break;
      case Op::kMulh:
        x[d->rd] = multiply_high(a, b);
        break;
      case Op::kMulhsu:
        x[d->rd] = multiply_high_mixed(a, b);
        break;
      case Op::kMulhu:
        x[d->rd] = multiply_high_unsigned(a, b);
        break;
      case Op::kDiv:
        x[d->rd] = divide(a, b);
        break;
      case Op::kDivu:
        x[d->rd] = b == 0 ? ~std::uint64_t{0} : a / b;
        break;
      case Op::kRem:
        x[d->rd] = remainder(a, b);
        break;
      case Op::kRemu:
        x[d->rd] = b == 0 ? a : a % b;
        break;
      case Op::kMulw:
        x[d->rd] = word(a * b);
        break;
      case Op::kDivw:
        x[d->rd] = divide_word(a, b);
        break;
      case Op::kDivuw:
        x[d->rd] = divide_unsigned_word(a, b);
        break;
      case Op::kRemw:
        x[d->rd] = remainder_word(a, b);
        break;
      case Op::kRemuw:
        x[d->rd] = remainder_unsigned_word(a, b);
        break;
      case Op::kFlw:
        if (fp_enabled()) {
          std::uint32_t value = 0;
          if (memory_.load(a + imm, value)) {
            s.f[d->rd] = kBox | value;
            s.mstatus |= mstatus::kFs;
          } else {
            trap(Cause::kLoadAccess, memory_.fault().address);
          }
        }
        break;
      case Op::kFld:
        if (fp_enabled()) {
          std::uint64_t value = 0;
          if (memory_.load(a + imm, value)) {
            s.f[d->rd] = value;
            s.mstatus |= mstatus::kFs;
          } else {
            trap(Cause::kLoadAccess, memory_.fault().address);
          }
        }
        break;
      case Op::kFsw:
        if (fp_enabled()) store(static_cast<std::uint32_t>(s.f[d->rs2]));
        break;
      case Op::kFsd:
        if (fp_enabled()) store(s.f[d->rs2]);
        break;
      default:
        outcome = d->op <= Op::kAmoMaxuD ? execute_atomic(*d) : execute_fp(*d);
        break;
    }

    if (outcome.trapped) {
      s.pc = pc;
      take_exception(outcome.cause, outcome.value, d->raw);
      pc = s.pc;
      s.cycle += d->cost;
      continue;
    }
    s.cycle += d->cost;
    ++s.retired;
    if constexpr (kTraced) {
      s.pc = next;
      tracer_({pc, *d, s});
    }
    pc = next;
  }
  s.pc = pc;
}

Executor::Outcome Executor::execute_csr(const Instruction &instruction) {
  const Outcome illegal{true, Cause::kIllegalInstruction, instruction.raw};
  const auto number = static_cast<unsigned>(instruction.imm);
  const bool immediate = instruction.op >= Op::kCsrrwi;
  const std::uint64_t operand = immediate ? instruction.rs1 : state_.x[instruction.rs1];
  const bool replaces = instruction.op == Op::kCsrrw || instruction.op == Op::kCsrrwi;
  const bool writes = replaces || instruction.rs1 != 0;
  std::uint64_t old = 0;
  if (!csrs_.read(number, old)) return illegal;
  if (writes) {
    const bool sets = instruction.op == Op::kCsrrs || instruction.op == Op::kCsrrsi;
    const std::uint64_t changed = sets ? old | operand : old & ~operand;
    if (!csrs_.write(number, replaces ? operand : changed)) return illegal;
  }
  state_.x[instruction.rd] = old;
  return {};
}

}  // namespace npim::cpu
