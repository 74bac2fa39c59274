// npim periph spice: the trained circuits in ngspice, beside the model.
#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "app/periph_options.h"
#include "app/progress.h"
#include "app/text_table.h"
#include "base/error.h"
#include "base/file.h"
#include "dataflow/crossbar_spice.h"
#include "device/cell_bank.h"
#include "peripheral/spice_circuits.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;
using namespace peripheral;  // NOLINT: this file is about nothing else

struct SpiceOptions {
  PeriphFiles files;
  std::string part, corner, keep, json_path, device;
  int chips = 0, points = 0, points_per_code = 0, rows = 0, columns = 0;
  double wire_ohm = 0;
  std::uint64_t seed = 0;

  std::string keep_path(const std::string &name) const {
    return keep.empty() ? "" : keep + "/" + name + ".cir";
  }
};

struct Errors {
  double squares = 0, worst = 0;
  long count = 0;
  void take(const Vector &error) {
    squares += error.squaredNorm();
    worst = std::max(worst, error.cwiseAbs().maxCoeff());
    count += error.size();
  }
  double rms_mv() const { return 1e3 * std::sqrt(squares / static_cast<double>(count)); }
};

/// Gain from the charge that the switches inject, and what is missing after a step in one window.
void print_hold(const Process &process) {
  constexpr double kWindowNs = 5, kValue = 0.2;
  const double steady = spice_hold(process, kValue, kValue, kWindowNs);
  const double stepped = spice_hold(process, -kValue, kValue, kWindowNs);
  TextTable table({"sample-and-hold, 5 ns window", "SPICE", "model"});
  table.add({"injection gain", fixed(steady / kValue - 1, 5),
             fixed(process.sample_hold.injection_gain, 5)});
  table.add({"lost charge", fixed((steady - stepped) / (2 * kValue), 5),
             fixed(process.sample_hold.lost_charge, 5)});
  table.add({"kT/C noise mV", "", fixed(1e3 * process.sample_hold.noise_v(), 3)});
  std::cout << '\n' << table.format();
}

json::object spice_nnsa_part(const SpiceOptions &options, const Process &process,
                             const CurveSet &curves) {
  const Corner &corner = process.corners.at(options.corner);
  const Nnsa nnsa = load_nnsa(options.files.parameter_path(options.part), process);
  Errors same, circuit, model;
  TextTable table({"NNS+A " + options.part, "model - SPICE rms mV", "worst mV",
                   "SPICE error rms mV", "model error rms mV"});
  const auto row = [&](const std::string &what, const Errors &a, const Errors &b, const Errors &c) {
    table.add({what, fixed(a.rms_mv(), 2), fixed(1e3 * a.worst, 2), fixed(b.rms_mv(), 2),
               fixed(c.rms_mv(), 2)});
  };
  Progress progress("ngspice", options.chips);
  for (int chip = 0; chip <= options.chips; ++chip) {
    // Chip 0 is nominal. The others have the same cells in both; the transistors' mismatch is drawn
    // device by device in SPICE and as curve variants in the model.
    RandomStream stream(options.seed, static_cast<std::uint32_t>(chip), 0x591C);
    RandomStream transistors(options.seed, static_cast<std::uint32_t>(chip), 0x591D);
    NnsaSweep sweep = random_sweep(process, stream);
    sweep.points = options.points;
    Variation variation;
    variation.cells = chip > 0;
    Instance instance = make_instance(nnsa.network, process, curves, variation, stream);
    const Matrix inputs = sweep.inputs();
    const Vector ideal = nnsa.ideal(inputs);
    const Vector without = spice_nnsa(instance, corner, sweep, nullptr,
                                      options.keep_path(options.part + "-" + std::to_string(chip)));
    const Vector modelled = forward(instance, inputs).col(0);
    if (chip == 0) {
      Errors a, b, c;
      a.take(modelled - without);
      b.take(without - ideal);
      c.take(modelled - ideal);
      row("nominal", a, b, c);
      continue;
    }
    same.take(modelled - without);
    circuit.take(spice_nnsa(instance, corner, sweep, &transistors) - ideal);
    RandomStream again(options.seed + 1, static_cast<std::uint32_t>(chip), 0x591C);
    variation.mismatch = true;
    model.take(
        forward(make_instance(nnsa.network, process, curves, variation, again), inputs).col(0) -
        ideal);
    progress.at(chip);
  }
  row(std::to_string(options.chips) + " chips", same, circuit, model);
  std::cout << table.format()
            << "model - SPICE: same cells, no transistor mismatch. Errors against the ideal sum: "
               "cells and\ntransistors vary, drawn per transistor in SPICE and per curve in the "
               "model.\nMSE in SPICE: "
            << circuit.squares / static_cast<double>(circuit.count)
            << " V^2, in the model: " << model.squares / static_cast<double>(model.count)
            << " V^2\n";
  print_hold(process);
  return {{"model_minus_spice_rms_mv", same.rms_mv()},
          {"spice_mse_v2", circuit.squares / static_cast<double>(circuit.count)},
          {"model_mse_v2", model.squares / static_cast<double>(model.count)}};
}

json::object spice_nnadc_part(const SpiceOptions &options, const Process &process,
                              const CurveSet &curves) {
  const Corner &corner = process.corners.at(options.corner);
  const Nnadc nnadc = load_nnadc(options.files.parameter_path(options.part), process);
  // A ramp a little beyond the range, as measure_linearity uses it.
  const double v_max = process.amplitude_v() / nnadc.range_divisor;
  const double limit = v_max * (kHighestCode + 4.5) / kHighestCode;
  const int points = (2 * kHighestCode + 9) * options.points_per_code + 1;
  TextTable table({"NNADC " + options.part, "", "DNL LSB", "INL LSB", "ENOB", "missing",
                   "codes that differ %"});
  json::object result;
  for (int chip = 0; chip <= options.chips; ++chip) {
    RandomStream stream(options.seed, static_cast<std::uint32_t>(chip), 0xADC1);
    RandomStream transistors(options.seed, static_cast<std::uint32_t>(chip), 0xADC2);
    const std::string name = chip == 0 ? "nominal" : "chip " + std::to_string(chip);
    const auto codes = spice_nnadc(nnadc, process, curves, corner, chip > 0, stream,
                                   chip > 0 ? &transistors : nullptr, limit, points,
                                   options.keep_path(options.part + "-" + std::to_string(chip)));
    const auto from_table = [&](const Vector &x) {
      std::vector<int> found;
      for (Eigen::Index i = 0; i < x.size(); ++i) {
        const double at = (x[i] / limit + 1) / 2 * (points - 1);
        found.push_back(codes[static_cast<std::size_t>(std::clamp(at + 0.5, 0.0, points - 1.0))]);
      }
      return found;
    };
    Variation variation;
    variation.cells = variation.mismatch = chip > 0;
    RandomStream same(options.seed, static_cast<std::uint32_t>(chip), 0xADC1);
    const NnadcInstance instance(nnadc, process, curves, variation, same);
    const auto model = [&](const Vector &x) { return instance.convert(x); };
    const auto row = [&](const char *where, const Linearity &l, const std::string &differ) {
      table.add({name, where, fixed(l.dnl_low, 2) + " / " + fixed(l.dnl_high, 2),
                 fixed(l.inl_low, 2) + " / " + fixed(l.inl_high, 2), fixed(l.enob, 2),
                 std::to_string(l.missing_codes), differ});
      result[name + " " + where] = {
          {"dnl", {l.dnl_low, l.dnl_high}}, {"inl", {l.inl_low, l.inl_high}}, {"enob", l.enob}};
    };
    Vector ramp(points);
    for (int i = 0; i < points; ++i) ramp[i] = limit * (-1 + 2.0 * i / (points - 1));
    const auto modelled = instance.convert(ramp);
    int differ = 0;
    for (std::size_t i = 0; i < codes.size(); ++i) differ += codes[i] != modelled[i];
    row("SPICE", measure_linearity(from_table, v_max, options.points_per_code),
        chip == 0 ? fixed(100.0 * differ / points, 1) : "");
    row("model", measure_linearity(model, v_max, options.points_per_code), "");
  }
  std::cout << table.format();
  return result;
}

/// Bit lines of drawn crossbars with one-bit cells: nodal analysis and its fast approximation
/// against ngspice, for random levels and random inputs of a 4-bit DAC.
json::object spice_crossbar(const SpiceOptions &options) {
  const std::string path = options.device.empty()
                               ? options.files.folder + "/../devices/neural-pim.json"
                               : options.device;
  const device::DeviceParams device = device::load_device(path);
  const crossbar::Wires wires = {options.wire_ohm, options.wire_ohm, {}};
  crossbar::validate(wires);
  TextTable table({"crossbar", "drop %", "nodal - SPICE %", "fast - SPICE %"});
  dataflow::WireComparison worst;
  for (int chip = 1; chip <= options.chips; ++chip) {
    RandomStream stream(options.seed, static_cast<std::uint32_t>(chip), 0xC205);
    device::CellBank bank(device, options.rows, options.columns, {1},
                          {options.seed, 0, static_cast<std::uint32_t>(chip) & 0xFFFF});
    std::vector<std::uint8_t> levels;
    for (int i = 0; i < options.rows * options.columns; ++i) {
      levels.push_back(static_cast<std::uint8_t>(stream.below(2)));
    }
    bank.program(levels.data());
    std::vector<double> conductances, volts;
    for (int row = 0; row < options.rows; ++row) {
      volts.push_back(device.cell.read_voltage_v * stream.below(16) / 15);
      for (int column = 0; column < options.columns; ++column) {
        conductances.push_back(bank.conductance_s(row, column, {}));
      }
    }
    const std::string name = "crossbar-" + std::to_string(chip);
    const auto found = dataflow::compare_wires(options.rows, options.columns, conductances, wires,
                                               volts, options.keep_path(name));
    table.add({name, fixed(100 * found.ideal_drop, 4), fixed(100 * found.nodal_difference, 8),
               fixed(100 * found.fast_difference, 4)});
    worst.ideal_drop = std::max(worst.ideal_drop, found.ideal_drop);
    worst.nodal_difference = std::max(worst.nodal_difference, found.nodal_difference);
    worst.fast_difference = std::max(worst.fast_difference, found.fast_difference);
  }
  std::cout << options.rows << " x " << options.columns << " cells of '" << device.name << "', "
            << options.wire_ohm << " ohm per wire segment; of the largest ideal current:\n"
            << table.format();
  return {{"drop", worst.ideal_drop},
          {"nodal_minus_spice", worst.nodal_difference},
          {"fast_minus_spice", worst.fast_difference}};
}

}  // namespace

int periph_spice(const Arguments &arguments) {
  SpiceOptions to;
  po::options_description options("Options");
  to.files.add_options(options);
  auto add = options.add_options();
  add("part", po::value(&to.part)->default_value("nnsa-d4"),
      "nnsa-d1, nnsa-d2, nnsa-d4, nnadc-r1, nnadc-r2, nnadc-r4 or crossbar");
  add("chips", po::value(&to.chips)->default_value(10),
      "Monte-Carlo draws beside the nominal chip");
  add("corner", po::value(&to.corner)->default_value("tt"),
      "corner of NNS+A or NNADC, a key of the process file's corners");
  add("points", po::value(&to.points)->default_value(41), "points of an NNS+A's sweep");
  add("points-per-code", po::value(&to.points_per_code)->default_value(8),
      "resolution of an NNADC's ramp");
  add("rows", po::value(&to.rows)->default_value(128), "word lines of a crossbar");
  add("columns", po::value(&to.columns)->default_value(4), "bit lines of a crossbar");
  add("wire-ohm", po::value(&to.wire_ohm)->default_value(1),
      "wire resistance of a crossbar per cell");
  add("device", po::value(&to.device),
      "device file of a crossbar (default FOLDER/../devices/neural-pim.json)");
  add("seed", po::value(&to.seed)->default_value(3), "seed of the draws");
  add("keep", po::value(&to.keep), "folder to leave the netlists in");
  add("json", po::value(&to.json_path), "write the figures as JSON too");
  po::variables_map values;
  if (!parse_arguments(arguments,
                       "Usage: npim periph spice [--part NAME] [OPTIONS]\n\n"
                       "Writes a trained circuit (cells, inverters, followers, sample-and-hold) as "
                       "netlists,\nsweeps it in ngspice and prints model against SPICE. --part "
                       "crossbar does it for bit lines "
                       "with\nwire resistance.",
                       options, "", values)) {
    return kSuccess;
  }
  const bool is_crossbar = to.part == "crossbar";
  const PeriphPart part = is_crossbar ? PeriphPart{} : parse_part(to.part);
  if (to.rows < 1 || to.rows > 512 || to.columns < 1 || to.columns > 512) {
    throw InputError("command line", "--rows and --columns must be 1 to 512");
  }
  if (!(to.wire_ohm > 0 && to.wire_ohm < 1e6)) {
    throw InputError("command line", "--wire-ohm must be greater than 0 and less than 1e6");
  }
  if (to.points < 2 || to.points > 10000) {
    throw InputError("command line", "--points must be 2 to 10000");
  }
  if (to.chips < 1 || to.points_per_code < 1 || to.points_per_code > 64) {
    throw InputError("command line", "--chips must be at least 1 and --points-per-code 1 to 64");
  }
  if (!spice_is_installed()) throw InputError("ngspice", "is not installed");
  const Process process = load_process(to.files.process_path());
  const Curves curves = load_curves(to.files.curves_path(), process);
  if (!to.keep.empty()) std::filesystem::create_directories(to.keep);
  if (is_crossbar) {
    const json::object result = spice_crossbar(to);
    if (!to.json_path.empty()) write_file(to.json_path, json::serialize(result) + "\n");
    return kSuccess;
  }
  if (process.corners.count(to.corner) == 0 || curves.count(to.corner) == 0) {
    throw InputError("command line", "there is no corner '" + to.corner + "'");
  }
  const json::object result = part.is_nnsa ? spice_nnsa_part(to, process, curves.at(to.corner))
                                           : spice_nnadc_part(to, process, curves.at(to.corner));
  if (!to.json_path.empty()) write_file(to.json_path, json::serialize(result) + "\n");
  return kSuccess;
}

}  // namespace npim::app
