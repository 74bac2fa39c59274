#include "cpu/csr.h"

#include "cpu/pmp.h"
#include "cpu/trap.h"
#include "cpu/triggers.h"

namespace npim::cpu {
namespace {

constexpr std::uint64_t extension(char letter) {
  return std::uint64_t{1} << (letter - 'A');
}
constexpr std::uint64_t kMisa = std::uint64_t{1} << 63 | extension('I') | extension('M') |
                                extension('A') | extension('F') | extension('D') | extension('C') |
                                extension('S') | extension('U');
constexpr std::uint64_t kPmpaddrMask = (std::uint64_t{1} << 54) - 1;
/// Exceptions 0 to 9, 12, 13 and 15.
constexpr std::uint64_t kMedeleg = 0xb3ff;
/// What sstatus shows and lets write of mstatus.
constexpr std::uint64_t kSstatus =
    mstatus::kSie | mstatus::kSpie | mstatus::kSpp | mstatus::kFs | mstatus::kSum | mstatus::kMxr;
constexpr std::uint64_t kMstatus = kSstatus | mstatus::kMie | mstatus::kMpie | mstatus::kMpp |
                                   mstatus::kMprv | mstatus::kTvm | mstatus::kTw | mstatus::kTsr;
constexpr std::uint64_t kFiom = 1;
constexpr std::uint64_t kInhibitCycle = 1, kInhibitInstret = 4;

constexpr bool within(unsigned number, unsigned first, unsigned last) {
  return number >= first && number <= last;
}

/// Registers that exist, read zero and ignore writes: event counters and selectors, data of the
/// triggers' further kinds, PMP entries above 15.
bool is_zero_register(unsigned number) {
  return within(number, 0xb03, 0xb1f) || within(number, 0x323, 0x33f) || number == csr::kTdata3 ||
         within(number, 0x3c0, 0x3ef) || (within(number, 0x3a4, 0x3af) && number % 2 == 0) ||
         within(number, 0xc03, 0xc1f) || within(number, csr::kMvendorid, 0xf13) ||
         number == csr::kMconfigptr;
}

std::uint64_t with_dirty_summary(std::uint64_t status) {
  return status | ((status & mstatus::kFs) == mstatus::kFs ? mstatus::kSd : 0);
}

/// Modes 2 and 3 do not exist.
std::uint64_t legal_vector(std::uint64_t value) {
  return value & ~std::uint64_t{2};
}

}  // namespace

bool CsrFile::counter_enabled(unsigned number) const {
  const std::uint64_t bit = std::uint64_t{1} << (number & 31);
  if (state_.privilege == Privilege::kMachine) return true;
  if ((state_.mcounteren & bit) == 0) return false;
  return state_.privilege == Privilege::kSupervisor || (state_.scounteren & bit) != 0;
}

bool CsrFile::accessible(unsigned number) const {
  if (((number >> 8) & 3) > static_cast<unsigned>(state_.privilege)) return false;
  if (within(number, csr::kFflags, csr::kFcsr)) return state_.fp_enabled();
  if (within(number, csr::kCycle, csr::kCycle + 31)) return counter_enabled(number);
  const bool trapped_satp = number == csr::kSatp && state_.privilege == Privilege::kSupervisor &&
                            (state_.mstatus & mstatus::kTvm) != 0;
  return !trapped_satp;
}

bool CsrFile::read(unsigned number, std::uint64_t &value) const {
  if (!accessible(number)) return false;
  const HartState &s = state_;
  value = 0;
  if (is_zero_register(number)) return true;
  if (within(number, csr::kPmpaddr0, csr::kPmpaddr0 + 15)) {
    value = s.pmpaddr[number - csr::kPmpaddr0];
    return true;
  }
  switch (number) {
    case csr::kFflags:
      value = s.fflags;
      return true;
    case csr::kFrm:
      value = s.frm;
      return true;
    case csr::kFcsr:
      value = static_cast<std::uint64_t>(s.frm) << 5 | s.fflags;
      return true;
    case csr::kMcycle:
    case csr::kCycle:
      value = s.mcycle();
      return true;
    case csr::kMinstret:
    case csr::kInstret:
      value = s.minstret();
      return true;
    case csr::kTime:
      value = time_source_ ? time_source_() : 0;
      return true;
    default:
      return within(number, 0x100, 0x1ff) ? read_supervisor(number, value)
                                          : read_machine(number, value);
  }
}

bool CsrFile::read_supervisor(unsigned number, std::uint64_t &value) const {
  const HartState &s = state_;
  switch (number) {
    case csr::kSstatus:
      value = with_dirty_summary(s.mstatus & kSstatus) | mstatus::kUxl;
      return true;
    case csr::kSie:
      value = s.mie & s.mideleg;
      return true;
    case csr::kStvec:
      value = s.stvec;
      return true;
    case csr::kScounteren:
      value = s.scounteren;
      return true;
    case csr::kSenvcfg:
      value = s.senvcfg;
      return true;
    case csr::kSscratch:
      value = s.sscratch;
      return true;
    case csr::kSepc:
      value = s.sepc;
      return true;
    case csr::kScause:
      value = s.scause;
      return true;
    case csr::kStval:
      value = s.stval;
      return true;
    case csr::kSip:
      value = s.pending() & s.mideleg;
      return true;
    case csr::kSatp:
      value = s.satp;
      return true;
    default:
      return false;
  }
}

bool CsrFile::read_machine(unsigned number, std::uint64_t &value) const {
  const HartState &s = state_;
  switch (number) {
    case csr::kMstatus:
      value = with_dirty_summary(s.mstatus) | mstatus::kUxl | mstatus::kSxl;
      return true;
    case csr::kMisa:
      value = kMisa;
      return true;
    case csr::kMedeleg:
      value = s.medeleg;
      return true;
    case csr::kMideleg:
      value = s.mideleg;
      return true;
    case csr::kMie:
      value = s.mie;
      return true;
    case csr::kMtvec:
      value = s.mtvec;
      return true;
    case csr::kMcounteren:
      value = s.mcounteren;
      return true;
    case csr::kMenvcfg:
      value = s.menvcfg;
      return true;
    case csr::kMcountinhibit:
      value = s.mcountinhibit;
      return true;
    case csr::kMscratch:
      value = s.mscratch;
      return true;
    case csr::kMepc:
      value = s.mepc;
      return true;
    case csr::kMcause:
      value = s.mcause;
      return true;
    case csr::kMtval:
      value = s.mtval;
      return true;
    case csr::kMip:
      value = s.pending();
      return true;
    case csr::kPmpcfg0:
    case csr::kPmpcfg0 + 2:
      value = s.pmpcfg[(number - csr::kPmpcfg0) / 2];
      return true;
    case csr::kTselect:
      value = s.tselect;
      return true;
    case csr::kTdata1:
      value = triggers::kType | s.triggers[s.tselect].control;
      return true;
    case csr::kTdata2:
      value = s.triggers[s.tselect].address;
      return true;
    case csr::kTinfo:
      value = 1u << 2;  // type 2 is the only one
      return true;
    case csr::kMhartid:
      value = hart_id_;
      return true;
    default:
      return false;
  }
}

bool CsrFile::write(unsigned number, std::uint64_t value) {
  constexpr unsigned kReadOnly = 3;
  if (!accessible(number) || number >> 10 == kReadOnly) return false;
  HartState &s = state_;
  if (is_zero_register(number)) return true;
  if (within(number, csr::kPmpaddr0, csr::kPmpaddr0 + 15)) {
    write_pmpaddr(number - csr::kPmpaddr0, value);
    return true;
  }
  switch (number) {
    case csr::kFflags:
      s.fflags = value & 31;
      s.mstatus |= mstatus::kFs;
      return true;
    case csr::kFrm:
      s.frm = value & 7;
      s.mstatus |= mstatus::kFs;
      return true;
    case csr::kFcsr:
      s.fflags = value & 31;
      s.frm = (value >> 5) & 7;
      s.mstatus |= mstatus::kFs;
      return true;
    default:
      return within(number, 0x100, 0x1ff) ? write_supervisor(number, value)
                                          : write_machine(number, value);
  }
}

bool CsrFile::write_supervisor(unsigned number, std::uint64_t value) {
  HartState &s = state_;
  switch (number) {
    case csr::kSstatus:
      write_status(value, kSstatus);
      return true;
    case csr::kSie:
      s.mie = (s.mie & ~s.mideleg) | (value & s.mideleg);
      leave_run_loop();
      return true;
    case csr::kStvec:
      s.stvec = legal_vector(value);
      return true;
    case csr::kScounteren:
      s.scounteren = value & 0xffffffff;
      return true;
    case csr::kSenvcfg:
      s.senvcfg = value & kFiom;
      return true;
    case csr::kSscratch:
      s.sscratch = value;
      return true;
    case csr::kSepc:
      s.sepc = value & ~std::uint64_t{1};
      return true;
    case csr::kScause:
      s.scause = value;
      return true;
    case csr::kStval:
      s.stval = value;
      return true;
    case csr::kSip: {
      const std::uint64_t writable = interrupt_mask(Interrupt::kSupervisorSoftware) & s.mideleg;
      s.mip_software = (s.mip_software & ~writable) | (value & writable);
      leave_run_loop();
      return true;
    }
    case csr::kSatp:
      write_satp(value);
      return true;
    default:
      return false;
  }
}

bool CsrFile::write_machine(unsigned number, std::uint64_t value) {
  HartState &s = state_;
  switch (number) {
    case csr::kMstatus:
      write_status(value, kMstatus);
      return true;
    case csr::kMisa:
      return true;
    case csr::kMedeleg:
      s.medeleg = value & kMedeleg;
      return true;
    case csr::kMideleg:
      s.mideleg = value & kSupervisorInterrupts;
      leave_run_loop();
      return true;
    case csr::kMie:
      s.mie = value & kAllInterrupts;
      leave_run_loop();
      return true;
    case csr::kMtvec:
      s.mtvec = legal_vector(value);
      return true;
    case csr::kMcounteren:
      s.mcounteren = value & 0xffffffff;
      return true;
    case csr::kMenvcfg:
      s.menvcfg = value & kFiom;
      return true;
    case csr::kMcountinhibit:
      write_countinhibit(value);
      return true;
    case csr::kMscratch:
      s.mscratch = value;
      return true;
    case csr::kMepc:
      s.mepc = value & ~std::uint64_t{1};
      return true;
    case csr::kMcause:
      s.mcause = value;
      return true;
    case csr::kMtval:
      s.mtval = value;
      return true;
    case csr::kMip:  // the other bits follow the lines
      s.mip_software = value & kSupervisorInterrupts;
      leave_run_loop();
      return true;
    case csr::kPmpcfg0:
    case csr::kPmpcfg0 + 2:
      write_pmpcfg((number - csr::kPmpcfg0) / 2, value);
      return true;
    case csr::kTselect:
      if (value < HartState::kTriggers) s.tselect = value;
      return true;
    case csr::kTdata1:
      s.triggers[s.tselect].control = value & triggers::kWritable;
      translation_changes();
      return true;
    case csr::kTdata2:
      s.triggers[s.tselect].address = value;
      return true;
    case csr::kTinfo:
      return true;
    case csr::kMcycle:
      s.mcycle_offset =
          (s.mcountinhibit & kInhibitCycle) != 0 ? value : value - (s.cycle + csr_cost_);
      return true;
    case csr::kMinstret:
      s.minstret_offset =
          (s.mcountinhibit & kInhibitInstret) != 0 ? value : value - (s.retired + 1);
      return true;
    default:
      return false;
  }
}

void CsrFile::translation_changes() {
  leave_run_loop();
  if (translation_changed_) translation_changed_();
}

void CsrFile::write_status(std::uint64_t value, std::uint64_t writable) {
  HartState &s = state_;
  std::uint64_t status = (s.mstatus & ~writable) | (value & writable);
  constexpr std::uint64_t kReservedMode = std::uint64_t{2} << mstatus::kMppShift;
  if ((status & mstatus::kMpp) == kReservedMode) {
    status = (status & ~mstatus::kMpp) | (s.mstatus & mstatus::kMpp);
  }
  const std::uint64_t changed = status ^ s.mstatus;
  s.mstatus = status;
  leave_run_loop();
  // SUM, MPRV and MPP choose among cached translations; MXR changes what they allow.
  if ((changed & mstatus::kMxr) != 0) translation_changes();
}

void CsrFile::write_satp(std::uint64_t value) {
  const std::uint64_t mode = value >> satp::kModeShift;
  if (mode != 0 && mode != satp::kSv39) return;  // a write of an unknown mode changes nothing
  state_.satp = value;
  translation_changes();
}

void CsrFile::write_pmpcfg(unsigned word, std::uint64_t value) {
  state_.pmpcfg[word] = pmp::legal_config(state_, word, value);
  translation_changes();
}

void CsrFile::write_pmpaddr(unsigned entry, std::uint64_t value) {
  if (pmp::address_locked(state_, entry)) return;
  state_.pmpaddr[entry] = value & kPmpaddrMask;
  translation_changes();
}

/// A counter that stops keeps its value; one that starts counts from after this instruction.
void CsrFile::write_countinhibit(std::uint64_t value) {
  HartState &s = state_;
  const std::uint64_t cycle = s.mcycle(), retired = s.minstret();
  const std::uint64_t inhibit = value & (kInhibitCycle | kInhibitInstret);
  const std::uint64_t changed = s.mcountinhibit ^ inhibit;
  s.mcountinhibit = inhibit;
  if ((changed & kInhibitCycle) != 0) {
    s.mcycle_offset = (inhibit & kInhibitCycle) != 0 ? cycle : cycle - (s.cycle + csr_cost_);
  }
  if ((changed & kInhibitInstret) != 0) {
    s.minstret_offset = (inhibit & kInhibitInstret) != 0 ? retired : retired - (s.retired + 1);
  }
}

}  // namespace npim::cpu
