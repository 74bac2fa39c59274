// Strategies A and B behind the interface by which the chip sees its arrays: digital accumulation
// as in ISAAC, analog buffering as in CASCADE. Their sums are digital numbers when a window is
// through, so codes are the dot products themselves (what a layer's range and gain are for belongs
// to strategy C).
#pragma once

#include <memory>
#include <optional>

#include "dataflow/array_datapath.h"
#include "dataflow/strategy_a.h"
#include "dataflow/strategy_b.h"
#include "peripheral/baseline_file.h"

namespace npim::dataflow {

class LineArray : public ArrayDatapath {
 public:
  /// geometry and physics are of the chip, differential; unit columns stand beside those of the
  /// geometry ([IS]: column 129). Converter, TIAs and buffer cells are drawn from `baseline` for
  /// this place; with exact_parts they have its resolutions but no errors. All references must
  /// outlive the array. Throws InputError for biased weights, of which the chip's mapping knows
  /// nothing.
  LineArray(const device::ArrayGeometry &geometry, const crossbar::Physics &physics,
            const peripheral::Baseline &baseline, device::Place place, bool exact_parts);

  const device::ArrayGeometry &geometry() const override { return geometry_; }
  device::ProgrammingReport program(const std::int8_t *weights, int rows, int vectors) override;
  int level(int row, int column) const override;
  void hold(const Windows &windows, const LayerConverter &layer, double *held) const override;
  void convert(WindowKeys windows, const LayerConverter &layer, const double *held, int count,
               std::int32_t *codes) const override;

  /// Of one window in this array, once it is programmed.
  std::int64_t conversions_per_window() const { return strategy_->conversions_per_window(); }
  int required_bits() const { return strategy_->required_bits(); }

 private:
  void make_strategy();

  const device::ArrayGeometry &geometry_;
  const peripheral::Baseline &baseline_;
  bool exact_parts_;
  int dac_bits_, cycles_, rows_ = 0;
  device::ArrayGeometry line_geometry_;
  crossbar::PhysicalArray array_;
  std::optional<peripheral::AnalogBufferParameters> buffer_parameters_;
  std::unique_ptr<peripheral::LineAdc> adc_;
  peripheral::EncodedWeights encoded_;
  std::unique_ptr<peripheral::AnalogBuffer> buffer_;
  std::unique_ptr<LineDataflow> strategy_;
};

}  // namespace npim::dataflow
