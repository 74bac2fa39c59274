#include "peripheral/analog_buffer.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "peripheral/line_range.h"

namespace npim::peripheral {
namespace {

constexpr std::size_t kNormalsPerCell = 2;  // TIA, write

std::vector<double> draw_gains(std::size_t count, double sigma, RandomStream &chip) {
  std::vector<double> gains(count, 1.0);
  if (sigma > 0) {
    for (double &gain : gains) gain += sigma * chip.normal();
  }
  return gains;
}

void fill(device::DrawKey key, device::Purpose purpose, int cycle, std::size_t count,
          std::vector<float> &normals) {
  key.purpose = purpose;
  key.cycle = static_cast<std::uint32_t>(cycle);
  const std::size_t groups = (count + device::kDrawGroup - 1) / device::kDrawGroup;
  normals.resize(groups * device::kDrawGroup);
  device::fill_normals(key, 0, normals.size(), normals.data());
}

}  // namespace

/// Normal numbers of the conversions of a window.
struct AnalogBuffer::Noise {
  std::vector<float> cells, amplifier, adc;
};

/// Integrates over the standard normal numbers of writes.
std::vector<CellMoments> cell_moments(const device::DeviceParams &cell) {
  constexpr int kPoints = 1401;
  constexpr double kReach = 7, kStep = 2 * kReach / (kPoints - 1);
  const int levels = 1 << cell.cell.bits;
  const double step_s = cell.step(levels), full_s = cell.g_on() - cell.g_off();
  std::vector<CellMoments> moments;
  for (int level = 0; level < levels; ++level) {
    double weight = 0, sum = 0, square = 0, read = 0;
    for (int i = 0; i < kPoints; ++i) {
      const double normal = kStep * i - kReach, density = std::exp(-0.5 * normal * normal);
      const double held_s = device::programmed_s(cell, cell.g_off() + level * step_s, normal);
      const double held = (held_s - cell.g_off()) / step_s;
      const bool is_absolute = cell.read_noise.scale == device::Scale::kAbsolute;
      const double read_sigma = cell.read_noise.sigma * (is_absolute ? full_s : held_s) / step_s;
      weight += density;
      sum += density * held;
      square += density * held * held;
      read += density * read_sigma * read_sigma;
    }
    const double mean = sum / weight;
    moments.push_back({mean, std::max(0.0, square / weight - mean * mean) + read / weight});
  }
  return moments;
}

void validate(const AnalogBufferParameters &parameters, const std::string &origin) {
  device::validate(parameters.cell, origin);
  const std::pair<const char *, double> values[] = {
      {"tia.gain_sigma", parameters.tia_gain_sigma},
      {"tia.noise", parameters.tia_noise},
      {"summing_amplifier.gain_sigma", parameters.amplifier_gain_sigma},
      {"summing_amplifier.noise", parameters.amplifier_noise}};
  for (const auto &[name, value] : values) {
    if (!std::isfinite(value) || value < 0) {
      throw InputError(origin, std::string("key '") + name + "' must be finite and not negative");
    }
  }
  if (parameters.conversions_per_vector < 0) {
    throw InputError(origin, "key 'conversions_per_vector' must not be negative");
  }
}

AnalogBuffer::AnalogBuffer(const EncodedWeights &weights, const AnalogBufferParameters &parameters,
                           int dac_bits, int cycles, std::int64_t largest_sum, RandomStream &chip,
                           const std::vector<CellMoments> *moments)
    : weights_(weights),
      parameters_(parameters),
      dac_bits_(dac_bits),
      cycles_(cycles),
      largest_sum_(static_cast<double>(largest_sum)),
      level_sum_(code_step(largest_sum, parameters.cell.cell.bits)),
      levels_per_sum_(1 / level_sum_),  // a power of two
      highest_level_((1 << parameters.cell.cell.bits) - 1),
      moments_(moments) {
  validate(parameters, "analog buffer");
  for (const BitLine &line : weights.lines) {
    has_negative_ = has_negative_ || (line.vector != kNoVector && line.polarity < 0);
    unit_lines_ += line.is_unit;
  }
  writes_vary_ = parameters.tia_noise > 0 ||
                 parameters.cell.programming.distribution != device::Distribution::kNone;
  place_columns();
  make_groups();
  make_entries();
  tia_gain_ = draw_gains(weights.lines.size(), parameters.tia_gain_sigma, chip);
  const std::size_t conversions = static_cast<std::size_t>(weights.vectors) *
                                      static_cast<std::size_t>(conversions_per_vector()) +
                                  static_cast<std::size_t>(cycles);
  amplifier_gain_ = draw_gains(conversions, parameters.amplifier_gain_sigma, chip);
}

void AnalogBuffer::place_columns() {
  // R-mapping: place of slice i and digit j. Vectors have like digits. A column has room for one
  // cell per digit; flips can move two to one polarity, and dense inputs then saturate it.
  std::map<int, double> cells;
  std::map<int, bool> digits;
  for (const BitLine &line : weights_.lines) {
    if (line.vector != kNoVector) digits[line.place] = true;
  }
  if (digits.empty()) digits[0] = true;
  for (const auto &[place, used] : digits) {
    for (int cycle = 0; cycle < cycles_; ++cycle) cells[place + cycle * dac_bits_] += used ? 1 : 0;
  }
  for (const auto &[place, count] : cells) {
    places_.push_back(place);
    cells_.push_back(count);
  }
}

void AnalogBuffer::make_groups() {
  const std::size_t columns = places_.size();
  const auto asked = static_cast<std::size_t>(parameters_.conversions_per_vector);
  const std::size_t count = asked == 0 ? columns : std::min(asked, columns);
  for (std::size_t group = 0; group < count; ++group) {
    Group g = {columns * group / count, columns * (group + 1) / count, 0};
    for (std::size_t c = g.first; c < g.last; ++c) {
      g.range += std::ldexp(cells_[c] * largest_sum_, places_[c] - places_[g.first]);
    }
    groups_.push_back(g);
  }
}

int AnalogBuffer::required_bits() const {
  int bits = 0;
  const bool is_signed = parameters_.subtracts && has_negative_;
  for (const Group &group : groups_) {
    bits = std::max(bits, bits_of(std::llround(group.range)) + is_signed);
  }
  return std::max(bits, bits_of(std::llround(largest_sum_ * unit_lines_)));
}

std::size_t AnalogBuffer::total_at(std::size_t vector, bool negative, std::size_t group) const {
  return (2 * vector + (negative ? 1 : 0)) * groups_.size() + group;
}

std::size_t AnalogBuffer::unit_total(int cycle) const {
  return total_at(static_cast<std::size_t>(weights_.vectors), false, 0) +
         static_cast<std::size_t>(cycle);
}

void AnalogBuffer::make_entries() {
  for (int cycle = 0; cycle < cycles_; ++cycle) {
    for (const BitLine &line : weights_.lines) {
      Entry entry = {unit_total(cycle), line.is_unit ? 1.0 : 0.0};
      if (line.vector != kNoVector) {
        const int place = line.place + cycle * dac_bits_;
        const auto column = static_cast<std::size_t>(
            std::lower_bound(places_.begin(), places_.end(), place) - places_.begin());
        std::size_t group = 0;
        while (groups_[group].last <= column) ++group;
        entry.total = total_at(static_cast<std::size_t>(line.vector), line.polarity < 0, group);
        entry.factor = std::ldexp(1.0, place - places_[groups_[group].first]);
      }
      entries_.push_back(entry);
    }
  }
}

/// Level that is written for what the TIA makes of a sum.
double AnalogBuffer::level_of(double sensed) const {
  return std::clamp(std::floor(sensed * levels_per_sum_ + 0.5), 0.0, highest_level_);
}

/// What a cell gives back of a level, as a sum.
double AnalogBuffer::written(double level, double normal) const {
  const device::DeviceParams &cell = parameters_.cell;
  const double step_s = cell.step(1 << cell.cell.bits);
  const double held_s = device::programmed_s(cell, cell.g_off() + level * step_s, normal);
  return (held_s - cell.g_off()) / step_s * level_sum_;
}

AnalogBuffer::Totals AnalogBuffer::fill_buffers(const double *values, std::size_t stride,
                                                device::DrawKey key) const {
  Totals totals;
  totals.value.assign(unit_total(cycles_), 0.0);
  const auto &noise = parameters_.cell.read_noise;
  const double full_s = parameters_.cell.g_on() - parameters_.cell.g_off();
  const double step_s = parameters_.cell.step(1 << parameters_.cell.cell.bits);
  const std::size_t lines = weights_.lines.size();
  std::vector<float> writes, reads;
  const Entry *entry = entries_.data();
  for (int cycle = 0; cycle < cycles_; ++cycle, values += stride) {
    if (writes_vary_ || cycle == 0) {
      fill(key, device::Purpose::kBufferCells, cycle, kNormalsPerCell * lines, writes);
    }
    if (noise.sigma > 0) fill(key, device::Purpose::kBufferReads, cycle, lines, reads);
    for (std::size_t l = 0; l < lines; ++l, ++entry) {
      if (entry->factor == 0) continue;
      const float *normals = writes.data() + kNormalsPerCell * l;
      const double sensed =
          values[l] * tia_gain_[l] + parameters_.tia_noise * largest_sum_ * double{normals[0]};
      double held = written(level_of(sensed), double{normals[1]});
      if (noise.sigma > 0) {
        const double scale_s = noise.scale == device::Scale::kAbsolute
                                   ? full_s
                                   : held / level_sum_ * step_s + parameters_.cell.g_off();
        held += noise.sigma * scale_s / step_s * level_sum_ * double{reads[l]};
      }
      totals.value[entry->total] += entry->factor * held;
    }
  }
  return totals;
}

AnalogBuffer::Totals AnalogBuffer::add_moments(const double *values, std::size_t stride) const {
  Totals totals;
  totals.value.assign(unit_total(cycles_), 0.0);
  totals.variance.assign(totals.value.size(), 0.0);
  const CellMoments *moments = moments_->data();
  const Entry *entry = entries_.data();
  for (int cycle = 0; cycle < cycles_; ++cycle, values += stride) {
    for (std::size_t l = 0; l < weights_.lines.size(); ++l, ++entry) {
      if (entry->factor == 0) continue;
      const auto &cell = moments[static_cast<std::size_t>(level_of(values[l] * tia_gain_[l]))];
      totals.value[entry->total] += entry->factor * cell.mean;
      totals.variance[entry->total] += entry->factor * entry->factor * cell.variance;
    }
  }
  return totals;
}

/// What the amplifiers of a conversion are given.
double AnalogBuffer::seen(const Totals &totals, std::size_t plus, const std::size_t *minus,
                          std::size_t number, const Noise &noise) const {
  double value = totals.value[plus];
  if (minus != nullptr) value -= totals.value[*minus];
  if (moments_ == nullptr) return value;
  double variance = totals.variance[plus];
  if (minus != nullptr) variance += totals.variance[*minus];
  return (value + std::sqrt(variance) * double{noise.cells[number]}) * level_sum_;
}

std::int64_t AnalogBuffer::convert(double value, double range, bool is_signed, const LineAdc &adc,
                                   std::size_t number, const Noise &noise) const {
  const double seen = value * amplifier_gain_[number] +
                      parameters_.amplifier_noise * range * double{noise.amplifier[number]};
  // A signed conversion has the middle code at zero and a bit less for the magnitude.
  const int magnitude_bits = adc.bits() - is_signed;
  const double lsb = std::max(1.0, code_step(std::llround(range), magnitude_bits));
  const std::int32_t middle = is_signed ? 1 << magnitude_bits : 0;
  const auto draws = static_cast<std::size_t>(adc.draws());
  const std::int32_t code = adc.convert(seen / lsb + middle, noise.adc.data() + draws * number);
  return (std::int64_t{code} - middle) * static_cast<std::int64_t>(lsb);
}

std::int64_t AnalogBuffer::convert_vector(const Totals &totals, std::size_t vector,
                                          const LineAdc &adc, const Noise &noise) const {
  std::size_t number = vector * static_cast<std::size_t>(conversions_per_vector());
  std::int64_t sum = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const Group &group = groups_[g];
    const std::size_t plus = total_at(vector, false, g), minus = total_at(vector, true, g);
    const auto converted = [&](std::size_t from, const std::size_t *less) {
      const double value = seen(totals, from, less, number, noise);
      return convert(value, group.range, less != nullptr, adc, number++, noise);
    };
    std::int64_t codes = 0;
    if (has_negative_ && parameters_.subtracts) {
      codes = converted(plus, &minus);
    } else {
      codes = converted(plus, nullptr);
      if (has_negative_) codes -= converted(minus, nullptr);
    }
    sum += codes * (std::int64_t{1} << places_[group.first]);
  }
  return sum;
}

/// The sum of inputs.
std::int64_t AnalogBuffer::convert_units(const Totals &totals, const LineAdc &adc,
                                         const Noise &noise) const {
  const double range = largest_sum_ * unit_lines_;
  std::size_t number = amplifier_gain_.size() - static_cast<std::size_t>(cycles_);
  std::int64_t sum = 0;
  for (int cycle = 0; cycle < cycles_; ++cycle, ++number) {
    const double value = seen(totals, unit_total(cycle), nullptr, number, noise);
    sum +=
        convert(value, range, false, adc, number, noise) * (std::int64_t{1} << (cycle * dac_bits_));
  }
  return sum;
}

AnalogBuffer::Noise AnalogBuffer::draw_noise(const device::DrawKey &window,
                                             const LineAdc &adc) const {
  const std::size_t conversions = amplifier_gain_.size();
  Noise noise;
  if (moments_ != nullptr) {
    fill(window, device::Purpose::kBufferCells, 0, conversions, noise.cells);
  }
  fill(window, device::Purpose::kAmplifiers, 0, conversions, noise.amplifier);
  fill(window, device::Purpose::kConverter, 0, conversions * static_cast<std::size_t>(adc.draws()),
       noise.adc);
  return noise;
}

void AnalogBuffer::products(const double *values, std::size_t stride, const AdcOfVector &adcs,
                            device::DrawKey window, std::int64_t *sums) const {
  const Totals totals =
      moments_ == nullptr ? fill_buffers(values, stride, window) : add_moments(values, stride);
  const Noise noise = draw_noise(window, adcs(0));
  const std::int64_t inputs = weights_.has_unit ? convert_units(totals, adcs(0), noise) : 0;
  for (std::size_t vector = 0; vector < static_cast<std::size_t>(weights_.vectors); ++vector) {
    sums[vector] = convert_vector(totals, vector, adcs(static_cast<int>(vector)), noise) +
                   weights_.unit_factor[vector] * inputs;
  }
}

}  // namespace npim::peripheral
