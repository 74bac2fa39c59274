#include "cpu/trap.h"

namespace npim::cpu {
namespace {

void move_bit(std::uint64_t &status, std::uint64_t from, std::uint64_t to) {
  const bool set = (status & from) != 0;
  status &= ~to;
  if (set) status |= to;
}

std::uint64_t handler_address(std::uint64_t vector, std::uint64_t cause) {
  const std::uint64_t base = vector & ~std::uint64_t{3};
  const bool vectored = (vector & 1) != 0 && (cause & kInterruptBit) != 0;
  return vectored ? base + 4 * (cause & ~kInterruptBit) : base;
}

void enter_machine(HartState &state, std::uint64_t cause, std::uint64_t value) {
  state.mepc = state.pc;
  state.mcause = cause;
  state.mtval = value;
  move_bit(state.mstatus, mstatus::kMie, mstatus::kMpie);
  state.mstatus &= ~(mstatus::kMie | mstatus::kMpp);
  state.mstatus |= static_cast<std::uint64_t>(state.privilege) << mstatus::kMppShift;
  state.privilege = Privilege::kMachine;
  state.pc = handler_address(state.mtvec, cause);
}

void enter_supervisor(HartState &state, std::uint64_t cause, std::uint64_t value) {
  state.sepc = state.pc;
  state.scause = cause;
  state.stval = value;
  move_bit(state.mstatus, mstatus::kSie, mstatus::kSpie);
  state.mstatus &= ~(mstatus::kSie | mstatus::kSpp);
  if (state.privilege == Privilege::kSupervisor) state.mstatus |= mstatus::kSpp;
  state.privilege = Privilege::kSupervisor;
  state.pc = handler_address(state.stvec, cause);
}

void enter(HartState &state, Privilege target, std::uint64_t cause, std::uint64_t value) {
  state.reservation.valid = false;
  if (target == Privilege::kMachine) {
    enter_machine(state, cause, value);
  } else {
    enter_supervisor(state, cause, value);
  }
}

void return_to(HartState &state, Privilege privilege, std::uint64_t pc) {
  if (privilege != Privilege::kMachine) state.mstatus &= ~mstatus::kMprv;
  state.privilege = privilege;
  state.pc = pc;
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
    case Cause::kEcallUser:
    case Cause::kEcallSupervisor:
    case Cause::kEcallMachine:
      return "environment call";
    case Cause::kFetchPage:
      return "instruction page fault";
    case Cause::kLoadPage:
      return "load page fault";
    case Cause::kStorePage:
      return "store page fault";
  }
  return "unknown exception";
}

Privilege exception_target(const HartState &state, Cause cause) {
  const bool delegated = state.privilege != Privilege::kMachine &&
                         (state.medeleg >> static_cast<std::uint64_t>(cause) & 1) != 0;
  return delegated ? Privilege::kSupervisor : Privilege::kMachine;
}

void enter_exception(HartState &state, Cause cause, std::uint64_t value) {
  enter(state, exception_target(state, cause), static_cast<std::uint64_t>(cause), value);
}

void enter_interrupt(HartState &state, Interrupt interrupt) {
  const bool delegated =
      state.privilege != Privilege::kMachine && (state.mideleg & interrupt_mask(interrupt)) != 0;
  enter(state, delegated ? Privilege::kSupervisor : Privilege::kMachine,
        kInterruptBit | static_cast<std::uint64_t>(interrupt), 0);
}

void return_from_machine_trap(HartState &state) {
  const Privilege previous = state.previous_privilege();
  move_bit(state.mstatus, mstatus::kMpie, mstatus::kMie);
  state.mstatus |= mstatus::kMpie;
  state.mstatus &= ~mstatus::kMpp;  // user mode
  return_to(state, previous, state.mepc);
}

void return_from_supervisor_trap(HartState &state) {
  const bool to_supervisor = (state.mstatus & mstatus::kSpp) != 0;
  move_bit(state.mstatus, mstatus::kSpie, mstatus::kSie);
  state.mstatus |= mstatus::kSpie;
  state.mstatus &= ~mstatus::kSpp;
  return_to(state, to_supervisor ? Privilege::kSupervisor : Privilege::kUser, state.sepc);
}

std::optional<Interrupt> pending_interrupt(const HartState &state) {
  const std::uint64_t active = state.pending() & state.mie;
  if (active == 0) return std::nullopt;
  const bool machine_open =
      state.privilege != Privilege::kMachine || (state.mstatus & mstatus::kMie) != 0;
  const bool supervisor_open =
      state.privilege == Privilege::kUser ||
      (state.privilege == Privilege::kSupervisor && (state.mstatus & mstatus::kSie) != 0);
  const std::uint64_t for_machine = machine_open ? active & ~state.mideleg : 0;
  const std::uint64_t for_supervisor = supervisor_open ? active & state.mideleg : 0;
  for (const std::uint64_t open : {for_machine, for_supervisor}) {
    for (const Interrupt interrupt :
         {Interrupt::kExternal, Interrupt::kSoftware, Interrupt::kTimer,
          Interrupt::kSupervisorExternal, Interrupt::kSupervisorSoftware,
          Interrupt::kSupervisorTimer}) {
      if ((open & interrupt_mask(interrupt)) != 0) return interrupt;
    }
  }
  return std::nullopt;
}

}  // namespace npim::cpu
