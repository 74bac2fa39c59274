// A successive-approximation converter with a binary-weighted capacitor array, as the baselines'
// A/D converter ([NP] section 7: 7 bits in the ISAAC-style chip, 10 bits in the CASCADE-style one).
// Charge redistribution: the input is sampled on 2^bits unit capacitors, of which one only
// completes the total; each decision compares it with what the capacitors tried so far, over the
// total, make of the reference. The ends of its range are the references, so it has neither offset
// nor gain to be trimmed.
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

/// How the comparator's noise is drawn.
enum class SarNoise {
  kPerDecision,
  /// Once per conversion, in front of the converter. While the noise is small beside an LSB, hardly
  /// more than one decision is so close to its threshold that it can fall either way, so codes have
  /// nearly the same distribution; more than kMostLumpedNoiseLsb is drawn per decision all the
  /// same.
  kPerConversion,
};
constexpr double kMostLumpedNoiseLsb = 0.3;

class SarAdc : public LineAdc {
 public:
  /// Draws the capacitors of one converter. Throws InputError for 0 or more than 16 bits, and for
  /// negative or non-finite deviations.
  SarAdc(const SarAdcParameters &parameters, RandomStream &capacitors,
         SarNoise noise = SarNoise::kPerDecision);

  int bits() const override { return bits_; }
  int draws() const override { return draws_; }
  using LineAdc::convert;
  void convert(const float *inputs_lsb, const float *normals, std::size_t stride, std::size_t count,
               std::int32_t *codes) const override;

 private:
  int bits_, draws_ = 0;
  float noise_lsb_;
  std::vector<float> weights_lsb_;  ///< most significant first
};

}  // namespace npim::peripheral
