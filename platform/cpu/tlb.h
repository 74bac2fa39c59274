// What the fast paths look things up in. All of it is derived: it never answers what the slow paths
// in memory_port.cpp would not.
#pragma once

#include <array>
#include <cstdint>

#include "cpu/block.h"
#include "cpu/code_cache.h"

namespace npim::cpu {

/// Virtual pages of plain memory without latency, for one way to see memory. Direct mapped.
struct FastTlb {
  static constexpr std::size_t kEntries = 256;
  static constexpr std::uint64_t kNoPage = 1;  // never page aligned

  struct Entry {
    std::uint64_t tag = kNoPage;  ///< virtual address of the page
    std::uint64_t addend = 0;     ///< host address - virtual address
  };
  std::array<Entry, kEntries> read{}, write{};

  void clear() {
    read.fill({});
    write.fill({});
  }
  static std::size_t index(std::uint64_t address) { return (address >> kPageBits) % kEntries; }
  /// Whether an access lies in one page of this TLB; then `host` is where.
  template <typename Byte>
  static bool find(const std::array<Entry, kEntries> &entries, std::uint64_t address, unsigned size,
                   Byte *&host) {
    const Entry &entry = entries[index(address)];
    if (entry.tag != ((address + (size - 1)) & ~kOffsetMask)) return false;
    host = reinterpret_cast<Byte *>(address + entry.addend);
    return true;
  }
};

/// Blocks by the virtual address of their start, for one privilege. The entries of a page lie
/// together, so that the page can be forgotten.
struct JumpCache {
  static constexpr std::size_t kPages = 32, kPerPage = 128;

  struct Entry {
    std::uint64_t pc = 1;  // odd: no instruction
    Block *block = nullptr;
  };
  std::array<Entry, kPages * kPerPage> entries{};

  void clear() { entries.fill({}); }
  static std::size_t index(std::uint64_t pc) {
    return ((pc >> kPageBits) % kPages) * kPerPage + ((pc >> 1) % kPerPage);
  }
  void forget_page(std::uint64_t address) {
    const std::size_t first = ((address >> kPageBits) % kPages) * kPerPage;
    for (std::size_t i = first; i < first + kPerPage; ++i) entries[i] = {};
  }
};

}  // namespace npim::cpu
