// The substrate that NNS+A and NNADC are built on: supply, transistor model, sizes, RRAM levels and
// sample-and-hold (configs/peripherals/process-*.json), and the curves that SPICE extracts from it
// (configs/peripherals/curves-*.json, written by `npim periph extract`). [NP] section 4.1 names the
// parts; sizes, transistor parameters and resistances are not in the paper.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "peripheral/transfer_curve.h"

namespace npim::peripheral {

/// An inverter whose output is loaded by a second one with input and output tied together: the
/// ratio of the widths sets the gain, whatever corner and temperature. Lengths in um.
struct InverterSize {
  double n_width_um = 0, p_width_um = 0, load_n_width_um = 0, load_p_width_um = 0, length_um = 0;
};

struct FollowerSize {
  double width_um = 0, length_um = 0;
  double threshold_shift_v = 0;  ///< of the low-threshold flavour, as added to vth0
  double bias_ua = 0;
};

/// A global deviation of the process; thresholds as magnitudes.
struct Corner {
  double nmos_threshold_v = 0, pmos_threshold_v = 0;
  double temperature_c = 27;
  double supply = 1;  ///< factor on VDD
};

struct Process {
  std::string name;
  double vdd_v = 1.2;
  double signal_v = 0.5;      ///< span of every signal; 0 is its middle ([NP] Table 1)
  double reference_v = 0.25;  ///< swing of the bits of a sub-ADC about the middle
  std::string nmos_card, pmos_card;
  double pelgrom_mv_um = 0;  ///< sigma of a threshold is this / sqrt(width * length)
  std::map<std::string, InverterSize> neurons;
  FollowerSize input_follower, output_follower;
  std::map<std::string, Corner> corners;

  struct Rram {
    double on_kohm = 0, off_kohm = 0;
    int level_bits = 3;
    double sigma = 0;  ///< of ln(conductance), per device
    double on_us() const { return 1e3 / on_kohm; }
    double off_us() const { return 1e3 / off_kohm; }
    int highest_level() const { return (1 << level_bits) - 1; }
    double level_us(double level) const {
      return off_us() + (on_us() - off_us()) * level / highest_level();
    }
  } rram;

  struct SampleHold {
    double capacitance_ff = 0;
    double lost_charge = 0;  ///< fraction of the step from the old to the new value that is missing
    double injection_gain = 0;  ///< of the held value, from the charge of the opening switches
    double temperature_c = 27;
    /// sqrt(kT/C) in volts.
    double noise_v() const;
  } sample_hold;
  double comparator_offset_mv = 0;  ///< sigma, of the latch behind a sub-ADC output

  /// The middle of references at the tt corner; elsewhere a replica gives it (replica.h).
  double mid_v() const { return vdd_v / 2; }
  /// The largest deviation of a signal from its middle.
  double amplitude_v() const { return signal_v / 2; }
};

/// Throws InputError naming file and key.
Process load_process(const std::string &path);

/// A kind of device as SPICE sees it.
struct DeviceCurve {
  TransferCurve curve;
  double output_ohm = 0;     ///< small-signal output resistance at the middle
  double shift_sigma_v = 0;  ///< mismatch, referred to the input
  double gain_sigma = 0;
};

/// The curves of one corner. neurons are keyed as in Process.
struct CurveSet {
  double supply_v = 0;
  std::map<std::string, DeviceCurve> neurons;
  DeviceCurve input_follower, output_follower;
  std::shared_ptr<const CurveSet> nominal;  ///< the tt corner's, or none: these are it
  const CurveSet &tt() const { return nominal == nullptr ? *this : *nominal; }
};

/// Corner name to curves; "tt" is always there.
using Curves = std::map<std::string, CurveSet>;
/// Throws InputError naming the file when it lacks a neuron of the process or belongs to another
/// supply.
Curves load_curves(const std::string &path, const Process &process);
std::string format_curves(const Curves &curves);

}  // namespace npim::peripheral
