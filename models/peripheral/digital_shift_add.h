// The digital shift-and-add of dataflow A ([IS] section 5): codes of all bit lines are added with
// their places, flipped columns and biased weights are set right with the sum of inputs from the
// unit columns, and the slice of the sign bit of two's-complement inputs is subtracted.
#pragma once

#include "peripheral/column_layout.h"
#include "peripheral/shift_add.h"

namespace npim::peripheral {

enum class InputCode {
  kUnsigned,        ///< also offset binary, whose offset is folded into the bias elsewhere
  kTwosComplement,  ///< the sign bit's slice counts -2^(bits-1); needs 1-bit DACs
};

class DigitalShiftAdd : public ShiftAdd {
 public:
  /// `weights` must outlive it. Throws InputError for two's complement with DACs of several bits.
  DigitalShiftAdd(const EncodedWeights &weights, int dac_bits, int input_bits, InputCode code);

  int vectors() const { return weights_.vectors; }
  /// codes: one per column. Slices come least significant first; the cycle follows from the sums.
  void accumulate(const device::ArrayGeometry &geometry, const std::int32_t *codes, bool first,
                  HeldSum *sums) const override;

 private:
  /// Neighbouring columns of one vector.
  struct Run {
    std::size_t vector, first, count;
  };
  const EncodedWeights &weights_;
  std::vector<Run> runs_;
  std::vector<std::size_t> units_;
  std::vector<std::int32_t> factors_;  // by column: polarity * 2^place
  int dac_bits_, last_cycle_;
  InputCode code_;
};

}  // namespace npim::peripheral
