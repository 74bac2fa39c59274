// Without values everything takes exactly the time that it takes with them; and the window
// pipelines of the other dataflows, by hand and against the golden executor.
#include <gtest/gtest.h>

#include <map>

#include "chip_bench.h"
#include "mapping/mapping.h"
#include "network/golden.h"
#include "programs.h"
#include "support/random_network.h"

namespace npim::chip::test {
namespace {

using config::Dataflow;
using config::WindowPipeline;

config::ChipConfig chip_of(Dataflow dataflow, WindowPipeline pipeline) {
  auto config = small_chip();
  config.tile_columns = config.tile_rows = 8;
  config.dataflow = dataflow;
  config.pipeline = pipeline;
  if (dataflow != Dataflow::kAnalogAccumulation) {
    config.dac_bits = 1;
    config.nnadc.code = config::CodeFormat::kLossless;
    config.adc.per_tile = dataflow == Dataflow::kDigitalAccumulation ? config.arrays_per_tile() : 1;
  }
  return config;
}

/// Of random seeds, in turn: the three dataflows, each with both pipelines.
config::ChipConfig chip_of(int seed) {
  const Dataflow dataflows[] = {Dataflow::kAnalogAccumulation, Dataflow::kDigitalAccumulation,
                                Dataflow::kAnalogBuffering};
  return chip_of(dataflows[seed % 3],
                 seed / 3 % 2 == 0 ? WindowPipeline::kTwoStage : WindowPipeline::kOverlapped);
}

struct Observed {
  std::vector<std::uint64_t> durations_ps;
  std::vector<std::array<std::uint8_t, abi::StageCounters::kBytes>> counters;
  std::map<cost::Part, std::uint64_t> booked;  // in the runs
};

/// Runs one image, then three.
void observe(ChipBench &bench, const mapping::Mapping &mapping, bool values, Observed &to) {
  ASSERT_EQ(bench.load(mapping.program.segments.at(0)), abi::Error::kNone);
  if (values) {
    ASSERT_EQ(bench.program(mapping.program.weights), abi::Error::kNone);
    for (std::size_t i = 0; i < 10000; ++i) {
      *bench.at(ChipBench::kImages + i) = static_cast<std::uint8_t>(i * 37);
    }
  }
  const cost::Ledger &ledger = bench.chip.books().ledger();
  for (const cost::Part part : cost::all_parts()) to.booked[part] -= ledger.actions(part);
  for (const std::uint32_t images : {1U, 3U}) {
    const sc_core::sc_time start = sc_core::sc_time_stamp();
    bench.execute(bench.run_command(images));
    ASSERT_EQ(bench.last.error, 0);
    to.durations_ps.push_back((sc_core::sc_time_stamp() - start).value());
  }
  for (std::size_t i = 0; i < mapping.program.segments.at(0).stages.size(); ++i) {
    to.counters.push_back(bench.stage_counters(i).encode());
  }
  for (const cost::Part part : cost::all_parts()) to.booked[part] += ledger.actions(part);
}

/// Strategies A and B convert each digit and refuse shifted weights.
network::QuantisedNetwork without_shifts(network::QuantisedNetwork network) {
  for (auto &layer : network.layers) layer.weight_shift = 0;
  return network;
}

class ValuesOff : public ::testing::TestWithParam<int> {};

TEST_P(ValuesOff, TakesExactlyTheSameTime) {
  const auto config = chip_of(GetParam());
  testing::RandomNetwork random(static_cast<std::uint32_t>(3000 + GetParam()));
  const auto network = without_shifts(random.make(
      {config.array.rows, static_cast<network::ConverterFormat::Code>(config.nnadc.code)},
      1 + GetParam() % 6, 24));
  const auto mapping = mapping::map_network(network, config);
  ChipBench with(config, dataflow::Kernel::kFolded, "with");
  ChipBench without(config, dataflow::Kernel::kFolded, "without");
  without.chip.leave_out_values();
  Observed on, off;
  without.set_body([&] { observe(without, mapping, false, off); });
  with.simulate([&] { observe(with, mapping, true, on); });
  ASSERT_EQ(on.durations_ps.size(), 2U);
  EXPECT_EQ(on.durations_ps, off.durations_ps);
  EXPECT_EQ(on.counters, off.counters);
  EXPECT_GT(off.counters.size(), 0U);
  for (const cost::Part part : cost::all_parts()) {
    if (part == cost::Part::kDac) continue;  // nobody drives zero inputs, where there are any
    EXPECT_EQ(on.booked.at(part), off.booked.at(part)) << cost::to_text(part);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ValuesOff, ::testing::Range(0, 24));

class OtherDataflows : public ::testing::TestWithParam<int> {};

/// With as many bits as the sums have, dataflows A and B yield the exact integer products.
TEST_P(OtherDataflows, EqualTheGoldenExecutor) {
  const auto config = chip_of(GetParam());
  testing::RandomNetwork random(static_cast<std::uint32_t>(4000 + GetParam()));
  const auto network = without_shifts(random.make(
      {config.array.rows, static_cast<network::ConverterFormat::Code>(config.nnadc.code)},
      1 + GetParam() % 5, 20));
  const auto mapping = mapping::map_network(network, config);
  const std::vector<Bytes> inputs = {random.image(network.input_shape),
                                     random.image(network.input_shape)};
  ChipBench bench(config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(mapping.program.segments.at(0)), abi::Error::kNone);
    ASSERT_EQ(bench.program(mapping.program.weights), abi::Error::kNone);
    const auto outputs = bench.run(inputs, 4);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(outputs[i], network::golden_logits(network, inputs[i].data())) << "image " << i;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Seeds, OtherDataflows, ::testing::Range(0, 18));

struct Timed {
  std::uint64_t duration_ps = 0;
  abi::StageCounters counters;
};

/// A row of `width` windows of 1 input and 8 output channels on one array.
Timed run_row(const config::ChipConfig &config, int width) {
  const TensorShape in = {1, width, 1};
  Stage s = mvm(config, 0, in, square_window(1), 8);
  s.requantise.output_s32 = true;
  s.destinations = {to_host()};
  ChipBench bench(config);
  bench.chip.leave_out_values();
  Timed timed;
  bench.simulate([&] {
    ASSERT_EQ(bench.load(control(in, {s}, {to(0)})), abi::Error::kNone);
    const sc_core::sc_time start = sc_core::sc_time_stamp();
    bench.execute(bench.run_command(1));
    ASSERT_EQ(bench.last.error, 0);
    timed.duration_ps = (sc_core::sc_time_stamp() - start).value();
    timed.counters = bench.stage_counters(0);
  });
  return timed;
}

constexpr std::uint64_t kCycle = 100000, kClock = 833;  // ps
// A word of the output register, one of post-processing; 32 bytes to the router and over the link.
constexpr std::uint64_t kAfterSums = 2 * kClock + kClock + kClock * (2 + 1 + 8);
std::uint64_t link(std::uint64_t bytes) {
  return 5000 + bytes * 10000 / 64;
}

/// [IS] Fig. 4 with 8 input bits: the first window is copied in cycle 1; the crossbars work in
/// cycles 2 to 9 and take the next window then; the last slice is converted in cycle 10 and added
/// in cycle 11.
TEST(DigitalAccumulation, OverlapsCopiesAndConvertsInEachCycle) {
  const auto config = chip_of(Dataflow::kDigitalAccumulation, WindowPipeline::kOverlapped);
  const Timed run = run_row(config, 50);
  const std::uint64_t sums = (1 + 50 * 8 + 2) * kCycle;
  EXPECT_EQ(run.duration_ps, sums + kAfterSums + link(50 * 32));
  EXPECT_EQ(run.counters.conversions, 50U * 8 * 16 * 8) << "8 vectors of 16 bit lines, 8 slices";
  EXPECT_EQ(run.counters.input_cycles, 50U * 8);
}

TEST(DigitalAccumulation, TwoStagePipelineCopiesInACycleOfItsOwn) {
  const auto config = chip_of(Dataflow::kDigitalAccumulation, WindowPipeline::kTwoStage);
  EXPECT_EQ(run_row(config, 50).duration_ps, (50 * 9 + 2) * kCycle + kAfterSums + link(50 * 32));
}

/// Fewer converters than arrays: a cycle lasts until all bit lines of its tile have been converted.
TEST(DigitalAccumulation, FewConvertersMakeTheInputCycleLonger) {
  auto config = chip_of(Dataflow::kDigitalAccumulation, WindowPipeline::kOverlapped);
  config.adc.per_tile = config.arrays_per_tile() / 4;
  EXPECT_EQ(run_row(config, 50).duration_ps,
            (1 + 50 * 8 + 2) * 4 * kCycle + kAfterSums + link(50 * 32));
}

/// One ADC converts 5 sums of each of 8 vectors, 781 ps each, after a window's last input cycle,
/// while the next window is driven.
TEST(AnalogBuffering, ConvertsBufferedSumsAtTheEnd) {
  const auto config = chip_of(Dataflow::kAnalogBuffering, WindowPipeline::kOverlapped);
  const std::uint64_t conversions = 40 * 781;
  const Timed run = run_row(config, 50);
  EXPECT_EQ(run.duration_ps, (1 + 50 * 8) * kCycle + conversions + kAfterSums + link(50 * 32));
  EXPECT_EQ(run.counters.conversions, 50U * 40);
}

/// Slow converters, not the crossbars, set the pace.
TEST(AnalogBuffering, SlowConvertersHoldWindowsUp) {
  auto config = chip_of(Dataflow::kAnalogBuffering, WindowPipeline::kOverlapped);
  config.adc.rate_msps = 10;  // 40 conversions take 4000 ns, 8 cycles 800 ns
  const std::uint64_t duration = run_row(config, 50).duration_ps;
  EXPECT_GE(duration, 50 * 40 * kCycle);
  EXPECT_LE(duration, 51 * 40 * kCycle + 20 * kCycle);
}

}  // namespace
}  // namespace npim::chip::test
