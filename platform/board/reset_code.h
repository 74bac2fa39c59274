// What the hart executes first: a few instructions in boot ROM that hand over to the firmware as
// RISC-V loaders do (a0 = hart number, a1 = device tree).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace npim::board {

/// Position-independent code and its two addresses, for the start of the boot ROM.
Bytes reset_code(std::uint64_t entry, std::uint64_t device_tree);

}  // namespace npim::board
