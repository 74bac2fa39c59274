// Vector kernels of the crossbar, compiled for several instruction sets and chosen at run time. All
// sums are integers, so every instruction set, order and batch gives the same result.
#pragma once

#include <cstddef>
#include <cstdint>

namespace npim::crossbar {

constexpr std::size_t kMostRows = 512;
constexpr std::size_t kRowPadding = 32;  ///< 16-bit lanes of the widest vector that is used
constexpr std::size_t kColumnPadding = 32;

/// Distance between the columns of the folded weights: the kernel reads whole vectors.
constexpr std::size_t padded_rows(int rows) {
  return (static_cast<std::size_t>(rows) + kRowPadding - 1) / kRowPadding * kRowPadding;
}
/// Columns that kernels with a lane per bit line work on.
constexpr std::size_t padded_columns(int columns) {
  return (static_cast<std::size_t>(columns) + kColumnPadding - 1) / kColumnPadding * kColumnPadding;
}

/// A uniform converter at the end of a bit line: code = clamp(round(value / lsb), lowest, highest),
/// halves to even.
struct LineConverter {
  double lsb = 1;  ///< in levels * input LSBs
  std::int32_t lowest = 0, highest = 255;
};

struct ProductShape {
  std::size_t pairs;   ///< of driven rows
  std::size_t stride;  ///< between vectors
  std::size_t vectors;
};

struct PlaneShape {
  std::size_t columns;            ///< padded
  std::size_t words, cell_words;  ///< words of 64 rows that are driven, and that there are
  int cell_bits, dac_bits;
};

constexpr std::size_t kTableColumns = 32;
struct TableShape {
  std::size_t columns;  ///< padded
  std::size_t groups;   ///< of four rows
  std::size_t items;
};

namespace kernels {

/// products[v] = sum over row < rows of inputs[row] * weights[v * stride + row], exactly, for
/// inputs 0 .. 255 and weights -255 .. 255. rows <= kMostRows and rows <= stride; stride is a
/// multiple of kRowPadding.
void dot_products(const std::uint8_t *inputs, std::size_t rows, const std::int16_t *weights,
                  std::size_t stride, std::size_t vectors, std::int32_t *products);

/// The same for 16 items at once: products[v * 16 + item] = sum over pairs p, i < 2 of
/// inputs[(p * 16 + item) * 2 + i] * weights[v * stride + p * 2 + i]. Sums must stay below 2^31.
void block_products(const ProductShape &shape, const std::int16_t *inputs,
                    const std::int16_t *weights, std::int32_t *products);

/// Counts of common ones: sums[cycle * columns + c] = sum over input bit i < dac_bits of the cycle
/// and cell bit j of 2^(i + j) * |input plane & cell plane|, times 2^shift. cells: [cell
/// bit][cell_words][columns], of which the first `words` are read; inputs: [8][words]. columns is a
/// multiple of kColumnPadding.
void plane_sums(const PlaneShape &shape, const std::uint64_t *cells, const std::uint64_t *inputs,
                int shift, std::int32_t *sums);

/// sums[s * columns + c] = 2^shift * sum over pairs p, i < 2 of slices[(s * pairs + p) * 2 + i] *
/// cells[(p * columns + c) * 2 + i].
void slice_sums(const std::int16_t *cells, std::size_t columns, std::size_t pairs,
                const std::int16_t *slices, std::size_t slice_count, int shift, std::int32_t *sums);

/// Sums of 1-bit slices by tables of all combinations of four rows, for 32 columns:
/// sums[(item * 8 + bit) * columns + c], times 2^shift. `cells`, `lowest` and `sums` start at the
/// first of the 32 columns; `cells` is as in slice_sums with rows padded to whole groups of four;
/// `places` are InputBatch::table_places.
/// Sums are kept modulo 2^16 relative to lowest[c], the least possible sum of a column: exact when
/// no column spans more than 2^16 - 1.
void table_sums(const TableShape &shape, const std::int16_t *cells, const std::int32_t *lowest,
                const std::uint16_t *places, int shift, std::int32_t *sums);
/// As table_sums, then converted: totals[item * columns + c] = sum over bits of 2^bit * code. lsb
/// is in units of the cells.
void table_codes(const TableShape &shape, const std::int16_t *cells, const std::int32_t *lowest,
                 const std::uint16_t *places, const LineConverter &converter, std::int32_t *totals);

/// totals[c] = sum over cycles of 2^(cycle * dac_bits) * code of values[cycle * columns + c]; lsb
/// in units of the values.
void convert_lines(const std::int32_t *values, std::size_t columns, int cycles, int dac_bits,
                   const LineConverter &converter, std::int32_t *totals);

/// sums[v] = sum over i < width of lines[v * width + i] * places[v * width + i].
void add_places(const std::int32_t *lines, const std::int32_t *places, std::size_t width,
                std::size_t vectors, std::int32_t *sums);

/// values[i] += round(normals[i] * sqrt(unit * (low[i] + 256 * high[i]) + offset)), for i < count,
/// a multiple of 16. high may be null; low may be the values.
void add_noise(std::int32_t *values, const float *normals, const std::int32_t *low,
               const std::int32_t *high, float unit, float offset, std::size_t count);

}  // namespace kernels
}  // namespace npim::crossbar
