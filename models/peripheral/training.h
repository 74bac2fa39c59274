// Training of the neural peripherals, hardware-aware as in [NP] section 4.1: Adam on mean square
// error; every step is one drawn chip, with lognormal conductances and each neuron's own transfer
// curve; levels are rounded to the cells' 3 bits in the forward pass (straight-through gradient)
// after a first part without rounding; inputs carry the noise of the sample-and-hold. Afterwards
// single levels are moved as long as that lowers the loss over a fixed set of drawn chips.
#pragma once

#include <functional>
#include <string>

#include "peripheral/neural_peripherals.h"

namespace npim::peripheral {

struct Batch {
  Matrix inputs, targets;  ///< targets: volts, or decisions +-1
};
/// A batch of one step; must depend on the stream alone.
using DrawBatch = std::function<Batch(int size, RandomStream &stream)>;

enum class Loss { kSquare, kDecision };

struct TrainingOptions {
  int steps = 20000;
  int batch = 128;
  double learning_rate = 0.03;  ///< in levels; falls to a hundredth along half a cosine
  double unrounded = 0.3;       ///< part of the steps before rounding sets in
  int polish_sweeps = 4;
  int polish_chips = 32;  ///< 0: the nominal chip, with eight times the samples
  int polish_batch = 64;
  std::uint64_t seed = 1;
  /// NNADC: train the first stage on noisy NNS+A outputs ([NP] section 4.2), which bends the
  /// converter against the systematic error of the NNS+A; else on exact inputs, for the straightest
  /// converter.
  bool compensate_nnsa = true;
  /// Off: every step sees the circuit without variation and with unrounded levels, as ordinary
  /// training would; not in parameter files.
  bool hardware_aware = true;
};

/// Everything that a training run needs to go on where it stopped.
struct TrainingState {
  int step = 0;                 ///< steps done; options.steps + 1 when polished too
  Levels levels, mean, square;  ///< Adam's moments
  double loss = 0;  ///< running mean over about a hundred steps; after polishing, of the polished
};

/// loss in V^2 (kSquare) or nats per decision; with its gradient by the outputs.
double loss_of(Loss loss, const Matrix &outputs, const Matrix &targets, Matrix *gradient);

class Trainer {
 public:
  /// `part` names the network among those trained with one seed.
  Trainer(Network &network, const Process &process, const CurveSet &curves, Loss loss,
          DrawBatch draw, TrainingOptions options, std::uint32_t part);

  TrainingState &state() { return state_; }
  /// Runs steps until `until` (at most options.steps).
  void run(int until);
  /// Coordinate descent on rounded levels; leaves them in the network. Returns the loss.
  double polish();

 private:
  void step();
  double learning_rate() const;

  Network &network_;
  const Process &process_;
  const CurveSet &curves_;
  Loss loss_;
  DrawBatch draw_;
  TrainingOptions options_;
  std::uint32_t part_;
  TrainingState state_;
};

/// Random inputs of an NNS+A over its range, with the noise of the sample-and-hold on V_(i-1).
Batch draw_nnsa_batch(const Nnsa &nnsa, const Process &process, int size, RandomStream &stream);

/// Called after every chunk of work: name of the network, steps done, steps in all, state to save.
using OnProgress =
    std::function<void(const std::string &name, int done, int total, const TrainingState &state)>;
/// Asked before a network is trained: a state to go on from, or nullptr.
using FindState = std::function<const TrainingState *(const std::string &name)>;

struct TrainingHooks {
  OnProgress on_progress;
  FindState find_state;
};

/// Trains in place. name: for progress and checkpoints.
void train_nnsa(Nnsa &nnsa, const Process &process, const CurveSet &curves,
                const TrainingOptions &options, const TrainingHooks &hooks);

/// Trains stages and flash in order, each on what the drawn chips' parts before it put
/// out for noisy NNS+A outputs, against the values that follow from the ideal NNS+A outputs.
void train_nnadc(Nnadc &nnadc, const Nnsa &nnsa, const Process &process, const CurveSet &curves,
                 const TrainingOptions &given, const TrainingHooks &hooks);

}  // namespace npim::peripheral
