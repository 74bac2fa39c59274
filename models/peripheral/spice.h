// ngspice as a second opinion: writes the peripherals' parts as netlists and runs `ngspice -b`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/philox.h"
#include "peripheral/process.h"

namespace npim::peripheral {

/// Text as SPICE reads it, with 8 significant digits.
std::string spice_number(double value);

/// .model cards and sub-circuits (neuron_NAME, input_follower, output_follower) of one corner; the
/// supply is node vdd. Sub-circuits take threshold shifts of their transistors as parameters
/// (shn, shp, shnl, shpl for inverters, sh for followers; volts of |threshold|).
std::string spice_library(const Process &process, const Corner &corner);

/// Columns of a table that a netlist wrote.
using SpiceTable = std::vector<std::vector<double>>;

/// Runs a deck: `body` is everything between title and .end but the control block, `analysis` one
/// analysis command ("dc vin 0 1 0.01"), `outputs` the expressions to record. Returns one column
/// per output, one entry per point. Throws std::runtime_error with ngspice's message when it fails
/// or is not installed. keep: path to leave the netlist at, or empty.
SpiceTable run_spice(const std::string &body, const std::string &analysis,
                     const std::vector<std::string> &outputs, const std::string &keep = "");
/// Throws std::runtime_error when a table has fewer or more.
void expect_points(const SpiceTable &table, int points);
bool spice_is_installed();

/// Threshold shifts of one instance, drawn by Pelgrom's rule, as sub-circuit parameters.
std::string neuron_mismatch(const Process &process, const InverterSize &size, RandomStream &stream);
std::string follower_mismatch(const Process &process, const FollowerSize &size,
                              RandomStream &stream);

/// Sweeps each device of each corner and draws `draws` mismatch samples of the tt corner.
Curves extract_curves(const Process &process, int draws, std::uint64_t seed);

}  // namespace npim::peripheral
