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
  std::vector<float> amplifier, adc;
};

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
                           int dac_bits, int cycles, std::int64_t largest_sum, RandomStream &chip)
    : weights_(weights),
      parameters_(parameters),
      dac_bits_(dac_bits),
      cycles_(cycles),
      largest_sum_(static_cast<double>(largest_sum)),
      level_sum_(code_step(largest_sum, parameters.cell.cell.bits)) {
  validate(parameters, "analog buffer");
  for (const BitLine &line : weights.lines) {
    has_negative_ = has_negative_ || (line.vector != kNoVector && line.polarity < 0);
    unit_lines_ += line.is_unit;
  }
  writes_vary_ = parameters.tia_noise > 0 ||
                 parameters.cell.programming.distribution != device::Distribution::kNone;
  place_columns();
  make_groups();
  tia_gain_ = draw_gains(weights.lines.size(), parameters.tia_gain_sigma, chip);
  const std::size_t conversions = static_cast<std::size_t>(weights.vectors) *
                                      static_cast<std::size_t>(conversions_per_vector()) +
                                  static_cast<std::size_t>(cycles);
  amplifier_gain_ = draw_gains(conversions, parameters.amplifier_gain_sigma, chip);
}

void AnalogBuffer::place_columns() {
  // R-mapping: place of slice i and digit j. Vectors have like digits; flips move cells between
  // polarities, so a column is given room for all of them.
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

double AnalogBuffer::buffered(double sum, std::size_t line, const float *normals) const {
  const device::DeviceParams &cell = parameters_.cell;
  const int highest = (1 << cell.cell.bits) - 1;
  const double sensed =
      sum * tia_gain_[line] + parameters_.tia_noise * largest_sum_ * double{normals[0]};
  const double level = std::clamp(std::floor(sensed / level_sum_ + 0.5), 0.0, double(highest));
  const double step_s = cell.step(highest + 1);
  const double held_s =
      device::programmed_s(cell, cell.g_off() + level * step_s, double{normals[1]});
  return (held_s - cell.g_off()) / step_s * level_sum_;
}

std::size_t AnalogBuffer::column_at(std::size_t vector, int place, bool negative) const {
  const auto at = std::lower_bound(places_.begin(), places_.end(), place) - places_.begin();
  return (2 * vector + (negative ? 1 : 0)) * places_.size() + static_cast<std::size_t>(at);
}

void AnalogBuffer::fill_buffers(const double *values, std::size_t stride, device::DrawKey key,
                                std::vector<double> &columns, std::vector<double> &units) const {
  columns.assign(2 * static_cast<std::size_t>(weights_.vectors) * places_.size(), 0.0);
  units.assign(static_cast<std::size_t>(cycles_), 0.0);
  const auto &noise = parameters_.cell.read_noise;
  const double full_s = parameters_.cell.g_on() - parameters_.cell.g_off();
  const double step_s = parameters_.cell.step(1 << parameters_.cell.cell.bits);
  std::vector<float> writes, reads;
  for (int cycle = 0; cycle < cycles_; ++cycle) {
    if (writes_vary_ || cycle == 0) {
      fill(key, device::Purpose::kBufferCells, cycle, kNormalsPerCell * weights_.lines.size(),
           writes);
    }
    if (noise.sigma > 0) {
      fill(key, device::Purpose::kBufferReads, cycle, weights_.lines.size(), reads);
    }
    for (std::size_t l = 0; l < weights_.lines.size(); ++l) {
      const BitLine &line = weights_.lines[l];
      if (line.vector == kNoVector && !line.is_unit) continue;
      double held = buffered(values[static_cast<std::size_t>(cycle) * stride + l], l,
                             writes.data() + kNormalsPerCell * l);
      if (noise.sigma > 0) {
        const double scale_s = noise.scale == device::Scale::kAbsolute
                                   ? full_s
                                   : held / level_sum_ * step_s + parameters_.cell.g_off();
        held += noise.sigma * scale_s / step_s * level_sum_ * double{reads[l]};
      }
      if (line.is_unit) {
        units[static_cast<std::size_t>(cycle)] += held;
      } else {
        columns[column_at(static_cast<std::size_t>(line.vector), line.place + cycle * dac_bits_,
                          line.polarity < 0)] += held;
      }
    }
  }
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

std::int64_t AnalogBuffer::convert_vector(const double *columns, std::size_t vector,
                                          const LineAdc &adc, const Noise &noise) const {
  const double *positive = columns + column_at(vector, places_[0], false);
  const double *negative = columns + column_at(vector, places_[0], true);
  std::size_t number = vector * static_cast<std::size_t>(conversions_per_vector());
  std::int64_t sum = 0;
  for (const Group &group : groups_) {
    double plus = 0, minus = 0;
    for (std::size_t c = group.first; c < group.last; ++c) {
      const int place = places_[c] - places_[group.first];
      plus += std::ldexp(positive[c], place);
      minus += std::ldexp(negative[c], place);
    }
    std::int64_t codes = 0;
    if (has_negative_ && parameters_.subtracts) {
      codes = convert(plus - minus, group.range, true, adc, number++, noise);
    } else {
      codes = convert(plus, group.range, false, adc, number++, noise);
      if (has_negative_) codes -= convert(minus, group.range, false, adc, number++, noise);
    }
    sum += codes * (std::int64_t{1} << places_[group.first]);
  }
  return sum;
}

void AnalogBuffer::products(const double *values, std::size_t stride, const LineAdc &adc,
                            device::DrawKey window, std::int64_t *sums) const {
  std::vector<double> columns, units;
  fill_buffers(values, stride, window, columns, units);
  Noise noise;
  const std::size_t conversions = amplifier_gain_.size();
  fill(window, device::Purpose::kAmplifiers, 0, conversions, noise.amplifier);
  fill(window, device::Purpose::kConverter, 0, conversions * static_cast<std::size_t>(adc.draws()),
       noise.adc);
  std::int64_t inputs = 0;
  if (weights_.has_unit) {
    const double range = largest_sum_ * unit_lines_;
    std::size_t number = conversions - static_cast<std::size_t>(cycles_);
    for (int cycle = 0; cycle < cycles_; ++cycle) {
      inputs +=
          convert(units[static_cast<std::size_t>(cycle)], range, false, adc, number++, noise) *
          (std::int64_t{1} << (cycle * dac_bits_));
    }
  }
  for (std::size_t vector = 0; vector < static_cast<std::size_t>(weights_.vectors); ++vector) {
    sums[vector] =
        convert_vector(columns.data(), vector, adc, noise) + weights_.unit_factor[vector] * inputs;
  }
}

}  // namespace npim::peripheral
