// Firmware images: statically linked ELF for RV64, little endian (System V ABI, RISC-V psABI).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace npim::board {

/// Part of an image in memory: `bytes`, then zeros up to `memory_size`.
struct Segment {
  std::uint64_t address = 0;
  std::uint64_t memory_size = 0;
  bool executable = false;
  Bytes bytes;
};

struct Symbol {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  std::string name;
};

struct ElfImage {
  std::uint64_t entry = 0;
  std::vector<Segment> segments;  ///< by address, without overlap, inside the memory
  std::vector<Symbol> symbols;    ///< of code, by address

  /// "main+0x12", "main" at its first byte; "" when the address is in no executable segment or
  /// before the first symbol.
  std::string symbolise(std::uint64_t address) const;
};

/// Reads an image that has to lie in the memory of `memory_size` bytes at `memory_base`. Throws
/// InputError naming `file` and the reason: truncated, not ELF, not RISC-V, 32 bits, big endian,
/// not EXEC, segments outside the memory or overlapping, no segment, entry not in executable
/// memory.
ElfImage parse_elf(const Bytes &content, const std::string &file, std::uint64_t memory_base,
                   std::uint64_t memory_size);

}  // namespace npim::board
