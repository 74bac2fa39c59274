#include "debug/instruction_trace.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstring>

#include "base/error.h"
#include "debug/disassembler.h"

namespace npim::debug {
namespace {

std::string written(const cpu::Retired &retired) {
  const Destination to = destination_of(retired.instruction);
  if (to.file == Destination::File::kNone) return "";
  const bool integer = to.file == Destination::File::kInteger;
  char text[48];
  std::snprintf(text, sizeof text, "  ; %s=0x%" PRIx64,
                integer ? integer_name(to.number) : float_name(to.number),
                integer ? retired.state.x[to.number] : retired.state.f[to.number]);
  return text;
}

}  // namespace

InstructionTrace::InstructionTrace(const std::string &path, const Symbols &symbols,
                                   std::vector<AddressRange> filter)
    : path_(path),
      symbols_(symbols),
      filter_(std::move(filter)),
      file_(std::fopen(path.c_str(), "w")) {
  if (!file_) throw InputError(path, std::strerror(errno));
}

bool InstructionTrace::wanted(std::uint64_t pc) const {
  return filter_.empty() ||
         std::any_of(filter_.begin(), filter_.end(), [pc](const AddressRange &range) {
           return pc >= range.begin && pc < range.end;
         });
}

void InstructionTrace::retired(const cpu::Retired &instruction) {
  if (!file_ || !wanted(instruction.pc)) return;
  const int digits = instruction.instruction.length == 2 ? 4 : 8;
  std::fprintf(file_.get(), "%12" PRIu64 "  %016" PRIx64 "  %-32s  %0*" PRIx32 "%*s  %s%s\n",
               instruction.state.cycle, instruction.pc, symbols_.text(instruction.pc).c_str(),
               digits, instruction.instruction.raw, 8 - digits, "",
               disassemble(instruction.instruction, instruction.pc).c_str(),
               written(instruction).c_str());
  ++lines_;
}

void InstructionTrace::close() {
  if (!file_) return;
  const bool failed = std::ferror(file_.get()) != 0 || std::fflush(file_.get()) != 0;
  file_.reset();
  if (failed) throw InputError(path_, "could not be written as a whole");
}

}  // namespace npim::debug
