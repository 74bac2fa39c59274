#include "peripheral/measures.h"

#include <algorithm>
#include <cmath>

#include "peripheral/training.h"

namespace npim::peripheral {
namespace {
constexpr double kPi = 3.14159265358979323846;
constexpr int kCodes = 2 * kHighestCode + 1;
}  // namespace

ErrorMeasure measure_nnsa(const Nnsa &nnsa, const Process &process, const CurveSet &curves,
                          const Variation &variation, int chips, int samples, std::uint64_t seed) {
  ErrorMeasure measure;
  double squares = 0, sum = 0;
  for (int chip = 0; chip < chips; ++chip) {
    RandomStream stream(seed, static_cast<std::uint32_t>(chip), 0xE0A1);
    const Instance instance = make_instance(nnsa.network, process, curves, variation, stream);
    const Batch batch = draw_nnsa_batch(nnsa, process, samples, stream);
    const Vector error = forward(instance, batch.inputs).col(0) - batch.targets.col(0);
    squares += error.squaredNorm();
    sum += error.sum();
    measure.highest_mv = std::max(measure.highest_mv, 1e3 * error.maxCoeff());
    measure.lowest_mv = std::min(measure.lowest_mv, 1e3 * error.minCoeff());
  }
  measure.samples = long{chips} * samples;
  measure.mse_v2 = squares / static_cast<double>(measure.samples);
  measure.mean_mv = 1e3 * sum / static_cast<double>(measure.samples);
  return measure;
}

double measure_enob(const Convert &convert, double limit_v) {
  constexpr int kSamples = 4096, kPeriods = 31;
  constexpr double kAmplitude = 0.98;
  Vector inputs(kSamples);
  Matrix basis(kSamples, 3);
  for (int i = 0; i < kSamples; ++i) {
    const double phase = 2 * kPi * kPeriods * i / kSamples;
    inputs[i] = kAmplitude * limit_v * std::sin(phase);
    basis.row(i) << 1, std::sin(phase), std::cos(phase);
  }
  const auto codes = convert(inputs);
  Vector output(kSamples);
  for (int i = 0; i < kSamples; ++i) output[i] = codes[static_cast<std::size_t>(i)];
  const Eigen::Vector3d fit = (basis.transpose() * basis).ldlt().solve(basis.transpose() * output);
  const double noise = (output - basis * fit).squaredNorm() / kSamples;
  const double signal = 0.5 * (fit[1] * fit[1] + fit[2] * fit[2]);
  if (!(signal > 0)) return 0;  // a converter that is stuck
  const double sinad_db = 10 * std::log10((signal + noise) / noise);
  return (sinad_db - 1.76 - 20 * std::log10(kAmplitude)) / 6.02;
}

Linearity measure_linearity(const Convert &convert, double limit_v, int steps_per_code) {
  Linearity result;
  const double lsb_v = limit_v / kHighestCode;
  const int points = (kCodes + 8) * steps_per_code;
  Vector ramp(points);
  for (int i = 0; i < points; ++i) {
    ramp[i] = lsb_v * ((i + 0.5) / steps_per_code - kHighestCode - 4.5);
  }
  const auto codes = convert(ramp);
  result.histogram.assign(kCodes, 0);
  for (const int code : codes) {
    ++result.histogram[static_cast<std::size_t>(std::int64_t{code} + kHighestCode)];
  }
  // Histogram method: transition k is where the ramp has left all codes below; the two end codes
  // have no width.
  std::vector<double> transition(kCodes - 1);
  int below = 0;
  for (int k = 0; k + 1 < kCodes; ++k) {
    below += result.histogram[static_cast<std::size_t>(k)];
    transition[static_cast<std::size_t>(k)] = static_cast<double>(below) / steps_per_code;
    if (k > 0 && result.histogram[static_cast<std::size_t>(k)] == 0) ++result.missing_codes;
  }
  const double span = transition.back() - transition.front();
  const double lsb = span / (kCodes - 2);
  result.gain_error = (kCodes - 2) / span - 1;
  result.offset_lsb = -(0.5 * (transition.front() + transition.back()) - (kCodes + 8) / 2.0);
  for (int k = 0; k + 1 < kCodes; ++k) {
    const auto at = static_cast<std::size_t>(k);
    result.inl.push_back((transition[at] - transition[0]) / lsb - k);
    result.inl_low = std::min(result.inl_low, result.inl.back());
    result.inl_high = std::max(result.inl_high, result.inl.back());
    if (k == 0) continue;
    result.dnl.push_back((transition[at] - transition[at - 1]) / lsb - 1);
    result.dnl_low = std::min(result.dnl_low, result.dnl.back());
    result.dnl_high = std::max(result.dnl_high, result.dnl.back());
  }
  result.enob = measure_enob(convert, limit_v);
  return result;
}

}  // namespace npim::peripheral
