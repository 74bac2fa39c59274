// Traps of machine mode (RISC-V privileged specification 1.12, sections 3.1.6-3.1.16 and 3.3).
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
  kEcallMachine = 11
};

/// Bit numbers in mip, mie and mcause.
enum class Interrupt : unsigned { kSoftware = 3, kTimer = 7, kExternal = 11 };

constexpr std::uint64_t kInterruptBit = std::uint64_t{1} << 63;
constexpr std::uint64_t interrupt_mask(Interrupt interrupt) {
  return std::uint64_t{1} << static_cast<unsigned>(interrupt);
}
constexpr std::uint64_t kAllInterrupts = interrupt_mask(Interrupt::kSoftware) |
                                         interrupt_mask(Interrupt::kTimer) |
                                         interrupt_mask(Interrupt::kExternal);

/// An exception as it is taken, for messages.
struct Trap {
  Cause cause;
  std::uint64_t pc;
  std::uint64_t value;  ///< mtval
  std::uint32_t bits;   ///< the instruction; 0 when it could not be fetched
  std::string reason;   ///< of an access fault, from the bus
  bool lost;            ///< the handler's own first instruction traps: an endless loop
};

/// "load access fault" and so on.
const char *cause_name(Cause cause);

/// Enters the handler: saves pc, sets mcause and mtval, masks interrupts, drops the reservation.
void enter_exception(HartState &state, Cause cause, std::uint64_t value);
void enter_interrupt(HartState &state, Interrupt interrupt);

/// mret.
void return_from_trap(HartState &state);

/// The interrupt to take now, if any, by priority: external, software, timer.
std::optional<Interrupt> pending_interrupt(const HartState &state);

}  // namespace npim::cpu
