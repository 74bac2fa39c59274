// The architectural state of one RV64 hart and its local clock: plain data, without SystemC, so
// that tests, the debugger and checkpoints can read and write it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace npim::cpu {

enum class Privilege : std::uint8_t { kUser = 0, kSupervisor = 1, kMachine = 3 };

/// Bits of mstatus that this hart implements.
namespace mstatus {
constexpr std::uint64_t kSie = 1u << 1;
constexpr std::uint64_t kMie = 1u << 3;
constexpr std::uint64_t kSpie = 1u << 5;
constexpr std::uint64_t kMpie = 1u << 7;
constexpr std::uint64_t kSpp = 1u << 8;
constexpr std::uint64_t kMpp = 3u << 11;
constexpr unsigned kMppShift = 11;
constexpr std::uint64_t kFs = 3u << 13;
constexpr std::uint64_t kMprv = 1u << 17;
constexpr std::uint64_t kSum = 1u << 18;
constexpr std::uint64_t kMxr = 1u << 19;
constexpr std::uint64_t kTvm = 1u << 20;
constexpr std::uint64_t kTw = 1u << 21;
constexpr std::uint64_t kTsr = 1u << 22;
constexpr std::uint64_t kUxl = std::uint64_t{2} << 32;  // constant: 64 bits
constexpr std::uint64_t kSxl = std::uint64_t{2} << 34;  // constant: 64 bits
constexpr std::uint64_t kSd = std::uint64_t{1} << 63;
}  // namespace mstatus

/// Fields of satp.
namespace satp {
constexpr unsigned kModeShift = 60;
constexpr std::uint64_t kSv39 = 8;
constexpr std::uint64_t kPpn = (std::uint64_t{1} << 44) - 1;
}  // namespace satp

/// What LR reserved; SC succeeds when address, size and the value in memory are still the same.
struct Reservation {
  bool valid = false;
  std::uint8_t size = 0;
  std::uint64_t address = 0;
  std::uint64_t value = 0;
};

/// An address-match trigger of the debug module (mcontrol); see triggers.h.
struct Trigger {
  std::uint64_t control = 0;  ///< the implemented bits of tdata1, without the type
  std::uint64_t address = 0;  ///< tdata2
};

struct HartState {
  /// Where the decoder sends integer results whose destination is x0.
  static constexpr unsigned kSink = 32;
  static constexpr std::size_t kTriggers = 4;
  static constexpr std::size_t kPmpEntries = 16;

  std::array<std::uint64_t, 33> x{};
  std::array<std::uint64_t, 32> f{};  ///< binary32 values are NaN-boxed
  std::uint64_t pc = 0;
  Privilege privilege = Privilege::kMachine;

  /// Clock edges since time zero: local time is `cycle` clock periods, at or ahead of SystemC's.
  std::uint64_t cycle = 0;
  /// Instructions start while cycle < horizon; zero leaves the run loop after the present one.
  std::uint64_t horizon = 0;
  std::uint64_t retired = 0;

  std::uint64_t mcycle_offset = 0;    ///< mcycle = cycle + offset; mcycle itself while inhibited
  std::uint64_t minstret_offset = 0;  ///< minstret = retired + offset; likewise
  std::uint64_t mstatus = 0;          ///< without SD, UXL and SXL
  std::uint64_t medeleg = 0;
  std::uint64_t mideleg = 0;
  std::uint64_t mtvec = 0;
  std::uint64_t mepc = 0;
  std::uint64_t mcause = 0;
  std::uint64_t mtval = 0;
  std::uint64_t mie = 0;
  std::uint64_t mip = 0;           ///< the interrupt lines as last sampled
  std::uint64_t mip_software = 0;  ///< SSIP, STIP and SEIP as written by software
  std::uint64_t mscratch = 0;
  std::uint64_t mcounteren = 0;
  std::uint64_t mcountinhibit = 0;
  std::uint64_t menvcfg = 0;
  std::uint64_t stvec = 0;
  std::uint64_t sepc = 0;
  std::uint64_t scause = 0;
  std::uint64_t stval = 0;
  std::uint64_t sscratch = 0;
  std::uint64_t scounteren = 0;
  std::uint64_t senvcfg = 0;
  std::uint64_t satp = 0;
  std::array<std::uint64_t, 2> pmpcfg{};  ///< pmpcfg0 and pmpcfg2
  std::array<std::uint64_t, kPmpEntries> pmpaddr{};
  std::array<Trigger, kTriggers> triggers{};
  std::uint64_t tselect = 0;
  std::uint8_t fflags = 0;
  std::uint8_t frm = 0;
  Reservation reservation;

  /// Inside wfi.
  bool waiting = false;
  /// The trap handler traps on its own first instruction: nothing can happen any more.
  bool lost = false;

  std::uint64_t mcycle() const {
    return (mcountinhibit & 1) != 0 ? mcycle_offset : cycle + mcycle_offset;
  }
  std::uint64_t minstret() const {
    return (mcountinhibit & 4) != 0 ? minstret_offset : retired + minstret_offset;
  }
  bool fp_enabled() const { return (mstatus & mstatus::kFs) != 0; }
  /// What mip reads as.
  std::uint64_t pending() const { return mip | mip_software; }
  Privilege previous_privilege() const {
    return static_cast<Privilege>((mstatus & mstatus::kMpp) >> mstatus::kMppShift);
  }
  /// The privilege of loads and stores: mstatus.MPRV lends machine mode that of MPP.
  Privilege data_privilege() const {
    return privilege == Privilege::kMachine && (mstatus & mstatus::kMprv) != 0
               ? previous_privilege()
               : privilege;
  }
  bool translates(Privilege effective) const {
    return effective != Privilege::kMachine && satp >> satp::kModeShift == satp::kSv39;
  }
};

}  // namespace npim::cpu
