#include "dataflow/strategy_a.h"

#include <algorithm>
#include <cmath>

#include "peripheral/line_range.h"

namespace npim::dataflow {

std::int64_t largest_line_sum(const device::ArrayGeometry &geometry, bool flip, int dac_bits) {
  const std::int64_t sum =
      std::int64_t{geometry.rows} * geometry.cell.highest() * ((1 << dac_bits) - 1);
  return flip ? sum / 2 : sum;
}

StrategyA::StrategyA(const peripheral::EncodedWeights &weights, const peripheral::LineAdc &adc,
                     int dac_bits, std::int64_t largest_sum, peripheral::InputCode code)
    : weights_(weights),
      adc_(adc),
      shift_add_(weights, dac_bits, crossbar::InputBatch::kInputBits, code),
      cycles_((crossbar::InputBatch::kInputBits + dac_bits - 1) / dac_bits),
      largest_sum_(largest_sum),
      lsb_(static_cast<std::int64_t>(
          std::max(1.0, peripheral::code_step(largest_sum, adc.bits())))) {}

int StrategyA::required_bits() const {
  return peripheral::bits_of(largest_sum_);
}

std::int64_t StrategyA::conversions_per_window() const {
  const auto used = std::count_if(weights_.lines.begin(), weights_.lines.end(),
                                  [](const peripheral::BitLine &line) {
                                    return line.vector != peripheral::kNoVector || line.is_unit;
                                  });
  return std::int64_t{cycles_} * used;
}

void StrategyA::convert(const std::int32_t *values, double scale, device::DrawKey key,
                        std::vector<float> &normals, std::vector<std::int32_t> &codes) const {
  const auto draws = static_cast<std::size_t>(adc_.draws());
  if (draws > 0) {
    const std::size_t count = draws * codes.size();
    normals.resize((count + device::kDrawGroup - 1) / device::kDrawGroup * device::kDrawGroup);
    device::fill_normals(key, 0, normals.size(), normals.data());
  }
  for (std::size_t column = 0; column < codes.size(); ++column) {
    codes[column] = static_cast<std::int32_t>(
        lsb_ * adc_.convert(values[column] * scale, normals.data() + draws * column));
  }
}

void StrategyA::products(const crossbar::PhysicalArray &array, const crossbar::InputBatch &inputs,
                         std::int64_t *sums) const {
  const std::size_t stride = array.line_stride();
  const auto cycles = static_cast<std::size_t>(inputs.cycles());
  std::vector<std::int32_t> values(static_cast<std::size_t>(inputs.size()) * cycles * stride);
  array.bit_lines(inputs, values.data());
  const double scale = std::ldexp(1.0, -array.fraction_bits()) / static_cast<double>(lsb_);
  const auto vectors = static_cast<std::size_t>(weights_.vectors);
  std::vector<std::int32_t> codes(weights_.lines.size());
  std::vector<float> normals;
  std::vector<peripheral::HeldSum> held(vectors);
  for (int item = 0; item < inputs.size(); ++item) {
    for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
      const auto &place = array.place();
      convert(values.data() + (static_cast<std::size_t>(item) * cycles + cycle) * stride, scale,
              {place.seed, place.tile, place.array, inputs.window(item),
               static_cast<std::uint32_t>(cycle), device::Purpose::kConverter},
              normals, codes);
      shift_add_.accumulate(array.geometry(), codes.data(), cycle == 0, held.data());
    }
    for (std::size_t v = 0; v < vectors; ++v) {
      sums[static_cast<std::size_t>(item) * vectors + v] = held[v].value;
    }
  }
}

}  // namespace npim::dataflow
