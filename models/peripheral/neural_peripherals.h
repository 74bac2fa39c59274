// The trained peripherals of Neural-PIM: NNS+A ([NP] section 4.1) and NNADC ([NP] section 4.2), as
// networks on the RRAM substrate (divider_network.h) and as instances of a Monte-Carlo run. Signals
// are deviations from the middle of the 0.5 V range: 0 is a dot product of 0, +-amplitude full
// scale.
#pragma once

#include <string>
#include <vector>

#include "peripheral/divider_network.h"

namespace npim::peripheral {

/// beta = 255 * sum over cycles of 2^(-P_D k): with it the recursion
///   V_i = 2^-P_D V_(i-1) + (1 / beta) sum_j 2^j V_in,j
/// stays within the range of its inputs. P_D is one of 1, 2, 4, 8.
double nnsa_beta(int dac_bits);

constexpr int kNnsaWeightBits = 8;
constexpr int kNnsaInputs = kNnsaWeightBits + 2;  ///< bit pairs, previous sum, bias

struct Nnsa {
  int dac_bits = 4;
  Network network;

  /// The next sum of each sample, without error. inputs: batch x 10 (bit pairs 0..7, V_(i-1), 1).
  Vector ideal(const Matrix &inputs) const;
};
Nnsa untrained_nnsa(int dac_bits, const Process &process, RandomStream &stream);

/// The sample-and-hold in front of input 8: takes over a new value but for a fraction of the step,
/// with kT/C noise.
double hold(const Process::SampleHold &sample_hold, double new_v, double held_v,
            RandomStream *noise);

constexpr int kStageDecisions = 8, kFlashDecisions = 4, kStages = 3, kHighestCode = 127;
constexpr double kStageGain = 4;

/// One 2-bit stage with redundancy: eight decisions d = +-1 at odd eighths of the reference range,
/// k = sum d / 2, residue r = 4 x - k Vref, which stays within +-Vref / 2: half the range, where
/// the inverters are straight, and the other half for errors of the decisions.
struct NnadcStage {
  Network sub_adc, residue;
};

/// 8-bit pipeline: three stages and a final flash converter of four decisions.
/// Code = 32 k1 + 8 k2 + 2 k3 + k4, clamped to [-127, 127]. The smaller ranges have smaller
/// references in all stages, and no amplifier: smaller signals are the straighter ones.
struct Nnadc {
  int range_divisor = 1;  ///< V_max = amplitude / range_divisor
  std::vector<NnadcStage> stages;
  Network flash;

  /// All networks in the order in which they are trained, with their names.
  std::vector<Network *> networks();
  std::vector<const Network *> networks() const;
};

Nnadc untrained_nnadc(int range_divisor, const Process &process, RandomStream &stream);

/// Vref: V_max * 128 / 127, so that one code is V_max / 127.
double nnadc_reference(const Process &process, int range_divisor);
/// Thresholds of a stage or of the flash converter, in volts.
std::vector<double> stage_thresholds(const Process &process, int range_divisor);
std::vector<double> flash_thresholds(const Process &process, int range_divisor);
/// Code of an ideal converter: clamp(round(x / V_max * 127)).
int ideal_code(const Process &process, int range_divisor, double input_v);

/// Inputs of a copy of a residue network whose mean output is half of the next stage's reference:
/// an eighth of its own reference, and decisions that cancel, both ways about so that their
/// deviations cancel as well. 2 x inputs of the network.
Matrix reference_inputs(const Process &process, const Network &residue, double factor);

/// Where the references of the stages come from. The residues have no feedback: a corner, or a
/// level off by a millivolt, changes their gain by some percent. Therefore the reference of a stage
/// comes out of a copy of the residue network before it, so that signal and reference change alike;
/// a ratio of resistors restores its size. The chain has the converter's levels (replica.h) and
/// kReplicaCopies copies of each residue in parallel; chopping takes their offsets away.
class ReferenceChain {
 public:
  /// The converter's networks, process and curves must outlive it.
  ReferenceChain(const Nnadc &nnadc, const Process &process, const CurveSet &curves);
  /// Factors on the references of the stages and of the flash converter: 1 with the levels of the
  /// tt corner on its curves. mismatch: draws the copies' own, or nullptr for none.
  std::vector<double> factors(SignalLevels signals, RandomStream *mismatch) const;

 private:
  static double output_v(const Instance &copy, double factor);

  std::vector<Instance> copies_;
  std::vector<double> designed_v_;  // what the resistors are laid out for
};

/// One converter of one chip.
class NnadcInstance {
 public:
  /// chain: for who draws many, else the converter makes one for itself.
  NnadcInstance(const Nnadc &nnadc, const Process &process, const CurveSet &curves,
                const Variation &variation, RandomStream &stream,
                const ReferenceChain *chain = nullptr);
  NnadcInstance(const NnadcInstance &) = delete;
  NnadcInstance &operator=(const NnadcInstance &) = delete;

  std::vector<int> convert(const Vector &inputs_v) const;

  /// What the stages and the flash converter see and decide while converting.
  struct Signals {
    std::vector<Vector> stage_inputs;  ///< input of each stage and of the flash
    std::vector<Matrix> decisions;     ///< +-1, of each stage and of the flash
  };
  Signals run(const Vector &inputs_v) const;

  struct Stage {
    Instance sub_adc, residue;
    std::vector<double> offsets_v;  ///< of the latches
  };
  const std::vector<Stage> &stages() const { return stages_; }
  const Instance &flash() const { return flash_; }
  const std::vector<double> &flash_offsets_v() const { return flash_offsets_v_; }

 private:
  const Nnadc &nnadc_;
  std::vector<Stage> stages_;
  Instance flash_;
  std::vector<double> flash_offsets_v_;
};

/// Inputs of a residue network: x twice (two rows, for a greater share of the divider) and the
/// decisions. It needs no bias: with complementary columns the network is odd.
Matrix residue_inputs(const Vector &input_v, const Matrix &decisions);
/// x and the bias.
Matrix with_bias(const Vector &input_v);
/// +1 where the output pair plus the latch's offset is positive, else -1.
Matrix decide(const Matrix &outputs, const std::vector<double> &offsets_v);
/// Sum of the decisions of each sample, halved.
Vector half_sum(const Matrix &decisions);

}  // namespace npim::peripheral
