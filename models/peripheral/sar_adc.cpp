#include "peripheral/sar_adc.h"

#include <cmath>

#include "base/error.h"
#include "peripheral/line_kernels.h"

namespace npim::peripheral {

SarAdc::SarAdc(const SarAdcParameters &parameters, RandomStream &capacitors, SarNoise noise)
    : bits_(parameters.bits), noise_lsb_(static_cast<float>(parameters.comparator_noise_lsb)) {
  if (bits_ < 1 || bits_ > 16) throw InputError("SAR bits", "must be 1 to 16");
  for (const double value : {parameters.unit_capacitor_sigma, parameters.comparator_noise_lsb}) {
    if (!std::isfinite(value) || value < 0) {
      throw InputError("SAR deviations", "must be finite and not negative");
    }
  }
  if (parameters.comparator_noise_lsb > 0) {
    const bool lumped =
        noise == SarNoise::kPerConversion && parameters.comparator_noise_lsb <= kMostLumpedNoiseLsb;
    draws_ = lumped ? 1 : bits_;
  }
  // The array is 2^bits units, the last of which only completes the total; charge redistribution
  // compares with weight / total.
  const double units = std::ldexp(1.0, bits_);
  const auto draw = [&](double count) {
    return count + parameters.unit_capacitor_sigma * std::sqrt(count) * capacitors.normal();
  };
  std::vector<double> weights;
  double total = draw(1);
  for (int bit = bits_ - 1; bit >= 0; --bit) {
    weights.push_back(draw(std::ldexp(1.0, bit)));
    total += weights.back();
  }
  for (const double weight : weights) {
    weights_lsb_.push_back(static_cast<float>(weight * units / total));
  }
}

void SarAdc::convert(const float *inputs_lsb, const float *normals, std::size_t stride,
                     std::size_t count, std::int32_t *codes) const {
  const kernels::Sar sar = {weights_lsb_.data(), bits_, draws_, noise_lsb_};
  kernels::sar_codes(sar, inputs_lsb, normals, stride, count, codes);
}

}  // namespace npim::peripheral
