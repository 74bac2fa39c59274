// Strategy B, analog buffering as in CASCADE ([NP] section 3, Eq. 4 and 5; [CA]): bit-line sums
// wait in RRAM buffer cells until all slices are through; then buffer columns are converted.
#pragma once

#include <utility>

#include "dataflow/line_dataflow.h"
#include "peripheral/analog_buffer.h"

namespace npim::dataflow {

class StrategyB : public LineDataflow {
 public:
  /// Converters serve the buffer columns of their vector, that of vector 0 also the unit columns'.
  /// All references must outlive the strategy.
  StrategyB(const peripheral::EncodedWeights &weights, const peripheral::AnalogBuffer &buffer,
            peripheral::AdcOfVector adcs, int cycles)
      : weights_(weights), buffer_(buffer), adcs_(std::move(adcs)), cycles_(cycles) {}
  /// One converter serves the whole array.
  StrategyB(const peripheral::EncodedWeights &weights, const peripheral::AnalogBuffer &buffer,
            const peripheral::LineAdc &adc, int cycles)
      : StrategyB(
            weights, buffer, [&adc](int) -> const peripheral::LineAdc & { return adc; }, cycles) {}

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
  peripheral::AdcOfVector adcs_;
  int cycles_;
};

}  // namespace npim::dataflow
