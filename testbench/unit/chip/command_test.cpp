// Commands and their errors: each wrong one completes with its own code and leaves the chip usable.
#include <gtest/gtest.h>

#include <algorithm>

#include "chip_bench.h"
#include "programs.h"

namespace npim::chip::test {
namespace {

using abi::Error;
using abi::Opcode;

/// A convolution on tile 0 whose raw sums of rows 0 .. 127 meet those of tile 1 in an aggregator on
/// tile 2, then a pool on tile 2: a bit of everything.
struct Example {
  config::ChipConfig config = small_chip();
  ControlProgram program;
  std::vector<program::ArrayWeights> records;

  Example() {
    Random random(1);
    const TensorShape in = {4, 4, 20};
    Stage first = mvm(config, 0, in, square_window(3, 1, 1), 6);  // 180 rows
    const Kernels kernels = random.kernels(6, first.kernel_rows);
    Stage second = first;
    second.tile = 1;
    first.arrays = {{0, 0, 0}};
    second.arrays = {{4, 1, 0}};
    Stage sum = stage(StageOp::kAggregate, 2, first.output_shape, Window(), 6);
    sum.inputs = {port(sum.output_shape, 0, 2, 4), port(sum.output_shape, 1024, 2, 4)};
    first.raw_output = second.raw_output = true;
    Stage pooled = stage(StageOp::kMaxPool, 2, sum.output_shape, square_window(2, 2), 6);
    pooled.slot = 1;
    pooled.inputs[0].edram_offset = 4096;
    first.destinations = {to(2, 0, 0)};
    second.destinations = {to(2, 0, 1)};
    sum.destinations = {to(2, 1)};
    pooled.destinations = {to_host()};
    records = weights(config, first, kernels);
    append(records, weights(config, second, kernels));
    program = control(in, {first, second, sum, pooled}, {to(0), to(1)});
  }
};

struct BadControl {
  const char *name;
  std::function<void(ControlProgram &)> damage;
  Error error;
  std::uint32_t stage;
};

const std::vector<BadControl> &bad_controls() {
  static const std::vector<BadControl> cases = {
      {"TileOfAStage", [](auto &p) { p.stages[1].tile = 6; }, Error::kTileOutOfRange, 1},
      {"TileOfADestination", [](auto &p) { p.stages[0].destinations[0].tile = 6; },
       Error::kTileOutOfRange, 0},
      {"TileOfTheInput", [](auto &p) { p.inputs[1].tile = 600; }, Error::kTileOutOfRange, 4},
      {"Array", [](auto &p) { p.stages[0].arrays[0].array = 8; }, Error::kArrayOutOfRange, 0},
      {"EdramEnd", [](auto &p) { p.stages[3].inputs[0].edram_offset = 16384 - 95; },
       Error::kEdramOutOfRange, 3},
      {"EdramFar", [](auto &p) { p.stages[3].inputs[0].edram_offset = 0xffffffff; },
       Error::kEdramOutOfRange, 3},
      {"EdramOverlap", [](auto &p) { p.stages[3].inputs[0].edram_offset = 100; },
       Error::kEdramOutOfRange, 3},
      {"EdramOverlapOfPorts", [](auto &p) { p.stages[2].inputs[1].edram_offset = 191; },
       Error::kEdramOutOfRange, 2},
      {"HugeRing", [](auto &p) { p.stages[2].inputs[0].ring_rows = 0xffff; },
       Error::kEdramOutOfRange, 2},
      {"Slot", [](auto &p) { p.stages[3].slot = 0; }, Error::kBadControlVector, 3},
      {"NoStages", [](auto &p) { p.stages.clear(); }, Error::kBadControlVector, 0},
      {"NoInput", [](auto &p) { p.inputs.clear(); }, Error::kBadControlVector, 4},
      {"ImageToHost", [](auto &p) { p.inputs.push_back(to_host()); }, Error::kBadControlVector, 4},
      {"OutputShape", [](auto &p) { p.stages[0].output_shape.height = 5; },
       Error::kBadControlVector, 0},
      {"Stride", [](auto &p) { p.stages[3].window.stride_width = 1; }, Error::kBadControlVector, 3},
      {"KernelTooLarge", [](auto &p) { p.stages[3].window.kernel_height = 9; },
       Error::kBadControlVector, 3},
      {"RingBelowWindow", [](auto &p) { p.stages[0].inputs[0].ring_rows = 2; },
       Error::kBadControlVector, 0},
      {"NoRing", [](auto &p) { p.stages[2].inputs[0].ring_rows = 0; }, Error::kBadControlVector, 2},
      {"ElementBytes", [](auto &p) { p.stages[3].inputs[0].element_bytes = 4; },
       Error::kBadControlVector, 3},
      {"Ports", [](auto &p) { p.stages[3].inputs.push_back(p.stages[3].inputs[0]); },
       Error::kBadControlVector, 3},
      {"BlockRows", [](auto &p) { p.stages[0].block_rows = 4096; }, Error::kBadControlVector, 0},
      {"KernelRows", [](auto &p) { p.stages[0].kernel_rows = 181; }, Error::kBadControlVector, 0},
      {"NoArrays", [](auto &p) { p.stages[0].arrays.clear(); }, Error::kBadControlVector, 0},
      {"ArraysOfAPool",
       [](auto &p) {
         p.stages[3].arrays = {{5, 0, 0}};
       },
       Error::kBadControlVector, 3},
      {"ArrayTwice",
       [](auto &p) {
         p.stages[1].tile = 0, p.stages[1].slot = 1, p.stages[1].inputs[0].edram_offset = 2048,
         p.stages[1].arrays[0].array = 0;
       },
       Error::kBadControlVector, 1},
      {"RowBlock", [](auto &p) { p.stages[0].arrays[0].row_block = 2; }, Error::kBadControlVector,
       0},
      {"ColumnGroup", [](auto &p) { p.stages[0].arrays[0].column_group = 1; },
       Error::kBadControlVector, 0},
      {"SameRowsTwice", [](auto &p) { p.stages[1].arrays[0].row_block = 0; },
       Error::kBadControlVector, 2},
      {"SameArrayPlaceTwice",
       [](auto &p) {
         p.stages[0].arrays.push_back({1, 0, 0});
       },
       Error::kBadControlVector, 0},
      {"RowsMissing",
       [](auto &p) {
         p.stages[0].raw_output = false;
         p.stages[0].requantise.output_s32 = true;
       },
       Error::kBadControlVector, 0},
      {"Range", [](auto &p) { p.stages[0].converter.range_divisor = 3; },
       Error::kConverterUnavailable, 0},
      {"Gain", [](auto &p) { p.stages[1].converter.bitline_gain = 16; },
       Error::kConverterUnavailable, 1},
      {"NegativeGain", [](auto &p) { p.stages[1].converter.bitline_gain = -1; },
       Error::kConverterUnavailable, 1},
      {"NoDestination", [](auto &p) { p.stages[3].destinations.clear(); }, Error::kBadControlVector,
       3},
      {"DestinationSlot", [](auto &p) { p.stages[0].destinations[0].slot = 7; },
       Error::kBadControlVector, 0},
      {"DestinationPort", [](auto &p) { p.stages[0].destinations[0].port = 2; },
       Error::kBadControlVector, 0},
      {"DestinationProducer", [](auto &p) { p.stages[0].destinations[0].producer = 1; },
       Error::kBadControlVector, 0},
      {"DestinationChannels", [](auto &p) { p.stages[0].destinations[0].channel_offset = 1; },
       Error::kBadControlVector, 0},
      {"ProducerTwice", [](auto &p) { p.stages[1].destinations[0].port = 0; },
       Error::kBadControlVector, 2},
      {"ProducerMissing", [](auto &p) { p.inputs.pop_back(); }, Error::kBadControlVector, 1},
      {"ProducersMissing", [](auto &p) { p.stages[3].inputs[0].producers = 2; },
       Error::kBadControlVector, 3},
      {"Circle",
       [](auto &p) {
         p.stages[2].destinations[0] = to_host();
         p.stages[3].destinations[0] = to(2, 1);
         p.stages[3].window = square_window(1);
         p.stages[3].output_shape = p.stages[2].output_shape;
         p.output_shape = p.stages[2].output_shape;
       },
       Error::kBadControlVector, 4},
      {"NothingToHost",
       [](auto &p) {
         p.stages[3].destinations[0] = to(2, 1);
         p.stages[3].window = square_window(1);
         p.stages[3].output_shape = p.stages[2].output_shape;
         p.stages[3].inputs[0].producers = 2;
       },
       Error::kBadControlVector, 3},
      {"HostShape", [](auto &p) { p.output_shape.width = 3; }, Error::kBadControlVector, 4},
      {"HostElements", [](auto &p) { p.output_element_bytes = 4; }, Error::kBadControlVector, 3},
      {"HostElementBytes", [](auto &p) { p.output_element_bytes = 2; }, Error::kBadControlVector,
       4},
      {"HostChannels", [](auto &p) { p.output_shape.channels = 7; }, Error::kBadControlVector, 4},
      {"Multipliers", [](auto &p) { p.stages[2].requantise.multiplier.pop_back(); },
       Error::kBadControlVector, 2},
      {"Biases", [](auto &p) { p.stages[2].requantise.bias.push_back(0); },
       Error::kBadControlVector, 2},
      {"Shift", [](auto &p) { p.stages[2].requantise.shift = 63; }, Error::kBadControlVector, 2},
      {"NegativeShift", [](auto &p) { p.stages[2].requantise.shift = -1; },
       Error::kBadControlVector, 2},
      {"Limits", [](auto &p) { p.stages[2].requantise.low = 256; }, Error::kBadControlVector, 2},
      {"BiasOverflow",
       [](auto &p) { p.stages[2].requantise.bias[3] = std::numeric_limits<std::int64_t>::max(); },
       Error::kBadControlVector, 2},
      {"BiasMinimum",
       [](auto &p) { p.stages[2].requantise.bias[3] = std::numeric_limits<std::int64_t>::min(); },
       Error::kBadControlVector, 2},
      {"RawPool",
       [](auto &p) {
         p.stages[3].raw_output = true;
         p.output_element_bytes = 4;
       },
       Error::kBadControlVector, 3},
      {"PoolChannels",
       [](auto &p) {
         p.stages[3].output_shape.channels = 5;
         p.output_shape.channels = 5;
       },
       Error::kBadControlVector, 3},
  };
  return cases;
}

class BadControls : public ::testing::TestWithParam<std::size_t> {};

TEST_P(BadControls, HaveTheirErrorAndStage) {
  const BadControl &bad = bad_controls()[GetParam()];
  Example example;
  ControlProgram damaged = example.program;
  bad.damage(damaged);
  ChipBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    EXPECT_EQ(abi::name(bench.load(damaged)), std::string(abi::name(bad.error)));
    EXPECT_EQ(bench.last.fault_address, ChipBench::kBlob);
    EXPECT_EQ(bench.last.detail, bad.stage);
    // The old stages are gone as well.
    bench.execute(bench.run_command(1));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kControlNotLoaded);
    EXPECT_EQ(bench.load(example.program), Error::kNone);
    EXPECT_EQ(bench.program(example.records), Error::kNone);
    bench.execute(bench.run_command(2));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kNone);
  });
}

INSTANTIATE_TEST_SUITE_P(All, BadControls, ::testing::Range(std::size_t{0}, bad_controls().size()),
                         [](const auto &test) { return bad_controls()[test.param].name; });

TEST(Commands, NothingToDo) {
  ChipBench bench(small_chip());
  bench.simulate([&] {
    abi::Descriptor d;
    for (const Opcode opcode : {Opcode::kNop, Opcode::kBarrier}) {
      d.opcode = static_cast<std::uint8_t>(opcode);
      d.tag = 77;
      EXPECT_EQ(bench.execute(d).error, 0);
      EXPECT_EQ(bench.last.tag, 77);
      EXPECT_EQ(bench.last.duration_ns, 0U);
    }
  });
}

TEST(Commands, UnknownOpcodesAndReservedFields) {
  ChipBench bench(small_chip());
  bench.simulate([&] {
    abi::Descriptor d;
    for (const int opcode : {0, 100, 255}) {
      d.opcode = static_cast<std::uint8_t>(opcode);
      EXPECT_EQ(static_cast<Error>(bench.execute(d).error), Error::kUnknownOpcode);
    }
    d.opcode = 1;
    const auto expect_bad = [&](const abi::Descriptor &bad) {
      EXPECT_EQ(static_cast<Error>(bench.execute(bad).error), Error::kBadDescriptor);
    };
    auto bad = d;
    bad.flags = 128;
    expect_bad(bad);
    bad = d, bad.reserved0 = 1, expect_bad(bad);
    bad = d, bad.reserved1 = 1, expect_bad(bad);
    bad = d, bad.reserved2 = 1, expect_bad(bad);
    bad = d, bad.reserved3 = 1, expect_bad(bad);
    d.flags = abi::kFlagInterrupt;
    EXPECT_EQ(bench.execute(d).error, 0);
  });
}

TEST(Commands, SocketRefusesOtherAccesses) {
  ChipBench bench(small_chip());
  bench.simulate([&] {
    std::uint8_t data[128] = {};
    EXPECT_EQ(bench.transport(tlm::TLM_WRITE_COMMAND, 64, data, 64),
              tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(bench.transport(tlm::TLM_WRITE_COMMAND, 0, data, 32), tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_EQ(bench.transport(tlm::TLM_READ_COMMAND, 0, data, 64), tlm::TLM_BURST_ERROR_RESPONSE);
  });
}

TEST(Commands, DamagedBlobs) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    EXPECT_EQ(bench.command(Opcode::kLoadControl, Bytes(100, 0xee)), Error::kBadControlVector);
    EXPECT_EQ(bench.command(Opcode::kLoadControl, {}), Error::kBadSize);
    EXPECT_EQ(bench.command(Opcode::kProgramWeights, {}), Error::kBadSize);
    EXPECT_EQ(bench.command(Opcode::kProgramWeights, Bytes(9, 1)), Error::kBadWeights);
    abi::Descriptor d;
    d.opcode = static_cast<std::uint8_t>(Opcode::kLoadControl);
    d.source = HostMemory::kBase + ChipBench::kMemory - 6000;
    d.source_bytes = 1 << 20;
    EXPECT_EQ(static_cast<Error>(bench.execute(d).error), Error::kDmaReadFault);
    EXPECT_EQ(bench.last.fault_address, HostMemory::kBase + ChipBench::kMemory);
    d.source_bytes = 0xffffffff;
    EXPECT_EQ(static_cast<Error>(bench.execute(d).error), Error::kBadSize);
    d.source = ~std::uint64_t{0} - 10;
    d.source_bytes = 100;
    EXPECT_EQ(static_cast<Error>(bench.execute(d).error), Error::kDmaReadFault);
  });
}

TEST(Commands, WeightRecords) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    const auto damaged = [&](std::size_t i, auto change) {
      auto records = example.records;
      change(records[i]);
      return bench.program(records);
    };
    EXPECT_EQ(damaged(1, [](auto &w) { w.tile = 6; }), Error::kTileOutOfRange);
    EXPECT_EQ(bench.last.detail, 1U);
    EXPECT_EQ(bench.last.fault_address, ChipBench::kBlob + 8 + 128 * 6);
    EXPECT_EQ(damaged(0, [](auto &w) { w.array = 8; }), Error::kArrayOutOfRange);
    EXPECT_EQ(damaged(0,
                      [](auto &w) {
                        w.rows = 129, w.vectors = 1;
                        w.values.assign(129, 0);
                      }),
              Error::kBadWeights);
    EXPECT_EQ(damaged(0,
                      [](auto &w) {
                        w.rows = 1, w.vectors = 9;
                        w.values.assign(9, 0);
                      }),
              Error::kBadWeights);
    EXPECT_EQ(damaged(0,
                      [](auto &w) {
                        w.shift = 1;
                        w.values[0] = -128;
                      }),
              Error::kBadWeights);
    EXPECT_EQ(damaged(0, [](auto &w) { w.shift = 9; }), Error::kBadWeights);
    EXPECT_EQ(bench.program(example.records), Error::kNone);
  });
}

/// What READ_BACK yields are the weights that were sent, wherever their cells put the digits.
TEST(Commands, ShiftedWeightsReadBackAsTheyWereSent) {
  Example example;
  auto &record = example.records[0];
  record.shift = 1;
  for (auto &weight : record.values) weight = std::max<std::int8_t>(weight, -127);
  ChipBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    ASSERT_EQ(bench.read_back(abi::Region::kWeights, record.tile, record.array, 0, record.vectors),
              Error::kNone);
    const std::uint8_t *read = bench.at(ChipBench::kOutputs);
    for (std::size_t v = 0; v < record.vectors; ++v) {
      EXPECT_EQ(static_cast<std::int8_t>(read[v]), record.values[v]) << v;
    }
  });
}

TEST(Commands, RunChecksItsArguments) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    bench.execute(bench.run_command(1));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kControlNotLoaded);
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    bench.execute(bench.run_command(1));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kWeightsNotProgrammed);
    EXPECT_EQ(bench.last.fault_address, crossbar_address(0, 0));
    ASSERT_EQ(bench.program({example.records[0]}), Error::kNone);
    bench.execute(bench.run_command(1));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kWeightsNotProgrammed);
    EXPECT_EQ(bench.last.fault_address, crossbar_address(1, 4));
    EXPECT_EQ(bench.last.detail, 1U);
    ASSERT_EQ(bench.program({example.records[1]}), Error::kNone);
    const auto good = bench.run_command(2);
    const auto expect_bad_size = [&](auto change) {
      auto d = good;
      change(d);
      EXPECT_EQ(static_cast<Error>(bench.execute(d).error), Error::kBadSize);
    };
    expect_bad_size([](auto &d) { d.count = 0; });
    expect_bad_size([](auto &d) { d.source_bytes -= 1; });
    expect_bad_size([](auto &d) { d.destination_bytes += 1; });
    expect_bad_size([](auto &d) { d.source_stride -= 1; });
    expect_bad_size([](auto &d) { d.destination_stride = 0; });
    expect_bad_size([](auto &d) { d.source = ~std::uint64_t{0} - 100; });
    expect_bad_size([](auto &d) {
      d.count = 0xffffffff, d.destination = ~std::uint64_t{0} >> 1,
      d.destination = ~std::uint64_t{0} - 0xffffffff;
    });
    EXPECT_EQ(bench.execute(good).error, 0);
  });
}

TEST(Commands, RunReportsWhereMemoryFails) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    auto d = bench.run_command(3);
    d.source = HostMemory::kBase + ChipBench::kMemory - 320;  // the second image is in the hole
    bench.execute(d);
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kDmaReadFault);
    EXPECT_EQ(bench.last.fault_address, HostMemory::kBase + ChipBench::kMemory);
    d = bench.run_command(3);
    d.destination = HostMemory::kBase - 4096;
    bench.execute(d);
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kDmaWriteFault);
    EXPECT_EQ(bench.last.fault_address, HostMemory::kBase - 4096);
    bench.execute(bench.run_command(3));
    EXPECT_EQ(bench.last.error, 0);
  });
}

TEST(Commands, ReadBackGivesWeightsAsStored) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    const auto &record = example.records[1];  // 52 rows of 6 vectors on tile 1, array 4
    ASSERT_EQ(bench.read_back(abi::Region::kWeights, 1, 4, 0, 128 * 8), Error::kNone);
    const auto *stored = reinterpret_cast<const std::int8_t *>(bench.at(ChipBench::kOutputs));
    for (int row = 0; row < 128; ++row) {
      for (int vector = 0; vector < 8; ++vector) {
        const bool used = row < record.rows && vector < record.vectors;
        const int weight =
            used ? record.values[static_cast<std::size_t>(row * record.vectors + vector)] : 0;
        ASSERT_EQ(stored[row * 8 + vector], weight) << row << ", " << vector;
      }
    }
    ASSERT_EQ(bench.read_back(abi::Region::kWeights, 1, 4, 9, 1), Error::kNone);
    EXPECT_EQ(static_cast<std::int8_t>(*bench.at(ChipBench::kOutputs)), record.values[7]);
    ASSERT_EQ(bench.read_back(abi::Region::kWeights, 5, 7, 0, 8), Error::kNone);
    EXPECT_EQ(*bench.at(ChipBench::kOutputs), 0);
  });
}

TEST(Commands, ReadBackErrors) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    using abi::Region;
    EXPECT_EQ(bench.read_back(static_cast<Region>(0), 0, 0, 0, 8), Error::kBadRegion);
    EXPECT_EQ(bench.read_back(static_cast<Region>(100), 0, 0, 0, 8), Error::kBadRegion);
    EXPECT_EQ(bench.read_back(Region::kEdram, 0, 0, 0, 0), Error::kBadSize);
    EXPECT_EQ(bench.read_back(Region::kEdram, 6, 0, 0, 8), Error::kTileOutOfRange);
    EXPECT_EQ(bench.read_back(Region::kEdram, 0, 0, 16384 - 8, 8), Error::kNone);
    EXPECT_EQ(bench.read_back(Region::kEdram, 0, 0, 16384 - 7, 8), Error::kEdramOutOfRange);
    EXPECT_EQ(bench.read_back(Region::kEdram, 0, 0, 0xffffffff, 0xffffffff),
              Error::kEdramOutOfRange);
    EXPECT_EQ(bench.read_back(Region::kEdram, 0, 0, 0, 16384), Error::kNone);
    EXPECT_EQ(bench.read_back(Region::kWeights, 0xffff, 0, 0, 8), Error::kTileOutOfRange);
    EXPECT_EQ(bench.read_back(Region::kWeights, 0, 8, 0, 8), Error::kArrayOutOfRange);
    EXPECT_EQ(bench.read_back(Region::kWeights, 0, 0, 1020, 5), Error::kBadSize);
    EXPECT_EQ(bench.read_back(Region::kStageCounters, 0, 0, 0, 64), Error::kControlNotLoaded);
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    EXPECT_EQ(bench.read_back(Region::kStageCounters, 0, 0, 0, 4 * 64), Error::kNone);
    EXPECT_EQ(bench.read_back(Region::kStageCounters, 0, 0, 1, 4 * 64), Error::kBadSize);
    abi::Descriptor d;
    d.opcode = static_cast<std::uint8_t>(Opcode::kReadBack);
    d.region = static_cast<std::uint8_t>(Region::kEdram);
    d.destination = 0x1000;
    d.destination_bytes = 4;
    EXPECT_EQ(static_cast<Error>(bench.execute(d).error), Error::kDmaWriteFault);
    EXPECT_EQ(bench.last.fault_address, 0x1000U);
  });
}

TEST(Commands, StageCountersTellStagesApart) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    bench.execute(bench.run_command(2));
    const auto pooled = bench.stage_counters(3);
    EXPECT_EQ(pooled.tile, 2);
    EXPECT_EQ(pooled.slot, 1);
    EXPECT_EQ(pooled.windows, 2U * 4);
    EXPECT_EQ(pooled.conversions, 0U);
    EXPECT_EQ(pooled.input_cycles, 0U);
    EXPECT_GT(pooled.wait_input_ns, 0U);
    const auto first = bench.stage_counters(0);
    EXPECT_EQ(first.windows, 2U * 16);
    EXPECT_EQ(first.conversions, 2U * 16 * 6);
    EXPECT_EQ(first.input_cycles, 2U * 16 * 2);
    EXPECT_GT(pooled.first_start_ns, first.first_start_ns);
    EXPECT_GE(pooled.last_end_ns, first.last_end_ns);
    EXPECT_EQ(bench.chip.counters().windows, 2U * (16 + 16 + 16 + 4));
    EXPECT_EQ(bench.chip.counters().conversions, 2U * 2 * 16 * 6);
  });
}

struct Recorder : ChipObserver {
  void command_begin(const abi::Descriptor &d) override { begun.push_back(d.opcode); }
  void command_end(const abi::Descriptor &, const abi::Completion &c) override {
    ended.push_back(c.error);
  }
  void stage_active(std::uint32_t stage, unsigned, unsigned, std::uint32_t,
                    const sc_core::sc_time &begin) override {
    EXPECT_LT(begin, sc_core::sc_time_stamp());
    if (spans.size() <= stage) spans.resize(stage + 1);
    ++spans[stage];
  }
  std::vector<int> begun, ended, spans;
};

TEST(Commands, ObserverSeesCommandsAndStages) {
  Example example;
  Recorder recorder;
  ChipBench bench(example.config);
  bench.chip.set_observer(&recorder);
  bench.simulate([&] {
    bench.load(example.program);
    bench.program(example.records);
    bench.execute(bench.run_command(1));
    bench.execute(abi::Descriptor());
  });
  EXPECT_EQ(recorder.begun, (std::vector<int>{2, 3, 4, 0}));
  EXPECT_EQ(recorder.ended, (std::vector<int>{0, 0, 0, 1}));
  ASSERT_EQ(recorder.spans.size(), 4U);
  EXPECT_GE(recorder.spans[3], 1);
}

}  // namespace
}  // namespace npim::chip::test
