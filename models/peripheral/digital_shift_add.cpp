#include "peripheral/digital_shift_add.h"

#include "base/error.h"

namespace npim::peripheral {

DigitalShiftAdd::DigitalShiftAdd(const EncodedWeights &weights, int dac_bits, int input_bits,
                                 InputCode code)
    : weights_(weights),
      dac_bits_(dac_bits),
      last_cycle_((input_bits + dac_bits - 1) / dac_bits - 1),
      code_(code) {
  if (code == InputCode::kTwosComplement && dac_bits != 1) {
    throw InputError("two's-complement inputs",
                     "need 1-bit DACs: the sign bit must be a slice of its own");
  }
}

void DigitalShiftAdd::accumulate(const device::ArrayGeometry &, const std::int32_t *codes,
                                 bool first, HeldSum *sums) const {
  std::int64_t inputs = 0;  // sum of the slice over the rows
  for (std::size_t column = 0; column < weights_.lines.size(); ++column) {
    if (weights_.lines[column].is_unit) inputs += codes[column];
  }
  std::vector<std::int64_t> slice_sums(weights_.unit_factor);
  for (std::int64_t &sum : slice_sums) sum *= inputs;
  for (std::size_t column = 0; column < weights_.lines.size(); ++column) {
    const BitLine &line = weights_.lines[column];
    if (line.vector == kNoVector) continue;
    slice_sums[static_cast<std::size_t>(line.vector)] +=
        line.polarity * (std::int64_t{codes[column]} << line.place);
  }
  for (std::size_t vector = 0; vector < slice_sums.size(); ++vector) {
    HeldSum &held = sums[vector];
    if (first) {
      held = HeldSum{};
    } else {
      held.fraction_bits += dac_bits_;
    }
    const bool is_sign =
        code_ == InputCode::kTwosComplement && held.fraction_bits == last_cycle_ * dac_bits_;
    held.value += (is_sign ? -slice_sums[vector] : slice_sums[vector]) *
                  (std::int64_t{1} << held.fraction_bits);
  }
}

}  // namespace npim::peripheral
