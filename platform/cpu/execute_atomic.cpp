// The A extension. Atomics work in plain memory only; nothing can come between the read and the
// write, as the hart does not synchronise there.
#include <algorithm>
#include <type_traits>

#include "cpu/executor.h"

namespace npim::cpu {
namespace {

template <typename T>
T combine(Op word_op, T old, T operand) {
  using S = std::make_signed_t<T>;
  switch (word_op) {
    case Op::kAmoSwapW:
      return operand;
    case Op::kAmoAddW:
      return static_cast<T>(old + operand);
    case Op::kAmoXorW:
      return old ^ operand;
    case Op::kAmoAndW:
      return old & operand;
    case Op::kAmoOrW:
      return old | operand;
    case Op::kAmoMinW:
      return static_cast<T>(std::min(static_cast<S>(old), static_cast<S>(operand)));
    case Op::kAmoMaxW:
      return static_cast<T>(std::max(static_cast<S>(old), static_cast<S>(operand)));
    case Op::kAmoMinuW:
      return std::min(old, operand);
    default:
      return std::max(old, operand);
  }
}

}  // namespace

/// Atomics fault as stores, also when their load part does.
Executor::Outcome Executor::as_store(Outcome outcome) {
  if (outcome.cause == Cause::kLoadAccess) outcome.cause = Cause::kStoreAccess;
  if (outcome.cause == Cause::kLoadPage) outcome.cause = Cause::kStorePage;
  return outcome;
}

template <typename T>
Executor::Outcome Executor::execute_atomic_as(const Instruction &instruction, Op word_op) {
  HartState &s = state_;
  const std::uint64_t address = s.x[instruction.rs1];
  const auto operand = static_cast<T>(s.x[instruction.rs2]);
  const bool reserves = word_op == Op::kLrW;
  if (address % sizeof(T) != 0) {
    return {true, reserves ? Cause::kLoadMisaligned : Cause::kStoreMisaligned, address};
  }
  if (!memory_.supports_atomics(address, sizeof(T), !reserves)) return data_fault();
  T old = 0;
  if (!memory_.load(address, old)) return reserves ? data_fault() : as_store(data_fault());
  const auto extended = static_cast<std::uint64_t>(
      static_cast<std::int64_t>(static_cast<std::make_signed_t<T>>(old)));
  if (reserves) {
    s.reservation = {true, sizeof(T), address, extended};
  } else if (word_op == Op::kScW) {
    const Reservation held = s.reservation;
    s.reservation.valid = false;
    const bool succeeds =
        held.valid && held.size == sizeof(T) && held.address == address && held.value == extended;
    if (succeeds && !memory_.store(address, operand)) return data_fault();
    s.x[instruction.rd] = succeeds ? 0 : 1;
    return {};
  } else if (!memory_.store(address, combine(word_op, old, operand))) {
    return data_fault();
  }
  s.x[instruction.rd] = extended;
  return {};
}

Executor::Outcome Executor::execute_atomic(const Instruction &instruction) {
  if (instruction.op < Op::kLrD) {
    return execute_atomic_as<std::uint32_t>(instruction, instruction.op);
  }
  const unsigned distance = static_cast<unsigned>(Op::kLrD) - static_cast<unsigned>(Op::kLrW);
  return execute_atomic_as<std::uint64_t>(
      instruction, static_cast<Op>(static_cast<unsigned>(instruction.op) - distance));
}

}  // namespace npim::cpu
