// Offset and gain trim of a converter: known inputs are converted, a line is fitted to the codes,
// and what stands in front of the converter is set so that the line becomes the identity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "dataflow/converter_bank.h"

namespace npim::dataflow {

/// Conversions of one calibration of one range.
constexpr int kCalibrationPoints = 528;
/// Steps and reach of the trim circuits.
constexpr double kOffsetStepLsb = 1.0 / 16, kMostOffsetLsb = 16;
constexpr double kGainStep = 1.0 / 4096, kMostGain = 0.125;

/// Codes of an untrimmed converter for inputs in LSB.
using CodesOf = std::function<void(const float *inputs_lsb, std::size_t count, std::int32_t *)>;

/// False, and no trim, for a converter that is out of reach or not straight enough: more than
/// kMostDeviationLsb from the line.
constexpr double kMostDeviationLsb = 8;
bool calibrate(const CodesOf &convert, Trim &trim);

/// Levels of the references that an array's shift-and-add is trimmed with; all its vectors see
/// each.
constexpr std::size_t kReferenceLevels = 32;
constexpr std::uint64_t reference_conversions(int vectors) {
  return kReferenceLevels * static_cast<std::uint64_t>(vectors);
}

/// A straight line through points: y = offset + slope * x.
struct Line {
  double offset = 0, slope = 0;
};
Line fit_line(const std::vector<double> &x, const std::vector<double> &y);
/// The setting of the trim circuits that turns a line into the identity, as near as they come.
Trim trim_for(const Line &line);

}  // namespace npim::dataflow
