#include "cpu/pmp.h"

namespace npim::cpu::pmp {
namespace {

constexpr std::uint64_t kPageSize = 4096;

/// What an entry covers, first to last address; `last` before `first` when nothing.
struct Cover {
  std::uint64_t first = 1, last = 0;
};

Cover cover_of(const HartState &state, unsigned entry) {
  const std::uint64_t address = state.pmpaddr[entry];
  switch (config(state, entry) & kMatch) {
    case kTor: {
      const std::uint64_t bottom = entry == 0 ? 0 : state.pmpaddr[entry - 1] << 2;
      const std::uint64_t top = address << 2;
      if (top <= bottom) return {};
      return {bottom, top - 1};
    }
    case kNa4:
      return {address << 2, (address << 2) + 3};
    case kNapot: {
      // The lowest zero bit tells the size; all 54 bits set cover everything.
      const std::uint64_t ones = address & ~(address + 1);
      const std::uint64_t first = (address & ~ones) << 2;
      const std::uint64_t mask = (ones << 3) | 7;
      return {first & ~mask, first | mask};
    }
    default:
      return {};
  }
}

bool permits(std::uint8_t entry_config, Access access, Privilege privilege) {
  if (privilege == Privilege::kMachine && (entry_config & kLock) == 0) return true;
  switch (access) {
    case Access::kFetch:
      return (entry_config & kExecute) != 0;
    case Access::kLoad:
      return (entry_config & kRead) != 0;
    default:
      return (entry_config & kWrite) != 0;
  }
}

}  // namespace

std::uint64_t legal_config(const HartState &state, unsigned word, std::uint64_t value) {
  std::uint64_t result = 0;
  for (unsigned i = 0; i < 8; ++i) {
    const std::uint8_t old = config(state, 8 * word + i);
    auto wanted = static_cast<std::uint8_t>((value >> (8 * i)) & 0x9f);
    const bool reserved = (wanted & (kRead | kWrite)) == kWrite;
    if ((old & kLock) != 0 || reserved) wanted = old;
    result |= std::uint64_t{wanted} << (8 * i);
  }
  return result;
}

bool address_locked(const HartState &state, unsigned entry) {
  if ((config(state, entry) & kLock) != 0) return true;
  if (entry + 1 >= HartState::kPmpEntries) return false;
  const std::uint8_t above = config(state, entry + 1);
  return (above & kLock) != 0 && (above & kMatch) == kTor;
}

bool allows(const HartState &state, std::uint64_t address, std::uint64_t size, Access access,
            Privilege privilege) {
  const std::uint64_t last = address + (size - 1);
  for (unsigned entry = 0; entry < HartState::kPmpEntries; ++entry) {
    const std::uint8_t bits = config(state, entry);
    if ((bits & kMatch) == kOff) continue;
    const Cover cover = cover_of(state, entry);
    if (cover.last < cover.first || last < cover.first || address > cover.last) continue;
    // The lowest-numbered entry that matches any byte decides; it has to match all of them.
    return address >= cover.first && last <= cover.last && permits(bits, access, privilege);
  }
  return privilege == Privilege::kMachine;
}

std::optional<bool> allows_page(const HartState &state, std::uint64_t address, Access access,
                                Privilege privilege) {
  const std::uint64_t first = address & ~(kPageSize - 1), last = first | (kPageSize - 1);
  for (unsigned entry = 0; entry < HartState::kPmpEntries; ++entry) {
    const std::uint8_t bits = config(state, entry);
    if ((bits & kMatch) == kOff) continue;
    const Cover cover = cover_of(state, entry);
    if (cover.last < cover.first || last < cover.first || first > cover.last) continue;
    if (first < cover.first || last > cover.last) return std::nullopt;
    return permits(bits, access, privilege);
  }
  return privilege == Privilege::kMachine;
}

}  // namespace npim::cpu::pmp
