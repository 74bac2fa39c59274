// What dataflows A and B have in common ([NP] section 3, equations 2 to 5): both start from the
// sums of single bit lines in single input cycles and end with exact digital additions. Here are
// the values of windows' dot products; models/chip decides when they happen.
#pragma once

#include <cstdint>

#include "crossbar/physical_array.h"
#include "peripheral/column_layout.h"

namespace npim::dataflow {

class LineDataflow {
 public:
  virtual ~LineDataflow() = default;
  /// Dot products of every item, in input LSB * weight LSB: sums[item * vectors + vector]. The
  /// array has been programmed with the levels of the encoded weights.
  virtual void products(const crossbar::PhysicalArray &array, const crossbar::InputBatch &inputs,
                        std::int64_t *sums) const = 0;
  /// A/D conversions of one array for one window, those of unit columns included.
  virtual std::int64_t conversions_per_window() const = 0;
  /// A/D bits with which nothing is lost.
  virtual int required_bits() const = 0;
};

/// The largest sum of a bit line of such an array in one input cycle, in level * input LSB; flipped
/// columns keep it to half of what the cells could add up to.
std::int64_t largest_line_sum(const device::ArrayGeometry &geometry, bool flip, int dac_bits);

}  // namespace npim::dataflow
