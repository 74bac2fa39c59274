// Strategy C in ideal fidelity: integers, bit for bit those of the golden executor.
#pragma once

#include <vector>

#include "crossbar/array.h"
#include "dataflow/array_datapath.h"
#include "dataflow/converter_bank.h"
#include "dataflow/strategy_c.h"

namespace npim::dataflow {

class IdealArray : public ArrayDatapath {
 public:
  /// geometry, strategy and converters must outlive the array. number: in the tile.
  IdealArray(const device::ArrayGeometry &geometry, const StrategyC &strategy,
             const ConverterBank &converters, int number)
      : array_(geometry), strategy_(strategy), converters_(converters), number_(number) {}

  const device::ArrayGeometry &geometry() const override { return array_.geometry(); }
  device::ProgrammingReport program(const std::int8_t *weights, int rows, int vectors,
                                    int shift) override;
  device::ProgrammingReport program_levels(const std::uint8_t *levels) override;
  void stick(int row, int column, bool at_on) override;
  int level(int row, int column) const override { return array_.level(row, column); }
  void hold(const Windows &windows, const LayerConverter &layer, double *held) const override;
  void convert(WindowKeys windows, const LayerConverter &layer, const double *held, int count,
               std::int32_t *codes) const override;

 private:
  struct StuckCell {
    int row, column, level;
  };
  device::ProgrammingReport apply_stuck_cells();

  crossbar::Array array_;
  const StrategyC &strategy_;
  const ConverterBank &converters_;
  const int number_;
  std::vector<StuckCell> stuck_;
};

}  // namespace npim::dataflow
