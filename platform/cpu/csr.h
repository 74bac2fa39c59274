// Control and status registers of M and S (RISC-V privileged specification 1.12, chapters 3 and
// 4), of F/D and Zicntr, and of the trigger module. WARL fields keep what they held when a write
// asks for a value that does not exist here; mtvec and stvec fall back to a mode that does.
// Deliberate choices: satp has Bare and Sv39 and 16 bits of ASID (which translation ignores);
// medeleg cannot delegate environment calls from M; menvcfg and senvcfg have FIOM only, without
// effect, as all accesses are in order; event counters read zero.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "cpu/hart_state.h"

namespace npim::cpu {

/// CSR numbers that are named in more than one place.
namespace csr {
constexpr unsigned kFflags = 0x001, kFrm = 0x002, kFcsr = 0x003, kSstatus = 0x100, kSie = 0x104,
                   kStvec = 0x105, kScounteren = 0x106, kSenvcfg = 0x10a, kSscratch = 0x140,
                   kSepc = 0x141, kScause = 0x142, kStval = 0x143, kSip = 0x144, kSatp = 0x180,
                   kMstatus = 0x300, kMisa = 0x301, kMedeleg = 0x302, kMideleg = 0x303,
                   kMie = 0x304, kMtvec = 0x305, kMcounteren = 0x306, kMenvcfg = 0x30a,
                   kMcountinhibit = 0x320, kMscratch = 0x340, kMepc = 0x341, kMcause = 0x342,
                   kMtval = 0x343, kMip = 0x344, kPmpcfg0 = 0x3a0, kPmpaddr0 = 0x3b0,
                   kTselect = 0x7a0, kTdata1 = 0x7a1, kTdata2 = 0x7a2, kTdata3 = 0x7a3,
                   kTinfo = 0x7a4, kMcycle = 0xb00, kMinstret = 0xb02, kCycle = 0xc00,
                   kTime = 0xc01, kInstret = 0xc02, kMvendorid = 0xf11, kMhartid = 0xf14,
                   kMconfigptr = 0xf15;
}  // namespace csr

class CsrFile {
 public:
  /// `csr_cost`: cycles of a CSR instruction, after which a written mcycle counts on.
  CsrFile(HartState &state, std::uint64_t hart_id, unsigned csr_cost)
      : state_(state), hart_id_(hart_id), csr_cost_(csr_cost) {}

  /// False when the register does not exist here, the mode may not access it, or the
  /// floating-point unit is off.
  bool read(unsigned number, std::uint64_t &value) const;
  /// The value that csrrs and csrrc modify: without interrupt lines, which are not theirs to set.
  std::uint64_t base_of_update(unsigned number, std::uint64_t read_value) const {
    return number == csr::kMip ? state_.mip_software : read_value;
  }
  /// False as above or when the register is read-only. Ends the run loop when the write can change
  /// which interrupt is taken, how addresses are translated or what triggers match.
  bool write(unsigned number, std::uint64_t value);

  /// Supplies `time`.
  void set_time_source(std::function<std::uint64_t()> source) { time_source_ = std::move(source); }
  /// Called when a write changes what cached translations or protections say.
  void set_translation_observer(std::function<void()> observer) {
    translation_changed_ = std::move(observer);
  }

 private:
  bool accessible(unsigned number) const;
  bool counter_enabled(unsigned number) const;
  bool read_machine(unsigned number, std::uint64_t &value) const;
  bool read_supervisor(unsigned number, std::uint64_t &value) const;
  bool write_machine(unsigned number, std::uint64_t value);
  bool write_supervisor(unsigned number, std::uint64_t value);
  void write_status(std::uint64_t value, std::uint64_t writable);
  void write_satp(std::uint64_t value);
  void write_pmpcfg(unsigned word, std::uint64_t value);
  void write_pmpaddr(unsigned entry, std::uint64_t value);
  void write_countinhibit(std::uint64_t value);
  /// Interrupts and translation have to be looked at again before the next instruction.
  void leave_run_loop() { state_.horizon = 0; }
  void translation_changes();

  HartState &state_;
  const std::uint64_t hart_id_;
  const unsigned csr_cost_;
  std::function<std::uint64_t()> time_source_;
  std::function<void()> translation_changed_;
};

}  // namespace npim::cpu
