#include "dataflow/line_array.h"

#include <algorithm>
#include <stdexcept>

namespace npim::dataflow {
namespace {

constexpr std::uint32_t kBufferPart = 0xADC1;

device::ArrayGeometry with_units(device::ArrayGeometry geometry,
                                 const peripheral::LayoutOptions &layout) {
  if (layout.needs_unit()) geometry.columns += layout.unit_columns;
  return geometry;
}

device::Place bank_place(const LineChip &chip, ArrayPlace place) {
  return {chip.config.analog.seed, static_cast<std::uint32_t>(place.tile),
          static_cast<std::uint32_t>(place.array)};
}

}  // namespace

LineArray::LineArray(const LineChip &chip, ArrayPlace place, const ConverterBank &converters)
    : chip_(chip),
      place_(place),
      converters_(converters),
      adcs_(chip.parts.adcs(place.tile)),
      line_geometry_(with_units(chip.geometry, chip.parts.baseline().layout)),
      cells_(line_geometry_, chip.physics, bank_place(chip, place)) {
  const auto &analog = chip.config.analog;
  cells_.set_conditions({analog.seconds_since_programming, analog.temperature_k});
  const std::int8_t nothing = 0;
  encode(&nothing, 0);
}

std::size_t LineArray::first_slot() const {
  return static_cast<std::size_t>(place_.array) * static_cast<std::size_t>(vectors());
}

void LineArray::encode(const std::int8_t *weights, int rows) {
  const peripheral::Baseline &baseline = chip_.parts.baseline();
  const int dac_bits = chip_.config.dac_bits, cycles = chip_.config.input_cycles();
  const std::int64_t largest = largest_line_sum(line_geometry_, baseline.layout.flip, dac_bits);
  rows_ = rows;
  encoded_ = peripheral::encode_weights(line_geometry_, baseline.layout, weights, rows, vectors());
  const auto adc_of = [this](int vector) -> const peripheral::LineAdc & {
    const int converter = converters_.serving(first_slot() + static_cast<std::size_t>(vector));
    return adcs_[static_cast<std::size_t>(converter)];
  };
  if (!baseline.buffer) {
    strategy_ = std::make_unique<StrategyA>(encoded_, adc_of, baseline.adc.bits, dac_bits, largest);
    return;
  }
  const device::Place place = cells_.place();
  RandomStream gains(place.seed, place.tile << 16 | place.array, kBufferPart);
  buffer_ = std::make_unique<peripheral::AnalogBuffer>(encoded_, *baseline.buffer, dac_bits, cycles,
                                                       largest, gains, chip_.parts.cell_moments());
  strategy_ = std::make_unique<StrategyB>(encoded_, *buffer_, adc_of, cycles);
}

/// failed_cells: also of unit columns.
device::ProgrammingReport LineArray::program_cells(const std::uint8_t *levels) {
  device::ProgrammingReport report = cells_.program_levels(levels);
  report.failed_cells = 0;
  for (int row = 0; row < line_geometry_.rows; ++row) {
    for (int column = 0; column < line_geometry_.columns; ++column) {
      report.failed_cells += cells_.sensed_level(row, column) != cells_.levels().level(row, column);
    }
  }
  return report;
}

/// The cells of the unit columns go to level 0; no column is flipped.
device::ProgrammingReport LineArray::program_levels(const std::uint8_t *levels) {
  const std::int8_t nothing = 0;
  encode(&nothing, 0);
  const auto columns = static_cast<std::size_t>(geometry().columns);
  const auto all = static_cast<std::size_t>(line_geometry_.columns);
  std::vector<std::uint8_t> padded(static_cast<std::size_t>(geometry().rows) * all);
  for (std::size_t row = 0; row < static_cast<std::size_t>(geometry().rows); ++row) {
    std::copy_n(levels + row * columns, columns,
                padded.begin() + static_cast<std::ptrdiff_t>(row * all));
  }
  return program_cells(padded.data());
}

device::ProgrammingReport LineArray::program(const std::int8_t *weights, int rows, int vectors,
                                             int shift) {
  if (shift != 0) throw std::invalid_argument("strategies A and B take no shifted weights");
  if (rows < 0 || rows > geometry().rows || vectors < 0 || vectors > geometry().vectors()) {
    throw std::invalid_argument("more weights than the array has room for");
  }
  // Vectors that are not used hold zeros.
  const auto all = static_cast<std::size_t>(geometry().vectors());
  std::vector<std::int8_t> padded(static_cast<std::size_t>(rows) * all);
  for (int row = 0; row < rows; ++row) {
    std::copy_n(weights + std::ptrdiff_t{row} * vectors, vectors,
                padded.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * all));
  }
  encode(padded.data(), rows);
  return program_cells(encoded_.levels.data());
}

int LineArray::level(int row, int column) const {
  const int stored = cells_.sensed_level(row, column);
  const int own = column % 2 == 0 ? 1 : -1;
  const peripheral::BitLine &line = encoded_.lines[static_cast<std::size_t>(column)];
  const bool is_flipped = line.vector != peripheral::kNoVector && line.polarity != own;
  return is_flipped && row < rows_ ? geometry().cell.highest() - stored : stored;
}

/// Registers and adders are as wide as exact sums ask for, and saturate.
void LineArray::hold(const Windows &windows, const LayerConverter &layer, double *held) const {
  const auto all = static_cast<std::size_t>(vectors());
  const crossbar::InputBatch batch(windows.inputs, windows.keys.count, windows.rows,
                                   chip_.config.dac_bits, windows.keys.first);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(windows.keys.count) * all);
  strategy_->products(cells_, batch, sums.data());
  const std::int64_t most = layer.ideal->code_bound(windows.rows);
  std::transform(sums.begin(), sums.end(), held, [most](std::int64_t sum) {
    return static_cast<double>(std::clamp(sum, -most, most));
  });
}

/// A broken converter gives its code for the whole dot product, as on the ideal chip.
void LineArray::convert(WindowKeys windows, const LayerConverter &, const double *held, int count,
                        std::int32_t *codes) const {
  for (int i = 0; i < windows.count; ++i, held += vectors(), codes += count) {
    for (int v = 0; v < count; ++v) codes[v] = static_cast<std::int32_t>(held[v]);
    converters_.apply_faults(first_slot(), count, codes);
  }
}

}  // namespace npim::dataflow
