// The contract: values, traps and simulated time do not depend on quantum, DMI, block cache or
// tracing. Each
// setting runs in a child process, as a process holds one simulation.
#include <gtest/gtest.h>

#include <sstream>

#include "children.h"
#include "test_machine.h"

namespace npim::cpu::test {
namespace {

constexpr std::uint64_t kMailbox = kRam + 0x8000, kLog = kRam + 0x9000, kHandler = kRam + 0x1000;

/// Another bus master: writes memory and moves interrupt lines, at clock edges and between them.
struct Stranger : sc_core::sc_module {
  TestMachine &machine;
  const bool stops;

  SC_HAS_PROCESS(Stranger);
  Stranger(const sc_core::sc_module_name &name, TestMachine &where, bool stops_simulation)
      : sc_module(name), machine(where), stops(stops_simulation) {
    SC_THREAD(run);
  }
  void run() {
    static constexpr double kPausesNs[] = {100, 37.25, 1, 0.5, 262.25, 99, 1000, 3.75, 0.25, 500};
    for (unsigned i = 0; i < 400; ++i) {
      wait(kPausesNs[i % 10], sc_core::SC_NS);
      machine.write<std::uint64_t>(kMailbox, machine.read<std::uint64_t>(kMailbox) + 7 * i + 1);
      machine.lines[2].write(i % 4 == 0);
      if (i % 3 == 0) wait(sc_core::SC_ZERO_TIME);
      machine.lines[1].write(i % 5 == 0);
    }
    if (stops) sc_core::sc_stop();
    while (true) {  // keeps wfi from waiting for ever
      wait(777, sc_core::SC_NS);
      machine.lines[2].write(true);
    }
  }
};

std::vector<std::uint32_t> join(const std::vector<std::vector<std::uint32_t>> &parts) {
  std::vector<std::uint32_t> code;
  for (const auto &part : parts) code.insert(code.end(), part.begin(), part.end());
  return code;
}

/// Polls the mailbox and the device, reads the counters, folds all it sees into a0; waits for
/// interrupts now and then; after `rounds` rounds writes the device's stop register.
void load_program(TestMachine &machine, int rounds) {
  const std::vector<std::uint32_t> loop = {ld(t0, s0, 0),  // the mailbox
                                           add(a0, a0, t0),
                                           ld(t0, s2, 0x10),  // device: time of the access
                                           add(a0, a0, t0),
                                           ld(t0, s2, 0x00),        // device: ticks
                                           csrrs(t1, 0xb00, zero),  // mcycle
                                           add(a0, a0, t1),
                                           csrrs(t1, 0xc01, zero),  // time
                                           add(a0, a0, t1),
                                           csrrs(t1, 0x344, zero),  // mip
                                           add(a0, a0, t1),
                                           sd(a0, s0, 16),
                                           lw(t1, s0, 13),  // misaligned
                                           add(a0, a0, t1),
                                           amo(2, 3, t1, s1, zero),  // lr.d
                                           addi(t1, t1, 3),
                                           amo(3, 3, t2, s1, t1),  // sc.d
                                           add(a0, a0, t2),
                                           ld(t0, s2, 0x28),                // refused: a trap
                                           sd(a0, s2, 0x30),                // a slow device
                                           r_type(0x33, 4, 1, t1, a0, t0),  // div
                                           i_type(0x13, 7, t1, s3, 7),      // andi t1, s3, 7
                                           bne(t1, zero, 8),
                                           kWfi,
                                           addi(s3, s3, -1),
                                           bne(s3, zero, -25 * 4),
                                           sd(a0, s2, 0x20),  // stop
                                           jal(0, 0)};
  machine.put(kRam, join({li(s0, kMailbox),
                          li(s1, kMailbox + 64),
                          li(s2, kDevice),
                          li(s4, kLog),
                          li(t0, kHandler),
                          {csrrw(zero, 0x305, t0), addi(s3, zero, rounds), addi(t0, zero, 1),
                           i_type(0x13, 1, t0, t0, 11), addi(t0, t0, 0x88), csrrw(zero, 0x304, t0),
                           csrrsi(zero, 0x300, 8)},
                          loop}));
  // Logs cause and cycle; masks the interrupt's line until an odd number of exceptions later.
  machine.put(kHandler, {csrrw(t5, 0x340, t6), csrrs(t5, 0x342, zero), csrrs(t6, 0xb00, zero),
                         sd(t5, s4, 0), sd(t6, s4, 8), addi(s4, s4, 16), blt(t5, zero, 20),
                         csrrs(t6, 0x341, zero), addi(t6, t6, 4), csrrw(zero, 0x341, t6), jal(0, 8),
                         csrrci(zero, 0x344, 0), add(a0, a0, t5), kMret});
}

struct Setting {
  double quantum_ns;
  bool dmi, trace;
  bool block_cache = true;
};

struct Scenario {
  const char *name;
  double clock_mhz;
  double ram_latency_ns;
  bool stopped_by_other;

  friend void PrintTo(const Scenario &scenario, std::ostream *out) { *out << scenario.name; }
};

std::string simulate(const Scenario &scenario, const Setting &setting) {
  collect_warnings();
  HartConfig config = test_config();
  config.clock_mhz = scenario.clock_mhz;
  config.quantum = sc_core::sc_time(setting.quantum_ns, sc_core::SC_NS);
  config.dmi = setting.dmi;
  config.block_cache = setting.block_cache;
  config.cycles.div = 20;
  config.cycles.branch_taken = 3;
  TestMachine machine("machine", config);
  machine.ram_latency = sc_core::sc_time(scenario.ram_latency_ns, sc_core::SC_NS);
  Stranger stranger("stranger", machine, scenario.stopped_by_other);
  load_program(machine, scenario.stopped_by_other ? 2047 : 60);
  std::uint64_t traced = 0;
  if (setting.trace) machine.hart.set_tracer([&](const Retired &) { ++traced; });
  sc_core::sc_start();
  const HartState &s = machine.hart.state();
  std::ostringstream out;
  out << "time " << sc_core::sc_time_stamp() << " cycle " << s.cycle << " retired " << s.retired
      << " pc " << s.pc << " mstatus " << s.mstatus << " mepc " << s.mepc << " mip " << s.mip;
  for (unsigned i = 0; i < 32; ++i) out << " x" << i << ' ' << s.x[i];
  for (std::uint64_t at = kMailbox; at < kMailbox + 128; at += 8) {
    out << ' ' << machine.read<std::uint64_t>(at);
  }
  for (std::uint64_t at = kLog; at < s.x[s4]; at += 8) {
    out << ' ' << machine.read<std::uint64_t>(at);
  }
  for (const auto &access : machine.accesses) out << '\n' << access;
  for (const auto &warning : warnings()) out << '\n' << warning;
  if (setting.trace && traced != s.retired) out << "\ntracer missed instructions";
  return out.str();
}

class Determinism : public testing::TestWithParam<Scenario> {};

TEST_P(Determinism, SettingsDoNotMatter) {
  const Setting reference{1'000'000, true, false};
  const std::string expected = in_child([&] { return simulate(GetParam(), reference); });
  EXPECT_NE(expected.find("CAKE"), std::string::npos) << expected;
  EXPECT_EQ(expected.find("child failed"), std::string::npos);
  EXPECT_EQ(expected.find("tracer"), std::string::npos);
  for (const double quantum_ns : {0.0, 1.0, 7.3, 1'000.0, 1'000'000.0}) {
    for (const bool dmi : {true, false}) {
      for (const bool trace : {false, true}) {
        for (const bool block_cache : {false, true}) {
          const Setting setting{quantum_ns, dmi, trace, block_cache};
          EXPECT_EQ(in_child([&] { return simulate(GetParam(), setting); }), expected)
              << "quantum " << quantum_ns << " ns, dmi " << dmi << ", trace " << trace
              << ", block cache " << block_cache;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Determinism,
                         testing::Values(Scenario{"Plain", 1000, 0, false},
                                         Scenario{"OddClock", 937.3, 0, false},
                                         Scenario{"SlowMemory", 1000, 2.5, false},
                                         Scenario{"StoppedByOther", 1000, 0, true},
                                         Scenario{"SlowClock", 40, 0, true}),
                         [](const auto &instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace npim::cpu::test
