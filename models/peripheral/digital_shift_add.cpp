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
  for (std::size_t column = 0; column < weights.lines.size(); ++column) {
    const BitLine &line = weights.lines[column];
    factors_.push_back(line.polarity * (1 << line.place));
    if (line.is_unit) units_.push_back(column);
    if (line.vector == kNoVector) continue;
    const auto vector = static_cast<std::size_t>(line.vector);
    const bool goes_on = !runs_.empty() && runs_.back().vector == vector &&
                         runs_.back().first + runs_.back().count == column;
    if (goes_on) {
      ++runs_.back().count;
    } else {
      runs_.push_back({vector, column, 1});
    }
  }
}

void DigitalShiftAdd::accumulate(const device::ArrayGeometry &, const std::int32_t *codes,
                                 bool first, HeldSum *sums) const {
  std::int64_t inputs = 0;  // sum of the slice over the rows
  for (const std::size_t column : units_) inputs += codes[column];
  std::vector<std::int64_t> slice_sums(weights_.unit_factor);
  for (std::int64_t &sum : slice_sums) sum *= inputs;
  for (const Run &run : runs_) {
    const std::int32_t *code = codes + run.first, *factor = factors_.data() + run.first;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < run.count; ++i) sum += std::int64_t{factor[i]} * code[i];
    slice_sums[run.vector] += sum;
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
