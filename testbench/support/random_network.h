// Random small integer networks for property tests: valid by construction, with every layer
// operation, residual and parallel branches, grouped and depthwise convolutions, channels of
// constants, odd kernel sizes, strides, padding, zero points and converter settings.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "network/quantised.h"

namespace npim::testing {

using network::Layer;
using network::LayerOp;
using network::QuantisedNetwork;
using network::TensorShape;

class RandomNetwork {
 public:
  /// What the networks may contain: kChip is what tiles can do alone; kAny adds gathers that move
  /// elements between rows and recurrent layers, whose steps share weights.
  enum class Kind { kChip, kAny };

  explicit RandomNetwork(std::uint32_t seed, Kind kind = Kind::kChip)
      : random_(seed), kind_(kind) {}

  QuantisedNetwork make(network::ConverterFormat format, int layers, int largest_channels = 24) {
    QuantisedNetwork network;
    network.name = "random";
    network.format = format;
    network.input_shape = {between(4, 12), between(4, 12), between(1, 5)};
    for (int i = 0; i < layers; ++i) add_layer(network, largest_channels);
    add_classifier(network, between(2, 11));
    return network;
  }

  /// One recurrent layer and a classifier.
  QuantisedNetwork make_recurrent(network::ConverterFormat format, int steps, int hidden,
                                  int classes) {
    QuantisedNetwork network;
    network.name = "recurrent";
    network.format = format;
    network.input_shape = {1, 1, 40};
    add_recurrent(network, steps, hidden);
    add_classifier(network, classes);
    return network;
  }

  std::vector<std::uint8_t> image(const TensorShape &shape) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.elements()));
    for (auto &pixel : pixels) pixel = static_cast<std::uint8_t>(between(0, 255));
    return pixels;
  }

  int between(int lowest, int highest) {
    return lowest + static_cast<int>(random_() % static_cast<unsigned>(highest - lowest + 1));
  }

 private:
  void add_layer(QuantisedNetwork &network, int largest_channels) {
    const int kind = between(0, kind_ == Kind::kAny ? 16 : 12);
    if (kind == 13 || kind == 14) {
      add_reorder(network);
    } else if (kind == 15) {
      add_recurrent(network, between(2, 4), between(8, 12));
    } else if (kind == 16) {
      add_far_join(network);
    } else if (kind == 8) {
      add_pool(network, LayerOp::kInsideAverage);
    } else if (kind == 0) {
      add_pool(network, LayerOp::kMaxPool);
    } else if (kind == 1) {
      add_pool(network, LayerOp::kAveragePool);
    } else if (kind == 2) {
      add_residual(network);
    } else if (kind == 3) {
      add_branches(network, largest_channels);
    } else if (kind == 4) {
      add_padded_shortcut(network);
    } else if (kind == 5) {
      add_grouped(network);
    } else if (kind == 6) {
      add_pointwise(network);
    } else if (kind == 7 && !has_constants(network)) {
      add_gather(network);
    } else {
      add_convolution(network, between(1, largest_channels), between(1, 3), between(1, 2), -1);
    }
  }

  static TensorShape shape_of(const QuantisedNetwork &network, int index) {
    return index < 0 ? network.input_shape
                     : network.layers[static_cast<std::size_t>(index)].output_shape;
  }
  static int last(const QuantisedNetwork &network) {
    return static_cast<int>(network.layers.size()) - 1;
  }

  static int output_size(int input, int kernel, int stride, int dilation, int pads) {
    return (input + pads - (kernel - 1) * dilation - 1) / stride + 1;
  }

  void set_window(Layer &layer, int kernel, int stride, bool padded) {
    auto &w = layer.window;
    w.kernel_height = std::min(kernel, layer.input_shape.height);
    w.kernel_width = std::min(kernel, layer.input_shape.width);
    w.stride_height = w.stride_width = stride;
    if (padded) {
      w.pad_top = between(0, w.kernel_height - 1);
      w.pad_bottom = between(0, w.kernel_height - 1);
      w.pad_left = between(0, w.kernel_width - 1);
      w.pad_right = between(0, w.kernel_width - 1);
    }
    layer.output_shape.height =
        output_size(layer.input_shape.height, w.kernel_height, stride, 1, w.pad_top + w.pad_bottom);
    layer.output_shape.width =
        output_size(layer.input_shape.width, w.kernel_width, stride, 1, w.pad_left + w.pad_right);
  }

  Layer begin(const QuantisedNetwork &network, LayerOp op, int input) {
    Layer layer;
    layer.op = op;
    layer.name = "layer" + std::to_string(network.layers.size());
    layer.inputs = {input};
    layer.input_shape = layer.output_shape = shape_of(network, input);
    return layer;
  }

  void add_pool(QuantisedNetwork &network, LayerOp op) {
    Layer layer = begin(network, op, last(network));
    set_window(layer, between(1, 3), between(1, 2), between(0, 1) == 1);
    layer.pad_value = static_cast<std::uint8_t>(between(0, 20));
    if (op == LayerOp::kAveragePool) {
      const int channels = layer.output_shape.channels;
      set_requantise(layer, channels, channels, 1 << 14, 17);
    }
    if (op == LayerOp::kInsideAverage) {
      set_requantise(layer, layer.window.kernel_height * layer.window.kernel_width, 1, 1 << 14, 17);
    }
    network.layers.push_back(layer);
  }

  /// conv (same shape) plus its input: a residual block.
  void add_residual(QuantisedNetwork &network) {
    const int input = last(network);
    const int channels = shape_of(network, input).channels;
    Layer conv = begin(network, LayerOp::kConvolution, input);
    fill_convolution(conv, channels, 1, 1, network.format);
    network.layers.push_back(conv);
    Layer add = begin(network, LayerOp::kAdd, input);
    add.inputs = {input, last(network)};
    set_requantise(add, 2, 1, 1 << 13, 14);
    network.layers.push_back(add);
  }

  /// Branches of different depth that end side by side, with gaps of constant channels, and perhaps
  /// the block's input among them.
  void add_branches(QuantisedNetwork &network, int largest_channels) {
    const int input = last(network);
    Layer concat = begin(network, LayerOp::kConcat, input);
    concat.inputs.clear();
    concat.pad_value = static_cast<std::uint8_t>(between(0, 255));
    int channels = 0, covered = 0;
    const auto take = [&](int part) {
      channels += between(0, 3) == 0 ? between(1, 3) : 0;
      concat.inputs.push_back(part);
      concat.channel_offsets.push_back(channels);
      channels += shape_of(network, part).channels;
      covered += shape_of(network, part).channels;
    };
    if (between(0, 2) == 0) take(input);
    const int branches = between(1, 3);
    for (int branch = 0; branch < branches; ++branch) {
      int end = input;
      const int depth = between(1, 3);
      for (int i = 0; i < depth; ++i) {
        add_same(network, end, between(1, largest_channels));
        end = last(network);
      }
      take(end);
    }
    channels += between(0, 2) == 0 ? between(1, 3) : 0;
    concat.name = "layer" + std::to_string(network.layers.size());
    concat.input_shape.channels = covered;
    concat.output_shape.channels = channels;
    network.layers.push_back(concat);
  }

  /// conv (stride 2, more channels) plus its input, subsampled and padded with constant channels.
  void add_padded_shortcut(QuantisedNetwork &network) {
    const int input = last(network);
    const TensorShape from = shape_of(network, input);
    Layer pool = begin(network, LayerOp::kMaxPool, input);
    pool.window.stride_height = pool.window.stride_width = 2;
    pool.output_shape.height = (from.height + 1) / 2;
    pool.output_shape.width = (from.width + 1) / 2;
    network.layers.push_back(pool);
    const int pooled = last(network), before = between(0, 2), after = between(1, 3);
    Layer concat = begin(network, LayerOp::kConcat, pooled);
    concat.channel_offsets = {before};
    concat.pad_value = static_cast<std::uint8_t>(between(0, 255));
    concat.output_shape.channels += before + after;
    network.layers.push_back(concat);
    const int shortcut = last(network);
    Layer conv = begin(network, LayerOp::kConvolution, input);
    conv.window.kernel_height = conv.window.kernel_width = 3;
    conv.window.stride_height = conv.window.stride_width = 2;
    conv.window.pad_top = conv.window.pad_left = 1;
    conv.window.pad_bottom = conv.window.pad_right = 1;
    conv.output_shape = shape_of(network, shortcut);
    fill_convolution(conv, conv.output_shape.channels, 3, 3, network.format);
    network.layers.push_back(conv);
    Layer add = begin(network, LayerOp::kAdd, shortcut);
    add.inputs = {last(network), shortcut};
    set_requantise(add, 2, 1, 1 << 13, 14);
    network.layers.push_back(add);
  }

  /// A convolution that keeps height and width.
  void add_same(QuantisedNetwork &network, int input, int channels) {
    const int reach = between(0, 2);
    Layer layer = begin(network, LayerOp::kConvolution, input);
    auto &w = layer.window;
    w.kernel_height = 2 * reach + 1;
    w.pad_top = w.pad_bottom = reach;
    w.kernel_width = 3;
    w.dilation_width = between(1, 2);
    w.pad_left = w.pad_right = w.dilation_width;
    fill_convolution(layer, channels, w.kernel_height, w.kernel_width, network.format);
    network.layers.push_back(layer);
  }

  /// A table, a product of two branches or with one pixel for all, or a local response.
  void add_pointwise(QuantisedNetwork &network) {
    const int input = last(network), kind = between(0, 3);
    const int channels = shape_of(network, input).channels;
    if (kind == 1) {
      add_same(network, input, channels);
    } else if (kind == 2) {  // squeeze and excitation
      Layer pool = begin(network, LayerOp::kAveragePool, input);
      pool.window.kernel_height = pool.input_shape.height;
      pool.window.kernel_width = pool.input_shape.width;
      pool.output_shape.height = pool.output_shape.width = 1;
      set_requantise(pool, channels, channels, 1 << 12, 17);
      network.layers.push_back(pool);
    }
    Layer layer = begin(network, LayerOp::kLookup, input);
    layer.pad_value = static_cast<std::uint8_t>(between(0, 255));
    if (kind == 0) {
      for (int i = 0; i < 256; ++i) layer.table.push_back(between(0, 255));
    } else if (kind == 3) {
      layer.op = LayerOp::kLocalResponse;
      layer.neighbours = between(1, 7);
      layer.sum_shift = between(8, 16);
      const int factors = between(1, 40);
      for (int i = 0; i < factors; ++i) layer.table.push_back(between(0, 65535));
      set_requantise(layer, 1, 1, 1 << 7, 23);
    } else {
      layer.op = LayerOp::kMultiply;
      layer.inputs.push_back(last(network));
      layer.second_zero_point = static_cast<std::uint8_t>(between(0, 255));
      set_requantise(layer, 1, 1, 1 << 13, 20);
    }
    network.layers.push_back(layer);
  }

  /// Whether channels of the last layer may be constant: what is picked of them alone would leave a
  /// network without an input.
  static bool has_constants(const QuantisedNetwork &network) {
    return !network.layers.empty() && (network.layers.back().op == LayerOp::kConcat ||
                                       network.layers.back().op == LayerOp::kGather);
  }

  /// A rectangle of columns and channels, perhaps beside constant channels.
  void add_gather(QuantisedNetwork &network) {
    Layer layer = begin(network, LayerOp::kGather, last(network));
    const TensorShape in = layer.input_shape;
    const int x = between(0, in.width - 1), c = between(0, in.channels - 1);
    const int gap = between(0, 2);
    layer.pad_value = static_cast<std::uint8_t>(between(0, 255));
    layer.output_shape.width = between(1, in.width - x);
    const int channels = between(1, in.channels - c);
    layer.output_shape.channels = gap + channels;
    for (int row = 0; row < in.height; ++row) {
      for (int column = 0; column < layer.output_shape.width; ++column) {
        for (int i = 0; i < gap; ++i) layer.table.push_back(-1);
        const int from = (row * in.width + x + column) * in.channels + c;
        for (int i = 0; i < channels; ++i) layer.table.push_back(from + i);
      }
    }
    network.layers.push_back(layer);
  }

  /// A transposition, a reshape, some of the rows, or any elements at all.
  void add_reorder(QuantisedNetwork &network) {
    const TensorShape in = shape_of(network, last(network));
    const int kind = between(0, 3);
    std::vector<std::int32_t> table(static_cast<std::size_t>(in.elements()));
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<std::int32_t>(i);
    TensorShape out = in;
    if (kind == 0) {
      std::swap(out.height, out.width);
      for (std::size_t i = 0; i < table.size(); ++i) {
        const auto at = static_cast<std::int32_t>(i);
        const std::int32_t c = at % in.channels, pixel = at / in.channels;
        const std::int32_t y = pixel % in.height, x = pixel / in.height;
        table[i] = (y * in.width + x) * in.channels + c;
      }
    } else if (kind == 1) {
      out = {1, in.height, in.width * in.channels};
    } else if (kind == 2) {
      const int first = between(0, in.height - 1);
      out.height = between(1, in.height - first);
      table.resize(static_cast<std::size_t>(out.elements()));
      for (auto &from : table) from += first * in.width * in.channels;
    } else {
      for (auto &from : table) from = between(-1, static_cast<int>(in.elements()) - 1);
    }
    add_table(network, last(network), out, std::move(table));
  }

  int add_table(QuantisedNetwork &network, int input, const TensorShape &shape,
                std::vector<std::int32_t> table) {
    Layer layer = begin(network, LayerOp::kGather, input);
    layer.output_shape = shape;
    layer.pad_value = static_cast<std::uint8_t>(between(0, 255));
    layer.table = std::move(table);
    network.layers.push_back(std::move(layer));
    return last(network);
  }

  /// h = table(weights * h + x[t]) with the same weights in every step; all h side by side.
  void add_recurrent(QuantisedNetwork &network, int steps, int hidden) {
    const auto available = static_cast<int>(shape_of(network, last(network)).elements());
    std::vector<std::int32_t> table;
    for (int i = 0; i < steps * hidden; ++i) table.push_back(between(0, available - 1));
    const int sequence = add_table(network, last(network), {1, steps, hidden}, std::move(table));
    Layer join;
    int h = -1;
    for (int t = 0; t < steps; ++t) {
      std::vector<std::int32_t> row;
      for (int i = 0; i < hidden; ++i) row.push_back(t * hidden + i);
      const int x = add_table(network, sequence, {1, 1, hidden}, std::move(row));
      if (t == 0) {
        h = x;
      } else {
        Layer product = begin(network, LayerOp::kConvolution, h);
        if (t > 1) {
          const Layer &first = network.layers[static_cast<std::size_t>(recurrent_)];
          product.weights = first.weights;
          product.weight_shift = first.weight_shift;
          product.block_rows = first.block_rows;
          product.converter = first.converter;
          product.pad_value = first.pad_value;
          set_requantise(product, hidden, hidden, 1 << 12, 16);
        } else {
          fill_convolution(product, hidden, 1, 1, network.format);
        }
        network.layers.push_back(product);
        if (t == 1) recurrent_ = last(network);
        Layer sum = begin(network, LayerOp::kAdd, x);
        sum.inputs = {x, last(network)};
        set_requantise(sum, 2, 1, 1 << 13, 14);
        network.layers.push_back(sum);
        h = last(network);
      }
      join.inputs.push_back(h);
      join.channel_offsets.push_back(t * hidden);
    }
    join.op = LayerOp::kConcat;
    join.name = "layer" + std::to_string(network.layers.size());
    join.input_shape = join.output_shape = {1, 1, steps * hidden};
    network.layers.push_back(join);
  }

  /// A tensor and its transposition's transposition, added: segments of the chip, with the host's
  /// work in between, that need each other's tensors.
  void add_far_join(QuantisedNetwork &network) {
    const int input = last(network);
    const TensorShape in = shape_of(network, input);
    std::vector<std::int32_t> table;
    for (std::int32_t i = 0; i < in.elements(); ++i) {
      table.push_back(static_cast<std::int32_t>(in.elements()) - 1 - i);
    }
    const int turned = add_table(network, input, in, table);
    add_same(network, turned, in.channels);
    Layer add = begin(network, LayerOp::kAdd, input);
    add.inputs = {input, last(network)};
    set_requantise(add, 2, 1, 1 << 13, 14);
    network.layers.push_back(add);
  }

  /// Groups of 1 to 3 input and output channels, up to a depthwise convolution.
  void add_grouped(QuantisedNetwork &network) {
    const int groups = between(2, 20);
    const int inputs = between(1, 3) == 1 ? between(2, 3) : 1;
    add_convolution(network, groups * inputs, 1, 1, -1);
    Layer layer = begin(network, LayerOp::kConvolution, last(network));
    set_window(layer, between(1, 3), between(1, 2), between(0, 1) == 1);
    layer.groups = groups;
    const int outputs = between(0, 3) == 0 ? between(2, 9) : 1;
    fill_convolution(layer, groups * outputs, layer.window.kernel_height, layer.window.kernel_width,
                     network.format);
    network.layers.push_back(layer);
  }

  void add_convolution(QuantisedNetwork &network, int channels, int kernel, int stride, int input) {
    Layer layer = begin(network, LayerOp::kConvolution, input >= 0 ? input : last(network));
    set_window(layer, kernel, stride, between(0, 1) == 1);
    fill_convolution(layer, channels, layer.window.kernel_height, layer.window.kernel_width,
                     network.format);
    network.layers.push_back(layer);
  }

  void add_classifier(QuantisedNetwork &network, int classes) {
    Layer layer = begin(network, LayerOp::kConvolution, last(network));
    layer.window.kernel_height = layer.input_shape.height;
    layer.window.kernel_width = layer.input_shape.width;
    layer.output_shape.height = layer.output_shape.width = 1;
    fill_convolution(layer, classes, layer.window.kernel_height, layer.window.kernel_width,
                     network.format);
    layer.requantise.output_s32 = true;
    network.layers.push_back(layer);
  }

  void fill_convolution(Layer &layer, int channels, int kernel_height, int kernel_width,
                        const network::ConverterFormat &format) {
    layer.output_shape.channels = channels;
    layer.pad_value = static_cast<std::uint8_t>(between(0, 20));
    layer.converter.range_divisor = 1 << between(0, 2);
    layer.converter.bitline_gain = 1 << between(0, 3);
    layer.weights.resize(static_cast<std::size_t>(channels) * kernel_height * kernel_width *
                         (layer.input_shape.channels / layer.groups));
    const int largest = between(1, 128);
    for (auto &weight : layer.weights) {
      weight = static_cast<std::int8_t>(between(-largest, std::min(largest, 127)));
    }
    layer.weight_shift = largest == 128 ? 0 : static_cast<std::uint8_t>(between(0, 1));
    if (between(0, 3) == 0) layer.block_rows = between(format.array_rows / 4, format.array_rows);
    const bool lossless = format.code == network::ConverterFormat::Code::kLossless;
    set_requantise(layer, channels, channels, lossless ? 1 << 6 : 1 << 15, 16);
  }

  void set_requantise(Layer &layer, int multipliers, int biases, int typical, int shift) {
    auto &r = layer.requantise;
    for (int i = 0; i < multipliers; ++i) r.multiplier.push_back(between(typical / 2, typical * 2));
    for (int i = 0; i < biases; ++i)
      r.bias.push_back(between(-100, 200) * (std::int64_t{1} << shift));
    r.shift = shift;
    r.low = between(0, 10);
    r.high = between(200, 255);
  }

  std::mt19937 random_;
  const Kind kind_;
  int recurrent_ = 0;  ///< the layer with a recurrent layer's weights
};

}  // namespace npim::testing
