// Convolutions and matrix products: weights, converter and correction.
#include <algorithm>
#include <cmath>
#include <utility>

#include "network/lowering.h"
#include "network/window.h"

namespace npim::network {
namespace {

constexpr std::int64_t kSampledProducts = std::int64_t{1} << 20;  // per layer, for the converter
constexpr double kFewestSamples = 256;  // windows from which moments are trusted

/// Weights [out][y][x][in] with one scale per output channel.
struct IntegerWeights {
  std::vector<std::int8_t> values;
  std::vector<double> scales;
  std::vector<std::int64_t> sums;
};

IntegerWeights round_weights(const std::vector<float> &real, std::size_t channels) {
  IntegerWeights weights;
  const std::size_t kernel = real.size() / channels;
  weights.values.reserve(real.size());
  for (std::size_t c = 0; c < channels; ++c) {
    const float *row = real.data() + c * kernel;
    double largest = 0;
    for (std::size_t k = 0; k < kernel; ++k) {
      largest = std::max(largest, std::abs(static_cast<double>(row[k])));
    }
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < kernel; ++k) {
      const double steps = largest > 0 ? std::round(row[k] / largest * 127) : 0;
      weights.values.push_back(static_cast<std::int8_t>(steps));
      sum += weights.values.back();
    }
    weights.scales.push_back(largest / 127);
    weights.sums.push_back(sum);
  }
  return weights;
}

}  // namespace

std::vector<float> Lowering::bias_of(std::size_t channels, float factor) const {
  std::vector<float> bias(channels, 0.0F);
  if (!node_->has_input(2)) return bias;
  const std::vector<float> &stored = graph_.initialiser(node_->inputs[2])->floats;
  for (std::size_t c = 0; c < channels; ++c) {
    bias[c] = factor * stored[stored.size() == 1 ? 0 : c];
  }
  return bias;
}

void Lowering::lower_convolution() {
  const Value from = image_value(0);
  Layer layer = new_layer(LayerOp::kConvolution, from);
  layer.window = window_of(graph_, *node_);
  layer.groups = static_cast<std::int32_t>(graph_.integer(*node_, "group", 1));
  layer.output_shape = held(output_shape()).shape;
  // ONNX: [out][in][y][x]; here: [out][y][x][in].
  const Tensor &stored = *graph_.initialiser(node_->inputs[1]);
  const auto out = static_cast<std::size_t>(stored.shape[0]);
  const auto in = static_cast<std::size_t>(stored.shape[1]);
  const auto taps = static_cast<std::size_t>(stored.shape[2] * stored.shape[3]);
  std::vector<float> weights(stored.floats.size());
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t i = 0; i < in; ++i) {
      for (std::size_t tap = 0; tap < taps; ++tap) {
        weights[(o * taps + tap) * in + i] = stored.floats[(o * in + i) * taps + tap];
      }
    }
  }
  finish_convolution(std::move(layer), from, weights, bias_of(out, 1.0F));
}

/// A single row is a convolution whose kernel is its whole input, however that is held; several
/// rows are the pixels of a 1 x 1 convolution.
void Lowering::lower_matrix_product() {
  const bool is_gemm = node_->op == Op::kGemm;
  const bool transposed = is_gemm && graph_.integer(*node_, "transB", 0) != 0;
  const float alpha = is_gemm ? graph_.real(*node_, "alpha", 1.0F) : 1.0F;
  const float beta = is_gemm ? graph_.real(*node_, "beta", 1.0F) : 1.0F;
  const bool is_row = element_count(shape(0)) == shape(0).back();
  const Value from = is_row ? value(0) : row_value(0);
  const auto out = static_cast<std::size_t>(output_shape().back());
  const std::vector<float> &stored = graph_.initialiser(node_->inputs[1])->floats;
  const std::size_t features = stored.size() / out;
  std::vector<float> weights(stored.size());
  for (std::size_t o = 0; o < out; ++o) {
    for (std::size_t k = 0; k < features; ++k) {
      const auto row = static_cast<std::size_t>(
          is_row ? from.held_index(static_cast<std::int64_t>(k)) : static_cast<std::int64_t>(k));
      weights[o * features + row] = alpha * stored[transposed ? o * features + k : k * out + o];
    }
  }
  Layer layer = new_layer(LayerOp::kConvolution, from);
  if (is_row) {
    layer.window.kernel_height = from.shape.height;
    layer.window.kernel_width = from.shape.width;
    layer.output_shape = {1, 1, static_cast<std::int32_t>(out)};
  } else {
    layer.output_shape.channels = static_cast<std::int32_t>(out);
  }
  finish_convolution(std::move(layer), from, weights, bias_of(out, beta));
}

void Lowering::finish_convolution(Layer layer, const Value &from,
                                  const std::vector<float> &real_weights,
                                  const std::vector<float> &bias) {
  for (const float weight : real_weights) {
    if (!std::isfinite(weight)) fail("folding its weights overflows");
  }
  const std::size_t channels = bias.size();
  IntegerWeights weights = round_weights(real_weights, channels);
  layer.weights = std::move(weights.values);
  // A converter that rounds gets the largest sums that the cells can give.
  if (options_.format.code != ConverterFormat::Code::kLossless) layer.weight_shift = 1;
  layer.block_rows = options_.block_rows;
  const double shifted = 1 << layer.weight_shift;
  Target target = plan_.target(node_index_);
  // What a dot product unit is worth, and what is added to the weighted sum.
  OutputRule rule;
  for (std::size_t c = 0; c < channels; ++c) {
    if (!std::isfinite(bias[c])) fail("folding its bias overflows");
    rule.steps.push_back(from.scale.scale * weights.scales[c] / shifted);
    rule.offsets.push_back(bias[c] - rule.steps[c] * from.scale.zero_point * shifted *
                                         static_cast<double>(weights.sums[c]));
  }
  const double infinity = std::numeric_limits<double>::infinity();
  rule.low = target.is_s32 ? -infinity : target.real(target.low());
  rule.high = target.is_s32 ? infinity : target.real(target.high());
  const ConverterChoice choice = choose_converter(layer, from, rule);
  layer.converter = choice.converter;
  for (std::size_t c = 0; c < choice.moments.size(); ++c) correct(choice.moments[c], c, rule);
  const double unit = unit_of(options_.format, layer.converter);
  for (double &step : rule.steps) step *= unit;
  scale_logits(target, rule.steps);
  LayerReport report;
  report.converter_sqnr_db = choice.sqnr_db;
  report.clipping_rate = choice.clipping_rate;
  report.code_histogram = choice.code_histogram;
  const bool is_image = output_shape().size() == 4 && output_shape()[0] == 1;
  Value result = finish(std::move(layer), target, rule.steps, rule.offsets, std::move(report));
  result.is_channel_major = tensors.back().is_channel_major = is_image;
  set_value(target.tensor, result);
}

/// Windows evenly spaced over all images.
ConverterChoice Lowering::choose_converter(const Layer &layer, const Value &from,
                                           const OutputRule &rule) const {
  ConverterTrials trials(options_, rule);
  if (images_ == 0) return trials.best();
  GoldenConvolution convolution(options_.format, layer);
  const TensorShape &out = layer.output_shape;
  const std::int64_t windows = std::int64_t{out.height} * out.width;
  const std::int64_t products = windows * images_ * convolution.blocks() * out.channels;
  const std::int64_t stride = (products + kSampledProducts - 1) / kSampledProducts | 1;
  std::vector<std::int32_t> window_products;
  std::int64_t next = 0;
  for (std::int32_t i = 0; i < images_; ++i) {
    const std::int64_t first = windows * i;
    if (next >= first + windows) continue;
    const GoldenTensor input = values_of(from, i);
    for (; next < first + windows; next += stride) {
      const auto y = static_cast<std::int32_t>((next - first) / out.width);
      const auto x = static_cast<std::int32_t>((next - first) % out.width);
      convolution.dot_products(input, y, x, window_products);
      trials.add(window_products);
    }
  }
  return trials.best();
}

/// Turns offset + step * s into what the options want it to be.
void Lowering::correct(const Moments &moments, std::size_t channel, OutputRule &rule) const {
  using Correction = QuantiseOptions::Correction;
  const Correction correction = options_.correction;
  if (correction == Correction::kNone || moments.count < kFewestSamples) return;
  double &step = rule.steps[channel], &offset = rule.offsets[channel];
  double slope = 1, mean = step * moments.mean_e() + offset;
  if (correction == Correction::kRegression && moments.variance() > 0) {
    slope = moments.covariance() / moments.variance();
  }
  if (const auto *real = plan_.moments(node_->outputs[0]); real != nullptr) {
    const Moments &wanted = (*real)[channel];
    mean = wanted.mean_s();
    if (correction == Correction::kMeanVariance && moments.variance() > 0) {
      slope = std::sqrt(wanted.variance() / moments.variance()) / std::abs(step);
    }
  }
  slope = std::isfinite(slope) ? std::clamp(slope, 0.5, 2.0) : 1.0;
  step *= slope;
  offset = mean - step * moments.mean_s();
}

}  // namespace npim::network
