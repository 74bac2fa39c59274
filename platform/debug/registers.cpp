// The registers of a hart with the names, numbers and features that GDB knows them by ("Debugging
// with GDB", section G.5.9 RISC-V Features; numbers from the psABI's DWARF section and GDB's own).
#include <string>

#include "debug/debugger.h"
#include "debug/disassembler.h"

namespace npim::debug {
namespace {

constexpr unsigned kFirstFloat = 33, kFirstCsr = 65, kPrivilege = kFirstCsr + 4096;

struct NamedCsr {
  unsigned number;
  const char *name;
};
/// Those a person may want to see; the hart is asked which of them it has.
constexpr NamedCsr kCsrs[] = {
    {0x100, "sstatus"},    {0x104, "sie"},        {0x105, "stvec"},     {0x106, "scounteren"},
    {0x10a, "senvcfg"},    {0x140, "sscratch"},   {0x141, "sepc"},      {0x142, "scause"},
    {0x143, "stval"},      {0x144, "sip"},        {0x180, "satp"},      {0x300, "mstatus"},
    {0x301, "misa"},       {0x302, "medeleg"},    {0x303, "mideleg"},   {0x304, "mie"},
    {0x305, "mtvec"},      {0x306, "mcounteren"}, {0x30a, "menvcfg"},   {0x320, "mcountinhibit"},
    {0x340, "mscratch"},   {0x341, "mepc"},       {0x342, "mcause"},    {0x343, "mtval"},
    {0x344, "mip"},        {0x3a0, "pmpcfg0"},    {0x3a2, "pmpcfg2"},   {0x3b0, "pmpaddr0"},
    {0x3b1, "pmpaddr1"},   {0x3b2, "pmpaddr2"},   {0x3b3, "pmpaddr3"},  {0x3b4, "pmpaddr4"},
    {0x3b5, "pmpaddr5"},   {0x3b6, "pmpaddr6"},   {0x3b7, "pmpaddr7"},  {0x3b8, "pmpaddr8"},
    {0x3b9, "pmpaddr9"},   {0x3ba, "pmpaddr10"},  {0x3bb, "pmpaddr11"}, {0x3bc, "pmpaddr12"},
    {0x3bd, "pmpaddr13"},  {0x3be, "pmpaddr14"},  {0x3bf, "pmpaddr15"}, {0x7a0, "tselect"},
    {0x7a1, "tdata1"},     {0x7a2, "tdata2"},     {0x7a3, "tdata3"},    {0xb00, "mcycle"},
    {0xb02, "minstret"},   {0xc00, "cycle"},      {0xc01, "time"},      {0xc02, "instret"},
    {0xf11, "mvendorid"},  {0xf12, "marchid"},    {0xf13, "mimpid"},    {0xf14, "mhartid"},
    {0xf15, "mconfigptr"},
};

}  // namespace

std::vector<RegisterDescription> describe_registers(cpu::Hart &hart) {
  const std::string base = "org.gnu.gdb.riscv.cpu", fpu = "org.gnu.gdb.riscv.fpu",
                    csr = "org.gnu.gdb.riscv.csr", virtual_feature = "org.gnu.gdb.riscv.virtual";
  std::vector<RegisterDescription> all;
  for (unsigned i = 0; i < 32; ++i) {
    const bool is_pointer = i == 2 || i == 3 || i == 4 || i == 8;
    const std::string type = i == 1 ? "code_ptr" : is_pointer ? "data_ptr" : "int";
    all.push_back({i == 8 ? "fp" : integer_name(i), i, 64, type, "general", base});
  }
  all.push_back({"pc", 32, 64, "code_ptr", "general", base});
  for (unsigned i = 0; i < 32; ++i) {
    all.push_back({float_name(i), kFirstFloat + i, 64, "riscv_double", "float", fpu});
  }
  all.push_back({"fflags", kFirstCsr + cpu::csr::kFflags, 32, "int", "float", fpu});
  all.push_back({"frm", kFirstCsr + cpu::csr::kFrm, 32, "int", "float", fpu});
  all.push_back({"fcsr", kFirstCsr + cpu::csr::kFcsr, 32, "int", "float", fpu});
  for (const NamedCsr &named : kCsrs) {
    std::uint64_t ignored = 0;
    if (!hart.read_csr(named.number, ignored)) continue;
    all.push_back({named.name, kFirstCsr + named.number, 64, "int", "csr", csr});
  }
  all.push_back({"priv", kPrivilege, 64, "int", "general", virtual_feature});
  return all;
}

std::string Debugger::describe_hart(HartIndex index) const {
  const cpu::HartState &state = controls_[index]->state();
  const char *modes[] = {"U", "S", "?", "M"};
  std::string text = "hart " + std::to_string(index) + ", mode " +
                     modes[static_cast<unsigned>(state.privilege) & 3];
  if (state.waiting) text += ", in wfi";
  if (state.lost) text += ", lost: traps in its trap handler";
  return text;
}

bool Debugger::read_register(HartIndex index, unsigned number, std::uint64_t &value) {
  cpu::Hart &hart = controls_[index]->hart();
  const cpu::HartState &state = hart.state();
  if (number < 32) {
    value = state.x[number];
  } else if (number == 32) {
    value = state.pc;
  } else if (number < kFirstCsr) {
    value = state.f[number - kFirstFloat];
  } else if (number == kPrivilege) {
    value = static_cast<std::uint64_t>(state.privilege);
  } else {
    return hart.read_csr(number - kFirstCsr, value);
  }
  return true;
}

bool Debugger::write_register(HartIndex index, unsigned number, std::uint64_t value) {
  Control &control = *controls_[index];
  cpu::HartState &state = control.hart().state();
  if (number == 0) return true;  // zero stays zero
  if (number < 32) {
    state.x[number] = value;
  } else if (number == 32) {
    if (state.pc == (value & ~std::uint64_t{1})) return true;
    state.pc = value & ~std::uint64_t{1};
    if (state.waiting || state.lost) control.hart().wake();
    state.waiting = state.lost = control.lost_told_ = false;
  } else if (number < kFirstCsr) {
    state.f[number - kFirstFloat] = value;
  } else if (number == kPrivilege) {
    return value == static_cast<std::uint64_t>(state.privilege);
  } else {
    return control.hart().write_csr(number - kFirstCsr, value);
  }
  return true;
}

}  // namespace npim::debug
