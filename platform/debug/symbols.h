// Function names by address, for traces and profiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace npim::debug {

struct Function {
  std::uint64_t begin = 0, end = 0;  ///< end is one past the last byte
  std::string name;
};

/// A half-open range of addresses.
struct AddressRange {
  std::uint64_t begin = 0, end = 0;
};

class Symbols {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  Symbols() = default;
  /// A function of size zero reaches up to the next one. Of several at one address the first
  /// counts.
  explicit Symbols(std::vector<Function> functions);

  /// Index of the function that holds the address, or kNone.
  std::size_t find(std::uint64_t address) const;
  const Function &operator[](std::size_t index) const { return functions_[index]; }
  std::size_t size() const { return functions_.size(); }

  /// "main", "main+0x12" or "".
  std::string text(std::uint64_t address) const;

  /// Ranges of a filter: function names and address ranges, separated by commas
  /// ("main,0x80000000-0x80001000", the end not included; one address stands for one byte). Throws
  /// InputError that opens with `where` for a name that is not there and for a malformed range.
  std::vector<AddressRange> parse_filter(const std::string &text, const std::string &where) const;

 private:
  std::vector<Function> functions_;
};

}  // namespace npim::debug
