#include "peripheral/surrogate.h"

#include <algorithm>
#include <cmath>

#include "peripheral/circuit_kernels.h"
#include "peripheral/training.h"

namespace npim::peripheral {
namespace {

/// Accumulations of random bit lines: their ideal sums and what an instance holds at the end.
struct Measured {
  std::vector<float> ideal_v, held_v;
};

Measured measure(const Nnsa &nnsa, const NnsaCircuit &circuit, const Process &process,
                 RandomStream &stream, int samples) {
  const auto count = static_cast<std::size_t>(samples);
  const int cycles = 8 / nnsa.dac_bits;
  Measured result{std::vector<float>(count), std::vector<float>(count)};
  std::vector<float> pairs(count * kNnsaWeightBits), sums(count), normals(count);
  Vector ideal = Vector::Zero(samples);
  for (int cycle = 0; cycle < cycles; ++cycle) {
    Batch batch = draw_nnsa_batch(nnsa, process, samples, stream);
    batch.inputs.col(kNnsaWeightBits) = ideal;
    ideal = nnsa.ideal(batch.inputs);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < std::size_t{kNnsaWeightBits}; ++j) {
        pairs[j * count + i] = static_cast<float>(
            batch.inputs(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
      }
      normals[i] = static_cast<float>(stream.normal());
    }
    circuit.step(pairs.data(), count, result.held_v.data(), count, sums.data());
    circuit.hold(sums.data(), normals.data(), count, result.held_v.data());
  }
  for (std::size_t i = 0; i < count; ++i) {
    result.ideal_v[i] = static_cast<float>(ideal[static_cast<Eigen::Index>(i)]);
  }
  return result;
}

/// Values at knots that fit samples best in least squares, by straight pieces between the knots. A
/// little curvature is held against knots that few samples reach.
Vector fit_knots(const std::vector<float> &positions, const Vector &values, int knots) {
  Matrix normal = Matrix::Zero(knots, knots);
  Vector right = Vector::Zero(knots);
  for (Eigen::Index i = 0; i < values.size(); ++i) {
    const double position = double{positions[static_cast<std::size_t>(i)]};
    const auto left =
        static_cast<Eigen::Index>(std::clamp(position, 0.0, static_cast<double>(knots - 2)));
    const double part = position - static_cast<double>(left);
    const double weight[] = {1 - part, part};
    for (Eigen::Index a = 0; a < 2; ++a) {
      right[left + a] += weight[a] * values[i];
      for (Eigen::Index b = 0; b < 2; ++b) normal(left + a, left + b) += weight[a] * weight[b];
    }
  }
  const double stiffness = 0.02 * static_cast<double>(values.size()) / knots;
  for (Eigen::Index k = 1; k + 1 < knots; ++k) {
    const double bend[] = {1, -2, 1};
    for (Eigen::Index a = 0; a < 3; ++a) {
      for (Eigen::Index b = 0; b < 3; ++b) {
        normal(k - 1 + a, k - 1 + b) += stiffness * bend[a] * bend[b];
      }
    }
  }
  return normal.ldlt().solve(right);
}

void as_pieces(const Vector &knots, std::vector<float> &values, std::vector<float> &changes) {
  for (Eigen::Index k = 0; k + 1 < knots.size(); ++k) {
    values.push_back(static_cast<float>(knots[k]));
    changes.push_back(static_cast<float>(knots[k + 1] - knots[k]));
  }
}

}  // namespace

NnsaSurrogate::NnsaSurrogate(const Nnsa &nnsa, const NnsaCircuit &circuit, const Process &process,
                             RandomStream stream, int samples)
    : low_v_(static_cast<float>(-process.amplitude_v())),
      pieces_per_v_(static_cast<float>((kKnots - 1) / (2 * process.amplitude_v()))) {
  const Measured measured = measure(nnsa, circuit, process, stream, samples);
  std::vector<float> positions;
  Vector error(samples);
  for (std::size_t i = 0; i < measured.ideal_v.size(); ++i) {
    positions.push_back((measured.ideal_v[i] - low_v_) * pieces_per_v_);
    error[static_cast<Eigen::Index>(i)] = double{measured.held_v[i]} - double{measured.ideal_v[i]};
  }
  as_pieces(fit_knots(positions, error, kKnots), mean_v_, mean_change_v_);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    double &rest = error[static_cast<Eigen::Index>(i)];
    rest -= mean_error_v(double{measured.ideal_v[i]});
    rest *= rest;
  }
  const double freedom = static_cast<double>(samples) / std::max(1, samples - kKnots);
  const Vector variance = freedom * fit_knots(positions, error, kKnots);
  as_pieces(variance.cwiseMax(0.0).cwiseSqrt(), spread_v_, spread_change_v_);
}

double NnsaSurrogate::at(const std::vector<float> &values, const std::vector<float> &changes,
                         double ideal_v) const {
  const double position = (ideal_v - double{low_v_}) * double{pieces_per_v_};
  const auto piece =
      static_cast<std::size_t>(std::clamp(position, 0.0, static_cast<double>(kKnots - 2)));
  return double{values[piece]} + (position - static_cast<double>(piece)) * double{changes[piece]};
}

double NnsaSurrogate::mean_error_v(double ideal_v) const {
  return at(mean_v_, mean_change_v_, ideal_v);
}

double NnsaSurrogate::spread_v(double ideal_v) const {
  return at(spread_v_, spread_change_v_, ideal_v);
}

void NnsaSurrogate::hold(const float *ideal_v, const float *normals, std::size_t count,
                         float *held_v) const {
  kernels::add_errors({mean_v_.data(), mean_change_v_.data(), spread_v_.data(),
                       spread_change_v_.data(), low_v_, pieces_per_v_, kKnots - 1},
                      ideal_v, normals, count, held_v);
}

NnadcSurrogate::NnadcSurrogate(const NnadcCircuit &circuit, double limit_v)
    : low_v_(static_cast<float>(-limit_v * (kHighestCode + kBeyond) / kHighestCode)),
      steps_per_v_(static_cast<float>(kStepsPerCode * kHighestCode / limit_v)),
      steps_(static_cast<std::size_t>(2 * (kHighestCode + kBeyond) * kStepsPerCode)) {
  std::vector<float> inputs;
  for (std::size_t i = 0; i < steps_; ++i) {
    inputs.push_back(low_v_ + (static_cast<float>(i) + 0.5F) / steps_per_v_);
  }
  std::vector<std::int32_t> codes(steps_);
  circuit.convert(inputs.data(), steps_, codes.data());
  codes_.assign(codes.begin(), codes.end());
  codes_.resize(steps_ + 3, 0);
}

void NnadcSurrogate::convert(const float *inputs_v, std::size_t count, std::int32_t *codes) const {
  kernels::look_up_codes(codes_.data(), steps_, low_v_, steps_per_v_, inputs_v, count, codes);
}

}  // namespace npim::peripheral
