#include "cost/dot_product.h"

#include <algorithm>

namespace npim::cost {

using config::Dataflow;

DotProductActions dot_product_actions(const config::ChipConfig &chip) {
  const auto cycles = static_cast<std::uint64_t>(chip.input_cycles());
  const std::uint64_t bit_lines = cycles * static_cast<std::uint64_t>(chip.columns_per_vector());
  DotProductActions actions;
  switch (chip.dataflow) {
    case Dataflow::kDigitalAccumulation:
      // Every bit line is converted in every cycle; the sum goes on after each cycle.
      actions.converter = Part::kAdc;
      actions.conversions = bit_lines;
      actions.register_writes = cycles;
      actions.accumulation = {{Part::kSampleHold, bit_lines}, {Part::kShiftAdd, bit_lines}};
      break;
    case Dataflow::kAnalogBuffering: {
      // Buffer columns that are not converted on their own have been added to their neighbours.
      const std::uint64_t columns = cycles + static_cast<std::uint64_t>(chip.weight_columns()) - 1;
      actions.converter = Part::kAdc;
      actions.conversions = static_cast<std::uint64_t>(chip.buffer.conversions_per_vector);
      actions.register_writes = actions.conversions;
      actions.accumulation = {
          {Part::kTia, bit_lines},
          {Part::kBufferArray, bit_lines},
          {Part::kSummingAmplifier, columns - std::min(columns, actions.conversions)},
          {Part::kShiftAdd, actions.conversions}};
      break;
    }
    case Dataflow::kAnalogAccumulation:
      // A sample-and-hold for each bit line, and the pair that holds a vector's running sum.
      actions.accumulation = {{Part::kSampleHold, bit_lines + 2 * cycles}, {Part::kNnsa, cycles}};
      break;
  }
  return actions;
}

}  // namespace npim::cost
