// One crossbar and all that stands between its word lines and the codes of its converters, behind
// one interface for every fidelity and for the strategies A, B and C of [NP] section 3. What an
// array computes is a pure function of its cells, the layer's converter setting, the inputs and the
// keys of the windows: never of batch, order or threads.
#pragma once

#include <cstdint>
#include <memory>

#include "device/cell.h"
#include "device/cell_bank.h"
#include "peripheral/nnadc.h"

namespace npim::dataflow {

/// Windows that follow each other. The key of a window names the draws of its noise; it is to be
/// unique among all windows that an array ever sees:
///   key = (image * output height + y) * output width + x
/// of the stage's output pixel (y, x), with the images counted over the whole run and not within a
/// batch.
struct WindowKeys {
  std::uint64_t first = 0;
  int count = 1;
};

struct Windows {
  const std::uint8_t *inputs = nullptr;  ///< u8 [keys.count][rows]
  int rows = 0;                          ///< that are driven, up to the array's
  WindowKeys keys;
};

/// How a layer has set the converters of its arrays. Made once per layer.
struct LayerConverter {
  peripheral::ConverterSetting setting;
  std::unique_ptr<peripheral::AnalogToDigital> ideal;  ///< what it amounts to without errors
};

/// Where an array stands on the chip, which keys its draws.
struct ArrayPlace {
  int tile = 0, array = 0;
};

class ArrayDatapath {
 public:
  virtual ~ArrayDatapath() = default;

  /// Signed weights per word line.
  int vectors() const { return geometry().vectors(); }
  virtual const device::ArrayGeometry &geometry() const = 0;

  /// Programs signed weights [row][vector], at most the geometry's, with magnitudes times 2^shift
  /// (crossbar::Array::program); all other cells go to level 0. failed_cells of the report: those
  /// that a verify read senses at another level.
  virtual device::ProgrammingReport program(const std::int8_t *weights, int rows, int vectors,
                                            int shift) = 0;
  /// Programs levels [row][column] of the whole array.
  virtual device::ProgrammingReport program_levels(const std::uint8_t *levels) = 0;
  /// Makes a cell stay at its lowest or highest level from the next programming on.
  virtual void stick(int row, int column, bool at_on) = 0;
  /// Level of a cell as a verify read senses it.
  virtual int level(int row, int column) const = 0;
  /// The signed weight that the sensed cells of (row, vector) make, with its shift.
  int weight(int row, int vector) const;

  /// The analog part of all input cycles of `windows`: what the sample-and-holds hold afterwards,
  /// held[window][vector], in units of input LSB * weight LSB as seen at the bit lines. (Strategies
  /// A and B have converted by then: their sums are held in registers.)
  virtual void hold(const Windows &windows, const LayerConverter &layer, double *held) const = 0;
  /// Trims the array's shift-and-add against known inputs, seen through the converters that serve
  /// it: after those have been calibrated. `run` keys the noise of the measurement.
  virtual void calibrate(std::uint64_t run) { (void)run; }
  /// The conversions: codes[window][vector] of the first `count` vectors, in the code format of the
  /// chip, from held[window][vector] of all vectors.
  virtual void convert(WindowKeys windows, const LayerConverter &layer, const double *held,
                       int count, std::int32_t *codes) const = 0;
};

}  // namespace npim::dataflow
