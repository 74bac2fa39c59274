// Hostile software: random code, CSR writes, page tables and privileges. The hart must go on to
// simulate, whatever it comes to, and come to the same under other speed settings.
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "children.h"
#include "hart_fixture.h"
#include "paging.h"

namespace npim::cpu::test {
namespace {

using U = std::uint64_t;
constexpr U kCode = kRam + 0x1000, kTables = kRam + 0x10000, kTablesSize = 0x8000;
constexpr unsigned kInstructions = 200;

class Fuzzer {
 public:
  Fuzzer(TestMachine &machine, U seed) : machine_(machine), random_(seed) {}

  /// New code, tables and state.
  void prepare() {
    machine_.hart.reset();
    HartState &s = machine_.hart.state();
    for (unsigned i = 1; i < 32; ++i) s.x[i] = number();
    for (unsigned i = 0; i < 32; ++i) s.f[i] = number();
    for (U at = kTables; at < kTables + kTablesSize; at += 8) machine_.write(at, entry());
    for (unsigned i = 0; i < kInstructions; ++i) machine_.write(kCode + 4 * i, instruction());
    // The handlers go on behind what trapped.
    machine_.put(kRam, {csrrs(t0, 0x341, zero), addi(t0, t0, 4), csrrw(zero, 0x341, t0), kMret});
    machine_.put(kRam + 0x100,
                 {csrrs(t0, 0x141, zero), addi(t0, t0, 4), csrrw(zero, 0x141, t0), 0x10200073});
    s.mtvec = below(8) == 0 ? number() & ~U{2} : kRam;
    s.stvec = below(8) == 0 ? number() & ~U{2} : kRam + 0x100;
    s.medeleg = random_() & 0xb3ff;
    s.mideleg = random_() & kSupervisorInterrupts;
    s.mie = random_() & kAllInterrupts;
    constexpr U kStatus = 0x7e19aa;
    s.mstatus = (random_() & kStatus) | U{below(2) * 3} << 11 | mstatus::kFs;
    s.satp = below(3) == 0 ? 0 : satp::kSv39 << 60 | ((kTables >> 12) + below(8));
    s.pmpaddr[15] = ~U{0} >> 10;
    s.pmpcfg[1] = below(8) == 0 ? 0 : U{0x1f} << 56;
    s.privilege = static_cast<Privilege>(below(3) == 2 ? 3 : below(2));
    s.pc = kCode + 4 * below(kInstructions);
    machine_.lines[below(4)].write(below(2) != 0);
  }

  U below(U limit) { return random_() % limit; }

 private:
  U number() {
    switch (below(6)) {
      case 0:
        return kRam + below(kRamSize);
      case 1:
        return kDevice + below(0x18);  // not those that stop, or that change lines
      case 2:
        return random_();
      case 3:
        return below(4096);
      default:
        return kTables + below(kTablesSize);
    }
  }
  U entry() {
    const U rights = below(16) == 0 ? random_() : (random_() & 0xff) | 1;
    return (kRam + 0x1000 * below(256)) >> 12 << 10 | rights;
  }
  std::uint32_t instruction() {
    const auto any = static_cast<std::uint32_t>(random_());
    static constexpr std::uint32_t kSystem[] = {kMret,   0x10200073, kEcall,    kEbreak,
                                                kFenceI, 0x12000073, 0x12050073};
    switch (below(8)) {
      case 0:
        return any;
      case 1:
        return kSystem[below(7)];
      case 2:
      case 3:  // a CSR, more often one that exists
      {
        static constexpr std::uint32_t kNumbers[] = {
            0x100, 0x104, 0x105, 0x140, 0x141, 0x142, 0x144, 0x180, 0x300, 0x302, 0x303, 0x304,
            0x305, 0x320, 0x341, 0x344, 0x3a0, 0x3a2, 0x3b0, 0x3b1, 0x3be, 0x7a0, 0x7a1, 0x7a2};
        const std::uint32_t csr = below(4) == 0 ? any >> 20 : kNumbers[below(24)];
        return csr << 20 | (any & 0xfff80) | 0x73;
      }
      case 4:
        return (any & ~0x7fu) | (below(2) == 0 ? 0x03 : 0x23);
      case 5:
        return (any & 0x01fff07f & ~0x7fu) | 0x2f | (any & 0xf8000000);
      case 6:
        return (any & 0x1fff00 & ~0x7fu) | 0x63;
      default:
        return (any & ~0x7fu) | (below(2) == 0 ? 0x13 : 0x33);
    }
  }

  TestMachine &machine_;
  std::mt19937_64 random_;
};

/// A digest of all that happened.
std::string fuzz(U seed, unsigned rounds, bool block_cache, bool dmi, double quantum_ns) {
  collect_warnings();
  HartConfig config = test_config();
  config.block_cache = block_cache;
  config.dmi = dmi;
  config.quantum = sc_core::sc_time(quantum_ns, sc_core::SC_NS);
  config.cycles.div = 7;
  config.cycles.load = 2;
  TestMachine machine("machine", config);
  Fuzzer fuzzer(machine, seed);
  U digest = 0;
  std::ostringstream out;
  // The rounds change state from inside the simulation, at the hart's local time.
  sc_core::sc_spawn([&] {
    for (unsigned round = 0; round < rounds; ++round) {
      fuzzer.prepare();
      sc_core::wait(1, sc_core::SC_US);
      const HartState &s = machine.hart.state();
      const auto mode = static_cast<unsigned>(s.privilege);
      if (s.x[0] != 0 || mode == 2 || mode > 3) out << "broken in round " << round;
      for (const U value : s.x) digest = digest * 0x100000001b3 + value;
      for (const U value : {s.pc, s.cycle, s.retired, s.mstatus, s.mepc, s.mcause, s.mtval, s.sepc,
                            s.scause, s.stval, s.satp, s.pmpcfg[0], U{mode}}) {
        digest = digest * 0x100000001b3 + value;
      }
      warnings().clear();
    }
    sc_core::sc_stop();
  });
  sc_core::sc_start();
  for (const unsigned char byte : machine.ram) digest = digest * 31 + byte;
  out << "digest " << std::hex << digest << " retired " << std::dec
      << machine.hart.statistics().instructions;
  return out.str();
}

class Fuzz : public testing::TestWithParam<U> {};

TEST_P(Fuzz, HostileSoftwareEndsTheSameInAllSettings) {
  constexpr unsigned kRounds = 1500;
  const std::string expected =
      in_child([] { return fuzz(GetParam(), kRounds, true, true, 100'000); });
  EXPECT_EQ(expected.rfind("digest", 0), 0u) << expected;
  // Much of it runs.
  EXPECT_GT(std::stoull("0" + expected.substr(expected.rfind(' ') + 1)), 100 * kRounds) << expected;
  EXPECT_EQ(in_child([] { return fuzz(GetParam(), kRounds, false, true, 100'000); }), expected);
  EXPECT_EQ(in_child([] { return fuzz(GetParam(), kRounds, true, false, 100'000); }), expected);
  EXPECT_EQ(in_child([] { return fuzz(GetParam(), kRounds, true, true, 13); }), expected);
  EXPECT_EQ(in_child([] { return fuzz(GetParam(), kRounds, false, false, 13); }), expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Fuzz, testing::Range<U>(1, 7));

}  // namespace
}  // namespace npim::cpu::test
