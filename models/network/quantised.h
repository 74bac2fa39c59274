// The integer network: what quantisation produces, the golden executor executes, mapping places
// on the chip, and a program file carries for later checking. Everything here is exact integer
// arithmetic; the only real numbers are the scales that tell people what the integers mean.
//
// Tensors are height x width x channels (HWC) of unsigned 8-bit activations. A signed activation x
// is stored with a zero point z as u = x / scale + z (offset binary); the correction -z * sum(w) is
// folded into the bias at compile time and padding inserts z, so the hardware only ever sees
// unsigned inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace npim::network {

struct TensorShape {
  std::int32_t height = 0;
  std::int32_t width = 0;
  std::int32_t channels = 0;
  std::int64_t elements() const { return std::int64_t{height} * width * channels; }
  bool operator==(const TensorShape &other) const {
    return height == other.height && width == other.width && channels == other.channels;
  }
  bool operator!=(const TensorShape &other) const { return !(*this == other); }
};

/// Pixels from the first to the last tap of a kernel's axis.
constexpr std::int64_t covered(std::int64_t kernel, std::int64_t dilation) {
  return (kernel - 1) * dilation + 1;
}

/// Sliding window geometry; a fully connected layer is a convolution whose kernel is its whole
/// input.
struct Window {
  std::int32_t kernel_height = 1, kernel_width = 1;
  std::int32_t stride_height = 1, stride_width = 1;
  std::int32_t dilation_height = 1, dilation_width = 1;
  std::int32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  /// Rows and columns of the image that the window spans.
  std::int64_t covered_height() const { return covered(kernel_height, dilation_height); }
  std::int64_t covered_width() const { return covered(kernel_width, dilation_width); }
  /// Input row of kernel row ky for output row y; may lie in the padding. Columns likewise.
  std::int64_t input_row(std::int64_t y, std::int64_t ky) const {
    return y * stride_height - pad_top + ky * dilation_height;
  }
  std::int64_t input_column(std::int64_t x, std::int64_t kx) const {
    return x * stride_width - pad_left + kx * dilation_width;
  }
  /// Rows of the output for `height` rows of input; at most 0 when the kernel exceeds them.
  std::int64_t output_height(std::int64_t height) const {
    const std::int64_t room = height + pad_top + pad_bottom - covered_height();
    return room < 0 ? 0 : room / stride_height + 1;
  }
  std::int64_t output_width(std::int64_t width) const {
    const std::int64_t room = width + pad_left + pad_right - covered_width();
    return room < 0 ? 0 : room / stride_width + 1;
  }
};

enum class LayerOp : std::uint8_t {
  kConvolution = 1,  ///< dot products on crossbars (fully connected included)
  kMaxPool = 2,      ///< maximum over the window; padding never wins (it is skipped)
  kAveragePool = 3,  ///< sum over the window (padding adds pad_value), then requantise
  kAdd = 4,          ///< element-wise sum of two inputs of equal shape, then requantise
  kConcat = 5,       ///< inputs side by side along the channels; copies integers. No work for the
                     ///< chip: producers deliver to the channels of the readers' buffers, and
                     ///< channels that no input covers hold pad_value for ever
  // What tiles need not know: the host may do it between stages.
  kLookup = 6,    ///< table[u] for each element: sigmoid, tanh, swish and the like
  kMultiply = 7,  ///< element-wise product of two inputs, (a - pad_value) * (b -
                  ///< second_zero_point), then requantise. The second input may be 1 x 1 x
                  ///< channels and holds for all pixels then (squeeze and excitation)
  kGather = 8,    ///< output element i (HWC) is input element table[i], or pad_value where that
                  ///< is -1: slices, transpositions, reshapes that reorder, repetitions
  kInsideAverage = 9,   ///< average over the n taps inside the image: sum * multiplier[n - 1]
  kLocalResponse = 10,  ///< (u - pad_value) * table[min(s >> sum_shift, last)], then requantise; s
                        ///< is the sum of the squares of (u - pad_value) over `neighbours`
                        ///< channels, (neighbours - 1) / 2 of them before the own one
};

/// Programming of the neural ADC for one layer ([NP] Eq. 12 extended by a bit-line gain).
/// With array_rows R, full scale FS = R * 255 * 255, and a dot product D over up to R rows:
///   signed8:     code = clamp(round(D * bitline_gain * range_divisor * 127 / FS), -127, 127)
///   sign_plus_8: the same with 255 for 127
///   lossless:    code = D
/// round is to nearest, halves away from zero. range_divisor = 0.5 VDD / V_max is 1, 2 or 4.
struct Converter {
  std::int32_t range_divisor = 1;
  std::int32_t bitline_gain = 1;
};

/// The digital post-processing of an accumulator A of channel c:
///   y = (A * multiplier[c] + bias[c] + 2^(shift-1)) >> shift   (arithmetic shift: halves up;
///                                                               no rounding term when shift is 0)
///   u8 output:  clamp(y, low, high) with 0 <= low <= high <= 255 (ReLU is low = zero point)
///   s32 output: clamp(y, INT32_MIN, INT32_MAX)
/// All intermediate values must fit in 64 bits (quantisation guarantees it, validate() checks it).
/// A convolution's A is the sum over row blocks of the converter's codes; an average pool's the
/// window's sum; an addition's is a * multiplier_a + b * multiplier_b, where multiplier holds [a,
/// b] and bias one element, with no per-channel values. A multiplication's, an inside average's and
/// a local response's bias has one element as well; the multiplier of the first and the last has
/// one, that of an inside average one per number of taps. The other operations do not requantise.
struct Requantise {
  std::vector<std::int32_t> multiplier;
  std::vector<std::int64_t> bias;
  std::int32_t shift = 0;  ///< 0 .. 62
  bool output_s32 = false;
  std::int32_t low = 0, high = 255;  ///< u8 output only
};

constexpr std::int32_t kNetworkInput = -1;

struct Layer {
  std::string name;  ///< the ONNX node's name or the name of its output
  LayerOp op = LayerOp::kConvolution;
  std::vector<std::int32_t> inputs;  ///< indices of earlier layers, or kNetworkInput
  /// A concat's input shape has the channels of all its inputs together.
  TensorShape input_shape, output_shape;
  Window window;
  std::uint8_t pad_value = 0;  ///< zero point of the input
  /// Concat: the first output channel of each input, ascending; the ranges do not overlap.
  std::vector<std::int32_t> channel_offsets;
  /// Convolution: output channels o of group g = o / (out channels / groups) see the input
  /// channels g * (in channels / groups) onwards, in channels / groups of them. A depthwise
  /// convolution has as many groups as input channels.
  std::int32_t groups = 1;
  /// Convolution: [out channel][kernel y][kernel x][in channel of the group], -128 .. 127. Row k of
  /// a crossbar column is element k of this flattened kernel; rows R b .. R b + R - 1 form row
  /// block b, converted on its own, where R = rows_per_block().
  std::vector<std::int8_t> weights;
  /// Convolution: the cells hold |weight| * 2^weight_shift (0 or 1), so a dot product D is the sum
  /// of input * weight * 2^weight_shift. Magnitudes of 7 bits leave the most significant pair of
  /// bit lines at zero; shifted by one they leave the least significant one, and the converter sees
  /// twice the sum, with no gain that would amplify the crossbar's noise too. At most 255 fits.
  std::uint8_t weight_shift = 0;
  /// Convolution: rows per row block, at most the array's; 0 stands for those. Fewer rows (the
  /// others of an array stay at zero) make smaller sums, so that a layer of large ones saturates
  /// less in the widest range, for more conversions and arrays.
  std::int32_t block_rows = 0;
  std::int32_t rows_per_block(std::int32_t array_rows) const {
    return block_rows == 0 ? array_rows : block_rows;
  }
  /// Lookup: 256 outputs, 0 .. 255. Gather: an index per output element. Local response: up to 4096
  /// factors, 0 .. 65535.
  std::vector<std::int32_t> table;
  std::uint8_t second_zero_point = 0;  ///< multiply
  std::int32_t neighbours = 0;         ///< local response: channels in a sum
  std::int32_t sum_shift = 0;          ///< local response: 0 .. 31
  Converter converter;
  Requantise requantise;
  double output_scale = 1.0;  ///< real value = output_scale * (integer - output_zero_point)
  std::int32_t output_zero_point = 0;
};

/// Parameters of the hardware that the integers depend on; equal to the chip's or the program is
/// refused.
struct ConverterFormat {
  std::int32_t array_rows = 128;
  enum class Code : std::uint8_t { kSigned8 = 1, kSignPlus8 = 2, kLossless = 3 };
  Code code = Code::kSigned8;
  bool operator==(const ConverterFormat &o) const {
    return array_rows == o.array_rows && code == o.code;
  }
};

struct QuantisedNetwork {
  std::string name;
  ConverterFormat format;
  TensorShape input_shape;
  double input_scale = 1.0 / 255;  ///< real input = input_scale * (byte - input_zero_point)
  std::int32_t input_zero_point = 0;
  /// What the host does to an image before the chip sees it: byte b of channel c becomes
  /// input_table[256 c + b]. Empty: nothing. It brings channels that are normalised differently to
  /// one scale and one zero point.
  Bytes input_table;
  std::vector<Layer> layers;  ///< in topological order; the last one is the network's output
};

/// Checks shapes, ranges and references of a network from a file. Throws InputError naming the
/// layer.
void validate(const QuantisedNetwork &network);

/// The image (HWC) as the chip sees it: `input_table` applied.
Bytes encode_input(const QuantisedNetwork &network, const std::uint8_t *image);

Bytes serialise(const QuantisedNetwork &network);
/// Throws InputError (with `name` and offset) on damaged input; the result has passed validate().
QuantisedNetwork deserialise(const Bytes &bytes, const std::string &name);

}  // namespace npim::network
