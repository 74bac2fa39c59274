#include "peripheral/replica.h"

#include <cmath>

namespace npim::peripheral {
namespace {

constexpr int kBisections = 60;  // from volts to the last bit

/// Where a function that falls through zero does so.
template <class Function>
double falls_through_zero(double low, double high, const Function &function) {
  for (int i = 0; i < kBisections; ++i) {
    const double middle = 0.5 * (low + high);
    (function(middle) > 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

CurveVariant draw(const DeviceCurve &device, RandomStream &stream) {
  const double share = 1 / std::sqrt(kReplicaCopies);
  CurveVariant variant;
  variant.shift_v = share * device.shift_sigma_v * stream.normal();
  variant.gain = share * device.gain_sigma * stream.normal();
  return variant;
}

}  // namespace

ReplicaLevels settle(const CurveSet &curves, const std::string &neuron,
                     const ReplicaMismatch &mismatch) {
  const TransferCurve &inverter = curves.neurons.at(neuron).curve;
  const TransferCurve &follower = curves.input_follower.curve;
  ReplicaLevels levels;
  levels.trip_v = falls_through_zero(
      0, curves.supply_v, [&](double v) { return inverter.at(v, mismatch.neuron).value - v; });
  levels.input_v = falls_through_zero(-curves.supply_v, curves.supply_v, [&](double v) {
    return levels.trip_v - follower.at(v, mismatch.follower).value;
  });
  return levels;
}

SignalLevels signal_levels(const Process &process, const CurveSet &curves,
                           const std::string &neuron, RandomStream *mismatch) {
  ReplicaMismatch drawn;
  if (mismatch != nullptr) {
    drawn.neuron = draw(curves.neurons.at(neuron), *mismatch);
    drawn.follower = draw(curves.input_follower, *mismatch);
  }
  const ReplicaLevels own = settle(curves, neuron, drawn);
  const ReplicaLevels nominal = settle(curves.tt(), neuron);
  return {process.amplitude_v() + (own.input_v - nominal.input_v),
          process.mid_v() + (own.trip_v - nominal.trip_v), 1, curves.supply_v};
}

ReplicaLevels designed_offsets(const Process &process, const CurveSet &curves,
                               const std::string &neuron) {
  const ReplicaLevels nominal = settle(curves.tt(), neuron);
  return {process.mid_v() - nominal.trip_v, process.amplitude_v() - nominal.input_v};
}

}  // namespace npim::peripheral
