#include "crossbar/physical_array.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace npim::crossbar {
namespace {

constexpr int kMostFractionBits = 12;
constexpr int kLowBits = 14;  // of a folded weight: 512 rows * 255 * 2^14 stays below 2^31
constexpr std::int64_t kLargestSum = std::numeric_limits<std::int32_t>::max();
constexpr double kLargestCell = std::numeric_limits<std::int16_t>::max();
constexpr std::int64_t kLargestSpan = 65535;  // of sums modulo 2^16

std::int64_t to_fixed(double value, int bits) {
  return std::llround(std::ldexp(value, bits));
}

/// Slices of one item as pairs of rows, transformed by `function`: [cycle][pair][2].
template <class Function>
void slice_pairs(const InputBatch &inputs, int item, const Function &function,
                 std::vector<std::int16_t> &pairs) {
  const std::size_t stride = inputs.row_pairs() * 2;
  pairs.assign(static_cast<std::size_t>(inputs.cycles()) * stride, 0);
  for (int cycle = 0; cycle < inputs.cycles(); ++cycle) {
    auto *out = pairs.data() + static_cast<std::size_t>(cycle) * stride;
    for (int row = 0; row < inputs.rows(); ++row) {
      out[row] = static_cast<std::int16_t>(function(inputs.slice(item, row, cycle)));
    }
  }
}

}  // namespace

Tier choose_tier(const Physics &physics) {
  if (physics.per_cell) return Tier::kPerCell;
  const bool ideal = physics.device.cells_are_exact() && !physics.device.reads_are_noisy() &&
                     physics.wires.are_ideal();
  return ideal ? Tier::kIdeal : Tier::kStatistical;
}

const char *name(Tier tier) {
  switch (tier) {
    case Tier::kIdeal:
      return "ideal";
    case Tier::kStatistical:
      return "statistical";
    case Tier::kPerCell:
      break;
  }
  return "per cell";
}

PhysicalArray::PhysicalArray(const device::ArrayGeometry &geometry, const Physics &physics,
                             device::Place place)
    : physics_(&physics),
      levels_(geometry),
      bank_(physics.device, geometry.rows, geometry.columns, geometry.cell, place),
      tier_(choose_tier(physics)) {
  validate(physics.wires);
  if (physics.dac_bits < 1 || physics.dac_bits > 8) {
    throw InputError("key 'dac_bits'",
                     "must be from 1 to 8, found " + std::to_string(physics.dac_bits));
  }
  if (geometry.rows > static_cast<int>(kMostRows)) {
    throw std::invalid_argument("crossbar of more than 512 rows");
  }
  choose_fraction();
  places_.resize(static_cast<std::size_t>(geometry.columns));
  for (int vector = 0; vector < geometry.vectors(); ++vector) {
    for (int digit = 0; digit < geometry.digits(); ++digit) {
      const std::int32_t weight = 1 << (digit * geometry.cell.bits);
      places_[static_cast<std::size_t>(geometry.column(vector, digit, false))] = weight;
      places_[static_cast<std::size_t>(geometry.column(vector, digit, true))] = -weight;
    }
  }
}

std::size_t PhysicalArray::cell_index(int row, int column) const {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(geometry().columns) +
         static_cast<std::size_t>(column);
}

/// The finest fraction with which the sum of a bit line fits 32 bits, with four times the largest
/// ideal sum as room for errors; cells beyond half of that room are clipped.
void PhysicalArray::choose_fraction() {
  const std::int64_t highest_slice = (1 << physics_->dac_bits) - 1;
  const std::int64_t driven = geometry().rows * highest_slice;
  const std::int64_t largest = 4 * driven * geometry().cell.highest();
  fraction_bits_ = kMostFractionBits;
  while (largest << fraction_bits_ > kLargestSum) --fraction_bits_;
  largest_value_ = std::ldexp(static_cast<double>(kLargestSum) / static_cast<double>(driven),
                              -fraction_bits_ - 1);
}

device::ProgrammingReport PhysicalArray::program(const std::int8_t *weights, int rows, int vectors,
                                                 int shift) {
  levels_.program(weights, rows, vectors, shift);
  return program_cells();
}

device::ProgrammingReport PhysicalArray::program_levels(const std::uint8_t *levels) {
  levels_.program_levels(levels);
  return program_cells();
}

device::ProgrammingReport PhysicalArray::program_cells() {
  std::vector<std::uint8_t> levels(cell_index(geometry().rows, 0));
  for (int row = 0; row < geometry().rows; ++row) {
    for (int column = 0; column < geometry().columns; ++column) {
      levels[cell_index(row, column)] = static_cast<std::uint8_t>(levels_.level(row, column));
    }
  }
  const auto report = bank_.program(levels.data());
  fold();
  return report;
}

void PhysicalArray::set_conditions(const device::ReadConditions &conditions) {
  if (!(conditions.seconds_since_programming >= 0) ||
      !std::isfinite(conditions.seconds_since_programming)) {
    throw InputError("key 'seconds_since_programming'", "must be finite and not negative");
  }
  if (!(conditions.temperature_k > 0) || !std::isfinite(conditions.temperature_k)) {
    throw InputError("key 'temperature_k'", "must be positive and finite");
  }
  conditions_ = conditions;
  if (levels_.is_programmed()) fold();
}

void PhysicalArray::stick(int row, int column, bool at_on) {
  if (row < 0 || row >= geometry().rows || column < 0 || column >= geometry().columns) {
    throw std::invalid_argument("no such cell");
  }
  bank_.stick(row, column, at_on);
  if (tier_ == Tier::kIdeal) tier_ = Tier::kStatistical;
}

int PhysicalArray::sensed_level(int row, int column) const {
  const double above = bank_.conductance_s(row, column, conditions_) - physics_->device.g_off();
  return static_cast<int>(std::clamp(std::round(above / bank_.step_s()), 0.0,
                                     static_cast<double>(geometry().cell.highest())));
}

void PhysicalArray::set_digit_factors(std::vector<double> factors) {
  digit_factors_ = std::move(factors);
  if (tier_ == Tier::kIdeal) {
    tier_ = Tier::kStatistical;
    if (levels_.is_programmed()) fold();
    return;
  }
  if (tier_ == Tier::kPerCell || !levels_.is_programmed()) return;
  std::vector<std::int32_t> cells(cell_index(geometry().rows, 0));
  for (int row = 0; row < geometry().rows; ++row) {
    for (int column = 0; column < geometry().columns; ++column) {
      const auto c = static_cast<std::size_t>(column), r = static_cast<std::size_t>(row);
      cells[cell_index(row, column)] = cells_.value[(r / 2 * line_stride() + c) * 2 + r % 2];
    }
  }
  fold_vectors(cells);
}

void PhysicalArray::fold() {
  if (tier_ == Tier::kIdeal) {
    fold_ideal();
    return;
  }
  const std::size_t cells = cell_index(geometry().rows, 0);
  std::vector<double> conductances(cells);
  for (int row = 0; row < geometry().rows; ++row) {
    for (int column = 0; column < geometry().columns; ++column) {
      conductances[cell_index(row, column)] = bank_.conductance_s(row, column, conditions_);
    }
  }
  const auto transfer =
      transfer_matrix(geometry().rows, geometry().columns, conductances, physics_->wires);
  const double step = bank_.step_s(), off = physics_->device.g_off();
  const bool noisy = physics_->device.reads_are_noisy();
  const bool keeps_levels =
      physics_->device.cells_are_exact() && physics_->wires.are_ideal() && !bank_.has_stuck_cells();
  Exact exact;
  exact.value.resize(cells);
  if (noisy) {
    exact.sigma.resize(cells);
    exact.trap.resize(cells);
  }
  for (int row = 0; row < geometry().rows; ++row) {
    for (int column = 0; column < geometry().columns; ++column) {
      const std::size_t cell = cell_index(row, column);
      // Conductances are kept in single precision; a cell that is exactly at its level stays so.
      exact.value[cell] = keeps_levels ? levels_.level(row, column) : (transfer[cell] - off) / step;
      if (!noisy) continue;
      const auto noise = bank_.noise(row, column, conductances[cell]);
      const double share = conductances[cell] == 0 ? 1 : transfer[cell] / conductances[cell];
      exact.sigma[cell] = noise.sigma_s * share / step;
      exact.trap[cell] = noise.trap_s * share / step;
    }
  }
  exact_cells_ = keeps_levels;
  if (tier_ == Tier::kPerCell) {
    exact_ = std::move(exact);
    return;
  }
  std::vector<double> mean = exact.value;
  const double filled = physics_->device.telegraph_noise.filled_probability;
  for (std::size_t cell = 0; cell < exact.trap.size(); ++cell) {
    mean[cell] -= filled * exact.trap[cell];
    exact_cells_ = exact_cells_ && exact.trap[cell] == 0;
  }
  fold_values(mean);
  fold_noise(exact);
}

void PhysicalArray::fold_ideal() {
  exact_cells_ = true;
  noise_ = {};
  cells_ = {};
  std::vector<std::int32_t> levels(cell_index(geometry().rows, 0));
  for (int row = 0; row < geometry().rows; ++row) {
    for (int column = 0; column < geometry().columns; ++column) {
      levels[cell_index(row, column)] = levels_.level(row, column);
    }
  }
  fold_vectors(levels);
}

/// Chooses the finest fraction with which every cell fits 16 bits, every bit line 32 bits and, for
/// 1-bit slices, the span of every bit line 16 bits.
void PhysicalArray::fold_values(const std::vector<double> &value) {
  const int rows = geometry().rows, columns = geometry().columns;
  const std::int64_t highest_slice = (1 << physics_->dac_bits) - 1;
  std::vector<double> span(static_cast<std::size_t>(columns));
  double largest = 0;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const double magnitude = std::abs(value[cell_index(row, column)]);
      largest = std::max(largest, magnitude);
      span[static_cast<std::size_t>(column)] += magnitude;
    }
  }
  const double widest = *std::max_element(span.begin(), span.end());
  const auto fits = [&](int bits) {
    const double rounding = 0.5 * rows;
    const double sum = std::ldexp(widest, bits) + rounding;
    return std::ldexp(largest, bits) < kLargestCell &&
           sum * static_cast<double>(highest_slice) < static_cast<double>(kLargestSum) &&
           (physics_->dac_bits > 1 || sum < static_cast<double>(kLargestSpan));
  };
  cells_ = {};
  cells_.bits = fraction_bits_;
  while (!fits(cells_.bits)) --cells_.bits;

  const std::size_t stride = line_stride(), padded = padded_rows(rows);
  cells_.value.assign(padded * stride, 0);
  cells_.lowest.assign(stride, 0);
  std::vector<std::int32_t> fixed(value.size());
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const auto cell =
          static_cast<std::int16_t>(to_fixed(value[cell_index(row, column)], cells_.bits));
      const auto c = static_cast<std::size_t>(column), r = static_cast<std::size_t>(row);
      fixed[cell_index(row, column)] = cell;
      cells_.value[(r / 2 * stride + c) * 2 + r % 2] = cell;
      if (cell < 0) cells_.lowest[c] += cell;
    }
  }
  fold_vectors(fixed);
}

std::int32_t PhysicalArray::folded_weight(const std::vector<std::int32_t> &cells, int row,
                                          int vector) const {
  std::int32_t weight = 0;
  double exact = 0;
  for (int digit = 0; digit < geometry().digits(); ++digit) {
    const std::int32_t difference =
        cells[cell_index(row, geometry().column(vector, digit, false))] -
        cells[cell_index(row, geometry().column(vector, digit, true))];
    const std::int32_t place = difference * (1 << (digit * geometry().cell.bits));
    weight += place;
    if (!digit_factors_.empty()) exact += place * digit_factors_[static_cast<std::size_t>(digit)];
  }
  return digit_factors_.empty() ? weight : static_cast<std::int32_t>(std::lround(exact));
}

/// Weights of vectors from the cells of their digits, split into parts of 16 bits.
void PhysicalArray::fold_vectors(const std::vector<std::int32_t> &cells) {
  const int rows = geometry().rows, vectors = geometry().vectors();
  const std::size_t stride = padded_rows(rows);
  cells_.high.assign(static_cast<std::size_t>(vectors) * stride, 0);
  cells_.low.assign(tier_ == Tier::kIdeal ? 0 : cells_.high.size(), 0);
  for (int vector = 0; vector < vectors; ++vector) {
    for (int row = 0; row < rows; ++row) {
      const std::int32_t weight = folded_weight(cells, row, vector);
      const auto at = static_cast<std::size_t>(vector) * stride + static_cast<std::size_t>(row);
      if (tier_ == Tier::kIdeal) {
        cells_.high[at] = static_cast<std::int16_t>(weight);
      } else {
        cells_.low[at] = static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1));
        cells_.high[at] = static_cast<std::int16_t>(weight >> kLowBits);
      }
    }
  }
}

bool PhysicalArray::noise_is_by_level() const {
  return exact_cells_ && geometry().cell.bits == 1 && physics_->dac_bits == 1;
}

void PhysicalArray::fold_noise(const Exact &exact) {
  noise_ = {};
  if (exact.sigma.empty()) return;
  noise_.any = true;
  const int rows = geometry().rows, columns = geometry().columns;
  const double filled = physics_->device.telegraph_noise.filled_probability;
  const auto variance = [&](std::size_t cell) {
    const double sigma = exact.sigma[cell], trap = exact.trap[cell];
    return sigma * sigma + trap * trap * filled * (1 - filled);
  };
  noise_.vector_variance.clear();
  double largest = 0;
  for (int row = 0; row < rows; ++row) {
    for (int vector = 0; vector < geometry().vectors(); ++vector) {
      double total = 0;
      for (int digit = 0; digit < geometry().digits(); ++digit) {
        const double both = variance(cell_index(row, geometry().column(vector, digit, false))) +
                            variance(cell_index(row, geometry().column(vector, digit, true)));
        total += std::ldexp(both, 2 * digit * geometry().cell.bits);
      }
      noise_.vector_variance.push_back(static_cast<float>(std::ldexp(total, 2 * fraction_bits_)));
    }
  }
  for (std::size_t cell = 0; cell < exact.sigma.size(); ++cell) {
    largest = std::max(largest, variance(cell));
  }
  for (std::size_t x = 0; x < noise_.input_weight.size(); ++x) {
    for (int place = 0; place < InputBatch::kInputBits; place += physics_->dac_bits) {
      const int slice = (static_cast<int>(x) >> place) & ((1 << physics_->dac_bits) - 1);
      noise_.input_weight[x] += static_cast<float>(std::ldexp(slice * slice, 2 * place));
    }
  }
  if (noise_is_by_level()) {
    noise_.is_by_level = true;
    for (int level = 0; level < 2; ++level) {
      const double sigma = bank_.noise(0, 0, bank_.target_s(level)).sigma_s / bank_.step_s();
      noise_.by_level[level] = std::ldexp(sigma * sigma, 2 * fraction_bits_);
    }
    return;
  }
  // The squares of slices are summed in two parts of up to 255 each.
  const double most = std::min(kLargestCell, static_cast<double>(kLargestSum) / (255.0 * rows));
  noise_.unit = largest / std::floor(most);
  noise_.variance.assign(padded_rows(rows) * line_stride(), 0);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const auto c = static_cast<std::size_t>(column), r = static_cast<std::size_t>(row);
      noise_.variance[(r / 2 * line_stride() + c) * 2 + r % 2] = static_cast<std::int16_t>(
          noise_.unit == 0 ? 0 : std::lround(variance(cell_index(row, column)) / noise_.unit));
    }
  }
  noise_.unit = std::ldexp(noise_.unit, 2 * fraction_bits_);
}

void PhysicalArray::check_inputs(const InputBatch &inputs) const {
  if (inputs.rows() > geometry().rows || inputs.dac_bits() != physics_->dac_bits) {
    throw std::invalid_argument("inputs do not fit the crossbar's rows or DACs");
  }
}

/// Tables pay when they are used often enough.
bool PhysicalArray::use_tables(const InputBatch &inputs) const {
  constexpr int kLeastItems = 8;
  return tier_ == Tier::kStatistical && !exact_cells_ && inputs.dac_bits() == 1 &&
         inputs.size() >= kLeastItems;
}

void PhysicalArray::mean_lines(const InputBatch &inputs, int item, std::int32_t *values) const {
  const std::size_t stride = line_stride();
  if (exact_cells_) {
    const PlaneShape shape = {stride, inputs.row_words(),
                              (static_cast<std::size_t>(geometry().rows) + 63) / 64,
                              geometry().cell.bits, inputs.dac_bits()};
    kernels::plane_sums(shape, levels_.planes(), inputs.planes(item), fraction_bits_, values);
    return;
  }
  thread_local std::vector<std::int16_t> slices;
  slice_pairs(
      inputs, item, [](int x) { return x; }, slices);
  kernels::slice_sums(cells_.value.data(), stride, inputs.row_pairs(), slices.data(),
                      static_cast<std::size_t>(inputs.cycles()), fraction_bits_ - cells_.bits,
                      values);
}

void PhysicalArray::add_line_noise(const InputBatch &inputs, int item, std::int32_t *values) const {
  const std::size_t stride = line_stride();
  const auto cycles = static_cast<std::size_t>(inputs.cycles());
  thread_local std::vector<std::int32_t> low, high;
  thread_local std::vector<std::int16_t> squares;
  const bool has_high = inputs.highest_slice() > 15;
  if (!noise_.is_by_level) {
    low.resize(cycles * stride);
    slice_pairs(
        inputs, item, [](int x) { return x * x & 255; }, squares);
    kernels::slice_sums(noise_.variance.data(), stride, inputs.row_pairs(), squares.data(), cycles,
                        0, low.data());
  }
  if (!noise_.is_by_level && has_high) {
    high.resize(cycles * stride);
    slice_pairs(
        inputs, item, [](int x) { return x * x >> 8; }, squares);
    kernels::slice_sums(noise_.variance.data(), stride, inputs.row_pairs(), squares.data(), cycles,
                        0, high.data());
  }
  thread_local std::vector<float> normals;
  normals.resize(stride);
  for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
    auto *line = values + cycle * stride;
    device::fill_normals(bank_.draw_key(device::Purpose::kReadNoise, inputs.window(item),
                                        static_cast<std::uint32_t>(cycle)),
                         0, stride, normals.data());
    if (noise_.is_by_level) {
      // n1 cells at level 1 and n0 = driven - n1 at level 0, where n1 is the value itself.
      int driven = 0;
      for (std::size_t word = 0; word < inputs.row_words(); ++word) {
        driven += __builtin_popcountll(inputs.planes(item)[cycle * inputs.row_words() + word]);
      }
      const double unit = std::ldexp(noise_.by_level[1] - noise_.by_level[0], -fraction_bits_);
      kernels::add_noise(line, normals.data(), line, nullptr, static_cast<float>(unit),
                         static_cast<float>(noise_.by_level[0] * driven), stride);
    } else {
      kernels::add_noise(line, normals.data(), low.data() + cycle * stride,
                         has_high ? high.data() + cycle * stride : nullptr,
                         static_cast<float>(noise_.unit), 0.0F, stride);
    }
  }
}

void PhysicalArray::oracle_lines(const InputBatch &inputs, int item, std::int32_t *values) const {
  const std::size_t stride = line_stride();
  const bool noisy = !exact_.sigma.empty();
  const double filled = physics_->device.telegraph_noise.filled_probability;
  // Draws of a row start at a group.
  const std::size_t draws =
      (stride + device::kDrawGroup - 1) / device::kDrawGroup * device::kDrawGroup;
  std::vector<float> normals(draws);
  std::vector<std::uint32_t> traps(draws);
  std::vector<double> sums(stride);
  for (int cycle = 0; cycle < inputs.cycles(); ++cycle) {
    std::fill(sums.begin(), sums.end(), 0.0);
    const auto key = [&](device::Purpose purpose) {
      return bank_.draw_key(purpose, inputs.window(item), static_cast<std::uint32_t>(cycle));
    };
    for (int row = 0; row < inputs.rows(); ++row) {
      const int slice = inputs.slice(item, row, cycle);
      if (slice == 0) continue;
      if (noisy) {
        const std::size_t first = static_cast<std::size_t>(row) * draws;
        device::fill_normals(key(device::Purpose::kCellNoise), first, draws, normals.data());
        device::fill_words(key(device::Purpose::kTelegraph), first, draws, traps.data());
      }
      for (int column = 0; column < geometry().columns; ++column) {
        const auto c = static_cast<std::size_t>(column);
        const std::size_t cell = cell_index(row, column);
        double value = exact_.value[cell];
        if (noisy) {
          value += exact_.sigma[cell] * double{normals[c]};
          if ((traps[c] + 0.5) * 0x1p-32 < filled) value -= exact_.trap[cell];
        }
        sums[c] += slice * value;
      }
    }
    for (std::size_t c = 0; c < stride; ++c) {
      values[static_cast<std::size_t>(cycle) * stride + c] = static_cast<std::int32_t>(
          std::clamp(to_fixed(sums[c], fraction_bits_), -kLargestSum, kLargestSum));
    }
  }
}

void PhysicalArray::item_lines(const InputBatch &inputs, int item, std::int32_t *values) const {
  if (tier_ == Tier::kPerCell) {
    oracle_lines(inputs, item, values);
    return;
  }
  mean_lines(inputs, item, values);
  if (noise_.any) add_line_noise(inputs, item, values);
}

void PhysicalArray::bit_lines(const InputBatch &inputs, std::int32_t *values) const {
  check_inputs(inputs);
  const std::size_t item_stride = static_cast<std::size_t>(inputs.cycles()) * line_stride();
  const auto items = static_cast<std::size_t>(inputs.size());
  if (!levels_.is_programmed()) {
    std::fill_n(values, items * item_stride, 0);
    return;
  }
  if (!use_tables(inputs)) {
    for (std::size_t item = 0; item < items; ++item) {
      item_lines(inputs, static_cast<int>(item), values + item * item_stride);
    }
    return;
  }
  const TableShape shape = {line_stride(), inputs.row_groups(), items};
  for (std::size_t column = 0; column < line_stride(); column += kTableColumns) {
    kernels::table_sums(shape, cells_.value.data() + 2 * column, cells_.lowest.data() + column,
                        inputs.table_places(0), fraction_bits_ - cells_.bits, values + column);
  }
  if (!noise_.any) return;
  for (std::size_t item = 0; item < items; ++item) {
    add_line_noise(inputs, static_cast<int>(item), values + item * item_stride);
  }
}

void PhysicalArray::add_digits(const std::int32_t *lines, std::int32_t *sums) const {
  kernels::add_places(lines, places_.data(), 2 * static_cast<std::size_t>(geometry().digits()),
                      static_cast<std::size_t>(geometry().vectors()), sums);
}

/// Whether no code of an ideal crossbar differs from its bit line's value.
bool PhysicalArray::is_lossless(const LineConverter &converter) const {
  const std::int64_t highest_slice = (1 << physics_->dac_bits) - 1;
  return converter.lsb == 1 && converter.lowest <= 0 &&
         converter.highest >= highest_slice * geometry().rows * geometry().cell.highest();
}

/// converted_sums by tables. Totals of a block of items stay in the second-level cache and are kept
/// from call to call: memory of their size would go back to the system after each, and page faults
/// took a fifth of the time.
void PhysicalArray::table_codes(const InputBatch &inputs, const LineConverter &converter,
                                std::int32_t *sums) const {
  constexpr std::size_t kBlockItems = 256;
  const auto items = static_cast<std::size_t>(inputs.size());
  const auto vectors = static_cast<std::size_t>(geometry().vectors());
  const std::size_t stride = line_stride();
  LineConverter in_cells = converter;
  in_cells.lsb = std::ldexp(converter.lsb, cells_.bits);
  thread_local std::vector<std::int32_t> totals;
  totals.resize(std::max(totals.size(), std::min(items, kBlockItems) * stride));
  for (std::size_t first = 0; first < items; first += kBlockItems) {
    const TableShape shape = {stride, inputs.row_groups(), std::min(kBlockItems, items - first)};
    for (std::size_t column = 0; column < stride; column += kTableColumns) {
      kernels::table_codes(shape, cells_.value.data() + 2 * column, cells_.lowest.data() + column,
                           inputs.table_places(static_cast<int>(first)), in_cells,
                           totals.data() + column);
    }
    for (std::size_t item = 0; item < shape.items; ++item) {
      add_digits(totals.data() + item * stride, sums + (first + item) * vectors);
    }
  }
}

void PhysicalArray::converted_sums(const InputBatch &inputs, const LineConverter &converter,
                                   std::int32_t *sums) const {
  check_inputs(inputs);
  const auto items = static_cast<std::size_t>(inputs.size());
  const auto vectors = static_cast<std::size_t>(geometry().vectors());
  const std::size_t stride = line_stride();
  if (!levels_.is_programmed()) {
    std::fill_n(sums, items * vectors, 0);
    return;
  }
  if (tier_ == Tier::kIdeal && is_lossless(converter)) {
    std::vector<std::int64_t> wide(items * vectors);
    vector_sums(inputs, wide.data());
    std::transform(wide.begin(), wide.end(), sums, [&](std::int64_t sum) {
      return static_cast<std::int32_t>(sum >> fraction_bits_);
    });
    return;
  }
  if (use_tables(inputs) && !noise_.any) {
    table_codes(inputs, converter, sums);
    return;
  }
  LineConverter in_values = converter;
  in_values.lsb = std::ldexp(converter.lsb, fraction_bits_);
  std::vector<std::int32_t> values(static_cast<std::size_t>(inputs.cycles()) * stride);
  std::vector<std::int32_t> totals(stride);
  for (std::size_t item = 0; item < items; ++item) {
    item_lines(inputs, static_cast<int>(item), values.data());
    kernels::convert_lines(values.data(), stride, inputs.cycles(), inputs.dac_bits(), in_values,
                           totals.data());
    add_digits(totals.data(), sums + item * vectors);
  }
}

/// Noiseless sums from the folded weights.
void PhysicalArray::vector_sums(const InputBatch &inputs, std::int64_t *sums) const {
  constexpr std::size_t kItems = InputBatch::kItemsPerBlock;
  const auto vectors = static_cast<std::size_t>(geometry().vectors());
  const auto items = static_cast<std::size_t>(inputs.size());
  const std::size_t stride = padded_rows(geometry().rows);
  const bool has_low = !cells_.low.empty();
  const int shift = tier_ == Tier::kIdeal ? fraction_bits_ : fraction_bits_ - cells_.bits;
  std::vector<std::int32_t> high(vectors * kItems), low(has_low ? vectors * kItems : 0);
  for (std::size_t block = 0; block * kItems < items; ++block) {
    const ProductShape shape = {inputs.row_pairs(), stride, vectors};
    kernels::block_products(shape, inputs.pairs(block), cells_.high.data(), high.data());
    if (has_low) {
      kernels::block_products(shape, inputs.pairs(block), cells_.low.data(), low.data());
    }
    const std::size_t first = block * kItems;
    for (std::size_t item = first; item < std::min(items, first + kItems); ++item) {
      for (std::size_t v = 0; v < vectors; ++v) {
        std::int64_t sum = high[v * kItems + item - first];
        if (has_low) sum = sum * (1 << kLowBits) + low[v * kItems + item - first];
        sums[item * vectors + v] = sum * (1 << shift);
      }
    }
  }
}

void PhysicalArray::add_vector_noise(const InputBatch &inputs, std::int64_t *sums) const {
  const auto vectors = static_cast<std::size_t>(geometry().vectors());
  std::vector<float> variance(vectors), normals(vectors);
  for (int item = 0; item < inputs.size(); ++item) {
    std::fill(variance.begin(), variance.end(), 0.0F);
    const auto *cell = noise_.vector_variance.data();
    for (int row = 0; row < inputs.rows(); ++row) {
      const float x = noise_.input_weight[inputs.input(item)[row]];
      for (std::size_t v = 0; v < vectors; ++v) variance[v] += x * *cell++;
    }
    device::fill_normals(bank_.draw_key(device::Purpose::kVectorNoise, inputs.window(item)), 0,
                         vectors, normals.data());
    for (std::size_t v = 0; v < vectors; ++v) {
      sums[static_cast<std::size_t>(item) * vectors + v] +=
          std::llround(double{normals[v]} * std::sqrt(double{variance[v]}));
    }
  }
}

void PhysicalArray::weighted_sums(const InputBatch &inputs, std::int64_t *sums) const {
  check_inputs(inputs);
  const auto items = static_cast<std::size_t>(inputs.size());
  const auto vectors = static_cast<std::size_t>(geometry().vectors());
  if (!levels_.is_programmed()) {
    std::fill_n(sums, items * vectors, 0);
    return;
  }
  if (tier_ != Tier::kPerCell) {
    vector_sums(inputs, sums);
    if (noise_.any) add_vector_noise(inputs, sums);
    return;
  }
  const std::size_t stride = line_stride();
  std::vector<std::int32_t> values(static_cast<std::size_t>(inputs.cycles()) * stride);
  for (std::size_t item = 0; item < items; ++item) {
    auto *out = sums + item * vectors;
    std::fill_n(out, vectors, 0);
    oracle_lines(inputs, static_cast<int>(item), values.data());
    for (int cycle = 0; cycle < inputs.cycles(); ++cycle) {
      const auto *lines = values.data() + static_cast<std::size_t>(cycle) * stride;
      for (int column = 0; column < geometry().vectors() * 2 * geometry().digits(); ++column) {
        const auto c = static_cast<std::size_t>(column);
        out[column / (2 * geometry().digits())] +=
            std::int64_t{lines[c]} * places_[c] * (1 << (cycle * inputs.dac_bits()));
      }
    }
  }
}

}  // namespace npim::crossbar
