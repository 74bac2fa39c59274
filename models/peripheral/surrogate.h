// Drawn NNS+As and NNADCs for statistical fidelity: what circuit.h evaluates device by device,
// measured once per instance and looked up afterwards. An NNS+A with its sample-and-hold becomes
// the mean error of a whole accumulation as a function of the ideal sum, and the spread about it
// that comes from how the sum is made up of bit lines and from kT/C noise. An NNADC, whose code is
// a function of one voltage, becomes its own code table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "peripheral/circuit.h"

namespace npim::peripheral {

class NnsaSurrogate {
 public:
  static constexpr int kKnots = 33;  ///< of the mean and the spread, over +-amplitude

  /// Measures `circuit`, an instance of `nnsa`, on `samples` accumulations of random bit lines as
  /// draw_nnsa_batch makes them, drawn from `stream`.
  NnsaSurrogate(const Nnsa &nnsa, const NnsaCircuit &circuit, const Process &process,
                RandomStream stream, int samples = 4096);

  double mean_error_v(double ideal_v) const;
  double spread_v(double ideal_v) const;
  /// held_v[i] = ideal_v[i] + mean error + spread * normals[i], standard normal. held_v may be
  /// ideal_v.
  void hold(const float *ideal_v, const float *normals, std::size_t count, float *held_v) const;

 private:
  double at(const std::vector<float> &values, const std::vector<float> &changes,
            double ideal_v) const;

  float low_v_, pieces_per_v_;
  // At the start of a piece, and over it.
  std::vector<float> mean_v_, mean_change_v_, spread_v_, spread_change_v_;
};

class NnadcSurrogate {
 public:
  static constexpr int kStepsPerCode = 32;  ///< transitions are kept to 1/32 LSB
  static constexpr int kBeyond = 8;         ///< codes that the table goes beyond the range

  /// limit_v: V_max of the circuit.
  NnadcSurrogate(const NnadcCircuit &circuit, double limit_v);

  /// As NnadcCircuit::convert.
  void convert(const float *inputs_v, std::size_t count, std::int32_t *codes) const;

 private:
  float low_v_, steps_per_v_;
  std::size_t steps_;
  std::vector<std::int8_t> codes_;  // padded for vector loads of four
};

}  // namespace npim::peripheral
