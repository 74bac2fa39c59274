// npim periph eval: how good the trained peripherals are.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "app/periph_options.h"
#include "app/svg_plot.h"
#include "app/text_table.h"
#include "base/error.h"
#include "base/file.h"
#include "peripheral/circuit.h"
#include "peripheral/measures.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;
using namespace peripheral;  // NOLINT: this file is about nothing else

struct EvalOptions {
  PeriphFiles files;
  std::string plots, json_path;
  int chips = 0, samples = 0;
  std::uint64_t seed = 0;
};

constexpr Variation kNominal{}, kVaried{true, true, true, true};

std::string scientific(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2e", value);
  return text;
}

void plot_nnsa(const Nnsa &nnsa, const Process &process, const CurveSet &curves,
               const std::string &path) {
  // All inputs alike: the output sweeps its whole range.
  constexpr int kPoints = 201;
  SvgPlot plot("NNS+A, P_D = " + std::to_string(nnsa.dac_bits), "ideal output (mV)", "error (mV)");
  Matrix inputs = Matrix::Ones(kPoints, kNnsaInputs);
  std::vector<double> x(kPoints), y(kPoints);
  for (int i = 0; i < kPoints; ++i) {
    inputs.row(i).head(kNnsaInputs - 1).setConstant(process.amplitude_v() * (0.02 * i / 2 - 1));
  }
  const Vector ideal = nnsa.ideal(inputs);
  for (int chip = 0; chip < 9; ++chip) {
    RandomStream stream(1, static_cast<std::uint32_t>(chip), 0x910);
    const Instance instance =
        make_instance(nnsa.network, process, curves, chip == 0 ? kNominal : kVaried, stream);
    const Vector output = forward(instance, inputs).col(0);
    for (int i = 0; i < kPoints; ++i) {
      x[static_cast<std::size_t>(i)] = 1e3 * ideal[i];
      y[static_cast<std::size_t>(i)] = 1e3 * (output[i] - ideal[i]);
    }
    plot.add(chip == 0 ? "nominal" : chip == 1 ? "drawn chips" : "", x, y, chip == 0);
  }
  write_file(path, plot.text());
}

json::object eval_nnsa(const EvalOptions &options, const std::string &name, const Process &process,
                       const Curves &curves) {
  const Nnsa nnsa = load_nnsa(options.files.parameter_path(name), process);
  json::object result;
  TextTable table({"NNS+A " + name, "MSE V^2", "lowest mV", "highest mV", "mean mV", "chips"});
  const auto row = [&](const std::string &what, const CurveSet &set, const Variation &variation,
                       int chips) {
    const ErrorMeasure m =
        measure_nnsa(nnsa, process, set, variation, chips, options.samples, options.seed);
    table.add({what, scientific(m.mse_v2), fixed(m.lowest_mv, 2), fixed(m.highest_mv, 2),
               fixed(m.mean_mv, 2), std::to_string(chips)});
    result[what] = json::object{{"mse_v2", m.mse_v2},
                                {"lowest_mv", m.lowest_mv},
                                {"highest_mv", m.highest_mv},
                                {"samples", m.samples}};
  };
  row("nominal", curves.at("tt"), kNominal, 1);
  row("with variation", curves.at("tt"), kVaried, options.chips);
  for (const auto &[corner, set] : curves) {
    if (corner != "tt") row("corner " + corner, set, kVaried, std::max(1, options.chips / 10));
  }
  std::cout << table.format() << '\n';
  if (!options.plots.empty()) {
    plot_nnsa(nnsa, process, curves.at("tt"), options.plots + "/" + name + ".svg");
  }
  return result;
}

void plot_nnadc(const std::string &name, const std::string &folder, const Linearity &nominal,
                const Linearity &varied) {
  const auto curve = [&](const std::string &what, const std::vector<double> &a,
                         const std::vector<double> &b) {
    SvgPlot plot(name + " " + what, "code", what + " (LSB)");
    const auto codes = [](std::size_t count) {
      std::vector<double> x(count);
      for (std::size_t i = 0; i < count; ++i) x[i] = static_cast<double>(i) - 126;
      return x;
    };
    plot.add("a drawn chip", codes(b.size()), b, false);
    plot.add("nominal", codes(a.size()), a, true);
    write_file(folder + "/" + name + "-" + what + ".svg", plot.text());
  };
  curve("DNL", nominal.dnl, varied.dnl);
  curve("INL", nominal.inl, varied.inl);
  SvgPlot histogram(name + " code histogram", "code", "samples of a ramp (ideal 16)");
  std::vector<double> codes, counts;
  for (std::size_t i = 1; i + 1 < varied.histogram.size(); ++i) {  // the end codes have no width
    codes.push_back(static_cast<double>(i) - kHighestCode);
    counts.push_back(varied.histogram[i]);
  }
  histogram.add("a drawn chip", codes, counts, true);
  write_file(folder + "/" + name + "-histogram.svg", histogram.text());
  SvgPlot transfer(name + " transfer", "input (LSB)", "code");
  std::vector<double> x, y;
  double position = -131;  // the ramp starts 4 LSB below the range's end
  for (std::size_t code = 0; code < varied.histogram.size(); ++code) {
    x.push_back(position);
    y.push_back(static_cast<double>(code) - kHighestCode);
    position += varied.histogram[code] / 16.0;
    x.push_back(position);
    y.push_back(y.back());
  }
  transfer.add("a drawn chip", x, y, true);
  write_file(folder + "/" + name + "-transfer.svg", transfer.text());
}

double at_share(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

json::object linearity_json(const Linearity &l) {
  return {{"dnl", {l.dnl_low, l.dnl_high}},
          {"inl", {l.inl_low, l.inl_high}},
          {"enob", l.enob},
          {"offset_lsb", l.offset_lsb},
          {"gain_error", l.gain_error},
          {"missing_codes", l.missing_codes}};
}

/// Samples of a ramp per code, in groups of eight codes.
void print_histogram(const Linearity &l) {
  constexpr std::size_t kGroup = 8;
  std::cout << "code histogram of chip 0, samples per " << kGroup << " codes from " << -kHighestCode
            << " on (ideal " << 16 * kGroup << ", more at the ends):";
  for (std::size_t first = 0; first < l.histogram.size(); first += kGroup) {
    int sum = 0;
    for (std::size_t i = first; i < std::min(first + kGroup, l.histogram.size()); ++i) {
      sum += l.histogram[i];
    }
    std::cout << (first % (16 * kGroup) == 0 ? "\n " : "") << ' ' << sum;
  }
  std::cout << "\n\n";
}

/// Linearity of drawn converters, worst deviations as magnitudes.
struct Spread {
  std::vector<double> dnl, inl, enob;
  Linearity first;
};

/// Measures drawn chips of one converter.
class NnadcBench {
 public:
  NnadcBench(const EvalOptions &options, const Nnadc &nnadc, const Process &process)
      : options_(options),
        nnadc_(nnadc),
        process_(process),
        limit_v_(process.amplitude_v() / nnadc.range_divisor) {}

  Linearity measure(const CurveSet &set, const Variation &variation, int chip) const {
    RandomStream stream(options_.seed, static_cast<std::uint32_t>(chip), 0xADC);
    const CircuitCurves tables(set);
    const NnadcCircuit circuit(NnadcInstance(nnadc_, process_, set, variation, stream), tables);
    const auto convert = [&](const Vector &inputs_v) {
      const std::vector<float> inputs(inputs_v.begin(), inputs_v.end());
      std::vector<std::int32_t> codes(inputs.size());
      circuit.convert(inputs.data(), inputs.size(), codes.data());
      return std::vector<int>(codes.begin(), codes.end());
    };
    return measure_linearity(convert, limit_v_, 16);
  }

  Spread measure_chips(const CurveSet &set, const Variation &variation, int chips) const {
    Spread spread;
    for (int chip = 0; chip < chips; ++chip) {
      Linearity l = measure(set, variation, chip);
      spread.dnl.push_back(std::max(-l.dnl_low, l.dnl_high));
      spread.inl.push_back(std::max(-l.inl_low, l.inl_high));
      spread.enob.push_back(l.enob);
      if (chip == 0) spread.first = std::move(l);
    }
    return spread;
  }

 private:
  const EvalOptions &options_;
  const Nnadc &nnadc_;
  const Process &process_;
  double limit_v_;
};

/// Which source of errors costs what: medians over drawn chips with one kind of variation each.
void print_budget(const NnadcBench &bench, const CurveSet &set, int chips) {
  TextTable table({"what varies, medians", "|DNL| max", "|INL| max", "ENOB"});
  const auto row = [&](const char *what, const Variation &variation, int count) {
    const Spread spread = bench.measure_chips(set, variation, count);
    table.add({what, fixed(at_share(spread.dnl, 0.5), 2), fixed(at_share(spread.inl, 0.5), 2),
               fixed(at_share(spread.enob, 0.5), 2)});
  };
  row("nothing", kNominal, 1);
  row("cells", {true, false, true, true}, chips);
  row("transistors and latches", {false, true, true, true}, chips);
  std::cout << table.format();
}

json::object eval_nnadc(const EvalOptions &options, const std::string &name, const Process &process,
                        const Curves &curves) {
  const Nnadc nnadc = load_nnadc(options.files.parameter_path(name), process);
  const NnadcBench bench(options, nnadc, process);
  TextTable table(
      {"NNADC " + name, "DNL LSB", "INL LSB", "ENOB", "missing", "offset LSB", "gain error %"});
  const auto row = [&](const std::string &what, const Linearity &l) {
    table.add({what, fixed(l.dnl_low, 2) + " / " + fixed(l.dnl_high, 2),
               fixed(l.inl_low, 2) + " / " + fixed(l.inl_high, 2), fixed(l.enob, 2),
               std::to_string(l.missing_codes), fixed(l.offset_lsb, 2),
               fixed(100 * l.gain_error, 2)});
  };
  const Linearity nominal = bench.measure(curves.at("tt"), kNominal, 0);
  row("nominal", nominal);
  json::object result = {{"nominal", linearity_json(nominal)}};
  const Spread chips = bench.measure_chips(curves.at("tt"), kVaried, options.chips);
  const Linearity &example = chips.first;
  row("chip 0", example);
  for (const auto &[corner, set] : curves) {
    if (corner != "tt") row("nominal, " + corner, bench.measure(set, kNominal, 0));
  }
  std::cout << table.format();
  TextTable spread({"over " + std::to_string(options.chips) + " drawn chips", "best 10 %", "median",
                    "worst 10 %", "worst"});
  const auto spread_row = [&](const char *what, const std::vector<double> &values,
                              bool high_is_bad) {
    const auto cell = [&](double share) {
      return fixed(at_share(values, high_is_bad ? share : 1 - share), 2);
    };
    spread.add({what, cell(0.1), cell(0.5), cell(0.9), cell(1)});
    result[what] = {{"median", at_share(values, 0.5)},
                    {"best_tenth", at_share(values, high_is_bad ? 0.1 : 0.9)},
                    {"worst_tenth", at_share(values, high_is_bad ? 0.9 : 0.1)}};
  };
  spread_row("|DNL| max", chips.dnl, true);
  spread_row("|INL| max", chips.inl, true);
  spread_row("ENOB", chips.enob, false);
  std::cout << spread.format();
  print_budget(bench, curves.at("tt"), std::max(1, options.chips / 4));
  print_histogram(example);
  json::array histogram;
  for (const int count : example.histogram) histogram.push_back(count);
  result["chip 0"] = linearity_json(example);
  result["code_histogram"] = std::move(histogram);
  if (!options.plots.empty()) plot_nnadc(name, options.plots, nominal, example);
  return result;
}

}  // namespace

int periph_eval(const Arguments &arguments) {
  EvalOptions to;
  po::options_description options("Options");
  to.files.add_options(options);
  auto add = options.add_options();
  add("chips", po::value(&to.chips)->default_value(200), "drawn chips");
  add("samples", po::value(&to.samples)->default_value(500), "random inputs per NNS+A");
  add("seed", po::value(&to.seed)->default_value(7), "seed of the draws");
  add("plots", po::value(&to.plots), "folder to write SVG plots to");
  add("json", po::value(&to.json_path), "write the figures (and code histograms) as JSON too");
  po::variables_map values;
  if (!parse_arguments(arguments,
                       "Usage: npim periph eval [OPTIONS]\n\n"
                       "Monte-Carlo evaluation of the parameter files in FOLDER that exist.",
                       options, "", values)) {
    return kSuccess;
  }
  if (to.chips < 1 || to.samples < 1) {
    throw InputError("command line", "--chips and --samples must be at least 1");
  }
  const Process process = load_process(to.files.process_path());
  const Curves curves = load_curves(to.files.curves_path(), process);
  if (!to.plots.empty()) std::filesystem::create_directories(to.plots);
  json::object all;
  for (const char *name : kPeriphParts) {
    if (!std::filesystem::exists(to.files.parameter_path(name))) {
      std::cout << name << ": not trained\n";
      continue;
    }
    all[name] = parse_part(name).is_nnsa ? eval_nnsa(to, name, process, curves)
                                         : eval_nnadc(to, name, process, curves);
  }
  if (all.empty()) throw InputError(to.files.folder, "holds no trained parameters");
  if (!to.json_path.empty()) write_file(to.json_path, json::serialize(all) + "\n");
  return kSuccess;
}

}  // namespace npim::app
