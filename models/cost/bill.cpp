#include "cost/bill.h"

#include <cmath>
#include <cstdio>

namespace npim::cost {
namespace {

using config::ChipConfig;
using config::Dataflow;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

/// Adds lines to the bill of one chip.
class Writer {
 public:
  Writer(const ChipConfig &chip, const ComponentLibrary &library)
      : chip_(chip), library_(library) {}

  void add(Part part, Level level, double count, double size, const std::string &spec,
           double rate_mhz = 0) {
    if (count <= 0) return;
    const Component &component = library_.at(part);
    lines_.push_back({part, level, count, spec, component.source, component.action,
                      component.at(size, chip_.technology_nm, rate_mhz)});
  }
  void add_fixed(Part part) { add(part, Level::kTile, library_.at(part).per_tile, 1, ""); }
  const Component &component(Part part) const { return library_.at(part); }
  std::vector<BillLine> take() { return std::move(lines_); }

 private:
  const ChipConfig &chip_;
  const ComponentLibrary &library_;
  std::vector<BillLine> lines_;
};

void add_adcs(Writer &bill, const ChipConfig &chip) {
  const int adcs = chip.adc.per_tile;
  const bool in_imas = adcs % chip.imas_per_tile == 0;
  const Level level = in_imas ? Level::kIma : Level::kTile;
  const int count = in_imas ? adcs / chip.imas_per_tile : adcs;
  bill.add(Part::kAdc, level, count, chip.adc.bits,
           number(chip.adc.bits) + " b, " + number(chip.adc.rate_msps) + " MS/s",
           chip.adc.rate_msps);
  const int shared = bill.component(Part::kShiftAdd).converters_per_unit;
  bill.add(Part::kShiftAdd, level, std::ceil(static_cast<double>(count) / shared), 1, "");
}

void add_buffers(Writer &bill, const ChipConfig &chip) {
  const double arrays = chip.arrays_per_ima;
  const double buffers = arrays * chip.buffer.arrays_per_array;
  bill.add(Part::kTia, Level::kIma, arrays * chip.buffer.tias_per_array, 1, "");
  bill.add(Part::kBufferArray, Level::kIma, buffers,
           static_cast<double>(chip.array.rows) * chip.array.columns, "");
  bill.add(Part::kSummingAmplifier, Level::kIma, buffers, 1, "");
}

void add_neural(Writer &bill, const ChipConfig &chip) {
  // Shared by the tile, but as many as IMAs in the usual case of one per array.
  bill.add(Part::kNnsa, Level::kIma, static_cast<double>(chip.nnsas()) / chip.imas_per_tile, 1,
           number(chip.nnsa_clock_mhz) + " MHz", chip.nnsa_clock_mhz);
}

void add_ima(Writer &bill, const ChipConfig &chip) {
  const double arrays = chip.arrays_per_ima;
  const double rows = chip.array.rows, columns = chip.array.columns;
  const bool neural = chip.dataflow == Dataflow::kAnalogAccumulation;
  bill.add(
      Part::kCrossbar, Level::kIma, arrays, rows * columns,
      number(rows) + " x " + number(columns) + ", " + number(chip.array.cell_bits) + " b cells");
  bill.add(Part::kDac, Level::kIma, arrays * rows, chip.dac_bits, number(chip.dac_bits) + " b");
  // Every NNS+A keeps the running sum of each of its vectors, as a pair ([NP] Table 2: 144 of 128).
  const double held = columns + (neural ? 2.0 * chip.vectors_per_array() : 0.0);
  bill.add(Part::kSampleHold, Level::kIma, arrays * held, 1, "");
  if (neural) add_neural(bill, chip);
  if (chip.dataflow == Dataflow::kAnalogBuffering) add_buffers(bill, chip);
  if (!neural) add_adcs(bill, chip);
  bill.add(Part::kInputRegister, Level::kIma, 1, chip.input_register_bytes,
           number(chip.input_register_bytes) + " B");
  bill.add(Part::kOutputRegister, Level::kIma, 1, chip.output_register_bytes,
           number(chip.output_register_bytes) + " B");
  bill.add(Part::kCellWrite, Level::kIma, 1, 1, "write circuit");
}

void add_tile(Writer &bill, const ChipConfig &chip) {
  if (chip.dataflow == Dataflow::kAnalogAccumulation) {
    bill.add(Part::kNnadc, Level::kTile, chip.nnadc.per_tile, chip.nnadc.bits,
             number(chip.nnadc.bits) + " b, " + number(chip.nnadc.rate_msps) + " MS/s",
             chip.nnadc.rate_msps);
  }
  const double kib = static_cast<double>(chip.edram.bytes) / 1024;
  bill.add(Part::kEdram, Level::kTile, 1, kib,
           number(kib) + " KiB, " + number(chip.edram.banks) + " banks");
  bill.add(Part::kTileBus, Level::kTile, 1, static_cast<double>(chip.bus_bits) * chip.imas_per_tile,
           number(chip.bus_bits) + " b, " + number(chip.imas_per_tile) + " IMAs");
  bill.add(Part::kRouter, Level::kTile, 1.0 / chip.noc.tiles_per_router, chip.noc.flit_bits,
           "flit " + number(chip.noc.flit_bits) + " b, for " + number(chip.noc.tiles_per_router) +
               " tiles");
  for (const Part part :
       {Part::kSigmoid, Part::kTileShiftAdd, Part::kMaxPool, Part::kTileOutputRegister}) {
    bill.add_fixed(part);
  }
}

PowerArea operator*(const PowerArea &a, double factor) {
  return {a.power_mw * factor, a.area_mm2 * factor};
}

PowerArea operator+(const PowerArea &a, const PowerArea &b) {
  return {a.power_mw + b.power_mw, a.area_mm2 + b.area_mm2};
}

}  // namespace

Bill::Bill(ChipConfig chip, std::vector<BillLine> lines)
    : chip_(std::move(chip)), lines_(std::move(lines)) {}

const BillLine *Bill::find(Part part) const {
  for (const auto &line : lines_) {
    if (line.part == part) return &line;
  }
  return nullptr;
}

PowerArea Bill::sum(Level level) const {
  PowerArea total;
  for (const auto &line : lines_) {
    if (line.level == level) total = total + PowerArea{line.power_mw(), line.area_mm2()};
  }
  return total;
}

PowerArea Bill::imas() const {
  return sum(Level::kIma) * chip_.imas_per_tile;
}

PowerArea Bill::tile() const {
  return imas() + sum(Level::kTile);
}

PowerArea Bill::tiles() const {
  return tile() * chip_.tiles_per_chip();
}

PowerArea Bill::total() const {
  return tiles() + sum(Level::kChip);
}

double Bill::units_per_tile(Part part) const {
  const BillLine *line = find(part);
  if (line == nullptr || line->level == Level::kChip) return 0;
  return line->level == Level::kIma ? line->count * chip_.imas_per_tile : line->count;
}

double Bill::units_per_chip(Part part) const {
  const BillLine *line = find(part);
  if (line == nullptr) return 0;
  return line->level == Level::kChip ? line->count : units_per_tile(part) * chip_.tiles_per_chip();
}

double Bill::static_mw() const {
  double total = 0;
  for (const auto &line : lines_) total += line.unit.static_mw * units_per_chip(line.part);
  return total;
}

Bill make_bill(const ChipConfig &chip, const ComponentLibrary &library) {
  Writer bill(chip, library);
  add_ima(bill, chip);
  add_tile(bill, chip);
  bill.add(Part::kLink, Level::kChip, 1, 1, number(chip.host_link.gigabytes_per_second) + " GB/s");
  return {chip, bill.take()};
}

Bill make_bill(const ChipConfig &chip) {
  return make_bill(chip, ComponentLibrary::load(chip.components));
}

}  // namespace npim::cost
