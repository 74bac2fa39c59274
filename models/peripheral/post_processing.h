// Arithmetic of a tile's post-processing unit ([NP] section 5: activation, pooling, element-wise
// operations, aggregation), in integers. Activation functions are the clamp of the requantisation
// (ReLU: lower limit at the zero point).
#pragma once

#include <cstdint>

namespace npim::peripheral {

/// y = (A * multiplier + bias + 2^(shift-1)) >> shift, clamped: to [low, high] for u8 outputs, to
/// 32 bits for s32 outputs; no rounding term when shift is 0. The caller guarantees that
/// |A * multiplier| + |bias| + 2^(shift-1) stays below 2^63 and 0 <= shift <= 62.
struct Requantiser {
  const std::int32_t *multiplier = nullptr;
  const std::int64_t *bias = nullptr;
  int shift = 0;
  bool output_s32 = false;
  std::int32_t low = 0, high = 255;

  /// A sum that has been multiplied and has its bias.
  std::int32_t finish(std::int64_t scaled) const;
  /// outputs[c] from accumulators[c], each with multiplier[c] and bias[c].
  void per_channel(const std::int64_t *accumulators, int channels, std::int32_t *outputs) const;
  /// outputs[c] = a[c] * multiplier[0] + b[c] * multiplier[1] + bias[0], requantised.
  void add(const std::uint8_t *a, const std::uint8_t *b, int channels, std::int32_t *outputs) const;
};

/// best[c] = max(best[c], values[c]).
void maximum(const std::uint8_t *values, int channels, std::int32_t *best);
/// sums[c] += values[c].
void add_up(const std::uint8_t *values, int channels, std::int64_t *sums);

}  // namespace npim::peripheral
