#include "device/cell_bank.h"

#include <algorithm>
#include <cmath>

namespace npim::device {
namespace {

constexpr double kBoltzmannEvPerK = 8.617333262e-5;

/// Time at the reference temperature that ages a cell as much.
double equivalent_seconds(const DeviceParams::Drift &drift, const ReadConditions &conditions) {
  const double exponent = drift.activation_energy_ev / kBoltzmannEvPerK *
                          (1 / drift.reference_temperature_k - 1 / conditions.temperature_k);
  return conditions.seconds_since_programming * std::exp(exponent);
}

}  // namespace

CellBank::CellBank(const DeviceParams &device, int rows, int columns, CellLevels levels,
                   Place place)
    : device_(&device),
      rows_(rows),
      columns_(columns),
      levels_(levels),
      place_(place),
      step_s_(device.step(levels.count())) {
  validate(device, "device " + device.name);
  if (levels.bits > device_->cell.bits) {
    throw InputError("device " + device_->name + ": key 'cell.bits'",
                     "the array stores " + std::to_string(levels.bits) +
                         " bits per cell, the device " + std::to_string(device_->cell.bits));
  }
  random_word(draw_key(Purpose::kOther), 0);  // refuses a place out of range
  draw_stuck_cells();
}

DrawKey CellBank::draw_key(Purpose purpose, std::uint64_t window, std::uint32_t cycle) const {
  return {place_.seed, place_.tile, place_.array, window, cycle, purpose};
}

void CellBank::draw_stuck_cells() {
  const auto &stuck = device_->stuck;
  if (stuck.at_off_fraction + stuck.at_on_fraction == 0) return;
  const auto key = draw_key(Purpose::kStuckCells);
  states_.assign(index(rows_, 0), State::kGood);
  for (std::size_t cell = 0; cell < states_.size(); ++cell) {
    const double u = random_uniform(key, cell);
    if (u < stuck.at_off_fraction) {
      states_[cell] = State::kStuckOff;
    } else if (u < stuck.at_off_fraction + stuck.at_on_fraction) {
      states_[cell] = State::kStuckOn;
    }
  }
}

void CellBank::stick(int row, int column, bool at_on) {
  if (states_.empty()) states_.assign(index(rows_, 0), State::kGood);
  states_[index(row, column)] = at_on ? State::kStuckOn : State::kStuckOff;
}

std::uint32_t CellBank::wear(int row, int column) const {
  return wear_.empty() ? static_cast<std::uint32_t>(programmings_) : wear_[index(row, column)];
}

double CellBank::pulse_result(double target_s, double normal) const {
  return programmed_s(*device_, target_s, normal);
}

/// Whether cells may have taken different numbers of pulses, or their number matters.
bool CellBank::counts_per_cell() const {
  return device_->write_verify.most_pulses > 1 || device_->endurance.pulses > 0;
}

bool CellBank::is_worn_out(std::size_t cell) const {
  if (device_->endurance.pulses == 0) return false;
  const double z = random_normal(draw_key(Purpose::kEndurance), cell);
  return wear_[cell] >
         device_->endurance.pulses * std::pow(10.0, device_->endurance.sigma_decades * z);
}

/// Pulses until the cell is within tolerance; returns how many.
int CellBank::write(std::size_t cell, double target_s, double first_normal, bool &failed) {
  const auto &verify = device_->write_verify;
  const double tolerance = verify.tolerance_of_step * step_s_;
  double reached = 0;
  int pulse = 0;
  failed = true;
  while (failed && pulse < verify.most_pulses) {
    const double normal = pulse == 0 ? first_normal
                                     : random_normal(draw_key(Purpose::kProgramming, programmings_,
                                                              static_cast<std::uint32_t>(pulse)),
                                                     cell);
    reached = pulse_result(target_s, normal);
    ++pulse;
    if (!wear_.empty()) ++wear_[cell];
    if (is_worn_out(cell) && (states_.empty() || states_[cell] == State::kGood)) {
      const auto count = static_cast<std::size_t>(columns_);
      stick(static_cast<int>(cell / count), static_cast<int>(cell % count),
            device_->endurance.worn_out_at_on);
    }
    if (!states_.empty() && states_[cell] != State::kGood) {
      reached = states_[cell] == State::kStuckOn ? device_->g_on() : device_->g_off();
    }
    failed = std::abs(reached - target_s) > tolerance * (1 + 1e-12);
  }
  conductances_s_[cell] = static_cast<float>(reached);
  return pulse;
}

ProgrammingReport CellBank::program(const std::uint8_t *levels) {
  const std::size_t cells = index(rows_, 0);
  std::vector<float> normals(cells, 0.0F);
  if (device_->programming.distribution != Distribution::kNone) {
    fill_normals(draw_key(Purpose::kProgramming, programmings_), 0, cells, normals.data());
  }
  conductances_s_.resize(cells);
  if (counts_per_cell()) wear_.resize(cells);
  ProgrammingReport report;
  std::size_t cell = 0;
  for (int row = 0; row < rows_; ++row) {
    int most = 0;
    for (int column = 0; column < columns_; ++column, ++cell) {
      bool failed = false;
      const int pulses = write(cell, target_s(levels[cell]), normals[cell], failed);
      most = std::max(most, pulses);
      report.pulses += pulses;
      report.failed_cells += failed && device_->write_verify.tolerance_of_step > 0;
    }
    report.word_line_steps += most;
  }
  const auto &verify = device_->write_verify;
  report.time_ns =
      static_cast<double>(report.word_line_steps) * (verify.pulse_ns + verify.verify_ns);
  report.energy_pj =
      static_cast<double>(report.pulses) * (verify.pulse_energy_pj + verify.verify_energy_pj);
  ++programmings_;
  return report;
}

double CellBank::conductance_s(int row, int column, const ReadConditions &conditions) const {
  if (conductances_s_.empty()) return device_->g_off();
  const std::size_t cell = index(row, column);
  const double programmed = conductances_s_[cell];
  const auto &drift = device_->drift;
  if (drift.exponent == 0 && drift.exponent_sigma == 0) return programmed;
  const double age = equivalent_seconds(drift, conditions) / drift.reference_s;
  if (age <= 1) return programmed;
  double exponent = drift.exponent;
  if (drift.exponent_sigma > 0) {
    exponent += drift.exponent_sigma * random_normal(draw_key(Purpose::kDrift), cell);
  }
  return programmed * std::pow(age, -exponent);
}

CellNoise CellBank::noise(int row, int column, double conductance_s) const {
  CellNoise noise;
  const double scale = device_->read_noise.scale == Scale::kRelative
                           ? conductance_s
                           : device_->g_on() - device_->g_off();
  noise.sigma_s = device_->read_noise.sigma * scale;
  const auto &telegraph = device_->telegraph_noise;
  if (telegraph.cell_fraction == 0 || telegraph.amplitude == 0) return noise;
  const std::size_t cell = index(row, column);
  if (random_uniform(draw_key(Purpose::kTraps), cell) >= telegraph.cell_fraction) return noise;
  const double z = random_normal(draw_key(Purpose::kTraps, 1), cell);
  const double amplitude = telegraph.amplitude * std::exp(telegraph.amplitude_sigma * z);
  noise.trap_s = std::min(1.0, amplitude) * conductance_s;
  return noise;
}

}  // namespace npim::device
