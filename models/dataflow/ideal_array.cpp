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
  return {};
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
  std::int32_t sums[kMostVectors];
  for (int i = 0; i < windows.count; ++i, held += vectors(), codes += count) {
    for (int v = 0; v < count; ++v) sums[v] = static_cast<std::int32_t>(held[v]);
    layer.ideal->convert(sums, count, codes);
  }
}

}  // namespace npim::dataflow
