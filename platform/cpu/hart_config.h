// Configuration of a hart: clock, cycle classes, reset, speed options.
#pragma once

#include <cstdint>
#include <systemc>

#include "config/json_config.h"

namespace npim::cpu {

/// Clock cycles per instruction class; every class takes at least one cycle.
struct CycleCosts {
  std::uint16_t base = 1;  ///< "default": everything that has no class of its own, and traps
  std::uint16_t load = 1;
  std::uint16_t store = 1;
  std::uint16_t amo = 1;
  std::uint16_t mul = 1;
  std::uint16_t div = 1;
  std::uint16_t branch_taken = 1;  ///< a branch that is not taken costs `base`
  std::uint16_t jump = 1;
  std::uint16_t csr = 1;
  std::uint16_t fp = 1;
  std::uint16_t fp_div = 1;  ///< division and square root
};

struct HartConfig {
  double clock_mhz = 1000;  ///< the period is rounded to SystemC's time resolution (1 ps)
  CycleCosts cycles;
  std::uint64_t reset_pc = 0x1000;
  std::uint64_t hart_id = 0;
  std::uint64_t timebase_hz = 10'000'000;  ///< `time` CSR when no time source is set
  /// How far the hart may run ahead of SystemC while nothing else is scheduled. A speed option: it
  /// changes neither values nor simulated time.
  sc_core::sc_time quantum{100, sc_core::SC_US};
  /// Data of memory accesses through pointers instead of b_transport. A speed option too.
  bool dmi = true;
  /// Remembers decoded code. Off only in tests, which compare with it; slow.
  bool block_cache = true;
};

/// Reads "clock_mhz", "cycles", "reset_pc", "hart_id", "timebase_hz", "quantum_ns", "dmi" and
/// "block_cache", each
/// optional; addresses are integers or text ("0x80000000"). Does not call finish(). Throws
/// InputError.
HartConfig parse_hart_config(config::Object &object);

}  // namespace npim::cpu
