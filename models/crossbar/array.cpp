#include "crossbar/array.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "crossbar/kernels.h"

namespace npim::crossbar {
namespace {

std::size_t words_per_column(const device::ArrayGeometry &geometry) {
  return (static_cast<std::size_t>(geometry.rows) + 63) / 64;
}

constexpr int kTile = 8;  ///< rows and bits that transpose() handles at once

/// Eight rows of eight bits, a byte for each row, to a byte for each bit, and back.
std::uint64_t transpose(std::uint64_t rows) {
  std::uint64_t swap = (rows ^ (rows >> 7)) & 0x00aa00aa00aa00aaU;
  rows ^= swap ^ (swap << 7);
  swap = (rows ^ (rows >> 14)) & 0x0000cccc0000ccccU;
  rows ^= swap ^ (swap << 14);
  swap = (rows ^ (rows >> 28)) & 0x00000000f0f0f0f0U;
  return rows ^ swap ^ (swap << 28);
}

}  // namespace

std::size_t Array::plane_index(int row, int column, int bit) const {
  return (static_cast<std::size_t>(bit) * words_per_column(*geometry_) +
          static_cast<std::size_t>(row) / 64) *
             padded_columns(geometry_->columns) +
         static_cast<std::size_t>(column);
}

void Array::set_level(int row, int column, int level) {
  for (int bit = 0; bit < geometry_->cell.bits; ++bit) {
    const std::uint64_t mask = std::uint64_t{1} << (row % 64);
    auto &word = cells_->planes[plane_index(row, column, bit)];
    word = (level >> bit) & 1 ? word | mask : word & ~mask;
  }
}

/// Calls visit(word of the planes, shift of the first row in it, bit of the magnitude) for all bits
/// of the magnitudes of eight rows.
template <typename Visit>
void Array::visit_bits(int row, int vector, bool negative, Visit visit) const {
  const int bits = geometry_->cell.bits;
  for (int bit = 0; bit < std::min(kTile, geometry_->digits() * bits); ++bit) {
    const int column = geometry_->column(vector, bit / bits, negative);
    visit(cells_->planes[plane_index(row, column, bit % bits)], row % 64, bit * 8);
  }
}

/// Magnitudes of up to eight rows, from `row` on.
void Array::store_magnitudes(int row, int vector, bool negative, std::uint64_t magnitudes) {
  if (magnitudes == 0) return;
  const std::uint64_t bits = transpose(magnitudes);
  visit_bits(row, vector, negative, [bits](std::uint64_t &word, int shift, int bit) {
    word |= (bits >> bit & 0xff) << shift;
  });
}

std::uint64_t Array::load_magnitudes(int row, int vector, bool negative) const {
  std::uint64_t bits = 0;
  visit_bits(row, vector, negative, [&bits](std::uint64_t word, int shift, int bit) {
    bits |= (word >> shift & 0xff) << bit;
  });
  return transpose(bits);
}

void Array::store_weights(const std::int8_t *weights, int rows, int vectors, int shift) {
  for (int row = 0; row < rows; row += kTile) {
    const int count = std::min(kTile, rows - row);
    for (int vector = 0; vector < vectors; ++vector) {
      std::uint64_t positive = 0, negative = 0;
      for (int i = 0; i < count; ++i) {
        const int weight{weights[std::ptrdiff_t{row + i} * vectors + vector]};
        const auto magnitude = static_cast<std::uint64_t>(std::abs(weight)) << shift;
        (weight < 0 ? negative : positive) |= magnitude << (8 * i);
      }
      store_magnitudes(row, vector, false, positive);
      store_magnitudes(row, vector, true, negative);
    }
  }
}

void Array::program(const std::int8_t *weights, int rows, int vectors, int shift) {
  if (rows < 0 || rows > geometry_->rows || vectors < 0 || vectors > geometry_->vectors()) {
    throw std::invalid_argument("weights do not fit the crossbar");
  }
  const int highest = 1 << geometry_->weight_bits;  // of a magnitude, exclusive
  const auto fits = [&](std::int8_t weight) { return std::abs(int{weight}) << shift < highest; };
  if (shift < 0 || shift > 7 ||
      !std::all_of(weights, weights + std::ptrdiff_t{rows} * vectors, fits)) {
    throw std::invalid_argument("shifted weights do not fit their cells");
  }
  clear_cells();
  store_weights(weights, rows, vectors, shift);
  fold();
}

void Array::clear_cells() {
  cells_ = std::make_unique<Cells>();
  cells_->planes.assign(words_per_column(*geometry_) * padded_columns(geometry_->columns) *
                            static_cast<std::size_t>(geometry_->cell.bits),
                        0);
}

void Array::program_levels(const std::uint8_t *levels) {
  clear_cells();
  for (int row = 0; row < geometry_->rows; ++row) {
    for (int column = 0; column < geometry_->columns; ++column) {
      if (*levels > geometry_->cell.highest()) throw std::invalid_argument("no such level");
      set_level(row, column, *levels++);
    }
  }
  fold();
}

void Array::fold() {
  const std::size_t stride = padded_rows(geometry_->rows);
  cells_->folded.assign(stride * static_cast<std::size_t>(geometry_->vectors()), 0);
  for (int vector = 0; vector < geometry_->vectors(); ++vector) {
    auto *column = cells_->folded.data() + static_cast<std::size_t>(vector) * stride;
    for (int row = 0; row < geometry_->rows; row += kTile) {
      const std::uint64_t positive = load_magnitudes(row, vector, false);
      const std::uint64_t negative = load_magnitudes(row, vector, true);
      for (int i = 0; i < std::min(kTile, geometry_->rows - row); ++i) {
        column[row + i] = static_cast<std::int16_t>(static_cast<int>(positive >> (8 * i) & 0xff) -
                                                    static_cast<int>(negative >> (8 * i) & 0xff));
      }
    }
  }
}

int Array::level(int row, int column) const {
  if (!cells_) return 0;
  int level = 0;
  for (int bit = 0; bit < geometry_->cell.bits; ++bit) {
    const std::uint64_t word = cells_->planes[plane_index(row, column, bit)];
    level |= static_cast<int>((word >> (row % 64)) & 1) << bit;
  }
  return level;
}

int Array::weight(int row, int vector) const {
  int weight = 0;
  for (int digit = 0; digit < geometry_->digits(); ++digit) {
    const int difference = level(row, geometry_->column(vector, digit, false)) -
                           level(row, geometry_->column(vector, digit, true));
    weight += difference * (1 << (digit * geometry_->cell.bits));
  }
  return weight;
}

void Array::force_level(int row, int column, int level) {
  set_level(row, column, level);
  const int vector = column / (2 * geometry_->digits());
  if (vector >= geometry_->vectors()) return;
  cells_->folded[static_cast<std::size_t>(vector) * padded_rows(geometry_->rows) +
                 static_cast<std::size_t>(row)] = static_cast<std::int16_t>(weight(row, vector));
}

void Array::bit_line_sums(const std::uint8_t *slice, int rows, std::int32_t *sums) const {
  for (int column = 0; column < geometry_->columns; ++column) {
    sums[column] = 0;
    for (int row = 0; row < rows; ++row) sums[column] += slice[row] * level(row, column);
  }
}

void Array::dot_products(const std::uint8_t *inputs, int rows, std::int32_t *products) const {
  if (!cells_) {
    std::fill_n(products, geometry_->vectors(), 0);
    return;
  }
  kernels::dot_products(inputs, static_cast<std::size_t>(rows), cells_->folded.data(),
                        padded_rows(geometry_->rows),
                        static_cast<std::size_t>(geometry_->vectors()), products);
}

}  // namespace npim::crossbar
