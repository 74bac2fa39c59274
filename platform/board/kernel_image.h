// Linux's boot image for RISC-V ("Image"): a raw binary with a header (Linux kernel documentation,
// arch/riscv/boot-image-header).
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace npim::board {

struct KernelImage {
  std::uint64_t text_offset = 0;  ///< from the start of DRAM to the first byte
  std::uint64_t memory_size = 0;  ///< what the kernel takes before it reads the device tree
};

/// Reads the header. Throws InputError naming `file`: truncated, no such header (compressed, or an
/// ELF file), big endian, sizes that make no sense.
KernelImage parse_kernel_image(const Bytes &content, const std::string &file);

}  // namespace npim::board
