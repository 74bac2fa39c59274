#include "app/quantisation_report.h"

#include <algorithm>
#include <cmath>

#include "app/operation_name.h"
#include "app/text_table.h"
#include "base/file.h"

namespace npim::app {
namespace {

using network::LayerOp;
using network::LayerReport;

double real_of(const LayerReport &layer, int integer) {
  return layer.output_scale * (integer - layer.output_zero_point);
}

/// A digit per bin: the tenths of its share, "." for none at all.
std::string histogram_text(const std::vector<std::int64_t> &counts) {
  std::int64_t largest = 0;
  for (const std::int64_t count : counts) largest = std::max(largest, count);
  std::string text;
  for (const std::int64_t count : counts) {
    const auto level = largest == 0 ? 0 : count * 9 / largest;
    text += count == 0 ? '.' : static_cast<char>('0' + level);
  }
  return text;
}

const char *code_name(network::ConverterFormat::Code code) {
  switch (code) {
    case network::ConverterFormat::Code::kSigned8:
      return "signed8";
    case network::ConverterFormat::Code::kSignPlus8:
      return "sign_plus_8";
    default:
      return "lossless";
  }
}

bool ends_with(const std::string &text, const std::string &ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

}  // namespace

std::string quantisation_table(const network::QuantisationReport &report) {
  TextTable table({"layer", "op", "lowest", "highest", "SQNR dB", "V_max/VDD", "gain",
                   "converter dB", "clipped %", "codes, lowest to highest"});
  for (const LayerReport &layer : report.layers) {
    const bool converts = layer.op == LayerOp::kConvolution;
    const auto if_converts = [&](const std::string &text) { return converts ? text : ""; };
    table.add({layer.name, operation_name(layer.op),
               layer.output_s32 ? "32 bits" : fixed(real_of(layer, 0), 3),
               layer.output_s32 ? "" : fixed(real_of(layer, 255), 3),
               layer.has_sqnr ? fixed(layer.sqnr_db, 1) : "",
               if_converts(fixed(0.5 / layer.converter.range_divisor, 3)),
               if_converts(std::to_string(layer.converter.bitline_gain)),
               if_converts(fixed(layer.converter_sqnr_db, 1)),
               if_converts(fixed(100 * layer.clipping_rate, 3)),
               histogram_text(layer.code_histogram)});
  }
  return table.format() +
         "SQNR: of the output against the float network. Converter: of the sums of its codes "
         "against "
         "exact\nsums. Codes: conversions per sixteenth of the code range, 9 for the most "
         "frequent, a "
         "point for none.\n";
}

boost::json::object quantisation_json(const network::QuantisedNetwork &network,
                                      const network::QuantisationReport &report) {
  boost::json::array layers;
  for (const LayerReport &layer : report.layers) {
    boost::json::object json = {{"name", layer.name},
                                {"operation", operation_name(layer.op)},
                                {"output_scale", layer.output_scale},
                                {"output_zero_point", layer.output_zero_point}};
    if (!layer.output_s32) {
      json["output_lowest"] = real_of(layer, 0);
      json["output_highest"] = real_of(layer, 255);
    }
    if (layer.has_sqnr) json["sqnr_db"] = layer.sqnr_db;
    if (layer.op == LayerOp::kConvolution) {
      json["converter"] = {{"range_of_vdd", 0.5 / layer.converter.range_divisor},
                           {"bitline_gain", layer.converter.bitline_gain},
                           {"sqnr_db", layer.converter_sqnr_db},
                           {"clipping_rate", layer.clipping_rate},
                           {"code_histogram", boost::json::value_from(layer.code_histogram)}};
    }
    layers.push_back(std::move(json));
  }
  return {{"network", network.name},
          {"code_format", code_name(network.format.code)},
          {"array_rows", network.format.array_rows},
          {"input_scale", network.input_scale},
          {"input_zero_point", network.input_zero_point},
          {"softmax_on_host", report.host_softmax},
          {"layers", std::move(layers)}};
}

void write_quantisation_report(const std::string &path, const network::QuantisedNetwork &network,
                               const network::QuantisationReport &report) {
  write_file(path, ends_with(path, ".json")
                       ? boost::json::serialize(quantisation_json(network, report)) + "\n"
                       : quantisation_table(report));
}

}  // namespace npim::app
