// The vector code of the converters of dataflows A and B, compiled for several instruction sets and
// chosen at run time. Multiplications and additions stay apart, so that all of them give the same
// bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace npim::peripheral::kernels {

struct Sar {
  const float *weights_lsb;  ///< [bits], most significant first
  int bits;
  int draws;  ///< normal numbers of a conversion: 0, 1 (added to the input) or bits (decisions)
  float noise_lsb;
};

/// SarAdc::convert: codes[i] of inputs[i], with the normals at normals[d * stride + i].
void sar_codes(const Sar &sar, const float *inputs_lsb, const float *normals, std::size_t stride,
               std::size_t count, std::int32_t *codes);

}  // namespace npim::peripheral::kernels
