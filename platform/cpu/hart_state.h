// The architectural state of one RV64 hart and its local clock: plain data, without SystemC, so
// that tests, the debugger and checkpoints can read and write it.
#pragma once

#include <array>
#include <cstdint>

namespace npim::cpu {

enum class Privilege : std::uint8_t { kUser = 0, kSupervisor = 1, kMachine = 3 };

/// Bits of mstatus that this hart implements.
namespace mstatus {
constexpr std::uint64_t kMie = 1u << 3;
constexpr std::uint64_t kMpie = 1u << 7;
constexpr std::uint64_t kMpp = 3u << 11;  // machine mode is the only value while U is absent
constexpr std::uint64_t kFs = 3u << 13;
constexpr std::uint64_t kSd = std::uint64_t{1} << 63;
}  // namespace mstatus

/// What LR reserved; SC succeeds when address, size and the value in memory are still the same.
struct Reservation {
  bool valid = false;
  std::uint8_t size = 0;
  std::uint64_t address = 0;
  std::uint64_t value = 0;
};

struct HartState {
  /// Where the decoder sends integer results whose destination is x0.
  static constexpr unsigned kSink = 32;

  std::array<std::uint64_t, 33> x{};
  std::array<std::uint64_t, 32> f{};  ///< binary32 values are NaN-boxed
  std::uint64_t pc = 0;
  Privilege privilege = Privilege::kMachine;

  /// Clock edges since time zero: local time is `cycle` clock periods, at or ahead of SystemC's.
  std::uint64_t cycle = 0;
  /// Instructions start while cycle < horizon; zero leaves the run loop after the present one.
  std::uint64_t horizon = 0;
  std::uint64_t retired = 0;

  std::uint64_t mcycle_offset = 0;    ///< mcycle = cycle + offset
  std::uint64_t minstret_offset = 0;  ///< minstret = retired + offset
  std::uint64_t mstatus = mstatus::kMpp;
  std::uint64_t mtvec = 0;
  std::uint64_t mepc = 0;
  std::uint64_t mcause = 0;
  std::uint64_t mtval = 0;
  std::uint64_t mie = 0;
  std::uint64_t mip = 0;  ///< the interrupt lines as last sampled
  std::uint64_t mscratch = 0;
  std::uint64_t mcounteren = 0;
  std::array<std::uint64_t, 2> pmpcfg{};  ///< pmpcfg0 and pmpcfg2: storage without effect
  std::array<std::uint64_t, 16> pmpaddr{};
  std::uint8_t fflags = 0;
  std::uint8_t frm = 0;
  Reservation reservation;

  /// Inside wfi.
  bool waiting = false;
  /// Exceptions in a row at one pc without a return from a trap.
  std::uint32_t repeated_traps = 0;
  /// The trap handler traps on its own first instruction, or without end further on: nothing useful
  /// can happen any more.
  bool lost = false;

  std::uint64_t mcycle() const { return cycle + mcycle_offset; }
  std::uint64_t minstret() const { return retired + minstret_offset; }
  bool fp_enabled() const { return (mstatus & mstatus::kFs) != 0; }
};

}  // namespace npim::cpu
