#include "cost/window_cycle.h"

#include <algorithm>

#include "cost/dot_product.h"

namespace npim::cost {

using config::ChipConfig;
using config::Dataflow;

std::int64_t conversions_per_array(const ChipConfig &chip) {
  const auto per_vector = static_cast<std::int64_t>(dot_product_actions(chip).conversions);
  // The unit column that the bias is removed with is converted as well.
  const bool has_unit = chip.dataflow == Dataflow::kDigitalAccumulation &&
                        chip.array.encoding == config::WeightEncoding::kBiased;
  return chip.vectors_per_array() * per_vector + (has_unit ? chip.input_cycles() : 0);
}

WindowCycle window_cycle(const ChipConfig &chip) {
  WindowCycle cycle;
  cycle.input_cycles = chip.input_cycles();
  cycle.input_cycle_ns = chip.input_cycle_ns;
  const double conversion_ns = 1e3 / chip.converter_rate_msps();
  cycle.converter_ns = conversion_ns * static_cast<double>(conversions_per_array(chip)) *
                       chip.arrays_per_tile() / chip.converters_per_tile();
  if (chip.dataflow == Dataflow::kDigitalAccumulation) {
    // Sample-and-holds hand over the bit lines of one input cycle during the next one.
    cycle.input_cycle_ns = std::max(cycle.input_cycle_ns, cycle.converter_ns / cycle.input_cycles);
  }
  if (chip.dataflow == Dataflow::kAnalogAccumulation) {
    // An NNS+A takes the vectors that it serves one after the other, one per clock.
    const double served =
        static_cast<double>(chip.vectors_per_array()) * chip.arrays_per_tile() / chip.nnsas();
    cycle.input_cycle_ns = std::max(cycle.input_cycle_ns, served * 1e3 / chip.nnsa_clock_mhz);
  }
  const bool overlapped = chip.pipeline == config::WindowPipeline::kOverlapped;
  cycle.copy_ns = overlapped ? 0 : chip.input_cycle_ns;
  cycle.period_ns =
      std::max(cycle.copy_ns + cycle.input_cycles * cycle.input_cycle_ns, cycle.converter_ns);
  return cycle;
}

double tile_gops(const ChipConfig &chip) {
  const double macs =
      static_cast<double>(chip.array.rows) * chip.vectors_per_array() * chip.arrays_per_tile();
  return 2 * macs / window_cycle(chip).period_ns;
}

}  // namespace npim::cost
