#include "dataflow/neural_array.h"

#include <algorithm>
#include <cmath>

#include "dataflow/calibration.h"
#include "device/random.h"

namespace npim::dataflow {
namespace {

constexpr int kDigits = peripheral::kNnsaWeightBits;
// Of the calibration; an NNS+A's offset leaves room in the finest range.
constexpr double kHighestReferenceLsb = 96;

std::size_t index(int value) {
  return static_cast<std::size_t>(value);
}

device::Place bank_place(const NeuralChip &chip, ArrayPlace place) {
  return {chip.config.analog.seed, static_cast<std::uint32_t>(place.tile),
          static_cast<std::uint32_t>(place.array)};
}

std::size_t range_of(const LayerConverter &layer) {
  return layer.setting.range_divisor == 4 ? 2 : index(layer.setting.range_divisor - 1);
}

}  // namespace

NeuralArray::NeuralArray(const NeuralChip &chip, ArrayPlace place, const ConverterBank &converters)
    : chip_(chip),
      place_(place),
      converters_(converters),
      nnsa_(chip.parts.make_nnsa(place)),
      cells_(chip.geometry, chip.physics, bank_place(chip, place)) {
  const auto &analog = chip.config.analog;
  cells_.set_conditions({analog.seconds_since_programming, analog.temperature_k});
}

device::ProgrammingReport NeuralArray::program(const std::int8_t *weights, int rows, int vectors,
                                               int shift) {
  used_rows_ = rows;
  used_vectors_ = vectors;
  return verified(cells_.program(weights, rows, vectors, shift));
}

device::ProgrammingReport NeuralArray::program_levels(const std::uint8_t *levels) {
  used_rows_ = geometry().rows;
  used_vectors_ = vectors();
  return verified(cells_.program_levels(levels));
}

device::ProgrammingReport NeuralArray::verified(device::ProgrammingReport report) const {
  report.failed_cells = 0;
  for (int row = 0; row < geometry().rows; ++row) {
    for (int column = 0; column < geometry().columns; ++column) {
      report.failed_cells += cells_.sensed_level(row, column) != cells_.levels().level(row, column);
    }
  }
  return report;
}

double NeuralArray::volts_per_unit(int gain) const {
  return chip_.parts.amplitude_v() * gain / (chip_.geometry.rows * 255.0 * 255.0);
}

/// Draws are made in groups.
std::size_t NeuralArray::normal_stride() const {
  return (index(vectors()) + device::kDrawGroup - 1) / device::kDrawGroup * device::kDrawGroup;
}

void NeuralArray::circuit_sums(const crossbar::InputBatch &inputs, const std::int32_t *bit_lines,
                               int gain, const float *normals, float *held_v) const {
  const std::size_t cycles = index(inputs.cycles()), items = index(inputs.size());
  const std::size_t all = index(vectors()), count = items * all;
  const auto rail = static_cast<float>(chip_.parts.amplitude_v());
  const auto scale = static_cast<float>(
      std::ldexp(double{rail} * gain / (chip_.geometry.rows * inputs.highest_slice()),
                 -cells_.fraction_bits()));
  std::vector<float> pairs(cycles * kDigits * count), noise(cycles * count);
  for (std::size_t item = 0; item < items; ++item) {
    for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
      const auto *lines = bit_lines + (item * cycles + cycle) * cells_.line_stride();
      const auto *normal = normals + (item * cycles + cycle) * normal_stride();
      for (std::size_t v = 0; v < all; ++v) {
        const std::size_t at = item * all + v;
        noise[cycle * count + at] = normal[v];
        for (int j = 0; j < kDigits; ++j) {
          const int column = chip_.geometry.column(static_cast<int>(v), j, false);
          const std::int32_t difference = lines[column] - lines[column + 1];
          pairs[(cycle * kDigits + index(j)) * count + at] =
              std::clamp(scale * static_cast<float>(difference), -rail, rail);
        }
      }
    }
  }
  nnsa_.accumulate(pairs.data(), count, inputs.cycles(), noise.data(), count, held_v);
}

void NeuralArray::convert(WindowKeys windows, const LayerConverter &layer, const double *held,
                          int count, std::int32_t *codes) const {
  const std::size_t all = index(vectors()), used = index(count), items = index(windows.count);
  const double scale = volts_per_unit(layer.setting.bitline_gain);
  std::vector<float> volts(items * used);
  for (std::size_t i = 0; i < items; ++i) {
    for (std::size_t v = 0; v < used; ++v) {
      volts[i * used + v] = static_cast<float>(scale * held[i * all + v]);
    }
  }
  codes_of_volts(volts.data(), items, count, range_of(layer), codes);
}

/// Each converter in turn, all windows at once.
void NeuralArray::codes_of_volts(const float *volts, std::size_t windows, int count,
                                 std::size_t range, std::int32_t *codes) const {
  const std::size_t used = index(count), step = index(converters_.in_service());
  const std::size_t first_slot = index(place_.array) * index(vectors());
  const double lsb = chip_.parts.lsb_v(range);
  const double offset = trim_.offset_lsb * chip_.parts.lsb_v(chip_.parts.finest_range());
  std::vector<float> inputs;
  std::vector<std::int32_t> found;
  for (std::size_t turn = 0; turn < std::min(used, step); ++turn) {
    const int converter = converters_.serving(first_slot + turn);
    const Trim &trim = converters_.at(converter).trims[range];
    inputs.clear();
    for (std::size_t i = 0; i < windows; ++i) {
      for (std::size_t v = turn; v < used; v += step) {
        const double trimmed = (1 + trim_.gain) * double{volts[i * used + v]} + offset;
        inputs.push_back(static_cast<float>((1 + trim.gain) * trimmed + trim.offset_lsb * lsb));
      }
    }
    found.resize(inputs.size());
    codes_of(converter, range, inputs.data(), inputs.size(), found.data());
    const std::int32_t *next = found.data();
    for (std::size_t i = 0; i < windows; ++i) {
      for (std::size_t v = turn; v < used; v += step) codes[i * used + v] = *next++;
    }
  }
  for (std::size_t i = 0; i < windows; ++i) {
    converters_.apply_faults(first_slot, count, codes + i * used);
  }
}

void NeuralArray::calibrate(std::uint64_t run) {
  trim_ = {};
  if (converters_.in_service() == 0) return;
  const std::size_t range = chip_.parts.finest_range(), all = index(vectors());
  const std::size_t samples = kReferenceLevels * all;
  const auto cycles = index(chip_.config.input_cycles());
  const double lsb = chip_.parts.lsb_v(range);
  std::vector<float> pairs(cycles * kDigits * samples), noise(cycles * samples), held(samples);
  std::vector<double> references(samples), seen(samples);
  const device::Place place = bank_place(chip_, place_);
  std::vector<float> normals(cycles * normal_stride());
  for (std::size_t level = 0; level < kReferenceLevels; ++level) {
    const device::DrawKey key = {place.seed,
                                 place.tile,
                                 place.array,
                                 run,
                                 static_cast<std::uint32_t>(level),
                                 device::Purpose::kOther};
    device::fill_normals(key, 0, normals.size(), normals.data());
    for (std::size_t v = 0; v < all; ++v) {
      const std::size_t at = level * all + v;
      // Spread over a code, so that the line is known to a small part of one.
      const double share =
          (static_cast<double>(level) + (static_cast<double>(v) + 0.5) / static_cast<double>(all)) /
          static_cast<double>(kReferenceLevels);
      references[at] = kHighestReferenceLsb * (2 * share - 1);
      for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
        noise[cycle * samples + at] = normals[cycle * normal_stride() + v];
        for (std::size_t j = 0; j < kDigits; ++j) {
          pairs[(cycle * kDigits + j) * samples + at] = static_cast<float>(references[at] * lsb);
        }
      }
    }
  }
  nnsa_.accumulate(pairs.data(), samples, chip_.config.input_cycles(), noise.data(), samples,
                   held.data());
  std::vector<std::int32_t> codes(samples);
  codes_of_volts(held.data(), kReferenceLevels, vectors(), range, codes.data());
  std::copy(codes.begin(), codes.end(), seen.begin());
  const Line line = fit_line(references, seen);
  if (line.slope > 0.5) trim_ = trim_for(line);
}

// Circuit

void CircuitArray::hold(const Windows &windows, const LayerConverter &layer, double *held) const {
  const crossbar::InputBatch inputs(windows.inputs, windows.keys.count, windows.rows,
                                    chip_.config.dac_bits, windows.keys.first);
  const std::size_t cycles = index(inputs.cycles()), items = index(inputs.size());
  const std::size_t stride = normal_stride();
  std::vector<std::int32_t> lines(items * cycles * cells_.line_stride());
  cells_.bit_lines(inputs, lines.data());
  std::vector<float> normals(items * cycles * stride), sums(items * index(vectors()));
  const device::Place place = bank_place(chip_, place_);
  for (std::size_t item = 0; item < items; ++item) {
    for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
      const device::DrawKey key = {place.seed,
                                   place.tile,
                                   place.array,
                                   inputs.window(static_cast<int>(item)),
                                   static_cast<std::uint32_t>(cycle),
                                   device::Purpose::kSampleHold};
      device::fill_normals(key, 0, stride, normals.data() + (item * cycles + cycle) * stride);
    }
  }
  const int gain = layer.setting.bitline_gain;
  circuit_sums(inputs, lines.data(), gain, normals.data(), sums.data());
  const double unit = volts_per_unit(gain);
  for (std::size_t i = 0; i < sums.size(); ++i) held[i] = double{sums[i]} / unit;
}

void CircuitArray::codes_of(int converter, std::size_t range, const float *inputs_v,
                            std::size_t count, std::int32_t *codes) const {
  chip_.parts.nnadc({place_.tile, converter, range}).convert(inputs_v, count, codes);
}

// Statistical

device::ProgrammingReport StatisticalArray::program_levels(const std::uint8_t *levels) {
  fitted_gain_ = 0;
  return NeuralArray::program_levels(levels);
}

device::ProgrammingReport StatisticalArray::program(const std::int8_t *weights, int rows,
                                                    int vectors, int shift) {
  fitted_gain_ = 0;
  return NeuralArray::program(weights, rows, vectors, shift);
}

void StatisticalArray::codes_of(int converter, std::size_t range, const float *inputs_v,
                                std::size_t count, std::int32_t *codes) const {
  const CodeTable &table = chip_.parts.code_table({place_.tile, converter, range});
  for (std::size_t i = 0; i < count; ++i) codes[i] = table.code(double{inputs_v[i]});
}

void StatisticalArray::hold(const Windows &windows, const LayerConverter &layer,
                            double *held) const {
  const int gain = layer.setting.bitline_gain;
  if (fitted_gain_.load(std::memory_order_acquire) != gain) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (fitted_gain_ != gain) fit(gain);
    fitted_gain_.store(gain, std::memory_order_release);
  }
  const crossbar::InputBatch inputs(windows.inputs, windows.keys.count, windows.rows,
                                    chip_.config.dac_bits, windows.keys.first);
  const std::size_t items = index(inputs.size()), all = index(vectors());
  std::vector<std::int64_t> sums(items * all);
  std::vector<float> normals(normal_stride());
  cells_.weighted_sums(inputs, sums.data());
  const double unit = std::ldexp(1.0, -cells_.fraction_bits());
  const device::Place place = bank_place(chip_, place_);
  for (std::size_t item = 0; item < items; ++item) {
    const device::DrawKey key = {place.seed,  place.tile,
                                 place.array, inputs.window(static_cast<int>(item)),
                                 0,           device::Purpose::kSampleHold};
    device::fill_normals(key, 0, normals.size(), normals.data());
    for (std::size_t v = 0; v < all; ++v) {
      const double sum = static_cast<double>(sums[item * all + v]) * unit;
      held[item * all + v] = response_.offset + sum + response_.cubic * sum * sum * sum +
                             response_.sigma * double{normals[v]};
    }
  }
}

namespace {

constexpr int kFitWindows = 64;
constexpr std::uint32_t kFitPart = 0x464954;
constexpr double kRidge = 1e-3;  // keeps factors of bits that are never set where they should be

/// Inputs of many kinds: from sparse to dense, from faint to bright.
std::vector<std::uint8_t> random_windows(int rows, RandomStream &stream) {
  std::vector<std::uint8_t> inputs;
  inputs.reserve(index(kFitWindows) * index(rows));
  for (int i = 0; i < kFitWindows; ++i) {
    const double density = stream.uniform(0.1, 1), brightness = stream.uniform(32, 256);
    for (int row = 0; row < rows; ++row) {
      const double value = stream.uniform(0, brightness);
      inputs.push_back(stream.uniform() < density ? static_cast<std::uint8_t>(value) : 0);
    }
  }
  return inputs;
}

}  // namespace

/// Least squares of the circuit's sums by [1, D_0 .. D_7, D^3], as deviations from the ideal sum.
void StatisticalArray::fit(int gain) const {
  using peripheral::Matrix;
  using peripheral::Vector;
  const int rows = std::max(1, used_rows_);
  RandomStream stream(
      chip_.config.analog.seed,
      static_cast<std::uint32_t>(place_.tile) << 16 | static_cast<std::uint32_t>(place_.array),
      kFitPart + static_cast<std::uint32_t>(gain));
  const auto windows = random_windows(rows, stream);
  const crossbar::InputBatch inputs(windows.data(), kFitWindows, rows, chip_.config.dac_bits);
  const std::size_t cycles = index(inputs.cycles()), all = index(vectors());
  std::vector<std::int32_t> lines(kFitWindows * cycles * cells_.line_stride());
  cells_.bit_lines(inputs, lines.data());
  std::vector<float> normals(kFitWindows * cycles * normal_stride()), sums(kFitWindows * all);
  for (float &normal : normals) normal = static_cast<float>(stream.normal());
  circuit_sums(inputs, lines.data(), gain, normals.data(), sums.data());

  const int used = std::max(1, used_vectors_);
  const double unit = volts_per_unit(gain), full = chip_.parts.amplitude_v() / unit;
  Matrix terms(Eigen::Index{kFitWindows} * used, kDigits + 2);
  Vector errors(terms.rows());
  Eigen::Index sample = 0;
  for (std::size_t item = 0; item < kFitWindows; ++item) {
    for (int v = 0; v < used; ++v, ++sample) {
      double sum = 0;
      for (int j = 0; j < kDigits; ++j) {
        double part = 0;
        for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
          const auto *line = lines.data() + (item * cycles + cycle) * cells_.line_stride() +
                             chip_.geometry.column(v, j, false);
          part += std::ldexp(line[0] - line[1], j + static_cast<int>(cycle) * inputs.dac_bits() -
                                                    cells_.fraction_bits());
        }
        terms(sample, 1 + j) = part / full;
        sum += part / full;
      }
      terms(sample, 0) = 1;
      terms(sample, kDigits + 1) = sum * sum * sum;
      errors[sample] = double{sums[item * all + index(v)]} / unit / full - sum;
    }
  }
  Matrix normal = terms.transpose() * terms;
  const double ridge = kRidge * normal.diagonal().segment(1, kDigits).mean();
  normal.diagonal().array() += ridge + 1e-12;
  normal(0, 0) -= ridge;
  const Vector found = normal.ldlt().solve(terms.transpose() * errors);
  const double freedom = static_cast<double>(std::max<Eigen::Index>(1, terms.rows() - kDigits - 2));
  std::vector<double> factors;
  factors.reserve(kDigits);
  for (int j = 0; j < kDigits; ++j) factors.push_back(1 + found[1 + j]);
  cells_.set_digit_factors(factors);
  response_.offset = found[0] * full;
  response_.cubic = found[kDigits + 1] / (full * full);
  response_.sigma = full * std::sqrt((errors - terms * found).squaredNorm() / freedom);
}

}  // namespace npim::dataflow
