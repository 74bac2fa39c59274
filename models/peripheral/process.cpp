#include "peripheral/process.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "config/json_config.h"

namespace npim::peripheral {
namespace {

using config::Node;
using config::Object;

constexpr double kBoltzmann = 1.380649e-23;

InverterSize read_inverter(const Node &node) {
  Object object(node);
  InverterSize size;
  size.n_width_um = object.number("n_width_um", 0.15, 1000);
  size.p_width_um = object.number("p_width_um", 0.15, 1000);
  size.load_n_width_um = object.number("load_n_width_um", 0.15, 1000);
  size.load_p_width_um = object.number("load_p_width_um", 0.15, 1000);
  size.length_um = object.number("length_um", 0.13, 10);
  object.finish();
  return size;
}

FollowerSize read_follower(const Node &node) {
  Object object(node);
  FollowerSize size;
  size.width_um = object.number("width_um", 0.15, 1000);
  size.length_um = object.number("length_um", 0.13, 10);
  size.threshold_shift_v = object.number("threshold_shift_v", -0.5, 0.5);
  size.bias_ua = object.number("bias_ua", 0.1, 1e4);
  object.finish();
  return size;
}

Corner read_corner(const Node &node) {
  Object object(node);
  Corner corner;
  corner.nmos_threshold_v = object.number("nmos_threshold_v", -0.2, 0.2);
  corner.pmos_threshold_v = object.number("pmos_threshold_v", -0.2, 0.2);
  corner.temperature_c = object.number("temperature_c", -55, 150);
  corner.supply = object.number("supply_factor", 0.5, 1.5);
  object.finish();
  return corner;
}

Process::Rram read_rram(const Node &node) {
  Object object(node);
  Process::Rram rram;
  rram.on_kohm = object.number("on_kohm", 0.1, 1e6);
  rram.off_kohm = object.number("off_kohm", 0.1, 1e9);
  if (rram.off_kohm <= rram.on_kohm) object.at("off_kohm").fail("must be greater than on_kohm");
  rram.level_bits = static_cast<int>(object.integer("level_bits", 1, 8));
  rram.sigma = object.number("sigma", 0, 1);
  object.finish();
  return rram;
}

Process::SampleHold read_sample_hold(const Node &node) {
  Object object(node);
  Process::SampleHold held;
  held.capacitance_ff = object.number("capacitance_ff", 1, 1e6);
  held.lost_charge = object.number("lost_charge", 0, 0.5);
  held.injection_gain = object.number("injection_gain", -0.5, 0.5);
  held.temperature_c = object.number("temperature_c", -55, 150);
  object.finish();
  return held;
}

DeviceCurve read_device(const Node &node) {
  Object object(node);
  DeviceCurve device;
  const double low = object.number("low_v", -5, 5), step = object.number("step_v", 1e-4, 1);
  const double mid = object.number("mid_v", -5, 5);
  std::vector<double> values;
  for (const auto &item : object.at("values_v").items()) values.push_back(item.number(-10, 10));
  if (values.size() < 2) object.at("values_v").fail("needs two points at least");
  device.curve = TransferCurve(low, step, values, mid);
  device.output_ohm = object.number("output_ohm", 0, 1e9);
  device.shift_sigma_v = object.number("shift_sigma_v", 0, 1);
  device.gain_sigma = object.number("gain_sigma", 0, 1);
  object.finish();
  return device;
}

CurveSet read_curve_set(const Node &node) {
  Object object(node);
  CurveSet set;
  set.supply_v = object.number("supply_v", 0.05, 20);
  set.input_follower = read_device(object.at("input_follower"));
  set.output_follower = read_device(object.at("output_follower"));
  Object neurons(object.at("neurons"));
  for (const auto &name : neurons.keys()) set.neurons[name] = read_device(neurons.at(name));
  object.finish();
  return set;
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string device_text(const DeviceCurve &device) {
  std::string text = "{\"low_v\": " + number(device.curve.low_v()) +
                     ", \"step_v\": " + number(device.curve.step_v()) +
                     ", \"mid_v\": " + number(device.curve.mid_v()) +
                     ", \"output_ohm\": " + number(device.output_ohm) +
                     ", \"shift_sigma_v\": " + number(device.shift_sigma_v) +
                     ", \"gain_sigma\": " + number(device.gain_sigma) + ",\n      \"values_v\": [";
  const auto &values = device.curve.values_v();
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += (i == 0 ? "" : i % 12 == 0 ? ",\n        " : ", ") + number(values[i]);
  }
  return text + "]}";
}

void check_curves(const Curves &curves, const Process &process, const std::string &path) {
  const auto refuse = [&](const std::string &key, const std::string &what) {
    throw InputError(path + ": key '" + key + "'", what);
  };
  for (const auto &[corner, set] : curves) {
    const auto &there = set.neurons;
    const auto lacks = [&](const auto &neuron) { return there.count(neuron.first) == 0; };
    const auto missing = std::find_if(process.neurons.begin(), process.neurons.end(), lacks);
    if (missing != process.neurons.end()) refuse(corner, "has no neuron '" + missing->first + "'");
  }
  const double supply_v = process.vdd_v * process.corners.at("tt").supply;
  if (std::abs(curves.at("tt").supply_v - supply_v) > 1e-6) {
    refuse("tt.supply_v", "the process has " + std::to_string(supply_v) +
                              " V: extract the curves again (npim periph extract)");
  }
}

}  // namespace

double Process::SampleHold::noise_v() const {
  return std::sqrt(kBoltzmann * (temperature_c + 273.15) / (capacitance_ff * 1e-15));
}

Process load_process(const std::string &path) {
  const Node root = Node::load(path);
  Object object(root);
  Process process;
  process.name = object.text("name");
  process.vdd_v = object.number("vdd_v", 0.1, 10);
  process.signal_v = object.number("signal_v", 0.01, process.vdd_v);
  process.reference_v = object.number("reference_v", 0.01, process.vdd_v / 2);
  process.nmos_card = object.text("nmos_card");
  process.pmos_card = object.text("pmos_card");
  process.pelgrom_mv_um = object.number("pelgrom_mv_um", 0, 100);
  Object neurons(object.at("neurons"));
  for (const auto &name : neurons.keys()) process.neurons[name] = read_inverter(neurons.at(name));
  for (const char *needed : {"summing", "residue"}) (void)neurons.at(needed);
  process.input_follower = read_follower(object.at("input_follower"));
  process.output_follower = read_follower(object.at("output_follower"));
  Object corners(object.at("corners"));
  for (const auto &name : corners.keys()) process.corners[name] = read_corner(corners.at(name));
  (void)corners.at("tt");
  process.rram = read_rram(object.at("rram"));
  process.sample_hold = read_sample_hold(object.at("sample_hold"));
  process.comparator_offset_mv = object.number("comparator_offset_mv", 0, 1000);
  object.finish();
  return process;
}

Curves load_curves(const std::string &path, const Process &process) {
  const Node root = Node::load(path);
  Object object(root);
  Curves curves;
  for (const auto &name : object.keys()) curves[name] = read_curve_set(object.at(name));
  (void)object.at("tt");
  check_curves(curves, process, path);
  const auto tt = std::make_shared<const CurveSet>(curves.at("tt"));
  for (auto &[corner, set] : curves) {
    if (corner != "tt") set.nominal = tt;
  }
  return curves;
}

std::string format_curves(const Curves &curves) {
  std::string text =
      "// Transfer curves, output resistances and mismatch, extracted by `npim periph extract`.\n{";
  bool first = true;
  for (const auto &[corner, set] : curves) {
    text += std::string(first ? "" : ",") + "\n  \"" + corner +
            "\": {\n    \"supply_v\": " + number(set.supply_v) +
            ",\n    \"input_follower\": " + device_text(set.input_follower) +
            ",\n    \"output_follower\": " + device_text(set.output_follower) +
            ",\n    \"neurons\": {";
    first = false;
    bool first_neuron = true;
    for (const auto &[name, neuron] : set.neurons) {
      text +=
          std::string(first_neuron ? "" : ",") + "\n      \"" + name + "\": " + device_text(neuron);
      first_neuron = false;
    }
    text += "}\n  }";
  }
  return text + "\n}\n";
}

}  // namespace npim::peripheral
