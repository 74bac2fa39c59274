#include "analysis/sinad.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <tuple>

#include "base/parallel.h"
#include "crossbar/physical_array.h"
#include "dataflow/strategy_a.h"
#include "dataflow/strategy_b.h"
#include "peripheral/training.h"

namespace npim::analysis {
namespace {

using crossbar::InputBatch;
using crossbar::PhysicalArray;
using peripheral::Matrix;
using peripheral::Nnadc;
using peripheral::Nnsa;
using peripheral::Vector;

constexpr int kRows = 128, kVectors = 8, kInputBits = 8;
constexpr double kFullScale = 128.0 * 255 * 255;
constexpr std::uint32_t kSignalPart = 0x51, kNeuralPart = 0x52, kBaselinePart = 0x53;

/// Windows and weights of one drawn chip.
struct Work {
  std::vector<std::int8_t> weights;  ///< [row][vector]
  std::vector<std::uint8_t> inputs;  ///< [window][row]
  std::vector<double> exact;         ///< [window][vector]
};

/// What values have in common, and how far they lie about it.
struct Spread {
  double middle, width;
};

long draw_weight(Signals signals, const Spread &spread, RandomStream &stream) {
  double value = 32 * stream.normal();
  if (signals == Signals::kFullRange) {
    value = spread.middle + spread.width * stream.uniform(-1, 1);
  } else if (signals == Signals::kUnsigned) {
    value = stream.below(128);
  }
  return std::lround(std::clamp(value, -127.0, 127.0));
}

long draw_input(Signals signals, const Spread &spread, RandomStream &stream) {
  double value = 64 * stream.normal();
  if (signals == Signals::kFullRange) {
    value = spread.middle + spread.width * stream.uniform(-1, 1);
  } else if (signals == Signals::kUnsigned) {
    value = stream.uniform(0, spread.middle);
  }
  return std::lround(std::clamp(value, 0.0, 255.0));
}

Work draw_work(Signals signals, const SinadOptions &options, std::uint32_t run) {
  RandomStream stream(options.seed, run, kSignalPart);
  Work work;
  work.weights.resize(kRows * kVectors);
  work.inputs.resize(static_cast<std::size_t>(options.windows) * kRows);
  for (int vector = 0; vector < kVectors; ++vector) {
    const Spread spread = {stream.uniform(-127, 127), 127 * stream.uniform()};
    for (int row = 0; row < kRows; ++row) {
      work.weights[static_cast<std::size_t>(row * kVectors + vector)] =
          static_cast<std::int8_t>(draw_weight(signals, spread, stream));
    }
  }
  for (int window = 0; window < options.windows; ++window) {
    const Spread spread = {stream.uniform(0, 255), 128 * stream.uniform()};
    for (int row = 0; row < kRows; ++row) {
      work.inputs[static_cast<std::size_t>(window * kRows + row)] =
          static_cast<std::uint8_t>(draw_input(signals, spread, stream));
    }
  }
  for (int window = 0; window < options.windows; ++window) {
    for (int vector = 0; vector < kVectors; ++vector) {
      double sum = 0;
      for (int row = 0; row < kRows; ++row) {
        sum += work.weights[static_cast<std::size_t>(row * kVectors + vector)] *
               work.inputs[static_cast<std::size_t>(window * kRows + row)];
      }
      work.exact.push_back(sum);
    }
  }
  return work;
}

crossbar::Physics make_physics(const device::DeviceParams &device, bool exact, int dac_bits) {
  crossbar::Physics physics;
  physics.device = device;
  if (exact) {
    const auto cell = device.cell;
    physics.device = {};
    physics.device.cell = cell;
  }
  physics.dac_bits = dac_bits;
  return physics;
}

device::ArrayGeometry make_geometry(int columns) {
  config::ChipConfig::Array array;
  device::ArrayGeometry geometry(array);
  geometry.columns = columns;
  return geometry;
}

device::Place place_of(const SinadOptions &options, std::uint32_t run) {
  return {options.seed, run >> 16, run & 0xFFFF};
}

/// What the sums of one chip were and should have been.
struct Sums {
  std::vector<double> hardware, software;
};
using RunChip = std::function<Sums(std::uint32_t run)>;

/// Gathers all chips; `gain` is that of the chip without variation.
SinadResult gather(const SinadOptions &options, const RunChip &run_chip, double gain,
                   int bitline_gain = 1) {
  std::vector<Sums> all(static_cast<std::size_t>(options.runs));
  parallel_for(
      all.size(), [&](std::size_t run) { all[run] = run_chip(static_cast<std::uint32_t>(run)); },
      options.threads);
  double signal = 0, noise = 0, largest = 0, count = 0;
  for (const Sums &sums : all) {
    for (std::size_t i = 0; i < sums.software.size(); ++i) {
      const double error = sums.hardware[i] / gain - sums.software[i];
      signal += sums.software[i] * sums.software[i];
      noise += error * error;
      largest = std::max(largest, std::abs(error));
      ++count;
    }
  }
  SinadResult result;
  result.sinad_db = 10 * std::log10((signal + noise) / noise);
  result.signal_rms = std::sqrt(signal / count);
  result.error_rms = std::sqrt(noise / count);
  result.largest_error = largest;
  const double span = 2 * kFullScale / bitline_gain;
  result.span_db = 10 * std::log10((span * span / 3 + noise / count) / (noise / count));
  result.gain = gain;
  return result;
}

/// Gain of the regression of hardware on software sums.
double gain_of(const Sums &sums) {
  double cross = 0, square = 0;
  for (std::size_t i = 0; i < sums.software.size(); ++i) {
    cross += sums.hardware[i] * sums.software[i];
    square += sums.software[i] * sums.software[i];
  }
  return square > 0 ? cross / square : 1;
}

/// A way to build Neural-PIM.
struct NeuralVariant {
  const Nnsa *nnsa;
  std::vector<const Nnadc *> converters;
  std::vector<int> gains;
  /// Whether each chip's offset and gain are measured after programming and taken off digitally.
  bool calibrated;
};

/// Least-squares line of the first half of hardware sums on the software sums, applied to the
/// second half, which is what remains.
Sums calibrated(const Sums &sums) {
  const std::size_t half = sums.software.size() / 2;
  const auto count = static_cast<double>(half);
  double x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < half; ++i) {
    x += sums.software[i];
    y += sums.hardware[i];
    xx += sums.software[i] * sums.software[i];
    xy += sums.software[i] * sums.hardware[i];
  }
  const double variance = count * xx - x * x;
  const double gain = variance > 0 ? (count * xy - x * y) / variance : 1;
  const double offset = (y - gain * x) / count;
  Sums rest;
  for (std::size_t i = half; i < sums.software.size(); ++i) {
    rest.software.push_back(sums.software[i]);
    rest.hardware.push_back((sums.hardware[i] - offset) / gain);
  }
  return rest;
}

class NeuralChip {
 public:
  NeuralChip(const SinadParts &parts, const SinadOptions &options, const NeuralVariant &variant,
             Signals signals, bool exact_arrays)
      : parts_(parts),
        options_(options),
        variant_(variant),
        signals_(signals),
        geometry_(make_geometry(128)),
        physics_(make_physics(parts.device, exact_arrays, variant.nnsa->dac_bits)),
        exact_physics_(make_physics(parts.device, true, variant.nnsa->dac_bits)) {
    choose_range();
  }

  SinadResult run() const { return run(options_); }

 private:
  /// Of a dot product of one at the NNS+A's output.
  double volts_per_unit() const { return parts_.process.amplitude_v() * gain_ / kFullScale; }

  SinadResult run(const SinadOptions &options) const {
    const double gain = variant_.calibrated ? 1 : gain_of(run_chip(0, true));
    SinadResult result = gather(
        options, [this](std::uint32_t run) { return run_chip(run, false); }, gain);
    const double mv = 1e3 * volts_per_unit();
    result.error_rms_mv = mv * result.error_rms;
    result.largest_error_mv = mv * result.largest_error;
    result.range_divisor = converter_->range_divisor;
    result.bitline_gain = gain_;
    return result;
  }

  /// Range and gain with the best SINAD over a few chips, as a designer would choose them.
  void choose_range() {
    SinadOptions few = options_;
    few.runs = std::min(options_.runs, 8);
    double best = -1;
    std::pair<const Nnadc *, int> chosen;
    for (const int gain : variant_.gains) {
      for (const Nnadc *converter : variant_.converters) {
        converter_ = converter;
        gain_ = gain;
        const double sinad_db = run(few).sinad_db;
        if (sinad_db <= best) continue;
        best = sinad_db;
        chosen = {converter, gain};
      }
    }
    std::tie(converter_, gain_) = chosen;
  }

  /// nominal: a chip without variation and noise.
  Sums run_chip(std::uint32_t run, bool nominal) const {
    SinadOptions options = options_;
    if (variant_.calibrated) options.windows *= 2;
    const Work work = draw_work(signals_, options, run);
    PhysicalArray array(geometry_, nominal ? exact_physics_ : physics_, place_of(options_, run));
    array.program(work.weights.data(), kRows, kVectors);
    const InputBatch batch(work.inputs.data(), options.windows, kRows, variant_.nnsa->dac_bits);
    std::vector<std::int32_t> values(static_cast<std::size_t>(batch.size() * batch.cycles()) *
                                     array.line_stride());
    array.bit_lines(batch, values.data());
    peripheral::Variation variation;
    variation.cells = variation.mismatch = !nominal;
    RandomStream stream(options_.seed, run, kNeuralPart);
    const auto instance = peripheral::make_instance(variant_.nnsa->network, parts_.process,
                                                    parts_.curves, variation, stream);
    const peripheral::NnadcInstance converter(*converter_, parts_.process, parts_.curves, variation,
                                              stream);
    const Vector held = accumulate(instance, array, values, batch, nominal ? nullptr : &stream);
    Sums sums;
    sums.software = work.exact;
    const double unit = parts_.process.amplitude_v() / converter_->range_divisor /
                        peripheral::kHighestCode / volts_per_unit();
    for (const int code : converter.convert(held)) sums.hardware.push_back(code * unit);
    return variant_.calibrated ? calibrated(sums) : sums;
  }

  /// NNS+A over all input cycles; the sample-and-holds keep a sum per window and vector.
  Vector accumulate(const peripheral::Instance &nnsa, const PhysicalArray &array,
                    const std::vector<std::int32_t> &values, const InputBatch &batch,
                    RandomStream *noise) const {
    const Eigen::Index samples = Eigen::Index{batch.size()} * kVectors;
    const double amplitude = parts_.process.amplitude_v();
    const double scale = amplitude * gain_ / (kRows * batch.highest_slice()) *
                         std::ldexp(1.0, -array.fraction_bits());
    const auto &sample_hold = parts_.process.sample_hold;
    Vector held = Vector::Zero(samples);
    Matrix inputs = Matrix::Zero(samples, peripheral::kNnsaInputs);
    inputs.col(peripheral::kNnsaInputs - 1).setOnes();
    for (int cycle = 0; cycle < batch.cycles(); ++cycle) {
      for (Eigen::Index sample = 0; sample < samples; ++sample) {
        const auto line =
            static_cast<std::size_t>(sample / kVectors) * static_cast<std::size_t>(batch.cycles()) +
            static_cast<std::size_t>(cycle);
        const std::int32_t *lines = values.data() + line * array.line_stride();
        const int vector = static_cast<int>(sample % kVectors);
        for (int digit = 0; digit < peripheral::kNnsaWeightBits; ++digit) {
          const double difference = scale * (lines[geometry_.column(vector, digit, false)] -
                                             lines[geometry_.column(vector, digit, true)]);
          double &input = inputs(sample, digit);
          input = peripheral::hold(sample_hold, std::clamp(difference, -amplitude, amplitude),
                                   input, noise);
        }
        inputs(sample, peripheral::kNnsaWeightBits) = held[sample];
      }
      const Vector sums = peripheral::forward(nnsa, inputs).col(0);
      for (Eigen::Index sample = 0; sample < samples; ++sample) {
        held[sample] = peripheral::hold(sample_hold, sums[sample], held[sample], noise);
      }
    }
    return held;
  }

  const SinadParts &parts_;
  const SinadOptions &options_;
  const NeuralVariant &variant_;
  Signals signals_;
  device::ArrayGeometry geometry_;
  crossbar::Physics physics_, exact_physics_;
  const Nnadc *converter_ = nullptr;
  int gain_ = 1;
};

/// ISAAC- and CASCADE-style. ideal_parts: converters and buffer writes without errors of their own.
SinadResult run_baseline(const SinadParts &parts, const SinadOptions &options,
                         const peripheral::Baseline &baseline, bool ideal_parts, Signals signals,
                         bool exact_arrays) {
  const int dac_bits = baseline.dac_bits, cycles = (kInputBits + dac_bits - 1) / dac_bits;
  const int units = baseline.layout.needs_unit() ? baseline.layout.unit_columns : 0;
  const device::ArrayGeometry geometry = make_geometry(128 + units);
  const crossbar::Physics physics = make_physics(parts.device, exact_arrays, dac_bits);
  const std::int64_t largest = dataflow::largest_line_sum(geometry, baseline.layout.flip, dac_bits);
  auto buffer_parameters = baseline.buffer;
  auto adc_parameters = baseline.adc;
  if (ideal_parts) {
    adc_parameters.comparator_noise_lsb = adc_parameters.unit_capacitor_sigma = 0;
    if (buffer_parameters) buffer_parameters->cell.programming = {};
  }
  const auto run_chip = [&](std::uint32_t run) {
    const Work work = draw_work(signals, options, run);
    const auto encoded =
        peripheral::encode_weights(geometry, baseline.layout, work.weights.data(), kRows, kVectors);
    PhysicalArray array(geometry, physics, place_of(options, run));
    array.program_levels(encoded.levels.data());
    const InputBatch batch(work.inputs.data(), options.windows, kRows, dac_bits);
    RandomStream stream(options.seed, run, kBaselinePart);
    const peripheral::SarAdc adc(adc_parameters, stream);
    std::unique_ptr<peripheral::AnalogBuffer> buffer;
    std::unique_ptr<dataflow::LineDataflow> strategy;
    if (buffer_parameters) {
      buffer = std::make_unique<peripheral::AnalogBuffer>(encoded, *buffer_parameters, dac_bits,
                                                          cycles, largest, stream);
      strategy = std::make_unique<dataflow::StrategyB>(encoded, *buffer, adc, cycles);
    } else {
      strategy = std::make_unique<dataflow::StrategyA>(encoded, adc, dac_bits, largest);
    }
    std::vector<std::int64_t> products(work.exact.size());
    strategy->products(array, batch, products.data());
    return Sums{{products.begin(), products.end()}, work.exact};
  };
  return gather(options, run_chip, 1);
}

/// The arrays alone: exact accumulation and conversion, the ceiling of every chip.
SinadResult run_arrays(const SinadParts &parts, const SinadOptions &options, Signals signals,
                       bool exact_arrays) {
  const device::ArrayGeometry geometry = make_geometry(128);
  const crossbar::Physics physics = make_physics(parts.device, exact_arrays, 1);
  const auto run_chip = [&](std::uint32_t run) {
    const Work work = draw_work(signals, options, run);
    PhysicalArray array(geometry, physics, place_of(options, run));
    array.program(work.weights.data(), kRows, kVectors);
    const InputBatch batch(work.inputs.data(), options.windows, kRows, 1);
    std::vector<std::int64_t> sums(work.exact.size());
    array.weighted_sums(batch, sums.data());
    Sums result{{}, work.exact};
    for (const std::int64_t sum : sums) {
      result.hardware.push_back(std::ldexp(static_cast<double>(sum), -array.fraction_bits()));
    }
    return result;
  };
  return gather(options, run_chip, 1);
}

}  // namespace

const char *to_text(Signals signals) {
  switch (signals) {
    case Signals::kFullRange:
      return "full range";
    case Signals::kUnsigned:
      return "unsigned";
    case Signals::kSigned:
      break;
  }
  return "signed";
}

std::vector<SinadCase> sinad_cases(const SinadParts &parts, const SinadOptions &options) {
  std::vector<const Nnadc *> ranges;
  for (const Nnadc &converter : parts.converters) ranges.push_back(&converter);
  const std::vector<const Nnadc *> full = {ranges.front()};
  const auto neural = [&](NeuralVariant variant) {
    return [&parts, &options, variant](Signals signals, bool exact_arrays) {
      return NeuralChip(parts, options, variant, signals, exact_arrays).run();
    };
  };
  const auto baseline = [&](const peripheral::Baseline &which, bool ideal_parts) {
    return [&parts, &options, &which, ideal_parts](Signals signals, bool exact_arrays) {
      return run_baseline(parts, options, which, ideal_parts, signals, exact_arrays);
    };
  };
  return {
      {"neural_pim", "Neural-PIM", neural({&parts.nnsa, ranges, parts.bitline_gains, false})},
      {"neural_pim_calibrated", "the same, offset and gain of each chip calibrated",
       neural({&parts.nnsa, ranges, parts.bitline_gains, true})},
      {"neural_pim_no_gain", "Neural-PIM without bit-line gain (paper-literal)",
       neural({&parts.nnsa, ranges, {1}, false})},
      {"neural_pim_one_range", "without bit-line gain and ranges",
       neural({&parts.nnsa, full, {1}, false})},
      {"neural_pim_plain_training", "NNS+A trained without variation and rounding",
       neural({&parts.plain_nnsa, ranges, parts.bitline_gains, false})},
      {"neural_pim_without", "Neural-PIM without any of these techniques",
       neural({&parts.plain_nnsa, full, {1}, false})},
      {"isaac_style", "ISAAC-style", baseline(parts.isaac, false)},
      {"cascade_style", "CASCADE-style", baseline(parts.cascade, false)},
      {"cascade_style_exact_writes", "CASCADE-style, exact writes and converters (6 bits round)",
       baseline(parts.cascade, true)},
      {"arrays", "arrays alone, accumulated and converted exactly",
       [&parts, &options](Signals signals, bool exact_arrays) {
         return run_arrays(parts, options, signals, exact_arrays);
       }},
  };
}

Nnsa train_plain_nnsa(int dac_bits, const peripheral::Process &process,
                      const peripheral::CurveSet &curves, int steps, std::uint64_t seed) {
  RandomStream stream(seed, 0, kNeuralPart);
  Nnsa nnsa = peripheral::untrained_nnsa(dac_bits, process, stream);
  peripheral::TrainingOptions options;
  options.steps = steps;
  options.seed = seed;
  options.hardware_aware = false;
  options.polish_sweeps = 0;
  peripheral::train_nnsa(nnsa, process, curves, options, {});
  return nnsa;
}

}  // namespace npim::analysis
