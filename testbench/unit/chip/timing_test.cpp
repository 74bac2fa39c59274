// Times, calculated by hand. The small chip: tile and NoC clock 1200 MHz = 833 ps, bus of 32 bytes,
// eDRAM access 2 ns and a word per 1 ns (two banks), input cycle 100 ns, 4-bit DACs, one NNADC of
// 1.2 GS/s = 833 ps per tile, link of 6.4 GB/s with 5 ns.
#include <gtest/gtest.h>

#include <algorithm>

#include "chip_bench.h"
#include "programs.h"

namespace npim::chip::test {
namespace {

constexpr std::uint64_t kClock = 833, kWord = 1000, kAccess = 2000, kCycle = 100000;  // ps

/// From a node to one at the same router: two router cycles, then the flits.
std::uint64_t noc(std::uint64_t bytes) {
  return kClock * (2 + 1 + (bytes + 3) / 4);
}
/// How long a node's own link into the network is busy: a header and the flits.
std::uint64_t leaves(std::uint64_t bytes) {
  return kClock * (1 + (bytes + 3) / 4);
}
std::uint64_t link(std::uint64_t bytes) {
  return 5000 + bytes * 10000 / 64;
}

/// One matrix-vector product on tile 0, all its output in one row.
ControlProgram one_stage(const config::ChipConfig &config, int width, int in_channels,
                         int out_channels) {
  const TensorShape in = {1, width, in_channels};
  Stage s = mvm(config, 0, in, square_window(1), out_channels);
  s.requantise.output_s32 = true;
  s.destinations = {to_host()};
  return control(in, {s}, {to(0)});
}

struct Timed {
  sc_core::sc_time duration;
  abi::StageCounters counters;
  ChipCounters totals;
};

Timed run_timed(const config::ChipConfig &config, const ControlProgram &program,
                std::uint32_t images = 1, dataflow::Kernel kernel = dataflow::Kernel::kFolded) {
  Timed result;
  Random random(1);
  ChipBench bench(config, kernel);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(program), abi::Error::kNone);
    const Stage &s = program.stages[0];
    ASSERT_EQ(
        bench.program(weights(config, s, random.kernels(s.output_shape.channels, s.kernel_rows))),
        abi::Error::kNone);
    const sc_core::sc_time start = sc_core::sc_time_stamp();
    bench.execute(bench.run_command(images));
    result.duration = sc_core::sc_time_stamp() - start;
    EXPECT_EQ(bench.last.error, 0);
    EXPECT_EQ(bench.last.duration_ns, result.duration.value() / 1000);
    result.counters = bench.stage_counters(0);
    result.totals = bench.chip.counters();
  });
  return result;
}

/// 4 windows of 1 input and 1 output channel.
TEST(Timing, FourWindowsByHand) {
  const auto config = small_chip();
  const Timed run = run_timed(config, one_stage(config, 4, 1, 1));
  // The row of 4 bytes comes over the link and the NoC and is written to the eDRAM.
  const std::uint64_t arrival = link(4) + noc(4) + kAccess + kWord;
  // Its first window's copy ends within the first input cycle, so the crossbars start with the
  // second one; from then on a window takes 3 cycles.
  ASSERT_LT(arrival + kAccess + kWord, kCycle);
  const std::uint64_t last_driven = 4 * 3 * kCycle;
  // One conversion; the IMA's adder one clock behind; one word over the bus; one of
  // post-processing.
  const std::uint64_t last_sent = last_driven + 4 * kClock + noc(4);
  EXPECT_EQ(run.duration.value(), last_sent + link(16));
  EXPECT_EQ(run.counters.first_start_ns, arrival / 1000);
  // The stage is done when its last packet has left the tile.
  EXPECT_EQ(run.counters.last_end_ns, (last_driven + 4 * kClock + leaves(4)) / 1000);
  EXPECT_EQ(run.counters.wait_input_ns, arrival / 1000);
  EXPECT_EQ(run.counters.windows, 4U);
  EXPECT_EQ(run.counters.conversions, 4U);
  EXPECT_EQ(run.counters.input_cycles, 8U);
  EXPECT_EQ(run.totals.windows, 4U);
  EXPECT_EQ(run.totals.conversions, 4U);
  EXPECT_EQ(run.totals.cycles, 8U);
}

class SteadyState : public ::testing::TestWithParam<int> {};

/// In steady state one window per 1 + ceil(8 / P_D) input cycles ([NP] section 5).
TEST_P(SteadyState, OneWindowPerPipelineCycle) {
  auto config = small_chip();
  config.dac_bits = GetParam();
  const auto period = static_cast<std::uint64_t>(1 + (8 + GetParam() - 1) / GetParam()) * kCycle;
  const Timed run = run_timed(config, one_stage(config, 50, 1, 8));
  const std::uint64_t last_sent = 50 * period + 8 * kClock + 3 * kClock + noc(32);
  EXPECT_EQ(run.duration.value(), last_sent + link(50 * 32));
}

INSTANTIATE_TEST_SUITE_P(DacBits, SteadyState, ::testing::Values(1, 2, 4, 8));

/// Each array's NNS+A serves its vectors one after the other: 8 at 80 MHz are the 100 ns above.
TEST(Timing, SlowShiftAndAddsMakeTheInputCycleLonger) {
  auto config = small_chip();
  config.nnsa_clock_mhz = 40;  // 8 x 25 ns
  const Timed run = run_timed(config, one_stage(config, 4, 1, 1));
  EXPECT_EQ(run.duration.value(), 4 * 3 * 2 * kCycle + 4 * kClock + noc(4) + link(16));
}

TEST(Timing, MoreVectorsPerArrayMakeTheInputCycleLonger) {
  auto config = small_chip();
  config.array.columns = 384;  // 24 vectors x 12.5 ns
  const Timed run = run_timed(config, one_stage(config, 4, 1, 1));
  EXPECT_EQ(run.duration.value(), 4 * 3 * 3 * kCycle + 4 * kClock + noc(4) + link(16));
}

TEST(Timing, FastShiftAndAddsWaitForTheCrossbars) {
  auto config = small_chip();
  config.nnsa_clock_mhz = 1000;
  const Timed run = run_timed(config, one_stage(config, 4, 1, 1));
  EXPECT_EQ(run.duration.value(), 4 * 3 * kCycle + 4 * kClock + noc(4) + link(16));
}

struct OutputRegisterCase {
  int bytes;
  std::uint64_t clocks;
};
class OutputRegisterTime : public ::testing::TestWithParam<OutputRegisterCase> {};

/// 20 channels on 3 arrays of one IMA, 40 bytes of sums. A portion is converted, added and sent
/// before the next one is converted; the tile adds meanwhile.
TEST_P(OutputRegisterTime, PortionsDrainOneAfterTheOther) {
  auto config = small_chip();
  config.output_register_bytes = GetParam().bytes;
  const Timed run = run_timed(config, one_stage(config, 1, 1, 20));
  EXPECT_EQ(run.counters.conversions, 20U);
  EXPECT_EQ(run.duration.value(), 3 * kCycle + GetParam().clocks * kClock + noc(80) + link(80));
}

INSTANTIATE_TEST_SUITE_P(
    Bytes, OutputRegisterTime,
    ::testing::Values(
        // 20 conversions, the IMA's adder, 2 words over the bus, 20 sums and 20 channels.
        OutputRegisterCase{256, 20 + 1 + 2 + 2}, OutputRegisterCase{40, 20 + 1 + 2 + 2},
        // 8 + 8 sums, then 4.
        OutputRegisterCase{39, 16 + 1 + 1 + 4 + 1 + 1 + 1},
        OutputRegisterCase{16, 8 + 1 + 1 + 8 + 1 + 1 + 4 + 1 + 1 + 1}),
    [](const auto &test) { return std::to_string(test.param.bytes); });

TEST(Timing, WideWindowsAreLimitedByTheEdram) {
  auto config = small_chip();
  config.bus_bits = 8;  // 128 bytes: 130 ns, so 2 input cycles
  const Timed run = run_timed(config, one_stage(config, 20, 128, 1));
  // The whole row of 2560 bytes arrives late; the first window starts on the next input cycle.
  const std::uint64_t arrival = link(2560) + noc(2560) + kAccess + 2560 * kWord;
  const std::uint64_t copied = arrival + kAccess + 128 * kWord;
  const std::uint64_t first_driven = (copied + kCycle - 1) / kCycle * kCycle + 2 * kCycle;
  // 2 bytes of partial sum take two words on this bus.
  const std::uint64_t last_sent = first_driven + 19 * 4 * kCycle + 5 * kClock + noc(4);
  EXPECT_EQ(run.duration.value(), last_sent + link(80));
}

TEST(Timing, SlowConvertersLimitTheStage) {
  auto config = small_chip();
  config.nnadc.rate_msps = 10;  // 8 conversions: 800 ns
  const Timed run = run_timed(config, one_stage(config, 20, 1, 8));
  const std::uint64_t converted = 800000 + 3 * kClock;
  EXPECT_EQ(run.duration.value(),
            3 * kCycle + 19 * (converted + leaves(32)) + converted + noc(32) + link(20 * 32));
}

TEST(Timing, ConvertersShareTheWork) {
  auto config = small_chip();
  config.nnadc.rate_msps = 10;
  config.nnadc.per_tile = 4;  // 2 rounds: 200 ns, hidden behind the input cycles
  const Timed run = run_timed(config, one_stage(config, 20, 1, 8));
  const std::uint64_t last_sent = 60 * kCycle + 200000 + 3 * kClock + noc(32);
  EXPECT_EQ(run.duration.value(), last_sent + link(20 * 32));
}

TEST(Timing, ImagesFollowEachOtherWithoutAGap) {
  const auto config = small_chip();
  auto program = one_stage(config, 10, 4, 4);
  program.stages[0].inputs[0].ring_rows = 2;
  const Timed run = run_timed(config, program, 5);
  const std::uint64_t last_sent = 50 * 3 * kCycle + 4 * kClock + 3 * kClock + noc(16);
  EXPECT_EQ(run.duration.value(), last_sent + link(160));
}

/// Tiles 0, 1, 3 and 4 of the 3 x 2 grid share the controller's router; tile 2 has another one.
TEST(Timing, AHopTakesTheRouterAndOneFlit) {
  const auto config = small_chip();
  auto program = one_stage(config, 1, 1, 1);
  program.stages[0].tile = 2;
  program.inputs = {to(2)};
  const Timed run = run_timed(config, program);
  // The hop on the way there hides in the first input cycle.
  EXPECT_EQ(run.duration.value(), 3 * kCycle + 4 * kClock + noc(4) + 3 * kClock + link(4));
}

/// A pixel of a 1 x 1 convolution with one channel, as bytes.
Stage pixel_stage(const config::ChipConfig &config, int tile, int width) {
  return mvm(config, tile, {1, width, 1}, square_window(1), 1);
}

struct ProgramRun {
  sc_core::sc_time duration;
  std::vector<StageReport> stages;
};

/// Runs any program with random weights.
ProgramRun run_program(const config::ChipConfig &config, const ControlProgram &program,
                       std::uint32_t images = 1, std::uint8_t flags = 0) {
  ProgramRun result;
  Random random(1);
  ChipBench bench(config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(program), abi::Error::kNone);
    std::vector<program::ArrayWeights> all;
    for (const Stage &s : program.stages) {
      if (s.op != StageOp::kMvm) continue;
      append(all, weights(config, s, random.kernels(s.output_shape.channels, s.kernel_rows)));
    }
    if (!all.empty()) {
      ASSERT_EQ(bench.program(all), abi::Error::kNone);
    }
    const sc_core::sc_time start = sc_core::sc_time_stamp();
    auto command = bench.run_command(images);
    command.flags = flags;
    EXPECT_EQ(bench.execute(command).error, 0);
    result.duration = sc_core::sc_time_stamp() - start;
    result.stages = bench.chip.stages();
  });
  return result;
}

std::uint64_t in(const StageReport &stage, Phase phase) {
  return stage.time.in(phase).value();
}

/// Four windows go from tile 0 to tile 1, at the same router.
TEST(Timing, TwoTilesByHand) {
  const auto config = small_chip();
  Stage first = pixel_stage(config, 0, 4), second = pixel_stage(config, 1, 4);
  first.destinations = {to(1)};
  second.requantise.output_s32 = true;
  second.destinations = {to_host()};
  const ProgramRun run = run_program(config, control({1, 4, 1}, {first, second}, {to(0)}));
  // Window k leaves tile 0 after 3 (k + 1) cycles and 4 clocks, and is in tile 1's eDRAM soon after
  // that; the copy to IR ends within the next cycle, and two more drive it.
  const std::uint64_t written = kAccess + kWord;
  const std::uint64_t there = 3 * kCycle + 4 * kClock + noc(1) + written;
  EXPECT_EQ(run.duration.value(), 4 * 3 * kCycle + 3 * kCycle + 4 * kClock + noc(4) + link(16));
  const StageReport &waiting = run.stages[1];
  // When it has sent a window, the next one is being written.
  EXPECT_GE(in(waiting, Phase::kInput), there + 3 * written);
  EXPECT_EQ(in(waiting, Phase::kNoc), 4 * leaves(4));
  EXPECT_EQ(in(waiting, Phase::kSpace), 0U);
  EXPECT_EQ(in(waiting, Phase::kComputing) + in(waiting, Phase::kInput) + in(waiting, Phase::kNoc),
            waiting.time.lifetime().value());
  EXPECT_EQ(waiting.time.lifetime(), waiting.end - waiting.begin);
}

/// Tiles 0 and 1 send a pixel each to tile 2, at the same time and over the same link.
TEST(Timing, AContendedLinkByHand) {
  const auto config = small_chip();
  Stage left = pixel_stage(config, 0, 1), right = pixel_stage(config, 1, 1);
  left.destinations = {to(2, 0, 0)};
  right.destinations = {to(2, 0, 1)};
  const TensorShape pixel = {1, 1, 1};
  Stage add = stage(StageOp::kAdd, 2, pixel, square_window(1), 1);
  add.inputs = {port(pixel, 0, 1), port(pixel, 64, 1)};
  add.requantise.multiplier = {1, 1};
  add.requantise.bias = {0};
  add.destinations = {to_host()};
  const ProgramRun run = run_program(config, control(pixel, {left, right, add}, {to(0), to(1)}));
  const std::uint64_t sent = 3 * kCycle + 4 * kClock;
  // Two routers and a flit behind the header for the first, the other one's two flits later the
  // second; then the eDRAM writes them one after the other.
  const std::uint64_t first = sent + (2 * 3 + 1) * kClock, second = first + 2 * kClock;
  const std::uint64_t write = kAccess + kWord;
  ASSERT_LT(second, first + write);
  const std::uint64_t added = first + 2 * write + write + kClock;
  EXPECT_EQ(run.duration.value(), added + (2 * 3 + 1) * kClock + link(1));
  // Neither sender waits for more than its own link into the network.
  for (const int i : {0, 1}) EXPECT_EQ(in(run.stages[i], Phase::kNoc), leaves(1));
}

/// Windows of 2 x 2 at every second pixel of a 4 x 4 image: four of them, the first with two rows.
TEST(Timing, StrideTwoByHand) {
  const auto config = small_chip();
  Stage s = mvm(config, 0, {4, 4, 1}, square_window(2, 2), 1);
  s.requantise.output_s32 = true;
  s.destinations = {to_host()};
  const ProgramRun run = run_program(config, control({4, 4, 1}, {s}, {to(0)}));
  // All rows come over the link together; the second one waits for the eDRAM to take the first.
  ASSERT_LT(leaves(4), kAccess + kWord);
  EXPECT_EQ(in(run.stages[0], Phase::kInput), link(16) + noc(4) + 2 * (kAccess + kWord));
  EXPECT_EQ(run.duration.value(), 4 * 3 * kCycle + 4 * kClock + noc(4) + link(8));
}

/// Two copies take two windows of a row at a time.
TEST(Timing, CopiesShareTheWindows) {
  const auto config = small_chip();
  Stage s = pixel_stage(config, 0, 5);
  s.requantise.output_s32 = true;
  s.destinations = {to_host()};
  s.burst = 2;
  s.arrays.push_back(s.arrays[0]);
  s.arrays[1].array = 1;
  s.arrays[1].copy = 1;
  const ProgramRun run = run_program(config, control({1, 5, 1}, {s}, {to(0)}));
  EXPECT_EQ(run.stages[0].windows, 5U);
  // Two, two and one.
  EXPECT_EQ(run.duration.value(), 3 * 3 * kCycle + 4 * kClock + noc(4) + link(20));
}

/// A full ring stops the sender: tile 1 takes four times as long for a pixel as tile 0.
TEST(Timing, AFullRingHoldsTheSenderUp) {
  auto config = small_chip();
  config.nnadc.rate_msps = 1;  // 8 conversions: 8 us
  Stage first = pixel_stage(config, 0, 1), second = mvm(config, 1, {6, 1, 1}, square_window(1), 8);
  first = mvm(config, 0, {6, 1, 1}, square_window(1), 1);
  first.destinations = {to(1)};
  second.inputs[0].ring_rows = 1;
  second.requantise.output_s32 = true;
  second.destinations = {to_host()};
  const ProgramRun run = run_program(config, control({6, 1, 1}, {first, second}, {to(0)}));
  const StageReport &sender = run.stages[0], &receiver = run.stages[1];
  EXPECT_GT(in(sender, Phase::kSpace), in(sender, Phase::kComputing));
  EXPECT_EQ(in(receiver, Phase::kSpace), 0U);
  EXPECT_EQ(in(receiver, Phase::kConverter), 0U) << "it has them for itself";
}

/// Two stages of one tile convert at the same time: one of them waits.
TEST(Timing, StagesOfATileTakeTurnsAtTheConverters) {
  auto config = small_chip();
  config.nnadc.rate_msps = 10;
  const TensorShape pixel = {1, 1, 1};
  Stage a = mvm(config, 0, pixel, square_window(1), 8),
        b = mvm(config, 0, pixel, square_window(1), 8, 1);
  b.slot = 1;
  b.inputs[0].edram_offset = 64;
  a.requantise.output_s32 = b.requantise.output_s32 = true;
  a.destinations = {to_host(0)};
  b.destinations = {to_host(8)};
  ControlProgram program = control(pixel, {a, b}, {to(0, 0), to(0, 1)});
  program.output_shape.channels = 16;
  const ProgramRun run = run_program(config, program);
  const std::uint64_t one = in(run.stages[0], Phase::kConverter);
  const std::uint64_t other = in(run.stages[1], Phase::kConverter);
  EXPECT_EQ(std::min(one, other), 0U);
  EXPECT_EQ(std::max(one, other), 8 * 100000U);
}

/// Layer by layer, the second stage begins when the first has finished the image.
TEST(Timing, LayerByLayerWaitsForWholeImages) {
  const auto config = small_chip();
  Stage first = pixel_stage(config, 0, 4), second = pixel_stage(config, 1, 4);
  first.destinations = {to(1)};
  second.requantise.output_s32 = true;
  second.destinations = {to_host()};
  const auto program = control({1, 4, 1}, {first, second}, {to(0)});
  const ProgramRun run = run_program(config, program, 1, abi::kFlagLayerByLayer);
  EXPECT_EQ(run.duration.value(), 4 * 3 * kCycle + 4 * 3 * kCycle + 4 * kClock + noc(4) + link(16));
  EXPECT_EQ(in(run.stages[1], Phase::kInput),
            4 * 3 * kCycle + 4 * kClock + noc(1) + kAccess + kWord);
}

TEST(Timing, LayerByLayerNeedsWholeImagesInTheBuffers) {
  const auto config = small_chip();
  Stage s = mvm(config, 0, {3, 1, 1}, square_window(1), 1);
  s.inputs[0].ring_rows = 2;
  s.requantise.output_s32 = true;
  s.destinations = {to_host()};
  ChipBench bench(config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(control({3, 1, 1}, {s}, {to(0)})), abi::Error::kNone);
    ASSERT_EQ(bench.program(weights(config, s, {{1}})), abi::Error::kNone);
    auto command = bench.run_command(1);
    command.flags = abi::kFlagLayerByLayer;
    EXPECT_EQ(static_cast<abi::Error>(bench.execute(command).error), abi::Error::kBadControlVector);
  });
}

TEST(Timing, PoolsRunOnTheTilesClock) {
  const TensorShape in = {2, 2, 40};
  Stage s = stage(StageOp::kMaxPool, 0, in, square_window(2), 40);
  s.destinations = {to_host()};
  ChipBench bench(small_chip());
  bench.simulate([&] {
    ASSERT_EQ(bench.load(control(in, {s}, {to(0)})), abi::Error::kNone);
    const sc_core::sc_time start = sc_core::sc_time_stamp();
    bench.execute(bench.run_command(1));
    // Two rows of 80 bytes, over the link together; the second follows when the first has left.
    const std::uint64_t rows = link(160) + leaves(80) + noc(80) + kAccess + 3 * kWord;
    const std::uint64_t window = kAccess + 5 * kWord + 5 * kClock;  // 160 bytes; 160 values
    EXPECT_EQ((sc_core::sc_time_stamp() - start).value(), rows + window + noc(40) + link(40));
  });
}

TEST(Timing, ProgrammingIsParallelOverImas) {
  const auto config = small_chip();  // 4 arrays per IMA; 4 pulses of 150 ns per word line
  const auto record = [](int tile, int array, int rows) {
    program::ArrayWeights w;
    w.tile = static_cast<std::uint16_t>(tile);
    w.array = static_cast<std::uint16_t>(array);
    w.rows = static_cast<std::uint16_t>(rows);
    w.vectors = 1;
    w.values.assign(static_cast<std::size_t>(rows), 1);
    return w;
  };
  ChipBench bench(config);
  bench.simulate([&] {
    const auto nanoseconds = [&](const std::vector<program::ArrayWeights> &records) {
      EXPECT_EQ(bench.program(records), abi::Error::kNone);
      return static_cast<double>(bench.last.duration_ns);
    };
    const double one = 128 * 4 * 150.0;
    EXPECT_NEAR(nanoseconds({record(0, 0, 128)}), one, 150);
    EXPECT_NEAR(nanoseconds({record(0, 0, 128), record(0, 3, 128)}), 2 * one, 300);
    EXPECT_NEAR(nanoseconds({record(0, 0, 128), record(0, 4, 128), record(1, 0, 64)}), one, 400);
  });
}

/// Values and times do not depend on how the values are computed.
class EitherKernel : public ::testing::TestWithParam<dataflow::Kernel> {};

TEST_P(EitherKernel, TimesAreTheSame) {
  const auto config = small_chip();
  auto program = one_stage(config, 6, 200, 9);
  program.stages[0].inputs[0].ring_rows = 2;
  const Timed run = run_timed(config, program, 2, GetParam());
  const std::uint64_t arrival = link(1200) + noc(1200) + kAccess + 38 * kWord;
  const std::uint64_t copied = arrival + kAccess + 7 * kWord;
  const std::uint64_t first_driven = (copied + kCycle - 1) / kCycle * kCycle + 2 * kCycle;
  // 2 row blocks x 9 channels are converted; 9 sums of one IMA are added and requantised.
  const std::uint64_t last_sent = first_driven + 11 * 3 * kCycle + 21 * kClock + noc(36);
  EXPECT_EQ(run.duration.value(), last_sent + link(6 * 36));
}

INSTANTIATE_TEST_SUITE_P(Both, EitherKernel,
                         ::testing::Values(dataflow::Kernel::kFolded, dataflow::Kernel::kPerCycle),
                         [](const auto &test) {
                           return test.param == dataflow::Kernel::kFolded ? "Folded" : "PerCycle";
                         });

}  // namespace
}  // namespace npim::chip::test
