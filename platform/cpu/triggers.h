// Address-match triggers (RISC-V debug specification 0.13.2, chapter 5): type 2 (mcontrol), exact
// match, before the access, raising breakpoint exceptions. In machine mode they fire only while
// mstatus.MIE is set, so that a handler cannot be interrupted by its own trigger.
#pragma once

#include <cstdint>

#include "cpu/hart_state.h"
#include "cpu/pmp.h"

namespace npim::cpu::triggers {

constexpr std::uint64_t kLoad = 1, kStore = 2, kExecute = 4, kUser = 8, kSupervisor = 16,
                        kMachine = 64, kHit = std::uint64_t{1} << 20;
constexpr std::uint64_t kType = std::uint64_t{2} << 60;
/// The writable bits of tdata1: everything else of mcontrol is fixed at zero.
constexpr std::uint64_t kWritable =
    kLoad | kStore | kExecute | kUser | kSupervisor | kMachine | kHit;

inline std::uint64_t access_bit(Access access) {
  return access == Access::kFetch ? kExecute : access == Access::kLoad ? kLoad : kStore;
}

/// Whether any trigger may fire on this kind of access, whatever the address and mode.
inline bool armed(const HartState &state, std::uint64_t kinds) {
  for (const Trigger &trigger : state.triggers) {
    if ((trigger.control & kinds) != 0 &&
        (trigger.control & (kUser | kSupervisor | kMachine)) != 0) {
      return true;
    }
  }
  return false;
}

/// Whether a trigger fires on this access; sets its hit bit.
inline bool fires(HartState &state, std::uint64_t address, std::uint64_t size, Access access) {
  if (state.privilege == Privilege::kMachine && (state.mstatus & mstatus::kMie) == 0) return false;
  const std::uint64_t mode = state.privilege == Privilege::kMachine      ? kMachine
                             : state.privilege == Privilege::kSupervisor ? kSupervisor
                                                                         : kUser;
  for (Trigger &trigger : state.triggers) {
    const bool kind = (trigger.control & access_bit(access)) != 0 && (trigger.control & mode) != 0;
    if (!kind || trigger.address - address >= size) continue;
    trigger.control |= kHit;
    return true;
  }
  return false;
}

}  // namespace npim::cpu::triggers
