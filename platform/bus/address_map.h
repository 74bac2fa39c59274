// The memory map: which region answers which addresses, and what to tell a person about an address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace npim::bus {

/// Addresses as people write them: "0x10000000".
std::string hex(std::uint64_t value);

struct Region {
  std::string name;
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  /// Name of what lies at an offset into the region ("LSR"), empty when there is nothing to say.
  /// May be left unset.
  std::function<std::string(std::uint64_t offset)> describe;

  std::uint64_t last() const { return base + (size - 1); }
  bool contains(std::uint64_t address) const { return address >= base && address - base < size; }
  /// "UART 16550 (0x10000000 to 0x100000ff)"
  std::string text() const;
};

class AddressMap {
 public:
  /// `where` opens the messages of errors: a configuration file, or "address map".
  explicit AddressMap(std::string where = "address map") : where_(std::move(where)) {}

  /// Adds a region and returns its index (in order of addition). Throws InputError for a size of
  /// zero, a region that runs over the top of the address space, and an overlap (names both).
  std::size_t add(Region region);

  /// Index of the region that holds the address, or none().
  std::size_t find(std::uint64_t address) const;
  static constexpr std::size_t none() { return static_cast<std::size_t>(-1); }

  const Region &region(std::size_t index) const { return regions_[index]; }
  std::size_t size() const { return regions_.size(); }

  /// First and last address around `address` (itself unmapped) that no region holds.
  std::pair<std::uint64_t, std::uint64_t> hole(std::uint64_t address) const;

  /// "UART 16550 + 0x5 (LSR)", or "nothing; nearest is DRAM (0x80000000 to 0xffffffff)".
  std::string describe(std::uint64_t address) const;

 private:
  const Region *nearest(std::uint64_t address) const;

  std::string where_;
  std::vector<Region> regions_;
  std::map<std::uint64_t, std::size_t> by_base_;
};

}  // namespace npim::bus
