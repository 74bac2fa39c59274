#include "peripheral/baseline_file.h"

#include <filesystem>

#include "config/json_config.h"

namespace npim::peripheral {
namespace {

using config::Object;

constexpr double kMost = 1.0;  // of relative deviations

AnalogBufferParameters read_buffer(Object object, const std::filesystem::path &folder) {
  AnalogBufferParameters buffer;
  buffer.cell = device::load_device((folder / object.text("cell_device")).string());
  Object tia(object.at("tia"));
  buffer.tia_gain_sigma = tia.number("gain_sigma", 0, kMost);
  buffer.tia_noise = tia.number("noise_of_range", 0, kMost);
  tia.finish();
  Object amplifier(object.at("summing_amplifier"));
  buffer.amplifier_gain_sigma = amplifier.number("gain_sigma", 0, kMost);
  buffer.amplifier_noise = amplifier.number("noise_of_range", 0, kMost);
  buffer.subtracts = amplifier.flag("subtracts_polarities");
  amplifier.finish();
  buffer.conversions_per_vector = static_cast<int>(object.integer("conversions_per_vector", 0, 64));
  object.finish();
  return buffer;
}

}  // namespace

Baseline load_baseline(const std::string &path) {
  Object top(config::Node::load(path));
  Baseline baseline;
  baseline.name = top.text("name");
  baseline.source = top.text("source");
  const std::string dataflow =
      top.at("dataflow").choice({"digital_accumulation", "analog_buffering"});
  baseline.dac_bits = static_cast<int>(top.integer("dac_bits", 1, 8));
  Object layout(top.at("layout"));
  baseline.layout.mapping =
      layout.at("weight_encoding").choice({"differential", "biased"}) == "biased"
          ? WeightMapping::kBiased
          : WeightMapping::kDifferential;
  baseline.layout.flip = layout.flag("flip");
  baseline.layout.unit_columns = static_cast<int>(layout.integer("unit_columns", 1, 8));
  layout.finish();
  Object adc(top.at("adc"));
  baseline.adc.bits = static_cast<int>(adc.integer("bits", 1, 16));
  baseline.adc.unit_capacitor_sigma = adc.number("unit_capacitor_sigma", 0, kMost);
  baseline.adc.comparator_noise_lsb = adc.number("comparator_noise_lsb", 0, 1000);
  adc.finish();
  if (dataflow == "analog_buffering") {
    baseline.buffer =
        read_buffer(Object(top.at("buffer")), std::filesystem::path(path).parent_path());
    validate(*baseline.buffer, path);
  }
  top.finish();
  return baseline;
}

}  // namespace npim::peripheral
