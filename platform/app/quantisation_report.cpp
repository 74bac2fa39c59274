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

/// Largest magnitude of a code that occurs.
std::size_t largest_code(const std::vector<std::int64_t> &histogram) {
  const std::size_t zero = histogram.size() / 2;
  for (std::size_t code = zero; code > 0; --code) {
    if (histogram[zero - code] != 0 || histogram[zero + code] != 0) return code;
  }
  return 0;
}

/// Equal parts of the codes from -largest to largest; a digit for each: the tenths of the most
/// frequent one's share, "." for none at all.
std::string histogram_text(const std::vector<std::int64_t> &histogram, std::size_t largest_code) {
  constexpr std::size_t kParts = 15;
  const std::size_t codes = 2 * largest_code + 1, parts = std::min(codes, kParts);
  std::vector<std::int64_t> counts(parts);
  const std::size_t first = histogram.size() / 2 - largest_code;
  for (std::size_t i = 0; i < codes; ++i) counts[i * parts / codes] += histogram[first + i];
  const std::int64_t largest = *std::max_element(counts.begin(), counts.end());
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
                   "converter dB", "clipped %", "largest code", "codes from -largest to largest"});
  for (const LayerReport &layer : report.layers) {
    const bool converts = layer.op == LayerOp::kConvolution;
    const bool rounds = !layer.code_histogram.empty();
    const std::size_t largest = rounds ? largest_code(layer.code_histogram) : 0;
    const auto if_converts = [&](const std::string &text) { return converts ? text : ""; };
    table.add({layer.name, operation_name(layer.op),
               layer.output_s32 ? "32 bits" : fixed(real_of(layer, 0), 3),
               layer.output_s32 ? "" : fixed(real_of(layer, 255), 3),
               layer.has_sqnr ? fixed(layer.sqnr_db, 1) : "",
               if_converts(fixed(0.5 / layer.converter.range_divisor, 3)),
               if_converts(std::to_string(layer.converter.bitline_gain)),
               if_converts(fixed(layer.converter_sqnr_db, 1)),
               if_converts(fixed(100 * layer.clipping_rate, 3)),
               rounds ? std::to_string(largest) : "",
               rounds ? histogram_text(layer.code_histogram, largest) : ""});
  }
  return table.format() +
         "SQNR: of the output against the float network. Converter: of the sums of its codes "
         "against "
         "exact\nsums. Codes: conversions per fifteenth of the codes, 9 for the most frequent, a "
         "point "
         "for none.\n";
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
