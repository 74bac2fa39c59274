// A successive-approximation converter with a binary-weighted capacitor array, as the baselines'
// A/D converter ([NP] section 7: 7 bits in the ISAAC-style chip, 10 bits in the CASCADE-style one).
// Charge redistribution: the input is sampled on 2^bits unit capacitors, of which one only
// completes the total; each decision compares it with what the capacitors tried so far, over the
// total, make of the reference.
#pragma once

#include <vector>

#include "base/philox.h"
#include "peripheral/line_adc.h"

namespace npim::peripheral {

struct SarAdcParameters {
  int bits = 8;
  double unit_capacitor_sigma = 0;  ///< relative; a weight of n units has sigma / sqrt(n)
  double comparator_noise_lsb = 0;  ///< rms, drawn anew for each of the `bits` decisions
};

class SarAdc : public LineAdc {
 public:
  /// Draws the capacitors of one converter. Throws InputError for 0 or more than 16 bits, and for
  /// negative or non-finite deviations.
  SarAdc(const SarAdcParameters &parameters, RandomStream &capacitors);

  int bits() const override { return parameters_.bits; }
  int draws() const override { return parameters_.comparator_noise_lsb > 0 ? parameters_.bits : 0; }
  std::int32_t convert(double input_lsb, const float *normals) const override;

 private:
  SarAdcParameters parameters_;
  std::vector<double> weights_lsb_;  ///< most significant first
};

}  // namespace npim::peripheral
