// Analog buffering of dataflow B, after CASCADE [CA]: a transimpedance amplifier (TIA) senses a bit
// line and writes its sum into a multi-level RRAM buffer cell in the same input cycle. R-mapping
// puts the sum of input slice i and weight digit j into buffer row i and the buffer column of place
// i * P_D + j * P_R, so that after the last slice each buffer column adds up, on its own bit line,
// all sums that count alike. Summing amplifiers take the negative polarity off the positive one and
// join neighbouring columns before the A/D converter.
//
// A flipped bit line is written to the buffer of the other polarity (column_layout.h); unit columns
// have a buffer of their own, which gives the sum of inputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/philox.h"
#include "device/device_params.h"
#include "device/random.h"
#include "peripheral/column_layout.h"
#include "peripheral/line_adc.h"

namespace npim::peripheral {

struct AnalogBufferParameters {
  device::DeviceParams cell;  ///< cell.bits: levels of a buffer cell are 2^bits; written once
  double tia_gain_sigma = 0;  ///< relative, of each bit line's TIA
  double tia_noise = 0;       ///< rms of each write, as a fraction of the largest bit-line sum
  double amplifier_gain_sigma = 0;  ///< relative, of each conversion's way through the amplifiers
  double amplifier_noise = 0;       ///< rms, as a fraction of the conversion's range
  /// Conversions of a weight vector: buffer columns are joined to so many; 0: each on its own.
  int conversions_per_vector = 0;
  /// Whether the amplifiers take the negative polarity off, for one signed conversion instead of
  /// two.
  bool subtracts = false;
};

/// Throws InputError naming `origin` and a parameter that is negative or not finite.
void validate(const AnalogBufferParameters &parameters, const std::string &origin);

/// What buffer cells give back of one of their levels, over all writes and reads, in levels.
struct CellMoments {
  double mean = 0, variance = 0;
};
/// Of each level of such a cell.
std::vector<CellMoments> cell_moments(const device::DeviceParams &cell);

/// The buffers behind one array. Cells and converters have just the range of the largest sum,
/// rounded up to a power of two: with fewer bits than the sum has, they round.
class AnalogBuffer {
 public:
  /// largest_sum: of a bit line, in level * input LSB. `weights` and `parameters` must outlive it.
  /// `chip` draws the gains of TIAs and amplifiers. Without `moments` every write and read of a
  /// cell is drawn. With those of the parameters' cell (which must outlive the buffer), all cells
  /// that a conversion adds up have one draw with their total variance; noise of TIAs, which comes
  /// before the rounding to levels, is then not taken into account.
  AnalogBuffer(const EncodedWeights &weights, const AnalogBufferParameters &parameters,
               int dac_bits, int cycles, std::int64_t largest_sum, RandomStream &chip,
               const std::vector<CellMoments> *moments = nullptr);

  int columns() const { return static_cast<int>(places_.size()); }  ///< of one weight vector
  int conversions_per_vector() const {
    return static_cast<int>(groups_.size()) * (has_negative_ && !parameters_.subtracts ? 2 : 1);
  }
  /// Bits with which every conversion that does not saturate is exact.
  int required_bits() const;

  /// The products of one window from its bit-line sums [cycle][stride]: written, added up,
  /// converted and shifted. Draws are keyed by `window`, whose cycle and purpose are set here. The
  /// converter of vector 0 serves the unit columns too. sums[vector].
  void products(const double *values, std::size_t stride, const AdcOfVector &adcs,
                device::DrawKey window, std::int64_t *sums) const;

 private:
  /// Buffer columns that one conversion covers: first .. last - 1.
  struct Group {
    std::size_t first, last;
    double range;  ///< largest sum, in units of its first column
  };
  /// Where a bit line's sum of one cycle goes, and what it counts for there.
  struct Entry {
    std::size_t total;
    double factor;
  };
  /// What the summing amplifiers see, [vector][polarity][group] and then [cycle] of the unit
  /// columns; with moments in levels, and their variances.
  struct Totals {
    std::vector<double> value, variance;
  };
  struct Noise;
  void place_columns();
  void make_groups();
  void make_entries();
  std::size_t total_at(std::size_t vector, bool negative, std::size_t group) const;
  std::size_t unit_total(int cycle) const;
  double level_of(double sensed) const;
  double written(double level, double normal) const;
  Totals fill_buffers(const double *values, std::size_t stride, device::DrawKey key) const;
  Totals add_moments(const double *values, std::size_t stride) const;
  Noise draw_noise(const device::DrawKey &window, const LineAdc &adc) const;
  double seen(const Totals &totals, std::size_t plus, const std::size_t *minus, std::size_t number,
              const Noise &noise) const;
  std::int64_t convert(double value, double range, bool is_signed, const LineAdc &adc,
                       std::size_t number, const Noise &noise) const;
  std::int64_t convert_vector(const Totals &totals, std::size_t vector, const LineAdc &adc,
                              const Noise &noise) const;
  std::int64_t convert_units(const Totals &totals, const LineAdc &adc, const Noise &noise) const;

  const EncodedWeights &weights_;
  const AnalogBufferParameters &parameters_;
  int dac_bits_, cycles_;
  double largest_sum_, level_sum_;  // of a bit line; of one level of a buffer cell
  double levels_per_sum_, highest_level_;
  bool has_negative_ = false;
  bool writes_vary_ = false;
  int unit_lines_ = 0;
  std::vector<int> places_;    // of the buffer columns, ascending
  std::vector<double> cells_;  // per buffer column that it has room for
  std::vector<Group> groups_;
  std::vector<Entry> entries_;  // [cycle][bit line]
  const std::vector<CellMoments> *moments_;
  std::vector<double> tia_gain_;        // by bit line
  std::vector<double> amplifier_gain_;  // by conversion
};

}  // namespace npim::peripheral
