// The accelerator as `monitor` commands show it: registers with their fields and the command queue,
// both by the names of the register map (models/abi/npim_abi.json), read through the bus's debug
// transport, which has no side effects.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "debug/monitor.h"

namespace npim::debug {

/// Returns how many bytes could be read.
using MemoryReader =
    std::function<std::size_t(std::uint64_t address, std::uint8_t *to, std::size_t size)>;

/// Adds `chip [REGISTER]` and `queue` for the accelerator at `base`.
void add_accelerator_commands(Monitor &monitor, std::uint64_t base, MemoryReader read);

}  // namespace npim::debug
