// A quantised network whose dot products are computed as one of the dataflows of [NP] section 3
// computes them, with an ideal crossbar and a converter of any resolution: what the resolution of
// the A/D conversion alone costs in accuracy.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataflow/resolution.h"
#include "network/quantised.h"

namespace npim::analysis {

class DataflowNetwork {
 public:
  /// `exact` is quantised for lossless converters; `converters` has, per layer, the range and gain
  /// that strategy C sets (network::Converter of the same network quantised for 8-bit codes).
  /// Arrays are 128 x 128 of 1-bit cells, weights differential; B's buffer cells hold the sum of a
  /// bit line exactly. Throws InputError when they cannot (B and several DAC bits).
  DataflowNetwork(const network::QuantisedNetwork &exact,
                  const std::vector<network::Converter> &converters, dataflow::Strategy strategy,
                  int dac_bits);
  ~DataflowNetwork();

  /// Bits with which nothing is lost by A or B ([NP] Eq. 2 to 5).
  int required_bits() const;
  /// Logits of one image with converters of so many bits: 1 to 16. Safe to call from several
  /// threads.
  std::vector<std::int32_t> logits(const std::uint8_t *image, int converter_bits) const;

 private:
  class LayerArrays;
  const network::QuantisedNetwork &network_;
  dataflow::Resolution resolution_;
  dataflow::Strategy strategy_;
  std::vector<std::unique_ptr<LayerArrays>> layers_;
};

}  // namespace npim::analysis
