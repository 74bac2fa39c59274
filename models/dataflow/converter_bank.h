// The converters of one tile, shared by its arrays through a multiplexer ([NP] section 5): which of
// them serves which weight vector, which are broken or out of service, and how they are trimmed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace npim::dataflow {

enum class ConverterFault : std::uint8_t {
  kNone,
  kDead,   ///< never signals the end of a conversion; its codes are 0
  kStuck,  ///< signals, but always with the same code
};

/// What calibration sets in front of a converter: it sees (1 + gain) * v + offset.
struct Trim {
  double offset_lsb = 0, gain = 0;
};

class ConverterBank {
 public:
  /// Ranges are counted by log2 of their divisor.
  static constexpr std::size_t kRanges = 3;
  struct Converter {
    ConverterFault fault = ConverterFault::kNone;
    std::int32_t stuck_code = 0;
    bool in_service = true;
    bool failed = false;  ///< calibration has found it broken
    std::array<Trim, kRanges> trims;
  };

  explicit ConverterBank(int converters);

  int count() const { return static_cast<int>(converters_.size()); }
  const Converter &at(int converter) const {
    return converters_[static_cast<std::size_t>(converter)];
  }
  /// Converters in service: conversions are spread evenly over them.
  int in_service() const { return static_cast<int>(order_.size()); }
  bool has_broken() const { return broken_ != 0; }
  /// A dead converter among those that serve `count` slots from first_slot on, or -1.
  int dead_converter(std::size_t first_slot, int count) const;

  /// The converter that serves a weight vector, numbered through the arrays of the tile (array *
  /// vectors + vector): they are dealt out in turn to those in service. At least one must be.
  int serving(std::size_t slot) const { return order_[slot % order_.size()]; }

  void inject(int converter, ConverterFault fault, std::int32_t stuck_code = 0);
  void set_in_service(int converter, bool in_service);
  void set_trim(int converter, std::size_t range, Trim trim) {
    converters_[static_cast<std::size_t>(converter)].trims[range] = trim;
  }
  void set_failed(int converter, bool failed) {
    converters_[static_cast<std::size_t>(converter)].failed = failed;
  }

  /// Replaces the codes of broken converters: codes[count] of slots from first_slot on.
  void apply_faults(std::size_t first_slot, int count, std::int32_t *codes) const {
    if (broken_ != 0) replace_codes(first_slot, count, codes);
  }

 private:
  void replace_codes(std::size_t first_slot, int count, std::int32_t *codes) const;

  std::vector<Converter> converters_;
  std::vector<int> order_;  // of those in service
  int broken_ = 0;
};

}  // namespace npim::dataflow
