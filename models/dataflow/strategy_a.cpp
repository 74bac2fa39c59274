#include "dataflow/strategy_a.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "peripheral/line_range.h"

namespace npim::dataflow {

std::int64_t largest_line_sum(const device::ArrayGeometry &geometry, bool flip, int dac_bits) {
  const std::int64_t sum =
      std::int64_t{geometry.rows} * geometry.cell.highest() * ((1 << dac_bits) - 1);
  return flip ? sum / 2 : sum;
}

StrategyA::StrategyA(const peripheral::EncodedWeights &weights, peripheral::AdcOfVector adcs,
                     int adc_bits, int dac_bits, std::int64_t largest_sum,
                     peripheral::InputCode code)
    : weights_(weights),
      adcs_(std::move(adcs)),
      shift_add_(weights, dac_bits, crossbar::InputBatch::kInputBits, code),
      cycles_((crossbar::InputBatch::kInputBits + dac_bits - 1) / dac_bits),
      largest_sum_(largest_sum),
      lsb_(static_cast<std::int64_t>(std::max(1.0, peripheral::code_step(largest_sum, adc_bits)))) {
}

StrategyA::StrategyA(const peripheral::EncodedWeights &weights, const peripheral::LineAdc &adc,
                     int dac_bits, std::int64_t largest_sum, peripheral::InputCode code)
    : StrategyA(
          weights, [&adc](int) -> const peripheral::LineAdc & { return adc; }, adc.bits(), dac_bits,
          largest_sum, code) {}

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

/// In the order of the columns; those that hold nothing are not converted.
std::vector<StrategyA::Run> StrategyA::runs() const {
  std::vector<Run> runs;
  const peripheral::LineAdc *adc = nullptr;
  int vector = peripheral::kNoVector;  // that `adc` serves
  for (std::size_t column = 0; column < weights_.lines.size(); ++column) {
    const peripheral::BitLine &line = weights_.lines[column];
    if (line.vector == peripheral::kNoVector && !line.is_unit) continue;
    const int served = line.is_unit ? 0 : line.vector;
    if (served != vector) adc = &adcs_(served);
    vector = served;
    const bool goes_on =
        !runs.empty() && runs.back().adc == adc && runs.back().first + runs.back().count == column;
    if (goes_on) {
      ++runs.back().count;
    } else {
      runs.push_back({adc, column, 1});
    }
  }
  return runs;
}

void StrategyA::convert(const std::vector<Run> &runs, const std::int32_t *values, float scale,
                        const device::DrawKey &key, Cycle &cycle) const {
  const std::size_t stride = cycle.inputs_lsb.size();
  for (std::size_t column = 0; column < stride; ++column) {
    cycle.inputs_lsb[column] = static_cast<float>(values[column]) * scale;
  }
  if (cycle.draws > 0) {
    device::fill_normals(key, 0, cycle.normals.size(), cycle.normals.data());
  }
  for (const Run &run : runs) {
    run.adc->convert(cycle.inputs_lsb.data() + run.first, cycle.normals.data() + run.first, stride,
                     run.count, cycle.codes.data() + run.first);
  }
  if (lsb_ == 1) return;
  for (std::int32_t &code : cycle.codes) code *= static_cast<std::int32_t>(lsb_);
}

void StrategyA::products(const crossbar::PhysicalArray &array, const crossbar::InputBatch &inputs,
                         std::int64_t *sums) const {
  const std::size_t stride = array.line_stride();
  const auto cycles = static_cast<std::size_t>(inputs.cycles());
  std::vector<std::int32_t> values(static_cast<std::size_t>(inputs.size()) * cycles * stride);
  array.bit_lines(inputs, values.data());
  const auto scale =
      static_cast<float>(std::ldexp(1.0, -array.fraction_bits()) / static_cast<double>(lsb_));
  const auto vectors = static_cast<std::size_t>(weights_.vectors);
  const std::vector<Run> runs = this->runs();
  Cycle work;
  if (!runs.empty()) work.draws = static_cast<std::size_t>(runs.front().adc->draws());
  work.inputs_lsb.resize(stride);
  work.codes.resize(stride);
  work.normals.resize((std::max<std::size_t>(1, work.draws) * stride + device::kDrawGroup - 1) /
                      device::kDrawGroup * device::kDrawGroup);
  std::vector<peripheral::HeldSum> held(vectors);
  for (int item = 0; item < inputs.size(); ++item) {
    for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
      const auto &place = array.place();
      convert(runs, values.data() + (static_cast<std::size_t>(item) * cycles + cycle) * stride,
              scale,
              {place.seed, place.tile, place.array, inputs.window(item),
               static_cast<std::uint32_t>(cycle), device::Purpose::kConverter},
              work);
      shift_add_.accumulate(array.geometry(), work.codes.data(), cycle == 0, held.data());
    }
    for (std::size_t v = 0; v < vectors; ++v) {
      sums[static_cast<std::size_t>(item) * vectors + v] = held[v].value;
    }
  }
}

}  // namespace npim::dataflow
