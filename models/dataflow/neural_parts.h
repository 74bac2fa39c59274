// The trained NNS+A and NNADC of a chip (models/peripheral) and their instances: every array has an
// NNS+A of its own, every converter of a tile one NNADC for each range, all drawn with the chip's
// seed and their place.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>

#include "config/chip_config.h"
#include "dataflow/array_datapath.h"
#include "dataflow/code_table.h"
#include "dataflow/converter_bank.h"
#include "peripheral/circuit.h"
#include "peripheral/parameter_file.h"

namespace npim::dataflow {

class NeuralParts {
 public:
  /// One of a tile's converters in one of its ranges.
  struct Key {
    int tile, converter;
    std::size_t range;
    bool operator<(const Key &other) const {
      return std::tie(tile, converter, range) < std::tie(other.tile, other.converter, other.range);
    }
  };

  /// Throws InputError naming file and key: of a bad file, of networks that do not suit the chip.
  explicit NeuralParts(const config::ChipConfig &chip);

  const peripheral::Process &process() const { return process_; }
  double amplitude_v() const { return process_.amplitude_v(); }
  /// The narrowest range of the chip's NNADCs.
  std::size_t finest_range() const { return finest_range_; }
  /// Volts of one code.
  double lsb_v(std::size_t range) const {
    return amplitude_v() / (1 << range) / peripheral::kHighestCode;
  }

  peripheral::NnsaCircuit make_nnsa(ArrayPlace place) const;
  /// Drawn or swept when first asked for; may be called from several threads.
  const peripheral::NnadcCircuit &nnadc(const Key &key) const;
  const CodeTable &code_table(const Key &key) const;
  /// Codes of inputs in LSB, by the converter's circuit or by its table as the fidelity says.
  void convert(config::Fidelity fidelity, const Key &key, const float *inputs_lsb,
               std::size_t count, std::int32_t *codes) const;

 private:
  void load_nnadcs(const config::ChipConfig &chip);
  peripheral::NnadcCircuit make_nnadc(const Key &key) const;

  std::uint64_t seed_;
  std::size_t finest_range_ = 0;
  peripheral::Process process_;
  peripheral::Curves curves_;
  peripheral::Nnsa nnsa_;
  std::array<std::optional<peripheral::Nnadc>, ConverterBank::kRanges> nnadcs_;
  std::array<std::optional<peripheral::ReferenceChain>, ConverterBank::kRanges> chains_;
  std::optional<peripheral::CircuitCurves> circuit_curves_;
  mutable std::mutex mutex_;
  mutable std::map<Key, std::unique_ptr<peripheral::NnadcCircuit>> circuits_;
  mutable std::map<Key, std::unique_ptr<CodeTable>> tables_;
};

}  // namespace npim::dataflow
