// The times that the chip's modules are built from, derived once from the configuration.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <systemc>

#include "base/integers.h"
#include "config/chip_config.h"

namespace npim::chip {

/// duration * count, exactly (sc_time's own operator goes through double).
inline sc_core::sc_time times(const sc_core::sc_time &duration, std::uint64_t count) {
  return sc_core::sc_time::from_value(duration.value() * count);
}

/// Told when a resource is taken, for traces.
class BusyWatcher {
 public:
  virtual ~BusyWatcher() = default;
  /// Taken from `begin`, which is not before the present nor before the last end, to `end`.
  virtual void busy(const sc_core::sc_time &begin, const sc_core::sc_time &end) = 0;
  /// What was announced for later than now does not happen.
  virtual void released() = 0;
};

/// A resource that serves one request after the other, in the order of the calls.
class BusyUntil {
 public:
  /// Takes the resource for `duration`, from `earliest` or when it becomes free. Returns the end.
  sc_core::sc_time reserve(const sc_core::sc_time &earliest, const sc_core::sc_time &duration) {
    begun_ = std::max(free_at_, earliest);
    free_at_ = begun_ + duration;
    total_ += duration;
    if (watcher_ != nullptr) watcher_->busy(begun_, free_at_);
    return free_at_;
  }
  /// When what was reserved last begins.
  const sc_core::sc_time &begun() const { return begun_; }
  /// When it ends.
  const sc_core::sc_time &ends() const { return free_at_; }
  /// Of all that was ever reserved.
  const sc_core::sc_time &total() const { return total_; }
  /// Nobody waits for what was reserved any more: its run has been ended.
  void release() {
    free_at_ = sc_core::SC_ZERO_TIME;
    if (watcher_ != nullptr) watcher_->released();
  }
  /// Null (the default) for none; must outlive the simulation.
  void watch(BusyWatcher *watcher) { watcher_ = watcher; }

 private:
  sc_core::sc_time free_at_, begun_, total_;
  BusyWatcher *watcher_ = nullptr;
};

/// A resource under its path in the chip: "tile3.nnadc", "noc.router5.east".
struct NamedUnit {
  std::string path;
  BusyUntil *unit;
};

/// One NNS+A per array takes the array's vectors one after the other, one per clock, while their
/// bit lines are driven: an input cycle lasts until the last one has been served. [NP] Table 2: 80
/// MHz and 8 vectors make the 100 ns of an input cycle.
/// Dataflow A ([IS] section 5): the bit lines that are held are converted during the next cycle,
/// which lasts as long as its converters need. Dataflow B: TIA and buffer follow within the cycle.
inline sc_core::sc_time input_cycle_time(const config::ChipConfig &chip) {
  const sc_core::sc_time cycle(chip.input_cycle_ns, sc_core::SC_NS);
  if (chip.dataflow == config::Dataflow::kAnalogBuffering) return cycle;
  if (chip.dataflow == config::Dataflow::kDigitalAccumulation) {
    const int unit_column = chip.array.encoding == config::WeightEncoding::kBiased ? 1 : 0;
    const int lines = chip.vectors_per_array() * chip.columns_per_vector() + unit_column;
    const double conversions =
        static_cast<double>(lines) * chip.arrays_per_tile() / chip.adc.per_tile;
    return std::max(cycle,
                    sc_core::sc_time(conversions * 1e3 / chip.adc.rate_msps, sc_core::SC_NS));
  }
  const sc_core::sc_time nnsa_clock(1e3 / chip.nnsa_clock_mhz, sc_core::SC_NS);
  const auto vectors = static_cast<std::uint64_t>(chip.vectors_per_array());
  return std::max(cycle, times(nnsa_clock, vectors));
}

struct Timing {
  sc_core::sc_time input_cycle;  ///< one DAC slice through crossbar and NNS+A
  sc_core::sc_time tile_clock;   ///< bus, adders, post-processing
  sc_core::sc_time noc_clock;
  sc_core::sc_time edram_access;                       ///< first word of a transfer
  sc_core::sc_time edram_word;                         ///< each word: what is slower, bus or banks
  sc_core::sc_time conversion;                         ///< of one converter
  sc_core::sc_time write_pulse;                        ///< one programming pulse and its verify
  sc_core::sc_time chip_link_latency, chip_link_byte;  ///< between chips
  sc_core::sc_time link_latency;
  double link_ns_per_byte;
  int input_cycles;

  explicit Timing(const config::ChipConfig &chip)
      : input_cycle(input_cycle_time(chip)),
        tile_clock(1e3 / chip.tile_clock_mhz, sc_core::SC_NS),
        noc_clock(1e3 / chip.noc.clock_mhz, sc_core::SC_NS),
        edram_access(chip.edram.access_ns, sc_core::SC_NS),
        edram_word(std::max(
            tile_clock, sc_core::sc_time(chip.edram.access_ns / chip.edram.banks, sc_core::SC_NS))),
        conversion(1e3 / chip.converter_rate_msps(), sc_core::SC_NS),
        write_pulse(chip.array.write_pulse_ns + chip.array.verify_read_ns, sc_core::SC_NS),
        chip_link_latency(chip.chips.link_latency_ns, sc_core::SC_NS),
        chip_link_byte(1.0 / chip.chips.link_gigabytes_per_second, sc_core::SC_NS),
        link_latency(chip.host_link.latency_ns, sc_core::SC_NS),
        link_ns_per_byte(1.0 / chip.host_link.gigabytes_per_second),
        input_cycles(chip.input_cycles()) {}
};

}  // namespace npim::chip
