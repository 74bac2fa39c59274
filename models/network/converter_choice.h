// The converter of a convolution: the product of range divisor and bit-line gain that yields the
// least mean-square error of the layer's output over sampled windows (quantise.h says how ties are
// broken).
#pragma once

#include <cstdint>
#include <vector>

#include "network/moments.h"
#include "network/quantise.h"

namespace npim::network {

/// Dot product units per code; 1 for a converter that loses nothing.
double unit_of(const ConverterFormat &format, const Converter &converter);

/// What becomes of a convolution's exact sum e of channel c: step[c] * e + offset[c], limited to
/// low
/// .. high.
struct OutputRule {
  std::vector<double> steps, offsets;
  double low = 0, high = 0;
};

struct ConverterChoice {
  Converter converter;
  double sqnr_db = 0;                        ///< of the sums of codes against the exact sums
  double clipping_rate = 0;                  ///< share of conversions beyond the largest code
  std::vector<std::int64_t> code_histogram;  ///< LayerReport::code_histogram
  std::vector<Moments> moments;              ///< per channel: sums of codes and exact sums
};

/// All settings that the options allow, tried on the same windows.
class ConverterTrials {
 public:
  ConverterTrials(const QuantiseOptions &options, OutputRule rule);

  /// The dot products of one window as GoldenConvolution yields them.
  void add(const std::vector<std::int32_t> &products);

  /// Without any window: the setting in the middle.
  ConverterChoice best() const;

 private:
  struct Trial {
    Converter converter;
    double unit = 1;
    double output_error = 0;  ///< after offset and limits: what decides
    double sum_error = 0;     ///< of the sums of codes alone
    std::int64_t clipped = 0;
    std::vector<double> sums;  ///< of the current window, per channel
    std::vector<std::int64_t> histogram;
    std::vector<Moments> moments;
  };

  void convert(const std::vector<std::int32_t> &products, Trial &trial) const;

  const ConverterFormat format_;
  const OutputRule rule_;
  std::vector<Trial> trials_;  // smallest product of divisor and gain first
  double signal_ = 0;
  std::int64_t converted_ = 0;
};

/// Power ratio in decibels, limited to what a report can use.
double decibels(double signal, double noise);

}  // namespace npim::network
