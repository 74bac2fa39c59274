#include "network/golden.h"

#include <algorithm>
#include <limits>

namespace npim::network {
namespace {

/// Largest code magnitude of a converter that saturates.
std::int64_t code_limit(ConverterFormat::Code code) {
  return code == ConverterFormat::Code::kSigned8 ? 127 : 255;
}

/// Operands of 16 bits let the compiler use the multiply-and-add-pairs instruction. At most 4096
/// rows of 255 * 254 each: the sum fits 32 bits.
std::int32_t dot(const std::int16_t *a, const std::int16_t *b, std::int32_t size) {
  std::int32_t sum = 0;
  for (std::int32_t i = 0; i < size; ++i) sum += std::int32_t{a[i]} * b[i];
  return sum;
}

GoldenTensor empty_output(const Layer &layer) {
  GoldenTensor output;
  output.shape = layer.output_shape;
  output.values.resize(static_cast<std::size_t>(layer.output_shape.elements()));
  return output;
}

GoldenTensor convolve(const ConverterFormat &format, const Layer &layer,
                      const GoldenTensor &input) {
  GoldenTensor output = empty_output(layer);
  GoldenConvolution convolution(format, layer);
  const auto channels = static_cast<std::size_t>(layer.output_shape.channels);
  std::vector<std::int32_t> products;
  std::size_t index = 0;
  for (std::int32_t y = 0; y < layer.output_shape.height; ++y) {
    for (std::int32_t x = 0; x < layer.output_shape.width; ++x) {
      convolution.dot_products(input, y, x, products);
      for (std::size_t c = 0; c < channels; ++c) {
        std::int64_t accumulator = 0;
        for (std::size_t k = c; k < products.size(); k += channels) {
          accumulator += golden_convert(format, layer.converter, products[k]);
        }
        output.values[index++] =
            golden_requantise(layer.requantise, accumulator * layer.requantise.multiplier[c],
                              layer.requantise.bias[c]);
      }
    }
  }
  return output;
}

/// Calls visit(value) for each tap of the window of (y, x) in channel c; taps in the padding yield
/// `padding`, or nothing if it is negative.
template <typename Visit>
void visit_window(const Layer &layer, const GoldenTensor &input, std::int32_t y, std::int32_t x,
                  std::int32_t c, std::int32_t padding, Visit visit) {
  const Window &window = layer.window;
  const TensorShape &shape = layer.input_shape;
  for (std::int32_t ky = 0; ky < window.kernel_height; ++ky) {
    const std::int64_t in_y = window.input_row(y, ky);
    for (std::int32_t kx = 0; kx < window.kernel_width; ++kx) {
      const std::int64_t in_x = window.input_column(x, kx);
      if (in_y >= 0 && in_y < shape.height && in_x >= 0 && in_x < shape.width) {
        visit(input.values[static_cast<std::size_t>((in_y * shape.width + in_x) * shape.channels +
                                                    c)]);
      } else if (padding >= 0) {
        visit(padding);
      }
    }
  }
}

template <typename Value>
GoldenTensor for_each_output(const Layer &layer, Value value) {
  GoldenTensor output = empty_output(layer);
  std::size_t index = 0;
  for (std::int32_t y = 0; y < layer.output_shape.height; ++y) {
    for (std::int32_t x = 0; x < layer.output_shape.width; ++x) {
      for (std::int32_t c = 0; c < layer.output_shape.channels; ++c) {
        output.values[index++] = value(y, x, c);
      }
    }
  }
  return output;
}

GoldenTensor max_pool(const Layer &layer, const GoldenTensor &input) {
  return for_each_output(layer, [&](std::int32_t y, std::int32_t x, std::int32_t c) {
    std::int32_t best = 0;
    visit_window(layer, input, y, x, c, -1,
                 [&](std::int32_t value) { best = std::max(best, value); });
    return best;
  });
}

GoldenTensor average_pool(const Layer &layer, const GoldenTensor &input) {
  const Requantise &post = layer.requantise;
  return for_each_output(layer, [&](std::int32_t y, std::int32_t x, std::int32_t c) {
    std::int64_t sum = 0;
    visit_window(layer, input, y, x, c, layer.pad_value, [&](std::int32_t value) { sum += value; });
    const auto channel = static_cast<std::size_t>(c);
    return golden_requantise(post, sum * post.multiplier[channel], post.bias[channel]);
  });
}

GoldenTensor add(const Layer &layer, const GoldenTensor &a, const GoldenTensor &b) {
  GoldenTensor output = empty_output(layer);
  const Requantise &post = layer.requantise;
  for (std::size_t i = 0; i < output.values.size(); ++i) {
    const std::int64_t sum = std::int64_t{a.values[i]} * post.multiplier[0] +
                             std::int64_t{b.values[i]} * post.multiplier[1];
    output.values[i] = golden_requantise(post, sum, post.bias[0]);
  }
  return output;
}

}  // namespace

std::int64_t golden_convert(const ConverterFormat &format, const Converter &converter,
                            std::int64_t dot_product) {
  if (format.code == ConverterFormat::Code::kLossless) return dot_product;
  const std::int64_t limit = code_limit(format.code);
  const std::int64_t full_scale = std::int64_t{format.array_rows} * 255 * 255;
  // Full scale saturates at any range and gain; what remains cannot overflow below.
  if (dot_product >= full_scale) return limit;
  if (dot_product <= -full_scale) return -limit;
  const std::int64_t magnitude = dot_product < 0 ? -dot_product : dot_product;
  const std::int64_t scaled = magnitude * converter.bitline_gain * converter.range_divisor * limit;
  const std::int64_t code = std::min((2 * scaled + full_scale) / (2 * full_scale), limit);
  return dot_product < 0 ? -code : code;
}

std::int32_t golden_requantise(const Requantise &post, std::int64_t sum, std::int64_t bias) {
  const std::int64_t rounding = post.shift == 0 ? 0 : std::int64_t{1} << (post.shift - 1);
  const std::int64_t value = (sum + bias + rounding) >> post.shift;
  if (post.output_s32) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(
        value, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
  }
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, post.low, post.high));
}

GoldenConvolution::GoldenConvolution(const ConverterFormat &format, const Layer &layer)
    : layer_(layer),
      source_{layer.input_shape, layer.window, layer.groups, layer.pad_value},
      block_rows_(layer.rows_per_block(format.array_rows)),
      rows_(source_.rows()),
      blocks_((rows_ + block_rows_ - 1) / block_rows_),
      weights_(layer.weights.begin(), layer.weights.end()),
      window_(static_cast<std::size_t>(rows_) * static_cast<std::size_t>(layer.groups)) {
  const int factor = 1 << layer.weight_shift;
  for (std::int16_t &weight : weights_) weight = static_cast<std::int16_t>(weight * factor);
}

void GoldenConvolution::dot_products(const GoldenTensor &input, std::int32_t y, std::int32_t x,
                                     std::vector<std::int32_t> &products) {
  gather_window(source_, input.values.data(), y, x, window_.data());
  const std::int32_t channels = layer_.output_shape.channels;
  const std::int32_t channels_per_group = channels / layer_.groups;
  products.resize(static_cast<std::size_t>(blocks_) * channels);
  auto product = products.begin();
  for (std::int32_t first = 0; first < rows_; first += block_rows_) {
    const std::int32_t rows = std::min(block_rows_, rows_ - first);
    for (std::int32_t c = 0; c < channels; ++c) {
      const std::int32_t group = c / channels_per_group;
      *product++ = dot(window_.data() + static_cast<std::size_t>(group) * rows_ + first,
                       weights_.data() + static_cast<std::size_t>(c) * rows_ + first, rows);
    }
  }
}

namespace {

/// Channels that no input covers hold the pad value.
GoldenTensor concatenate(const Layer &layer, const std::vector<const GoldenTensor *> &inputs) {
  GoldenTensor output = empty_output(layer);
  std::fill(output.values.begin(), output.values.end(), layer.pad_value);
  const auto pixels = std::ptrdiff_t{layer.output_shape.height} * layer.output_shape.width;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::int32_t channels = inputs[i]->shape.channels;
    for (std::ptrdiff_t pixel = 0; pixel < pixels; ++pixel) {
      std::copy_n(
          inputs[i]->values.begin() + pixel * channels, channels,
          output.values.begin() + pixel * layer.output_shape.channels + layer.channel_offsets[i]);
    }
  }
  return output;
}

GoldenTensor look_up(const Layer &layer, const GoldenTensor &input) {
  GoldenTensor output = empty_output(layer);
  for (std::size_t i = 0; i < output.values.size(); ++i) {
    output.values[i] = layer.table[static_cast<std::size_t>(input.values[i])];
  }
  return output;
}

GoldenTensor multiply(const Layer &layer, const GoldenTensor &a, const GoldenTensor &b) {
  GoldenTensor output = empty_output(layer);
  const Requantise &post = layer.requantise;
  for (std::size_t i = 0; i < output.values.size(); ++i) {
    // A second input of one pixel repeats: HWC elements of a pixel are its channels.
    const std::int64_t product =
        (std::int64_t{a.values[i]} - layer.pad_value) *
        (std::int64_t{b.values[i % b.values.size()]} - layer.second_zero_point);
    output.values[i] = golden_requantise(post, product * post.multiplier[0], post.bias[0]);
  }
  return output;
}

GoldenTensor gather(const Layer &layer, const GoldenTensor &input) {
  GoldenTensor output = empty_output(layer);
  for (std::size_t i = 0; i < output.values.size(); ++i) {
    const std::int32_t from = layer.table[i];
    output.values[i] =
        from < 0 ? std::int32_t{layer.pad_value} : input.values[static_cast<std::size_t>(from)];
  }
  return output;
}

GoldenTensor inside_average(const Layer &layer, const GoldenTensor &input) {
  const Requantise &post = layer.requantise;
  return for_each_output(layer, [&](std::int32_t y, std::int32_t x, std::int32_t c) {
    std::int64_t sum = 0;
    std::size_t taps = 0;
    visit_window(layer, input, y, x, c, -1, [&](std::int32_t value) {
      sum += value;
      ++taps;
    });
    return golden_requantise(post, sum * post.multiplier[taps - 1], post.bias[0]);
  });
}

GoldenTensor local_response(const Layer &layer, const GoldenTensor &input) {
  const std::int32_t channels = layer.input_shape.channels;
  const Requantise &post = layer.requantise;
  return for_each_output(layer, [&](std::int32_t y, std::int32_t x, std::int32_t c) {
    const std::int32_t *pixel =
        input.values.data() +
        (std::ptrdiff_t{y} * layer.input_shape.width + x) * std::ptrdiff_t{channels};
    std::int64_t squares = 0;
    const std::int32_t first = std::max(0, c - (layer.neighbours - 1) / 2);
    const std::int32_t last = std::min(channels - 1, c + layer.neighbours / 2);
    for (std::int32_t other = first; other <= last; ++other) {
      const std::int64_t value = pixel[other] - std::int32_t{layer.pad_value};
      squares += value * value;
    }
    const auto factor =
        std::min(static_cast<std::size_t>(squares >> layer.sum_shift), layer.table.size() - 1);
    const std::int64_t product = (std::int64_t{pixel[c]} - layer.pad_value) * layer.table[factor];
    return golden_requantise(post, product * post.multiplier[0], post.bias[0]);
  });
}

}  // namespace

GoldenTensor execute_golden_layer(const ConverterFormat &format, const Layer &layer,
                                  const std::vector<const GoldenTensor *> &inputs) {
  switch (layer.op) {
    case LayerOp::kConvolution:
      return convolve(format, layer, *inputs[0]);
    case LayerOp::kMaxPool:
      return max_pool(layer, *inputs[0]);
    case LayerOp::kAveragePool:
      return average_pool(layer, *inputs[0]);
    case LayerOp::kAdd:
      return add(layer, *inputs[0], *inputs[1]);
    case LayerOp::kConcat:
      return concatenate(layer, inputs);
    case LayerOp::kLookup:
      return look_up(layer, *inputs[0]);
    case LayerOp::kMultiply:
      return multiply(layer, *inputs[0], *inputs[1]);
    case LayerOp::kGather:
      return gather(layer, *inputs[0]);
    case LayerOp::kInsideAverage:
      return inside_average(layer, *inputs[0]);
    case LayerOp::kLocalResponse:
      return local_response(layer, *inputs[0]);
  }
  return {};
}

std::vector<GoldenTensor> execute_golden(const QuantisedNetwork &network,
                                         const std::uint8_t *image) {
  return execute_golden(
      network, image, [&](std::size_t index, const std::vector<const GoldenTensor *> &inputs) {
        return execute_golden_layer(network.format, network.layers[index], inputs);
      });
}

std::vector<GoldenTensor> execute_golden(const QuantisedNetwork &network, const std::uint8_t *image,
                                         const ComputeLayer &compute) {
  GoldenTensor input;
  input.shape = network.input_shape;
  const Bytes encoded = encode_input(network, image);
  input.values.assign(encoded.begin(), encoded.end());
  std::vector<GoldenTensor> outputs;
  outputs.reserve(network.layers.size());
  for (const Layer &layer : network.layers) {
    std::vector<const GoldenTensor *> inputs;
    for (const std::int32_t from : layer.inputs) {
      inputs.push_back(from == kNetworkInput ? &input : &outputs[static_cast<std::size_t>(from)]);
    }
    outputs.push_back(compute(outputs.size(), inputs));
  }
  return outputs;
}

std::vector<std::int32_t> golden_logits(const QuantisedNetwork &network,
                                        const std::uint8_t *image) {
  return std::move(execute_golden(network, image).back().values);
}

}  // namespace npim::network
