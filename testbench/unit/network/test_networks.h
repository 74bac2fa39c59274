// Small integer networks and random values for the tests of this folder.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "network/quantised.h"

namespace npim::network::test {

/// Deterministic values, equal on every standard library.
class Values {
 public:
  explicit Values(std::uint32_t seed) : engine_(seed) {}
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  double real(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) * 0x1p-53;
  }

 private:
  std::mt19937_64 engine_;
};

inline std::int32_t output_extent(std::int32_t in, std::int32_t kernel, std::int32_t stride,
                                  std::int32_t dilation, std::int32_t pads) {
  return (in + pads - ((kernel - 1) * dilation + 1)) / stride + 1;
}

/// A convolution with random weights whose output shape follows from its window.
inline Layer convolution(Values &random, TensorShape input, std::int32_t out_channels,
                         const Window &window, std::int32_t from = kNetworkInput) {
  Layer layer;
  layer.name = "conv";
  layer.op = LayerOp::kConvolution;
  layer.inputs = {from};
  layer.input_shape = input;
  layer.window = window;
  layer.output_shape = {output_extent(input.height, window.kernel_height, window.stride_height,
                                      window.dilation_height, window.pad_top + window.pad_bottom),
                        output_extent(input.width, window.kernel_width, window.stride_width,
                                      window.dilation_width, window.pad_left + window.pad_right),
                        out_channels};
  const std::int32_t rows = window.kernel_height * window.kernel_width * input.channels;
  for (std::int32_t i = 0; i < rows * out_channels; ++i) {
    layer.weights.push_back(static_cast<std::int8_t>(random.integer(-128, 127)));
  }
  for (std::int32_t c = 0; c < out_channels; ++c) {
    layer.requantise.multiplier.push_back(static_cast<std::int32_t>(random.integer(1, 1 << 20)));
    layer.requantise.bias.push_back(random.integer(-(1 << 30), 1 << 30));
  }
  layer.requantise.shift = 24;
  return layer;
}

inline Layer pool(LayerOp op, TensorShape input, const Window &window, std::int32_t from) {
  Layer layer;
  layer.name = "pool";
  layer.op = op;
  layer.inputs = {from};
  layer.input_shape = input;
  layer.window = window;
  layer.output_shape = {output_extent(input.height, window.kernel_height, window.stride_height,
                                      window.dilation_height, window.pad_top + window.pad_bottom),
                        output_extent(input.width, window.kernel_width, window.stride_width,
                                      window.dilation_width, window.pad_left + window.pad_right),
                        input.channels};
  if (op == LayerOp::kAveragePool) {
    const auto channels = static_cast<std::size_t>(input.channels);
    const std::int32_t taps = window.kernel_height * window.kernel_width;
    layer.requantise.multiplier.assign(channels, (1 << 16) / taps);
    layer.requantise.bias.assign(channels, 0);
    layer.requantise.shift = 16;
  }
  return layer;
}

inline Layer addition(TensorShape shape, std::int32_t a, std::int32_t b) {
  Layer layer;
  layer.name = "add";
  layer.op = LayerOp::kAdd;
  layer.inputs = {a, b};
  layer.input_shape = layer.output_shape = shape;
  layer.requantise.multiplier = {300, 211};
  layer.requantise.bias = {-700};
  layer.requantise.shift = 9;
  return layer;
}

/// Convolution, max pool, average pool beside it, addition, and a fully connected layer.
inline QuantisedNetwork every_operation(std::uint32_t seed = 1) {
  Values random(seed);
  QuantisedNetwork network;
  network.name = "every operation";
  network.input_shape = {6, 7, 3};
  Window same{3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  network.layers.push_back(convolution(random, network.input_shape, 4, same));
  const TensorShape wide = network.layers[0].output_shape;
  Window two{2, 2, 2, 2, 1, 1, 0, 0, 0, 1};
  network.layers.push_back(pool(LayerOp::kMaxPool, wide, two, 0));
  network.layers.push_back(pool(LayerOp::kAveragePool, wide, two, 0));
  const TensorShape small = network.layers[1].output_shape;
  network.layers.push_back(addition(small, 1, 2));
  Window whole;
  whole.kernel_height = small.height;
  whole.kernel_width = small.width;
  network.layers.push_back(convolution(random, small, 10, whole, 3));
  network.layers.back().requantise.output_s32 = true;
  return network;
}

/// A 1 x 1 convolution beside the image itself, with constant channels before, between and after.
inline QuantisedNetwork padded_concat() {
  Values random(2);
  QuantisedNetwork network;
  network.name = "padded concat";
  network.input_shape = {3, 4, 2};
  network.layers.push_back(convolution(random, network.input_shape, 4, Window{}));
  Layer concat;
  concat.name = "concat";
  concat.op = LayerOp::kConcat;
  concat.inputs = {0, kNetworkInput};
  concat.channel_offsets = {1, 6};
  concat.pad_value = 77;
  concat.input_shape = {3, 4, 6};
  concat.output_shape = {3, 4, 9};
  network.layers.push_back(concat);
  network.layers.push_back(convolution(random, concat.output_shape, 5, Window{}, 1));
  return network;
}

/// Lookup, multiplication by a factor per channel, an average inside the image, local response and
/// a transposition, one after the other on 2 x 3 x 2 values.
inline QuantisedNetwork host_operations() {
  QuantisedNetwork network;
  network.name = "host operations";
  network.input_shape = {2, 3, 2};
  const auto begin = [&](const char *name, LayerOp op, std::int32_t from) {
    Layer layer;
    layer.name = name;
    layer.op = op;
    layer.inputs = {from};
    layer.input_shape = layer.output_shape = network.input_shape;
    return layer;
  };
  Layer lookup = begin("lookup", LayerOp::kLookup, kNetworkInput);
  for (std::int32_t u = 0; u < 256; ++u) lookup.table.push_back(255 - u);
  Layer mean = pool(LayerOp::kAveragePool, network.input_shape, {2, 3}, 0);
  Layer product = begin("product", LayerOp::kMultiply, 0);
  product.inputs.push_back(1);
  product.pad_value = 10;
  product.second_zero_point = 5;
  product.requantise.multiplier = {3};
  product.requantise.bias = {40 << 8};
  product.requantise.shift = 8;
  Layer inside = begin("inside", LayerOp::kInsideAverage, 2);
  inside.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  for (int taps = 1; taps <= 9; ++taps) inside.requantise.multiplier.push_back((1 << 16) / taps);
  inside.requantise.bias = {0};
  inside.requantise.shift = 16;
  Layer response = begin("response", LayerOp::kLocalResponse, 3);
  response.pad_value = 20;
  response.neighbours = 2;
  response.sum_shift = 10;
  for (std::int32_t i = 0; i < 64; ++i) response.table.push_back(65535 - 1000 * i);
  response.requantise.multiplier = {1};
  response.requantise.bias = {20 << 16};
  response.requantise.shift = 16;
  Layer transposed = begin("transposed", LayerOp::kGather, 4);
  transposed.output_shape = {3, 2, 2};
  transposed.pad_value = 9;
  transposed.table = {0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, -1};
  network.layers = {lookup, mean, product, inside, response, transposed};
  return network;
}

inline Bytes random_image(Values &random, const TensorShape &shape) {
  Bytes image;
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    image.push_back(static_cast<std::uint8_t>(random.integer(0, 255)));
  }
  return image;
}

}  // namespace npim::network::test
