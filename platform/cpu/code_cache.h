// The instruction cache, in two layers.
//
// The architectural one: a copy of every page that has been fetched from. Instructions come from
// the copy only. The hart's own stores change it at once; what other bus masters write becomes
// visible after fence.i, as the architecture asks. What is in it depends on the program alone, so
// that results do not depend on the second layer.
//
// The fast one: decoded blocks that start somewhere in such a page.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "cpu/block.h"

namespace npim::cpu {

constexpr unsigned kPageBits = 12;
constexpr std::uint64_t kPageSize = std::uint64_t{1} << kPageBits;
constexpr std::uint64_t kOffsetMask = kPageSize - 1;

struct CodePage {
  std::uint64_t number = 0;                     ///< physical address / 4096
  std::uint64_t epoch = 0;                      ///< of the last comparison with memory
  unsigned stores = 0;                          ///< into this page since it was copied
  std::array<std::uint8_t, kPageSize> bytes{};  ///< the copy
  std::array<Block *, kPageSize / 2> blocks{};  ///< by offset of the first instruction / 2
};

class CodeCache {
 public:
  struct Statistics {
    std::uint64_t pages_copied = 0;
    std::uint64_t blocks_built = 0;
    std::uint64_t blocks_dropped = 0;
    std::uint64_t flushes = 0;  ///< of all blocks, for want of room
  };

  /// The page of a physical address, or null when it is not here. It may have to be compared with
  /// memory first: is_current().
  CodePage *find(std::uint64_t address) const {
    const auto found = pages_.find(address >> kPageBits);
    return found == pages_.end() ? nullptr : found->second.get();
  }
  bool contains(std::uint64_t address) const { return find(address) != nullptr; }
  bool is_current(const CodePage &page) const { return page.epoch == epoch_; }
  /// A new page with this content. May drop all others: then generation() changes.
  CodePage *add(std::uint64_t address, const std::uint8_t *content);
  /// Takes over what memory now holds; drops the blocks when it differs.
  void refresh(CodePage &page, const std::uint8_t *content);

  /// The hart stores: changes the copies and drops the blocks that overlap. True when code that may
  /// be in use was dropped.
  bool store(std::uint64_t address, const void *data, std::uint64_t size);

  /// fence.i: pages are compared with memory when they are next entered.
  void fence() { ++epoch_; }
  /// Forgets everything. Only while no block is in use.
  void clear();
  std::uint64_t epoch() const { return epoch_; }
  /// Counts up when pages or blocks that others point to have gone.
  std::uint64_t generation() const { return generation_; }

  /// Room for a block of `slots` steps and exits; its steps are not initialised. When there is
  /// none, all blocks go first; so only while no block is in use.
  Block *allocate(unsigned slots);
  const Statistics &statistics() const { return statistics_; }

 private:
  static constexpr std::size_t kMostPages = 4096;
  static constexpr std::size_t kChunkSlots = 16384;  // 512 KiB
  static constexpr std::size_t kMostChunks = 256;
  /// A page that is stored into this often holds data by now.
  static constexpr unsigned kMostStores = 4096;

  struct alignas(32) Slot {
    unsigned char bytes[32];
  };

  bool drop_blocks(CodePage &page, std::uint64_t first, std::uint64_t last);
  void drop_all_blocks(CodePage &page);

  std::unordered_map<std::uint64_t, std::unique_ptr<CodePage>> pages_;
  std::vector<std::unique_ptr<Slot[]>> chunks_;
  std::size_t used_slots_ = kChunkSlots;  // of the last chunk
  std::size_t chunk_ = 0;                 // chunks in use
  std::uint64_t epoch_ = 0;
  std::uint64_t generation_ = 0;
  Statistics statistics_;
};

}  // namespace npim::cpu
