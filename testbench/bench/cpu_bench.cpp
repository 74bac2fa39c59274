// Speed of the interpreter in instructions per second of host time: a loop of integer arithmetic,
// loads, stores and branches, as compiled code has them.
#include <benchmark/benchmark.h>

#include <memory>

#include "../unit/cpu/test_machine.h"

namespace npim::cpu::test {
namespace {

/// One machine for all benchmarks: a process holds one simulation.
TestMachine &machine() {
  static TestMachine machine("machine", test_config());
  return machine;
}

void measure(benchmark::State &state, const std::vector<std::uint32_t> &code) {
  TestMachine &m = machine();
  m.put(kRam, code);
  m.hart.reset();
  m.hart.state().x[s0] = kRam + 0x1000;
  m.hart.state().mstatus |= mstatus::kFs;
  const std::uint64_t before = m.hart.statistics().instructions;
  for (auto _ : state) sc_core::sc_start(sc_core::sc_time(10, sc_core::SC_MS));
  state.SetItemsProcessed(static_cast<std::int64_t>(m.hart.statistics().instructions - before));
}

void integer_loop(benchmark::State &state) {
  measure(state, {addi(a0, a0, 1), add(a1, a1, a0), ld(t0, s0, 8), add(t0, t0, a1),
                  i_type(0x13, 1, t1, t0, 3), r_type(0x33, 4, 0, a2, a1, t1), sd(t0, s0, 8),
                  i_type(0x13, 7, t2, a0, 15), bne(t2, zero, 8), addi(a3, a3, 1),
                  r_type(0x33, 0, 1, a4, a3, a0), sw(a4, s0, 32), lw(a5, s0, 36),
                  blt(a5, a0, -13 * 4), jal(0, -14 * 4)});
}

void fp_loop(benchmark::State &state) {
  const std::uint32_t fadd = r_type(0x53, 7, 1, 1, 1, 2), fmul = r_type(0x53, 7, 9, 3, 1, 2);
  measure(state, {fadd, fmul, addi(a0, a0, 1), fadd, fmul, jal(0, -20)});
}

BENCHMARK(integer_loop)->Unit(benchmark::kMillisecond);
BENCHMARK(fp_loop)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace npim::cpu::test

int sc_main(int argc, char **argv) {
  npim::cpu::test::collect_warnings();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

int main(int argc, char **argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
