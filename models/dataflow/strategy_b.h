// Strategy B, analog buffering as in CASCADE ([NP] section 3, Eq. 4 and 5; [CA]): bit-line sums
// wait in RRAM buffer cells until all slices are through; then buffer columns are converted.
#pragma once

#include "dataflow/line_dataflow.h"
#include "peripheral/analog_buffer.h"

namespace npim::dataflow {

class StrategyB : public LineDataflow {
 public:
  /// `buffer` and `adc` belong to the array and must outlive the strategy.
  StrategyB(const peripheral::EncodedWeights &weights, const peripheral::AnalogBuffer &buffer,
            const peripheral::LineAdc &adc, int cycles)
      : weights_(weights), buffer_(buffer), adc_(adc), cycles_(cycles) {}

  void products(const crossbar::PhysicalArray &array, const crossbar::InputBatch &inputs,
                std::int64_t *sums) const override;
  std::int64_t conversions_per_window() const override {
    return std::int64_t{weights_.vectors} * buffer_.conversions_per_vector() +
           (weights_.has_unit ? cycles_ : 0);
  }
  int required_bits() const override { return buffer_.required_bits(); }

 private:
  const peripheral::EncodedWeights &weights_;
  const peripheral::AnalogBuffer &buffer_;
  const peripheral::LineAdc &adc_;
  int cycles_;
};

}  // namespace npim::dataflow
