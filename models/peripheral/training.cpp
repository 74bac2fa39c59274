#include "peripheral/training.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace npim::peripheral {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kChunk = 250;
constexpr double kDecisionScaleV = 0.02;  // a decision is as good as made at twice this voltage

/// Chips of evaluation and polishing are drawn with runs that no training step uses.
constexpr std::uint32_t kPolishRun = 0x40000000, kPoolRun = 0x50000000;

void for_each_pair(Levels &to, Levels &with, const std::function<void(Matrix &, Matrix &)> &apply) {
  apply(to.upper1, with.upper1);
  apply(to.lower1, with.lower1);
  apply(to.upper2, with.upper2);
  apply(to.lower2, with.lower2);
}

Levels zeros_like(const Levels &levels) {
  Levels zeros = levels;
  zeros.for_each([](Matrix &matrix) { matrix.setZero(); });
  return zeros;
}

}  // namespace

double loss_of(Loss loss, const Matrix &outputs, const Matrix &targets, Matrix *gradient) {
  const auto count = static_cast<double>(outputs.size());
  if (loss == Loss::kSquare) {
    const Matrix error = outputs - targets;
    if (gradient != nullptr) *gradient = 2 / count * error;
    return error.squaredNorm() / count;
  }
  // Logistic loss of the margin.
  const Eigen::ArrayXXd margin = targets.array() * outputs.array() / kDecisionScaleV;
  if (gradient != nullptr) {
    *gradient = (-targets.array() / (kDecisionScaleV * count) / (1 + margin.exp())).matrix();
  }
  return (1 + (-margin).exp()).log().sum() / count;
}

Trainer::Trainer(Network &network, const Process &process, const CurveSet &curves, Loss loss,
                 DrawBatch draw, TrainingOptions options, std::uint32_t part)
    : network_(network),
      process_(process),
      curves_(curves),
      loss_(loss),
      draw_(std::move(draw)),
      options_(options),
      part_(part) {
  state_.levels = network.levels;
  state_.mean = zeros_like(network.levels);
  state_.square = state_.mean;
}

double Trainer::learning_rate() const {
  const double done = static_cast<double>(state_.step) / options_.steps;
  return options_.learning_rate * (0.01 + 0.99 * 0.5 * (1 + std::cos(kPi * done)));
}

void Trainer::step() {
  RandomStream stream(options_.seed, static_cast<std::uint32_t>(state_.step), part_);
  Variation variation;
  variation.replica = false;
  variation.cells = variation.mismatch = options_.hardware_aware;
  variation.quantised =
      options_.hardware_aware && state_.step >= options_.unrounded * options_.steps;
  network_.levels = state_.levels;
  const Instance chip = make_instance(network_, process_, curves_, variation, stream);
  const Batch batch = draw_(options_.batch, stream);
  Trace trace;
  const Matrix outputs = forward(chip, batch.inputs, &trace);
  Matrix by_output;
  const double loss = loss_of(loss_, outputs, batch.targets, &by_output);
  state_.loss += (loss - state_.loss) / std::min(100, state_.step + 1);
  Levels gradient = backward(chip, trace, by_output);

  constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kTiny = 1e-12;
  ++state_.step;
  const double correct1 = 1 - std::pow(kBeta1, state_.step);
  const double correct2 = 1 - std::pow(kBeta2, state_.step);
  const double rate = learning_rate();
  for_each_pair(state_.mean, gradient,
                [&](Matrix &mean, Matrix &g) { mean = kBeta1 * mean + (1 - kBeta1) * g; });
  for_each_pair(state_.square, gradient, [&](Matrix &square, Matrix &g) {
    square = kBeta2 * square + (1 - kBeta2) * g.cwiseAbs2();
  });
  Levels update = state_.mean;
  for_each_pair(update, state_.square, [&](Matrix &mean, Matrix &square) {
    mean =
        (rate * (mean.array() / correct1) / ((square.array() / correct2).sqrt() + kTiny)).matrix();
  });
  const double highest = process_.rram.highest_level();
  for_each_pair(state_.levels, update, [&](Matrix &levels, Matrix &change) {
    levels = (levels - change).cwiseMax(0.0).cwiseMin(highest);
  });
}

void Trainer::run(int until) {
  while (state_.step < std::min(until, options_.steps)) step();
  network_.levels = state_.levels;
}

double Trainer::polish() {
  network_.levels.for_each([](Matrix &matrix) { matrix = matrix.array().round().matrix(); });
  const bool nominal = options_.polish_chips == 0;
  std::vector<Batch> batches;
  for (int chip = 0; chip < std::max(1, options_.polish_chips); ++chip) {
    RandomStream stream(options_.seed, kPolishRun + static_cast<std::uint32_t>(chip), part_);
    batches.push_back(draw_(nominal ? 8 * options_.polish_batch : options_.polish_batch, stream));
  }
  const auto total = [&] {
    double sum = 0;
    for (std::size_t chip = 0; chip < batches.size(); ++chip) {
      // The same draws for every candidate, whatever its levels.
      RandomStream stream(options_.seed + 1, kPolishRun + static_cast<std::uint32_t>(chip), part_);
      Variation variation;
      variation.replica = false;
      variation.cells = variation.mismatch = !nominal;
      const Instance instance = make_instance(network_, process_, curves_, variation, stream);
      sum +=
          loss_of(loss_, forward(instance, batches[chip].inputs), batches[chip].targets, nullptr);
    }
    return sum / static_cast<double>(batches.size());
  };
  double best = total();
  for (int sweep = 0; sweep < options_.polish_sweeps; ++sweep) {
    const double before = best;
    network_.levels.for_each([&](Matrix &matrix) {
      for (Eigen::Index i = 0; i < matrix.size(); ++i) {
        for (const double change : {1.0, -1.0}) {
          const double old = matrix.data()[i];
          if (old + change < 0 || old + change > process_.rram.highest_level()) continue;
          matrix.data()[i] = old + change;
          const double candidate = total();
          if (candidate < best) {
            best = candidate;
            break;
          }
          matrix.data()[i] = old;
        }
      }
    });
    if (best > 0.999 * before) break;
  }
  state_.levels = network_.levels;
  state_.loss = best;
  return best;
}

Batch draw_nnsa_batch(const Nnsa &nnsa, const Process &process, int size, RandomStream &stream) {
  const double range = process.amplitude_v();
  Batch batch{Matrix(size, kNnsaInputs), Matrix(size, 1)};
  for (int i = 0; i < size; ++i) {
    // A common part, so that outputs fill the whole range and not its middle only.
    const double common = stream.uniform(-range, range), spread = stream.uniform();
    for (int k = 0; k < kNnsaInputs - 1; ++k) {
      batch.inputs(i, k) =
          std::clamp(common + spread * stream.uniform(-range, range), -range, range);
    }
    batch.inputs(i, kNnsaInputs - 1) = 1;
  }
  batch.targets.col(0) = nnsa.ideal(batch.inputs);
  for (int i = 0; i < size; ++i) {
    batch.inputs(i, kNnsaWeightBits) += process.sample_hold.noise_v() * stream.normal();
  }
  return batch;
}

namespace {

std::uint32_t part_of(const std::string &name) {
  std::uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

void train_network(Network &network, const std::string &name, Loss loss, const DrawBatch &draw,
                   const Process &process, const CurveSet &curves, const TrainingOptions &options,
                   const TrainingHooks &hooks) {
  Trainer trainer(network, process, curves, loss, draw, options, part_of(name));
  if (const TrainingState *found = hooks.find_state ? hooks.find_state(name) : nullptr) {
    trainer.state() = *found;
    if (found->step > options.steps) {  // polished already
      network.levels = found->levels;
      return;
    }
  }
  while (trainer.state().step < options.steps) {
    trainer.run(trainer.state().step + kChunk);
    if (hooks.on_progress) {
      hooks.on_progress(name, trainer.state().step, options.steps, trainer.state());
    }
  }
  network.levels = trainer.state().levels;
  trainer.polish();
  trainer.state().step = options.steps + 1;
  if (hooks.on_progress) {
    hooks.on_progress(name, options.steps, options.steps, trainer.state());
  }
}

/// What the networks of a converter see: pairs of a noisy signal and what it stands for.
struct Pool {
  Vector noisy, ideal;
};

/// NNS+A outputs over +-V_max, from `chips` drawn NNS+As.
Pool nnsa_pool(const Nnsa &nnsa, const Process &process, const CurveSet &curves, double limit_v,
               std::uint64_t seed, int chips, int per_chip) {
  Pool pool{Vector(chips * per_chip), Vector(chips * per_chip)};
  Variation variation;
  variation.replica = false;
  variation.cells = variation.mismatch = true;
  const Vector ones = Vector::Ones(kNnsaInputs - 1);
  for (int chip = 0; chip < chips; ++chip) {
    RandomStream stream(seed, kPoolRun + static_cast<std::uint32_t>(chip), 1);
    const Instance instance = make_instance(nnsa.network, process, curves, variation, stream);
    Batch batch = draw_nnsa_batch(nnsa, process, per_chip, stream);
    for (int i = 0; i < per_chip; ++i) {
      // Move all inputs alike until the ideal output is where it is wanted.
      const double wanted = stream.uniform(-limit_v, limit_v);
      for (int k = 0; k < kNnsaInputs - 1; ++k) {
        batch.inputs(i, k) += wanted - batch.targets(i, 0);
        batch.inputs(i, k) =
            std::clamp(batch.inputs(i, k), -process.amplitude_v(), process.amplitude_v());
      }
    }
    pool.ideal.segment(Eigen::Index{chip} * per_chip, per_chip) = nnsa.ideal(batch.inputs);
    pool.noisy.segment(Eigen::Index{chip} * per_chip, per_chip) =
        forward(instance, batch.inputs).col(0);
  }
  return pool;
}

/// Exact inputs over +-limit, a little beyond the ends.
Pool known_inputs(double limit_v, std::uint64_t seed, int count) {
  RandomStream stream(seed, kPoolRun, 2);
  Vector inputs(count);
  for (int i = 0; i < count; ++i) inputs[i] = stream.uniform(-1.01, 1.01) * limit_v;
  return {inputs, inputs};
}

DrawBatch decisions_of(const Pool &pool, std::vector<double> thresholds) {
  return [&pool, thresholds = std::move(thresholds)](int size, RandomStream &stream) {
    const auto count = static_cast<Eigen::Index>(thresholds.size());
    Batch batch{Matrix::Ones(size, 2), Matrix(size, count)};
    for (int i = 0; i < size; ++i) {
      const int at = stream.below(static_cast<int>(pool.noisy.size()));
      batch.inputs(i, 0) = pool.noisy[at];
      for (Eigen::Index d = 0; d < count; ++d) {
        batch.targets(i, d) = pool.ideal[at] > thresholds[static_cast<std::size_t>(d)] ? 1 : -1;
      }
    }
    return batch;
  };
}

/// Decisions as the stage's own sub-ADC makes them, residues of the ideal signal.
DrawBatch residues_of(const Pool &pool, const Matrix &decisions, double reference_v) {
  return [&pool, &decisions, reference_v](int size, RandomStream &stream) {
    Batch batch{Matrix(size, decisions.cols() + 2), Matrix(size, 1)};
    for (int i = 0; i < size; ++i) {
      const int at = stream.below(static_cast<int>(pool.noisy.size()));
      batch.inputs(i, 0) = batch.inputs(i, 1) = pool.noisy[at];
      batch.inputs.row(i).tail(decisions.cols()) = decisions.row(at);
      batch.targets(i, 0) =
          kStageGain * pool.ideal[at] - reference_v * 0.5 * decisions.row(at).sum();
    }
    return batch;
  };
}

/// Makes every other sample of a pool an exact one from the whole range of a stage. Residues use
/// half of the range; the other half is there for wrong decisions, which a few chips make.
void cover_range(Pool &pool, double limit_v, std::uint64_t seed, std::uint32_t place) {
  RandomStream stream(seed, kPoolRun + place, 3);
  for (Eigen::Index i = 0; i < pool.ideal.size(); i += 2) {
    pool.ideal[i] = pool.noisy[i] = stream.uniform(-limit_v, limit_v);
  }
}

/// Passes a pool through `chips` drawn instances of a network.
template <class MakeInputs>
Matrix through_chips(const Network &network, const Process &process, const CurveSet &curves,
                     Eigen::Index samples, int chips, std::uint64_t seed, std::uint32_t part,
                     const MakeInputs &make_inputs) {
  Matrix outputs(samples, network.outputs());
  Variation variation;
  variation.replica = false;
  variation.cells = variation.mismatch = true;
  const Eigen::Index per_chip = samples / chips;
  for (int chip = 0; chip < chips; ++chip) {
    RandomStream stream(seed, kPoolRun + static_cast<std::uint32_t>(chip), part);
    const Instance instance = make_instance(network, process, curves, variation, stream);
    outputs.middleRows(chip * per_chip, per_chip) =
        forward(instance, make_inputs(chip * per_chip, per_chip));
  }
  return outputs;
}

}  // namespace

void train_nnsa(Nnsa &nnsa, const Process &process, const CurveSet &curves,
                const TrainingOptions &options, const TrainingHooks &hooks) {
  const auto draw = [&](int size, RandomStream &stream) {
    return draw_nnsa_batch(nnsa, process, size, stream);
  };
  train_network(nnsa.network, "nnsa", Loss::kSquare, draw, process, curves, options, hooks);
}

void train_nnadc(Nnadc &nnadc, const Nnsa &nnsa, const Process &process, const CurveSet &curves,
                 const TrainingOptions &given, const TrainingHooks &hooks) {
  TrainingOptions options = given;
  // Residue networks are wide enough to average their own variation; a handful of drawn chips would
  // only be fitted.
  options.polish_chips = 0;
  constexpr int kChips = 128, kPerChip = 256;
  const double limit = process.amplitude_v() / nnadc.range_divisor;
  const Pool seen = nnsa_pool(nnsa, process, curves, limit, options.seed, kChips, kPerChip);
  // The first network takes NNS+A outputs and so corrects their systematic error. Their random
  // error grows by the gain of each stage and would drown the labels of the later ones: these are
  // trained on what the drawn parts before them make of a known input.
  Pool pool = known_inputs(limit, options.seed, kChips * kPerChip);
  const auto train = [&](Network &network, Loss loss, const DrawBatch &draw) {
    train_network(network, network.name, loss, draw, process, curves, options, hooks);
  };
  const auto pass = [&](const Network &network, const auto &make_inputs) {
    return through_chips(network, process, curves, pool.noisy.size(), kChips, options.seed,
                         part_of(network.name), make_inputs);
  };
  const auto decisions_on = [&](const Network &network, const Pool &signals) {
    return decide(pass(network,
                       [&](Eigen::Index from, Eigen::Index count) {
                         return with_bias(signals.noisy.segment(from, count));
                       }),
                  {});
  };
  const double reference = nnadc_reference(process, nnadc.range_divisor);
  bool first = options.compensate_nnsa;
  std::uint32_t place = 0;
  for (NnadcStage &stage : nnadc.stages) {
    if (place++ > 0) cover_range(pool, 1.02 * reference, options.seed, place);
    const Pool &labels = first ? seen : pool;
    train(stage.sub_adc, Loss::kDecision,
          decisions_of(labels, stage_thresholds(process, nnadc.range_divisor)));
    const Matrix label_decisions = decisions_on(stage.sub_adc, labels);
    train(stage.residue, Loss::kSquare, residues_of(labels, label_decisions, reference));
    const Matrix decisions = decisions_on(stage.sub_adc, pool);
    const Matrix outputs = pass(stage.residue, [&](Eigen::Index from, Eigen::Index count) {
      return residue_inputs(pool.noisy.segment(from, count), decisions.middleRows(from, count));
    });
    pool.noisy = outputs.col(0);
    pool.ideal = (kStageGain * pool.ideal - reference * half_sum(decisions)).eval();
    first = false;
  }
  cover_range(pool, 1.02 * reference, options.seed, place + 1);
  train(nnadc.flash, Loss::kDecision,
        decisions_of(pool, flash_thresholds(process, nnadc.range_divisor)));
}

}  // namespace npim::peripheral
