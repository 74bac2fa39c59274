// A successive-approximation converter with a binary-weighted capacitor array, as the baselines'
// A/D converter ([NP] section 7: 7 bits in the ISAAC-style chip, 10 bits in the CASCADE-style one).
// Codes are unsigned: code = the largest with its level not above the input.
#pragma once

#include <cstdint>
#include <vector>

#include "base/philox.h"

namespace npim::peripheral {

struct SarAdcParameters {
  int bits = 8;
  double unit_capacitor_sigma = 0;  ///< relative; a weight of n units has sigma / sqrt(n)
  double comparator_noise_lsb = 0;  ///< rms, drawn anew for each of the `bits` decisions
};

class SarAdc {
 public:
  /// Draws the capacitors of one converter. Throws InputError for 0 or more than 16 bits, and for
  /// negative or non-finite deviations.
  SarAdc(const SarAdcParameters &parameters, RandomStream &capacitors);

  int bits() const { return parameters_.bits; }
  /// input_lsb: in units of one ideal LSB; codes change at half LSBs. noise: of the comparator.
  std::int32_t convert(double input_lsb, RandomStream &noise) const;

 private:
  SarAdcParameters parameters_;
  std::vector<double> weights_lsb_;  ///< most significant first
};

}  // namespace npim::peripheral
