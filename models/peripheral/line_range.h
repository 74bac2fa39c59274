// Codes for a range of sums: how many bits, and how much one code counts with fewer.
#pragma once

#include <cmath>
#include <cstdint>

namespace npim::peripheral {

/// Bits of codes 0 .. largest.
inline int bits_of(std::int64_t largest) {
  int bits = 0;
  while (largest >> bits != 0) ++bits;
  return bits;
}

/// Sum per code of `bits` bits for sums up to `largest`: 1 with just enough bits, doubling with
/// each bit that is missing, a fraction with more.
inline double code_step(std::int64_t largest, int bits) {
  return std::ldexp(1.0, bits_of(largest) - bits);
}

}  // namespace npim::peripheral
