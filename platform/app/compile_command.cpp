// npim compile: ONNX model and calibration images to a program file, with the report of
// quantisation and mapping.
#include <iostream>

#include "app/command.h"
#include "app/network_source.h"
#include "app/quantisation_report.h"
#include "app/text_table.h"
#include "base/file.h"
#include "mapping/mapping.h"
#include "network/counts.h"
#include "network/quantise.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using network::LayerOp;

struct CompileOptions {
  NetworkSource source;
  std::string chip, output, json, report, name;
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
  return true;
}

std::string tile_list(const std::vector<int> &tiles) {
  std::string list;
  for (std::size_t i = 0; i < tiles.size() && i < 4; ++i) {
    list += (i == 0 ? "" : " ") + std::to_string(tiles[i]);
  }
  return tiles.size() > 4 ? list + " ... " + std::to_string(tiles.back()) : list;
}

std::string shape_text(const network::TensorShape &shape) {
  return std::to_string(shape.height) + "x" + std::to_string(shape.width) + "x" +
         std::to_string(shape.channels);
}

void print_report(const mapping::Mapping &mapping, const network::QuantisationReport &quantisation,
                  const config::ChipConfig &chip) {
  TextTable table({"layer", "op", "output", "weights", "MACs", "arrays", "used %", "blocks",
                   "tiles", "eDRAM B", "V_max/VDD", "gain", "SQNR dB", "clipped %"});
  std::int64_t weights = 0, macs = 0;
  for (std::size_t i = 0; i < mapping.layers.size(); ++i) {
    const auto &layer = mapping.layers[i];
    const auto &quality = quantisation.layers.at(i);
    weights += layer.weights;
    macs += layer.macs;
    const bool conv = layer.op == LayerOp::kConvolution;
    const auto if_conv = [&](const std::string &text) { return conv ? text : std::string(); };
    table.add({layer.name, operation_name(layer.op), shape_text(layer.output_shape),
               if_conv(with_thousands(layer.weights)), if_conv(with_thousands(layer.macs)),
               if_conv(std::to_string(layer.arrays)), if_conv(fixed(100 * layer.utilisation, 1)),
               if_conv(std::to_string(layer.row_blocks)), tile_list(layer.tiles),
               with_thousands(layer.buffer_bytes),
               if_conv(fixed(0.5 / quality.converter.range_divisor, 3)),
               if_conv(std::to_string(quality.converter.bitline_gain)), fixed(quality.sqnr_db, 1),
               if_conv(fixed(100 * quality.clipping_rate, 2))});
  }
  std::cout << table.format() << '\n'
            << mapping.arrays_used << " of " << chip.tiles() * chip.arrays_per_tile()
            << " arrays on " << mapping.tiles_used << " of " << chip.tiles() << " tiles, "
            << with_thousands(weights) << " weights, " << with_thousands(macs)
            << " MACs per image\n";
}

boost::json::object json_report(const mapping::Mapping &mapping,
                                const network::QuantisationReport &quantisation,
                                const config::ChipConfig &chip) {
  boost::json::array layers;
  for (std::size_t i = 0; i < mapping.layers.size(); ++i) {
    const auto &layer = mapping.layers[i];
    const auto &quality = quantisation.layers.at(i);
    layers.push_back({{"name", layer.name},
                      {"operation", operation_name(layer.op)},
                      {"weights", layer.weights},
                      {"macs", layer.macs},
                      {"windows", layer.windows},
                      {"arrays", layer.arrays},
                      {"utilisation", layer.utilisation},
                      {"row_blocks", layer.row_blocks},
                      {"tiles", boost::json::value_from(layer.tiles)},
                      {"edram_bytes", layer.buffer_bytes},
                      {"range_divisor", quality.converter.range_divisor},
                      {"bitline_gain", quality.converter.bitline_gain},
                      {"sqnr_db", quality.sqnr_db},
                      {"converter_sqnr_db", quality.converter_sqnr_db},
                      {"clipping_rate", quality.clipping_rate}});
  }
  return {{"chip", chip.name},
          {"arrays_used", mapping.arrays_used},
          {"tiles_used", mapping.tiles_used},
          {"layers", layers}};
}

}  // namespace

int compile_command(const Arguments &arguments) {
  CompileOptions options;
  if (!parse(arguments, options)) return kSuccess;
  const config::ChipConfig chip = config::load_chip_config(options.chip);
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
  const mapping::Mapping mapping = mapping::map_network(integers, chip);
  const Bytes file = program::serialise(mapping.program);
  write_file(options.output, file);
  print_report(mapping, quality, chip);
  if (quality.host_softmax) std::cout << "The softmax at the end is left to the host.\n";
  std::cout << "Written: " << options.output << " ("
            << with_thousands(static_cast<long long>(file.size())) << " bytes)\n";
  if (!options.json.empty()) {
    write_file(options.json, boost::json::serialize(json_report(mapping, quality, chip)) + "\n");
  }
  return kSuccess;
}

}  // namespace npim::app
