// Replica bias of the neural peripherals. An inverter of the neurons' kind and size with its input
// tied to its output settles at its trip voltage, wherever corner, temperature and supply have put
// it. References are set about that voltage; an amplifier around a copy of the input follower finds
// the voltage that the follower turns into it, about which the sample-and-holds set their pairs.
// Both are thus where the neurons' curves are odd. [NP] section 4.1 asks for robustness against PVT
// and does not say how the signal level is made.
#pragma once

#include <string>

#include "base/philox.h"
#include "peripheral/process.h"

namespace npim::peripheral {

/// Copies of a replica's inverter and follower in parallel, which average its own mismatch. One
/// replica of each kind can serve a chip, with buffers where its levels are used; its mismatch is
/// drawn for every circuit as if each had one of its own, and the buffers are exact.
constexpr int kReplicaCopies = 32;

/// Deviations of a replica from the neurons and followers that it stands for.
struct ReplicaMismatch {
  CurveVariant neuron, follower;
};

/// Where a replica settles, in volts.
struct ReplicaLevels {
  double trip_v = 0;   ///< its inverter with input and output tied
  double input_v = 0;  ///< of a follower that puts out the same
};

/// Where the replica of a kind of neuron (key of CurveSet::neurons) settles on these curves. Throws
/// std::out_of_range for an unknown kind.
ReplicaLevels settle(const CurveSet &curves, const std::string &neuron,
                     const ReplicaMismatch &mismatch = {});

/// Levels of a circuit's signals, in volts.
struct SignalLevels {
  double common_mode_v = 0;  ///< of input pairs, at the sample-and-holds
  double middle_v = 0;       ///< of references
  double reference = 1;      ///< factor on the swing of references
  double supply_v = 0;       ///< the bias of an NNS+A is at the rails
  double rail_middle_v() const { return supply_v / 2; }
};

/// The levels that a replica gives. The amplifiers behind it have offsets by design that put the
/// levels of the tt corner where the shipped parameters were trained, at Process::amplitude_v() and
/// mid_v(): these are exact there. mismatch: draws the replica's own, or nullptr for none.
SignalLevels signal_levels(const Process &process, const CurveSet &curves,
                           const std::string &neuron, RandomStream *mismatch);

/// What the amplifiers' offsets add to a replica's levels.
ReplicaLevels designed_offsets(const Process &process, const CurveSet &curves,
                               const std::string &neuron);

}  // namespace npim::peripheral
