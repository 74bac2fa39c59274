// Parameters of an RRAM device (configs/devices/*.json): what a cell's conductance is after
// programming, how it moves with time and temperature, and what a read of it adds. Conductances are
// in siemens, sigmas are fractions: "relative" of the cell's own conductance, "absolute" of the
// range g_on - g_off.
#pragma once

#include <cstdint>
#include <string>

#include "config/json_config.h"

namespace npim::device {

constexpr int kMostCellBits = 8;

enum class Distribution { kNone, kNormal, kLognormal };
enum class Scale { kRelative, kAbsolute };

struct DeviceParams {
  std::string name = "ideal";
  std::string source = "no non-ideality";

  struct Cell {
    int bits = 1;  ///< levels that the device can hold are 2^bits; an array may use fewer
    double r_on_ohm = 1e4, r_off_ohm = 1e6;
    double read_voltage_v = 0.2;
  } cell;

  /// Error of one programming pulse. Lognormal: g = target * exp(sigma z); normal: target + sigma *
  /// scale * z, cut at zero.
  struct Programming {
    Distribution distribution = Distribution::kNone;
    Scale scale = Scale::kRelative;
    double sigma = 0;
  } programming;

  /// Pulses are repeated until |g - target| <= tolerance_of_step * (level step), at most
  /// most_pulses times; each pulse is followed by a verify read. most_pulses = 1: no verification
  /// takes effect.
  struct WriteVerify {
    double tolerance_of_step = 0;
    int most_pulses = 1;
    double pulse_ns = 50, verify_ns = 100;
    double pulse_energy_pj = 0, verify_energy_pj = 0;
  } write_verify;

  /// Normal noise of each read, drawn anew for every cell and input cycle.
  struct ReadNoise {
    Scale scale = Scale::kRelative;
    double sigma = 0;
  } read_noise;

  /// Two-state random telegraph noise: an electron trap near the filament of some cells takes away
  /// the fraction `amplitude` of the conductance while it is filled (Ambrogio et al., IEDM 2013);
  /// amplitudes are lognormal over cells (Veksler et al., IRPS 2013). Reads are taken to be far
  /// enough apart for the states to be independent.
  struct TelegraphNoise {
    double cell_fraction = 0;
    double amplitude = 0;        ///< median, 0 .. 1
    double amplitude_sigma = 0;  ///< of ln(amplitude)
    double filled_probability = 0.5;
  } telegraph_noise;

  /// Permanently stuck cells, as fractions of all cells.
  struct Stuck {
    double at_off_fraction = 0, at_on_fraction = 0;
  } stuck;

  /// g(t) = g * (t / reference_s)^-nu with nu ~ N(exponent, exponent_sigma) per cell; time runs
  /// faster by exp(E_a / k * (1 / T_reference - 1 / T)) at temperature T. No drift before
  /// reference_s.
  struct Drift {
    double exponent = 0, exponent_sigma = 0;
    double reference_s = 1;
    double activation_energy_ev = 0;
    double reference_temperature_k = 300;
  } drift;

  /// A cell that has taken more programming pulses than its limit, 10^(log10(pulses) +
  /// sigma_decades * z), stays in one state. pulses = 0: no limit.
  struct Endurance {
    double pulses = 0;
    double sigma_decades = 0;
    bool worn_out_at_on = true;
  } endurance;

  double g_on() const { return 1 / cell.r_on_ohm; }
  double g_off() const { return 1 / cell.r_off_ohm; }
  /// Conductance between neighbouring ones of `levels` levels.
  double step(int levels) const { return (g_on() - g_off()) / (levels - 1); }

  /// Whether all cells always have exactly the conductance of their level.
  bool cells_are_exact() const;
  /// Whether reads add noise (read noise or telegraph noise).
  bool reads_are_noisy() const;
};

/// What one programming pulse makes of a target, for a standard normal number; both in siemens.
double programmed_s(const DeviceParams &params, double target_s, double normal);

/// Throws InputError naming `origin` and the first parameter that is out of range: resistances that
/// are not positive and finite, r_off_ohm <= r_on_ohm, cells of more than 8 bits, sigmas that are
/// negative or not finite, fractions outside 0 .. 1.
void validate(const DeviceParams &params, const std::string &origin);

/// Reads and validates. Throws InputError naming file and key.
DeviceParams load_device(const std::string &path);
DeviceParams parse_device(const config::Node &node);

}  // namespace npim::device
