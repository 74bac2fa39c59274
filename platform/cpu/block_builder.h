// Puts decoded instructions together to a block.
#pragma once

#include <array>
#include <cstdint>

#include "cpu/block.h"
#include "cpu/code_cache.h"
#include "cpu/hart_config.h"

namespace npim::cpu {

/// The instructions of a block-to-be.
struct Sequence {
  std::array<Instruction, Block::kMostInstructions> instructions;
  unsigned count = 0;

  bool ends() const;
  /// Steps and exits that the block takes, with those of its end.
  unsigned slots() const;
};

/// Decodes from an offset of a page on. Empty when the first instruction spans into the next page.
Sequence decode_sequence(const CodePage &page, std::uint64_t offset, const CycleCosts &costs);

/// Fills a block with room for sequence.slots(), whose first instruction is at `physical`. With
/// `linkable`, exits to the same page can be linked.
void fill_block(Block &block, const Sequence &sequence, std::uint64_t physical, bool linkable,
                const CycleCosts &costs);

}  // namespace npim::cpu
