// npim dataflow: the three dataflows of [NP] section 3 beside each other: accuracy against A/D
// resolution, energy against DAC resolution, SINAD, and accuracy against injected SINAD.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <limits>
#include <mutex>

#include "analysis/dataflow_network.h"
#include "analysis/noise_injection.h"
#include "app/command.h"
#include "app/dataflow_report.h"
#include "app/network_source.h"
#include "app/progress.h"
#include "app/results.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "network/float_executor.h"
#include "network/golden.h"
#include "peripheral/parameter_file.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using dataflow::Strategy;

struct DataflowOptions {
  NetworkSource source;
  bool sweep = false, sinad = false, injection = false;
  std::string configs, device, images, labels, json, plots;
  int count = 0, runs = 0, training_steps = 0;
  std::uint64_t seed = 0;
  unsigned threads = 0;
};

constexpr const char *kUsage =
    "Usage: npim dataflow --sinad [--runs N]\n"
    "       npim dataflow --sweep MODEL --calibrate FILE --images FILE [--labels FILE]\n"
    "       npim dataflow --injection MODEL --calibrate FILE --images FILE [--labels FILE]\n\n"
    "Dataflows A (digital accumulation), B (analog buffering) and C (analog accumulation) beside "
    "each\n"
    "other. Parts may be combined.";

bool has(const Arguments &arguments, const char *option) {
  return std::find(arguments.begin(), arguments.end(), option) != arguments.end();
}

bool parse(const Arguments &arguments, DataflowOptions &to) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("sweep", po::bool_switch(&to.sweep),
      "accuracy against the resolution of the A/D converter, energy against that of the DACs, "
      "conversions ([NP] section 3)");
  add("sinad", po::bool_switch(&to.sinad),
      "SINAD of Neural-PIM with and without its circuit techniques, of the ISAAC- and the "
      "CASCADE-style chip, by Monte-Carlo ([NP] section 5.3)");
  add("injection", po::bool_switch(&to.injection),
      "accuracy with noise of 20 to 60 dB on every layer ([NP] Eq. 13)");
  add("configs", po::value(&to.configs)->default_value("configs"),
      "folder of chips, components, devices and peripherals");
  add("device", po::value(&to.device),
      "RRAM of the arrays for --sinad (default: CONFIGS/devices/neural-pim.json)");
  add("runs", po::value(&to.runs)->default_value(200), "drawn chips for --sinad (the paper: 1000)");
  add("training-steps", po::value(&to.training_steps)->default_value(20000),
      "of the NNS+A that --sinad trains without the hardware-aware recipe");
  add("seed", po::value(&to.seed)->default_value(1), "seed of all draws");
  add("threads", po::value(&to.threads)->default_value(0),
      "threads (default: one per core); results do not depend on them");
  add("plots", po::value(&to.plots), "folder to write SVG plots to");
  add("json", po::value(&to.json), "write the results as JSON too");
  // A model is needed unless only --sinad is asked for.
  const bool needs_model = has(arguments, "--sweep") || has(arguments, "--injection") ||
                           has(arguments, "--help") || !has(arguments, "--sinad");
  if (needs_model) {
    to.source.add_options(options);
    add("images", po::value(&to.images), "images to classify: IDX (also .gz) or CIFAR-10 binary");
    add("labels", po::value(&to.labels), "their labels: IDX (CIFAR-10 batches bring their own)");
    add("count", po::value(&to.count)->default_value(100), "only the first N images");
  }
  po::variables_map values;
  if (!parse_arguments(arguments, kUsage, options, needs_model ? "model" : "", values))
    return false;
  if (!to.sweep && !to.sinad && !to.injection) {
    throw InputError("command line", "one of --sweep, --sinad, --injection is missing");
  }
  if (to.runs < 1 || to.runs > 1000000) {
    throw InputError("command line", "--runs must be 1 to 1000000");
  }
  if (to.training_steps < 1 || to.training_steps > 10000000) {
    throw InputError("command line", "--training-steps must be 1 to 10000000");
  }
  if (to.threads > 1024) throw InputError("command line", "--threads must be at most 1024");
  if (!needs_model) return true;
  to.source.check(values);
  if (!to.source.has_calibration()) throw InputError("command line", "--calibrate is missing");
  if (to.images.empty()) throw InputError("command line", "--images is missing");
  if (to.count < 1) throw InputError("command line", "--count must be at least 1");
  return true;
}

/// The class with the highest score, the first among equals, of every image.
template <typename Logits>
std::vector<int> classify(const std::string &text, int count, unsigned threads, Logits logits) {
  std::vector<int> classes(static_cast<std::size_t>(count));
  Progress progress(text, count);
  std::mutex mutex;
  long done = 0;
  parallel_for(
      classes.size(),
      [&](std::size_t i) {
        const auto scores = logits(static_cast<std::int32_t>(i));
        classes[i] =
            static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
        const std::lock_guard<std::mutex> lock(mutex);
        progress.at(++done);
      },
      threads);
  return classes;
}

template <typename Other>
double agreement(const std::vector<int> &classes, const std::vector<Other> &wanted) {
  if (wanted.empty()) return -1;
  std::size_t equal = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) equal += classes[i] == wanted[i];
  return 100.0 * static_cast<double>(equal) / static_cast<double>(classes.size());
}

/// A network and its images.
class NetworkStudy {
 public:
  explicit NetworkStudy(const DataflowOptions &options)
      : options_(options),
        chip_(config::load_chip_config(options.configs + "/chips/neural-pim.json")),
        graph_(options.source.load()),
        input_(network::input_shape_of(graph_)),
        settings_(options.source.quantise_options(chip_, input_)),
        images_(network::load_images(options.images, options.labels)) {
    check_images(images_, options.images, input_, options.source.model());
    truncate(images_, options.count);
  }

  std::string name() const {
    return options_.source.name() + ", " + std::to_string(images_.count) + " images";
  }

  std::vector<AccuracyPoint> sweep() {
    const auto calibration = options_.source.load_calibration(input_);
    network::QuantiseOptions exact_options = settings_;
    exact_options.format.code = network::ConverterFormat::Code::kLossless;
    const auto exact = network::quantise(graph_, calibration, exact_options);
    const auto coded = network::quantise(graph_, calibration, settings_);
    std::vector<network::Converter> converters;
    for (const auto &layer : coded.layers) {
      converters.push_back(layer.converter);
      // The exact network's weights are not shifted: to its sums, the shift is a gain.
      converters.back().bitline_gain <<= layer.weight_shift;
    }
    const auto wanted = classify("exact sums", images_.count, options_.threads, [&](int image) {
      return network::golden_logits(exact, images_.image(image));
    });
    std::vector<AccuracyPoint> points;
    const std::pair<Strategy, int> cases[] = {{Strategy::kDigitalAccumulation, 1},
                                              {Strategy::kAnalogBuffering, 1},
                                              {Strategy::kAnalogAccumulation, chip_.dac_bits}};
    for (const auto &[strategy, dac_bits] : cases) {
      const analysis::DataflowNetwork runner(exact, converters, strategy, dac_bits);
      const int required = runner.required_bits();
      for (int bits = std::max(2, required - 6); bits <= required; ++bits) {
        const std::string text =
            std::string(letter_of(strategy)) + ", " + std::to_string(bits) + " bits";
        const auto classes = classify(text, images_.count, options_.threads, [&](int image) {
          return runner.logits(images_.image(image), bits);
        });
        points.push_back({strategy, dac_bits, bits, required, agreement(classes, images_.labels),
                          agreement(classes, wanted)});
      }
    }
    return points;
  }

  std::vector<InjectionPoint> injection() {
    std::vector<InjectionPoint> points;
    std::vector<int> wanted;
    for (const double db : {std::numeric_limits<double>::infinity(), 60.0, 55.0, 50.0, 45.0, 40.0,
                            35.0, 30.0, 25.0, 20.0}) {
      const auto classes =
          classify("injected noise", images_.count, options_.threads, [&](int image) {
            const auto input = network::float_input(input_, images_.image(image), settings_);
            return analysis::noisy_logits(graph_, input, db,
                                          {options_.seed, static_cast<std::uint64_t>(image)});
          });
      if (wanted.empty()) wanted = classes;
      points.push_back({db, agreement(classes, images_.labels), agreement(classes, wanted)});
    }
    return points;
  }

 private:
  const DataflowOptions &options_;
  const config::ChipConfig chip_;
  const network::Graph graph_;
  const network::TensorShape input_;
  const network::QuantiseOptions settings_;
  network::LabelledImages images_;
};

std::vector<analysis::DataflowEnergy> energies(const DataflowOptions &options) {
  std::vector<analysis::DataflowEnergy> points;
  for (const char *name : {"isaac-style", "cascade-style", "neural-pim"}) {
    const auto chip = config::load_chip_config(options.configs + "/chips/" + name + ".json");
    for (const int dac_bits : {1, 2, 4})
      points.push_back(analysis::dataflow_energy(chip, dac_bits));
  }
  return points;
}

std::vector<SinadRow> run_sinad(const DataflowOptions &options) {
  const std::string folder = options.configs + "/peripherals";
  const auto chip = config::load_chip_config(options.configs + "/chips/neural-pim.json");
  analysis::SinadParts parts;
  parts.process = peripheral::load_process(folder + "/process-130nm.json");
  parts.curves = peripheral::load_curves(folder + "/curves-130nm.json", parts.process).at("tt");
  parts.nnsa = peripheral::load_nnsa(folder + "/nnsa-d" + std::to_string(chip.dac_bits) + ".json",
                                     parts.process);
  for (const int divisor : chip.nnadc.range_divisors) {
    parts.converters.push_back(peripheral::load_nnadc(
        folder + "/nnadc-r" + std::to_string(divisor) + ".json", parts.process));
  }
  parts.bitline_gains = chip.bitline_gains;
  parts.isaac = peripheral::load_baseline(folder + "/isaac-style.json");
  parts.cascade = peripheral::load_baseline(folder + "/cascade-style.json");
  parts.device = device::load_device(
      options.device.empty() ? options.configs + "/devices/neural-pim.json" : options.device);
  parts.plain_nnsa = analysis::train_plain_nnsa(chip.dac_bits, parts.process, parts.curves,
                                                options.training_steps, options.seed);
  analysis::SinadOptions settings;
  settings.runs = options.runs;
  settings.seed = options.seed;
  settings.threads = options.threads;
  const auto cases = analysis::sinad_cases(parts, settings);
  Progress progress("SINAD", static_cast<long>(4 * cases.size()));
  std::vector<SinadRow> rows;
  long done = 0;
  for (const auto &one : cases) {
    SinadRow row{one.key, one.text, {}};
    const std::pair<analysis::Signals, bool> columns[] = {{analysis::Signals::kFullRange, false},
                                                          {analysis::Signals::kFullRange, true},
                                                          {analysis::Signals::kUnsigned, false},
                                                          {analysis::Signals::kSigned, false}};
    for (const auto &[signals, exact_arrays] : columns) {
      row.cells.push_back({signals, exact_arrays, one.run(signals, exact_arrays)});
      progress.at(++done);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

int dataflow_command(const Arguments &arguments) {
  DataflowOptions options;
  if (!parse(arguments, options)) return kSuccess;
  if (!options.plots.empty()) std::filesystem::create_directories(options.plots);
  boost::json::object json;
  if (options.sinad) json["sinad"] = report_sinad(run_sinad(options), options.runs);
  if (options.sweep || options.injection) {
    NetworkStudy study(options);
    json["network"] = options.source.name();
    if (options.sweep) {
      json["accuracy"] = report_accuracy(study.sweep(), study.name(), options.plots);
      json["energy"] = report_energy(energies(options), options.plots);
    }
    if (options.injection) {
      json["injection"] = report_injection(study.injection(), study.name(), options.plots);
    }
  }
  if (!options.json.empty()) write_file(options.json, boost::json::serialize(json) + "\n");
  return kSuccess;
}

}  // namespace npim::app
