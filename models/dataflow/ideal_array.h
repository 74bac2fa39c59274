// Strategy C in ideal fidelity: integers, bit for bit those of the golden executor.
#pragma once

#include "dataflow/array_datapath.h"
#include "dataflow/strategy_c.h"

namespace npim::dataflow {

class IdealArray : public ArrayDatapath {
 public:
  /// geometry and strategy must outlive the array.
  IdealArray(const device::ArrayGeometry &geometry, const StrategyC &strategy)
      : array_(geometry), strategy_(strategy) {}

  const device::ArrayGeometry &geometry() const override { return array_.geometry(); }
  device::ProgrammingReport program(const std::int8_t *weights, int rows, int vectors,
                                    int shift) override;
  int level(int row, int column) const override { return array_.level(row, column); }
  void hold(const Windows &windows, const LayerConverter &layer, double *held) const override;
  void convert(WindowKeys windows, const LayerConverter &layer, const double *held, int count,
               std::int32_t *codes) const override;

 private:
  crossbar::Array array_;
  const StrategyC &strategy_;
};

}  // namespace npim::dataflow
