#include "peripheral/transfer_curve.h"

#include <utility>

namespace npim::peripheral {

TransferCurve::TransferCurve(double low_v, double step_v, std::vector<double> values_v,
                             double mid_v)
    : low_v_(low_v),
      step_v_(step_v),
      mid_v_(mid_v),
      values_v_(std::move(values_v)),
      slopes_(values_v_.size()) {
  const std::size_t last = values_v_.size() - 1;
  for (std::size_t i = 0; i <= last; ++i) {
    const std::size_t left = i == 0 ? 0 : i - 1, right = i == last ? last : i + 1;
    slopes_[i] =
        (values_v_[right] - values_v_[left]) / (static_cast<double>(right - left) * step_v_);
  }
}

TransferCurve::Point TransferCurve::at(double input_v) const {
  const double position = (input_v - low_v_) / step_v_;
  const std::size_t last = values_v_.size() - 1;
  if (position <= 0) return {values_v_[0] + slopes_[0] * (input_v - low_v_), slopes_[0]};
  if (position >= static_cast<double>(last)) {
    const double beyond = (position - static_cast<double>(last)) * step_v_;
    return {values_v_[last] + slopes_[last] * beyond, slopes_[last]};
  }
  const auto i = static_cast<std::size_t>(position);
  const double t = position - static_cast<double>(i);
  const double y0 = values_v_[i], y1 = values_v_[i + 1];
  const double m0 = slopes_[i] * step_v_, m1 = slopes_[i + 1] * step_v_;
  const double c3 = 2 * (y0 - y1) + m0 + m1, c2 = 3 * (y1 - y0) - 2 * m0 - m1;
  return {((c3 * t + c2) * t + m0) * t + y0, ((3 * c3 * t + 2 * c2) * t + m0) / step_v_};
}

}  // namespace npim::peripheral
