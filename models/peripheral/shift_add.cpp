#include "peripheral/shift_add.h"

namespace npim::peripheral {
namespace {

/// sum_j 2^j * (W_P bit line j - W_N bit line j) of one vector.
std::int64_t weighted_sum(const device::ArrayGeometry &geometry, const std::int32_t *bit_lines,
                          int vector) {
  std::int64_t sum = 0;
  for (int digit = 0; digit < geometry.digits(); ++digit) {
    const std::int64_t difference = std::int64_t{bit_lines[geometry.column(vector, digit, false)]} -
                                    bit_lines[geometry.column(vector, digit, true)];
    sum += difference * (std::int64_t{1} << (digit * geometry.cell.bits));
  }
  return sum;
}

}  // namespace

void IdealNnsa::accumulate(const device::ArrayGeometry &geometry, const std::int32_t *bit_lines,
                           bool first, HeldSum *sums) const {
  for (int vector = 0; vector < geometry.vectors(); ++vector) {
    HeldSum &held = sums[vector];
    if (first) {
      held = HeldSum{};
    } else {
      held.fraction_bits += dac_bits_;  // 2^-P_D * V: same integer, point moves
    }
    held.value +=
        weighted_sum(geometry, bit_lines, vector) * (std::int64_t{1} << held.fraction_bits);
  }
}

}  // namespace npim::peripheral
