#include "peripheral/sar_adc.h"

#include <cmath>

#include "base/error.h"

namespace npim::peripheral {

SarAdc::SarAdc(const SarAdcParameters &parameters, RandomStream &capacitors)
    : parameters_(parameters) {
  if (parameters.bits < 1 || parameters.bits > 16) throw InputError("SAR bits", "must be 1 to 16");
  for (const double value : {parameters.unit_capacitor_sigma, parameters.comparator_noise_lsb}) {
    if (!std::isfinite(value) || value < 0) {
      throw InputError("SAR deviations", "must be finite and not negative");
    }
  }
  // The array is 2^bits units, the last of which only completes the total; charge redistribution
  // compares with weight / total.
  const double units = std::ldexp(1.0, parameters.bits);
  const auto draw = [&](double count) {
    return count + parameters.unit_capacitor_sigma * std::sqrt(count) * capacitors.normal();
  };
  double total = draw(1);
  for (int bit = parameters.bits - 1; bit >= 0; --bit) {
    weights_lsb_.push_back(draw(std::ldexp(1.0, bit)));
    total += weights_lsb_.back();
  }
  for (double &weight : weights_lsb_) weight *= units / total;
}

std::int32_t SarAdc::convert(double input_lsb, const float *normals) const {
  std::int32_t code = 0;
  double level = 0;
  for (const double weight : weights_lsb_) {
    const double tried = level + weight;
    double margin = input_lsb + 0.5 - tried;
    if (parameters_.comparator_noise_lsb > 0) {
      margin += parameters_.comparator_noise_lsb * *normals++;
    }
    code *= 2;
    if (margin >= 0) {
      ++code;
      level = tried;
    }
  }
  return code;
}

}  // namespace npim::peripheral
