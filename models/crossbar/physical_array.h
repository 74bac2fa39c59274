// A crossbar of real cells and wires: the values of its bit lines for batches of inputs, in the
// three forms that the dataflows of [NP] section 3 need. The kernel is chosen from the
// non-idealities that are configured:
//   ideal        integers: population counts or 8-bit products of folded weights;
//   statistical  conductances (programming error, faults, drift, voltage drop) folded into
//                fixed-point cells; the noise of reads drawn once per bit line and input cycle from
//                a normal distribution with the variance sum(sigma_i^2 x_i^2);
//   per cell     the oracle: every cell on its own, with its own noise, in double precision.
// Values are fixed point: integer * 2^-fraction_bits(), in units of level * input LSB, where the
// current g_off * sum(x) of a reference column is subtracted. All results are functions of (seed,
// tile, array, window, cycle, column) and do not depend on batch size, order or threads.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "crossbar/array.h"
#include "crossbar/input_batch.h"
#include "crossbar/ir_drop.h"
#include "crossbar/kernels.h"
#include "device/cell_bank.h"

namespace npim::crossbar {

/// What is not ideal about the crossbars of a chip.
struct Physics {
  device::DeviceParams device;
  Wires wires;
  int dac_bits = 1;
  bool per_cell = false;  ///< use the oracle whatever the rest says
};

enum class Tier { kIdeal, kStatistical, kPerCell };
Tier choose_tier(const Physics &physics);
const char *name(Tier tier);

class PhysicalArray {
 public:
  /// geometry and physics must outlive the array. Throws InputError for physics out of range and
  /// std::invalid_argument for a place out of range.
  PhysicalArray(const device::ArrayGeometry &geometry, const Physics &physics, device::Place place);

  /// Programs signed weights [row][vector] as Array::program does and folds the result.
  device::ProgrammingReport program(const std::int8_t *weights, int rows, int vectors,
                                    int shift = 0);
  /// Programs levels [row][column] as Array::program_levels does; of the sums below only
  /// bit_lines() then means something.
  device::ProgrammingReport program_levels(const std::uint8_t *levels);
  /// Folds again for another time and temperature. Throws InputError unless the time is >= 0 and
  /// the temperature > 0.
  void set_conditions(const device::ReadConditions &conditions);
  /// Makes a cell stuck, from the next programming on.
  void stick(int row, int column, bool at_on);

  /// Level of a cell as a verify read senses it under the conditions: the nearest one.
  int sensed_level(int row, int column) const;
  /// What each digit of a weight counts for in weighted_sums(), relative to its place: the factors
  /// of a shift-and-add that does not add exactly. Not for the per-cell tier.
  void set_digit_factors(std::vector<double> factors);

  Tier tier() const { return tier_; }
  const device::ArrayGeometry &geometry() const { return levels_.geometry(); }
  /// The levels that the cells should have.
  const Array &levels() const { return levels_; }
  int fraction_bits() const { return fraction_bits_; }
  const device::Place &place() const { return bank_.place(); }
  /// Columns of a row of bit_lines().
  std::size_t line_stride() const { return padded_columns(geometry().columns); }

  /// Strategies A and B: the value of every bit line in every input cycle,
  /// values[(item * cycles + cycle) * line_stride() + column].
  void bit_lines(const InputBatch &inputs, std::int32_t *values) const;

  /// Strategy A with a uniform converter at every bit line: sums[item * vectors + v] = sum over
  /// cycles and digits of 2^(cycle * P_D + digit * P_R) * (code of W_P - code of W_N).
  void converted_sums(const InputBatch &inputs, const LineConverter &converter,
                      std::int32_t *sums) const;

  /// Strategy C before its shift-and-add's and converter's errors: the same sums of bit-line values
  /// themselves, sums[item * vectors + v], fixed point. In the statistical tier the noise of all
  /// reads of a sum is one draw with their total variance.
  void weighted_sums(const InputBatch &inputs, std::int64_t *sums) const;

 private:
  // Fixed-point cells [pair of rows][column][2]; value = integer * 2^-bits.
  struct Cells {
    std::vector<std::int16_t> value;
    int bits = 0;
    std::vector<std::int32_t> lowest;  // per column: least possible sum of a 1-bit slice
    std::vector<std::int16_t> low,
        high;  // per vector, [vector][pair][2]: weight = high * 2^14 + low
  };
  // Noise of a bit line in fixed-point units squared. By level for 1-bit cells and slices whose
  // cells are all exact: by_level[level] per driven cell; otherwise per cell.
  struct Noise {
    bool any = false, is_by_level = false;
    double by_level[2] = {};
    std::vector<std::int16_t> variance;  // [pair of rows][column][2], in units of `unit`
    double unit = 0;
    std::vector<float> vector_variance;  // [row][vector]
    // What an input counts for in the variance of a vector: the squares of its slices at their
    // places.
    std::array<float, 256> input_weight = {};
  };
  // The oracle's cells [row][column], in level units.
  struct Exact {
    std::vector<double> value, sigma, trap;
  };

  std::size_t cell_index(int row, int column) const;
  void choose_fraction();
  device::ProgrammingReport program_cells();
  void check_inputs(const InputBatch &inputs) const;
  void fold();
  void fold_ideal();
  void fold_values(const std::vector<double> &value);
  void fold_vectors(const std::vector<std::int32_t> &cells);
  std::int32_t folded_weight(const std::vector<std::int32_t> &cells, int row, int vector) const;
  void fold_noise(const Exact &exact);
  bool noise_is_by_level() const;

  bool use_tables(const InputBatch &inputs) const;
  void table_codes(const InputBatch &inputs, const LineConverter &converter,
                   std::int32_t *sums) const;
  void item_lines(const InputBatch &inputs, int item, std::int32_t *values) const;
  void mean_lines(const InputBatch &inputs, int item, std::int32_t *values) const;
  void add_line_noise(const InputBatch &inputs, int item, std::int32_t *values) const;
  void oracle_lines(const InputBatch &inputs, int item, std::int32_t *values) const;
  void vector_sums(const InputBatch &inputs, std::int64_t *sums) const;
  void add_vector_noise(const InputBatch &inputs, std::int64_t *sums) const;
  bool is_lossless(const LineConverter &converter) const;
  void add_digits(const std::int32_t *lines, std::int32_t *sums) const;

  const Physics *physics_;
  Array levels_;
  device::CellBank bank_;
  device::ReadConditions conditions_;
  Tier tier_;
  int fraction_bits_ = 0;
  double largest_value_ = 0;           // of a cell, in levels
  std::vector<std::int32_t> places_;   // what the code of each bit line counts for
  std::vector<double> digit_factors_;  // empty: all 1
  bool exact_cells_ = false;
  Cells cells_;
  Noise noise_;
  Exact exact_;
};

}  // namespace npim::crossbar
