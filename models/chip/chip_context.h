// What all modules of one chip share: its configuration, times, array geometry and counters.
#pragma once

#include <cstdint>
#include <systemc>

#include "abi/npim_abi.h"
#include "chip/activity.h"
#include "chip/books.h"
#include "chip/timing.h"
#include "chip/wake_queue.h"
#include "config/chip_config.h"
#include "cost/dot_product.h"
#include "dataflow/datapath.h"

namespace npim::chip {

/// Totals since the last reset.
struct ChipCounters {
  std::uint64_t cycles = 0;           ///< input cycles: DAC slices driven, summed over MVM windows
  std::uint64_t windows = 0;          ///< of stages of all kinds
  std::uint64_t conversions = 0;      ///< NNADC conversions
  std::uint64_t clipped = 0;          ///< conversions with a code at the end of the range
  std::uint64_t verify_failures = 0;  ///< cells that programming has not brought to their level
  std::uint64_t injected_faults = 0;
  std::uint64_t images = 0;  ///< of RUNs completed since the control vectors were loaded
};

/// Told what the chip does, for traces; nothing is computed for it when there is none. All calls
/// come at the simulated time of what they tell, at the end of what has a length.
class ChipObserver {
 public:
  virtual ~ChipObserver() = default;
  virtual void command_begin(const abi::Descriptor &) {}
  virtual void command_end(const abi::Descriptor &, const abi::Completion &) {}
  /// A stage had at least one window in its pipeline from `begin` until now.
  virtual void stage_active(std::uint32_t /*stage*/, unsigned /*tile*/, unsigned /*slot*/,
                            std::uint32_t /*layer*/, const sc_core::sc_time & /*begin*/) {}
  /// How many windows a stage has in its pipeline has changed.
  virtual void windows_in_flight(unsigned /*tile*/, unsigned /*slot*/, int /*windows*/) {}
};

struct ChipContext {
  ChipContext(const config::ChipConfig &chip_config, dataflow::Kernel value_kernel)
      : config(chip_config),
        timing(config),
        dot_product(cost::dot_product_actions(config)),
        datapath(config, value_kernel),
        geometry(datapath.geometry()),
        bus_bytes(static_cast<std::uint64_t>(config.bus_bits + 7) / 8),
        books(config) {}

  const config::ChipConfig config;
  const Timing timing;
  const cost::DotProductActions dot_product;
  dataflow::Datapath datapath;
  const device::ArrayGeometry &geometry;
  const std::uint64_t bus_bytes;
  WakeQueue wakes{"wakes"};
  Activity activity;
  ChipCounters counters;
  Books books;
  cost::Accounting accounting = cost::Accounting::kPerAction;  ///< of what registers tell
  ChipObserver *observer = nullptr;
  /// False: data is moved and computed in time only (Chip::leave_out_values).
  bool values = true;
};

}  // namespace npim::chip
