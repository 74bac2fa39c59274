// The component library: energy per action, power, leakage and area of the parts that chips are
// built from, as data (configs/components/*.json), scaled by stated rules.
//
// Rules. With size (cells, bytes, KiB, flit bits, bits times IMAs): proportional to the only point
// given; a power law between two points, proportional beyond the ends. With bits: exponential
// between two points, refused beyond the ends (an ADC's energy is not known where nobody measured
// it). With rate: power is proportional, energy per action constant; area as the entry says. With
// technology: area as L^2, energy and power as L V^2, leakage as L V, with the nominal supply
// voltages V of nominal_supply(); [NP]'s own figures for 130 nm and 32 nm (NNADC: 12.6 and 1.25 pJ)
// differ by a factor of 10 where this rule gives 7.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "config/json_config.h"

namespace npim::cost {

/// What chips are made of; to_text() gives the key in library files.
enum class Part {
  kCrossbar,
  kDac,
  kSampleHold,
  kNnsa,
  kNnadc,
  kAdc,
  kShiftAdd,
  kTia,
  kBufferArray,
  kSummingAmplifier,
  kInputRegister,
  kOutputRegister,
  kEdram,
  kTileBus,
  kRouter,
  kSigmoid,
  kTileShiftAdd,
  kMaxPool,
  kTileOutputRegister,
  kLink,
  kCellWrite,
};
constexpr std::size_t kParts = 21;
const char *to_text(Part part);
/// Of all parts, in the order of the enumeration.
const std::array<Part, kParts> &all_parts();

/// Of one unit: all figures are finite and not negative.
struct Figures {
  double power_mw = 0;   ///< at full activity, leakage included
  double static_mw = 0;  ///< drawn whenever the chip is on
  double energy_pj = 0;  ///< of one action, leakage excluded
  double area_mm2 = 0;
};

/// Nominal supply voltage of a CMOS node in V, linear between the nodes of the table.
double nominal_supply(double technology_nm);

struct Component {
  struct Point {
    double at = 1;
    Figures figures;
  };
  struct Rate {
    double mhz = 0;
    bool area_follows = false;
  };

  Part part = Part::kCrossbar;
  std::string file;    ///< for messages
  std::string action;  ///< what energy_pj is spent on
  std::string source;
  int technology_nm = 32;
  std::vector<Point> points;  ///< ascending
  std::optional<Rate> rate;
  int per_tile = 1;             ///< units, for the tile's fixed parts
  int converters_per_unit = 1;  ///< shift-and-add only

  /// One unit of `size` in the unit of scaling_of(), at a technology and, where the entry has a
  /// rate, running at `rate_mhz`. Throws InputError when there is no figure for so many bits.
  Figures at(double size, int to_technology_nm, double rate_mhz = 0) const;
};

/// "nothing", "bits", "bytes", ...: what the points of a part are given over.
const char *scaling_of(Part part);

class ComponentLibrary {
 public:
  /// Reads all files into one library. Throws InputError naming file, component and key: figures
  /// missing or negative, leakage above the power, a component in two files.
  static ComponentLibrary load(const std::vector<std::string> &files);
  static ComponentLibrary parse(const std::vector<config::Node> &files);

  /// Throws InputError naming the part and the files when there is no such component.
  const Component &at(Part part) const;
  const Component *find(Part part) const;

 private:
  void read(const config::Node &file);
  std::string files_;
  std::array<std::optional<Component>, kParts> components_;
};

}  // namespace npim::cost
