// Strategies A and B behind the interface by which the chip sees its arrays: digital accumulation
// as in ISAAC, analog buffering as in CASCADE, with real cells, wires, converters and buffers.
// Their sums are digital numbers when a window is through, so codes are the dot products themselves
// (what a layer's range and gain are for belongs to strategy C).
#pragma once

#include <memory>

#include "dataflow/array_datapath.h"
#include "dataflow/converter_bank.h"
#include "dataflow/line_parts.h"
#include "dataflow/strategy_a.h"
#include "dataflow/strategy_b.h"

namespace npim::dataflow {

class LineArray : public ArrayDatapath {
 public:
  /// Unit columns stand beside those of the chip's geometry ([IS]: column 129), where no mapping
  /// and no command reaches them. The converter that serves a weight vector (converter_bank.h)
  /// converts all its bit lines or buffer columns; that of vector 0 the unit columns as well. All
  /// references must outlive the array.
  LineArray(const LineChip &chip, ArrayPlace place, const ConverterBank &converters);

  const device::ArrayGeometry &geometry() const override { return chip_.geometry; }
  /// Shifts belong to the converter of strategy C: throws std::invalid_argument unless it is 0.
  device::ProgrammingReport program(const std::int8_t *weights, int rows, int vectors,
                                    int shift) override;
  /// Levels as the cells have them, columns that are stored flipped included.
  device::ProgrammingReport program_levels(const std::uint8_t *levels) override;
  /// The cell itself: in a column that is stored flipped its level reads the other way round.
  void stick(int row, int column, bool at_on) override { cells_.stick(row, column, at_on); }
  int level(int row, int column) const override;
  void hold(const Windows &windows, const LayerConverter &layer, double *held) const override;
  void convert(WindowKeys windows, const LayerConverter &layer, const double *held, int count,
               std::int32_t *codes) const override;

  /// Of one window in this array, once it is programmed.
  std::int64_t conversions_per_window() const { return strategy_->conversions_per_window(); }
  int required_bits() const { return strategy_->required_bits(); }

 private:
  /// Lays `rows` x all vectors out anew and makes the strategy for it.
  void encode(const std::int8_t *weights, int rows);
  device::ProgrammingReport program_cells(const std::uint8_t *levels);
  std::size_t first_slot() const;

  const LineChip &chip_;
  const ArrayPlace place_;
  const ConverterBank &converters_;
  const std::vector<peripheral::SarAdc> &adcs_;
  const device::ArrayGeometry line_geometry_;
  crossbar::PhysicalArray cells_;
  int rows_ = 0;
  peripheral::EncodedWeights encoded_;
  std::unique_ptr<peripheral::AnalogBuffer> buffer_;
  std::unique_ptr<LineDataflow> strategy_;
};

}  // namespace npim::dataflow
