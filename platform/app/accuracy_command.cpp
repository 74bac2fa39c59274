// npim accuracy: what each step from a trained network to the chip costs in accuracy. Executes the
// float network and the integer golden executor, without firmware and timing.
#include <algorithm>
#include <iostream>
#include <mutex>

#include "app/command.h"
#include "app/network_source.h"
#include "app/progress.h"
#include "app/quantisation_report.h"
#include "app/results.h"
#include "app/text_table.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "mapping/mapping.h"
#include "network/float_executor.h"
#include "network/golden.h"
#include "simulation/program_executor.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using network::ConverterFormat;

struct AccuracyOptions {
  NetworkSource source;
  std::string chip, images, labels, json, report;
  int count = 0;
  unsigned threads = 0;
};

bool parse(const Arguments &arguments, AccuracyOptions &to) {
  po::options_description options("Options");
  to.source.add_options(options);
  auto add = options.add_options();
  add("chip", po::value(&to.chip)->required(), "chip configuration (configs/chips/*.json)");
  add("images", po::value(&to.images)->required(),
      "images to classify: IDX (also .gz) or CIFAR-10 binary");
  add("labels", po::value(&to.labels), "their labels: IDX (CIFAR-10 batches bring their own)");
  add("count", po::value(&to.count), "only the first N images");
  add("threads", po::value(&to.threads)->default_value(0),
      "threads (default: one per core); results do not depend on them");
  add("report", po::value(&to.report),
      "write what quantisation for the chip did to each layer: JSON if the name ends in .json, "
      "else "
      "a table");
  add("json", po::value(&to.json), "write the results as JSON too");
  po::variables_map values;
  if (!parse_arguments(
          arguments,
          "Usage: npim accuracy MODEL --chip FILE --calibrate FILE --images FILE [--labels "
          "FILE]\n\n"
          "Classifies images in float, in 8-bit integers with exact sums, and with the converters "
          "of an\n"
          "ideal chip: as configured, without bit-line gain, and as [NP] Eq. 12 reads literally. "
          "If "
          "the\n"
          "chip's fidelity is statistical or circuit, also with its noise and its circuits' "
          "errors.",
          options, "model", values)) {
    return false;
  }
  to.source.check(values);
  if (!to.source.has_calibration()) throw InputError("command line", "--calibrate is missing");
  if (values.count("count") != 0 && to.count < 1) {
    throw InputError("command line", "--count must be at least 1");
  }
  if (to.threads > 1024) throw InputError("command line", "--threads must be at most 1024");
  return true;
}

/// One row of the result: a way to execute the network.
struct Point {
  std::string key, text;
  std::vector<int> classes;  ///< per image
};

class Study {
 public:
  Study(const AccuracyOptions &options, const config::ChipConfig &chip, network::Graph graph,
        network::LabelledImages images)
      : options_(options),
        chip_(chip),
        graph_(std::move(graph)),
        input_(network::input_shape_of(graph_)),
        images_(std::move(images)),
        calibration_(options.source.load_calibration(input_)),
        settings_(options.source.quantise_options(chip, input_)) {}

  std::vector<Point> run() {
    std::vector<Point> points;
    points.push_back(classify("float", "float", [this](const std::uint8_t *image, int) {
      return network::float_logits(graph_, network::float_input(input_, image, settings_));
    }));
    using Code = ConverterFormat::Code;
    const Code code = settings_.format.code;
    points.push_back(integers("int8_digital", "8-bit digital (exact sums)", Code::kLossless,
                              settings_.bitline_gains, {}));
    const bool is_noisy = chip_.fidelity != config::Fidelity::kIdeal;
    if (code == Code::kLossless) {  // also dataflows A and B, whose ideal converters lose nothing
      if (is_noisy) points.push_back(noise());
      return points;
    }
    const std::string name = code == Code::kSigned8 ? "signed 8-bit codes" : "sign plus 8 bits";
    points.push_back(integers(
        "chip", "chip '" + chip_.name + "', ideal (" + name + ", gains " + gains_text() + ")", code,
        settings_.bitline_gains, options_.report));
    if (is_noisy) points.push_back(noise());
    const bool has_gain = settings_.bitline_gains != std::vector<std::int32_t>{1};
    if (has_gain) points.push_back(integers("no_gain", "the same without gain", code, {1}, {}));
    if (has_gain || code != Code::kSignPlus8) {
      points.push_back(integers("paper_literal", "paper-literal (sign plus 8 bits, no gain)",
                                Code::kSignPlus8, {1}, {}));
    }
    return points;
  }

  const network::LabelledImages &images() const { return images_; }
  const network::QuantiseOptions &settings() const { return settings_; }

 private:
  std::string gains_text() const {
    std::string text;
    for (const std::int32_t gain : settings_.bitline_gains) {
      text += (text.empty() ? "" : ", ") + std::to_string(gain);
    }
    return text;
  }

  Point integers(const std::string &key, const std::string &text, ConverterFormat::Code code,
                 const std::vector<std::int32_t> &gains, const std::string &report_path) {
    network::QuantiseOptions options = settings_;
    options.format.code = code;
    options.bitline_gains = gains;
    network::QuantisationReport report;
    const network::QuantisedNetwork integers =
        network::quantise(graph_, calibration_, options, report_path.empty() ? nullptr : &report);
    const network::TensorShape &output = integers.layers.back().output_shape;
    if (output.height != 1 || output.width != 1) {
      throw InputError(options_.source.model(), "its output is not one score per class");
    }
    if (!report_path.empty()) write_quantisation_report(report_path, integers, report);
    return classify(key, text, [&](const std::uint8_t *image, int) {
      return network::golden_logits(integers, image);
    });
  }

  /// The mapped program on arrays and converters with all their errors, calibrated: what firmware
  /// on the simulated chip classifies, to the last bit.
  Point noise() const {
    const network::QuantisedNetwork integers = network::quantise(graph_, calibration_, settings_);
    const mapping::Mapping mapping = mapping::map_network(integers, chip_);
    simulation::ProgramExecutor executor(mapping.program, chip_, options_.source.model());
    const int retired = executor.calibrate();
    if (retired != 0) {
      std::cout << "calibration took " << retired << " converters out of service" << std::endl;
    }
    return classify("noise",
                    "the same with noise (fidelity " +
                        std::string(config::to_text(chip_.fidelity)) + ", calibrated)",
                    [&](const std::uint8_t *image, int number) {
                      return executor.logits(image, static_cast<std::uint64_t>(number));
                    });
  }

  /// The class with the highest score, the first among equals.
  template <typename Logits>
  Point classify(const std::string &key, const std::string &text, Logits logits) const {
    Point point = {key, text, std::vector<int>(static_cast<std::size_t>(images_.count))};
    Progress progress(text, images_.count);
    std::mutex mutex;
    long done = 0;
    parallel_for(
        point.classes.size(),
        [&](std::size_t i) {
          const auto number = static_cast<std::int32_t>(i);
          const auto scores = logits(images_.image(number), number);
          const auto best = std::max_element(scores.begin(), scores.end());
          point.classes[i] = static_cast<int>(best - scores.begin());
          const std::lock_guard<std::mutex> lock(mutex);
          progress.at(++done);
        },
        options_.threads);
    return point;
  }

  const AccuracyOptions &options_;
  const config::ChipConfig &chip_;
  const network::Graph graph_;
  const network::TensorShape input_;
  const network::LabelledImages images_;
  const network::Calibration calibration_;
  const network::QuantiseOptions settings_;
};

/// Percent of the images on which both agree.
template <typename Other>
double agreement(const std::vector<int> &classes, const std::vector<Other> &wanted) {
  std::size_t equal = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) equal += classes[i] == wanted[i];
  return 100.0 * static_cast<double>(equal) / static_cast<double>(classes.size());
}

void print_points(const std::vector<Point> &points, const network::LabelledImages &images) {
  const bool is_labelled = !images.labels.empty();
  std::vector<std::string> headings = {"executed as"};
  if (is_labelled) headings.insert(headings.end(), {"correct %", "against float"});
  headings.emplace_back("same class as float %");
  TextTable table(headings);
  for (const Point &point : points) {
    std::vector<std::string> row = {point.text};
    if (is_labelled) {
      const double correct = agreement(point.classes, images.labels);
      row.push_back(fixed(correct, 2));
      row.push_back(fixed(correct - agreement(points[0].classes, images.labels), 2));
    }
    row.push_back(fixed(agreement(point.classes, points[0].classes), 2));
    table.add(row);
  }
  std::cout << table.format();
}

boost::json::object points_json(const std::vector<Point> &points,
                                const network::LabelledImages &images, const std::string &model,
                                const std::string &chip) {
  boost::json::array list;
  for (const Point &point : points) {
    boost::json::object json = {{"point", point.key}, {"text", point.text}};
    if (!images.labels.empty()) json["correct_percent"] = agreement(point.classes, images.labels);
    json["same_as_float_percent"] = agreement(point.classes, points[0].classes);
    list.push_back(std::move(json));
  }
  return {{"model", model}, {"chip", chip}, {"images", images.count}, {"points", std::move(list)}};
}

}  // namespace

int accuracy_command(const Arguments &arguments) {
  AccuracyOptions options;
  if (!parse(arguments, options)) return kSuccess;
  const config::ChipConfig chip = config::load_chip_config(options.chip);
  network::Graph graph = options.source.load();
  network::LabelledImages images = network::load_images(options.images, options.labels);
  check_images(images, options.images, network::input_shape_of(graph), options.source.model());
  truncate(images, options.count);
  Study study(options, chip, std::move(graph), std::move(images));
  std::cout << options.source.name() << " on " << study.images().count << " images of "
            << options.images << '\n'
            << normalisation_text(study.settings()) << std::endl;
  const std::vector<Point> points = study.run();
  print_points(points, study.images());
  if (!options.json.empty()) {
    write_file(options.json, boost::json::serialize(points_json(points, study.images(),
                                                                options.source.name(), chip.name)) +
                                 "\n");
  }
  return kSuccess;
}

}  // namespace npim::app
