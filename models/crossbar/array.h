// One programmed RRAM crossbar. W = W_P - W_N with W_P and W_N in adjacent bit lines ([NP] section
// 5): bit line 2k holds digit k of W_P, 2k + 1 that of W_N. The cells are the truth; the signed
// weights that the fast kernel uses are folded from them once after programming.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "device/cell.h"

namespace npim::crossbar {

class Array {
 public:
  /// All cells are at level 0 and cost no memory until the first programming. `geometry` must
  /// outlive the array.
  explicit Array(const device::ArrayGeometry &geometry) : geometry_(&geometry) {}

  const device::ArrayGeometry &geometry() const { return *geometry_; }
  bool is_programmed() const { return cells_ != nullptr; }

  /// Programs signed weights [row][vector] (row-major, `rows` x `vectors`, at most the geometry's);
  /// all other cells go to level 0. The cells hold the magnitudes times 2^shift. Throws
  /// std::invalid_argument when the shape or a shifted weight does not fit.
  void program(const std::int8_t *weights, int rows, int vectors, int shift = 0);
  /// Programs levels [row][column] of the whole array, for weights in another layout than W_P, W_N
  /// (peripheral/column_layout.h); only the bit lines are then of use.
  void program_levels(const std::uint8_t *levels);
  /// Levels as bit planes [bit][word of 64 rows][column]: bit r % 64 of a word is row r. Columns
  /// are padded to a multiple of kColumnPadding with zeros. Null before the first programming.
  const std::uint64_t *planes() const { return cells_ ? cells_->planes.data() : nullptr; }
  /// Puts one cell of a programmed array at a level, as a fault does.
  void force_level(int row, int column, int level);
  /// Level of one cell.
  int level(int row, int column) const;
  /// The signed weight that the cells of (row, vector) store, with its shift.
  int weight(int row, int vector) const;

  /// Oracle kernel: currents of all bit lines, as integers, for one input slice: sums[column] = sum
  /// over rows of slice[row] * level(row, column). Word lines from `rows` on are not driven.
  void bit_line_sums(const std::uint8_t *slice, int rows, std::int32_t *sums) const;

  /// Ideal kernel: products[vector] = sum over rows of inputs[row] * weight(row, vector), for whole
  /// 8-bit inputs; equal to what any slicing and exact accumulation of bit_line_sums gives.
  void dot_products(const std::uint8_t *inputs, int rows, std::int32_t *products) const;

 private:
  struct Cells {
    std::vector<std::uint64_t> planes;  // [bit of the level][word of 64 rows][column, padded]
    std::vector<std::int16_t> folded;   // signed weights [vector][row], rows padded for the kernel
  };
  std::size_t plane_index(int row, int column, int bit) const;
  void set_level(int row, int column, int level);
  void clear_cells();
  template <typename Visit>
  void visit_bits(int row, int vector, bool negative, Visit visit) const;
  void store_magnitudes(int row, int vector, bool negative, std::uint64_t magnitudes);
  std::uint64_t load_magnitudes(int row, int vector, bool negative) const;
  void store_weights(const std::int8_t *weights, int rows, int vectors, int shift);
  void fold();

  const device::ArrayGeometry *geometry_;
  std::unique_ptr<Cells> cells_;
};

}  // namespace npim::crossbar
