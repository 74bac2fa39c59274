// Drawn NNS+As and NNADCs as the simulated chip evaluates them: the networks of divider_network.h
// with every device's deviation folded into single-precision coefficients, for many samples at
// once with vector instructions. Outputs equal forward() and NnadcInstance to within
// kCircuitTolerance_v per network: curves are tables of kPointsPerStep points for each step of
// their SPICE sweep, linearly interpolated. All instruction sets, batch sizes and positions within
// a batch give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "peripheral/neural_peripherals.h"

namespace npim::peripheral {

constexpr int kPointsPerStep = 32;
constexpr double kCircuitTolerance_v = 2e-5;

/// A transfer curve as straight pieces, extended by its end pieces.
class CurveTable {
 public:
  explicit CurveTable(const TransferCurve &curve);

  /// Position in the table of an input voltage: (v - low()) / step().
  double low_v() const { return low_v_; }
  double step_v() const { return step_v_; }
  double mid_v() const { return mid_v_; }
  std::int32_t pieces() const { return static_cast<std::int32_t>(change_v_.size()); }
  const float *value_v() const { return value_v_.data(); }
  const float *change_v() const { return change_v_.data(); }

 private:
  double low_v_, step_v_, mid_v_;
  std::vector<float> value_v_, change_v_;  // at the start of a piece, and over it
};

/// The curves of one corner, shared by all circuits that are made of it.
struct CircuitCurves {
  explicit CircuitCurves(const CurveSet &curves);
  const CurveTable &neuron(const std::string &name) const { return neurons.at(name); }

  CurveTable input_follower, output_follower;
  std::map<std::string, CurveTable> neurons;
};

/// One network, folded. Inputs: first the analog ones (Drive::kFollower), then the digital ones
/// (Drive::kReference), +-1; a bias (Drive::kRail, kBias) is always on.
class NetworkCircuit {
 public:
  /// curves must outlive the circuit; the instance need not.
  NetworkCircuit(const Instance &instance, const CircuitCurves &curves);

  int analog_inputs() const { return static_cast<int>(analog_); }
  int digital_inputs() const { return static_cast<int>(digital_); }
  int outputs() const { return static_cast<int>(outputs_); }

  /// analog[i * stride + sample] in volts, digital likewise +-1, outputs[o * stride + sample] in
  /// volts (deviations from the middle); count <= stride.
  void run(const float *analog, const float *digital, std::size_t stride, std::size_t count,
           float *outputs) const;
  /// Makes analog input i read row sources[i] of `analog`.
  void share_inputs(std::vector<std::uint32_t> sources) { sources_ = std::move(sources); }

  /// What the vector code reads. Coefficients stand in the order in which they are used.
  struct Parts {
    const CurveTable *follower, *neuron, *end;  ///< end: output follower, or nullptr
    const float *lines;   ///< [2 * analog][2]: factor and offset of the table position
    const float *hidden;  ///< [columns][1 + 2 * analog + digital]: offset, lines, digital inputs
    const float *ends;    ///< [columns][end_count]: to outputs, or to the pairs of their followers
    const float *end_offset;  ///< [end_count]
    const float *end_factor;  ///< [end_count]: of the followers' curves in the output
    const float *end_output;  ///< [outputs]: constant part of an output behind followers
    const std::uint32_t *sources;
    std::size_t analog, digital, columns, end_count, outputs;
  };
  Parts parts() const;

 private:
  void fold_lines(const Instance &instance);
  void fold_hidden(const Instance &instance);
  void fold_ends(const Instance &instance);

  const CircuitCurves *curves_;
  const CurveTable *neuron_;
  bool followers_;
  std::size_t analog_ = 0, digital_ = 0, columns_ = 0, outputs_ = 0, ends_ = 0;
  std::vector<std::uint32_t> sources_;
  std::vector<float> lines_, hidden_, ends_coefficients_, end_offset_, end_factor_, end_output_;
};

/// One NNS+A with its sample-and-hold.
class NnsaCircuit {
 public:
  /// nnsa and process are only read here; curves must outlive the circuit.
  NnsaCircuit(const Instance &instance, const Process &process, const CircuitCurves &curves);

  /// One input cycle of `count` dot products. bit_pairs_v[j * stride + i]: deviation of the
  /// bit-line pair of weight bit j, within +-amplitude; held_v[i]: what the sample-and-hold holds
  /// (0 before the first cycle). sums_v may be held_v.
  void step(const float *bit_pairs_v, std::size_t stride, const float *held_v, std::size_t count,
            float *sums_v) const;

  /// What the sample-and-hold takes over: hold() of each sample. normals: kT/C noise, standard
  /// normal, or nullptr for none. held_v is old and new value.
  void hold(const float *sums_v, const float *normals, std::size_t count, float *held_v) const;

  /// All input cycles from an empty sample-and-hold: bit_pairs_v[(cycle * 8 + j) * stride + i].
  /// normals[cycle * stride + i] or nullptr. held_v[i]: what the converter sees.
  void accumulate(const float *bit_pairs_v, std::size_t stride, int cycles, const float *normals,
                  std::size_t count, float *held_v) const;

 private:
  NetworkCircuit network_;
  float keep_, take_, noise_v_;
};

/// One NNADC.
class NnadcCircuit {
 public:
  /// curves must outlive the circuit; the instance need not.
  NnadcCircuit(const NnadcInstance &instance, const CircuitCurves &curves);

  /// Codes -127 .. 127 of held sums.
  void convert(const float *inputs_v, std::size_t count, std::int32_t *codes) const;

 private:
  struct Stage {
    NetworkCircuit sub_adc, residue;
    std::vector<float> offsets_v;
  };
  void convert_block(const float *inputs_v, std::size_t count, std::int32_t *codes) const;

  std::vector<Stage> stages_;
  NetworkCircuit flash_;
  std::vector<float> flash_offsets_v_;
};

}  // namespace npim::peripheral
