#include "cpu/trap.h"

namespace npim::cpu {
namespace {

void enter(HartState &state, std::uint64_t cause, std::uint64_t value) {
  state.mepc = state.pc;
  state.mcause = cause;
  state.mtval = value;
  const bool enabled = (state.mstatus & mstatus::kMie) != 0;
  state.mstatus &= ~(mstatus::kMie | mstatus::kMpie);
  if (enabled) state.mstatus |= mstatus::kMpie;
  state.reservation.valid = false;
  const std::uint64_t base = state.mtvec & ~std::uint64_t{3};
  const bool vectored = (state.mtvec & 1) != 0 && (cause & kInterruptBit) != 0;
  state.pc = vectored ? base + 4 * (cause & ~kInterruptBit) : base;
}

}  // namespace

const char *cause_name(Cause cause) {
  switch (cause) {
    case Cause::kFetchMisaligned:
      return "instruction address misaligned";
    case Cause::kFetchAccess:
      return "instruction access fault";
    case Cause::kIllegalInstruction:
      return "illegal instruction";
    case Cause::kBreakpoint:
      return "breakpoint";
    case Cause::kLoadMisaligned:
      return "load address misaligned";
    case Cause::kLoadAccess:
      return "load access fault";
    case Cause::kStoreMisaligned:
      return "store address misaligned";
    case Cause::kStoreAccess:
      return "store access fault";
    case Cause::kEcallMachine:
      return "environment call";
  }
  return "unknown exception";
}

void enter_exception(HartState &state, Cause cause, std::uint64_t value) {
  enter(state, static_cast<std::uint64_t>(cause), value);
}

void enter_interrupt(HartState &state, Interrupt interrupt) {
  enter(state, kInterruptBit | static_cast<std::uint64_t>(interrupt), 0);
}

void return_from_trap(HartState &state) {
  const bool enabled = (state.mstatus & mstatus::kMpie) != 0;
  state.mstatus |= mstatus::kMpie;
  state.mstatus &= ~mstatus::kMie;
  if (enabled) state.mstatus |= mstatus::kMie;
  state.pc = state.mepc;
  state.repeated_traps = 0;
}

std::optional<Interrupt> pending_interrupt(const HartState &state) {
  if ((state.mstatus & mstatus::kMie) == 0) return std::nullopt;
  const std::uint64_t active = state.mip & state.mie;
  for (const Interrupt interrupt :
       {Interrupt::kExternal, Interrupt::kSoftware, Interrupt::kTimer}) {
    if ((active & interrupt_mask(interrupt)) != 0) return interrupt;
  }
  return std::nullopt;
}

}  // namespace npim::cpu
