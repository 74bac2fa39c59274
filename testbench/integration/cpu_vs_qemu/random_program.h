// Seeded random RV64GC programs that end by printing all registers and memory they touched, as
// hexadecimal digits over a 16550 UART, and then leave through the test finisher.
#pragma once

#include <cstdint>
#include <vector>

namespace npim::cpu::test {

/// A raw image for 0x80000000. `length`: random instructions.
std::vector<unsigned char> random_program(std::uint64_t seed, unsigned length);

/// The same with excursions to S and U under random page tables: page and access faults of all
/// kinds, PMP, delegated traps and interrupts, MPRV, SUM and MXR, and CSRs of both modes. The dump
/// includes page-table entries, for their A and D bits.
std::vector<unsigned char> random_privileged_program(std::uint64_t seed, unsigned length);

}  // namespace npim::cpu::test
