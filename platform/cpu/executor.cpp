#include "cpu/executor.h"

#include <new>
#include <utility>

#include "cpu/block_builder.h"
#include "cpu/interpreter.h"
#include "cpu/triggers.h"

namespace npim::cpu {
namespace {
/// More than any handler needs that makes progress, yet soon over.
constexpr std::uint32_t kMostRepeatedTraps = 100000;
}  // namespace

Executor::Executor(HartState &state, MemoryPort &memory, CsrFile &csrs, CodeCache &code,
                   const CycleCosts &costs, bool block_cache)
    : state_(state),
      memory_(memory),
      csrs_(csrs),
      code_(code),
      costs_(costs),
      block_cache_(block_cache) {
  csrs_.set_translation_observer([this] { translation_changed(); });
}

void Executor::forget_code() {
  code_.clear();
  memory_.forget_code();
  resume_ = {};
  link_ = nullptr;
}

void Executor::translation_changed() {
  memory_.forget_translations();
  resume_ = {};
}

void Executor::take_exception(Cause cause, std::uint64_t value, std::uint32_t bits) {
  // A trap on the handler's first instruction with interrupts masked leaves everything as it was:
  // the same trap follows for ever. Data accesses are excepted, a device may answer next time.
  const bool repeats = cause == Cause::kFetchAccess || cause == Cause::kIllegalInstruction ||
                       cause == Cause::kBreakpoint || cause == Cause::kEcallMachine;
  const bool in_machine = state_.privilege == Privilege::kMachine;
  const bool stuck = repeats && in_machine && state_.pc == (state_.mtvec & ~std::uint64_t{3}) &&
                     (state_.mstatus & mstatus::kMie) == 0;
  // Further on in the handler (its stack is gone, say) each round may differ a little: patience.
  const bool again = in_machine && state_.pc == state_.mepc;
  state_.repeated_traps = again ? state_.repeated_traps + 1 : 0;
  const bool lost = stuck || state_.repeated_traps >= kMostRepeatedTraps;
  ++exceptions_;
  if (lost) {
    state_.lost = true;
    state_.horizon = 0;
  }
  if (trap_observer_) {
    const bool refused =
        cause == Cause::kFetchAccess || cause == Cause::kLoadAccess || cause == Cause::kStoreAccess;
    trap_observer_({cause, state_.pc, value, bits, refused ? memory_.fault().reason : std::string(),
                    lost, state_.privilege, exception_target(state_, cause)});
  }
  enter_exception(state_, cause, value);
}

void Executor::run() {
  if (tracer_ || triggers::armed(state_, triggers::kExecute)) {
    run_single_steps();
  } else {
    run_blocks();
  }
}

void Executor::run_blocks() {
  while (state_.cycle < state_.horizon) {
    const Entry entry = find_entry();
    // Looking for it can have ended the run.
    if (entry.step != nullptr && state_.horizon != 0) run_from(entry);
  }
}

void Executor::run_single_steps() {
  while (state_.cycle < state_.horizon) {
    if (triggers::armed(state_, triggers::kExecute) &&
        triggers::fires(state_, state_.pc, 1, Access::kFetch)) {
      take_exception(Cause::kBreakpoint, state_.pc, 0);
      state_.cycle += costs_.base;
      continue;
    }
    const std::uint64_t horizon = std::exchange(state_.horizon, state_.cycle + 1);
    const std::uint64_t pc = state_.pc, retired = state_.retired;
    const Entry entry = find_entry();
    if (entry.step != nullptr && state_.horizon != 0) {
      const Instruction instruction = entry.step->instruction;
      run_from(entry);
      if (tracer_ && state_.retired != retired) tracer_({pc, instruction, state_});
    }
    if (state_.horizon != 0) state_.horizon = horizon;
  }
}

void Executor::run_from(const Entry &entry) {
  Step *const step = entry.step;
  const std::uint64_t cycle = state_.cycle - step->elapsed;
  state_.retired -= step->index;
  jumps_ = &memory_.jump_cache();
  const FastTlb *tlb = &memory_.fast_tlb();
  if (cycle + Block::of(step)->last_start < state_.horizon) {
    step->run(step, &state_, cycle, entry.base, tlb, this);
    return;
  }
  Step *last = step, *before = nullptr;
  do {
    before = last;
    last += has_exit(last->instruction.op) ? 2 : 1;
  } while (cycle + last->elapsed < state_.horizon);
  const Handler replaced = std::exchange(last->run, handler_of_stop());
  // The step before may execute both.
  const bool paired = before + 1 == last;
  const Handler pair = before->run;
  if (paired) before->run = handler_of(before->instruction, false);
  step->run(step, &state_, cycle, entry.base, tlb, this);
  if (paired) before->run = pair;
  last->run = replaced;
}

Executor::Entry Executor::resume_entry() {
  const Resume resume = std::exchange(resume_, Resume());
  const bool same = resume.step != nullptr && state_.privilege == resume.privilege &&
                    state_.pc == resume.base + resume.step->offset &&
                    code_.generation() == resume.generation && code_.epoch() == resume.epoch;
  return same ? Entry{resume.step, resume.base} : Entry();
}

Executor::Entry Executor::find_entry() {
  const std::uint64_t pc = state_.pc;
  Exit *const link = std::exchange(link_, nullptr);
  if (const Entry entry = resume_entry(); entry.step != nullptr) return entry;
  JumpCache::Entry &cached = memory_.jump_cache().entries[JumpCache::index(pc)];
  Block *block = cached.pc == pc ? cached.block : nullptr;
  if (block == nullptr) {
    ++block_lookups_;
    CodePage *page = nullptr;
    const MemoryPort::Fetched fetched = memory_.fetch_page(pc, page);
    if (fetched == MemoryPort::Fetched::kFault) {
      take_exception(memory_.fault().cause, memory_.fault().address, 0);
      state_.cycle += costs_.base;
      return {};
    }
    if (fetched == MemoryPort::Fetched::kPage && block_cache_) block = find_block(*page, pc);
    if (block == nullptr) {
      block = decode_single(pc);
      return block != nullptr ? Entry{block->steps(), pc} : Entry();
    }
    cached = {pc, block};
  }
  if (link != nullptr && generation_ == code_.generation() && link->physical == block->physical) {
    link->target = block;
  }
  generation_ = code_.generation();
  return {block->steps(), pc};
}

Block *Executor::find_block(CodePage &page, std::uint64_t pc) {
  const std::uint64_t offset = pc & kOffsetMask;
  if (Block *block = page.blocks[offset / 2]) return block;
  const Sequence sequence = decode_sequence(page, offset, costs_);
  if (sequence.count == 0) return nullptr;
  instructions_decoded_ += sequence.count;
  const std::uint64_t generation = code_.generation();
  Block *block = code_.allocate(sequence.slots());
  if (code_.generation() != generation) memory_.forget_code();
  fill_block(*block, sequence, page.number << kPageBits | offset, true, costs_);
  page.blocks[offset / 2] = block;
  return block;
}

/// An instruction that spans pages, or lies where blocks cannot; or any, without the block cache.
/// Null after a fault.
Block *Executor::decode_single(std::uint64_t pc) {
  std::uint16_t low = 0, high = 0;
  if (!memory_.fetch(pc, low) || (!is_compressed(low) && !memory_.fetch(pc + 2, high))) {
    take_exception(memory_.fault().cause, memory_.fault().address, 0);
    state_.cycle += costs_.base;
    return nullptr;
  }
  Sequence sequence;
  sequence.instructions[0] = decode(static_cast<std::uint32_t>(high) << 16 | low, costs_);
  sequence.count = 1;
  ++instructions_decoded_;
  auto *block = new (single_.bytes) Block();
  block->slots = static_cast<std::uint8_t>(sequence.slots());
  fill_block(*block, sequence, pc, false, costs_);
  return block;
}

Executor::Outcome Executor::execute_system(const Instruction &instruction, std::uint64_t &next) {
  HartState &s = state_;
  const Outcome illegal{true, Cause::kIllegalInstruction, instruction.raw};
  const bool user = s.privilege == Privilege::kUser;
  const bool supervisor = s.privilege == Privilege::kSupervisor;
  const auto trapped = [&](std::uint64_t bit) {
    return user || (supervisor && (s.mstatus & bit) != 0);
  };
  switch (instruction.op) {
    case Op::kFenceI:
      memory_.fence_code();
      break;
    case Op::kEcall:
      return {true,
              user         ? Cause::kEcallUser
              : supervisor ? Cause::kEcallSupervisor
                           : Cause::kEcallMachine,
              0};
    case Op::kEbreak:
      return {true, Cause::kBreakpoint, s.pc};
    case Op::kMret:
      if (s.privilege != Privilege::kMachine) return illegal;
      return_from_machine_trap(s);
      next = s.pc;
      break;
    case Op::kSret:
      if (trapped(mstatus::kTsr)) return illegal;
      return_from_supervisor_trap(s);
      next = s.pc;
      break;
    case Op::kWfi:
      if (trapped(mstatus::kTw)) return illegal;
      s.waiting = true;
      break;
    case Op::kSfenceVma:
      if (trapped(mstatus::kTvm)) return illegal;
      if (instruction.rs1 == 0) {
        memory_.forget_translations();
      } else {
        memory_.forget_translation(s.x[instruction.rs1]);
      }
      break;
    default:
      return illegal;
  }
  s.horizon = 0;
  return {};
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
    const std::uint64_t base = csrs_.base_of_update(number, old);
    const std::uint64_t changed = sets ? base | operand : base & ~operand;
    if (!csrs_.write(number, replaces ? operand : changed)) return illegal;
  }
  state_.x[instruction.rd] = old;
  return {};
}

}  // namespace npim::cpu
