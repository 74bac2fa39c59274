#include "dataflow/line_parts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "crossbar/input_batch.h"
#include "dataflow/line_dataflow.h"

namespace npim::dataflow {
namespace {

using peripheral::Baseline;
using peripheral::SarNoise;

// Stream of draws: part of RandomStream's name beside the seed and the place.
constexpr std::uint32_t kConverterPart = 0xADC0;

const char *dataflow_of(const Baseline &baseline) {
  return baseline.buffer ? "analog_buffering" : "digital_accumulation";
}

/// Conversions of a weight vector with the file's buffers behind an array of the chip.
int conversions_per_vector(const config::ChipConfig &chip, const Baseline &baseline) {
  device::ArrayGeometry geometry(chip.array);
  if (baseline.layout.needs_unit()) geometry.columns += baseline.layout.unit_columns;
  const std::int8_t nothing = 0;
  const auto encoded =
      peripheral::encode_weights(geometry, baseline.layout, &nothing, 0, chip.vectors_per_array());
  RandomStream unused(0, 0, 0);
  return peripheral::AnalogBuffer(encoded, *baseline.buffer, chip.dac_bits, chip.input_cycles(),
                                  largest_line_sum(geometry, baseline.layout.flip, chip.dac_bits),
                                  unused)
      .conversions_per_vector();
}

}  // namespace

LineParts::LineParts(const config::ChipConfig &chip)
    : LineParts(chip, peripheral::load_baseline(chip.analog.baseline)) {}

LineParts::LineParts(const config::ChipConfig &chip, Baseline baseline)
    : file_(chip.analog.baseline),
      seed_(chip.analog.seed),
      converters_(chip.converters_per_tile()),
      noise_(chip.fidelity == config::Fidelity::kCircuit ? SarNoise::kPerDecision
                                                         : SarNoise::kPerConversion),
      baseline_(std::move(baseline)) {
  check(chip);
  // The noise of a TIA is rounded to levels of the cell: no sum of moments.
  if (noise_ == SarNoise::kPerConversion && baseline_.buffer && baseline_.buffer->tia_noise == 0) {
    cell_moments_ = peripheral::cell_moments(baseline_.buffer->cell);
  }
}

void LineParts::check(const config::ChipConfig &chip) const {
  const auto require = [&](bool well, const std::string &key, const std::string &what) {
    if (!well) throw InputError(file_ + ": key '" + key + "'", what);
  };
  const std::string of_chip = ", chip " + chip.name + " has ";
  const bool buffered = chip.dataflow == config::Dataflow::kAnalogBuffering;
  require(baseline_.buffer.has_value() == buffered, "dataflow",
          "these are peripherals of " + std::string(dataflow_of(baseline_)) + of_chip +
              config::to_text(chip.dataflow));
  require(baseline_.dac_bits == chip.dac_bits, "dac_bits",
          "for DACs of " + std::to_string(baseline_.dac_bits) + " bits" + of_chip +
              std::to_string(chip.dac_bits));
  const auto refuse_chip = [&](const std::string &key, int bits) {
    throw InputError("chip " + chip.name + ": key '" + key + "'",
                     std::to_string(bits) +
                         " bits: arrays of real parts take 8-bit inputs and weights; others need "
                         "\"fidelity\": \"ideal\"");
  };
  if (chip.input_bits != crossbar::InputBatch::kInputBits) {
    refuse_chip("dac.input_bits", chip.input_bits);
  }
  if (chip.array.weight_bits != 8) refuse_chip("array.weight_bits", chip.array.weight_bits);
  require(baseline_.layout.mapping == peripheral::WeightMapping::kDifferential &&
              chip.array.encoding == config::WeightEncoding::kDifferential,
          "layout.weight_encoding", "a simulated chip stores W_P and W_N: differential");
  require(baseline_.layout.unit_columns <= chip.array.rows, "layout.unit_columns",
          "more than the " + std::to_string(chip.array.rows) + " rows of an array");
  require(baseline_.adc.bits == chip.adc.bits, "adc.bits",
          "converters of " + std::to_string(baseline_.adc.bits) + " bits" + of_chip +
              std::to_string(chip.adc.bits));
  if (!buffered) return;
  const int conversions = conversions_per_vector(chip, baseline_);
  require(conversions == chip.buffer.conversions_per_vector, "buffer.conversions_per_vector",
          "makes " + std::to_string(conversions) + " conversions of a weight vector" + of_chip +
              std::to_string(chip.buffer.conversions_per_vector));
}

const std::vector<peripheral::SarAdc> &LineParts::adcs(int tile) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto &adcs = adcs_[tile];
  for (int i = static_cast<int>(adcs.size()); i < converters_; ++i) {
    RandomStream capacitors(seed_,
                            static_cast<std::uint32_t>(tile) << 16 | static_cast<std::uint32_t>(i),
                            kConverterPart);
    adcs.emplace_back(baseline_.adc, capacitors, noise_);
  }
  return adcs;
}

/// Of a code in calibration, of which a deviation of 8 is too much.
constexpr double kMostStep = 4;

void LineParts::convert(int tile, int converter, const float *inputs, std::size_t count,
                        std::int32_t *codes) const {
  const peripheral::SarAdc &adc = adcs(tile)[static_cast<std::size_t>(converter)];
  const peripheral::IdealAdc ideal(adc.bits());
  const double step = std::ldexp(1.0, 8 - adc.bits());
  const std::vector<float> no_noise(static_cast<std::size_t>(adc.draws()), 0.0F);
  for (std::size_t i = 0; i < count; ++i) {
    const double input_lsb = (double{inputs[i]} + 128) / step;
    const int deviation =
        adc.convert(input_lsb, no_noise.data()) - ideal.convert(input_lsb, nullptr);
    // A coarse converter is judged by its own LSB: its neighbouring codes are far apart.
    codes[i] = static_cast<std::int32_t>(
        std::lround(double{inputs[i]} + deviation * std::min(step, kMostStep)));
  }
}

}  // namespace npim::dataflow
