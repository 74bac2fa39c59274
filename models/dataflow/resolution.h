// What the three dataflows ask of their converters ([NP] section 3, equations 2 to 8).
#pragma once

#include <string>

namespace npim::dataflow {

enum class Strategy { kDigitalAccumulation, kAnalogBuffering, kAnalogAccumulation };  // A, B, C

/// P_I, P_W, P_O, P_R, P_D and N of the paper.
struct Resolution {
  int input_bits = 8, weight_bits = 8, output_bits = 8;
  int cell_bits = 1, dac_bits = 1;
  int log2_rows = 7;

  /// Throws InputError naming the member that is out of range.
  void check() const;
  int input_cycles() const;     ///< ceil(P_I / P_D)
  int bit_line_groups() const;  ///< ceil(P_W / P_R)
};

/// Bits of a bit line's sum: P_R + P_D + N, one less when either of P_R, P_D is 1 (Eq. 2).
int bit_line_bits(const Resolution &resolution);
/// Bits of the A/D converter that loses nothing (A, B) or that the output asks for (C).
int converter_bits(Strategy strategy, const Resolution &resolution);
/// Conversions per dot product and weight group.
int conversions(Strategy strategy, const Resolution &resolution);
/// Bits that a buffer cell of strategy B must hold: those of a bit line's sum, less the bit that
/// ISAAC's encoding saves. The paper calls more than 7 impossible.
bool buffering_is_possible(const Resolution &resolution);

}  // namespace npim::dataflow
