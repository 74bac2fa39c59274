// Instructions as text, for traces: mnemonics and registers by their ABI names, as objdump prints
// them without aliases. Compressed instructions appear as what they stand for.
#pragma once

#include <cstdint>
#include <string>

#include "cpu/decode.h"

namespace npim::debug {

/// `pc` turns the offsets of branches and jumps into addresses. Unknown instructions: ".word
/// 0x...".
std::string disassemble(const cpu::Instruction &instruction, std::uint64_t pc);

/// The register that an instruction writes.
struct Destination {
  enum class File { kNone, kInteger, kFloat };
  File file = File::kNone;
  unsigned number = 0;
};
Destination destination_of(const cpu::Instruction &instruction);

const char *integer_name(unsigned number);  ///< "a0"; below 32
const char *float_name(unsigned number);    ///< "fa0"; below 32

}  // namespace npim::debug
