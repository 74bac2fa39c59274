// The integer golden executor: the reference that the chip must equal bit for bit. Plain loops over
// the definitions in quantised.h; it shares no code with crossbars, dataflows or the chip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "network/gather_window.h"
#include "network/quantised.h"

namespace npim::network {

/// One layer's output, HWC: u8 values (0 .. 255) or s32 values.
struct GoldenTensor {
  TensorShape shape;
  std::vector<std::int32_t> values;
};

/// Executes the network on one image (input_shape.elements() bytes, HWC). Returns every layer's
/// output.
std::vector<GoldenTensor> execute_golden(const QuantisedNetwork &network,
                                         const std::uint8_t *image);

/// Stands in for execute_golden_layer(): the output of network.layers[index] from its inputs. For
/// studies of what other dataflows make of a layer.
using ComputeLayer =
    std::function<GoldenTensor(std::size_t index, const std::vector<const GoldenTensor *> &inputs)>;
std::vector<GoldenTensor> execute_golden(const QuantisedNetwork &network, const std::uint8_t *image,
                                         const ComputeLayer &compute);

/// As execute_golden, only the last layer's output (logits).
std::vector<std::int32_t> golden_logits(const QuantisedNetwork &network, const std::uint8_t *image);

/// The converter's code for one dot product over one row block (Converter, quantised.h).
std::int64_t golden_convert(const ConverterFormat &format, const Converter &converter,
                            std::int64_t dot_product);

/// One layer on given inputs (layer.inputs.size() tensors of layer.input_shape); the layer belongs
/// to a network that has passed validate().
GoldenTensor execute_golden_layer(const ConverterFormat &format, const Layer &layer,
                                  const std::vector<const GoldenTensor *> &inputs);

/// The digital post-processing of one value whose products are summed up already:
/// (sum + bias + rounding) >> shift, clamped (Requantise, quantised.h).
std::int32_t golden_requantise(const Requantise &post, std::int64_t sum, std::int64_t bias);

/// A convolution's dot products before conversion, for whoever chooses the converter's range.
class GoldenConvolution {
 public:
  GoldenConvolution(const ConverterFormat &format, const Layer &layer);

  std::int32_t blocks() const { return blocks_; }
  /// The window of output pixel (y, x): dot products as [block][output channel], where blocks
  /// divide the flattened kernel of one group.
  void dot_products(const GoldenTensor &input, std::int32_t y, std::int32_t x,
                    std::vector<std::int32_t> &products);

 private:
  const Layer &layer_;
  const WindowSource source_;
  std::int32_t block_rows_;
  std::int32_t rows_;  // of one group's kernel
  std::int32_t blocks_;
  std::vector<std::int16_t> weights_;  // [output channel][row]
  std::vector<std::int16_t> window_;   // [group][row]
};

}  // namespace npim::network
