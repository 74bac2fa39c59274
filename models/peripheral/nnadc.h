// The converter at the end of a dot product: the range-aware neural ADC ([NP] section 4.2, Eq. 12)
// with a bit-line gain before it. Behind one interface, so that trained networks, SAR converters
// and the lossless converter of tests can take its place.
//
// [NP] Eq. 12 is written for unsigned sums. With R array rows, full scale FS = R * 255 * 255 and a
// signed dot product D:
//   signed8:     code = clamp(round(D * gain * range_divisor * 127 / FS), -127, 127)
//   sign_plus_8: the same with 255 for 127
//   lossless:    code = D
// rounded to nearest, halves away from zero.
#pragma once

#include <cstdint>
#include <memory>

#include "config/chip_config.h"

namespace npim::peripheral {

/// How a layer programs the converter.
struct ConverterSetting {
  int range_divisor = 1;
  int bitline_gain = 1;
};

class AnalogToDigital {
 public:
  virtual ~AnalogToDigital() = default;
  /// One conversion for each held sum, which is a dot product in units of input LSB * weight LSB.
  virtual void convert(const std::int32_t *sums, int count, std::int32_t *codes) const = 0;
  /// Largest magnitude of a code of a dot product over `rows` rows.
  virtual std::int64_t code_bound(int rows) const = 0;
};

class IdealNnadc : public AnalogToDigital {
 public:
  /// highest_code: 127 or 255; |sums| must stay below 2^31, array_rows below 2^13, the product of
  /// divisor and gain below 2^13.
  IdealNnadc(int array_rows, int highest_code, ConverterSetting setting);
  void convert(const std::int32_t *sums, int count, std::int32_t *codes) const override;
  std::int64_t code_bound(int) const override { return highest_code_; }
  std::int32_t convert_one(std::int32_t sum) const;

 private:
  std::int64_t highest_code_;
  std::int64_t factor_;         // 2 * gain * divisor * highest code
  std::int64_t full_scale_;     // FS
  std::int64_t divisor_;        // 2 * FS
  std::int64_t first_clamped_;  // least |D| that certainly saturates
  double reciprocal_;
};

/// The code is the dot product itself: the chip then equals exact integer arithmetic.
class LosslessConverter : public AnalogToDigital {
 public:
  void convert(const std::int32_t *sums, int count, std::int32_t *codes) const override;
  std::int64_t code_bound(int rows) const override { return std::int64_t{rows} * 255 * 255; }
};

/// The converter of a chip, set as one layer asks.
std::unique_ptr<AnalogToDigital> make_converter(const config::ChipConfig &chip,
                                                ConverterSetting setting);

}  // namespace npim::peripheral
