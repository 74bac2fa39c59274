#include "dataflow/strategy_c.h"

#include <vector>

namespace npim::dataflow {

void StrategyC::accumulate(const crossbar::Array &array, const std::uint8_t *inputs, int rows,
                           std::int32_t *sums) const {
  if (kernel_ == Kernel::kFolded) {
    array.dot_products(inputs, rows, sums);
  } else {
    accumulate_per_cycle(array, inputs, rows, sums);
  }
}

void StrategyC::accumulate_per_cycle(const crossbar::Array &array, const std::uint8_t *inputs,
                                     int rows, std::int32_t *sums) const {
  const auto &geometry = array.geometry();
  std::vector<std::uint8_t> slice(static_cast<std::size_t>(rows));
  std::vector<std::int32_t> bit_lines(static_cast<std::size_t>(geometry.columns));
  std::vector<peripheral::HeldSum> held(static_cast<std::size_t>(geometry.vectors()));
  for (int cycle = 0; cycle < dac_.cycles(); ++cycle) {
    dac_.slice(inputs, rows, cycle, slice.data());
    array.bit_line_sums(slice.data(), rows, bit_lines.data());
    shift_add_.accumulate(geometry, bit_lines.data(), cycle == 0, held.data());
  }
  // The converter's full scale refers to the sum before the scaling by 2^-P_D of each later cycle.
  for (std::size_t vector = 0; vector < held.size(); ++vector) {
    sums[vector] = static_cast<std::int32_t>(held[vector].value);
  }
}

void StrategyC::dot_products(const crossbar::Array &array, const std::uint8_t *inputs, int rows,
                             const peripheral::AnalogToDigital &converter,
                             std::int32_t *codes) const {
  accumulate(array, inputs, rows, codes);
  converter.convert(codes, array.geometry().vectors(), codes);
}

}  // namespace npim::dataflow
