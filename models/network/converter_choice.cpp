#include "network/converter_choice.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "network/golden.h"

namespace npim::network {
namespace {

constexpr double kLargestSqnrDb = 200.0;  // stands for "no error at all"

std::int32_t product_of(const Converter &converter) {
  return converter.range_divisor * converter.bitline_gain;
}

/// The settings with distinct products, smallest first, each with the smallest gain.
std::vector<Converter> converter_choices(const QuantiseOptions &options) {
  if (options.format.code == ConverterFormat::Code::kLossless) return {Converter{}};
  std::vector<Converter> choices;
  std::vector<std::int32_t> gains = options.bitline_gains;
  std::sort(gains.begin(), gains.end());
  for (const std::int32_t gain : gains) {
    for (const std::int32_t divisor : options.range_divisors) {
      const Converter next = {divisor, gain};
      const auto same = [&](const Converter &other) {
        return product_of(other) == product_of(next);
      };
      if (std::none_of(choices.begin(), choices.end(), same)) choices.push_back(next);
    }
  }
  std::sort(choices.begin(), choices.end(),
            [](const Converter &a, const Converter &b) { return product_of(a) < product_of(b); });
  return choices;
}

}  // namespace

double decibels(double signal, double noise) {
  if (noise <= 0) return kLargestSqnrDb;
  if (signal <= 0) return 0;
  return std::min(kLargestSqnrDb, 10 * std::log10(signal / noise));
}

double unit_of(const ConverterFormat &format, const Converter &converter) {
  if (format.code == ConverterFormat::Code::kLossless) return 1;
  const double limit = format.code == ConverterFormat::Code::kSigned8 ? 127 : 255;
  return format.array_rows * 255.0 * 255.0 / (limit * product_of(converter));
}

ConverterTrials::ConverterTrials(const QuantiseOptions &options, OutputRule rule)
    : format_(options.format), rule_(std::move(rule)) {
  for (const Converter &converter : converter_choices(options)) {
    Trial trial;
    trial.converter = converter;
    trial.unit = unit_of(format_, converter);
    trial.moments.resize(rule_.steps.size());
    trials_.push_back(std::move(trial));
  }
}

void ConverterTrials::add(const std::vector<std::int32_t> &products) {
  const std::size_t channels = rule_.steps.size();
  converted_ += static_cast<std::int64_t>(products.size());
  std::vector<double> exact(channels, 0.0);
  for (std::size_t k = 0; k < products.size(); ++k) exact[k % channels] += products[k];
  for (Trial &trial : trials_) convert(products, trial);
  for (std::size_t c = 0; c < channels; ++c) {
    const double step = rule_.steps[c], offset = rule_.offsets[c];
    const double sum = step * exact[c];
    const double wanted = std::clamp(sum + offset, rule_.low, rule_.high);
    signal_ += sum * sum;
    for (Trial &trial : trials_) {
      const double got = step * trial.sums[c];
      trial.moments[c].add(trial.sums[c], exact[c]);
      const double difference = std::clamp(got + offset, rule_.low, rule_.high) - wanted;
      trial.output_error += difference * difference;
      trial.sum_error += (got - sum) * (got - sum);
    }
  }
}

void ConverterTrials::convert(const std::vector<std::int32_t> &products, Trial &trial) const {
  const std::size_t channels = rule_.steps.size();
  trial.sums.assign(channels, 0.0);
  const bool saturates = format_.code != ConverterFormat::Code::kLossless;
  const std::int64_t limit = format_.code == ConverterFormat::Code::kSigned8 ? 127 : 255;
  const double beyond = (static_cast<double>(limit) + 0.5) * trial.unit;
  if (saturates) trial.histogram.resize(static_cast<std::size_t>(2 * limit + 1));
  std::size_t c = 0;
  for (const std::int32_t product : products) {
    const std::int64_t code = golden_convert(format_, trial.converter, product);
    trial.sums[c] += static_cast<double>(code) * trial.unit;
    if (saturates) {
      if (std::abs(static_cast<double>(product)) >= beyond) ++trial.clipped;
      ++trial.histogram[static_cast<std::size_t>(code + limit)];
    }
    if (++c == channels) c = 0;
  }
}

ConverterChoice ConverterTrials::best() const {
  ConverterChoice choice;
  if (converted_ == 0) {
    choice.converter = trials_[trials_.size() / 2].converter;
    return choice;
  }
  const Trial *best = &trials_[0];
  for (const Trial &trial : trials_) {
    if (trial.output_error < best->output_error) best = &trial;
  }
  choice.converter = best->converter;
  choice.sqnr_db = decibels(signal_, best->sum_error);
  choice.clipping_rate = static_cast<double>(best->clipped) / static_cast<double>(converted_);
  choice.code_histogram = best->histogram;
  choice.moments = best->moments;
  return choice;
}

}  // namespace npim::network
