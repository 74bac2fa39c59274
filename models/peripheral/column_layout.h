// How signed weights are laid out over the bit lines of an array, and what each bit line's sum
// counts for, for the digital accumulation of ISAAC [IS] and the analog buffering of CASCADE [CA]
// beside the differential columns of [NP] section 5:
//   differential  W = W_P - W_N, a column each per digit;
//   biased        W + 2^(bits-1), one column per digit, the bias taken off with the sum of inputs;
//   flip          a column whose levels sum to more than half of what they could is stored as
//                 (2^w - 1 - level), which saves one bit of the converter ([IS] section 5).
// The sum of inputs comes from unit columns: cells of level 1 on every row.
#pragma once

#include <cstdint>
#include <vector>

#include "device/cell.h"

namespace npim::peripheral {

enum class WeightMapping { kDifferential, kBiased };

struct LayoutOptions {
  WeightMapping mapping = WeightMapping::kDifferential;
  bool flip = false;
  /// Unit columns of a layout that needs the sum of inputs; each covers its share of the rows.
  /// ISAAC has one: its sum may exceed by one what a converter with the saved bit can code, when
  /// every row is driven with the highest slice. Two never do.
  int unit_columns = 2;

  bool needs_unit() const { return flip || mapping == WeightMapping::kBiased; }
};

/// A bit line that belongs to no weight vector.
constexpr int kNoVector = -1;

struct BitLine {
  int vector = kNoVector;
  bool is_unit = false;
  int place = 0;     ///< its sum counts 2^place
  int polarity = 1;  ///< +1 or -1; that of a flipped column is turned
};

/// Weights as levels of cells, and how to read them back:
///   product[v] = sum over its lines of polarity * 2^place * sum(line)
///                + unit_factor[v] * sum over unit lines of sum(line).
struct EncodedWeights {
  int rows = 0, columns = 0, vectors = 0;
  std::vector<std::uint8_t> levels;       ///< [row][column], all of the array
  std::vector<BitLine> lines;             ///< by column
  std::vector<std::int64_t> unit_factor;  ///< by vector
  bool has_unit = false;
};

/// Signed weight vectors that fit an array of this geometry.
int vectors_of(const device::ArrayGeometry &geometry, const LayoutOptions &options);

/// weights: [row][vector], row-major. Throws InputError for a number of unit columns other than 1
/// to the rows, std::invalid_argument when the shape does not fit.
EncodedWeights encode_weights(const device::ArrayGeometry &geometry, const LayoutOptions &options,
                              const std::int8_t *weights, int rows, int vectors);

}  // namespace npim::peripheral
