#include "device/device_params.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace npim::device {
namespace {

constexpr double kLeastPositive = 1e-15, kMostPositive = 1e15;
constexpr double kLargest = std::numeric_limits<double>::max();

/// Checks parameters one by one and names the bad one.
class Checker {
 public:
  explicit Checker(const std::string &origin) : origin_(origin) {}

  void in(const char *key, double value, double lowest, double highest, const char *what) const {
    if (std::isfinite(value) && value >= lowest && value <= highest) return;
    fail(key, std::string("must be ") + what + ", found " + std::to_string(value));
  }
  /// Positive, and far enough from the ends of the floating-point range to compute with.
  void positive(const char *key, double value) const {
    if (std::isfinite(value) && value >= kLeastPositive && value <= kMostPositive) return;
    fail(key, "must be positive and finite (1e-15 to 1e15), found " + std::to_string(value));
  }
  void not_negative(const char *key, double value) const {
    in(key, value, 0, kLargest, "finite and not negative");
  }
  void fraction(const char *key, double value) const { in(key, value, 0, 1, "from 0 to 1"); }
  [[noreturn]] void fail(const std::string &key, const std::string &what) const {
    throw InputError(origin_ + ": key '" + key + "'", what);
  }

 private:
  const std::string &origin_;
};

void check_cell(const Checker &check, const DeviceParams::Cell &cell) {
  check.in("cell.bits", cell.bits, 1, kMostCellBits, "from 1 to 8 bits");
  check.positive("cell.r_on_ohm", cell.r_on_ohm);
  check.positive("cell.r_off_ohm", cell.r_off_ohm);
  if (cell.r_off_ohm <= cell.r_on_ohm) {
    check.fail("cell.r_off_ohm", "must be greater than cell.r_on_ohm");
  }
  check.positive("cell.read_voltage_v", cell.read_voltage_v);
}

void check_writing(const Checker &check, const DeviceParams &params) {
  check.in("programming.sigma", params.programming.sigma, 0, 10, "from 0 to 10");
  if (params.programming.distribution == Distribution::kLognormal &&
      params.programming.scale == Scale::kAbsolute) {
    check.fail("programming.scale", "must be \"relative\" for a lognormal distribution");
  }
  const auto &verify = params.write_verify;
  check.not_negative("write_verify.tolerance_of_step", verify.tolerance_of_step);
  check.in("write_verify.most_pulses", verify.most_pulses, 1, 255, "from 1 to 255");
  check.not_negative("write_verify.pulse_ns", verify.pulse_ns);
  check.not_negative("write_verify.verify_ns", verify.verify_ns);
  check.not_negative("write_verify.pulse_energy_pj", verify.pulse_energy_pj);
  check.not_negative("write_verify.verify_energy_pj", verify.verify_energy_pj);
}

void check_reading(const Checker &check, const DeviceParams &params) {
  check.in("read_noise.sigma", params.read_noise.sigma, 0, 1, "from 0 to 1");
  check.fraction("telegraph_noise.cell_fraction", params.telegraph_noise.cell_fraction);
  check.fraction("telegraph_noise.amplitude", params.telegraph_noise.amplitude);
  check.in("telegraph_noise.amplitude_sigma", params.telegraph_noise.amplitude_sigma, 0, 10,
           "from 0 to 10");
  check.fraction("telegraph_noise.filled_probability", params.telegraph_noise.filled_probability);
}

void check_ageing(const Checker &check, const DeviceParams &params) {
  check.fraction("stuck.at_off_fraction", params.stuck.at_off_fraction);
  check.fraction("stuck.at_on_fraction", params.stuck.at_on_fraction);
  if (params.stuck.at_off_fraction + params.stuck.at_on_fraction > 1) {
    check.fail("stuck.at_on_fraction", "and stuck.at_off_fraction must not exceed 1 together");
  }
  check.in("drift.exponent", params.drift.exponent, -1, 1, "from -1 to 1");
  check.in("drift.exponent_sigma", params.drift.exponent_sigma, 0, 1, "from 0 to 1");
  check.positive("drift.reference_s", params.drift.reference_s);
  check.in("drift.activation_energy_ev", params.drift.activation_energy_ev, 0, 10, "from 0 to 10");
  check.positive("drift.reference_temperature_k", params.drift.reference_temperature_k);
  check.not_negative("endurance.pulses", params.endurance.pulses);
  check.in("endurance.sigma_decades", params.endurance.sigma_decades, 0, 10, "from 0 to 10");
}

Scale read_scale(const config::Node &node) {
  return node.choice({"relative", "absolute"}) == "relative" ? Scale::kRelative : Scale::kAbsolute;
}

// JSON numbers are read without limits here: validate() has one place for them.
double any(config::Object &object, const char *key) {
  return object.number(key, -kLargest, kLargest);
}

void read_cell(config::Object object, DeviceParams::Cell &cell) {
  cell.bits = static_cast<int>(object.integer("bits", 1, kMostCellBits));
  cell.r_on_ohm = any(object, "r_on_ohm");
  cell.r_off_ohm = any(object, "r_off_ohm");
  cell.read_voltage_v = any(object, "read_voltage_v");
  object.finish();
}

void read_programming(config::Object object, DeviceParams::Programming &programming) {
  const auto distribution = object.at("distribution").choice({"none", "normal", "lognormal"});
  programming.distribution = distribution == "none"     ? Distribution::kNone
                             : distribution == "normal" ? Distribution::kNormal
                                                        : Distribution::kLognormal;
  programming.scale = read_scale(object.at("scale"));
  programming.sigma = any(object, "sigma");
  object.finish();
}

void read_write_verify(config::Object object, DeviceParams::WriteVerify &verify) {
  verify.tolerance_of_step = any(object, "tolerance_of_step");
  verify.most_pulses = static_cast<int>(object.integer("most_pulses", 1, 255));
  verify.pulse_ns = any(object, "pulse_ns");
  verify.verify_ns = any(object, "verify_ns");
  verify.pulse_energy_pj = any(object, "pulse_energy_pj");
  verify.verify_energy_pj = any(object, "verify_energy_pj");
  object.finish();
}

void read_noise(config::Object noise, config::Object telegraph, DeviceParams &params) {
  params.read_noise.scale = read_scale(noise.at("scale"));
  params.read_noise.sigma = any(noise, "sigma");
  noise.finish();
  params.telegraph_noise.cell_fraction = any(telegraph, "cell_fraction");
  params.telegraph_noise.amplitude = any(telegraph, "amplitude");
  params.telegraph_noise.amplitude_sigma = any(telegraph, "amplitude_sigma");
  params.telegraph_noise.filled_probability = any(telegraph, "filled_probability");
  telegraph.finish();
}

void read_drift(config::Object object, DeviceParams::Drift &drift) {
  drift.exponent = any(object, "exponent");
  drift.exponent_sigma = any(object, "exponent_sigma");
  drift.reference_s = any(object, "reference_s");
  drift.activation_energy_ev = any(object, "activation_energy_ev");
  drift.reference_temperature_k = any(object, "reference_temperature_k");
  object.finish();
}

void read_failures(config::Object stuck, config::Object endurance, DeviceParams &params) {
  params.stuck.at_off_fraction = any(stuck, "at_off_fraction");
  params.stuck.at_on_fraction = any(stuck, "at_on_fraction");
  stuck.finish();
  params.endurance.pulses = any(endurance, "pulses");
  params.endurance.sigma_decades = any(endurance, "sigma_decades");
  params.endurance.worn_out_at_on = endurance.at("worn_out_at").choice({"on", "off"}) == "on";
  endurance.finish();
}

}  // namespace

bool DeviceParams::cells_are_exact() const {
  const bool written_exactly =
      programming.distribution == Distribution::kNone || programming.sigma == 0;
  const bool none_stuck = stuck.at_off_fraction == 0 && stuck.at_on_fraction == 0;
  const bool stays = drift.exponent == 0 && drift.exponent_sigma == 0;
  return written_exactly && none_stuck && stays && endurance.pulses == 0;
}

bool DeviceParams::reads_are_noisy() const {
  const bool traps = telegraph_noise.cell_fraction > 0 && telegraph_noise.amplitude > 0 &&
                     telegraph_noise.filled_probability > 0;
  return read_noise.sigma > 0 || traps;
}

double programmed_s(const DeviceParams &params, double target_s, double normal) {
  const auto &programming = params.programming;
  switch (programming.distribution) {
    case Distribution::kNone:
      break;
    case Distribution::kLognormal:
      return target_s * std::exp(programming.sigma * normal);
    case Distribution::kNormal: {
      const double scale =
          programming.scale == Scale::kRelative ? target_s : params.g_on() - params.g_off();
      return std::max(0.0, target_s + programming.sigma * scale * normal);
    }
  }
  return target_s;
}

void validate(const DeviceParams &params, const std::string &origin) {
  const Checker check(origin);
  check_cell(check, params.cell);
  check_writing(check, params);
  check_reading(check, params);
  check_ageing(check, params);
}

DeviceParams parse_device(const config::Node &node) {
  DeviceParams params;
  config::Object top(node);
  params.name = top.text("name");
  params.source = top.text("source");
  read_cell(config::Object(top.at("cell")), params.cell);
  read_programming(config::Object(top.at("programming")), params.programming);
  read_write_verify(config::Object(top.at("write_verify")), params.write_verify);
  read_noise(config::Object(top.at("read_noise")), config::Object(top.at("telegraph_noise")),
             params);
  read_drift(config::Object(top.at("drift")), params.drift);
  read_failures(config::Object(top.at("stuck")), config::Object(top.at("endurance")), params);
  top.finish();
  validate(params, node.file());
  return params;
}

DeviceParams load_device(const std::string &path) {
  return parse_device(config::Node::load(path));
}

}  // namespace npim::device
