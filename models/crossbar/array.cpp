#include "crossbar/array.h"

#include <algorithm>
#include <stdexcept>

#include "crossbar/kernels.h"

namespace npim::crossbar {
namespace {

std::size_t words_per_column(const device::ArrayGeometry &geometry) {
  return (static_cast<std::size_t>(geometry.rows) + 63) / 64;
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

void Array::store_weight(int row, int vector, int weight) {
  const auto positive = static_cast<unsigned>(std::max(weight, 0));
  const auto negative = static_cast<unsigned>(std::max(-weight, 0));
  for (int digit = 0; digit < geometry_->digits(); ++digit) {
    set_level(row, geometry_->column(vector, digit, false), geometry_->cell.digit(positive, digit));
    set_level(row, geometry_->column(vector, digit, true), geometry_->cell.digit(negative, digit));
  }
}

void Array::program(const std::int8_t *weights, int rows, int vectors) {
  if (rows < 0 || rows > geometry_->rows || vectors < 0 || vectors > geometry_->vectors()) {
    throw std::invalid_argument("weights do not fit the crossbar");
  }
  clear_cells();
  for (int row = 0; row < rows; ++row) {
    for (int vector = 0; vector < vectors; ++vector) {
      store_weight(row, vector, *weights++);
    }
  }
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
    for (int row = 0; row < geometry_->rows; ++row) {
      column[row] = static_cast<std::int16_t>(weight(row, vector));
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
