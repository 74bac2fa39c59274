// What converters and shift-and-adds are judged by: mean square and extreme errors, DNL, INL, ENOB
// and code histograms, over drawn chips.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "peripheral/neural_peripherals.h"

namespace npim::peripheral {

struct ErrorMeasure {
  double mse_v2 = 0, highest_mv = 0, lowest_mv = 0, mean_mv = 0;
  long samples = 0;
};

/// Errors of `chips` drawn NNS+As on random inputs, one step each ([NP] Table 1).
ErrorMeasure measure_nnsa(const Nnsa &nnsa, const Process &process, const CurveSet &curves,
                          const Variation &variation, int chips, int samples, std::uint64_t seed);

/// Static linearity of a converter with 255 codes -127 .. 127 from a ramp.
struct Linearity {
  double dnl_low = 0, dnl_high = 0;  ///< LSB, with the LSB measured between the end transitions
  double inl_low = 0, inl_high = 0;  ///< LSB, against the line through the end transitions
  int missing_codes = 0;
  double enob = 0;  ///< from a sine fit
  double offset_lsb = 0, gain_error = 0;
  std::vector<int> histogram;  ///< samples per code of the ramp
  std::vector<double> dnl, inl;
};

using Convert = std::function<std::vector<int>(const Vector &inputs_v)>;

/// `limit_v`: V_max. steps_per_code: ramp points per code.
Linearity measure_linearity(const Convert &convert, double limit_v, int steps_per_code);

/// Effective bits: SINAD of a sine of 98 % of full scale against the best fit of offset, sine and
/// cosine, (SINAD - 1.76) / 6.02 and corrected to full scale.
double measure_enob(const Convert &convert, double limit_v);

}  // namespace npim::peripheral
