// Every instruction, as a handler that ends with a call of the next one. Compilers turn these calls
// into jumps (and are told to, where they can be): threaded code, with the arguments in registers.
#include "cpu/interpreter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "cpu/executor.h"
#include "cpu/tlb.h"

#if defined(__clang__)
#define NPIM_TAIL_CALL [[clang::musttail]] return
#else
#define NPIM_TAIL_CALL return
#endif

#define NPIM_HANDLER_PARAMETERS                                                                   \
  const Step *step, HartState *hart, std::uint64_t cycle, std::uint64_t base, const FastTlb *tlb, \
      Executor *executor
#define NPIM_NEXT(distance) \
  NPIM_TAIL_CALL step[distance].run(step + (distance), hart, cycle, base, tlb, executor)

namespace npim::cpu {
namespace {

__extension__ using Signed128 = __int128;
__extension__ using Unsigned128 = unsigned __int128;

constexpr std::int64_t kMostNegative = std::numeric_limits<std::int64_t>::min();
constexpr std::int32_t kMostNegativeWord = std::numeric_limits<std::int32_t>::min();
constexpr std::uint64_t kBox = 0xffffffff00000000;

/// Without tail calls every block returns to the run loop, so that the stack stays small.
#if defined(__clang__) || (defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__))
constexpr bool kChains = true;
#else
constexpr bool kChains = false;
#endif

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

/// Operations that only compute: rd = f(rs1, rs2, imm, pc).
template <Op kOp>
inline std::uint64_t compute(std::uint64_t a, std::uint64_t b, std::uint64_t imm,
                             std::uint64_t pc) {
  switch (kOp) {
    case Op::kLui:
      return imm;
    case Op::kAuipc:
      return pc + imm;
    case Op::kAddi:
      return a + imm;
    case Op::kSlti:
      return as_signed(a) < as_signed(imm);
    case Op::kSltiu:
      return a < imm;
    case Op::kXori:
      return a ^ imm;
    case Op::kOri:
      return a | imm;
    case Op::kAndi:
      return a & imm;
    case Op::kSlli:
      return a << (imm & 63);
    case Op::kSrli:
      return a >> (imm & 63);
    case Op::kSrai:
      return as_unsigned(as_signed(a) >> (imm & 63));
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kSll:
      return a << (b & 63);
    case Op::kSlt:
      return as_signed(a) < as_signed(b);
    case Op::kSltu:
      return a < b;
    case Op::kXor:
      return a ^ b;
    case Op::kSrl:
      return a >> (b & 63);
    case Op::kSra:
      return as_unsigned(as_signed(a) >> (b & 63));
    case Op::kOr:
      return a | b;
    case Op::kAnd:
      return a & b;
    case Op::kAddiw:
      return word(a + imm);
    case Op::kSlliw:
      return word(a << (imm & 31));
    case Op::kSrliw:
      return word(static_cast<std::uint32_t>(a) >> (imm & 31));
    case Op::kSraiw:
      return as_unsigned(as_word(a) >> (imm & 31));
    case Op::kAddw:
      return word(a + b);
    case Op::kSubw:
      return word(a - b);
    case Op::kSllw:
      return word(a << (b & 31));
    case Op::kSrlw:
      return word(static_cast<std::uint32_t>(a) >> (b & 31));
    case Op::kSraw:
      return as_unsigned(as_word(a) >> (b & 31));
    case Op::kMul:
      return a * b;
    case Op::kMulh:
      return multiply_high(a, b);
    case Op::kMulhsu:
      return multiply_high_mixed(a, b);
    case Op::kMulhu:
      return multiply_high_unsigned(a, b);
    case Op::kDiv:
      return divide(a, b);
    case Op::kDivu:
      return b == 0 ? ~std::uint64_t{0} : a / b;
    case Op::kRem:
      return remainder(a, b);
    case Op::kRemu:
      return b == 0 ? a : a % b;
    case Op::kMulw:
      return word(a * b);
    case Op::kDivw:
      return divide_word(a, b);
    case Op::kDivuw:
      return divide_unsigned_word(a, b);
    case Op::kRemw:
      return remainder_word(a, b);
    default:
      return remainder_unsigned_word(a, b);
  }
}

template <Op kOp>
inline bool compare(std::uint64_t a, std::uint64_t b) {
  switch (kOp) {
    case Op::kBeq:
      return a == b;
    case Op::kBne:
      return a != b;
    case Op::kBlt:
      return as_signed(a) < as_signed(b);
    case Op::kBge:
      return as_signed(a) >= as_signed(b);
    case Op::kBltu:
      return a < b;
    default:
      return a >= b;
  }
}

}  // namespace

/// The handlers; a friend of Executor.
struct Interpreter {
  // Leaving: brings pc, cycle and retired up to date and returns to the run loop.

  static void leave(HartState *hart, std::uint64_t cycle, std::uint64_t pc) {
    hart->cycle = cycle;
    hart->pc = pc;
  }

  /// Leaves behind an instruction that has retired.
  static void leave_behind(const Step *step, HartState *hart, std::uint64_t cycle,
                           std::uint64_t base) {
    hart->retired += step->index + 1u;
    leave(hart, cycle + step->elapsed + step->instruction.cost,
          base + step->offset + step->instruction.length);
  }

  static void raise(const Step *step, HartState *hart, std::uint64_t cycle, std::uint64_t base,
                    Executor *executor, Cause cause, std::uint64_t value) {
    leave(hart, cycle + step->elapsed, base + step->offset);
    hart->retired += step->index;
    executor->take_exception(cause, value, step->instruction.raw);
    hart->cycle += step->instruction.cost;
  }

  static void stop(NPIM_HANDLER_PARAMETERS) {
    (void)tlb;
    hart->retired += step->index;
    leave(hart, cycle + step->elapsed, base + step->offset);
    executor->resume_ = {const_cast<Step *>(step), base, hart->privilege,
                         executor->code_.generation(), executor->code_.epoch()};
  }

  // Going on in another block.

  /// Whether all instructions of a block entered at `cycle` start before the horizon.
  static bool fits(const Block *block, const HartState *hart, std::uint64_t cycle) {
    return cycle + block->last_start < hart->horizon;
  }

  /// Continues at an exit's target in the same page.
  static void follow(const Exit *exit, HartState *hart, std::uint64_t cycle, std::uint64_t base,
                     const FastTlb *tlb, Executor *executor) {
    hart->retired += exit->retired;
    cycle += exit->cycles;
    base += static_cast<std::uint64_t>(static_cast<std::int64_t>(exit->offset));
    const Block *block = exit->target;
    if (kChains && block != nullptr && fits(block, hart, cycle)) {
      NPIM_TAIL_CALL block->steps()->run(block->steps(), hart, cycle, base, tlb, executor);
    }
    executor->link_ = const_cast<Exit *>(exit);
    return leave(hart, cycle, base);
  }

  /// Continues wherever `pc` is.
  static void jump(std::uint64_t pc, HartState *hart, std::uint64_t cycle, const FastTlb *tlb,
                   Executor *executor) {
    const JumpCache::Entry &entry = executor->jumps_->entries[JumpCache::index(pc)];
    if (kChains && entry.pc == pc && fits(entry.block, hart, cycle)) {
      NPIM_TAIL_CALL entry.block->steps()->run(entry.block->steps(), hart, cycle, pc, tlb,
                                               executor);
    }
    return leave(hart, cycle, pc);
  }

  // RV64I and M.

  template <Op kOp>
  static void operate(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    hart->x[i.rd] =
        compute<kOp>(hart->x[i.rs1], hart->x[i.rs2], as_unsigned(i.imm), base + step->offset);
    NPIM_NEXT(1);
  }

  static void nothing(NPIM_HANDLER_PARAMETERS) { NPIM_NEXT(1); }

  template <Op kOp, bool kNear>
  static void branch(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    if (!compare<kOp>(hart->x[i.rs1], hart->x[i.rs2])) NPIM_NEXT(2);
    const Exit &exit = exit_of(step);
    if constexpr (kNear) {
      return follow(&exit, hart, cycle, base, tlb, executor);
    } else {
      return leave_far(exit, hart, cycle, base, tlb, executor);
    }
  }

  static void leave_far(const Exit &exit, HartState *hart, std::uint64_t cycle, std::uint64_t base,
                        const FastTlb *tlb, Executor *executor) {
    hart->retired += exit.retired;
    return jump(base + as_unsigned(exit.offset), hart, cycle + exit.cycles, tlb, executor);
  }

  template <bool kNear>
  static void jal(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    hart->x[i.rd] = base + step->offset + i.length;
    return end<kNear>(step, hart, cycle, base, tlb, executor);
  }

  static void jalr(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    const std::uint64_t target = (hart->x[i.rs1] + as_unsigned(i.imm)) & ~std::uint64_t{1};
    hart->x[i.rd] = base + step->offset + i.length;
    const Exit &exit = exit_of(step);
    hart->retired += exit.retired;
    return jump(target, hart, cycle + exit.cycles, tlb, executor);
  }

  template <bool kNear>
  static void end(NPIM_HANDLER_PARAMETERS) {
    if constexpr (kNear) {
      return follow(&exit_of(step), hart, cycle, base, tlb, executor);
    } else {
      return leave_far(exit_of(step), hart, cycle, base, tlb, executor);
    }
  }

  // Loads and stores. Signed types extend their sign, unsigned ones zeros.

  template <typename T>
  static void put_x(HartState *hart, const Instruction &i, T value) {
    hart->x[i.rd] = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
  }

  template <typename T>
  static void load(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    const std::uint64_t address = hart->x[i.rs1] + as_unsigned(i.imm);
    const unsigned char *host;
    if (FastTlb::find(tlb->read, address, sizeof(T), host)) {
      T value;
      std::memcpy(&value, host, sizeof value);
      put_x(hart, i, value);
      NPIM_NEXT(1);
    }
    NPIM_TAIL_CALL load_slowly<T>(step, hart, cycle, base, tlb, executor);
  }

  // Helpers that hand out addresses of their locals are functions of their own, never inlined:
  // a handler with such locals cannot end with a tail call.

  template <typename T>
  [[gnu::noinline]] static bool read_x(const Instruction &i, HartState *hart, Executor *executor) {
    T value = 0;
    if (!executor->memory_.load(hart->x[i.rs1] + as_unsigned(i.imm), value)) return false;
    put_x(hart, i, value);
    return true;
  }
  template <typename T>
  [[gnu::noinline]] static bool write(const Instruction &i, HartState *hart, Executor *executor,
                                      std::uint64_t value) {
    return executor->memory_.store(hart->x[i.rs1] + as_unsigned(i.imm), static_cast<T>(value));
  }
  template <typename T>
  [[gnu::noinline]] static bool read_f(const Instruction &i, HartState *hart, Executor *executor) {
    T value = 0;
    if (!executor->memory_.load(hart->x[i.rs1] + as_unsigned(i.imm), value)) return false;
    hart->f[i.rd] = sizeof(T) == 4 ? kBox | value : value;
    hart->mstatus |= mstatus::kFs;
    return true;
  }

  template <typename T>
  [[gnu::noinline]] static void load_slowly(NPIM_HANDLER_PARAMETERS) {
    hart->cycle = cycle + step->elapsed;
    if (!read_x<T>(step->instruction, hart, executor)) {
      return fail(step, hart, cycle, base, tlb, executor);
    }
    NPIM_TAIL_CALL go_on(step, hart, cycle, base, tlb, executor);
  }

  template <typename T>
  static void store(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    const std::uint64_t address = hart->x[i.rs1] + as_unsigned(i.imm);
    unsigned char *host;
    if (FastTlb::find(tlb->write, address, sizeof(T), host)) {
      const T value = static_cast<T>(hart->x[i.rs2]);
      std::memcpy(host, &value, sizeof value);
      NPIM_NEXT(1);
    }
    NPIM_TAIL_CALL store_slowly<T>(step, hart, cycle, base, tlb, executor);
  }

  template <typename T>
  [[gnu::noinline]] static void store_slowly(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    hart->cycle = cycle + step->elapsed;
    if (!write<T>(i, hart, executor, hart->x[i.rs2])) {
      return fail(step, hart, cycle, base, tlb, executor);
    }
    NPIM_TAIL_CALL go_on(step, hart, cycle, base, tlb, executor);
  }

  static void fail(NPIM_HANDLER_PARAMETERS) {
    (void)tlb;
    const MemoryPort::Fault &fault = executor->memory_.fault();
    cycle = hart->cycle - step->elapsed;  // the latency of a device that refused counts
    return raise(step, hart, cycle, base, executor, fault.cause, fault.address);
  }

  /// Behind an access that went through the memory port: it may have taken time, and it may have
  /// ended the run.
  static void go_on(NPIM_HANDLER_PARAMETERS) {
    const std::uint64_t now = hart->cycle - step->elapsed;
    if (now == cycle && hart->horizon != 0) NPIM_NEXT(1);
    cycle = now;
    if (hart->horizon != 0 && fits(Block::of(step), hart, cycle)) NPIM_NEXT(1);
    return leave_behind(step, hart, cycle, base);
  }

  // Two steps at once. The second keeps its own handler, for when the first cannot go the fast way
  // or execution has to stop between them. kUse: which operand of the second the first computes.

  enum class Use { kNone, kFirst, kSecond };

  template <Use kUse>
  static std::uint64_t first_operand(const HartState *hart, const Instruction &i,
                                     std::uint64_t passed) {
    return kUse == Use::kFirst ? passed : hart->x[i.rs1];
  }
  template <Use kUse>
  static std::uint64_t second_operand(const HartState *hart, const Instruction &i,
                                      std::uint64_t passed) {
    return kUse == Use::kSecond ? passed : hart->x[i.rs2];
  }

  /// Executes step[1], an operation.
  template <Op kOp, Use kUse>
  [[gnu::always_inline]] static void then_operate(std::uint64_t passed, NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step[1].instruction;
    hart->x[i.rd] =
        compute<kOp>(first_operand<kUse>(hart, i, passed), second_operand<kUse>(hart, i, passed),
                     as_unsigned(i.imm), base + step[1].offset);
    NPIM_NEXT(2);
  }
  /// Executes step[1], a branch in the page.
  template <Op kOp, Use kUse>
  [[gnu::always_inline]] static void then_branch(std::uint64_t passed, NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step[1].instruction;
    if (!compare<kOp>(first_operand<kUse>(hart, i, passed),
                      second_operand<kUse>(hart, i, passed))) {
      NPIM_NEXT(3);
    }
    return follow(&exit_of(step + 1), hart, cycle, base, tlb, executor);
  }
  template <Op kOp, Use kUse>
  [[gnu::always_inline]] static void then(std::uint64_t passed, NPIM_HANDLER_PARAMETERS) {
    if constexpr (kOp >= Op::kBeq && kOp <= Op::kBgeu) {
      return then_branch<kOp, kUse>(passed, step, hart, cycle, base, tlb, executor);
    } else {
      return then_operate<kOp, kUse>(passed, step, hart, cycle, base, tlb, executor);
    }
  }

  template <Op kFirst, Op kSecond, Use kUse>
  static void operate_then(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    const std::uint64_t value =
        compute<kFirst>(hart->x[i.rs1], hart->x[i.rs2], as_unsigned(i.imm), base + step->offset);
    hart->x[i.rd] = value;
    return then<kSecond, kUse>(value, step, hart, cycle, base, tlb, executor);
  }
  template <typename T, Op kSecond, Use kUse>
  static void load_then(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    const std::uint64_t address = hart->x[i.rs1] + as_unsigned(i.imm);
    const unsigned char *host;
    if (!FastTlb::find(tlb->read, address, sizeof(T), host)) {
      NPIM_TAIL_CALL load_slowly<T>(step, hart, cycle, base, tlb, executor);
    }
    T raw;
    std::memcpy(&raw, host, sizeof raw);
    const auto value = static_cast<std::uint64_t>(static_cast<std::int64_t>(raw));
    hart->x[i.rd] = value;
    return then<kSecond, kUse>(value, step, hart, cycle, base, tlb, executor);
  }
  /// An operation whose result is the base address of step[1].
  template <Op kFirst, typename T>
  static void operate_then_load(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    const std::uint64_t value =
        compute<kFirst>(hart->x[i.rs1], hart->x[i.rs2], as_unsigned(i.imm), base + step->offset);
    hart->x[i.rd] = value;
    const Instruction &second = step[1].instruction;
    const std::uint64_t address = value + as_unsigned(second.imm);
    const unsigned char *host;
    if (!FastTlb::find(tlb->read, address, sizeof(T), host)) NPIM_NEXT(1);
    T raw;
    std::memcpy(&raw, host, sizeof raw);
    put_x(hart, second, raw);
    NPIM_NEXT(2);
  }

  // F and D: what moves between registers and memory; the rest is rare.

  static bool fp_enabled(const HartState *hart) { return hart->fp_enabled(); }

  template <typename T>
  static void load_fp(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    hart->cycle = cycle + step->elapsed;
    if (!hart->fp_enabled()) return illegal(step, hart, cycle, base, tlb, executor);
    if (!read_f<T>(i, hart, executor)) return fail(step, hart, cycle, base, tlb, executor);
    NPIM_TAIL_CALL go_on(step, hart, cycle, base, tlb, executor);
  }

  template <typename T>
  static void store_fp(NPIM_HANDLER_PARAMETERS) {
    const Instruction &i = step->instruction;
    hart->cycle = cycle + step->elapsed;
    if (!hart->fp_enabled()) return illegal(step, hart, cycle, base, tlb, executor);
    if (!write<T>(i, hart, executor, hart->f[i.rs2])) {
      return fail(step, hart, cycle, base, tlb, executor);
    }
    NPIM_TAIL_CALL go_on(step, hart, cycle, base, tlb, executor);
  }

  static void illegal(NPIM_HANDLER_PARAMETERS) {
    (void)tlb;
    return raise(step, hart, cycle, base, executor, Cause::kIllegalInstruction,
                 step->instruction.raw);
  }

  enum class Kind { kAtomic, kFp, kCsr };

  /// False when it trapped, in which case all is done.
  template <Kind kKind>
  [[gnu::noinline]] static bool perform(const Step *step, HartState *hart, std::uint64_t base,
                                        Executor *executor) {
    const Instruction &i = step->instruction;
    hart->retired += step->index;
    Executor::Outcome outcome;
    if constexpr (kKind == Kind::kAtomic) {
      outcome = executor->execute_atomic(i);
    } else if constexpr (kKind == Kind::kFp) {
      outcome = executor->execute_fp(i);
    } else {
      outcome = executor->execute_csr(i);
    }
    hart->retired -= step->index;
    if (!outcome.trapped) return true;
    raise(step, hart, hart->cycle - step->elapsed, base, executor, outcome.cause, outcome.value);
    return false;
  }

  /// Instructions that see the whole state, and after which execution goes on.
  template <Kind kKind>
  static void call(NPIM_HANDLER_PARAMETERS) {
    hart->cycle = cycle + step->elapsed;
    if (!perform<kKind>(step, hart, base, executor)) return;
    NPIM_TAIL_CALL go_on(step, hart, cycle, base, tlb, executor);
  }

  /// Instructions that end a block and leave to the run loop.
  static void system(NPIM_HANDLER_PARAMETERS) {
    (void)tlb;
    const Instruction &i = step->instruction;
    leave(hart, cycle + step->elapsed, base + step->offset);
    hart->retired += step->index;
    std::uint64_t next = hart->pc + i.length;
    const Executor::Outcome outcome = executor->execute_system(i, next);
    if (outcome.trapped) {
      executor->take_exception(outcome.cause, outcome.value, i.raw);
    } else {
      ++hart->retired;
      hart->pc = next;
    }
    hart->cycle += i.cost;
  }
};

namespace {

template <std::size_t... kIndex>
constexpr auto operate_table(std::index_sequence<kIndex...>) {
  return std::array<Handler, sizeof...(kIndex)>{&Interpreter::operate<static_cast<Op>(kIndex)>...};
}

Handler operate_handler(Op op) {
  static constexpr auto kTable =
      operate_table(std::make_index_sequence<static_cast<std::size_t>(Op::kRemuw) + 1>());
  return kTable[static_cast<std::size_t>(op)];
}

template <bool kNear>
Handler branch_handler(Op op) {
  switch (op) {
    case Op::kBeq:
      return &Interpreter::branch<Op::kBeq, kNear>;
    case Op::kBne:
      return &Interpreter::branch<Op::kBne, kNear>;
    case Op::kBlt:
      return &Interpreter::branch<Op::kBlt, kNear>;
    case Op::kBge:
      return &Interpreter::branch<Op::kBge, kNear>;
    case Op::kBltu:
      return &Interpreter::branch<Op::kBltu, kNear>;
    default:
      return &Interpreter::branch<Op::kBgeu, kNear>;
  }
}

Handler memory_handler(Op op) {
  switch (op) {
    case Op::kLb:
      return &Interpreter::load<std::int8_t>;
    case Op::kLh:
      return &Interpreter::load<std::int16_t>;
    case Op::kLw:
      return &Interpreter::load<std::int32_t>;
    case Op::kLd:
      return &Interpreter::load<std::uint64_t>;
    case Op::kLbu:
      return &Interpreter::load<std::uint8_t>;
    case Op::kLhu:
      return &Interpreter::load<std::uint16_t>;
    case Op::kLwu:
      return &Interpreter::load<std::uint32_t>;
    case Op::kSb:
      return &Interpreter::store<std::uint8_t>;
    case Op::kSh:
      return &Interpreter::store<std::uint16_t>;
    case Op::kSw:
      return &Interpreter::store<std::uint32_t>;
    case Op::kSd:
      return &Interpreter::store<std::uint64_t>;
    case Op::kFlw:
      return &Interpreter::load_fp<std::uint32_t>;
    case Op::kFld:
      return &Interpreter::load_fp<std::uint64_t>;
    case Op::kFsw:
      return &Interpreter::store_fp<std::uint32_t>;
    default:
      return &Interpreter::store_fp<std::uint64_t>;
  }
}

/// Operations that are worth pairs, loads included.
constexpr std::array kFirsts = {Op::kAddi, Op::kAdd,   Op::kAddiw, Op::kAddw, Op::kSub,  Op::kSubw,
                                Op::kAndi, Op::kAnd,   Op::kXor,   Op::kOr,   Op::kSlli, Op::kSrli,
                                Op::kSrai, Op::kSlliw, Op::kSrliw, Op::kLui,  Op::kMul,  Op::kMulw,
                                Op::kSltu, Op::kLb,    Op::kLh,    Op::kLw,   Op::kLd,   Op::kLbu,
                                Op::kLhu,  Op::kLwu};
constexpr std::array kSeconds = {Op::kAddi, Op::kAdd,   Op::kAddiw, Op::kAddw, Op::kSub,  Op::kSubw,
                                 Op::kAndi, Op::kAnd,   Op::kXor,   Op::kOr,   Op::kSlli, Op::kSrli,
                                 Op::kSrai, Op::kSlliw, Op::kSrliw, Op::kMul,  Op::kMulw, Op::kBeq,
                                 Op::kBne,  Op::kBlt,   Op::kBge,   Op::kBltu, Op::kBgeu};
using Use = Interpreter::Use;

template <std::size_t kFirst, Op kSecond, Use kUse>
constexpr Handler pair_of() {
  constexpr Op kOp = kFirsts[kFirst];
  if constexpr (kOp == Op::kLb) return &Interpreter::load_then<std::int8_t, kSecond, kUse>;
  if constexpr (kOp == Op::kLh) return &Interpreter::load_then<std::int16_t, kSecond, kUse>;
  if constexpr (kOp == Op::kLw) return &Interpreter::load_then<std::int32_t, kSecond, kUse>;
  if constexpr (kOp == Op::kLd) return &Interpreter::load_then<std::uint64_t, kSecond, kUse>;
  if constexpr (kOp == Op::kLbu) return &Interpreter::load_then<std::uint8_t, kSecond, kUse>;
  if constexpr (kOp == Op::kLhu) return &Interpreter::load_then<std::uint16_t, kSecond, kUse>;
  if constexpr (kOp == Op::kLwu) return &Interpreter::load_then<std::uint32_t, kSecond, kUse>;
  if constexpr (kOp < Op::kLb || kOp > Op::kLwu) {
    return &Interpreter::operate_then<kOp, kSecond, kUse>;
  }
}

template <Use kUse, std::size_t... kIndex>
constexpr auto pair_table(std::index_sequence<kIndex...>) {
  return std::array<Handler, sizeof...(kIndex)>{
      pair_of<kIndex / kSeconds.size(), kSeconds[kIndex % kSeconds.size()], kUse>()...};
}

template <std::size_t kSize>
std::size_t index_in(const std::array<Op, kSize> &ops, Op op) {
  return static_cast<std::size_t>(std::find(ops.begin(), ops.end(), op) - ops.begin());
}

template <Op kFirst>
Handler address_pair(Op load) {
  switch (load) {
    case Op::kLb:
      return &Interpreter::operate_then_load<kFirst, std::int8_t>;
    case Op::kLh:
      return &Interpreter::operate_then_load<kFirst, std::int16_t>;
    case Op::kLw:
      return &Interpreter::operate_then_load<kFirst, std::int32_t>;
    case Op::kLd:
      return &Interpreter::operate_then_load<kFirst, std::uint64_t>;
    case Op::kLbu:
      return &Interpreter::operate_then_load<kFirst, std::uint8_t>;
    case Op::kLhu:
      return &Interpreter::operate_then_load<kFirst, std::uint16_t>;
    case Op::kLwu:
      return &Interpreter::operate_then_load<kFirst, std::uint32_t>;
    default:
      return nullptr;
  }
}

}  // namespace

Handler handler_of(const Instruction &instruction, bool near) {
  const Op op = instruction.op;
  if (op >= Op::kBeq && op <= Op::kBgeu) {
    return near ? branch_handler<true>(op) : branch_handler<false>(op);
  }
  if (op == Op::kJal) return near ? &Interpreter::jal<true> : &Interpreter::jal<false>;
  if (op == Op::kJalr) return &Interpreter::jalr;
  if ((op >= Op::kLb && op <= Op::kSd) || (op >= Op::kFlw && op <= Op::kFsd)) {
    return memory_handler(op);
  }
  if (op == Op::kFence) return &Interpreter::nothing;
  if (ends_block(op)) return &Interpreter::system;
  if (op >= Op::kCsrrw && op <= Op::kCsrrci) return &Interpreter::call<Interpreter::Kind::kCsr>;
  if (op >= Op::kLrW && op <= Op::kAmoMaxuD) return &Interpreter::call<Interpreter::Kind::kAtomic>;
  if (op > Op::kFsd) return &Interpreter::call<Interpreter::Kind::kFp>;
  return operate_handler(op);
}

Handler handler_of_pair(const Instruction &first, const Instruction &second, bool near) {
  const bool is_branch = second.op >= Op::kBeq && second.op <= Op::kBgeu;
  if (is_branch && !near) return nullptr;
  const bool is_first = second.rs1 == first.rd, is_second = second.rs2 == first.rd;
  if (second.op >= Op::kLb && second.op <= Op::kLwu) {
    if (!is_first) return nullptr;
    if (first.op == Op::kAdd) return address_pair<Op::kAdd>(second.op);
    return first.op == Op::kAddi ? address_pair<Op::kAddi>(second.op) : nullptr;
  }
  static constexpr auto kPairs = std::make_index_sequence<kFirsts.size() * kSeconds.size()>();
  static constexpr auto kUnrelated = pair_table<Use::kNone>(kPairs);
  static constexpr auto kByFirst = pair_table<Use::kFirst>(kPairs);
  static constexpr auto kBySecond = pair_table<Use::kSecond>(kPairs);
  const std::size_t row = index_in(kFirsts, first.op), column = index_in(kSeconds, second.op);
  if (row == kFirsts.size() || column == kSeconds.size()) return nullptr;
  const std::size_t index = row * kSeconds.size() + column;
  if (is_first == is_second) return kUnrelated[index];
  return is_first ? kByFirst[index] : kBySecond[index];
}

Handler handler_of_end(bool near) {
  return near ? &Interpreter::end<true> : &Interpreter::end<false>;
}

Handler handler_of_stop() {
  return &Interpreter::stop;
}

bool has_exit(Op op) {
  return (op >= Op::kBeq && op <= Op::kBgeu) || op == Op::kJal || op == Op::kJalr;
}

bool ends_block(Op op) {
  switch (op) {
    case Op::kUndecoded:
    case Op::kIllegal:
    case Op::kJal:
    case Op::kJalr:
    case Op::kFenceI:
    case Op::kEcall:
    case Op::kEbreak:
    case Op::kMret:
    case Op::kSret:
    case Op::kWfi:
    case Op::kSfenceVma:
      return true;
    default:
      return false;
  }
}

}  // namespace npim::cpu
