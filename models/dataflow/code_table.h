// A converter's transfer as a table: codes of a static converter are a function of its input, so an
// instance that has been swept once need not be evaluated again. Transitions are located to 1 / 64
// of a cell of an eighth of a code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace npim::dataflow {

class CodeTable {
 public:
  /// Codes of `count` inputs in volts.
  using Convert = std::function<void(const float *inputs_v, std::size_t count, std::int32_t *)>;

  /// Sweeps +-limit_v, beyond which the codes of the ends hold; about 8 cells per lsb_v.
  CodeTable(const Convert &convert, double limit_v, double lsb_v);

  std::int32_t code(double input_v) const {
    const double position = input_v * cells_per_v_ + middle_;
    const double inside = position < 0 ? 0 : position > highest_ ? highest_ : position;
    const Cell &cell = cells_[static_cast<std::size_t>(inside)];
    return inside < cell.transition ? cell.below : cell.above;
  }

 private:
  struct Cell {
    float transition;
    std::int16_t below, above;
  };
  void locate(const Convert &convert, const std::vector<std::int32_t> &codes);
  double at(double position) const { return (position - middle_) / cells_per_v_; }

  double cells_per_v_, middle_, highest_;
  std::vector<Cell> cells_;
};

}  // namespace npim::dataflow
