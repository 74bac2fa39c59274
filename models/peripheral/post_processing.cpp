#include "peripheral/post_processing.h"

#include <algorithm>
#include <limits>

namespace npim::peripheral {

std::int32_t Requantiser::finish(std::int64_t scaled) const {
  const std::int64_t half = shift == 0 ? 0 : std::int64_t{1} << (shift - 1);
  const std::int64_t value = (scaled + half) >> shift;
  const std::int64_t least = output_s32 ? std::numeric_limits<std::int32_t>::min() : low;
  const std::int64_t most = output_s32 ? std::numeric_limits<std::int32_t>::max() : high;
  return static_cast<std::int32_t>(std::clamp(value, least, most));
}

void Requantiser::per_channel(const std::int64_t *accumulators, int channels,
                              std::int32_t *outputs) const {
  for (int c = 0; c < channels; ++c) {
    outputs[c] = finish(accumulators[c] * multiplier[c] + bias[c]);
  }
}

void Requantiser::add(const std::uint8_t *a, const std::uint8_t *b, int channels,
                      std::int32_t *outputs) const {
  for (int c = 0; c < channels; ++c) {
    outputs[c] =
        finish(std::int64_t{a[c]} * multiplier[0] + std::int64_t{b[c]} * multiplier[1] + bias[0]);
  }
}

void maximum(const std::uint8_t *values, int channels, std::int32_t *best) {
  for (int c = 0; c < channels; ++c) best[c] = std::max<std::int32_t>(best[c], values[c]);
}

void add_up(const std::uint8_t *values, int channels, std::int64_t *sums) {
  for (int c = 0; c < channels; ++c) sums[c] += values[c];
}

}  // namespace npim::peripheral
