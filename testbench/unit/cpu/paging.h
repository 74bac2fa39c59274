// Page tables for tests.
#pragma once

#include <cstdint>

#include "test_machine.h"

namespace npim::cpu::test {

namespace pte {
constexpr std::uint64_t kV = 1, kR = 2, kW = 4, kX = 8, kU = 16, kG = 32, kA = 64, kD = 128;
constexpr std::uint64_t kAll = kV | kR | kW | kX | kA | kD;
}  // namespace pte

/// Builds Sv39 tables in RAM, from `tables` upwards.
class PageTables {
 public:
  PageTables(TestMachine &machine, std::uint64_t tables)
      : machine_(machine), root_(tables), next_(tables + 0x1000) {}

  std::uint64_t satp() const { return std::uint64_t{8} << 60 | root_ >> 12; }

  /// Maps a page of 4 KiB (level 0), 2 MiB (1) or 1 GiB (2); returns where its entry lies.
  std::uint64_t map(std::uint64_t address, std::uint64_t physical, std::uint64_t flags,
                    unsigned level = 0) {
    std::uint64_t table = root_;
    for (unsigned at = 2; at > level; --at) {
      const std::uint64_t where = entry(table, address, at);
      auto pointer = machine_.read<std::uint64_t>(where);
      if (pointer == 0) {
        pointer = next_ >> 12 << 10 | pte::kV;
        next_ += 0x1000;
        machine_.write(where, pointer);
      }
      table = pointer >> 10 << 12;
    }
    const std::uint64_t where = entry(table, address, level);
    machine_.write<std::uint64_t>(where, physical >> 12 << 10 | flags);
    return where;
  }

 private:
  static std::uint64_t entry(std::uint64_t table, std::uint64_t address, unsigned level) {
    return table + ((address >> (12 + 9 * level)) & 511) * 8;
  }

  TestMachine &machine_;
  std::uint64_t root_, next_;
};

}  // namespace npim::cpu::test
