// npim compile: ONNX model and calibration images to a program file, with the report of
// quantisation and mapping.
#include <iostream>

#include "app/command.h"
#include "app/mapping_report.h"
#include "app/network_source.h"
#include "app/quantisation_report.h"
#include "app/text_table.h"
#include "base/error.h"
#include "base/file.h"
#include "mapping/floorplan.h"
#include "mapping/mapping.h"
#include "network/counts.h"
#include "network/quantise.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;

struct CompileOptions {
  NetworkSource source;
  std::string chip, output, json, report, name, map, replicate, schedule;
  std::vector<std::string> on_host;
  int channels = 1;
};

bool parse(const Arguments &arguments, CompileOptions &to) {
  po::options_description options("Options");
  to.source.add_options(options);
  auto add = options.add_options();
  add("chip", po::value(&to.chip)->required(), "chip configuration (configs/chips/*.json)");
  add("output,o", po::value(&to.output)->required(), "program file to write");
  add("name", po::value(&to.name), "name of the network in reports (default: the file's)");
  add("json", po::value(&to.json), "write the report as JSON too");
  add("report", po::value(&to.report),
      "write what quantisation did to each layer: JSON if the name ends in .json, else a table");
  add("map", po::value(&to.map), "draw the floorplan into this SVG file");
  add("replicate", po::value(&to.replicate)->default_value("balanced"),
      "copies of weights: balanced (as many as make all layers equally fast and fit the chip) or "
      "none");
  add("channels", po::value(&to.channels)->default_value(1),
      "copies of the whole network that work on different images or sequences at the same time: "
      "for "
      "recurrent networks, whose layers cannot be replicated");
  add("on-host", po::value(&to.on_host),
      "a layer that is to run on the host although the chip could; may be repeated");
  add("schedule", po::value(&to.schedule)->default_value("pipelined"),
      "pipelined (layers work at the same time) or layer-by-layer (buffers hold whole images, for "
      "`npim run --schedule layer-by-layer`)");
  po::variables_map values;
  if (!parse_arguments(
          arguments,
          "Usage: npim compile MODEL --chip FILE --calibrate FILE -o FILE.npim\n\n"
          "Quantises a trained network to 8 bits, chooses NNADC range and bit-line gain per "
          "layer,\n"
          "maps it onto the chip's tiles and writes the program that firmware loads.",
          options, "model", values)) {
    return false;
  }
  to.source.check(values);
  if (to.replicate != "balanced" && to.replicate != "none") {
    throw InputError("command line", "--replicate '" + to.replicate + "' is not balanced or none");
  }
  if (to.channels < 1 || to.channels > 64) {
    throw InputError("command line", "--channels must be 1 to 64");
  }
  if (to.schedule != "pipelined" && to.schedule != "layer-by-layer") {
    throw InputError("command line",
                     "--schedule '" + to.schedule + "' is not pipelined or layer-by-layer");
  }
  return true;
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
          {"channels", mapping.channels},
          {"arrays_used", mapping.arrays_used},
          {"tiles_used", mapping.tiles_used},
          {"hop_bytes", mapping.hop_bytes},
          {"layers", layers}};
}

}  // namespace

int compile_command(const Arguments &arguments) {
  CompileOptions options;
  if (!parse(arguments, options)) return kSuccess;
  const config::ChipConfig chip = config::load_chip_config(options.chip);
  config::require_simulated(chip, options.chip);
  network::Graph graph = options.source.load();
  const std::string name = options.name.empty() ? options.source.name() : options.name;
  const network::LayerCount count = network::count_network(graph);
  const network::TensorShape input = network::input_shape_of(graph);
  const network::QuantiseOptions settings = options.source.quantise_options(chip, input);
  // Printed before what may not fit the chip.
  std::cout << name << " on chip " << chip.name << ": " << with_thousands(count.weights)
            << " parameters, " << with_thousands(count.macs) << " MACs\n"
            << normalisation_text(settings) << std::endl;
  const network::Calibration calibration = options.source.load_calibration(input);
  network::QuantisationReport quality;
  auto integers = network::quantise(std::move(graph), calibration, settings, &quality);
  integers.name = name;
  if (!options.report.empty()) write_quantisation_report(options.report, integers, quality);
  mapping::MapOptions map_options;
  map_options.replication =
      options.replicate == "none" ? mapping::Replication::kNone : mapping::Replication::kBalanced;
  map_options.on_host = options.on_host;
  map_options.channels = options.channels;
  map_options.schedule = options.schedule == "pipelined" ? mapping::Schedule::kPipelined
                                                         : mapping::Schedule::kLayerByLayer;
  const mapping::Mapping mapping = mapping::map_network(integers, chip, map_options);
  const Bytes file = program::serialise(mapping.program);
  write_file(options.output, file);
  std::cout << quantisation_table(quality) << '\n' << mapping_text(mapping, chip);
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
