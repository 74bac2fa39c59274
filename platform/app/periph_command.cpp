// npim periph: the neural peripherals, NNS+A and NNADC.
#include <cmath>
#include <filesystem>
#include <iostream>
#include <optional>

#include "app/periph_options.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/file.h"
#include "peripheral/spice.h"

namespace npim::app {

namespace po = boost::program_options;
using namespace peripheral;  // NOLINT: this file is about nothing else

void PeriphFiles::add_options(po::options_description &options) {
  auto add = options.add_options();
  add("folder", po::value(&folder)->default_value("configs/peripherals"),
      "where parameter files are");
  add("process", po::value(&process), "process file (default: FOLDER/process-130nm.json)");
  add("curves", po::value(&curves), "extracted curves (default: FOLDER/curves-130nm.json)");
}

std::string PeriphFiles::process_path() const {
  return process.empty() ? folder + "/process-130nm.json" : process;
}

std::string PeriphFiles::curves_path() const {
  return curves.empty() ? folder + "/curves-130nm.json" : curves;
}

PeriphPart parse_part(const std::string &name) {
  for (const char *known : kPeriphParts) {
    if (name == known) return {name.rfind("nnsa", 0) == 0, name.back() - '0'};
  }
  throw InputError("command line", "there is no part '" + name +
                                       "' (nnsa-d1, nnsa-d2, nnsa-d4, nnadc-r1, nnadc-r2, "
                                       "nnadc-r4, or all)");
}

int periph_extract(const Arguments &arguments) {
  PeriphFiles files;
  int draws = 0;
  std::uint64_t seed = 0;
  po::options_description options("Options");
  files.add_options(options);
  options.add_options()("draws", po::value(&draws)->default_value(200),
                        "Monte-Carlo samples for the mismatch")(
      "seed", po::value(&seed)->default_value(1), "seed");
  po::variables_map values;
  if (!parse_arguments(arguments,
                       "Usage: npim periph extract [OPTIONS]\n\n"
                       "Sweeps inverters and source followers in ngspice and writes their curves.",
                       options, "", values)) {
    return kSuccess;
  }
  if (draws < 2 || draws > 100000) {
    throw InputError("command line", "--draws must be 2 to 100000");
  }
  if (!spice_is_installed()) throw InputError("ngspice", "is not installed");
  const Curves curves = extract_curves(load_process(files.process_path()), draws, seed);
  write_file(files.curves_path(), format_curves(curves));
  std::cout << "Written: " << files.curves_path() << " (" << curves.size() << " corners)\n";
  return kSuccess;
}

namespace {

struct TrainOptions {
  PeriphFiles files;
  std::string part, checkpoint;
  TrainingOptions training;
  bool fresh = false, straight = false;
};

/// Trains one part with checkpoints beside its file, and removes them at the end.
class TrainingRun {
 public:
  TrainingRun(const TrainOptions &options, const std::string &part)
      : options_(options.training),
        part_(part),
        path_(options.files.parameter_path(part) + kCheckpoint) {
    if (options.fresh) std::filesystem::remove(path_);
    if (std::filesystem::exists(path_)) {
      checkpoint_ = load_checkpoint(path_, options_);
      std::cout << "Going on from " << path_ << '\n';
    }
  }

  TrainingHooks hooks() {
    TrainingHooks hooks;
    hooks.find_state = [this](const std::string &name) -> const TrainingState * {
      const auto found = checkpoint_.find(name);
      return found == checkpoint_.end() ? nullptr : &found->second;
    };
    hooks.on_progress = [this](const std::string &name, int done, int total,
                               const TrainingState &state) {
      if (name != current_) {
        current_ = name;
        progress_.emplace(part_ + ", " + name, total);
      }
      progress_->at(done);
      const bool polished = state.step > total;
      if (done % kStepsPerLine == 0 || polished) {
        char line[120];
        std::snprintf(line, sizeof line, "%-10s %8s %10.3e\n", name.c_str(),
                      polished ? "polished" : std::to_string(done).c_str(), state.loss);
        report_ += line;
      }
      checkpoint_[name] = state;
      if (state.step % kStepsPerCheckpoint == 0 || state.step >= total) {
        write_file(path_, format_checkpoint(checkpoint_, options_));
      }
    };
    return hooks;
  }

  /// The losses as training went on, of the parts trained in this call.
  void finish() {
    progress_.reset();
    write_file(path_.substr(0, path_.size() - kCheckpoint.size()) + ".report.txt",
               "Training of " + part_ + ": seed " + std::to_string(options_.seed) + ", " +
                   std::to_string(options_.steps) + " steps of " + std::to_string(options_.batch) +
                   " samples, " + std::to_string(options_.polish_sweeps) +
                   " sweeps of polishing.\nLoss: V^2 of sums and residues, nats of decisions; "
                   "over drawn chips while training, of the polishing's chips when "
                   "polished.\n\nnetwork        step       loss\n" +
                   report_);
    std::filesystem::remove(path_);
  }

 private:
  static constexpr int kStepsPerCheckpoint = 2000, kStepsPerLine = 2500;
  static inline const std::string kCheckpoint = ".checkpoint";
  TrainingOptions options_;
  std::string part_, path_, current_, report_;
  Checkpoint checkpoint_;
  std::optional<Progress> progress_;
};

void train_part(const TrainOptions &options, const std::string &name, const Process &process,
                const CurveSet &curves) {
  const PeriphPart part = parse_part(name);
  const Provenance made{process.name, options.training};
  const std::string path = options.files.parameter_path(name);
  RandomStream stream(options.training.seed, 0,
                      static_cast<std::uint32_t>(name[4] * 256 + part.number));
  TrainingRun run(options, name);
  if (part.is_nnsa) {
    Nnsa nnsa = untrained_nnsa(part.number, process, stream);
    train_nnsa(nnsa, process, curves, options.training, run.hooks());
    write_file(path, format_nnsa(nnsa, made));
  } else {
    const Nnsa nnsa = load_nnsa(options.files.parameter_path("nnsa-d4"), process);
    Nnadc nnadc = untrained_nnadc(part.number, process, stream);
    train_nnadc(nnadc, nnsa, process, curves, options.training, run.hooks());
    write_file(path, format_nnadc(nnadc, made));
  }
  run.finish();
  std::cout << "Written: " << path << '\n' << std::flush;
}

}  // namespace

int periph_train(const Arguments &arguments) {
  TrainOptions to;
  po::options_description options("Options");
  to.files.add_options(options);
  auto add = options.add_options();
  add("part", po::value(&to.part)->default_value("all"),
      "nnsa-d1, nnsa-d2, nnsa-d4, nnadc-r1, nnadc-r2, nnadc-r4 or all");
  add("steps", po::value(&to.training.steps)->default_value(to.training.steps),
      "Adam steps per network");
  add("batch", po::value(&to.training.batch)->default_value(to.training.batch), "samples per step");
  add("polish-sweeps",
      po::value(&to.training.polish_sweeps)->default_value(to.training.polish_sweeps),
      "passes over the levels after Adam");
  add("seed", po::value(&to.training.seed)->default_value(1), "seed");
  add("straight", po::bool_switch(&to.straight),
      "NNADC: train on exact inputs instead of noisy NNS+A outputs");
  add("fresh", po::bool_switch(&to.fresh), "ignore checkpoints of an interrupted run");
  po::variables_map values;
  if (!parse_arguments(arguments,
                       "Usage: npim periph train [--part NAME] [OPTIONS]\n\n"
                       "Trains NNS+A and NNADC and writes FOLDER/PART.json. An interrupted run "
                       "goes on from\nFOLDER/PART.json.checkpoint when called again. The NNADC "
                       "learns from noisy outputs of\nFOLDER/nnsa-d4.json.",
                       options, "", values)) {
    return kSuccess;
  }
  if (to.training.steps < 1 || to.training.batch < 1) {
    throw InputError("command line", "--steps and --batch must be at least 1");
  }
  to.training.compensate_nnsa = !to.straight;
  const Process process = load_process(to.files.process_path());
  const Curves curves = load_curves(to.files.curves_path(), process);
  if (to.part != "all") {
    train_part(to, to.part, process, curves.at("tt"));
    return kSuccess;
  }
  for (const char *name : kPeriphParts) train_part(to, name, process, curves.at("tt"));
  return kSuccess;
}

int periph_command(const Arguments &arguments) {
  const std::string usage =
      "Usage: npim periph extract | train | eval | spice [OPTIONS]\n\n"
      "  extract  transfer curves of inverters and followers from ngspice\n"
      "  train    NNS+A and NNADC on these curves\n"
      "  eval     errors, DNL, INL, ENOB, histograms and plots of the trained parts\n"
      "  spice    the trained circuits in ngspice against the model\n\n"
      "`npim periph WHAT --help` lists the options.\n";
  if (arguments.empty()) {
    std::cerr << usage;
    return kBadInput;
  }
  const Arguments rest(arguments.begin() + 1, arguments.end());
  if (arguments[0] == "extract") return periph_extract(rest);
  if (arguments[0] == "train") return periph_train(rest);
  if (arguments[0] == "eval") return periph_eval(rest);
  if (arguments[0] == "spice") return periph_spice(rest);
  if (arguments[0] == "--help" || arguments[0] == "-h") {
    std::cout << usage;
    return kSuccess;
  }
  throw InputError("command line", "npim periph knows no '" + arguments[0] + "'");
}

}  // namespace npim::app
