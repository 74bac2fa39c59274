// The voltage transfer curve of an inverter or a source follower: a table from a SPICE sweep, made
// smooth by cubic Hermite interpolation (continuous value and slope), and the mismatch variants of
// one device of that kind.
#pragma once

#include <vector>

namespace npim::peripheral {

/// A device's own deviation: output = mid + (1 + gain) * (f(v - shift) - mid).
struct CurveVariant {
  double shift_v = 0;
  double gain = 0;
};

class TransferCurve {
 public:
  TransferCurve() = default;
  /// values_v[i] is the output at low_v + i * step_v; at least two points. mid_v: the output level
  /// that gain variants turn about.
  TransferCurve(double low_v, double step_v, std::vector<double> values_v, double mid_v);

  struct Point {
    double value, slope;
  };
  /// Output and its derivative; constant slope beyond the ends of the table.
  Point at(double input_v) const;
  Point at(double input_v, const CurveVariant &variant) const {
    const Point plain = at(input_v - variant.shift_v);
    return {mid_v_ + (1 + variant.gain) * (plain.value - mid_v_), (1 + variant.gain) * plain.slope};
  }

  double low_v() const { return low_v_; }
  double step_v() const { return step_v_; }
  double mid_v() const { return mid_v_; }
  const std::vector<double> &values_v() const { return values_v_; }

 private:
  double low_v_ = 0, step_v_ = 1, mid_v_ = 0;
  std::vector<double> values_v_{0, 0}, slopes_{0, 0};
};

}  // namespace npim::peripheral
