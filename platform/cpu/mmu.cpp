#include "cpu/mmu.h"

namespace npim::cpu {
namespace {

constexpr std::uint64_t kValid = 1, kRead = 2, kWrite = 4, kExecute = 8, kUser = 16, kAccessed = 64,
                        kDirty = 128;
constexpr unsigned kPageBits = 12, kLevelBits = 9, kLevels = 3, kPpnShift = 10, kEntrySize = 8;
/// Bits 63 to 54 belong to extensions that this hart does not have.
constexpr unsigned kReservedShift = 54;

bool is_canonical(std::uint64_t address) {
  const auto top = static_cast<std::int64_t>(address) >> 38;
  return top == 0 || top == -1;
}

bool permits(const HartState &state, std::uint64_t entry, Access access, Privilege privilege) {
  const bool user_page = (entry & kUser) != 0;
  if (privilege == Privilege::kUser && !user_page) return false;
  if (privilege == Privilege::kSupervisor && user_page &&
      (access == Access::kFetch || (state.mstatus & mstatus::kSum) == 0)) {
    return false;
  }
  switch (access) {
    case Access::kFetch:
      return (entry & kExecute) != 0;
    case Access::kLoad:
      return (entry & kRead) != 0 ||
             ((state.mstatus & mstatus::kMxr) != 0 && (entry & kExecute) != 0);
    default:
      return (entry & kWrite) != 0;
  }
}

}  // namespace

Translation walk_sv39(const HartState &state, std::uint64_t address, Access access,
                      Privilege privilege, PageTableMemory &memory, bool update) {
  using Result = Translation::Result;
  Translation result;
  if (!is_canonical(address)) return result;
  std::uint64_t table = (state.satp & satp::kPpn) << kPageBits;
  for (unsigned level = kLevels; level-- > 0;) {
    const unsigned shift = kPageBits + kLevelBits * level;
    const std::uint64_t where = table + ((address >> shift) & 0x1ff) * kEntrySize;
    std::uint64_t entry = 0;
    if (!memory.read_entry(where, entry)) {
      result.result = Result::kAccessFault;
      return result;
    }
    const bool reserved = (entry & (kRead | kWrite)) == kWrite || entry >> kReservedShift != 0;
    if ((entry & kValid) == 0 || reserved) return result;
    const std::uint64_t frame = (entry >> kPpnShift) << kPageBits;
    if ((entry & (kRead | kExecute)) == 0) {
      if ((entry & (kAccessed | kDirty | kUser)) != 0) return result;  // reserved in pointers
      table = frame;
      continue;
    }
    result.page_size = std::uint64_t{1} << shift;
    const std::uint64_t inside = result.page_size - 1;
    if (!permits(state, entry, access, privilege) || (frame & inside) != 0) return result;
    const std::uint64_t marked = entry | kAccessed | (access == Access::kStore ? kDirty : 0);
    if (update && marked != entry && !memory.write_entry(where, marked)) {
      result.result = Result::kAccessFault;
      return result;
    }
    result.physical = frame | (address & inside);
    result.result = Result::kOk;
    return result;
  }
  return result;
}

}  // namespace npim::cpu
