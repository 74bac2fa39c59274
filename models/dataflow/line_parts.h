// The peripherals of a chip of dataflow A or B (peripheral/baseline_file.h) and their instances:
// every converter of a tile is drawn with the chip's seed and its place. Circuit fidelity draws the
// noise of every decision of a converter and every write of a buffer cell; statistical fidelity
// draws once per conversion (SarNoise::kPerConversion, cell_moments()), unless comparators are so
// noisy, or TIAs noisy at all, that this would not be the same distribution.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "config/chip_config.h"
#include "crossbar/physical_array.h"
#include "peripheral/baseline_file.h"

namespace npim::dataflow {

class LineParts {
 public:
  /// Loads the file that the configuration names. Throws InputError naming file and key: of a bad
  /// file, of parts that do not suit the chip.
  explicit LineParts(const config::ChipConfig &chip);
  /// Takes these parts for those of the file.
  LineParts(const config::ChipConfig &chip, peripheral::Baseline baseline);

  const peripheral::Baseline &baseline() const { return baseline_; }
  /// Of the buffer cells, or null when each of their writes is drawn.
  const std::vector<peripheral::CellMoments> *cell_moments() const {
    return cell_moments_.empty() ? nullptr : &cell_moments_;
  }

  /// The converters of a tile, drawn when first asked for; may be called from several threads.
  const std::vector<peripheral::SarAdc> &adcs(int tile) const;
  /// What a converter makes of inputs in 256ths of its range, from -128 on, without the noise that
  /// averages out: rounded as by a converter of 8 bits, plus its own deviation from an ideal one.
  void convert(int tile, int converter, const float *inputs, std::size_t count,
               std::int32_t *codes) const;

 private:
  void check(const config::ChipConfig &chip) const;

  const std::string file_;
  const std::uint64_t seed_;
  const int converters_;  // of a tile
  const peripheral::SarNoise noise_;
  const peripheral::Baseline baseline_;
  std::vector<peripheral::CellMoments> cell_moments_;
  mutable std::mutex mutex_;
  mutable std::map<int, std::vector<peripheral::SarAdc>> adcs_;
};

/// What the arrays of such a chip share. All members outlive the arrays.
struct LineChip {
  const config::ChipConfig &config;
  const device::ArrayGeometry &geometry;
  crossbar::Physics physics;
  LineParts parts;
};

}  // namespace npim::dataflow
