// The integer golden executor: the reference that the chip must equal bit for bit. Plain loops over the
// definitions in quantised.h; it shares no code with crossbars, dataflows or the chip.
#pragma once

#include <cstdint>
#include <vector>

#include "network/quantised.h"

namespace npim::network {

/// One layer's output, HWC: u8 values (0 .. 255) or s32 values.
struct GoldenTensor {
  TensorShape shape;
  std::vector<std::int32_t> values;
};

/// Executes the network on one image (input_shape.elements() bytes, HWC). Returns every layer's output.
std::vector<GoldenTensor> execute_golden(const QuantisedNetwork &network,
                                         const std::uint8_t *image);

/// As execute_golden, only the last layer's output (logits).
std::vector<std::int32_t> golden_logits(const QuantisedNetwork &network,
                                        const std::uint8_t *image);

/// The converter's code for one dot product over one row block (Converter, quantised.h).
std::int64_t golden_convert(const ConverterFormat &format, const Converter &converter,
                            std::int64_t dot_product);

}  // namespace npim::network
