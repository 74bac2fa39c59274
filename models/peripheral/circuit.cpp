#include "peripheral/circuit.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "peripheral/circuit_kernels.h"

namespace npim::peripheral {
namespace {

constexpr std::size_t kMostCounted = 256;  ///< samples that are converted at once

std::size_t count_of(const std::vector<Drive> &drives, Drive wanted) {
  return static_cast<std::size_t>(std::count(drives.begin(), drives.end(), wanted));
}

std::vector<float> single(const std::vector<double> &values) {
  return {values.begin(), values.end()};
}

/// What a device with deviations adds to its curve's output: value = offset + factor * f(v -
/// shift).
struct Scaled {
  double factor, offset;
};
Scaled scaled(const CurveVariant &variant, double mid_v) {
  return {1 + variant.gain, -variant.gain * mid_v};
}

}  // namespace

CurveTable::CurveTable(const TransferCurve &curve)
    : low_v_(curve.low_v()), step_v_(curve.step_v() / kPointsPerStep), mid_v_(curve.mid_v()) {
  const std::size_t pieces = (curve.values_v().size() - 1) * kPointsPerStep;
  const auto value_at = [&](std::size_t i) {
    return curve.at(low_v_ + static_cast<double>(i) * step_v_).value;
  };
  for (std::size_t i = 0; i < pieces; ++i) {
    value_v_.push_back(static_cast<float>(value_at(i)));
    change_v_.push_back(static_cast<float>(value_at(i + 1) - value_at(i)));
  }
}

CircuitCurves::CircuitCurves(const CurveSet &curves)
    : input_follower(curves.input_follower.curve), output_follower(curves.output_follower.curve) {
  for (const auto &[name, neuron] : curves.neurons) neurons.emplace(name, neuron.curve);
}

NetworkCircuit::NetworkCircuit(const Instance &instance, const CircuitCurves &curves)
    : curves_(&curves),
      neuron_(&curves.neuron(instance.network->neuron)),
      followers_(instance.network->output_followers) {
  const auto &drives = instance.network->drives;
  analog_ = count_of(drives, Drive::kFollower);
  digital_ = count_of(drives, Drive::kReference);
  columns_ = static_cast<std::size_t>(instance.layer1.transfer.cols());
  outputs_ = static_cast<std::size_t>(instance.network->outputs());
  ends_ = followers_ ? 2 * outputs_ : outputs_;
  if (!std::is_sorted(drives.begin(), drives.end())) {
    throw std::invalid_argument("inputs of a network: followers, then references, then rails");
  }
  if (2 * analog_ > kernels::kMostLines || digital_ > kernels::kMostDigital ||
      ends_ > kernels::kMostEnds) {
    throw std::invalid_argument("network " + instance.network->name + " is too wide");
  }
  for (std::size_t i = 0; i < analog_; ++i) sources_.push_back(static_cast<std::uint32_t>(i));
  fold_lines(instance);
  fold_hidden(instance);
  fold_ends(instance);
}

void NetworkCircuit::fold_lines(const Instance &instance) {
  const CurveTable &table = curves_->input_follower;
  const double middle = instance.signals.common_mode_v;
  for (std::size_t l = 0; l < 2 * analog_; ++l) {
    const double sign = l % 2 == 0 ? 1 : -1;
    lines_.push_back(static_cast<float>(sign / table.step_v()));
    lines_.push_back(static_cast<float>(
        (middle - instance.input_followers[l].shift_v - table.low_v()) / table.step_v()));
  }
}

void NetworkCircuit::fold_hidden(const Instance &instance) {
  const SignalLevels &signals = instance.signals;
  const Matrix &transfer = instance.layer1.transfer;
  std::vector<double> coefficients;
  for (std::size_t c = 0; c < columns_; ++c) {
    const auto column = static_cast<Eigen::Index>(c);
    double offset = -instance.neurons[c].shift_v - neuron_->low_v();
    std::vector<double> factors;
    for (Eigen::Index k = 0; 2 * k < transfer.rows(); ++k) {
      const double upper = transfer(2 * k, column), lower = transfer(2 * k + 1, column);
      switch (instance.network->drives[static_cast<std::size_t>(k)]) {
        case Drive::kFollower:
          for (const Eigen::Index line : {2 * k, 2 * k + 1}) {
            const Scaled end = scaled(instance.input_followers[static_cast<std::size_t>(line)],
                                      curves_->input_follower.mid_v());
            offset += transfer(line, column) * end.offset;
            factors.push_back(transfer(line, column) * end.factor);
          }
          break;
        case Drive::kReference:
          offset += signals.middle_v * (upper + lower);
          factors.push_back(instance.reference_v() * (upper - lower));
          break;
        case Drive::kRail:
        case Drive::kBias: {
          const bool rail = instance.network->drives[static_cast<std::size_t>(k)] == Drive::kRail;
          const double middle = rail ? signals.rail_middle_v() : signals.middle_v;
          const double swing = rail ? middle : instance.reference_v();
          offset += middle * (upper + lower) + swing * (upper - lower);
          break;
        }
      }
    }
    hidden_.push_back(static_cast<float>(offset / neuron_->step_v()));
    for (const double factor : factors) {
      hidden_.push_back(static_cast<float>(factor / neuron_->step_v()));
    }
  }
}

void NetworkCircuit::fold_ends(const Instance &instance) {
  const Matrix &transfer = instance.layer2.transfer;
  const CurveTable &table = curves_->output_follower;
  // Factor of a hidden column in an end, before the end's own scale.
  const auto weight = [&](std::size_t c, std::size_t e) {
    const auto column = static_cast<Eigen::Index>(c), end = static_cast<Eigen::Index>(e);
    if (followers_) return transfer(column, end);
    return 0.5 * (transfer(column, 2 * end) - transfer(column, 2 * end + 1));
  };
  const double scale = followers_ ? 1 / table.step_v() : 1;
  std::vector<double> offsets(ends_, 0.0);
  if (followers_) {
    for (std::size_t e = 0; e < ends_; ++e) {
      offsets[e] = -instance.output_followers[e].shift_v - table.low_v();
    }
  }
  for (std::size_t c = 0; c < columns_; ++c) {
    const Scaled hidden = scaled(instance.neurons[c], neuron_->mid_v());
    for (std::size_t e = 0; e < ends_; ++e) {
      offsets[e] += weight(c, e) * hidden.offset;
      ends_coefficients_.push_back(static_cast<float>(scale * weight(c, e) * hidden.factor));
    }
  }
  for (const double offset : offsets) end_offset_.push_back(static_cast<float>(scale * offset));
  if (!followers_) return;
  for (std::size_t o = 0; o < outputs_; ++o) {
    const Scaled positive = scaled(instance.output_followers[2 * o], table.mid_v());
    const Scaled negative = scaled(instance.output_followers[2 * o + 1], table.mid_v());
    end_factor_.push_back(static_cast<float>(0.5 * positive.factor));
    end_factor_.push_back(static_cast<float>(-0.5 * negative.factor));
    end_output_.push_back(static_cast<float>(0.5 * (positive.offset - negative.offset)));
  }
}

NetworkCircuit::Parts NetworkCircuit::parts() const {
  Parts parts;
  parts.follower = &curves_->input_follower;
  parts.neuron = neuron_;
  parts.end = followers_ ? &curves_->output_follower : nullptr;
  parts.lines = lines_.data();
  parts.hidden = hidden_.data();
  parts.ends = ends_coefficients_.data();
  parts.end_offset = end_offset_.data();
  parts.end_factor = end_factor_.data();
  parts.end_output = end_output_.data();
  parts.sources = sources_.data();
  parts.analog = analog_;
  parts.digital = digital_;
  parts.columns = columns_;
  parts.outputs = outputs_;
  parts.end_count = ends_;
  return parts;
}

void NetworkCircuit::run(const float *analog, const float *digital, std::size_t stride,
                         std::size_t count, float *outputs) const {
  kernels::run_network(parts(), analog, digital, stride, count, outputs);
}

NnsaCircuit::NnsaCircuit(const Instance &instance, const Process &process,
                         const CircuitCurves &curves)
    : network_(instance, curves) {
  const auto &held = process.sample_hold;
  keep_ = static_cast<float>((1 + held.injection_gain) * held.lost_charge);
  take_ = static_cast<float>((1 + held.injection_gain) * (1 - held.lost_charge));
  noise_v_ = static_cast<float>(held.noise_v());
  if (network_.analog_inputs() != kNnsaInputs - 1 || network_.outputs() != 1) {
    throw std::invalid_argument("the network of an NNS+A has nine analog inputs and one output");
  }
}

void NnsaCircuit::step(const float *bit_pairs_v, std::size_t stride, const float *held_v,
                       std::size_t count, float *sums_v) const {
  std::array<float, (kNnsaInputs - 1) * kMostCounted> inputs;
  for (std::size_t from = 0; from < count; from += kMostCounted) {
    const std::size_t here = std::min(kMostCounted, count - from);
    for (std::size_t j = 0; j < std::size_t{kNnsaWeightBits}; ++j) {
      const float *row = bit_pairs_v + j * stride + from;
      std::copy(row, row + here, inputs.begin() + static_cast<std::ptrdiff_t>(j * kMostCounted));
    }
    std::copy(held_v + from, held_v + from + here,
              inputs.begin() + std::ptrdiff_t{kNnsaWeightBits} * kMostCounted);
    network_.run(inputs.data(), nullptr, kMostCounted, here, sums_v + from);
  }
}

void NnsaCircuit::hold(const float *sums_v, const float *normals, std::size_t count,
                       float *held_v) const {
  kernels::take_over(sums_v, normals, keep_, take_, noise_v_, count, held_v);
}

void NnsaCircuit::accumulate(const float *bit_pairs_v, std::size_t stride, int cycles,
                             const float *normals, std::size_t count, float *held_v) const {
  std::array<float, kMostCounted> sums;
  std::fill(held_v, held_v + count, 0.0F);
  for (std::size_t from = 0; from < count; from += kMostCounted) {
    const std::size_t here = std::min(kMostCounted, count - from);
    for (std::size_t cycle = 0; cycle < static_cast<std::size_t>(cycles); ++cycle) {
      step(bit_pairs_v + cycle * kNnsaWeightBits * stride + from, stride, held_v + from, here,
           sums.data());
      hold(sums.data(), normals == nullptr ? nullptr : normals + cycle * stride + from, here,
           held_v + from);
    }
  }
}

NnadcCircuit::NnadcCircuit(const NnadcInstance &instance, const CircuitCurves &curves)
    : flash_(instance.flash(), curves), flash_offsets_v_(single(instance.flash_offsets_v())) {
  for (const auto &stage : instance.stages()) {
    stages_.push_back({NetworkCircuit(stage.sub_adc, curves), NetworkCircuit(stage.residue, curves),
                       single(stage.offsets_v)});
    stages_.back().residue.share_inputs({0, 0});
  }
}

void NnadcCircuit::convert_block(const float *inputs_v, std::size_t count,
                                 std::int32_t *codes) const {
  std::array<float, kMostCounted> signal, next;
  std::array<float, kMostCounted> code = {};
  std::array<float, kernels::kMostDigital * kMostCounted> decisions;
  std::copy(inputs_v, inputs_v + count, signal.begin());
  float weight = 2;
  for (std::size_t i = 1; i < stages_.size(); ++i) weight *= static_cast<float>(kStageGain);
  const auto take = [&](const NetworkCircuit &network, const std::vector<float> &offsets_v) {
    network.run(signal.data(), nullptr, kMostCounted, count, decisions.data());
    kernels::decide(decisions.data(), offsets_v.data(), offsets_v.size(), kMostCounted, count,
                    weight, code.data());
    weight /= static_cast<float>(kStageGain);
  };
  for (const auto &stage : stages_) {
    take(stage.sub_adc, stage.offsets_v);
    stage.residue.run(signal.data(), decisions.data(), kMostCounted, count, next.data());
    signal.swap(next);
  }
  weight = 1;
  take(flash_, flash_offsets_v_);
  kernels::round_codes(code.data(), count, kHighestCode, codes);
}

void NnadcCircuit::convert(const float *inputs_v, std::size_t count, std::int32_t *codes) const {
  for (std::size_t from = 0; from < count; from += kMostCounted) {
    convert_block(inputs_v + from, std::min(kMostCounted, count - from), codes + from);
  }
}

}  // namespace npim::peripheral
