#include "dataflow/strategy_b.h"

#include <cmath>

namespace npim::dataflow {

void StrategyB::products(const crossbar::PhysicalArray &array, const crossbar::InputBatch &inputs,
                         std::int64_t *sums) const {
  const std::size_t stride = array.line_stride();
  const std::size_t per_item = static_cast<std::size_t>(inputs.cycles()) * stride;
  std::vector<std::int32_t> lines(static_cast<std::size_t>(inputs.size()) * per_item);
  array.bit_lines(inputs, lines.data());
  const double scale = std::ldexp(1.0, -array.fraction_bits());
  std::vector<double> values(per_item);
  for (int item = 0; item < inputs.size(); ++item) {
    const auto *from = lines.data() + static_cast<std::size_t>(item) * per_item;
    for (std::size_t i = 0; i < per_item; ++i) values[i] = from[i] * scale;
    const auto &place = array.place();
    const device::DrawKey key = {place.seed, place.tile, place.array, inputs.window(item)};
    buffer_.products(values.data(), stride, adcs_, key,
                     sums + static_cast<std::ptrdiff_t>(item) * weights_.vectors);
  }
}

}  // namespace npim::dataflow
