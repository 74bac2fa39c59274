// The word-line DACs: an unsigned input is driven in slices of P_D bits, least significant slice
// first ([NP] section 4.1), so that the most significant slice passes the sample-and-hold once.
#pragma once

#include <cstdint>

namespace npim::peripheral {

class Dac {
 public:
  Dac(int dac_bits, int input_bits) : dac_bits_(dac_bits), input_bits_(input_bits) {}

  int bits() const { return dac_bits_; }
  /// Input cycles that one input takes: ceil(P_I / P_D).
  int cycles() const { return (input_bits_ + dac_bits_ - 1) / dac_bits_; }
  /// Bits [cycle * P_D, (cycle + 1) * P_D) of an input.
  std::uint8_t slice(std::uint8_t input, int cycle) const {
    const unsigned mask = (1U << dac_bits_) - 1;
    return static_cast<std::uint8_t>((input >> (cycle * dac_bits_)) & mask);
  }
  void slice(const std::uint8_t *inputs, int rows, int cycle, std::uint8_t *slices) const {
    for (int row = 0; row < rows; ++row) slices[row] = slice(inputs[row], cycle);
  }
  /// Slices that are not zero, over all cycles: a zero drives no word line.
  std::uint64_t driven_slices(const std::uint8_t *inputs, int rows) const;

 private:
  int dac_bits_, input_bits_;
};

}  // namespace npim::peripheral
