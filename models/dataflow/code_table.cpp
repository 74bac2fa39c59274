#include "dataflow/code_table.h"

#include <cmath>

namespace npim::dataflow {
namespace {

constexpr double kCellsPerLsb = 8;
constexpr int kBisections = 6;

}  // namespace

CodeTable::CodeTable(const Convert &convert, double limit_v, double lsb_v) {
  const auto cells = static_cast<std::size_t>(std::ceil(2 * limit_v / lsb_v * kCellsPerLsb));
  cells_per_v_ = static_cast<double>(cells) / (2 * limit_v);
  middle_ = static_cast<double>(cells) / 2;
  highest_ = std::nextafter(static_cast<double>(cells), 0.0);
  cells_.resize(cells);
  std::vector<float> nodes;
  nodes.reserve(cells + 1);
  for (std::size_t i = 0; i <= cells; ++i) {
    nodes.push_back(static_cast<float>(at(static_cast<double>(i))));
  }
  std::vector<std::int32_t> codes(nodes.size());
  convert(nodes.data(), nodes.size(), codes.data());
  locate(convert, codes);
}

/// Bisects all cells in which the code changes, at once.
void CodeTable::locate(const Convert &convert, const std::vector<std::int32_t> &codes) {
  std::vector<std::size_t> changing;
  std::vector<double> low, high;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    cells_[i] = {static_cast<float>(i), static_cast<std::int16_t>(codes[i]),
                 static_cast<std::int16_t>(codes[i + 1])};
    if (codes[i] == codes[i + 1]) continue;
    changing.push_back(i);
    low.push_back(static_cast<double>(i));
    high.push_back(static_cast<double>(i + 1));
  }
  std::vector<float> inputs(changing.size());
  std::vector<std::int32_t> found(changing.size());
  for (int step = 0; step < kBisections; ++step) {
    for (std::size_t k = 0; k < changing.size(); ++k) {
      inputs[k] = static_cast<float>(at((low[k] + high[k]) / 2));
    }
    convert(inputs.data(), inputs.size(), found.data());
    for (std::size_t k = 0; k < changing.size(); ++k) {
      (found[k] == codes[changing[k]] ? low[k] : high[k]) = (low[k] + high[k]) / 2;
    }
  }
  for (std::size_t k = 0; k < changing.size(); ++k) {
    cells_[changing[k]].transition = static_cast<float>((low[k] + high[k]) / 2);
  }
}

}  // namespace npim::dataflow
