#include "dataflow/calibration.h"

#include <algorithm>
#include <array>
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

bool calibrate(const CodesOf &convert, Trim &trim) {
  std::array<float, kCalibrationPoints> inputs;
  std::array<std::int32_t, kCalibrationPoints> codes;
  std::size_t at = 0;
  for (int level = 0; level < kLevels; ++level) {
    const double middle = kHighestLevelLsb * (2.0 * level / (kLevels - 1) - 1);
    for (int i = 0; i < kPerLevel; ++i) {
      inputs[at++] = static_cast<float>(middle + (i + 0.5) / kPerLevel - 0.5);
    }
  }
  convert(inputs.data(), inputs.size(), codes.data());
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double x = double{inputs[i]}, y = codes[i];
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
  }
  const double count = kCalibrationPoints;
  const double slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count);
  const double offset = (sum_y - slope * sum_x) / count;
  trim = {};
  if (!(slope > 0.5)) return false;
  const Trim wanted = {-offset / slope, 1 / slope - 1};
  if (std::abs(wanted.offset_lsb) > kMostOffsetLsb || std::abs(wanted.gain) > kMostGain) {
    return false;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double line = std::clamp(offset + slope * double{inputs[i]}, -127.0, 127.0);
    if (std::abs(codes[i] - line) > kMostDeviationLsb) return false;
  }
  trim = {stepped(wanted.offset_lsb, kOffsetStepLsb, kMostOffsetLsb),
          stepped(wanted.gain, kGainStep, kMostGain)};
  return true;
}

}  // namespace npim::dataflow
