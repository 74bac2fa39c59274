#include "cpu/instruction_cache.h"

#include <algorithm>

namespace npim::cpu {

InstructionCache::Page *InstructionCache::page(std::uint64_t address) {
  const auto found = pages_.find(address >> kPageBits);
  if (found != pages_.end()) return found->second.get();
  if (pages_.size() >= kMostPages) pages_.clear();
  return pages_.emplace(address >> kPageBits, std::make_unique<Page>()).first->second.get();
}

void InstructionCache::forget(std::uint64_t address, std::uint64_t size) {
  for (std::uint64_t at = address & ~(kPageSize - 1); at <= address + size - 1; at += kPageSize) {
    const auto found = pages_.find(at >> kPageBits);
    if (found == pages_.end()) continue;
    // A 32-bit instruction may start two bytes before what was written.
    const std::uint64_t first = address >= at + 2 ? address - at - 2 : 0;
    const std::uint64_t last = std::min(address + size - 1 - at, kPageSize - 1);
    for (std::uint64_t offset = first & ~std::uint64_t{1}; offset <= last; offset += 2) {
      (*found->second)[offset / 2].op = Op::kUndecoded;
    }
  }
}

}  // namespace npim::cpu
