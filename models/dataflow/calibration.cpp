#include "dataflow/calibration.h"

#include <algorithm>
#include <cmath>

namespace npim::dataflow {
namespace {

// Levels over the range, each at places spread over a code, so that the line is known to a small
// part of one.
constexpr int kLevels = 33, kPerLevel = 16;
static_assert(kLevels * kPerLevel == kCalibrationPoints);
constexpr double kHighestLevelLsb = 112;

double stepped(double value, double step, double most) {
  return std::clamp(std::round(value / step) * step, -most, most);
}

}  // namespace

Line fit_line(const std::vector<double> &x, const std::vector<double> &y) {
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum_x += x[i];
    sum_y += y[i];
    sum_xx += x[i] * x[i];
    sum_xy += x[i] * y[i];
  }
  const auto count = static_cast<double>(x.size());
  const double slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count);
  return {(sum_y - slope * sum_x) / count, slope};
}

Trim trim_for(const Line &line) {
  return {stepped(-line.offset / line.slope, kOffsetStepLsb, kMostOffsetLsb),
          stepped(1 / line.slope - 1, kGainStep, kMostGain)};
}

bool calibrate(const CodesOf &convert, Trim &trim) {
  std::vector<float> inputs;
  for (int level = 0; level < kLevels; ++level) {
    const double middle = kHighestLevelLsb * (2.0 * level / (kLevels - 1) - 1);
    for (int i = 0; i < kPerLevel; ++i) {
      inputs.push_back(static_cast<float>(middle + (i + 0.5) / kPerLevel - 0.5));
    }
  }
  std::vector<std::int32_t> codes(inputs.size());
  convert(inputs.data(), inputs.size(), codes.data());
  const Line line = fit_line({inputs.begin(), inputs.end()}, {codes.begin(), codes.end()});
  trim = {};
  if (!(line.slope > 0.5) || std::abs(line.offset / line.slope) > kMostOffsetLsb ||
      std::abs(1 / line.slope - 1) > kMostGain) {
    return false;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double wanted = std::clamp(line.offset + line.slope * double{inputs[i]}, -127.0, 127.0);
    if (std::abs(codes[i] - wanted) > kMostDeviationLsb) return false;
  }
  trim = trim_for(line);
  return true;
}

}  // namespace npim::dataflow
