// Loops that stay inside one run of the hart for long: a handler that calls the next one, instead
// of jumping to it, would need more stack with every round.
#include <gtest/gtest.h>

#include "test_machine.h"

namespace npim::cpu::test {
namespace {

constexpr std::uint64_t kData = kRam + 0x40000;
constexpr std::uint32_t kFence = 0x0ff0000f;  // stands between pairs, so that they stay pairs
// Of 16 bytes at least, and the hart's stack has 256 KiB. Sanitized harts chain nothing: few rounds
// do.
#if defined(__SANITIZE_ADDRESS__)
constexpr unsigned kRounds = 320;
#else
constexpr unsigned kRounds = 20000;
#endif

struct Encoding {
  unsigned opcode, funct3, funct7;
  std::uint32_t code(unsigned rd, unsigned rs1, unsigned rs2) const {
    switch (opcode) {
      case 0x63:
        return branch(funct3, rs1, rs2, 4);  // to what follows anyhow
      case 0x37:
        return lui(rd, 1);
      case 0x33:
      case 0x3b:
        return r_type(opcode, funct3, funct7, rd, rs1, rs2);
      default:
        return i_type(opcode, funct3, rd, rs1, static_cast<int>(funct7 << 5 | 8));
    }
  }
  bool is_load() const { return opcode == 0x03; }
};

constexpr Encoding kOperations[] = {
    {0x13, 0, 0}, {0x13, 7, 0}, {0x13, 1, 0}, {0x13, 5, 0},  {0x13, 5, 32}, {0x1b, 0, 0},
    {0x1b, 1, 0}, {0x1b, 5, 0}, {0x33, 0, 0}, {0x33, 0, 32}, {0x33, 7, 0},  {0x33, 4, 0},
    {0x33, 6, 0}, {0x33, 0, 1}, {0x33, 3, 0}, {0x3b, 0, 0},  {0x3b, 0, 32}, {0x3b, 0, 1},
    {0x37, 0, 0}, {0x03, 0, 0}, {0x03, 1, 0}, {0x03, 2, 0},  {0x03, 3, 0},  {0x03, 4, 0},
    {0x03, 5, 0}, {0x03, 6, 0}, {0x63, 0, 0}, {0x63, 1, 0},  {0x63, 4, 0},  {0x63, 5, 0},
    {0x63, 6, 0}, {0x63, 7, 0}};

/// `second` uses what `first` left as its first operand, as its second one, or not at all. s0 holds
/// kData and stays; loads of a result that is no address are left out.
void add_pairs(std::vector<std::uint32_t> &code, const Encoding &first, const Encoding &second) {
  if (first.opcode == 0x63) return;
  for (unsigned use = 0; use < 3; ++use) {
    const unsigned rs1 = use == 1 ? t0 : s0, rs2 = use == 2 ? t0 : s0;
    const bool is_address = rs1 == s0 || (first.opcode == 0x13 && first.funct3 == 0);
    if (second.is_load() && !is_address) continue;
    code.push_back(first.code(t0, s0, a0));
    code.push_back(second.code(t1, rs1, rs2));
    code.push_back(kFence);
  }
}

TEST(LongLoops, NoPairOfInstructionsNeedsStack) {
  HartConfig config;
  config.quantum = sc_core::sc_time(1, sc_core::SC_SEC);
  TestMachine machine("machine", config);
  std::vector<std::uint32_t> code;
  std::uint64_t at = kRam;
  const auto close_loop = [&] {
    code.push_back(addi(s1, s1, -1));
    code.push_back(bne(s1, zero, -4 * static_cast<int>(code.size())));
    code.insert(code.begin(), {addi(s1, zero, kRounds / 16), i_type(0x13, 1, s1, s1, 4)});
    machine.put(at, code);
    at += 4 * code.size();
    code.clear();
  };
  for (const Encoding &first : kOperations) {
    for (const Encoding &second : kOperations) {
      add_pairs(code, first, second);
      if (code.size() > 800) close_loop();  // a conditional branch reaches 4 KiB
    }
  }
  close_loop();
  machine.put(at, {lui(s2, kDevice >> 12), sw(zero, s2, 0x20)});  // ends the simulation
  ASSERT_LT(at, kData);
  machine.hart.state().pc = kRam;
  machine.hart.state().x[s0] = kData;
  sc_core::sc_start(sc_core::sc_time(1, sc_core::SC_SEC));
  EXPECT_EQ(sc_core::sc_get_status(), sc_core::SC_STOPPED);
  EXPECT_EQ(machine.hart.state().mcause, 0u);
  EXPECT_GT(machine.hart.statistics().instructions, 26u * 20 * kRounds);
}

}  // namespace
}  // namespace npim::cpu::test
