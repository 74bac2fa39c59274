// The trained peripherals as SPICE netlists: cells as resistors, inverters and source followers as
// transistors, the replicas that set their signal levels (replica.h) likewise; latches of sub-ADCs,
// the sample-and-holds between pipeline stages and the amplifiers of replicas as behavioural
// sources. Runs them in ngspice beside the model.
#pragma once

#include <string>
#include <vector>

#include "peripheral/measures.h"
#include "peripheral/spice.h"

namespace npim::peripheral {

struct NetworkNetlist {
  std::string text;
  std::vector<std::string> outputs;  ///< nodes, positive and negative of each output
};

/// One instance's cells and devices. sources: one node per line (the input of its follower, or the
/// line itself). transistors: draws threshold shifts of every device, or nullptr for none. The
/// instance's own curve variants are not used.
NetworkNetlist network_netlist(const Instance &instance, const std::string &prefix,
                               const std::vector<std::string> &sources, RandomStream *transistors);

/// Sweep of an NNS+A: inputs = base + t * direction, t = -1 .. 1 in `points` steps.
struct NnsaSweep {
  Vector base, direction;  ///< 9 each, volts
  int points = 41;
  Matrix inputs() const;  ///< points x 10, as forward() takes them
};
/// Random directions that use the whole range without leaving it.
NnsaSweep random_sweep(const Process &process, RandomStream &stream);

/// Output of the circuit, with its replica, at every point of a sweep. corner: that of the
/// instance's curves. keep: where to leave the netlist, or empty.
Vector spice_nnsa(const Instance &instance, const Corner &corner, const NnsaSweep &sweep,
                  RandomStream *transistors, const std::string &keep = "");

/// Codes of the circuit for a ramp of `points` inputs from -limit to +limit, ends included.
/// Instances are drawn as NnadcInstance draws them, without mismatch of the model's own.
std::vector<int> spice_nnadc(const Nnadc &nnadc, const Process &process, const CurveSet &curves,
                             const Corner &corner, bool cells, RandomStream &stream,
                             RandomStream *transistors, double limit_v, int points,
                             const std::string &keep = "");

/// A sample-and-hold (transmission gate and capacitor per line) that steps from one value to
/// another within `window_ns`: what is held, as a deviation from the middle.
double spice_hold(const Process &process, double from_v, double to_v, double window_ns);

}  // namespace npim::peripheral
