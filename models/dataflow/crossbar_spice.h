// A crossbar with resistive word and bit lines as a SPICE netlist of resistors, run in ngspice as a
// second opinion on the nodal analysis of crossbar/ir_drop.h.
#pragma once

#include <string>
#include <vector>

#include "crossbar/ir_drop.h"

namespace npim::dataflow {

/// Currents in amperes of all bit lines as ngspice solves them. conductances_s: [row][column],
/// volts: [row]; word lines are driven at column 0, bit lines end in virtual ground below the last
/// row. Both resistances of `wires` must be greater than 0. keep: path to leave the netlist at, or
/// empty. Throws std::runtime_error when ngspice fails or is not installed.
std::vector<double> spice_bit_lines(int rows, int columns,
                                    const std::vector<double> &conductances_s,
                                    const crossbar::Wires &wires, const std::vector<double> &volts,
                                    const std::string &keep = "");

/// What one programmed crossbar with one pattern of inputs gives in the three ways.
struct WireComparison {
  double ideal_drop = 0;        ///< largest loss of a bit line to the wires, of the largest current
  double nodal_difference = 0;  ///< nodal analysis against ngspice, likewise
  double fast_difference = 0;   ///< the fast approximation against ngspice, likewise
};
WireComparison compare_wires(int rows, int columns, const std::vector<double> &conductances_s,
                             crossbar::Wires wires, const std::vector<double> &volts,
                             const std::string &keep = "");

}  // namespace npim::dataflow
