// Strategy C, the Neural-PIM dataflow ([NP] section 3, equations 6 to 8): all bit lines of a weight
// and all input slices are added up in the analog domain, and each dot product of up to one array's
// rows is converted once. This is the value of a window's dot products; models/chip decides when.
#pragma once

#include <cstdint>

#include "crossbar/array.h"
#include "peripheral/dac.h"
#include "peripheral/nnadc.h"
#include "peripheral/shift_add.h"

namespace npim::dataflow {

/// How the analog sums are computed. Both give the same values in ideal fidelity.
enum class Kernel {
  kPerCycle,  ///< DAC slices, bit-line sums per cell and NNS+A recursion, cycle by cycle: the
              ///< oracle
  kFolded,    ///< one 8-bit dot product with the weights folded from the cells
};

class StrategyC {
 public:
  /// The parts must outlive the strategy.
  StrategyC(const peripheral::Dac &dac, const peripheral::ShiftAdd &shift_add, Kernel kernel)
      : dac_(dac), shift_add_(shift_add), kernel_(kernel) {}

  Kernel kernel() const { return kernel_; }
  /// Input cycles per dot product: ceil(P_I / P_D).
  int input_cycles() const { return dac_.cycles(); }

  /// What the sample-and-holds of one array hold after the last input cycle: one sum per vector of
  /// the array, in units of input LSB * weight LSB. inputs: u8[rows], rows up to the array's.
  void accumulate(const crossbar::Array &array, const std::uint8_t *inputs, int rows,
                  std::int32_t *sums) const;

  /// accumulate() and convert: codes[vectors].
  void dot_products(const crossbar::Array &array, const std::uint8_t *inputs, int rows,
                    const peripheral::AnalogToDigital &converter, std::int32_t *codes) const;

 private:
  void accumulate_per_cycle(const crossbar::Array &array, const std::uint8_t *inputs, int rows,
                            std::int32_t *sums) const;

  const peripheral::Dac &dac_;
  const peripheral::ShiftAdd &shift_add_;
  Kernel kernel_;
};

}  // namespace npim::dataflow
