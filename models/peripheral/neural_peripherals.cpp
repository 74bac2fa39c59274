#include "peripheral/neural_peripherals.h"

#include <algorithm>
#include <cmath>

namespace npim::peripheral {
namespace {

// Followers that drive many columns must carry their currents.
constexpr int kResidueFollowers = 16;
// Sigma of what a copy of a residue network makes of a reference, without its offset: 0.26 to 0.49
// % over 100 drawn copies of each stage of nnadc-r1 and -r4.
constexpr double kCopySpread = 0.005;
constexpr int kNnsaHidden = 12, kDecisionHidden = 12, kResidueHidden = 64;

Network make_network(const std::string &name, const std::string &neuron, std::vector<Drive> drives,
                     int hidden, int outputs, bool followers, const Process &process,
                     RandomStream &stream) {
  Network network;
  network.name = name;
  network.neuron = neuron;
  network.levels = initial_levels(static_cast<int>(drives.size()), hidden, outputs,
                                  process.rram.highest_level(), stream);
  network.drives = std::move(drives);
  network.output_followers = followers;
  return network;
}

/// Its bias comes from the reference: at the rails, deviations of the cells would move the
/// thresholds by millivolts.
Network decision_network(const std::string &name, int decisions, int range_divisor,
                         const Process &process, RandomStream &stream) {
  Network network = make_network(name, "residue", {Drive::kFollower, Drive::kBias}, kDecisionHidden,
                                 decisions, false, process, stream);
  network.reference_divisor = range_divisor;
  return network;
}

std::vector<double> latch_offsets(int count, const Process &process, bool mismatch,
                                  RandomStream &stream) {
  std::vector<double> offsets(static_cast<std::size_t>(count), 0.0);
  if (mismatch) {
    for (double &offset : offsets) offset = 1e-3 * process.comparator_offset_mv * stream.normal();
  }
  return offsets;
}

}  // namespace

double nnsa_beta(int dac_bits) {
  double sum = 0;
  for (int bit = 0; bit < 8; bit += dac_bits) sum += std::pow(2.0, -bit);
  return 255 * sum;
}

Vector Nnsa::ideal(const Matrix &inputs) const {
  Vector sum = std::pow(2.0, -dac_bits) * inputs.col(kNnsaWeightBits);
  for (int j = 0; j < kNnsaWeightBits; ++j) {
    sum += std::pow(2.0, j) / nnsa_beta(dac_bits) * inputs.col(j);
  }
  return sum;
}

Nnsa untrained_nnsa(int dac_bits, const Process &process, RandomStream &stream) {
  std::vector<Drive> drives(kNnsaInputs - 1, Drive::kFollower);
  drives.push_back(Drive::kRail);
  Nnsa nnsa;
  nnsa.dac_bits = dac_bits;
  nnsa.network =
      make_network("nnsa", "summing", std::move(drives), kNnsaHidden, 1, true, process, stream);
  return nnsa;
}

double hold(const Process::SampleHold &sample_hold, double new_v, double held_v,
            RandomStream *noise) {
  const double taken =
      (1 + sample_hold.injection_gain) * (new_v + sample_hold.lost_charge * (held_v - new_v));
  return noise == nullptr ? taken : taken + sample_hold.noise_v() * noise->normal();
}

std::vector<Network *> Nnadc::networks() {
  std::vector<Network *> all;
  for (auto &stage : stages) {
    all.push_back(&stage.sub_adc);
    all.push_back(&stage.residue);
  }
  all.push_back(&flash);
  return all;
}

std::vector<const Network *> Nnadc::networks() const {
  const auto all = const_cast<Nnadc *>(this)->networks();
  return {all.begin(), all.end()};
}

Nnadc untrained_nnadc(int range_divisor, const Process &process, RandomStream &stream) {
  Nnadc nnadc;
  nnadc.range_divisor = range_divisor;
  std::vector<Drive> drives = {Drive::kFollower, Drive::kFollower};
  drives.insert(drives.end(), kStageDecisions, Drive::kReference);
  for (int i = 1; i <= kStages; ++i) {
    const std::string number = std::to_string(i);
    NnadcStage stage;
    stage.sub_adc =
        decision_network("sub-adc " + number, kStageDecisions, range_divisor, process, stream);
    stage.residue = make_network("residue " + number, "residue", drives, kResidueHidden, 1, true,
                                 process, stream);
    stage.residue.follower_strength = kResidueFollowers;
    stage.residue.reference_divisor = range_divisor;
    nnadc.stages.push_back(std::move(stage));
  }
  nnadc.flash = decision_network("flash", kFlashDecisions, range_divisor, process, stream);
  return nnadc;
}

double nnadc_reference(const Process &process, int range_divisor) {
  return process.amplitude_v() / range_divisor * 128 / 127;
}

std::vector<double> stage_thresholds(const Process &process, int range_divisor) {
  std::vector<double> thresholds;
  thresholds.reserve(static_cast<std::size_t>(kStageDecisions));
  for (int i = 0; i < kStageDecisions; ++i) {
    thresholds.push_back(nnadc_reference(process, range_divisor) * (2 * i - kStageDecisions + 1) /
                         8.0);
  }
  return thresholds;
}

std::vector<double> flash_thresholds(const Process &process, int range_divisor) {
  std::vector<double> thresholds;
  thresholds.reserve(static_cast<std::size_t>(kFlashDecisions));
  for (int i = 0; i < kFlashDecisions; ++i) {
    thresholds.push_back(nnadc_reference(process, range_divisor) * (2 * i - kFlashDecisions + 1) /
                         4.0);
  }
  return thresholds;
}

int ideal_code(const Process &process, int range_divisor, double input_v) {
  const double scaled = input_v * range_divisor / process.amplitude_v() * kHighestCode;
  return static_cast<int>(
      std::clamp(std::round(scaled), double{-kHighestCode}, double{kHighestCode}));
}

Matrix with_bias(const Vector &input_v) {
  Matrix inputs(input_v.size(), 2);
  inputs.col(0) = input_v;
  inputs.col(1).setOnes();
  return inputs;
}

Matrix residue_inputs(const Vector &input_v, const Matrix &decisions) {
  Matrix inputs(input_v.size(), 2 + decisions.cols());
  inputs.col(0) = input_v;
  inputs.col(1) = input_v;
  inputs.rightCols(decisions.cols()) = decisions;
  return inputs;
}

Matrix decide(const Matrix &outputs, const std::vector<double> &offsets_v) {
  Matrix decisions(outputs.rows(), outputs.cols());
  for (Eigen::Index o = 0; o < outputs.cols(); ++o) {
    const double offset = offsets_v.empty() ? 0.0 : offsets_v[static_cast<std::size_t>(o)];
    for (Eigen::Index i = 0; i < outputs.rows(); ++i) {
      decisions(i, o) = outputs(i, o) + offset > 0 ? 1 : -1;
    }
  }
  return decisions;
}

Vector half_sum(const Matrix &decisions) {
  return 0.5 * decisions.rowwise().sum();
}

Matrix reference_inputs(const Process &process, const Network &residue, double factor) {
  const double input_v = factor * nnadc_reference(process, residue.reference_divisor) / 8;
  Matrix decisions = Matrix::Ones(2, kStageDecisions);
  decisions.block(0, kStageDecisions / 2, 1, kStageDecisions / 2).setConstant(-1);
  decisions.row(1) = -decisions.row(0);
  return residue_inputs(Vector::Constant(2, input_v), decisions);
}

ReferenceChain::ReferenceChain(const Nnadc &nnadc, const Process &process, const CurveSet &curves) {
  for (const auto &stage : nnadc.stages) {
    RandomStream unused(0, 0, 0);
    const Instance nominal = make_instance(stage.residue, process, curves.tt(), {}, unused);
    designed_v_.push_back(output_v(nominal, 1));
    copies_.push_back(make_instance(stage.residue, process, curves, {}, unused));
  }
}

double ReferenceChain::output_v(const Instance &copy, double factor) {
  return forward(copy, reference_inputs(*copy.process, *copy.network, factor)).col(0).mean();
}

std::vector<double> ReferenceChain::factors(SignalLevels signals, RandomStream *mismatch) const {
  const double sigma = kCopySpread / std::sqrt(kReplicaCopies);
  std::vector<double> factors = {1};
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    Instance copy = copies_[i];
    signals.reference = factors.back();
    copy.signals = signals;
    const double own = mismatch == nullptr ? 1 : 1 + sigma * mismatch->normal();
    factors.push_back(own * output_v(copy, factors.back()) / designed_v_[i]);
  }
  return factors;
}

NnadcInstance::NnadcInstance(const Nnadc &nnadc, const Process &process, const CurveSet &curves,
                             const Variation &variation, RandomStream &stream,
                             const ReferenceChain *chain)
    : nnadc_(nnadc) {
  RandomStream replica = stream.branch();
  RandomStream *drawn = variation.draws_replica() ? &replica : nullptr;
  SignalLevels signals = signal_levels(process, curves, nnadc.flash.neuron, drawn);
  const auto references = chain != nullptr
                              ? chain->factors(signals, drawn)
                              : ReferenceChain(nnadc, process, curves).factors(signals, drawn);
  const auto make = [&](const Network &network) {
    return make_instance(network, process, curves, variation, stream, &signals);
  };
  for (const auto &stage : nnadc.stages) {
    signals.reference = references[stages_.size()];
    stages_.push_back({make(stage.sub_adc), make(stage.residue), {}});
    stages_.back().offsets_v =
        latch_offsets(stage.sub_adc.outputs(), process, variation.mismatch, stream);
  }
  signals.reference = references.back();
  flash_ = make(nnadc.flash);
  flash_offsets_v_ = latch_offsets(nnadc.flash.outputs(), process, variation.mismatch, stream);
}

NnadcInstance::Signals NnadcInstance::run(const Vector &inputs_v) const {
  Signals signals;
  Vector x = inputs_v;
  for (const auto &stage : stages_) {
    const Matrix decisions = decide(forward(stage.sub_adc, with_bias(x)), stage.offsets_v);
    signals.stage_inputs.push_back(x);
    signals.decisions.push_back(decisions);
    x = forward(stage.residue, residue_inputs(x, decisions)).col(0);
  }
  signals.stage_inputs.push_back(x);
  signals.decisions.push_back(decide(forward(flash_, with_bias(x)), flash_offsets_v_));
  return signals;
}

std::vector<int> NnadcInstance::convert(const Vector &inputs_v) const {
  const Signals signals = run(inputs_v);
  Vector code = half_sum(signals.decisions.back());
  double weight = 2;
  for (std::size_t i = stages_.size(); i-- > 0; weight *= kStageGain) {
    code += weight * half_sum(signals.decisions[i]);
  }
  std::vector<int> codes(static_cast<std::size_t>(code.size()));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] = static_cast<int>(std::clamp(std::round(code[static_cast<Eigen::Index>(i)]),
                                           double{-kHighestCode}, double{kHighestCode}));
  }
  return codes;
}

}  // namespace npim::peripheral
