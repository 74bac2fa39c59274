// Strategy A, digital accumulation as in ISAAC ([NP] section 3, Eq. 2 and 3; [IS] section 5): every
// bit line is converted in every input cycle, codes are shifted and added digitally.
#pragma once

#include "dataflow/line_dataflow.h"
#include "peripheral/digital_shift_add.h"
#include "peripheral/line_adc.h"

namespace npim::dataflow {

class StrategyA : public LineDataflow {
 public:
  /// One converter serves all bit lines of the array. Its range is that of largest_sum rounded up
  /// to a power of two: with fewer bits than that has, codes count several. All references must
  /// outlive the strategy.
  StrategyA(const peripheral::EncodedWeights &weights, const peripheral::LineAdc &adc, int dac_bits,
            std::int64_t largest_sum,
            peripheral::InputCode code = peripheral::InputCode::kUnsigned);

  void products(const crossbar::PhysicalArray &array, const crossbar::InputBatch &inputs,
                std::int64_t *sums) const override;
  std::int64_t conversions_per_window() const override;
  int required_bits() const override;

 private:
  void convert(const std::int32_t *values, double scale, device::DrawKey key,
               std::vector<float> &normals, std::vector<std::int32_t> &codes) const;

  const peripheral::EncodedWeights &weights_;
  const peripheral::LineAdc &adc_;
  peripheral::DigitalShiftAdd shift_add_;
  int cycles_;
  std::int64_t largest_sum_, lsb_;
};

}  // namespace npim::dataflow
