#include "cpu/code_cache.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace npim::cpu {

CodePage *CodeCache::add(std::uint64_t address, const std::uint8_t *content) {
  if (pages_.size() >= kMostPages) clear();
  auto page = std::make_unique<CodePage>();
  page->number = address >> kPageBits;
  page->epoch = epoch_;
  std::copy_n(content, kPageSize, page->bytes.begin());
  ++statistics_.pages_copied;
  return (pages_[address >> kPageBits] = std::move(page)).get();
}

void CodeCache::refresh(CodePage &page, const std::uint8_t *content) {
  page.epoch = epoch_;
  if (std::memcmp(page.bytes.data(), content, kPageSize) == 0) return;
  std::copy_n(content, kPageSize, page.bytes.begin());
  drop_all_blocks(page);
}

void CodeCache::clear() {
  pages_.clear();
  chunk_ = 0;
  used_slots_ = kChunkSlots;
  ++generation_;
}

void CodeCache::drop_all_blocks(CodePage &page) {
  if (drop_blocks(page, 0, kPageSize - 1)) ++generation_;
}

/// Blocks of the page that hold a byte of [first, last].
bool CodeCache::drop_blocks(CodePage &page, std::uint64_t first, std::uint64_t last) {
  bool dropped = false;
  constexpr std::uint64_t kLongest = 4 * Block::kMostInstructions;
  const std::uint64_t from = first >= kLongest ? first - kLongest : 0;
  for (std::uint64_t offset = from & ~std::uint64_t{1}; offset <= last; offset += 2) {
    Block *block = page.blocks[offset / 2];
    if (block == nullptr || offset + block->size <= first) continue;
    block->stale = true;
    page.blocks[offset / 2] = nullptr;
    ++statistics_.blocks_dropped;
    dropped = true;
  }
  if (!dropped) return false;
  // Links lead to blocks of the same page only.
  for (Block *block : page.blocks) {
    if (block == nullptr) continue;
    for (unsigned slot = 0; slot < block->slots; ++slot) {
      if (!block->has_exit(slot)) continue;
      Exit &exit = block->exit_at(slot);
      if (exit.target != nullptr && exit.target->stale) exit.target = nullptr;
    }
  }
  return true;
}

bool CodeCache::store(std::uint64_t address, const void *data, std::uint64_t size) {
  bool dropped = false;
  const auto *from = static_cast<const std::uint8_t *>(data);
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t at = address + done, offset = at & kOffsetMask;
    const std::uint64_t here = std::min(size - done, kPageSize - offset);
    if (CodePage *page = find(at)) {
      std::copy_n(from + done, here, page->bytes.begin() + static_cast<std::ptrdiff_t>(offset));
      dropped |= drop_blocks(*page, offset, offset + here - 1);
      if (++page->stores > kMostStores) {
        drop_all_blocks(*page);
        pages_.erase(at >> kPageBits);
        ++generation_;
        dropped = true;
      }
    }
    done += here;
  }
  if (dropped) ++generation_;
  return dropped;
}

Block *CodeCache::allocate(unsigned slots) {
  const std::size_t needed = slots + sizeof(Block) / sizeof(Slot);
  if (used_slots_ + needed > kChunkSlots) {
    if (chunk_ >= kMostChunks) {
      for (auto &[number, page] : pages_) page->blocks.fill(nullptr);
      chunk_ = 0;
      ++generation_;
      ++statistics_.flushes;
    }
    if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique<Slot[]>(kChunkSlots));
    ++chunk_;
    used_slots_ = 0;
  }
  Slot *room = chunks_[chunk_ - 1].get() + used_slots_;
  used_slots_ += needed;
  ++statistics_.blocks_built;
  auto *block = new (room) Block();
  block->slots = static_cast<std::uint8_t>(slots);
  return block;
}

}  // namespace npim::cpu
