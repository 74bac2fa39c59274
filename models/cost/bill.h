// The bill of materials of one chip (of a chain, if the configuration has several): which parts,
// how many, with which figures. Power and area add up from it, and the ledger's actions are priced
// with it.
#pragma once

#include <string>
#include <vector>

#include "config/chip_config.h"
#include "cost/component.h"

namespace npim::cost {

enum class Level { kIma, kTile, kChip };

struct BillLine {
  Part part = Part::kCrossbar;
  Level level = Level::kIma;
  double count = 1;  ///< units in an IMA, a tile or the chip; a router is shared by tiles
  std::string spec;  ///< for people: "128 x 128"
  std::string source;
  std::string action;
  Figures unit;
  double power_mw() const { return count * unit.power_mw; }
  double area_mm2() const { return count * unit.area_mm2; }
};

struct PowerArea {
  double power_mw = 0, area_mm2 = 0;
};

class Bill {
 public:
  Bill(config::ChipConfig chip, std::vector<BillLine> lines);

  const config::ChipConfig &chip() const { return chip_; }
  const std::vector<BillLine> &lines() const { return lines_; }
  /// Null when the chip has no such part.
  const BillLine *find(Part part) const;

  PowerArea ima() const { return sum(Level::kIma); }
  PowerArea imas() const;  ///< of a tile
  PowerArea tile() const;
  PowerArea tiles() const;
  PowerArea total() const;

  double units_per_tile(Part part) const;
  double units_per_chip(Part part) const;
  /// Leakage of the whole chip and what never rests (links).
  double static_mw() const;

 private:
  PowerArea sum(Level level) const;
  config::ChipConfig chip_;
  std::vector<BillLine> lines_;
};

/// Throws InputError naming a component that the library lacks.
Bill make_bill(const config::ChipConfig &chip, const ComponentLibrary &library);
/// With the libraries that the configuration names.
Bill make_bill(const config::ChipConfig &chip);

}  // namespace npim::cost
