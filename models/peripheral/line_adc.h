// The converter at a bit line or buffer column of dataflows A and B ([NP] section 3): unsigned
// codes of values in units of its LSB. Noise comes in as standard normal numbers, so that whoever
// calls can key it by (seed, tile, array, column, window, cycle) and results do not depend on the
// order of conversions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace npim::peripheral {

class LineAdc {
 public:
  virtual ~LineAdc() = default;
  virtual int bits() const = 0;
  /// Standard normal numbers that one conversion takes; 0 for a converter without noise.
  virtual int draws() const = 0;
  /// Code 0 .. 2^bits - 1; codes change at half LSBs. normals: draws() of them.
  virtual std::int32_t convert(double input_lsb, const float *normals) const = 0;
};

/// Rounds to nearest, halves up, and saturates.
class IdealAdc : public LineAdc {
 public:
  explicit IdealAdc(int bits) : bits_(bits) {}
  int bits() const override { return bits_; }
  int draws() const override { return 0; }
  std::int32_t convert(double input_lsb, const float *) const override {
    const double highest = std::ldexp(1.0, bits_) - 1;
    return static_cast<std::int32_t>(std::clamp(std::floor(input_lsb + 0.5), 0.0, highest));
  }

 private:
  int bits_;
};

}  // namespace npim::peripheral
