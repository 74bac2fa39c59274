// The cells of one crossbar: what programming leaves in them, what time and failures do to it, and
// what their reads add. All draws are keyed by (seed, tile, array, cell), so a bank programmed
// twice in the same way holds the same conductances.
#pragma once

#include <cstdint>
#include <vector>

#include "device/cell.h"
#include "device/device_params.h"
#include "device/random.h"

namespace npim::device {

/// Where a bank stands, for its draws. tile, array < 2^16.
struct Place {
  std::uint64_t seed = 0;
  std::uint32_t tile = 0, array = 0;
};

/// When and how warm the cells are read.
struct ReadConditions {
  double seconds_since_programming = 0;
  double temperature_k = 300;
};

/// What one programming of a bank cost. The cells of a word line are written in parallel, word
/// lines one after the other.
struct ProgrammingReport {
  std::int64_t pulses = 0;           ///< over all cells
  std::int64_t word_line_steps = 0;  ///< sum over word lines of the most pulses of a cell
  std::int64_t failed_cells = 0;     ///< outside a tolerance > 0 after the last pulse
  double time_ns = 0;
  double energy_pj = 0;
};

/// Noise of one cell's read, in siemens: normal, and a trap that takes `trap_s` away with the
/// probability of the device.
struct CellNoise {
  double sigma_s = 0;
  double trap_s = 0;
};

class CellBank {
 public:
  /// `device` must outlive the bank. Throws InputError when the array wants more bits per cell than
  /// the device has; std::invalid_argument when the place is out of range.
  CellBank(const DeviceParams &device, int rows, int columns, CellLevels levels, Place place);

  const DeviceParams &device() const { return *device_; }
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  const CellLevels &levels() const { return levels_; }
  const Place &place() const { return place_; }
  /// Conductance that level `level` stands for, in siemens.
  double target_s(int level) const { return device_->g_off() + level * step_s_; }
  /// Conductance of one level.
  double step_s() const { return step_s_; }

  /// Writes all cells: levels[row][column], each 0 .. highest().
  ProgrammingReport program(const std::uint8_t *levels);
  /// Conductance in siemens under the conditions; cells never programmed are at g_off.
  double conductance_s(int row, int column, const ReadConditions &conditions) const;
  CellNoise noise(int row, int column, double conductance_s) const;

  /// Makes a cell stay in its lowest or highest state from the next programming on, as a fault
  /// injected by a test.
  void stick(int row, int column, bool at_on);
  bool has_stuck_cells() const { return !states_.empty(); }
  /// Programming pulses that a cell has taken.
  std::uint32_t wear(int row, int column) const;

  /// Key of draws for the read of a window's input cycle.
  DrawKey draw_key(Purpose purpose, std::uint64_t window = 0, std::uint32_t cycle = 0) const;

 private:
  enum class State : std::uint8_t { kGood, kStuckOff, kStuckOn };

  std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
  }
  void draw_stuck_cells();
  double pulse_result(double target_s, double normal) const;
  bool counts_per_cell() const;
  bool is_worn_out(std::size_t cell) const;
  int write(std::size_t cell, double target_s, double first_normal, bool &failed);

  const DeviceParams *device_;
  int rows_, columns_;
  CellLevels levels_;
  Place place_;
  double step_s_;
  std::uint64_t programmings_ = 0;
  std::vector<State> states_;          // empty while no cell is stuck
  std::vector<std::uint32_t> wear_;    // pulses; empty where every programming takes one
  std::vector<float> conductances_s_;  // empty before the first programming
};

}  // namespace npim::device
