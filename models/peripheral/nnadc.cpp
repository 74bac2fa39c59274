#include "peripheral/nnadc.h"

#include <algorithm>

namespace npim::peripheral {

IdealNnadc::IdealNnadc(int array_rows, int highest_code, ConverterSetting setting)
    : highest_code_(highest_code),
      factor_(std::int64_t{2} * setting.bitline_gain * setting.range_divisor * highest_code),
      full_scale_(std::int64_t{array_rows} * 255 * 255),
      divisor_(2 * full_scale_),
      first_clamped_((divisor_ * highest_code + factor_ - 1) / factor_),
      reciprocal_(1.0 / static_cast<double>(divisor_)) {}

std::int32_t IdealNnadc::convert_one(std::int32_t sum) const {
  const std::int64_t magnitude = sum < 0 ? -std::int64_t{sum} : sum;
  std::int64_t code = highest_code_;
  if (magnitude < first_clamped_) {
    const std::int64_t numerator = magnitude * factor_ + full_scale_;
    // The estimate is off by at most one, which the remainder tells: exact, without a division.
    code = static_cast<std::int64_t>(static_cast<double>(numerator) * reciprocal_);
    const std::int64_t remainder = numerator - code * divisor_;
    code += (remainder >= divisor_) - (remainder < 0);
  }
  return static_cast<std::int32_t>(sum < 0 ? -code : code);
}

void IdealNnadc::convert(const std::int32_t *sums, int count, std::int32_t *codes) const {
  for (int i = 0; i < count; ++i) codes[i] = convert_one(sums[i]);
}

void LosslessConverter::convert(const std::int32_t *sums, int count, std::int32_t *codes) const {
  std::copy_n(sums, count, codes);
}

std::unique_ptr<AnalogToDigital> make_converter(const config::ChipConfig &chip,
                                                ConverterSetting setting) {
  if (chip.nnadc.code == config::CodeFormat::kLossless) {
    return std::make_unique<LosslessConverter>();
  }
  const int highest_code = chip.nnadc.code == config::CodeFormat::kSigned8 ? 127 : 255;
  return std::make_unique<IdealNnadc>(chip.array.rows, highest_code, setting);
}

}  // namespace npim::peripheral
