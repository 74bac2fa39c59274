#include "dataflow/ideal_array.h"

#include <algorithm>

namespace npim::dataflow {
namespace {

// A double holds every sum exactly: rows * 255 * 255 stays far below 2^53.
constexpr std::size_t kMostVectors = 256;  // of 512 columns

}  // namespace

device::ProgrammingReport IdealArray::program(const std::int8_t *weights, int rows, int vectors,
                                              int shift) {
  array_.program(weights, rows, vectors, shift);
  return apply_stuck_cells();
}

device::ProgrammingReport IdealArray::program_levels(const std::uint8_t *levels) {
  array_.program_levels(levels);
  return apply_stuck_cells();
}

void IdealArray::stick(int row, int column, bool at_on) {
  const int level = at_on ? geometry().cell.highest() : 0;
  for (StuckCell &cell : stuck_) {
    if (cell.row != row || cell.column != column) continue;
    cell.level = level;
    return;
  }
  stuck_.push_back({row, column, level});
}

device::ProgrammingReport IdealArray::apply_stuck_cells() {
  device::ProgrammingReport report;
  for (const StuckCell &cell : stuck_) {
    if (array_.level(cell.row, cell.column) == cell.level) continue;
    ++report.failed_cells;
    array_.force_level(cell.row, cell.column, cell.level);
  }
  return report;
}

void IdealArray::hold(const Windows &windows, const LayerConverter &, double *held) const {
  std::int32_t sums[kMostVectors];
  const int all = vectors();
  for (int i = 0; i < windows.keys.count; ++i) {
    const std::size_t item = static_cast<std::size_t>(i);
    strategy_.accumulate(array_, windows.inputs + item * static_cast<std::size_t>(windows.rows),
                         windows.rows, sums);
    std::copy_n(sums, all, held + item * static_cast<std::size_t>(all));
  }
}

void IdealArray::convert(WindowKeys windows, const LayerConverter &layer, const double *held,
                         int count, std::int32_t *codes) const {
  const std::size_t first_slot =
      static_cast<std::size_t>(number_) * static_cast<std::size_t>(vectors());
  std::int32_t sums[kMostVectors];
  for (int i = 0; i < windows.count; ++i, held += vectors(), codes += count) {
    for (int v = 0; v < count; ++v) sums[v] = static_cast<std::int32_t>(held[v]);
    layer.ideal->convert(sums, count, codes);
    converters_.apply_faults(first_slot, count, codes);
  }
}

}  // namespace npim::dataflow
