// Three-layer networks on an RRAM substrate, of which NNS+A and all parts of the NNADC are made
// ([NP] section 4.1, Eq. 9 to 11). A weight is a pair of conductances between a column and a
// pseudo-differential pair of lines, so that each column is a passive divider:
//   z_c = sum_l g_lc v_l / sum_l g_lc,   W = (gU - gL) / sum (gU + gL),   sum |W| < 1.
// Every column has its complement, with gU and gL exchanged and cells of its own; hidden neurons
// are inverters on both. Eq. 11 holds by construction, so the paper's clipping of W1 to +-1/10 and
// W2 to +-1/H, which is sufficient for it, is not needed.
#pragma once

#include <Eigen/Dense>
#include <string>
#include <vector>

#include "base/philox.h"
#include "peripheral/process.h"
#include "peripheral/replica.h"

namespace npim::peripheral {

using Matrix = Eigen::MatrixXd;  // batches are stored one sample per row
using Vector = Eigen::VectorXd;

/// How an input pair is driven. Values of inputs are deviations from the middle.
enum class Drive {
  kFollower,   ///< x volts (within +-amplitude) through a source follower per line
  kReference,  ///< a digital bit, +1 or -1, switching the lines to middle +- reference /
               ///< reference_divisor
  kRail,       ///< the bias: +1 puts the lines at VDD and ground
  kBias,       ///< the bias: +1 puts the lines at middle +- reference / reference_divisor
};

/// The levels of the cells: inputs x hidden and hidden x outputs, 0 .. highest level. Real numbers
/// while training; devices hold the nearest integer.
struct Levels {
  Matrix upper1, lower1, upper2, lower2;
  template <class Function>
  void for_each(const Function &function) {
    for (Matrix *matrix : {&upper1, &lower1, &upper2, &lower2}) function(*matrix);
  }
};

struct Network {
  std::string name;
  std::string neuron;         ///< key of Process::neurons
  std::vector<Drive> drives;  ///< one per input
  bool output_followers = false;
  int follower_strength = 1;  ///< parallel copies of each input follower, for wide networks
  int reference_divisor = 1;  ///< of Process::reference_v
  Levels levels;

  int inputs() const { return static_cast<int>(levels.upper1.rows()); }
  int hidden() const { return static_cast<int>(levels.upper1.cols()); }
  int outputs() const { return static_cast<int>(levels.upper2.cols()); }
  /// Swing of a reference line by design.
  double reference_v(const Process &process) const {
    return process.reference_v / reference_divisor;
  }
};

/// Which deviations an instance has.
struct Variation {
  bool cells = false;     ///< lognormal conductances
  bool mismatch = false;  ///< transistors
  bool quantised = true;  ///< levels rounded to integers; off only early in training
  bool loading = true;    ///< output resistance of followers and neurons
  bool replica = true;    ///< with mismatch: the replica's own as well; training leaves it out
  bool draws_replica() const { return mismatch && replica; }
};

/// One layer of one chip. Line 2k is the positive line of input k, column 2h that of output h.
struct ProgrammedLayer {
  Matrix conductance_us;  ///< lines x columns
  Matrix transfer;        ///< column voltages = line sources * transfer
};

/// One network of one chip: programmed cells and its own transistors.
struct Instance {
  const Network *network = nullptr;
  const Process *process = nullptr;
  const CurveSet *curves = nullptr;
  bool quantised = true;  ///< cells hold rounded levels
  SignalLevels signals;
  ProgrammedLayer layer1, layer2;
  std::vector<CurveVariant> input_followers, neurons, output_followers;  ///< one per line / column

  /// Swing of a reference line about the middle.
  double reference_v() const { return signals.reference * network->reference_v(*process); }
};

/// Draws an instance. The network, process and curves must outlive it. signals: of the replica that
/// it shares with others; without them it has one of its own, drawn from a branch of the stream.
Instance make_instance(const Network &network, const Process &process, const CurveSet &curves,
                       const Variation &variation, RandomStream &stream,
                       const SignalLevels *signals = nullptr);

/// Column voltages of a divider for sources with a series resistance per line (nodal analysis).
/// Returns the matrix T of z = v T. series_kohm: one per line, 0 for an ideal source.
Matrix divider_transfer(const Matrix &conductance_us, const Vector &series_kohm);

/// What the backward pass needs of the forward pass.
struct Trace {
  Matrix lines, columns1, hidden, hidden_slope, columns2, output_slope;
};

/// inputs: batch x inputs; returns batch x outputs, deviations from the middle in volts (half the
/// difference of the output pair).
Matrix forward(const Instance &instance, const Matrix &inputs, Trace *trace = nullptr);

/// Gradient of a loss with respect to the levels, from its gradient with respect to the outputs.
/// Exact for ideal sources; the change of transfer by series resistance is taken as constant.
Levels backward(const Instance &instance, const Trace &trace, const Matrix &output_gradient);

/// Random levels near the middle to start training from.
Levels initial_levels(int inputs, int hidden, int outputs, int highest_level, RandomStream &stream);

}  // namespace npim::peripheral
