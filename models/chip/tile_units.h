// What the IMAs of a tile share ([NP] section 5): eDRAM buffer, bus, NNADCs behind multiplexers and
// post-processing unit. Each is a resource with a time of its own; requests queue in the order of
// arrival.
#pragma once

#include <cstdint>
#include <cstring>
#include <systemc>
#include <vector>

#include "chip/chip_context.h"

namespace npim::chip {

/// Byte storage, allocated when first written. Callers have checked their ranges.
class Edram : public sc_core::sc_module {
 public:
  Edram(const sc_core::sc_module_name &module_name, const ChipContext &context)
      : sc_module(module_name), size_(static_cast<std::size_t>(context.config.edram.bytes)) {}

  std::size_t size() const { return size_; }
  /// The storage, zero until written.
  std::uint8_t *data() {
    if (content_.empty()) content_.resize(size_);
    return content_.data();
  }
  void read(std::size_t offset, std::uint8_t *to, std::size_t bytes) {
    if (bytes != 0) std::memcpy(to, data() + offset, bytes);
  }
  void write(std::size_t offset, const std::uint8_t *from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(data() + offset, from, bytes);
  }

 private:
  std::size_t size_;
  std::vector<std::uint8_t> content_;
};

/// The tile's bus. The eDRAM is reached through it alone, so one reservation covers both.
class TileBus : public sc_core::sc_module {
 public:
  TileBus(const sc_core::sc_module_name &module_name, const ChipContext &context)
      : sc_module(module_name), context_(context) {}

  /// Between registers: one word per clock. Returns the end.
  sc_core::sc_time transfer(const sc_core::sc_time &earliest, std::uint64_t bytes) {
    return bus_.reserve(earliest, times(context_.timing.tile_clock, words(bytes)));
  }
  /// From or to the eDRAM: an access, then a word per clock or per bank access, whichever is
  /// slower.
  sc_core::sc_time edram_transfer(const sc_core::sc_time &earliest, std::uint64_t bytes) {
    return bus_.reserve(
        earliest, context_.timing.edram_access + times(context_.timing.edram_word, words(bytes)));
  }

 private:
  std::uint64_t words(std::uint64_t bytes) const { return divide_up(bytes, context_.bus_bytes); }

  const ChipContext &context_;
  BusyUntil bus_;
};

/// The NNADCs of a tile, shared by its IMAs through a multiplexer: a batch of conversions is spread
/// evenly over all of them.
class Nnadc : public sc_core::sc_module {
 public:
  Nnadc(const sc_core::sc_module_name &module_name, const ChipContext &context)
      : sc_module(module_name), context_(context) {}

  sc_core::sc_time convert(const sc_core::sc_time &earliest, std::uint64_t conversions) {
    const auto converters = static_cast<std::uint64_t>(context_.config.nnadc.per_tile);
    return bank_.reserve(earliest,
                         times(context_.timing.conversion, divide_up(conversions, converters)));
  }

 private:
  const ChipContext &context_;
  BusyUntil bank_;
};

/// Adders, requantisation, pooling: `post_lanes` values per tile clock.
class PostProcessor : public sc_core::sc_module {
 public:
  PostProcessor(const sc_core::sc_module_name &module_name, const ChipContext &context)
      : sc_module(module_name), context_(context) {}

  sc_core::sc_time process(const sc_core::sc_time &earliest, std::uint64_t values) {
    const auto lanes = static_cast<std::uint64_t>(context_.config.post_lanes);
    return unit_.reserve(earliest, times(context_.timing.tile_clock, divide_up(values, lanes)));
  }

 private:
  const ChipContext &context_;
  BusyUntil unit_;
};

}  // namespace npim::chip
