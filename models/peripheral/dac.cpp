#include "peripheral/dac.h"

#include <cstring>

namespace npim::peripheral {
namespace {

constexpr int kWordBytes = 8, kFoldWords = 16;

/// One bit for each slice of `bits` = 1, 2, 4 or 8 bits that is not zero, at the slice's lowest.
std::uint64_t nonzero_slices(std::uint64_t word, int bits) {
  if (bits >= 2) word |= word >> 1;
  if (bits >= 4) word |= word >> 2;
  if (bits >= 8) word |= word >> 4;
  switch (bits) {
    case 1:
      return word;
    case 2:
      return word & 0x5555555555555555U;
    case 4:
      return word & 0x1111111111111111U;
    default:
      return word & 0x0101010101010101U;
  }
}

/// Ones of each byte.
std::uint64_t byte_counts(std::uint64_t word) {
  word -= (word >> 1) & 0x5555555555555555U;
  word = (word & 0x3333333333333333U) + ((word >> 2) & 0x3333333333333333U);
  return (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fU;
}

std::uint64_t add_bytes(std::uint64_t word) {
  word = (word & 0x00ff00ff00ff00ffU) + ((word >> 8) & 0x00ff00ff00ff00ffU);
  return (word * 0x0001000100010001U) >> 48;
}

}  // namespace

std::uint64_t Dac::driven_slices(const std::uint8_t *inputs, int rows) const {
  std::uint64_t count = 0;
  int row = 0;
  const bool aligned = dac_bits_ == 1 || dac_bits_ == 2 || dac_bits_ == 4 || dac_bits_ == 8;
  while (aligned && row + kWordBytes <= rows) {
    std::uint64_t bytes = 0;  // up to 8 each time
    for (int word = 0; word < kFoldWords && row + kWordBytes <= rows; ++word, row += kWordBytes) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, inputs + row, kWordBytes);
      bytes += byte_counts(nonzero_slices(eight, dac_bits_));
    }
    count += add_bytes(bytes);
  }
  for (; row < rows; ++row) {
    for (int cycle = 0; cycle < cycles(); ++cycle) count += slice(inputs[row], cycle) != 0 ? 1 : 0;
  }
  return count;
}

}  // namespace npim::peripheral
