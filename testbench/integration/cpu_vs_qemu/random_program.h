// Seeded random RV64GC programs that end by printing all registers and memory they touched, as
// hexadecimal digits over a 16550 UART, and then leave through the test finisher.
#pragma once

#include <cstdint>
#include <vector>

namespace npim::cpu::test {

/// A raw image for 0x80000000. `length`: random instructions.
std::vector<unsigned char> random_program(std::uint64_t seed, unsigned length);

}  // namespace npim::cpu::test
