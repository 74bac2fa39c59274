#include "peripheral/spice.h"

#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "base/file.h"
#include "base/philox.h"
#include "peripheral/replica.h"

namespace npim::peripheral {
namespace fs = std::filesystem;
namespace {

std::string transistor(const std::string &name, const std::string &nodes, const char *model,
                       double width_um, double length_um, const std::string &shift) {
  return name + " " + nodes + " " + model + " w=" + spice_number(width_um) +
         "u l=" + spice_number(length_um) + "u delvto={" + shift + "}\n";
}

std::string inverter(const std::string &name, const InverterSize &size, const Corner &corner) {
  const std::string n = spice_number(corner.nmos_threshold_v);
  const std::string p = spice_number(-corner.pmos_threshold_v);
  return ".subckt neuron_" + name + " in out vdd shn=0 shp=0 shnl=0 shpl=0\n" +
         transistor("mn", "out in 0 0", "nch", size.n_width_um, size.length_um, n + "+shn") +
         transistor("mp", "out in vdd vdd", "pch", size.p_width_um, size.length_um, p + "-shp") +
         transistor("mnl", "out out 0 0", "nch", size.load_n_width_um, size.length_um,
                    n + "+shnl") +
         transistor("mpl", "out out vdd vdd", "pch", size.load_p_width_um, size.length_um,
                    p + "-shpl") +
         ".ends\n";
}

/// A folder of its own that goes away with the object.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (fs::temp_directory_path() / "npim-spice-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder &) = delete;
  ScratchFolder &operator=(const ScratchFolder &) = delete;
  const fs::path &path() const { return path_; }

 private:
  fs::path path_;
};

SpiceTable read_table(const fs::path &path, std::size_t columns) {
  std::ifstream file(path);
  SpiceTable table(columns);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    double scale = 0, value = 0;
    for (auto &column : table) {
      if (!(words >> scale >> value)) throw std::runtime_error("ngspice wrote a short line");
      column.push_back(value);
    }
  }
  return table;
}

std::string last_lines(const fs::path &path) {
  std::ifstream file(path);
  std::string line, text;
  while (std::getline(file, line)) {
    if (!line.empty()) text += line + "; ";
    if (text.size() > 2000) text.erase(0, text.size() - 2000);
  }
  return text.empty() ? "no error message" : text;
}

struct Sweep {
  std::string device;  // instance line(s); input node in, output node out
  double low_v, high_v, step_v, mid_input_v;
};

std::string with_supply(const Process &process, const Corner &corner) {
  return spice_library(process, corner) + "vdd vdd 0 " +
         spice_number(process.vdd_v * corner.supply) +
         "\n.options temp=" + spice_number(corner.temperature_c) + "\n";
}

/// Sweeps the input, then pulls on the output at the middle for the output resistance.
DeviceCurve extract_device(const Process &process, const Corner &corner, const Sweep &sweep) {
  const std::string deck = with_supply(process, corner) + sweep.device;
  const auto out = run_spice(deck + "vin in 0 0\n",
                             "dc vin " + spice_number(sweep.low_v) + " " +
                                 spice_number(sweep.high_v) + " " + spice_number(sweep.step_v),
                             {"v(out)"});
  const auto pulled =
      run_spice(deck + "vin in 0 " + spice_number(sweep.mid_input_v) + "\ni1 0 out 0\n",
                "dc i1 -1u 1.5u 1u", {"v(out)"});
  expect_points(pulled, 3);
  DeviceCurve device;
  const double mid = pulled[0][1];
  device.curve = TransferCurve(sweep.low_v, sweep.step_v, out[0], mid);
  device.output_ohm = (pulled[0][2] - pulled[0][0]) / 2e-6;
  return device;
}

/// Least squares of the measured curve against mid + (1 + gain)(f(v - shift) - mid) to first order.
CurveVariant fit_variant(const TransferCurve &nominal, const std::vector<double> &measured) {
  double ss = 0, sg = 0, gg = 0, rs = 0, rg = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const auto point = nominal.at(nominal.low_v() + static_cast<double>(i) * nominal.step_v());
    const double by_shift = -point.slope, by_gain = point.value - nominal.mid_v();
    const double error = measured[i] - point.value;
    ss += by_shift * by_shift;
    sg += by_shift * by_gain;
    gg += by_gain * by_gain;
    rs += by_shift * error;
    rg += by_gain * error;
  }
  const double determinant = ss * gg - sg * sg;
  return {(rs * gg - rg * sg) / determinant, (rg * ss - rs * sg) / determinant};
}

constexpr double kSweepStepV = 0.01;

Sweep neuron_sweep(const Process &process, const std::string &name, double middle_v,
                   const std::string &shifts) {
  return {"xd in out vdd neuron_" + name + " " + shifts + "\n", 0, process.vdd_v, kSweepStepV,
          middle_v};
}

/// A follower's sweep, moved in whole steps to where its signals are.
Sweep moved(const Sweep &sweep, double middle_v) {
  const double by = std::round((middle_v - sweep.mid_input_v) / kSweepStepV) * kSweepStepV;
  return {sweep.device, sweep.low_v + by, sweep.high_v + by, sweep.step_v, middle_v};
}

Sweep input_follower_sweep(const Process &process, double middle_v, const std::string &shifts) {
  return moved({"xd in out vdd input_follower " + shifts + "\n", -0.05, process.signal_v + 0.05,
                kSweepStepV, process.amplitude_v()},
               middle_v);
}

Sweep output_follower_sweep(const Process &process, double middle_v, const std::string &shifts) {
  return moved({"xd in out vdd output_follower " + shifts + "\n",
                process.mid_v() - process.amplitude_v() - 0.1,
                process.mid_v() + process.amplitude_v() + 0.1, kSweepStepV, process.mid_v()},
               middle_v);
}

/// Levels of the signals of each kind of neuron.
using LevelsByNeuron = std::map<std::string, SignalLevels>;

CurveSet extract_at(const Process &process, const Corner &corner, const LevelsByNeuron &levels) {
  CurveSet set;
  set.supply_v = process.vdd_v * corner.supply;
  for (const auto &[name, at] : levels) {
    set.neurons[name] =
        extract_device(process, corner, neuron_sweep(process, name, at.middle_v, ""));
  }
  // Followers in front of the other kinds of neurons are within millivolts of these.
  const SignalLevels &summing = levels.at("summing");
  set.input_follower =
      extract_device(process, corner, input_follower_sweep(process, summing.common_mode_v, ""));
  set.output_follower =
      extract_device(process, corner, output_follower_sweep(process, summing.middle_v, ""));
  return set;
}

/// The curves of a corner about the levels that its replica gives, which a first sweep about the
/// nominal ones finds. nominal: of the tt corner; none: this is it.
CurveSet extract_corner(const Process &process, const Corner &corner,
                        const std::shared_ptr<const CurveSet> &nominal) {
  LevelsByNeuron levels;
  for (const auto &[name, size] : process.neurons) {
    (void)size;
    levels[name] = {process.amplitude_v(), process.mid_v(), 1, process.vdd_v * corner.supply};
  }
  CurveSet set = extract_at(process, corner, levels);
  if (nominal == nullptr) return set;
  set.nominal = nominal;
  for (auto &[name, at] : levels) at = signal_levels(process, set, name, nullptr);
  set = extract_at(process, corner, levels);
  set.nominal = nominal;
  return set;
}

double threshold_sigma(const Process &process, double width_um, double length_um) {
  return process.pelgrom_mv_um * 1e-3 / std::sqrt(width_um * length_um);
}

/// Sigmas of the variants of `draws` Monte-Carlo samples, all simulated in one deck.
template <class MakeSweep>
void extract_mismatch(const Process &process, const std::vector<std::string> &draws,
                      const MakeSweep &make_sweep, DeviceCurve &device) {
  std::string deck = with_supply(process, process.corners.at("tt")) + "vin in 0 0\n";
  std::vector<std::string> outputs;
  Sweep sweep{};
  for (std::size_t i = 0; i < draws.size(); ++i) {
    sweep = make_sweep(draws[i]);
    const std::string index = std::to_string(i);
    std::string line = sweep.device;
    std::string drawn = "xd";
    drawn.append(index).append(" in out").append(index);
    line.replace(line.find("xd in out"), 9, drawn);
    deck += line;
    outputs.push_back("v(out" + index + ")");
  }
  const auto curves = run_spice(deck,
                                "dc vin " + spice_number(sweep.low_v) + " " +
                                    spice_number(sweep.high_v) + " " + spice_number(sweep.step_v),
                                outputs);
  double shifts = 0, gains = 0;
  for (const auto &curve : curves) {
    const CurveVariant variant = fit_variant(device.curve, curve);
    shifts += variant.shift_v * variant.shift_v;
    gains += variant.gain * variant.gain;
  }
  device.shift_sigma_v = std::sqrt(shifts / static_cast<double>(draws.size()));
  device.gain_sigma = std::sqrt(gains / static_cast<double>(draws.size()));
}

}  // namespace

std::string neuron_mismatch(const Process &process, const InverterSize &size,
                            RandomStream &stream) {
  const auto draw = [&](const char *name, double width) {
    return std::string(name) + "=" +
           spice_number(stream.normal() * threshold_sigma(process, width, size.length_um)) + " ";
  };
  std::string text = draw("shn", size.n_width_um);
  text += draw("shp", size.p_width_um);
  text += draw("shnl", size.load_n_width_um);
  return text + draw("shpl", size.load_p_width_um);
}

std::string follower_mismatch(const Process &process, const FollowerSize &size,
                              RandomStream &stream) {
  return "sh=" +
         spice_number(stream.normal() * threshold_sigma(process, size.width_um, size.length_um));
}

std::string spice_number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.8g", value);
  return text;
}

std::string spice_library(const Process &process, const Corner &corner) {
  std::string text =
      ".model nch nmos " + process.nmos_card + "\n.model pch pmos " + process.pmos_card + "\n";
  for (const auto &[name, size] : process.neurons) text += inverter(name, size, corner);
  const auto &in = process.input_follower, &out = process.output_follower;
  text +=
      ".subckt input_follower in out vdd sh=0 k=1\n"
      "mp 0 in out out pch w={k*" +
      spice_number(in.width_um) + "u} l=" + spice_number(in.length_um) + "u delvto={" +
      spice_number(in.threshold_shift_v - corner.pmos_threshold_v) + "-sh}\n" + "ib vdd out {k*" +
      spice_number(in.bias_ua) + "u}\n.ends\n";
  text += ".subckt output_follower in out vdd sh=0\n" +
          transistor("mn", "vdd in out out", "nch", out.width_um, out.length_um,
                     spice_number(out.threshold_shift_v + corner.nmos_threshold_v) + "+sh") +
          "ib out 0 " + spice_number(out.bias_ua) + "u\n.ends\n";
  return text;
}

bool spice_is_installed() {
  return std::system("command -v ngspice >/dev/null 2>&1") == 0;
}

SpiceTable run_spice(const std::string &body, const std::string &analysis,
                     const std::vector<std::string> &outputs, const std::string &keep) {
  const ScratchFolder folder;
  const fs::path deck = folder.path() / "deck.cir", table = folder.path() / "table.txt",
                 log = folder.path() / "log.txt";
  std::string text = "* written by npim\n" + body + ".control\nset wr_singlescale=0\n" +
                     "set numdgt=12\n" + analysis + "\nwrdata " + table.string();
  for (const auto &output : outputs) text += "\n+ " + output;
  text += "\n.endc\n.end\n";
  write_file(deck.string(), text);
  if (!keep.empty()) write_file(keep, text);
  const std::string command =
      "ngspice -b " + deck.string() + " >" + log.string() + " 2>&1 </dev/null";
  const int status = std::system(command.c_str());
  if (!fs::exists(table)) {
    throw std::runtime_error("ngspice failed (status " + std::to_string(status) +
                             "): " + last_lines(log));
  }
  auto columns = read_table(table, outputs.size());
  if (columns.empty() || columns[0].empty()) throw std::runtime_error("ngspice wrote no points");
  return columns;
}

void expect_points(const SpiceTable &table, int points) {
  const auto there = static_cast<int>(table.at(0).size());
  if (there == points) return;
  throw std::runtime_error("ngspice wrote " + std::to_string(there) + " of " +
                           std::to_string(points) + " points");
}

Curves extract_curves(const Process &process, int draws, std::uint64_t seed) {
  Curves curves;
  curves["tt"] = extract_corner(process, process.corners.at("tt"), nullptr);
  CurveSet &tt = curves.at("tt");
  const auto nominal = std::make_shared<const CurveSet>(tt);
  for (const auto &[name, corner] : process.corners) {
    if (name != "tt") curves[name] = extract_corner(process, corner, nominal);
  }
  std::uint32_t part = 0;
  for (const auto &[name, size] : process.neurons) {
    RandomStream stream(seed, 0, part++);
    std::vector<std::string> shifts;
    shifts.reserve(static_cast<std::size_t>(draws));
    for (int i = 0; i < draws; ++i) shifts.push_back(neuron_mismatch(process, size, stream));
    extract_mismatch(
        process, shifts,
        [&, key = name](const std::string &text) {
          return neuron_sweep(process, key, process.mid_v(), text);
        },
        tt.neurons.at(name));
  }
  const auto follower = [&](const FollowerSize &size, auto make_sweep, double middle_v,
                            DeviceCurve &device) {
    RandomStream stream(seed, 0, part++);
    std::vector<std::string> shifts;
    shifts.reserve(static_cast<std::size_t>(draws));
    for (int i = 0; i < draws; ++i) shifts.push_back(follower_mismatch(process, size, stream));
    extract_mismatch(
        process, shifts,
        [&](const std::string &text) { return make_sweep(process, middle_v, text); }, device);
  };
  follower(process.input_follower, input_follower_sweep, process.amplitude_v(), tt.input_follower);
  follower(process.output_follower, output_follower_sweep, process.mid_v(), tt.output_follower);
  for (auto &[name, set] : curves) {
    const auto copy_sigmas = [](const DeviceCurve &from, DeviceCurve &to) {
      to.shift_sigma_v = from.shift_sigma_v;
      to.gain_sigma = from.gain_sigma;
    };
    for (auto &[key, device] : set.neurons) copy_sigmas(tt.neurons.at(key), device);
    copy_sigmas(tt.input_follower, set.input_follower);
    copy_sigmas(tt.output_follower, set.output_follower);
  }
  return curves;
}

}  // namespace npim::peripheral
