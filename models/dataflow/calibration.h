// Offset and gain trim of a converter: known inputs are converted, a line is fitted to the codes,
// and what stands in front of the converter is set so that the line becomes the identity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

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

}  // namespace npim::dataflow
