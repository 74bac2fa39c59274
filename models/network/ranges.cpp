#include "network/ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "base/parallel.h"

namespace npim::network {
namespace {

constexpr std::size_t kBins = 4096;

/// Counts of values in equal bins between the extremes.
class Histogram {
 public:
  Histogram(double low, double high) : low_(low), width_((high - low) / kBins), counts_(kBins) {}

  void add(double value) {
    const double bin = width_ > 0 ? (value - low_) / width_ : 0;
    ++counts_[std::min(kBins - 1, static_cast<std::size_t>(std::max(bin, 0.0)))];
    ++total_;
  }

  /// The range without the outermost (100 - percentile) % of the values: from the end that has
  /// them.
  ActivationRange percentile(double percentile) const {
    const double tail = (1.0 - percentile / 100.0) * static_cast<double>(total_);
    ActivationRange range{low_, low_ + width_ * kBins, 0};
    // Both tails are trimmed alike; a one-sided tensor (after ReLU) has no lower tail to trim.
    range.high = edge(tail, true);
    if (low_ < 0) range.low = edge(tail, false);
    return range;
  }

  /// The range, shrunk towards zero, with the least error of rounding and saturation.
  ActivationRange mean_square() const {
    const double high = low_ + width_ * kBins;
    ActivationRange best{low_, high, 0};
    double least = std::numeric_limits<double>::infinity();
    for (int percent = 100; percent >= 20; percent -= 2) {
      const ActivationRange range{low_ * percent / 100, high * percent / 100, 0};
      const double error = error_of(range);
      if (error < least) {
        least = error;
        best = range;
      }
    }
    return best;
  }

 private:
  double centre(std::size_t bin) const { return low_ + width_ * (static_cast<double>(bin) + 0.5); }

  double edge(double tail, bool upper) const {
    double seen = 0;
    for (std::size_t i = 0; i < kBins; ++i) {
      const std::size_t bin = upper ? kBins - 1 - i : i;
      seen += static_cast<double>(counts_[bin]);
      if (seen > tail) return low_ + width_ * static_cast<double>(upper ? bin + 1 : bin);
    }
    return upper ? low_ + width_ * kBins : low_;
  }

  double error_of(const ActivationRange &range) const {
    const ActivationScale scale = scale_of(range);
    double error = 0;
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      if (counts_[bin] == 0) continue;
      const double code =
          std::clamp(std::round(centre(bin) / scale.scale) + scale.zero_point, 0.0, 255.0);
      const double difference = (code - scale.zero_point) * scale.scale - centre(bin);
      error += difference * difference * static_cast<double>(counts_[bin]);
    }
    return error;
  }

  double low_, width_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

/// Of each tensor over all inputs, with zero.
std::map<std::string, ActivationRange> extremes(const Graph &graph,
                                                const std::vector<std::string> &tensors,
                                                const std::vector<std::vector<float>> &inputs) {
  std::map<std::string, ActivationRange> ranges;
  for (const std::string &tensor : tensors) ranges[tensor] = {};
  std::mutex mutex;
  parallel_for(inputs.size(), [&](std::size_t i) {
    const FloatTensors values = execute_float(graph, inputs[i]);
    const std::lock_guard<std::mutex> lock(mutex);
    for (auto &[tensor, range] : ranges) {
      for (const float value : values.at(tensor)) {
        if (!std::isfinite(value)) graph.fail("tensor '" + tensor + "' overflows in calibration");
        range.low = std::min(range.low, static_cast<double>(value));
        range.high = std::max(range.high, static_cast<double>(value));
      }
    }
  });
  for (auto &entry : ranges) {
    entry.second.largest = std::max(-entry.second.low, entry.second.high);
  }
  return ranges;
}

}  // namespace

std::map<std::string, ActivationRange> measure_ranges(const Graph &graph,
                                                      const std::vector<std::string> &tensors,
                                                      const std::vector<std::vector<float>> &inputs,
                                                      const QuantiseOptions &options) {
  std::map<std::string, ActivationRange> ranges = extremes(graph, tensors, inputs);
  if (options.range == QuantiseOptions::Range::kMinMax) return ranges;
  std::map<std::string, Histogram> histograms;
  for (const auto &[tensor, range] : ranges) {
    histograms.emplace(tensor, Histogram(range.low, range.high));
  }
  std::mutex mutex;
  parallel_for(inputs.size(), [&](std::size_t i) {
    const FloatTensors values = execute_float(graph, inputs[i]);
    const std::lock_guard<std::mutex> lock(mutex);  // counts do not depend on the order
    for (auto &[tensor, histogram] : histograms) {
      for (const float value : values.at(tensor)) histogram.add(value);
    }
  });
  for (auto &[tensor, range] : ranges) {
    const Histogram &histogram = histograms.at(tensor);
    const ActivationRange cut = options.range == QuantiseOptions::Range::kPercentile
                                    ? histogram.percentile(options.percentile)
                                    : histogram.mean_square();
    range.low = std::min(cut.low, 0.0);
    range.high = std::max(cut.high, 0.0);
  }
  return ranges;
}

ActivationScale scale_of(const ActivationRange &range) {
  ActivationScale result;
  const double width = range.high - range.low;
  if (!(width > 1e-30)) return result;  // a tensor that is always zero
  result.scale = width / 255;
  result.zero_point = static_cast<std::int32_t>(std::lround(-range.low / result.scale));
  return result;
}

}  // namespace npim::network
