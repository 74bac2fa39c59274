#include "peripheral/spice_circuits.h"

#include <algorithm>
#include <cmath>

namespace npim::peripheral {
namespace {

std::string supply(const Process &process) {
  return spice_library(process, process.corners.at("tt")) + "vdd vdd 0 " +
         spice_number(process.vdd_v) + "\n.options temp=27 reltol=1e-5 vntol=1e-7\n";
}

std::string resistor(const std::string &name, const std::string &a, const std::string &b,
                     double conductance_us) {
  return "r" + name + " " + a + " " + b + " " + spice_number(1e6 / conductance_us) + "\n";
}

/// A node that follows the sweep variable t: value + slope * t volts.
std::string driven(const std::string &node, double value, double slope) {
  return "b" + node + " " + node + " 0 V=" + spice_number(value) + "+" + spice_number(slope) +
         "*v(t)\n";
}

// Netlists are small, and sums of strings read best.
// NOLINTBEGIN(performance-inefficient-string-concatenation)

std::string layer_cells(const ProgrammedLayer &layer, const std::string &prefix,
                        const std::string &line, const std::string &column) {
  std::string text;
  for (Eigen::Index l = 0; l < layer.conductance_us.rows(); ++l) {
    for (Eigen::Index c = 0; c < layer.conductance_us.cols(); ++c) {
      const std::string at = std::to_string(l), to = std::to_string(c);
      text += resistor(prefix + column + at + "_" + to, prefix + line + at, prefix + column + to,
                       layer.conductance_us(l, c));
    }
  }
  return text;
}

/// Latches of a sub-ADC; returns the text and appends the lines that they drive.
std::string latches(const Process &process, double reference_v, const NetworkNetlist &sub_adc,
                    const std::string &prefix, RandomStream *transistors,
                    std::vector<std::string> &lines) {
  std::string text;
  for (std::size_t i = 0; i + 1 < sub_adc.outputs.size(); i += 2) {
    const double offset =
        transistors == nullptr ? 0 : 1e-3 * process.comparator_offset_mv * transistors->normal();
    const std::string sign = "tanh(1e5*(0.5*(v(" + sub_adc.outputs[i] + ")-v(" +
                             sub_adc.outputs[i + 1] + "))+" + spice_number(offset) + "))";
    for (const char *end : {"p", "n"}) {
      const std::string node = prefix + end + std::to_string(i / 2);
      text += "b" + node + " " + node + " 0 V=" + spice_number(process.mid_v()) +
              (*end == 'p' ? "+" : "-") + spice_number(reference_v) + "*" + sign + "\n";
      lines.push_back(node);
    }
  }
  return text;
}

}  // namespace

NetworkNetlist network_netlist(const Instance &instance, const std::string &prefix,
                               const std::vector<std::string> &sources, RandomStream *transistors) {
  const Network &network = *instance.network;
  const Process &process = *instance.process;
  NetworkNetlist net;
  const auto follower = [&](const char *kind, const FollowerSize &size, const std::string &name,
                            const std::string &in, const std::string &out, int strength) {
    FollowerSize drawn = size;
    drawn.width_um *= strength;
    net.text += "x" + name + " " + in + " " + out + " vdd " + kind + " " +
                (transistors == nullptr ? "" : follower_mismatch(process, drawn, *transistors)) +
                (strength > 1 ? " k=" + std::to_string(strength) : "") + "\n";
  };
  for (std::size_t line = 0; line < sources.size(); ++line) {
    const std::string node = prefix + "l" + std::to_string(line);
    if (network.drives[line / 2] == Drive::kFollower) {
      follower("input_follower", process.input_follower, prefix + "f" + std::to_string(line),
               sources[line], node, network.follower_strength);
    } else {
      net.text += "v" + node + " " + node + " " + sources[line] + " 0\n";
    }
  }
  net.text += layer_cells(instance.layer1, prefix, "l", "c");
  for (int column = 0; column < 2 * network.hidden(); ++column) {
    const std::string at = std::to_string(column);
    net.text += "x" + prefix + "h" + at + " " + prefix + "c" + at + " " + prefix + "h" + at +
                " vdd neuron_" + network.neuron + " " +
                (transistors == nullptr
                     ? ""
                     : neuron_mismatch(process, process.neurons.at(network.neuron), *transistors)) +
                "\n";
  }
  net.text += layer_cells(instance.layer2, prefix, "h", "z");
  for (int column = 0; column < 2 * network.outputs(); ++column) {
    const std::string at = std::to_string(column);
    if (network.output_followers) {
      follower("output_follower", process.output_follower, prefix + "o" + at, prefix + "z" + at,
               prefix + "y" + at, 1);
    }
    net.outputs.push_back(prefix + (network.output_followers ? "y" : "z") + at);
  }
  return net;
}

Matrix NnsaSweep::inputs() const {
  Matrix all(points, kNnsaInputs);
  for (int i = 0; i < points; ++i) {
    const double t = points == 1 ? 0 : -1 + 2.0 * i / (points - 1);
    all.row(i).head(kNnsaInputs - 1) = (base + t * direction).transpose();
    all(i, kNnsaInputs - 1) = 1;
  }
  return all;
}

NnsaSweep random_sweep(const Process &process, RandomStream &stream) {
  NnsaSweep sweep;
  sweep.base = sweep.direction = Vector::Zero(kNnsaInputs - 1);
  for (int k = 0; k < kNnsaInputs - 1; ++k) {
    const double share = stream.uniform();
    sweep.direction[k] = process.amplitude_v() * share;
    sweep.base[k] = process.amplitude_v() * (1 - share) * stream.uniform(-1, 1);
  }
  return sweep;
}

Vector spice_nnsa(const Instance &instance, const NnsaSweep &sweep, RandomStream *transistors,
                  const std::string &keep) {
  const Process &process = *instance.process;
  std::string body = supply(process) + "vt t 0 0\n";
  std::vector<std::string> sources;
  for (int k = 0; k < kNnsaInputs - 1; ++k) {
    const std::string number = std::to_string(k);
    const double middle = process.amplitude_v();
    body += driven("ip" + number, middle + sweep.base[k], sweep.direction[k]);
    body += driven("in" + number, middle - sweep.base[k], -sweep.direction[k]);
    sources.push_back("ip" + number);
    sources.push_back("in" + number);
  }
  sources.insert(sources.end(), {"vdd", "0"});
  const NetworkNetlist net = network_netlist(instance, "n", sources, transistors);
  const auto table =
      run_spice(body + net.text, "dc vt -1 1 " + spice_number(2.0 / (sweep.points - 1)),
                {"0.5*(v(" + net.outputs[0] + ")-v(" + net.outputs[1] + "))"}, keep);
  return Eigen::Map<const Vector>(table[0].data(), static_cast<Eigen::Index>(table[0].size()));
}

std::vector<int> spice_nnadc(const Nnadc &nnadc, const Process &process, const CurveSet &curves,
                             bool cells, RandomStream &stream, RandomStream *transistors,
                             double limit_v, int points, const std::string &keep) {
  Variation variation;
  variation.cells = cells;
  std::string body = supply(process) + "vt t 0 0\n" + driven("ip", process.amplitude_v(), limit_v) +
                     driven("in", process.amplitude_v(), -limit_v);
  std::vector<std::string> signal = {"ip", "in"}, recorded;
  const auto add = [&](const Network &network, const std::string &prefix,
                       const std::vector<std::string> &sources) {
    const Instance instance = make_instance(network, process, curves, variation, stream);
    NetworkNetlist net = network_netlist(instance, prefix, sources, transistors);
    body += net.text;
    return net;
  };
  // The sample-and-hold between stages samples the difference and sets the common mode anew, as the
  // model has it: these networks amplify a common mode as they do a difference.
  const auto held = [&](const std::string &name, const std::vector<std::string> &pair) {
    const std::string half = "0.5*(v(" + pair[0] + ")-v(" + pair[1] + "))";
    const std::string middle = spice_number(process.amplitude_v());
    body += "b" + name + "p " + name + "p 0 V=" + middle + "+" + half + "\n";
    body += "b" + name + "n " + name + "n 0 V=" + middle + "-" + half + "\n";
    return std::vector<std::string>{name + "p", name + "n"};
  };
  const double reference = nnadc.flash.reference_v(process);
  body += "vbiasp biasp 0 " + spice_number(process.mid_v() + reference) + "\n";
  body += "vbiasn biasn 0 " + spice_number(process.mid_v() - reference) + "\n";
  const auto with_bias_lines = [&] {
    return std::vector<std::string>{signal[0], signal[1], "biasp", "biasn"};
  };
  const auto record = [&](const std::vector<std::string> &lines) {
    for (std::size_t i = 0; i < lines.size(); i += 2) {
      recorded.push_back("v(" + lines[i] + ")-" + spice_number(process.mid_v()));
    }
  };
  for (std::size_t i = 0; i < nnadc.stages.size(); ++i) {
    const std::string number = std::to_string(i);
    const NetworkNetlist sub = add(nnadc.stages[i].sub_adc, "s" + number, with_bias_lines());
    std::vector<std::string> lines;
    body += latches(process, reference, sub, "d" + number, transistors, lines);
    record(lines);
    std::vector<std::string> sources = {signal[0], signal[1], signal[0], signal[1]};
    sources.insert(sources.end(), lines.begin(), lines.end());
    signal = held("u" + number, add(nnadc.stages[i].residue, "q" + number, sources).outputs);
  }
  std::vector<std::string> lines;
  body += latches(process, process.reference_v, add(nnadc.flash, "w", with_bias_lines()), "dw",
                  transistors, lines);
  record(lines);
  const auto table =
      run_spice(body, "dc vt -1 1 " + spice_number(2.0 / (points - 1)), recorded, keep);
  std::vector<int> codes(table[0].size());
  for (std::size_t point = 0; point < codes.size(); ++point) {
    double code = 0;
    for (std::size_t decision = 0; decision < table.size(); ++decision) {
      const std::size_t stage = decision / kStageDecisions;
      const double weight =
          stage >= nnadc.stages.size()
              ? 1
              : 2 * std::pow(kStageGain, static_cast<double>(nnadc.stages.size() - 1 - stage));
      code += 0.5 * weight * (table[decision][point] > 0 ? 1 : -1);
    }
    codes[point] =
        static_cast<int>(std::clamp(std::round(code), double{-kHighestCode}, double{kHighestCode}));
  }
  return codes;
}

double spice_hold(const Process &process, double from_v, double to_v, double window_ns) {
  const auto line = [&](const std::string &name, double sign) {
    const double before = process.amplitude_v() + sign * from_v;
    const double after = process.amplitude_v() + sign * to_v;
    const std::string in = "i" + name, out = "h" + name;
    return "v" + in + " " + in + " 0 pwl(0 " + spice_number(before) + " 1n " +
           spice_number(before) + " 1.01n " + spice_number(after) + ")\nmn" + name + " " + in +
           " clk " + out + " 0 nch w=1u l=0.13u\nmp" + name + " " + in + " clkb " + out +
           " vdd pch w=1u l=0.13u\nc" + name + " " + out + " 0 " +
           spice_number(process.sample_hold.capacitance_ff) + "f ic=" + spice_number(before) + "\n";
  };
  const double open = 2, close = open + window_ns, end = close + 2;
  const auto clock = [&](const std::string &name, double low, double high) {
    return "v" + name + " " + name + " 0 pwl(0 " + spice_number(low) + " " + spice_number(open) +
           "n " + spice_number(low) + " " + spice_number(open + 0.05) + "n " + spice_number(high) +
           " " + spice_number(close) + "n " + spice_number(high) + " " +
           spice_number(close + 0.05) + "n " + spice_number(low) + ")\n";
  };
  const auto table = run_spice(supply(process) + clock("clk", 0, process.vdd_v) +
                                   clock("clkb", process.vdd_v, 0) + line("p", 1) + line("n", -1),
                               "tran 5p " + spice_number(end) + "n uic", {"0.5*(v(hp)-v(hn))"});
  return table[0].back();
}

// NOLINTEND(performance-inefficient-string-concatenation)

}  // namespace npim::peripheral
