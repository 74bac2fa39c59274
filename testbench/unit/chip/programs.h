// Hand-made control programs and, for what they compute, plain loops over the definitions in
// network/quantised.h, independent of the golden executor and of the mapping.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "config/chip_config.h"
#include "program/stage.h"

namespace npim::chip::test {

using network::TensorShape;
using network::Window;
using program::ControlProgram;
using program::Stage;
using program::StageOp;

inline Window square_window(int kernel, int stride = 1, int pad = 0, int dilation = 1) {
  return {kernel, kernel, stride, stride, dilation, dilation, pad, pad, pad, pad};
}

inline int output_size(int size, int kernel, int stride, int dilation, int pads) {
  return (size + pads - ((kernel - 1) * dilation + 1)) / stride + 1;
}

inline TensorShape output_shape(const TensorShape &in, const Window &w, int channels) {
  return {output_size(in.height, w.kernel_height, w.stride_height, w.dilation_height,
                      w.pad_top + w.pad_bottom),
          output_size(in.width, w.kernel_width, w.stride_width, w.dilation_width,
                      w.pad_left + w.pad_right),
          channels};
}

inline program::InputPort port(const TensorShape &shape, std::uint32_t offset, int ring_rows,
                               int element_bytes = 1) {
  program::InputPort port;
  port.shape = shape;
  port.edram_offset = offset;
  port.ring_rows = static_cast<std::uint16_t>(ring_rows);
  port.element_bytes = static_cast<std::uint8_t>(element_bytes);
  return port;
}

/// A stage at (tile, slot 0) with one input at eDRAM offset 0 that holds the whole image.
inline Stage stage(StageOp op, int tile, const TensorShape &in, const Window &window,
                   int channels) {
  Stage s;
  s.op = op;
  s.tile = static_cast<std::uint16_t>(tile);
  s.inputs = {port(in, 0, in.height)};
  s.window = window;
  s.output_shape = output_shape(in, window, channels);
  s.converter = {4, 8};
  if (op != StageOp::kMaxPool) {
    s.requantise.multiplier.assign(static_cast<std::size_t>(channels), 3);
    for (int c = 0; c < channels; ++c) s.requantise.bias.push_back(100 + c);
    s.requantise.shift = 1;
  }
  return s;
}

/// A whole matrix-vector product on arrays from `first_array` on.
inline Stage mvm(const config::ChipConfig &config, int tile, const TensorShape &in,
                 const Window &window, int channels, int first_array = 0) {
  Stage s = stage(StageOp::kMvm, tile, in, window, channels);
  s.kernel_rows =
      static_cast<std::uint32_t>(window.kernel_height * window.kernel_width * in.channels);
  const int blocks = (static_cast<int>(s.kernel_rows) + config.array.rows - 1) / config.array.rows;
  const int vectors = config.vectors_per_array();
  int array = first_array;
  for (int group = 0; group < (channels + vectors - 1) / vectors; ++group) {
    for (int block = 0; block < blocks; ++block) {
      s.arrays.push_back({static_cast<std::uint16_t>(array++), static_cast<std::uint16_t>(block),
                          static_cast<std::uint16_t>(group)});
    }
  }
  return s;
}

inline program::Destination to(int tile, int slot = 0, int port = 0, int producer = 0,
                               int channel = 0) {
  return {static_cast<std::uint16_t>(tile), static_cast<std::uint8_t>(slot),
          static_cast<std::uint8_t>(port), static_cast<std::uint8_t>(producer),
          static_cast<std::uint16_t>(channel)};
}
inline program::Destination to_host(int channel = 0) {
  return to(program::kHost, 0, 0, 0, channel);
}

/// A program around stages: the image goes to `inputs`; the output is what the last stage sends.
inline ControlProgram control(const TensorShape &input, std::vector<Stage> stages,
                              std::vector<program::Destination> inputs) {
  ControlProgram p;
  p.input_shape = input;
  p.inputs = std::move(inputs);
  p.output_shape = stages.back().output_shape;
  p.output_element_bytes = static_cast<std::uint8_t>(stages.back().output_element_bytes());
  p.stages = std::move(stages);
  return p;
}

/// Kernels [channel][row].
using Kernels = std::vector<std::vector<std::int8_t>>;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int integer(int low, int high) {
    return low + static_cast<int>(engine_() % static_cast<unsigned>(high - low + 1));
  }
  Kernels kernels(int channels, std::size_t rows) {
    Kernels k(static_cast<std::size_t>(channels), std::vector<std::int8_t>(rows));
    for (auto &kernel : k) {
      for (auto &weight : kernel) weight = static_cast<std::int8_t>(integer(-128, 127));
    }
    return k;
  }
  Bytes image(const TensorShape &shape) {
    Bytes bytes(static_cast<std::size_t>(shape.elements()));
    for (auto &byte : bytes) byte = static_cast<std::uint8_t>(integer(0, 255));
    return bytes;
  }

 private:
  std::mt19937 engine_;
};

/// The weight records of a stage's arrays.
inline std::vector<program::ArrayWeights> weights(const config::ChipConfig &config, const Stage &s,
                                                  const Kernels &kernels) {
  std::vector<program::ArrayWeights> records;
  const int vectors = config.vectors_per_array(), rows = config.array.rows;
  for (const auto &use : s.arrays) {
    const int first_row = use.row_block * rows, first_channel = use.column_group * vectors;
    program::ArrayWeights record;
    record.tile = s.tile;
    record.array = use.array;
    record.rows =
        static_cast<std::uint16_t>(std::min(rows, static_cast<int>(s.kernel_rows) - first_row));
    record.vectors =
        static_cast<std::uint16_t>(std::min(vectors, s.output_shape.channels - first_channel));
    for (int r = 0; r < record.rows; ++r) {
      for (int v = 0; v < record.vectors; ++v) {
        record.values.push_back(kernels[static_cast<std::size_t>(first_channel + v)]
                                       [static_cast<std::size_t>(first_row + r)]);
      }
    }
    records.push_back(std::move(record));
  }
  return records;
}

/// The code of a dot product, with the rational arithmetic of its definition.
inline std::int64_t code(const config::ChipConfig &config, const network::Converter &converter,
                         std::int64_t sum) {
  if (config.nnadc.code == config::CodeFormat::kLossless) return sum;
  const std::int64_t highest = config.nnadc.code == config::CodeFormat::kSigned8 ? 127 : 255;
  const std::int64_t full_scale = std::int64_t{config.array.rows} * 255 * 255;
  const std::int64_t magnitude =
      (sum < 0 ? -sum : sum) * converter.bitline_gain * converter.range_divisor * highest;
  const std::int64_t rounded =
      magnitude / full_scale + (2 * (magnitude % full_scale) >= full_scale ? 1 : 0);
  const std::int64_t clamped = std::min(rounded, highest);
  return sum < 0 ? -clamped : clamped;
}

inline std::int32_t finish(const network::Requantise &r, std::int64_t scaled) {
  const std::int64_t value =
      (scaled + (r.shift > 0 ? std::int64_t{1} << (r.shift - 1) : 0)) >> r.shift;
  return r.output_s32 ? static_cast<std::int32_t>(value)
                      : static_cast<std::int32_t>(std::clamp<std::int64_t>(value, r.low, r.high));
}

using Tensor = std::vector<std::int32_t>;

/// A convolution, requantised.
inline Tensor convolve(const config::ChipConfig &config, const Stage &s, const TensorShape &in,
                       const Kernels &kernels, const Bytes &image) {
  Tensor result;
  const auto &w = s.window;
  for (int y = 0; y < s.output_shape.height; ++y) {
    for (int x = 0; x < s.output_shape.width; ++x) {
      for (std::size_t c = 0; c < kernels.size(); ++c) {
        std::int64_t accumulator = 0, sum = 0;
        std::size_t row = 0;
        for (int ky = 0; ky < w.kernel_height; ++ky) {
          for (int kx = 0; kx < w.kernel_width; ++kx) {
            for (int i = 0; i < in.channels; ++i) {
              const int iy = y * w.stride_height - w.pad_top + ky * w.dilation_height;
              const int ix = x * w.stride_width - w.pad_left + kx * w.dilation_width;
              const bool inside = iy >= 0 && iy < in.height && ix >= 0 && ix < in.width;
              const int value =
                  inside ? image[static_cast<std::size_t>((iy * in.width + ix) * in.channels + i)]
                         : s.pad_value;
              sum += value * kernels[c][row++];
              if (row % static_cast<std::size_t>(config.array.rows) == 0) {
                accumulator += code(config, s.converter, sum);
                sum = 0;
              }
            }
          }
        }
        accumulator += code(config, s.converter, sum);
        result.push_back(
            finish(s.requantise, accumulator * s.requantise.multiplier[c] + s.requantise.bias[c]));
      }
    }
  }
  return result;
}

/// A pool; `average` adds the padding and requantises.
inline Tensor pool(const Stage &s, const TensorShape &in, const Tensor &input, bool average) {
  Tensor result;
  const auto &w = s.window;
  for (int y = 0; y < s.output_shape.height; ++y) {
    for (int x = 0; x < s.output_shape.width; ++x) {
      for (int c = 0; c < in.channels; ++c) {
        std::int64_t sum = 0;
        std::int32_t best = 0;
        for (int ky = 0; ky < w.kernel_height; ++ky) {
          for (int kx = 0; kx < w.kernel_width; ++kx) {
            const int iy = y * w.stride_height - w.pad_top + ky * w.dilation_height;
            const int ix = x * w.stride_width - w.pad_left + kx * w.dilation_width;
            const bool inside = iy >= 0 && iy < in.height && ix >= 0 && ix < in.width;
            const std::int32_t value =
                inside ? input[static_cast<std::size_t>((iy * in.width + ix) * in.channels + c)]
                       : s.pad_value;
            sum += value;
            if (inside) best = std::max(best, value);
          }
        }
        const auto channel = static_cast<std::size_t>(c);
        result.push_back(average ? finish(s.requantise, sum * s.requantise.multiplier[channel] +
                                                            s.requantise.bias[channel])
                                 : best);
      }
    }
  }
  return result;
}

inline Tensor tensor(const Bytes &bytes) {
  return Tensor(bytes.begin(), bytes.end());
}

inline void append(std::vector<program::ArrayWeights> &all,
                   const std::vector<program::ArrayWeights> &more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// conv 3x3 on tile 0 -> max pool on tile 4 -> host.
struct ConvolutionAndPool {
  config::ChipConfig config;
  ControlProgram program;
  std::vector<program::ArrayWeights> records;
  std::vector<Bytes> images;
  std::vector<Tensor> expected;

  explicit ConvolutionAndPool(int count = 4, const config::ChipConfig &chip = small_chip())
      : config(chip) {
    Random random(1);
    const TensorShape in = {6, 6, 3};
    Stage conv = mvm(config, 0, in, square_window(3), 5);
    Stage pooled = stage(StageOp::kMaxPool, 4, conv.output_shape, square_window(2, 2), 5);
    conv.destinations = {to(4)};
    pooled.destinations = {to_host()};
    // Sums themselves are larger than codes.
    if (config.nnadc.code == config::CodeFormat::kLossless) conv.requantise.shift = 11;
    const Kernels kernels = random.kernels(5, conv.kernel_rows);
    records = weights(config, conv, kernels);
    program = control(in, {conv, pooled}, {to(0)});
    for (int i = 0; i < count; ++i) {
      images.push_back(random.image(in));
      expected.push_back(pool(pooled, conv.output_shape,
                              convolve(config, conv, in, kernels, images.back()), false));
    }
  }
};

}  // namespace npim::chip::test
