// Control and status registers of machine mode (RISC-V privileged specification 1.12, chapter 3)
// and of F/D and Zicntr. Registers of modes this hart does not have yet (satp, medeleg, mideleg,
// menvcfg, s*) do not exist: accessing them is an illegal instruction. The PMP registers store
// without effect, as firmware for QEMU's virt machine opens them before anything else.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "cpu/hart_state.h"

namespace npim::cpu {

/// CSR numbers that are named in more than one place.
namespace csr {
constexpr unsigned kFflags = 0x001, kFrm = 0x002, kFcsr = 0x003, kMstatus = 0x300, kMisa = 0x301,
                   kMie = 0x304, kMtvec = 0x305, kMcounteren = 0x306, kMcountinhibit = 0x320,
                   kMscratch = 0x340, kMepc = 0x341, kMcause = 0x342, kMtval = 0x343, kMip = 0x344,
                   kPmpcfg0 = 0x3a0, kPmpaddr0 = 0x3b0, kTselect = 0x7a0, kTdata3 = 0x7a3,
                   kMcycle = 0xb00, kMinstret = 0xb02, kCycle = 0xc00, kTime = 0xc01,
                   kInstret = 0xc02, kMvendorid = 0xf11, kMhartid = 0xf14, kMconfigptr = 0xf15;
}  // namespace csr

class CsrFile {
 public:
  /// `csr_cost`: cycles of a CSR instruction, after which a written mcycle counts on.
  CsrFile(HartState &state, std::uint64_t hart_id, unsigned csr_cost)
      : state_(state), hart_id_(hart_id), csr_cost_(csr_cost) {}

  /// False when the register does not exist here, or the floating-point unit is off.
  bool read(unsigned number, std::uint64_t &value) const;
  /// False as above or when the register is read-only. Ends the run loop when the write can change
  /// which interrupt is taken.
  bool write(unsigned number, std::uint64_t value);

  /// Supplies `time`.
  void set_time_source(std::function<std::uint64_t()> source) { time_source_ = std::move(source); }

 private:
  bool accessible(unsigned number) const;

  HartState &state_;
  const std::uint64_t hart_id_;
  const unsigned csr_cost_;
  std::function<std::uint64_t()> time_source_;
};

}  // namespace npim::cpu
