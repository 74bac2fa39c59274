// The converter at a bit line or buffer column of dataflows A and B ([NP] section 3): unsigned
// codes of values in units of its LSB. Noise comes in as standard normal numbers, so that whoever
// calls can key it by (seed, tile, array, column, window, cycle) and results do not depend on the
// order of conversions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace npim::peripheral {

class LineAdc {
 public:
  virtual ~LineAdc() = default;
  virtual int bits() const = 0;
  /// Standard normal numbers that one conversion takes; 0 for a converter without noise.
  virtual int draws() const = 0;
  /// Codes 0 .. 2^bits - 1 of `count` inputs; codes change at half LSBs. Normal number d of input i
  /// is normals[d * stride + i], d < draws().
  virtual void convert(const float *inputs_lsb, const float *normals, std::size_t stride,
                       std::size_t count, std::int32_t *codes) const = 0;
  /// One conversion; normals: draws() of them.
  std::int32_t convert(double input_lsb, const float *normals) const {
    const auto input = static_cast<float>(input_lsb);
    std::int32_t code = 0;
    convert(&input, normals, 1, 1, &code);
    return code;
  }
};

/// The converter that serves a weight vector of an array. All of an array have like bits and draws.
using AdcOfVector = std::function<const LineAdc &(int vector)>;

/// Rounds to nearest, halves up, and saturates.
class IdealAdc : public LineAdc {
 public:
  explicit IdealAdc(int bits) : bits_(bits) {}
  int bits() const override { return bits_; }
  int draws() const override { return 0; }
  using LineAdc::convert;
  void convert(const float *inputs_lsb, const float *, std::size_t, std::size_t count,
               std::int32_t *codes) const override {
    const float highest = std::ldexp(1.0F, bits_) - 1;
    for (std::size_t i = 0; i < count; ++i) {
      codes[i] =
          static_cast<std::int32_t>(std::clamp(std::floor(inputs_lsb[i] + 0.5F), 0.0F, highest));
    }
  }

 private:
  int bits_;
};

}  // namespace npim::peripheral
