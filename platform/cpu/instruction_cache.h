// Decoded instructions by physical page. The hart's own stores into a page that holds decoded
// instructions drop what they overwrite; what other bus masters write becomes visible after fence.i
// (which drops everything), as the architecture asks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "cpu/decode.h"

namespace npim::cpu {

class InstructionCache {
 public:
  static constexpr unsigned kPageBits = 12;
  static constexpr std::uint64_t kPageSize = std::uint64_t{1} << kPageBits;
  /// A slot per half-word of a page.
  using Page = std::array<Instruction, kPageSize / 2>;

  /// The page that holds `address`, with undecoded slots when new. Valid until apply_flush() or the
  /// next call, which may evict.
  Page *page(std::uint64_t address);

  bool contains(std::uint64_t address) const {
    return pages_.find(address >> kPageBits) != pages_.end();
  }
  /// Forgets instructions that overlap the bytes. Slots keep their other fields, so that an
  /// instruction that overwrites itself can still finish.
  void forget(std::uint64_t address, std::uint64_t size);

  /// Asks for everything to be dropped before the next instruction.
  void flush() { flush_wanted_ = true; }
  /// Called where no decoded instruction is in use.
  void apply_flush() {
    if (flush_wanted_) pages_.clear();
    flush_wanted_ = false;
  }

 private:
  /// 64 MiB of decoded pages hold 8 MiB of code.
  static constexpr std::size_t kMostPages = 2048;

  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
  bool flush_wanted_ = false;
};

}  // namespace npim::cpu
