// The signal-to-noise-and-distortion ratio of a dot product on Neural-PIM and on the chips that it
// is compared with, by Monte-Carlo over drawn chips ([NP] section 5.3). The definition is the
// paper's: everything that is wrong is one lumped error, D_hw = D_sw + e, and
//   SINAD = 10 log10((P_sig + P_noise) / P_noise), P_sig = mean D_sw^2, P_noise = mean e^2.
// Arrays, NNS+A, NNADC, SAR converters, TIAs and buffers are drawn from their models; the paper's
// figures enter nowhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "device/device_params.h"
#include "peripheral/baseline_file.h"
#include "peripheral/neural_peripherals.h"

namespace npim::analysis {

/// Dot products of 128 rows that are drawn.
enum class Signals {
  /// Sums all over the range of NNS+A and converter, as these are trained: the weights of a vector
  /// have a common part, uniform in -127 .. 127, and so do the inputs of a window, in 0 .. 255; the
  /// rest is random, clamped.
  kFullRange,
  /// As [NP] Eq. 12 is written, unsigned: weights uniform in 0 .. 127, inputs uniform in 0 .. m
  /// with m uniform in 0 .. 255 per window, so that sums fill their range.
  kUnsigned,
  /// As layers with ReLU have them: weights normal with sigma 32, inputs half zero, the others
  /// half-normal with sigma 64. Sums lie about zero and use a small part of the range.
  kSigned,
};
const char *to_text(Signals signals);

/// The trained and the given parts of the chips.
struct SinadParts {
  peripheral::Process process;
  peripheral::CurveSet curves;                ///< of the typical corner
  peripheral::Nnsa nnsa;                      ///< of the chip's DACs, trained as [NP] section 4.1
  peripheral::Nnsa plain_nnsa;                ///< trained without variation, then rounded
  std::vector<peripheral::Nnadc> converters;  ///< one per range, the largest first
  std::vector<int> bitline_gains;             ///< ascending
  peripheral::Baseline isaac, cascade;
  device::DeviceParams device;  ///< of all arrays
};

struct SinadOptions {
  int runs = 1000;  ///< drawn chips
  int windows = 8;  ///< per chip, of eight vectors each
  std::uint64_t seed = 1;
  unsigned threads = 0;
};

struct SinadResult {
  double sinad_db = 0;
  /// The same error against a signal that is uniform over the whole span of 0.5 V, which is how
  /// converters are judged: P_sig = (span)^2 / 3, in LSB * LSB of 2 * 128 * 255 * 255 / gain.
  double span_db = 0;
  double signal_rms = 0, error_rms = 0, largest_error = 0;  ///< of sums, in LSB * LSB
  /// The rms and the largest error as volts at the NNS+A's output (0 for the baselines).
  double error_rms_mv = 0, largest_error_mv = 0;
  int range_divisor = 0, bitline_gain = 0;  ///< that were chosen (0 for the baselines)
  double gain = 1;                          ///< of the chip without variation, which is divided out
};

struct SinadCase {
  std::string key, text;
  /// Under these signals; with exact arrays only the peripherals are in error.
  std::function<SinadResult(Signals signals, bool exact_arrays)> run;
};

/// All cases of the table, Neural-PIM first. `parts` must outlive them.
std::vector<SinadCase> sinad_cases(const SinadParts &parts, const SinadOptions &options);

/// The NNS+A without the hardware-aware recipe: trained on the circuit without variation and
/// without rounding, levels rounded at the end. `steps` of training.
peripheral::Nnsa train_plain_nnsa(int dac_bits, const peripheral::Process &process,
                                  const peripheral::CurveSet &curves, int steps,
                                  std::uint64_t seed);

}  // namespace npim::analysis
