// What a platform file (configs/platforms/*.json) says: parts of the board, addresses, interrupts.
// Defaults are those of QEMU's virt machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bus/address_map.h"
#include "config/json_config.h"
#include "cpu/hart_config.h"

namespace npim::board {

struct Range {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
};

struct AcceleratorConfig {
  Range registers{0x40000000, 0x1000};
  unsigned plic_interrupt = 32;
};

struct PlatformConfig {
  std::string name;
  /// Path of the chip's configuration, usable from the working directory; empty without a chip.
  std::string chip_path;
  unsigned harts = 1;
  cpu::HartConfig hart;  ///< of all harts; hart_id is the first one's
  /// Harts of a board with several take turns in slices of this length. Part of the model, unlike
  /// the quantum: what harts see of each other depends on it.
  sc_core::sc_time hart_slice{10, sc_core::SC_US};
  Range boot_rom{0x1000, 0xf000};
  Range dram{0x80000000, 0x80000000};
  Range finisher{0x100000, 0x1000};
  Range clint{0x2000000, 0x10000};
  Range plic{0xc000000, 0x600000};
  Range uart{0x10000000, 0x100};
  std::uint64_t timebase_hz = 10'000'000;  ///< steps of mtime per second
  unsigned uart_plic_interrupt = 10;
  std::optional<AcceleratorConfig> accelerator;

  /// Reads a platform file. Relative paths in it start at its own folder. Throws InputError naming
  /// file and key: unknown keys, wrong types, overlapping addresses.
  static PlatformConfig load(const std::string &path);
  static PlatformConfig parse(const std::string &text, const std::string &name);

  /// The regions in the order of their addresses in QEMU's map, without descriptions. Throws
  /// InputError that opens with `where` on an overlap.
  bus::AddressMap address_map(const std::string &where) const;
};

}  // namespace npim::board
