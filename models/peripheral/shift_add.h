// Shift-and-add over the bit lines of a weight and over the input cycles, in the analog domain:
// the NNS+A with its sample-and-hold ([NP] section 4.1). The recursion is
//   V_i = 2^-P_D * V_(i-1) + sum_j 2^j * V_in,j
// with V_in,j the difference of the bit lines of digit j of W_P and W_N. [NP] prints a division by
// alpha in each cycle, with which earlier slices would vanish; the fixed scale 1 / beta is left out
// here because it cancels in the converter's full scale.
#pragma once

#include <cstdint>

#include "device/cell.h"

namespace npim::peripheral {

/// The sum that the sample-and-hold keeps for one weight vector, exactly:
/// V = value / 2^fraction_bits.
struct HeldSum {
  std::int64_t value = 0;
  int fraction_bits = 0;
};

/// One shift-and-add step of all vectors of an array. Implementations: IdealNnsa; trained networks
/// and digital shift-and-add stand behind the same interface.
class ShiftAdd {
 public:
  virtual ~ShiftAdd() = default;
  /// sums: previous V of each vector, replaced by the next one; bit_lines: one value per column of
  /// the array; first: no previous slice, V_(i-1) = 0.
  virtual void accumulate(const device::ArrayGeometry &geometry, const std::int32_t *bit_lines,
                          bool first, HeldSum *sums) const = 0;
};

/// Exact arithmetic: the fraction grows by P_D bits per cycle, nothing is rounded.
class IdealNnsa : public ShiftAdd {
 public:
  explicit IdealNnsa(int dac_bits) : dac_bits_(dac_bits) {}
  void accumulate(const device::ArrayGeometry &geometry, const std::int32_t *bit_lines, bool first,
                  HeldSum *sums) const override;

 private:
  int dac_bits_;
};

}  // namespace npim::peripheral
