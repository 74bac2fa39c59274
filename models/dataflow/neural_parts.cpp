#include "dataflow/neural_parts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"

namespace npim::dataflow {
namespace {

// Streams of draws: part of RandomStream's name beside the seed and the place.
constexpr std::uint32_t kNnsaPart = 0x4E53, kNnadcPart = 0x4E41;
constexpr double kSweepMargin = 1.05;  // an NNS+A may leave the signal range a little

constexpr peripheral::Variation kDrawn{true, true, true, true};

std::uint32_t run_of(int tile, int number) {
  return static_cast<std::uint32_t>(tile) << 16 | static_cast<std::uint32_t>(number);
}

[[noreturn]] void refuse(const config::ChipConfig &chip, const std::string &key,
                         const std::string &what) {
  throw InputError("chip " + chip.name + ": key '" + key + "'", what);
}

void check(const config::ChipConfig &chip) {
  if (chip.nnadc.code != config::CodeFormat::kSigned8) {
    refuse(chip, "nnadc.code_format",
           "the trained NNADCs have signed8 codes; other formats need \"fidelity\": \"ideal\"");
  }
  if (chip.array.cell_bits != 1) {
    refuse(chip, "array.cell_bits",
           "the trained NNS+A adds eight bit lines of 1-bit cells; others need \"fidelity\": "
           "\"ideal\"");
  }
}

}  // namespace

NeuralParts::NeuralParts(const config::ChipConfig &chip) : seed_(chip.analog.seed) {
  check(chip);
  process_ = peripheral::load_process(chip.analog.process);
  curves_ = peripheral::load_curves(chip.analog.curves, process_);
  nnsa_ = peripheral::load_nnsa(chip.analog.nnsa, process_);
  if (nnsa_.dac_bits != chip.dac_bits) {
    throw InputError(chip.analog.nnsa + ": key 'dac_bits'",
                     "is an NNS+A for " + std::to_string(nnsa_.dac_bits) +
                         "-bit DACs, the chip has " + std::to_string(chip.dac_bits) + "-bit ones");
  }
  load_nnadcs(chip);
  circuit_curves_.emplace(curves_.at("tt"));
}

void NeuralParts::load_nnadcs(const config::ChipConfig &chip) {
  const auto range_of = [](int divisor) {
    return static_cast<std::size_t>(divisor == 4 ? 2 : divisor - 1);
  };
  for (const auto &path : chip.analog.nnadcs) {
    peripheral::Nnadc nnadc = peripheral::load_nnadc(path, process_);
    auto &place = nnadcs_[range_of(nnadc.range_divisor)];
    if (place) throw InputError(path + ": key 'range_divisor'", "another file has this range too");
    place.emplace(std::move(nnadc));
    chains_[range_of(place->range_divisor)].emplace(*place, process_, curves_.at("tt"));
  }
  for (const int divisor : chip.nnadc.range_divisors) {
    finest_range_ = std::max(finest_range_, range_of(divisor));
    if (nnadcs_[range_of(divisor)]) continue;
    refuse(chip, "analog.peripherals.nnadc",
           "no file has range_divisor " + std::to_string(divisor) +
               ", which is one of the chip's ranges");
  }
}

peripheral::NnsaCircuit NeuralParts::make_nnsa(ArrayPlace place) const {
  RandomStream stream(seed_, run_of(place.tile, place.array), kNnsaPart);
  const auto instance =
      peripheral::make_instance(nnsa_.network, process_, curves_.at("tt"), kDrawn, stream);
  return {instance, process_, *circuit_curves_};
}

peripheral::NnadcCircuit NeuralParts::make_nnadc(const Key &key) const {
  RandomStream stream(seed_, run_of(key.tile, key.converter),
                      kNnadcPart + static_cast<std::uint32_t>(key.range));
  const peripheral::NnadcInstance instance(*nnadcs_[key.range], process_, curves_.at("tt"), kDrawn,
                                           stream, &*chains_[key.range]);
  return {instance, *circuit_curves_};
}

const peripheral::NnadcCircuit &NeuralParts::nnadc(const Key &key) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto &circuit = circuits_[key];
  if (!circuit) circuit = std::make_unique<peripheral::NnadcCircuit>(make_nnadc(key));
  return *circuit;
}

const CodeTable &NeuralParts::code_table(const Key &key) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto &table = tables_[key];
  if (!table) {
    const auto circuit = make_nnadc(key);
    const auto convert = [&](const float *inputs, std::size_t count, std::int32_t *codes) {
      circuit.convert(inputs, count, codes);
    };
    table = std::make_unique<CodeTable>(convert, kSweepMargin * amplitude_v(), lsb_v(key.range));
  }
  return *table;
}

void NeuralParts::convert(config::Fidelity fidelity, const Key &key, const float *inputs_lsb,
                          std::size_t count, std::int32_t *codes) const {
  std::vector<float> inputs_v;
  inputs_v.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    inputs_v.push_back(static_cast<float>(double{inputs_lsb[i]} * lsb_v(key.range)));
  }
  if (fidelity == config::Fidelity::kCircuit) {
    nnadc(key).convert(inputs_v.data(), count, codes);
    return;
  }
  const CodeTable &table = code_table(key);
  for (std::size_t i = 0; i < count; ++i) codes[i] = table.code(double{inputs_v[i]});
}

}  // namespace npim::dataflow
