// npim compile: ONNX model and calibration images to a program file, with the report of
// quantisation and mapping.
#include <algorithm>
#include <iostream>
#include <optional>
#include <sstream>

#include "app/command.h"
#include "app/mapping_report.h"
#include "app/text_table.h"
#include "base/file.h"
#include "mapping/floorplan.h"
#include "mapping/mapping.h"
#include "network/counts.h"
#include "network/dataset.h"
#include "network/onnx_import.h"
#include "network/quantise.h"
#include "network/zoo.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using network::LayerOp;

struct CompileOptions {
  std::string model, chip, calibration, output, json, name, map, replicate;
  int calibration_count = 0;
  std::optional<std::uint64_t> synthetic_weights;
  std::vector<double> input_mean, input_deviation;
  bool is_normalised = false;  // mean or deviation were given
};

/// "0.485,0.456,0.406"
std::vector<double> parse_numbers(const std::string &text, const std::string &option) {
  std::vector<double> numbers;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    std::size_t used = 0;
    double number = 0;
    try {
      number = std::stod(part, &used);
    } catch (const std::exception &) {
    }
    if (used == 0 || used != part.size()) {
      throw InputError("command line", option + " '" + text + "' is not a list of numbers");
    }
    numbers.push_back(number);
  }
  return numbers;
}

bool parse(const Arguments &arguments, CompileOptions &to) {
  po::options_description options("Options");
  auto add = options.add_options();
  std::string mean, deviation;
  std::uint64_t seed = 0;
  add("model", po::value(&to.model)->required(),
      "ONNX file (opset 11 to 17), or one of the built-in networks (alexnet, vgg-16, vgg-19, "
      "resnet-50, resnet-101, inception-v2, googlenet, mobilenet-v2, neuraltalk)");
  add("chip", po::value(&to.chip)->required(), "chip configuration (configs/chips/*.json)");
  add("calibrate", po::value(&to.calibration),
      "images that the ranges of activations and converters are chosen on: IDX (also .gz) or "
      "CIFAR-10 binary");
  add("calibrate-count", po::value(&to.calibration_count)->default_value(128),
      "use at most this many of them");
  add("synthetic-weights", po::value(&seed),
      "make up weights from this seed for a file without weights, and do without calibration: for "
      "studies of time, energy and area");
  add("input-mean", po::value(&mean),
      "per channel, subtracted from pixel / 255 (default: 0.485,0.456,0.406 with three channels, "
      "else 0)");
  add("input-std", po::value(&deviation),
      "per channel, divides what remains (default: 0.229,0.224,0.225 with three channels, else 1)");
  add("output,o", po::value(&to.output)->required(), "program file to write");
  add("name", po::value(&to.name), "name of the network in reports (default: the file's)");
  add("json", po::value(&to.json), "write the report as JSON too");
  add("map", po::value(&to.map), "draw the floorplan into this SVG file");
  add("replicate", po::value(&to.replicate)->default_value("balanced"),
      "copies of weights: balanced (as many as make all layers equally fast and fit the chip) or "
      "none");
  po::variables_map values;
  if (!parse_arguments(
          arguments,
          "Usage: npim compile MODEL.onnx --chip FILE --calibrate FILE -o FILE.npim\n\n"
          "Quantises a trained network to 8 bits, chooses NNADC range and bit-line gain per "
          "layer,\n"
          "maps it onto the chip's tiles and writes the program that firmware loads.",
          options, "model", values)) {
    return false;
  }
  if (values.count("synthetic-weights") != 0) to.synthetic_weights = seed;
  if (to.calibration.empty() && !to.synthetic_weights) {
    throw InputError("command line", "--calibrate is missing (or --synthetic-weights)");
  }
  to.is_normalised = !mean.empty() || !deviation.empty();
  to.input_mean = parse_numbers(mean, "--input-mean");
  to.input_deviation = parse_numbers(deviation, "--input-std");
  if (to.replicate != "balanced" && to.replicate != "none") {
    throw InputError("command line", "--replicate '" + to.replicate + "' is not balanced or none");
  }
  if (to.calibration_count < 1) {
    throw InputError("command line", "--calibrate-count must be at least 1");
  }
  return true;
}

network::Calibration load_calibration(const CompileOptions &options,
                                      const network::TensorShape &input) {
  network::LabelledImages images = network::load_images(options.calibration);
  const network::TensorShape shape = {images.height, images.width, images.channels};
  if (shape != input) {
    const auto text = [](const network::TensorShape &s) {
      return std::to_string(s.height) + " x " + std::to_string(s.width) + " x " +
             std::to_string(s.channels);
    };
    throw InputError(options.calibration, "has images of " + text(shape) + ", the network " +
                                              options.model + " takes " + text(input));
  }
  network::Calibration calibration;
  calibration.shape = shape;
  calibration.count = std::min(images.count, options.calibration_count);
  images.pixels.resize(static_cast<std::size_t>(calibration.count) * images.image_bytes());
  calibration.pixels = std::move(images.pixels);
  return calibration;
}

/// The normalisation that the network was trained with: as given, or that of ImageNet, which the
/// published networks for colour images share.
void set_normalisation(const CompileOptions &from, int channels, network::QuantiseOptions &to) {
  const auto count = static_cast<std::size_t>(channels);
  if (from.is_normalised) {
    to.input_mean = from.input_mean.empty() ? std::vector<double>(count, 0.0) : from.input_mean;
    to.input_deviation =
        from.input_deviation.empty() ? std::vector<double>(count, 1.0) : from.input_deviation;
  } else if (channels == 3) {
    to.input_mean = {0.485, 0.456, 0.406};
    to.input_deviation = {0.229, 0.224, 0.225};
  }
}

std::string normalisation_text(const network::QuantiseOptions &options) {
  if (options.input_mean.empty()) return "Input: pixel / 255\n";
  std::ostringstream text;
  text << "Input: (pixel / 255 - mean) / deviation, mean";
  for (const double value : options.input_mean) text << ' ' << value;
  text << ", deviation";
  for (const double value : options.input_deviation) text << ' ' << value;
  text << '\n';
  return text.str();
}

network::Graph load_model(const CompileOptions &options) {
  const auto &names = network::zoo_names();
  if (std::find(names.begin(), names.end(), options.model) != names.end()) {
    return network::zoo_network(options.model, options.synthetic_weights.value_or(1));
  }
  network::ImportOptions import;
  import.synthetic_weights = options.synthetic_weights;
  return network::import_onnx(options.model, import);
}

network::QuantiseOptions quantise_options(const config::ChipConfig &chip) {
  network::QuantiseOptions options;
  options.format.array_rows = chip.array.rows;
  options.format.code = static_cast<network::ConverterFormat::Code>(chip.nnadc.code);
  options.range_divisors.assign(chip.nnadc.range_divisors.begin(), chip.nnadc.range_divisors.end());
  options.bitline_gains.assign(chip.bitline_gains.begin(), chip.bitline_gains.end());
  return options;
}

std::string quality_text(const mapping::Mapping &mapping,
                         const network::QuantisationReport &quantisation) {
  TextTable table({"layer", "V_max/VDD", "gain", "SQNR dB", "clipped %"});
  for (std::size_t i = 0; i < mapping.layers.size(); ++i) {
    const auto &quality = quantisation.layers.at(i);
    const bool conv = mapping.layers[i].op == LayerOp::kConvolution;
    const auto if_conv = [&](const std::string &text) { return conv ? text : std::string(); };
    table.add({mapping.layers[i].name, if_conv(fixed(0.5 / quality.converter.range_divisor, 3)),
               if_conv(std::to_string(quality.converter.bitline_gain)), fixed(quality.sqnr_db, 1),
               if_conv(fixed(100 * quality.clipping_rate, 2))});
  }
  return table.format();
}

boost::json::object json_report(const mapping::Mapping &mapping,
                                const network::QuantisationReport &quantisation,
                                const config::ChipConfig &chip) {
  boost::json::array layers;
  for (std::size_t i = 0; i < mapping.layers.size(); ++i) {
    const auto &quality = quantisation.layers.at(i);
    boost::json::object layer = mapping_json(mapping.layers[i]);
    layer["range_divisor"] = quality.converter.range_divisor;
    layer["bitline_gain"] = quality.converter.bitline_gain;
    layer["sqnr_db"] = quality.sqnr_db;
    layer["converter_sqnr_db"] = quality.converter_sqnr_db;
    layer["clipping_rate"] = quality.clipping_rate;
    layers.push_back(std::move(layer));
  }
  return {{"chip", chip.name},
          {"arrays_used", mapping.arrays_used},
          {"tiles_used", mapping.tiles_used},
          {"hop_bytes", mapping.hop_bytes},
          {"layers", layers}};
}

std::string base_name(const std::string &path) {
  const auto slash = path.find_last_of('/');
  const std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
  return file.substr(0, file.find_last_of('.'));
}

}  // namespace

int compile_command(const Arguments &arguments) {
  CompileOptions options;
  if (!parse(arguments, options)) return kSuccess;
  const config::ChipConfig chip = config::load_chip_config(options.chip);
  network::Graph graph = load_model(options);
  const network::TensorShape input = network::input_shape_of(graph);
  const network::LayerCount count = network::count_network(graph);
  network::QuantisationReport quality;
  network::QuantiseOptions settings = quantise_options(chip);
  set_normalisation(options, input.channels, settings);
  settings.without_calibration = options.calibration.empty();
  const network::Calibration calibration =
      settings.without_calibration ? network::Calibration{} : load_calibration(options, input);
  auto integers = network::quantise(std::move(graph), calibration, settings, &quality);
  integers.name = options.name.empty() ? base_name(options.model) : options.name;
  mapping::MapOptions map_options;
  map_options.replication =
      options.replicate == "none" ? mapping::Replication::kNone : mapping::Replication::kBalanced;
  const mapping::Mapping mapping = mapping::map_network(integers, chip, map_options);
  const Bytes file = program::serialise(mapping.program);
  write_file(options.output, file);
  std::cout << integers.name << " on chip " << chip.name << ": " << with_thousands(count.weights)
            << " parameters, " << with_thousands(count.macs) << " MACs\n"
            << normalisation_text(settings) << '\n';
  std::cout << quality_text(mapping, quality) << '\n' << mapping_text(mapping, chip);
  if (quality.host_softmax) std::cout << "The softmax at the end is left to the host.\n";
  std::cout << "Written: " << options.output << " ("
            << with_thousands(static_cast<long long>(file.size())) << " bytes)\n";
  if (!options.map.empty()) {
    const std::string drawing = mapping::floorplan_svg(mapping, chip);
    write_file(options.map, drawing);
  }
  if (!options.json.empty()) {
    write_file(options.json, boost::json::serialize(json_report(mapping, quality, chip)) + "\n");
  }
  return kSuccess;
}

}  // namespace npim::app
