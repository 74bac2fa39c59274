// Compressed instructions against their 32-bit spellings, as the assembler encodes both.
#include "cpu/decode.h"

#include <gtest/gtest.h>

#include "assembler.h"
#include "cpu/hart_state.h"

namespace npim::cpu::test {
namespace {

/// Of the 49152 patterns that are not 32-bit instructions; the GNU disassembler knows one more, the
/// reserved c.addi16sp with immediate 0. Hints count: they execute as their plain spelling.
constexpr unsigned kLegalHalfWords = 46743;

struct Pair {
  std::uint16_t compressed;
  std::uint32_t plain;
  const char *text;
};
const Pair kPairs[] = {
#include "compressed_pairs.inc"
};

TEST(Decode, ExpandsCompressed) {
  for (const Pair &pair : kPairs) {
    EXPECT_EQ(expand_compressed(pair.compressed), pair.plain) << pair.text;
  }
}

TEST(Decode, EveryHalfWordDecodes) {
  unsigned legal = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    if (!is_compressed(bits)) continue;
    const Instruction instruction = decode(bits | 0xabcd0000, CycleCosts());
    EXPECT_EQ(instruction.length, 2);
    EXPECT_EQ(instruction.raw, bits);
    if (instruction.op != Op::kIllegal) ++legal;
  }
  EXPECT_EQ(legal, kLegalHalfWords);
}

TEST(Decode, ImmediatesReachTheirLimits) {
  const auto imm = [](std::uint32_t bits) { return decode(bits, CycleCosts()).imm; };
  EXPECT_EQ(imm(addi(a0, a0, -2048)), -2048);
  EXPECT_EQ(imm(addi(a0, a0, 2047)), 2047);
  EXPECT_EQ(imm(sd(a0, a0, -2048)), -2048);
  EXPECT_EQ(imm(sd(a0, a0, 2047)), 2047);
  EXPECT_EQ(imm(beq(a0, a0, -4096)), -4096);
  EXPECT_EQ(imm(beq(a0, a0, 4094)), 4094);
  EXPECT_EQ(imm(jal(a0, -1048576)), -1048576);
  EXPECT_EQ(imm(jal(a0, 1048574)), 1048574);
  EXPECT_EQ(imm(lui(a0, 0xfffff)), -4096);
  EXPECT_EQ(imm(csrrs(a0, 0xfff, zero)), 0xfff);
}

TEST(Decode, IntegerDestinationZeroGoesToTheSink) {
  EXPECT_EQ(decode(addi(zero, a0, 0), CycleCosts()).rd, HartState::kSink);
  EXPECT_EQ(decode(r_type(0x53, 0, 0, 0, 1, 2), CycleCosts()).rd, 0);  // fadd.s f0
  EXPECT_EQ(decode(r_type(0x53, 0, 0x70, 0, 1, 0), CycleCosts()).rd, HartState::kSink);
  EXPECT_EQ(decode(i_type(0x07, 3, 0, a0, 0), CycleCosts()).rd, 0);  // fld f0
}

}  // namespace
}  // namespace npim::cpu::test
