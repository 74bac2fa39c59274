// The RRAM cell as a store of a few discrete levels, and how a weight's magnitude is spread over
// cells. [NP] section 5: 1-bit cells, so 8 cells per polarity of an 8-bit weight; cells of up to 4
// bits are parameters of the design space. Conductances, noise and programming error come with the
// statistical and circuit fidelities.
#pragma once

#include "config/chip_config.h"

namespace npim::device {

/// The levels of one cell: 0 .. highest().
struct CellLevels {
  int bits = 1;

  int count() const { return 1 << bits; }
  int highest() const { return count() - 1; }
  /// Level of the cell that holds digit `digit` (least significant is 0) of a magnitude.
  int digit(unsigned magnitude, int digit) const {
    return static_cast<int>((magnitude >> (digit * bits)) & static_cast<unsigned>(highest()));
  }
};

/// The geometry of a crossbar, shared by all arrays of a chip.
struct ArrayGeometry {
  int rows = 128;     ///< word lines
  int columns = 128;  ///< bit lines
  CellLevels cell;
  int weight_bits = 8;

  explicit ArrayGeometry(const config::ChipConfig::Array &array)
      : rows(array.rows),
        columns(array.columns),
        cell{array.cell_bits},
        weight_bits(array.weight_bits) {}

  /// Cells for the magnitude of a weight: -128 needs all weight_bits.
  int digits() const { return (weight_bits + cell.bits - 1) / cell.bits; }
  /// Signed weights per word line: W_P and W_N take a column each for every digit.
  int vectors() const { return columns / (2 * digits()); }
  /// Bit line of digit `digit` of W_P (negative = false) or W_N of vector `vector`.
  int column(int vector, int digit, bool negative) const {
    return 2 * (vector * digits() + digit) + (negative ? 1 : 0);
  }
};

}  // namespace npim::device
