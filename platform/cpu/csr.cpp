#include "cpu/csr.h"

#include "cpu/trap.h"

namespace npim::cpu {
namespace {

constexpr std::uint64_t extension(char letter) {
  return std::uint64_t{1} << (letter - 'A');
}
constexpr std::uint64_t kMisa = std::uint64_t{1} << 63 | extension('I') | extension('M') |
                                extension('A') | extension('F') | extension('D') | extension('C');
/// The implemented bits of an 8-byte pmpcfg register: reserved bits 5 and 6 of each entry are zero.
constexpr std::uint64_t kPmpcfgMask = 0x9f9f9f9f9f9f9f9f;
constexpr std::uint64_t kPmpaddrMask = (std::uint64_t{1} << 54) - 1;

constexpr bool within(unsigned number, unsigned first, unsigned last) {
  return number >= first && number <= last;
}

/// Registers that exist, read zero and ignore writes: event counters and selectors, the trigger
/// module without triggers, PMP entries above 15.
bool is_zero_register(unsigned number) {
  return within(number, 0xb03, 0xb1f) || within(number, 0x323, 0x33f) ||
         number == csr::kMcountinhibit || within(number, csr::kTselect, csr::kTdata3) ||
         within(number, 0x3c0, 0x3ef) || (within(number, 0x3a4, 0x3af) && number % 2 == 0) ||
         within(number, 0xc03, 0xc1f) || within(number, csr::kMvendorid, 0xf13) ||
         number == csr::kMconfigptr;
}

}  // namespace

bool CsrFile::accessible(unsigned number) const {
  if (((number >> 8) & 3) > static_cast<unsigned>(state_.privilege)) return false;
  return !within(number, csr::kFflags, csr::kFcsr) || state_.fp_enabled();
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
    case csr::kMstatus:
      value = s.mstatus | ((s.mstatus & mstatus::kFs) == mstatus::kFs ? mstatus::kSd : 0);
      return true;
    case csr::kMisa:
      value = kMisa;
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
      value = s.mip;
      return true;
    case csr::kPmpcfg0:
    case csr::kPmpcfg0 + 2:
      value = s.pmpcfg[(number - csr::kPmpcfg0) / 2];
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
    s.pmpaddr[number - csr::kPmpaddr0] = value & kPmpaddrMask;
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
    case csr::kMstatus: {
      constexpr std::uint64_t kWritable = mstatus::kMie | mstatus::kMpie | mstatus::kFs;
      s.mstatus = (value & kWritable) | mstatus::kMpp;
      s.horizon = 0;
      return true;
    }
    case csr::kMie:
      s.mie = value & kAllInterrupts;
      s.horizon = 0;
      return true;
    case csr::kMtvec:
      s.mtvec = value & ~std::uint64_t{2};
      return true;
    case csr::kMcounteren:
      s.mcounteren = value & 0xffffffff;
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
    case csr::kMisa:
    case csr::kMip:  // the implemented bits follow the lines
      return true;
    case csr::kPmpcfg0:
    case csr::kPmpcfg0 + 2:
      s.pmpcfg[(number - csr::kPmpcfg0) / 2] = value & kPmpcfgMask;
      return true;
    case csr::kMcycle:
      s.mcycle_offset = value - (s.cycle + csr_cost_);
      return true;
    case csr::kMinstret:
      s.minstret_offset = value - (s.retired + 1);
      return true;
    default:
      return false;
  }
}

}  // namespace npim::cpu
