// The datapath of one chip: what its arrays have in common (configuration, device, wires, trained
// peripherals) and how its arrays and layers' converters are made. `fidelity` and `dataflow` of the
// chip's configuration choose the implementation; whoever drives arrays (models/chip, or an
// accuracy run without a CPU) sees ArrayDatapath only.
#pragma once

#include <memory>
#include <vector>

#include "config/chip_config.h"
#include "dataflow/array_datapath.h"
#include "dataflow/calibration.h"
#include "dataflow/converter_bank.h"
#include "dataflow/strategy_c.h"

namespace npim::dataflow {

struct LineChip;
struct NeuralChip;

class Datapath {
 public:
  /// Reads the files that the configuration names. Throws InputError naming file and key. `kernel`
  /// concerns ideal fidelity, in which both give the same values.
  explicit Datapath(const config::ChipConfig &chip, Kernel kernel = Kernel::kFolded);
  ~Datapath();
  Datapath(const Datapath &) = delete;
  Datapath &operator=(const Datapath &) = delete;

  const config::ChipConfig &chip() const { return chip_; }
  const device::ArrayGeometry &geometry() const { return geometry_; }

  /// An array with all its cells at level 0. The datapath must outlive it.
  std::unique_ptr<ArrayDatapath> make_array(ArrayPlace place) const;
  /// The converters of a tile.
  ConverterBank &converters(int tile) { return banks_[static_cast<std::size_t>(tile)]; }
  const ConverterBank &converters(int tile) const { return banks_[static_cast<std::size_t>(tile)]; }

  /// Conversions that calibrate() makes.
  static constexpr std::uint64_t kCalibrationConversions =
      ConverterBank::kRanges * kCalibrationPoints;
  /// Trims a converter in all ranges of the chip. False: it is broken, and marked as such. Those of
  /// dataflows A and B are checked, but there is nothing to trim (peripheral/sar_adc.h).
  bool calibrate(int tile, int converter);

  LayerConverter make_layer(peripheral::ConverterSetting setting) const;

 private:
  bool calibrate(int tile, int converter, std::size_t range, Trim &trim) const;

  const config::ChipConfig chip_;
  const device::ArrayGeometry geometry_;
  const peripheral::Dac dac_;
  const peripheral::IdealNnsa shift_add_;
  const StrategyC strategy_c_;
  std::vector<ConverterBank> banks_;  // by tile
  // Null in ideal fidelity and for other dataflows.
  const std::unique_ptr<NeuralChip> neural_;
  const std::unique_ptr<LineChip> line_;
};

}  // namespace npim::dataflow
