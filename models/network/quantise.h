// 8-bit post-training quantisation: a float graph and calibration images become the integer network
// that the chip executes.
//
// Weights are symmetric per output channel (-127 .. 127), and for a converter that rounds their
// magnitudes lie on the upper 7 of 8 bit lines (Layer::weight_shift). [NP] Eq. 12 refers its full
// scale to 8-bit magnitudes, so weights on the lower 7 would use half of every range: ResNet-20
// (CIFAR-10, 423 images, signed 8-bit codes) without bit-line gain then gets 73.0 % instead of
// 89.8 %, with sign plus 8 bits 89.4 % instead of 91.0 %. (Narrower ranges of activations and
// weights, chosen with the rounding of the converter in mind, raise the converters' signal to noise
// ratio by another 6 dB without gain, but what saturates costs as many images.) Activations are
// unsigned 8 bit per layer: zero point 0 where nothing is negative (after ReLU), else offset binary
// with the correction folded into the bias. ReLU is the clamp of the layer before it; batch
// normalisation is folded into the convolution.
//
// The converter ([NP] Eq. 12 with a bit-line gain) is chosen per convolution: the product of range
// divisor and gain that yields the least mean-square error of the layer's output (after bias and
// ReLU) over the calibration images, taken through the integer layers before it. Only the product
// matters to an ideal chip; among equal products the smallest gain is taken, because a gain
// amplifies the crossbar's noise and a range does not. Equal errors take the smallest product.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "network/graph.h"
#include "network/quantised.h"

namespace npim::network {

/// `count` images of the network's input shape, HWC bytes.
struct Calibration {
  TensorShape shape;
  std::int32_t count = 0;
  Bytes pixels;
};

struct QuantiseOptions {
  ConverterFormat format;
  std::vector<std::int32_t> range_divisors = {1, 2, 4};
  std::vector<std::int32_t> bitline_gains = {1, 2, 4, 8};
  std::int32_t block_rows = 0;  ///< of every convolution (Layer::block_rows)

  /// How the range of an activation follows from the calibration values.
  enum class Range {
    kMinMax,      ///< all values
    kPercentile,  ///< `percentile` % of the values; the rest saturates
    kMeanSquare,  ///< the least mean-square error of rounding and saturation together
  };
  Range range = Range::kPercentile;
  double percentile = 99.99;

  double input_scale = 1.0 / 255;  ///< real input = input_scale * (byte - input_zero_point)
  std::int32_t input_zero_point = 0;
  /// Per channel, or empty: what the network was trained on is
  ///   (input_scale * (byte - input_zero_point) - input_mean) / input_deviation.
  /// Channels then differ in scale and none of their zeros is a byte, so the network gets an input
  /// table that brings them to one 8-bit scale on the host.
  std::vector<double> input_mean, input_deviation;

  /// What a convolution's multiplier and bias make up for, per output channel, after its converter
  /// is chosen.
  enum class Correction {
    kNone,
    kRegression,   ///< the least-squares line from sums of codes to exact sums
    kMean,         ///< the mean of the float network's values
    kMeanVariance  ///< mean and variance: batch normalisation re-estimated on the integer path
  };
  Correction correction = Correction::kMeanVariance;

  /// For studies of time and area with made-up weights: no images, ranges and converters are
  /// nominal, and nothing is executed.
  bool without_calibration = false;
};

struct LayerReport {
  std::string name;
  LayerOp op = LayerOp::kConvolution;
  Converter converter;  ///< convolutions only
  bool output_s32 = false;
  double output_scale = 0.0;  ///< real value of one output step
  std::int32_t output_zero_point = 0;
  bool has_sqnr = false;  ///< false: without calibration, or for a tensor that is not in the graph
  double sqnr_db = 0.0;   ///< of the layer's output against the float network's
  double converter_sqnr_db = 0.0;  ///< of the sums of codes against the exact sums (convolutions)
  double clipping_rate = 0.0;      ///< share of conversions beyond the largest code
  /// Conversions per code, lowest (-127 or -255) first; of convolutions with a converter that
  /// rounds.
  std::vector<std::int64_t> code_histogram;
};

struct QuantisationReport {
  std::vector<LayerReport> layers;
  bool host_softmax = false;  ///< the graph ends in a Softmax that is left to the host
};

/// Throws InputError for options that make no sense for an input of so many channels.
void check_options(const QuantiseOptions &options, std::size_t channels);

/// The graph's layers as integers. Throws InputError naming the node for what the chip's operations
/// cannot express, and for calibration images of the wrong shape or number.
QuantisedNetwork quantise(Graph graph, const Calibration &calibration,
                          const QuantiseOptions &options, QuantisationReport *report = nullptr);

/// The network's floating-point input (CHW) for an image of bytes (HWC), as the options, which have
/// passed check_options(), describe it.
std::vector<float> float_input(const TensorShape &shape, const std::uint8_t *image,
                               const QuantiseOptions &options);

/// The network's input as height x width x channels. Throws InputError if it is neither an image
/// nor a vector.
TensorShape input_shape_of(const Graph &graph);

}  // namespace npim::network
