// Voltage drop along the word and bit lines of a crossbar. Each line has one wire segment per cell:
// a word line is driven at column 0, a bit line is held at 0 V below the last row (virtual ground).
// Lines that carry 0 V are driven to it, so the network is linear: bit-line currents are T^T v with
// a transfer matrix T[row][column] in siemens that is computed once per programmed array and takes
// the place of the conductances.
#pragma once

#include <memory>
#include <vector>

namespace npim::crossbar {

struct Wires {
  enum class Method { kNodal, kFast };
  double word_line_ohm = 0, bit_line_ohm = 0;  ///< of one segment
  Method method = Method::kNodal;

  bool are_ideal() const { return word_line_ohm == 0 && bit_line_ohm == 0; }
};

/// Throws InputError for a negative or non-finite resistance, naming it.
void validate(const Wires &wires);

/// Nodal analysis: 2 * rows * columns unknowns, factorised once (sparse Cholesky of Eigen).
class NodalNetwork {
 public:
  /// conductances_s: [row][column]. Both resistances must be greater than 0.
  NodalNetwork(int rows, int columns, const double *conductances_s, const Wires &wires);
  ~NodalNetwork();
  NodalNetwork(NodalNetwork &&) noexcept;
  NodalNetwork &operator=(NodalNetwork &&) noexcept;

  /// Currents in amperes of all bit lines for word-line voltages [row].
  std::vector<double> currents(const std::vector<double> &volts) const;
  /// T[row][column]; one solve per bit line, by reciprocity.
  std::vector<double> transfer() const;

 private:
  struct Factors;
  std::unique_ptr<Factors> factors_;
};

/// T by the method that `wires` names. Without resistance it is the conductances themselves; with
/// resistance in one direction only, both methods are exact.
///
/// kFast solves every word line with its cells tied to 0 V and every bit line with its cells tied
/// to their drivers, each an exact ladder, and multiplies the two attenuations; it leaves out the
/// feedback between the two. Its error against nodal analysis, for 128 x 128 random 1-bit cells and
/// inputs and 1 ohm per segment, as the largest error of a bit line over the largest ideal current:
/// below 0.01 % with R_on = 1 Mohm, 0.2 % with 100 kohm, 5 % with 10 kohm (a unit test holds it to
/// this; the drop itself is about 0.9 %, 8 % and 45 %).
std::vector<double> transfer_matrix(int rows, int columns,
                                    const std::vector<double> &conductances_s, const Wires &wires);

}  // namespace npim::crossbar
