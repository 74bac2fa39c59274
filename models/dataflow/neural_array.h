// Strategy C with real cells, wires and peripherals ([NP] sections 3 and 4). A bit line's value b
// (in levels * input LSB) becomes a signal of gain * b / (rows * highest slice) of the signal
// amplitude A, cut at the rails +-A for each pair of bit lines; the NNS+A of the array then gives,
// without errors, A * gain * D / FS for a dot product D, with FS = rows * 255 * 255. Errors of
// cells and wires are amplified by the bit-line gain, those of NNS+A, sample-and-hold and NNADC are
// not.
//
// Circuit: the NNS+A network in every input cycle with a sample-and-hold behind it, and the network
// of the NNADC that serves the vector.
// Statistical: the same drawn parts, each replaced by what it amounts to:
//   cells   folded into one weight per vector and row, noise one draw with the exact variance
//           (crossbar/physical_array.h);
//   NNS+A   the response of the array's instance, fitted by least squares to the circuit's on
//           random windows when the array is first used with a bit-line gain: an offset, a factor
//           for each weight bit (folded into the weights as well), a cubic term, and a normal
//           residual;
//   NNADC   the code table of the instance (code_table.h).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "crossbar/physical_array.h"
#include "dataflow/neural_parts.h"

namespace npim::dataflow {

/// What the arrays of a chip share. All members outlive the arrays.
struct NeuralChip {
  const config::ChipConfig &config;
  const device::ArrayGeometry &geometry;
  crossbar::Physics physics;
  NeuralParts parts;
};

class NeuralArray : public ArrayDatapath {
 public:
  NeuralArray(const NeuralChip &chip, ArrayPlace place, const ConverterBank &converters);

  const device::ArrayGeometry &geometry() const override { return cells_.geometry(); }
  device::ProgrammingReport program(const std::int8_t *weights, int rows, int vectors,
                                    int shift) override;
  device::ProgrammingReport program_levels(const std::uint8_t *levels) override;
  void stick(int row, int column, bool at_on) override { cells_.stick(row, column, at_on); }
  int level(int row, int column) const override { return cells_.sensed_level(row, column); }
  /// Equal references in place of all bit-line pairs; what the converters of the finest range make
  /// of them. The array's own trim stands in front of theirs.
  void calibrate(std::uint64_t run) override;
  void convert(WindowKeys windows, const LayerConverter &layer, const double *held, int count,
               std::int32_t *codes) const override;

 protected:
  /// Codes of one converter for `count` inputs.
  virtual void codes_of(int converter, std::size_t range, const float *inputs_v, std::size_t count,
                        std::int32_t *codes) const = 0;
  /// Codes of signals in volts, [window][count], through the trims of array and converters.
  void codes_of_volts(const float *volts, std::size_t windows, int count, std::size_t range,
                      std::int32_t *codes) const;
  device::ProgrammingReport verified(device::ProgrammingReport report) const;
  /// What the sample-and-hold of each vector holds through the networks, [window][vector] in volts.
  /// normals: of the sample-and-hold's noise, [window][cycle][normal_stride].
  void circuit_sums(const crossbar::InputBatch &inputs, const std::int32_t *bit_lines, int gain,
                    const float *normals, float *held_v) const;
  std::size_t normal_stride() const;
  /// Volts per input LSB * weight LSB.
  double volts_per_unit(int gain) const;

  const NeuralChip &chip_;
  const ArrayPlace place_;
  const ConverterBank &converters_;
  const peripheral::NnsaCircuit nnsa_;
  mutable crossbar::PhysicalArray cells_;
  int used_vectors_ = 0, used_rows_ = 0;
  Trim trim_;  // offset in LSB of the finest range
};

class CircuitArray : public NeuralArray {
 public:
  using NeuralArray::NeuralArray;
  void hold(const Windows &windows, const LayerConverter &layer, double *held) const override;

 private:
  void codes_of(int converter, std::size_t range, const float *inputs_v, std::size_t count,
                std::int32_t *codes) const override;
};

class StatisticalArray : public NeuralArray {
 public:
  using NeuralArray::NeuralArray;
  device::ProgrammingReport program(const std::int8_t *weights, int rows, int vectors,
                                    int shift) override;
  device::ProgrammingReport program_levels(const std::uint8_t *levels) override;
  /// One bit-line gain at a time: threads that share an array must agree on it.
  void hold(const Windows &windows, const LayerConverter &layer, double *held) const override;

 private:
  /// held = offset + sum_j factor_j * D_j + cubic * (sum)^3 + sigma * z, in units of D; the factors
  /// are folded into the cells.
  struct Response {
    double offset = 0, cubic = 0, sigma = 0;
  };
  void codes_of(int converter, std::size_t range, const float *inputs_v, std::size_t count,
                std::int32_t *codes) const override;
  void fit(int gain) const;

  mutable std::mutex mutex_;
  mutable std::atomic<int> fitted_gain_{0};  // 0: none
  mutable Response response_;
};

}  // namespace npim::dataflow
