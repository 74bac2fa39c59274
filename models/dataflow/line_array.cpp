#include "dataflow/line_array.h"

#include <algorithm>
#include <stdexcept>

#include "base/error.h"

namespace npim::dataflow {
namespace {

constexpr std::uint32_t kConverterPart = 0xADC0;

device::ArrayGeometry with_units(device::ArrayGeometry geometry,
                                 const peripheral::LayoutOptions &layout) {
  if (layout.needs_unit()) geometry.columns += layout.unit_columns;
  return geometry;
}

}  // namespace

LineArray::LineArray(const device::ArrayGeometry &geometry, const crossbar::Physics &physics,
                     const peripheral::Baseline &baseline, device::Place place, bool exact_parts)
    : geometry_(geometry),
      baseline_(baseline),
      exact_parts_(exact_parts),
      dac_bits_(physics.dac_bits),
      cycles_((crossbar::InputBatch::kInputBits + physics.dac_bits - 1) / physics.dac_bits),
      line_geometry_(with_units(geometry, baseline.layout)),
      array_(line_geometry_, physics, place),
      buffer_parameters_(baseline.buffer) {
  if (baseline.layout.mapping == peripheral::WeightMapping::kBiased) {
    throw InputError(baseline.name, "key 'weight_encoding': a simulated chip stores W_P and W_N");
  }
  if (exact_parts) {
    adc_ = std::make_unique<peripheral::IdealAdc>(baseline.adc.bits);
    if (buffer_parameters_) {
      const auto cell = buffer_parameters_->cell.cell;
      *buffer_parameters_ = {};
      buffer_parameters_->cell.cell = cell;
      buffer_parameters_->conversions_per_vector = baseline.buffer->conversions_per_vector;
      buffer_parameters_->subtracts = baseline.buffer->subtracts;
    }
  } else {
    RandomStream capacitors(place.seed, place.tile << 16 | place.array, kConverterPart);
    adc_ = std::make_unique<peripheral::SarAdc>(baseline.adc, capacitors);
  }
  const std::int8_t nothing = 0;
  encoded_ = peripheral::encode_weights(line_geometry_, baseline_.layout, &nothing, 0, vectors());
  make_strategy();
}

void LineArray::make_strategy() {
  const std::int64_t largest = largest_line_sum(line_geometry_, baseline_.layout.flip, dac_bits_);
  if (!buffer_parameters_) {
    strategy_ = std::make_unique<StrategyA>(encoded_, *adc_, dac_bits_, largest);
    return;
  }
  const auto &place = array_.place();
  RandomStream chip(place.seed, place.tile << 16 | place.array, kConverterPart + 1);
  buffer_ = std::make_unique<peripheral::AnalogBuffer>(encoded_, *buffer_parameters_, dac_bits_,
                                                       cycles_, largest, chip);
  strategy_ = std::make_unique<StrategyB>(encoded_, *buffer_, *adc_, cycles_);
}

/// The cells of the unit columns go to level 0; no column is flipped.
device::ProgrammingReport LineArray::program_levels(const std::uint8_t *levels) {
  const std::int8_t nothing = 0;
  rows_ = 0;
  encoded_ = peripheral::encode_weights(line_geometry_, baseline_.layout, &nothing, 0, vectors());
  make_strategy();
  const auto columns = static_cast<std::size_t>(geometry_.columns);
  const auto all = static_cast<std::size_t>(line_geometry_.columns);
  std::vector<std::uint8_t> padded(static_cast<std::size_t>(geometry_.rows) * all);
  for (std::size_t row = 0; row < static_cast<std::size_t>(geometry_.rows); ++row) {
    std::copy_n(levels + row * columns, columns,
                padded.begin() + static_cast<std::ptrdiff_t>(row * all));
  }
  return array_.program_levels(padded.data());
}

device::ProgrammingReport LineArray::program(const std::int8_t *weights, int rows, int vectors,
                                             int shift) {
  if (shift != 0) throw std::invalid_argument("strategies A and B take no shifted weights");
  // Vectors that are not used hold zeros.
  const auto all = static_cast<std::size_t>(geometry_.vectors());
  std::vector<std::int8_t> padded(static_cast<std::size_t>(rows) * all);
  for (int row = 0; row < rows; ++row) {
    std::copy_n(weights + std::ptrdiff_t{row} * vectors, vectors,
                padded.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * all));
  }
  rows_ = rows;
  encoded_ = peripheral::encode_weights(line_geometry_, baseline_.layout, padded.data(), rows,
                                        geometry_.vectors());
  make_strategy();
  return array_.program_levels(encoded_.levels.data());
}

int LineArray::level(int row, int column) const {
  const int stored = array_.levels().level(row, column);
  const int own = column % 2 == 0 ? 1 : -1;
  const bool is_flipped = encoded_.lines[static_cast<std::size_t>(column)].polarity != own;
  return is_flipped && row < rows_ ? geometry_.cell.highest() - stored : stored;
}

void LineArray::hold(const Windows &windows, const LayerConverter &, double *held) const {
  const auto all = static_cast<std::size_t>(geometry_.vectors());
  const crossbar::InputBatch batch(windows.inputs, windows.keys.count, windows.rows, dac_bits_,
                                   windows.keys.first);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(windows.keys.count) * all);
  strategy_->products(array_, batch, sums.data());
  std::transform(sums.begin(), sums.end(), held,
                 [](std::int64_t sum) { return static_cast<double>(sum); });
}

void LineArray::convert(WindowKeys windows, const LayerConverter &, const double *held, int count,
                        std::int32_t *codes) const {
  for (int i = 0; i < windows.count; ++i, held += geometry_.vectors()) {
    for (int v = 0; v < count; ++v) *codes++ = static_cast<std::int32_t>(held[v]);
  }
}

}  // namespace npim::dataflow
