// Traps and their return (RISC-V privileged specification 1.12, sections 3.1.6-3.1.16, 3.3 and
// 4.1). Exceptions and interrupts of U and S go to S when medeleg or mideleg says so, else to M.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cpu/hart_state.h"

namespace npim::cpu {

/// Values of mcause for exceptions.
enum class Cause : std::uint64_t {
  kFetchMisaligned = 0,  // cannot happen: with the C extension every even address is aligned
  kFetchAccess = 1,
  kIllegalInstruction = 2,
  kBreakpoint = 3,
  kLoadMisaligned = 4,
  kLoadAccess = 5,
  kStoreMisaligned = 6,
  kStoreAccess = 7,
  kEcallUser = 8,
  kEcallSupervisor = 9,
  kEcallMachine = 11,
  kFetchPage = 12,
  kLoadPage = 13,
  kStorePage = 15
};

/// Bit numbers in mip, mie and mcause.
enum class Interrupt : unsigned {
  kSupervisorSoftware = 1,
  kSoftware = 3,
  kSupervisorTimer = 5,
  kTimer = 7,
  kSupervisorExternal = 9,
  kExternal = 11
};

constexpr std::uint64_t kInterruptBit = std::uint64_t{1} << 63;
constexpr std::uint64_t interrupt_mask(Interrupt interrupt) {
  return std::uint64_t{1} << static_cast<unsigned>(interrupt);
}
/// SSIP, STIP and SEIP: what software can set from machine mode, and what mideleg can hand to S.
constexpr std::uint64_t kSupervisorInterrupts = interrupt_mask(Interrupt::kSupervisorSoftware) |
                                                interrupt_mask(Interrupt::kSupervisorTimer) |
                                                interrupt_mask(Interrupt::kSupervisorExternal);
constexpr std::uint64_t kAllInterrupts =
    interrupt_mask(Interrupt::kSoftware) | interrupt_mask(Interrupt::kTimer) |
    interrupt_mask(Interrupt::kExternal) | kSupervisorInterrupts;

/// An exception as it is taken, for messages.
struct Trap {
  Cause cause;
  std::uint64_t pc;
  std::uint64_t value;  ///< mtval or stval
  std::uint32_t bits;   ///< the instruction; 0 when it could not be fetched
  std::string reason;   ///< of an access fault, from the bus
  bool lost;            ///< the handler's own first instruction traps: an endless loop
  Privilege from;
  Privilege to;  ///< kMachine or kSupervisor
};

/// "load access fault" and so on.
const char *cause_name(Cause cause);

/// The mode that an exception in the present one is taken to.
Privilege exception_target(const HartState &state, Cause cause);

/// Enters the handler: saves pc, sets cause and value, masks interrupts, drops the reservation.
void enter_exception(HartState &state, Cause cause, std::uint64_t value);
void enter_interrupt(HartState &state, Interrupt interrupt);

/// mret and sret; the caller has checked that they are allowed.
void return_from_machine_trap(HartState &state);
void return_from_supervisor_trap(HartState &state);

/// The interrupt to take now, if any. Those for M come first; then external, software, timer.
std::optional<Interrupt> pending_interrupt(const HartState &state);

}  // namespace npim::cpu
