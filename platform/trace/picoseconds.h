// Simulated time as whole picoseconds, for files.
#pragma once

#include <cstdint>
#include <systemc>

namespace npim::trace {

/// Exact when SystemC's resolution is a picosecond (its default) or a power of ten finer, else as
/// near as a double comes.
inline std::uint64_t picoseconds(const sc_core::sc_time &time) {
  static const double kUnitsPerPs =
      sc_core::sc_time(1, sc_core::SC_PS).to_double() / sc_core::sc_time::from_value(1).to_double();
  const auto units = time.value();
  return kUnitsPerPs >= 1 ? units / static_cast<std::uint64_t>(kUnitsPerPs)
                          : static_cast<std::uint64_t>(time.to_seconds() * 1e12);
}

}  // namespace npim::trace
