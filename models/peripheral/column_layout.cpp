#include "peripheral/column_layout.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/error.h"

namespace npim::peripheral {
namespace {

class Encoder {
 public:
  Encoder(const device::ArrayGeometry &geometry, const LayoutOptions &options,
          const std::int8_t *weights, int rows, int vectors)
      : geometry_(geometry), options_(options), weights_(weights), rows_(rows) {
    out_.rows = geometry.rows;
    out_.columns = geometry.columns;
    out_.vectors = vectors;
    out_.levels.assign(
        static_cast<std::size_t>(geometry.rows) * static_cast<std::size_t>(geometry.columns), 0);
    out_.lines.resize(static_cast<std::size_t>(geometry.columns));
    out_.unit_factor.assign(static_cast<std::size_t>(vectors), 0);
    out_.has_unit = options.needs_unit();
  }

  EncodedWeights run() {
    int column = 0;
    for (int vector = 0; vector < out_.vectors; ++vector) {
      for (int digit = 0; digit < geometry_.digits(); ++digit) {
        store(column++, vector, digit, 1);
        if (options_.mapping == WeightMapping::kDifferential) store(column++, vector, digit, -1);
      }
      if (options_.mapping == WeightMapping::kBiased) {
        out_.unit_factor[static_cast<std::size_t>(vector)] -= bias();
      }
    }
    if (out_.has_unit) store_units();
    return std::move(out_);
  }

 private:
  int bias() const { return 1 << (geometry_.weight_bits - 1); }
  std::uint8_t &level(int row, int column) {
    return out_.levels[static_cast<std::size_t>(row) * static_cast<std::size_t>(out_.columns) +
                       static_cast<std::size_t>(column)];
  }
  unsigned magnitude(int row, int vector, int polarity) const {
    const int weight{weights_[static_cast<std::ptrdiff_t>(row) * out_.vectors + vector]};
    if (options_.mapping == WeightMapping::kBiased) return static_cast<unsigned>(weight + bias());
    return static_cast<unsigned>(std::max(polarity * weight, 0));
  }

  void store(int column, int vector, int digit, int polarity) {
    const int highest = geometry_.cell.highest();
    std::int64_t sum = 0;
    for (int row = 0; row < rows_; ++row) {
      level(row, column) =
          static_cast<std::uint8_t>(geometry_.cell.digit(magnitude(row, vector, polarity), digit));
      sum += level(row, column);
    }
    BitLine &line = out_.lines[static_cast<std::size_t>(column)];
    line = {vector, false, digit * geometry_.cell.bits, polarity};
    if (!options_.flip || 2 * sum <= std::int64_t{rows_} * highest) return;
    for (int row = 0; row < rows_; ++row) {
      level(row, column) = static_cast<std::uint8_t>(highest - level(row, column));
    }
    line.polarity = -polarity;
    out_.unit_factor[static_cast<std::size_t>(vector)] +=
        std::int64_t{polarity} * highest * (std::int64_t{1} << line.place);
  }

  /// The last columns of the array.
  void store_units() {
    const int share = (geometry_.rows + options_.unit_columns - 1) / options_.unit_columns;
    for (int unit = 0; unit < options_.unit_columns; ++unit) {
      const int column = geometry_.columns - options_.unit_columns + unit;
      out_.lines[static_cast<std::size_t>(column)].is_unit = true;
      for (int row = unit * share; row < std::min((unit + 1) * share, rows_); ++row) {
        level(row, column) = 1;
      }
    }
  }

  const device::ArrayGeometry &geometry_;
  const LayoutOptions &options_;
  const std::int8_t *weights_;
  int rows_;
  EncodedWeights out_;
};

}  // namespace

int vectors_of(const device::ArrayGeometry &geometry, const LayoutOptions &options) {
  const int columns = geometry.columns - (options.needs_unit() ? options.unit_columns : 0);
  const int each = options.mapping == WeightMapping::kDifferential ? 2 : 1;
  return std::max(0, columns / (each * geometry.digits()));
}

EncodedWeights encode_weights(const device::ArrayGeometry &geometry, const LayoutOptions &options,
                              const std::int8_t *weights, int rows, int vectors) {
  if (options.unit_columns < 1 || options.unit_columns > geometry.rows) {
    throw InputError("unit columns", "must be 1 to " + std::to_string(geometry.rows) + ", found " +
                                         std::to_string(options.unit_columns));
  }
  if (rows < 0 || rows > geometry.rows || vectors < 0 || vectors > vectors_of(geometry, options)) {
    throw std::invalid_argument("weights do not fit the crossbar");
  }
  return Encoder(geometry, options, weights, rows, vectors).run();
}

}  // namespace npim::peripheral
