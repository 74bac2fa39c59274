#include "peripheral/spice_circuits.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace npim::peripheral {
namespace {

std::string supply(const Process &process, const Corner &corner) {
  return spice_library(process, corner) + "vdd vdd 0 " +
         spice_number(process.vdd_v * corner.supply) +
         "\n.options temp=" + spice_number(corner.temperature_c) + " reltol=1e-5 vntol=1e-7\n";
}

std::string resistor(const std::string &name, const std::string &a, const std::string &b,
                     double conductance_us) {
  return "r" + name + " " + a + " " + b + " " + spice_number(1e6 / conductance_us) + "\n";
}

// Netlists are small, and sums of strings read best.
// NOLINTBEGIN(performance-inefficient-string-concatenation)

/// A node that follows the sweep variable t about the common mode: value + slope * t volts.
std::string driven(const std::string &node, double value, double slope) {
  return "b" + node + " " + node + " 0 V=v(cm)+" + spice_number(value) + "+" + spice_number(slope) +
         "*v(t)\n";
}

/// The replica of a kind of neuron: nodes cm, the common mode of sample-and-holds, and mid, the
/// middle of references. Copies with mismatch stand in parallel; without, one is as good as all.
/// transistors: a branch of it is used.
std::string replica(const Process &process, const CurveSet &curves, const std::string &neuron,
                    const RandomStream *transistors) {
  RandomStream drawn = transistors == nullptr ? RandomStream(0, 0, 0) : transistors->branch();
  const ReplicaLevels offsets = designed_offsets(process, curves, neuron);
  std::string text =
      "eloop loop 0 trip follows 1e4\n"
      "bcm cm 0 V=v(loop)+" +
      spice_number(offsets.input_v) + "\nbmid mid 0 V=v(trip)+" + spice_number(offsets.trip_v) +
      "\n";
  for (int copy = 0; copy < (transistors == nullptr ? 1 : kReplicaCopies); ++copy) {
    const std::string at = std::to_string(copy);
    text += "xtrip" + at + " trip trip vdd neuron_" + neuron + " ";
    if (transistors != nullptr) {
      text += neuron_mismatch(process, process.neurons.at(neuron), drawn);
    }
    text += "\nxfollows" + at + " loop follows vdd input_follower ";
    if (transistors != nullptr) {
      text += follower_mismatch(process, process.input_follower, drawn);
    }
    text += "\n";
  }
  return text;
}

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

/// The analysis that sweeps t from -1 to 1. Its end lies half a step further on, for ngspice adds
/// up steps and would leave out the last one in some sweeps.
std::string ramp(int points) {
  const double step = 2.0 / (points - 1);
  return "dc vt -1 " + spice_number(1 + step / 2) + " " + spice_number(step);
}

/// Half the difference of a pair of nodes.
std::string half_of(const std::string &positive, const std::string &negative) {
  return "0.5*(v(" + positive + ")-v(" + negative + "))";
}

/// Latches of a sub-ADC; returns the text and appends the lines that they drive.
std::string latches(const Process &process, double reference_v, const NetworkNetlist &sub_adc,
                    const std::string &prefix, RandomStream *transistors,
                    std::vector<std::string> &lines) {
  std::string text;
  for (std::size_t i = 0; i + 1 < sub_adc.outputs.size(); i += 2) {
    const double offset =
        transistors == nullptr ? 0 : 1e-3 * process.comparator_offset_mv * transistors->normal();
    const std::string sign = "tanh(1e5*(" + half_of(sub_adc.outputs[i], sub_adc.outputs[i + 1]) +
                             "+" + spice_number(offset) + "))";
    for (const char *end : {"p", "n"}) {
      const std::string node = prefix + end + std::to_string(i / 2);
      text += "b" + node + " " + node + " 0 V=v(mid)" + (*end == 'p' ? "+" : "-") +
              spice_number(reference_v) + "*" + sign + "\n";
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

Vector spice_nnsa(const Instance &instance, const Corner &corner, const NnsaSweep &sweep,
                  RandomStream *transistors, const std::string &keep) {
  const Process &process = *instance.process;
  std::string body = supply(process, corner) + "vt t 0 0\n";
  std::vector<std::string> sources;
  for (int k = 0; k < kNnsaInputs - 1; ++k) {
    const std::string number = std::to_string(k);
    body += driven("ip" + number, sweep.base[k], sweep.direction[k]);
    body += driven("in" + number, -sweep.base[k], -sweep.direction[k]);
    sources.push_back("ip" + number);
    sources.push_back("in" + number);
  }
  sources.insert(sources.end(), {"vdd", "0"});
  const NetworkNetlist net = network_netlist(instance, "n", sources, transistors);
  body += net.text + replica(process, *instance.curves, instance.network->neuron, transistors);
  const auto table =
      run_spice(body, ramp(sweep.points), {half_of(net.outputs[0], net.outputs[1])}, keep);
  expect_points(table, sweep.points);
  return Eigen::Map<const Vector>(table[0].data(), static_cast<Eigen::Index>(table[0].size()));
}

namespace {

/// A chain of references (ReferenceChain) in ngspice.
class SpiceChain {
 public:
  /// levels: the text of the replica.
  SpiceChain(const Nnadc &nnadc, const Process &process, const CurveSet &curves,
             const Corner &corner, std::string levels)
      : nnadc_(nnadc),
        process_(process),
        curves_(curves),
        corner_(corner),
        levels_(std::move(levels)) {}

  /// What the copies put out when a ratio of resistors makes what they are designed for the
  /// reference; designed_v empty: that is what this chain puts out.
  std::vector<double> outputs_v(const std::vector<double> &designed_v) const {
    std::vector<double> outputs;
    for (std::size_t i = 0; i < nnadc_.stages.size(); ++i) {
      const double factor = i == 0 || designed_v.empty() ? 1 : outputs[i - 1] / designed_v[i - 1];
      outputs.push_back(output_v(nnadc_.stages[i].residue, factor));
    }
    return outputs;
  }

 private:
  double output_v(const Network &residue, double factor) const {
    RandomStream unused(0, 0, 0);
    const Instance copy = make_instance(residue, process_, curves_, {}, unused);
    const Matrix inputs = reference_inputs(process_, residue, factor);
    std::string body = supply(process_, corner_) + "vt t 0 0\n" + levels_;
    std::vector<std::string> sources;
    for (Eigen::Index k = 0; k < inputs.cols(); ++k) {
      const bool analog = residue.drives[static_cast<std::size_t>(k)] == Drive::kFollower;
      // Decisions change sign with t.
      const double value = inputs(0, k) * (analog ? 1 : factor * residue.reference_v(process_));
      for (const double sign : {1.0, -1.0}) {
        const std::string node = "i" + std::to_string(sources.size());
        body += "b" + node + " " + node + " 0 V=v(" + (analog ? "cm" : "mid") + ")+" +
                spice_number(sign * value) + (analog ? "" : "*v(t)") + "\n";
        sources.push_back(node);
      }
    }
    const NetworkNetlist net = network_netlist(copy, "q", sources, nullptr);
    const auto table =
        run_spice(body + net.text, "dc vt -1 2 2", {half_of(net.outputs[0], net.outputs[1])});
    expect_points(table, 2);
    return 0.5 * (table[0].front() + table[0].back());
  }

  const Nnadc &nnadc_;
  const Process &process_;
  const CurveSet &curves_;
  const Corner &corner_;
  std::string levels_;
};

/// ReferenceChain::factors of the circuit. levels: the text of its replica.
std::vector<double> spice_reference_factors(const Nnadc &nnadc, const Process &process,
                                            const CurveSet &curves, const Corner &corner,
                                            const std::string &levels) {
  const CurveSet &tt = curves.tt();
  const Corner &nominal = process.corners.at("tt");
  const std::string designed_levels = replica(process, tt, nnadc.flash.neuron, nullptr);
  std::vector<double> factors(nnadc.stages.size() + 1, 1.0);
  if (curves.nominal == nullptr && levels == designed_levels) return factors;
  const auto designed_v = SpiceChain(nnadc, process, tt, nominal, designed_levels).outputs_v({});
  const auto found_v = SpiceChain(nnadc, process, curves, corner, levels).outputs_v(designed_v);
  for (std::size_t i = 0; i < found_v.size(); ++i) factors[i + 1] = found_v[i] / designed_v[i];
  return factors;
}

/// Writes a converter stage by stage.
class NnadcNetlist {
 public:
  NnadcNetlist(const Nnadc &nnadc, const Process &process, const CurveSet &curves,
               const Corner &corner, bool cells, RandomStream &stream, RandomStream *transistors)
      : nnadc_(nnadc),
        process_(process),
        curves_(curves),
        stream_(stream),
        transistors_(transistors),
        levels_(replica(process, curves, nnadc.flash.neuron, transistors)),
        factors_(spice_reference_factors(nnadc, process, curves, corner, levels_)) {
    variation_.cells = cells;
  }

  /// `text` makes the input pair from nodes t and cm.
  void write(const std::string &text) {
    body_ = text + levels_;
    for (std::size_t i = 0; i < nnadc_.stages.size(); ++i) {
      const std::string number = std::to_string(i);
      const auto lines = decisions(nnadc_.stages[i].sub_adc, "s" + number, "d" + number, i);
      std::vector<std::string> sources = {signal_[0], signal_[1], signal_[0], signal_[1]};
      sources.insert(sources.end(), lines.begin(), lines.end());
      hold("u" + number, add(nnadc_.stages[i].residue, "q" + number, sources).outputs);
    }
    decisions(nnadc_.flash, "w", "dw", nnadc_.stages.size());
  }

  const std::string &body() const { return body_; }
  /// Positive where a decision is.
  const std::vector<std::string> &recorded() const { return recorded_; }

 private:
  NetworkNetlist add(const Network &network, const std::string &prefix,
                     const std::vector<std::string> &sources) {
    const Instance instance = make_instance(network, process_, curves_, variation_, stream_);
    NetworkNetlist net = network_netlist(instance, prefix, sources, transistors_);
    body_ += net.text;
    return net;
  }

  /// A sub-ADC with its latches; returns the lines that they drive.
  std::vector<std::string> decisions(const Network &sub_adc, const std::string &prefix,
                                     const std::string &latch, std::size_t stage) {
    const double reference_v = factors_[stage] * sub_adc.reference_v(process_);
    const std::string p = prefix + "biasp", n = prefix + "biasn";
    body_ += "b" + p + " " + p + " 0 V=v(mid)+" + spice_number(reference_v) + "\n";
    body_ += "b" + n + " " + n + " 0 V=v(mid)-" + spice_number(reference_v) + "\n";
    const NetworkNetlist net = add(sub_adc, prefix, {signal_[0], signal_[1], p, n});
    std::vector<std::string> lines;
    body_ += latches(process_, reference_v, net, latch, transistors_, lines);
    for (std::size_t i = 0; i < lines.size(); i += 2) {
      recorded_.push_back("v(" + lines[i] + ")-v(mid)");
    }
    return lines;
  }

  /// The sample-and-hold between stages samples the difference and sets the common mode anew, as
  /// the model has it: these networks amplify a common mode as they do a difference.
  void hold(const std::string &name, const std::vector<std::string> &pair) {
    const std::string half = half_of(pair[0], pair[1]);
    body_ += "b" + name + "p " + name + "p 0 V=v(cm)+" + half + "\n";
    body_ += "b" + name + "n " + name + "n 0 V=v(cm)-" + half + "\n";
    signal_ = {name + "p", name + "n"};
  }

  const Nnadc &nnadc_;
  const Process &process_;
  const CurveSet &curves_;
  RandomStream &stream_;
  RandomStream *transistors_;
  std::string levels_;
  std::vector<double> factors_;
  Variation variation_;
  std::string body_;
  std::vector<std::string> signal_ = {"ip", "in"}, recorded_;
};

/// The code of one point of a sweep from its recorded decisions.
int code_of(const SpiceTable &decisions, std::size_t point, std::size_t stages) {
  double code = 0;
  for (std::size_t decision = 0; decision < decisions.size(); ++decision) {
    const std::size_t stage = decision / kStageDecisions;
    const double weight =
        stage >= stages ? 1 : 2 * std::pow(kStageGain, static_cast<double>(stages - 1 - stage));
    code += 0.5 * weight * (decisions[decision][point] > 0 ? 1 : -1);
  }
  return static_cast<int>(
      std::clamp(std::round(code), double{-kHighestCode}, double{kHighestCode}));
}

}  // namespace

std::vector<int> spice_nnadc(const Nnadc &nnadc, const Process &process, const CurveSet &curves,
                             const Corner &corner, bool cells, RandomStream &stream,
                             RandomStream *transistors, double limit_v, int points,
                             const std::string &keep) {
  NnadcNetlist netlist(nnadc, process, curves, corner, cells, stream, transistors);
  netlist.write(supply(process, corner) + "vt t 0 0\n" + driven("ip", 0, limit_v) +
                driven("in", 0, -limit_v));
  const auto table = run_spice(netlist.body(), ramp(points), netlist.recorded(), keep);
  expect_points(table, points);
  std::vector<int> codes(table[0].size());
  for (std::size_t point = 0; point < codes.size(); ++point) {
    codes[point] = code_of(table, point, nnadc.stages.size());
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
  const auto table =
      run_spice(supply(process, process.corners.at("tt")) + clock("clk", 0, process.vdd_v) +
                    clock("clkb", process.vdd_v, 0) + line("p", 1) + line("n", -1),
                "tran 5p " + spice_number(end) + "n uic", {"0.5*(v(hp)-v(hn))"});
  return table[0].back();
}

// NOLINTEND(performance-inefficient-string-concatenation)

}  // namespace npim::peripheral
