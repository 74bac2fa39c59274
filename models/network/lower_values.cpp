// Pools, arithmetic between tensors and functions of single values.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "network/lowering.h"
#include "network/tensor_ops.h"
#include "network/window.h"

namespace npim::network {

void Lowering::lower_max_pool() {
  const Value from = image_value(0);
  Layer layer = new_layer(LayerOp::kMaxPool, from);
  layer.window = window_of(graph_, *node_);
  layer.output_shape = held(output_shape()).shape;
  set_value(node_->outputs[0], append(std::move(layer), from.scale, {node_->outputs[0]}));
}

void Lowering::lower_average_pool() {
  const Value from = image_value(0);
  Layer layer = new_layer(LayerOp::kAveragePool, from);
  layer.window = window_of(graph_, *node_);
  const Window &w = layer.window;
  layer.output_shape = {static_cast<std::int32_t>(w.output_height(from.shape.height)),
                        static_cast<std::int32_t>(w.output_width(from.shape.width)),
                        from.shape.channels};
  const bool is_padded = w.pad_top + w.pad_left + w.pad_bottom + w.pad_right > 0;
  const auto area = static_cast<std::size_t>(w.kernel_height) * w.kernel_width;
  const auto channels = static_cast<std::size_t>(from.shape.channels);
  std::vector<double> steps(channels, from.scale.scale / static_cast<double>(area));
  std::vector<double> offsets(channels, -from.scale.scale * from.scale.zero_point);
  if (is_padded && !counts_padding(graph_, *node_)) {
    layer.op = LayerOp::kInsideAverage;
    steps.clear();
    for (std::size_t taps = 1; taps <= area; ++taps) {
      steps.push_back(from.scale.scale / static_cast<double>(taps));
    }
    offsets.resize(1);
  }
  Target target = plan_.target(node_index_);
  scale_logits(target, steps);
  set_value(target.tensor, finish(std::move(layer), target, steps, offsets));
}

/// A function of single values, for each of the 256 that its source can take.
void Lowering::lower_table() {
  const PointFunctions &functions = plan_.functions();
  const std::string &source = functions.source(*node_);
  const auto found = values_.find(source);
  const Value from = found != values_.end() ? found->second : constant_value(source);
  std::vector<float> points;
  for (std::int32_t u = 0; u < 256; ++u) {
    points.push_back(static_cast<float>(from.scale.scale * (u - from.scale.zero_point)));
  }
  const ActivationScale &scale = plan_.target(node_index_).scale;
  Layer layer = new_layer(LayerOp::kLookup, from);
  for (const float real : functions.evaluate(*node_, points)) {
    if (std::isnan(real)) fail("yields no number for values that its input can take");
    const double steps = real / scale.scale + scale.zero_point;
    layer.table.push_back(static_cast<std::int32_t>(std::lround(std::clamp(steps, 0.0, 255.0))));
  }
  const Target &target = plan_.target(node_index_);
  set_value(target.tensor, append(std::move(layer), scale, {target.tensor, from.is_channel_major}));
}

// --- Arithmetic --------------------------------------------------------------------------------

bool is_per_channel(const Shape &constant, const Shape &shape, std::size_t axis) {
  if (constant.size() > shape.size()) return false;
  for (std::size_t i = 0; i < constant.size(); ++i) {
    const std::size_t at = shape.size() - constant.size() + i;
    if (constant[i] != 1 && (at != axis || constant[i] != shape[at])) return false;
  }
  return element_count(constant) > 0;
}

/// Of two tensors, or of one with a constant per channel.
void Lowering::lower_arithmetic() {
  const Tensor *constants[] = {graph_.initialiser(node_->inputs[0]),
                               graph_.initialiser(node_->inputs[1])};
  const std::size_t variable = constants[0] == nullptr ? 0 : 1;
  const Tensor *constant = constants[1 - variable];
  const Shape &image = shape(variable);
  const bool is_image = image.size() == 4 && image[0] == 1;
  const std::size_t axis = is_image || image.empty() ? 1 : image.size() - 1;
  const bool divides_constant = variable == 1 && node_->op == Op::kDiv;
  if (constant == nullptr || divides_constant || output_shape() != image ||
      !is_per_channel(constant->shape, image, axis)) {
    if (node_->op == Op::kAdd) return lower_add(1.0);
    if (node_->op == Op::kSub) return lower_add(-1.0);
    if (node_->op == Op::kMul) return lower_product();
    fail("divides by a tensor, which is not supported");
  }
  std::vector<double> factors, offsets;
  for (const float number : constant->floats) {
    const bool is_product = node_->op == Op::kMul || node_->op == Op::kDiv;
    const double sign = node_->op == Op::kSub && variable == 1 ? -1.0 : 1.0;
    factors.push_back(node_->op == Op::kMul   ? static_cast<double>(number)
                      : node_->op == Op::kDiv ? 1.0 / number
                                              : sign);
    offsets.push_back(is_product ? 0.0 : node_->op == Op::kSub ? -sign * number : number);
  }
  const bool is_one_value = constant->floats.size() == 1;
  lower_affine(is_one_value ? value(variable)
               : is_image   ? image_value(variable)
                            : row_value(variable),
               factors, offsets);
}

/// Both operands as the output is held, repeated where ONNX broadcasts them.
std::vector<Value> Lowering::operands() {
  std::vector<Value> results;
  for (std::size_t i = 0; i < 2; ++i) {
    const Value from = value(i);
    if (shape(i) == output_shape()) {
      results.push_back(from);
      continue;
    }
    Value to = held(output_shape());
    to.scale = from.scale;
    std::vector<std::int32_t> sources(static_cast<std::size_t>(to.shape.elements()));
    for (std::size_t k = 0; k < sources.size(); ++k) {
      sources[k] = static_cast<std::int32_t>(broadcast_index(k, shape(i), output_shape()));
    }
    results.push_back(gathered(from, {}, to, sources));
  }
  // One order for both: that of the first.
  results[1] = relaid(results[1], results[0]);
  return results;
}

/// a + sign * b
void Lowering::lower_add(double sign) {
  const std::vector<Value> inputs = operands();
  const Value &a = inputs[0], &b = inputs[1];
  Layer layer = new_layer(LayerOp::kAdd, a);
  layer.inputs.push_back(b.layer);
  const std::vector<double> steps = {a.scale.scale, sign * b.scale.scale};
  Target target = plan_.target(node_index_);
  scale_logits(target, steps);
  const double offset =
      -a.scale.scale * a.scale.zero_point - sign * b.scale.scale * b.scale.zero_point;
  Value result = finish(std::move(layer), target, steps, {offset});
  result.is_channel_major = tensors.back().is_channel_major = a.is_channel_major;
  set_value(target.tensor, result);
}

/// a * b; one of them may have a single value per channel of an image.
void Lowering::lower_product() {
  const auto is_factor = [&](std::size_t i) {
    const Shape &own = shape(i), &other = shape(1 - i);
    return other == output_shape() && other.size() == 4 && other[0] == 1 &&
           own == Shape{1, other[1], 1, 1};
  };
  std::vector<Value> inputs;
  if (is_factor(0) != is_factor(1)) {
    const std::size_t factor = is_factor(0) ? 0 : 1;
    inputs = {image_value(1 - factor), image_value(factor)};
  } else {
    inputs = operands();
  }
  const Value &a = inputs[0], &b = inputs[1];
  Layer layer = new_layer(LayerOp::kMultiply, a);
  layer.inputs.push_back(b.layer);
  layer.second_zero_point = static_cast<std::uint8_t>(b.scale.zero_point);
  const std::vector<double> steps = {a.scale.scale * b.scale.scale};
  Target target = plan_.target(node_index_);
  scale_logits(target, steps);
  Value result = finish(std::move(layer), target, steps, {0.0});
  result.is_channel_major = tensors.back().is_channel_major = a.is_channel_major;
  set_value(target.tensor, result);
}

/// A ReLU or Clip that is nobody's clamp: a copy with limits, unless it changes nothing.
void Lowering::lower_clamp() {
  const Value from = value(0);
  const Limits limits = limits_of(graph_, *node_);
  const double low = -from.scale.scale * from.scale.zero_point;
  const double high = from.scale.scale * (255 - from.scale.zero_point);
  if (limits.low <= low && limits.high >= high) {
    set_value(node_->outputs[0], from);
    return;
  }
  lower_affine(from, {1.0}, {0.0});
}

void Lowering::lower_batch_normalization() {
  const float epsilon = graph_.real(*node_, "epsilon", 1e-5F);
  const auto values = [&](std::size_t input) -> const std::vector<float> & {
    return graph_.initialiser(node_->inputs[input])->floats;
  };
  std::vector<double> factors, offsets;
  for (std::size_t c = 0; c < values(1).size(); ++c) {
    factors.push_back(values(1)[c] / std::sqrt(static_cast<double>(values(4)[c]) + epsilon));
    offsets.push_back(values(2)[c] - values(3)[c] * factors.back());
  }
  const bool is_vector = shape(0).size() == 2;
  if (!is_vector && (shape(0).size() != 4 || shape(0)[0] != 1)) {
    fail("is supported for images and vectors only");
  }
  lower_affine(is_vector ? row_value(0) : image_value(0), factors, offsets);
}

/// factor * x + offset per channel: an average over single pixels, then requantised.
void Lowering::lower_affine(const Value &from, std::vector<double> factors,
                            std::vector<double> offsets) {
  const auto channels = static_cast<std::size_t>(from.shape.channels);
  if (factors.size() == 1) factors.resize(channels, factors[0]);
  if (offsets.size() == 1) offsets.resize(channels, offsets[0]);
  std::vector<double> steps;
  for (std::size_t c = 0; c < channels; ++c) {
    steps.push_back(from.scale.scale * factors[c]);
    offsets[c] -= steps[c] * from.scale.zero_point;
    if (!std::isfinite(steps[c]) || !std::isfinite(offsets[c])) fail("its factor is not finite");
  }
  Layer layer = new_layer(LayerOp::kAveragePool, from);
  Target target = plan_.target(node_index_);
  scale_logits(target, steps);
  Value result = finish(std::move(layer), target, steps, offsets);
  result.is_channel_major = tensors.back().is_channel_major = from.is_channel_major;
  set_value(target.tensor, result);
}

/// x / (bias + alpha / size * sum of squares) ^ beta: the power is a table over the sum.
void Lowering::lower_local_response() {
  constexpr std::int64_t kFactors = 4096;
  const Value from = image_value(0);
  Layer layer = new_layer(LayerOp::kLocalResponse, from);
  const std::int64_t size = graph_.integer(*node_, "size", 1);
  const double alpha = graph_.real(*node_, "alpha", 1e-4F),
               beta = graph_.real(*node_, "beta", 0.75F), bias = graph_.real(*node_, "bias", 1.0F);
  layer.neighbours = static_cast<std::int32_t>(size);
  const std::int64_t largest =
      std::min<std::int64_t>(size, from.shape.channels) * 255 * std::int64_t{255};
  while (largest >> layer.sum_shift >= kFactors) ++layer.sum_shift;
  std::vector<double> factors;
  for (std::int64_t i = 0; i <= largest >> layer.sum_shift; ++i) {
    // The middle of the sums that share an entry.
    const double width = std::ldexp(1.0, layer.sum_shift);
    const double sum = static_cast<double>(i) * width + (width - 1) / 2;
    const double squares = sum * from.scale.scale * from.scale.scale;
    factors.push_back(std::pow(bias + alpha / static_cast<double>(size) * squares, -beta));
    if (!std::isfinite(factors.back())) fail("yields no number for values that it can meet");
  }
  const double largest_factor = *std::max_element(factors.begin(), factors.end());
  for (const double factor : factors) {
    layer.table.push_back(static_cast<std::int32_t>(std::lround(factor / largest_factor * 65535)));
  }
  const std::vector<double> steps = {from.scale.scale * largest_factor / 65535};
  Target target = plan_.target(node_index_);
  scale_logits(target, steps);
  set_value(target.tensor, finish(std::move(layer), target, steps, {0.0}));
}

}  // namespace npim::network
