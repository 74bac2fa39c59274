// What a debugger wants to know of an instruction from its bits alone (RISC-V unprivileged
// specification 20191213, chapter 24): the memory it touches, and whether it calls or returns.
#pragma once

#include <cstdint>
#include <optional>

namespace npim::debug {

/// A load, store or atomic access at x[base] + offset.
struct MemoryAccess {
  bool reads = false, writes = false;
  unsigned size = 0;  ///< bytes
  unsigned base = 0;  ///< integer register
  std::int64_t offset = 0;
};

enum class Flow {
  kNone,
  kCall,    ///< jal or jalr that writes ra or t0
  kReturn,  ///< jalr through ra or t0 that links nothing
  kJump,    ///< any other jal or jalr
  kTrapReturn,
};

/// `raw` as fetched: 32 bits, or 16 in the low half.
std::optional<MemoryAccess> memory_access(std::uint32_t raw);
Flow control_flow(std::uint32_t raw);

}  // namespace npim::debug
