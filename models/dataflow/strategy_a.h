// Strategy A, digital accumulation as in ISAAC ([NP] section 3, Eq. 2 and 3; [IS] section 5): every
// bit line is converted in every input cycle, codes are shifted and added digitally.
#pragma once

#include "dataflow/line_dataflow.h"
#include "peripheral/digital_shift_add.h"
#include "peripheral/line_adc.h"

namespace npim::dataflow {

class StrategyA : public LineDataflow {
 public:
  /// Of adc_bits each, the converters serve the bit lines of their vector, that of vector 0 also
  /// the unit columns; they are asked for in products(). Their range is that of largest_sum rounded
  /// up to a power of two: with fewer bits than that has, codes count several. All references must
  /// outlive the strategy.
  StrategyA(const peripheral::EncodedWeights &weights, peripheral::AdcOfVector adcs, int adc_bits,
            int dac_bits, std::int64_t largest_sum,
            peripheral::InputCode code = peripheral::InputCode::kUnsigned);
  /// One converter serves all bit lines of the array.
  StrategyA(const peripheral::EncodedWeights &weights, const peripheral::LineAdc &adc, int dac_bits,
            std::int64_t largest_sum,
            peripheral::InputCode code = peripheral::InputCode::kUnsigned);

  void products(const crossbar::PhysicalArray &array, const crossbar::InputBatch &inputs,
                std::int64_t *sums) const override;
  std::int64_t conversions_per_window() const override;
  int required_bits() const override;

 private:
  /// Neighbouring bit lines with the same converter.
  struct Run {
    const peripheral::LineAdc *adc;
    std::size_t first, count;
  };
  /// What the conversions of a cycle work on: [column], normals [draw][column].
  struct Cycle {
    std::size_t draws = 0;
    std::vector<float> inputs_lsb, normals;
    std::vector<std::int32_t> codes;
  };
  std::vector<Run> runs() const;
  void convert(const std::vector<Run> &runs, const std::int32_t *values, float scale,
               const device::DrawKey &key, Cycle &cycle) const;

  const peripheral::EncodedWeights &weights_;
  peripheral::AdcOfVector adcs_;
  peripheral::DigitalShiftAdd shift_add_;
  int cycles_;
  std::int64_t largest_sum_, lsb_;
};

}  // namespace npim::dataflow
