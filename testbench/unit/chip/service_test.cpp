// Commands that look after the analog parts, faults and what they do to a run, and that results of
// noisy chips depend on neither batches nor repetition.
#include <gtest/gtest.h>

#include "base/file.h"
#include "chip_bench.h"
#include "programs.h"

namespace npim::chip::test {
namespace {

using abi::Error;
using abi::Opcode;

/// The small chip with another dataflow's converters and buffers.
config::ChipConfig small_chip_of(config::Dataflow dataflow) {
  config::ChipConfig chip = small_chip();
  chip.nnadc.per_tile = chip.adc.per_tile = 4;
  if (dataflow == config::Dataflow::kAnalogAccumulation) return chip;
  chip.dataflow = dataflow;
  chip.dac_bits = 1;
  chip.nnadc.code = config::CodeFormat::kLossless;
  if (dataflow == config::Dataflow::kAnalogBuffering) chip.adc.bits = 10;
  return chip;
}

/// Of [NP] section 3.
char letter(config::Dataflow dataflow) {
  return dataflow == config::Dataflow::kDigitalAccumulation ? 'A'
         : dataflow == config::Dataflow::kAnalogBuffering   ? 'B'
                                                            : 'C';
}

struct Example : ConvolutionAndPool {
  explicit Example(config::Dataflow dataflow = config::Dataflow::kAnalogAccumulation, int count = 4)
      : ConvolutionAndPool(count, small_chip_of(dataflow)) {}
  /// The same chip with real parts.
  void make_real(config::Fidelity fidelity) {
    const std::string name =
        config.dataflow == config::Dataflow::kDigitalAccumulation ? "isaac-style"
        : config.dataflow == config::Dataflow::kAnalogBuffering   ? "cascade-style"
                                                                  : "neural-pim";
    const auto real =
        config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/" + name + "-statistical.json");
    config.analog = real.analog;
    config.fidelity = fidelity;
  }
  /// Parts as in make_real(), but without errors and of as many bits as nothing is lost with:
  /// results are those of the ideal chip.
  void make_exact() {
    const bool buffered = config.dataflow == config::Dataflow::kAnalogBuffering;
    make_real(buffered ? config::Fidelity::kCircuit : config::Fidelity::kStatistical);
    config.analog.device = NPIM_SOURCE_DIR "/configs/devices/isaac.json";
    config.adc.bits = 12;
    config.buffer.conversions_per_vector = 15;
    config.analog.baseline = testing::TempDir() + "/exact-" + std::to_string(buffered);
    const std::string buffer =
        R"(, "buffer": {"cell_device": ")" + config.analog.device +
        R"(", "tia": {"gain_sigma": 0, "noise_of_range": 0}, "conversions_per_vector": 15,
           "summing_amplifier": {"gain_sigma": 0, "noise_of_range": 0, "subtracts_polarities": true}})";
    write_file(
        config.analog.baseline,
        R"({"name": "exact", "source": "", "dac_bits": 1, "dataflow": ")" +
            std::string(buffered ? "analog_buffering" : "digital_accumulation") +
            R"(", "layout": {"weight_encoding": "differential", "flip": true, "unit_columns": 2},
                   "adc": {"bits": 12, "unit_capacitor_sigma": 0, "comparator_noise_lsb": 0})" +
            (buffered ? buffer : "") + "}");
  }
};

abi::Descriptor command(Opcode opcode, unsigned tile, unsigned array = 0, std::uint32_t count = 0,
                        std::uint32_t offset = 0, unsigned region = 0) {
  abi::Descriptor d;
  d.opcode = static_cast<std::uint8_t>(opcode);
  d.tile = static_cast<std::uint16_t>(tile);
  d.array = static_cast<std::uint16_t>(array);
  d.count = count;
  d.offset = offset;
  d.region = static_cast<std::uint8_t>(region);
  return d;
}
abi::Descriptor fault(abi::Fault kind, unsigned tile, unsigned array = 0,
                      std::uint32_t offset = 0) {
  return command(Opcode::kInjectFault, tile, array, 0, offset, static_cast<unsigned>(kind));
}

class ServiceBench : public ChipBench {
 public:
  using ChipBench::ChipBench;
  Error status(const abi::Descriptor &d) { return static_cast<Error>(execute(d).error); }
  void expect_run(const Example &example) { EXPECT_EQ(run(example.images, 1), example.expected); }
};

TEST(Service, RangeAndGainOfAStage) {
  const Example example;
  ServiceBench bench(example.config);
  bench.simulate([&] {
    EXPECT_EQ(bench.status(command(Opcode::kSetConverter, 0, 1, 1, 0)), Error::kControlNotLoaded);
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    bench.expect_run(example);
    const auto set = [&](std::uint32_t stage, std::uint32_t divisor, unsigned gain) {
      return bench.status(command(Opcode::kSetConverter, 0, gain, divisor, stage));
    };
    const auto &converter = example.program.stages[0].converter;
    EXPECT_EQ(set(0, 3, 1), Error::kConverterUnavailable);
    EXPECT_EQ(set(0, 1, 16), Error::kConverterUnavailable);
    EXPECT_EQ(set(1, 1, 1), Error::kStageOutOfRange) << "a pool";
    EXPECT_EQ(set(2, 1, 1), Error::kStageOutOfRange);
    // The same product by other means is the same code without errors.
    const int product = converter.range_divisor * converter.bitline_gain;
    for (const int divisor : {1, 2, 4}) {
      const int gain = product / divisor;
      if (gain * divisor != product || gain < 1 || gain > 8) continue;
      EXPECT_EQ(set(0, static_cast<std::uint32_t>(divisor), static_cast<unsigned>(gain)),
                Error::kNone);
      bench.expect_run(example);
    }
    ASSERT_EQ(set(0, product == 1 ? 4 : 1, 1), Error::kNone);
    EXPECT_NE(bench.run(example.images, 1), example.expected);
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    bench.expect_run(example);
  });
}

/// All dataflows: C without errors in ideal fidelity, A and B through their own arrays.
class Dataflows : public ::testing::TestWithParam<config::Dataflow> {
 protected:
  static Example make_example() {
    Example example(GetParam());
    if (GetParam() != config::Dataflow::kAnalogAccumulation) example.make_exact();
    return example;
  }
};

TEST_P(Dataflows, RangeAndGainMeanNothingWhereConvertersHaveNone) {
  if (GetParam() == config::Dataflow::kAnalogAccumulation) GTEST_SKIP() << "there they do";
  const Example example = make_example();
  ServiceBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    EXPECT_EQ(bench.status(command(Opcode::kSetConverter, 0, 1, 4, 0)), Error::kNone);
    bench.expect_run(example);
    EXPECT_EQ(bench.status(command(Opcode::kSetConverter, 0, 16, 1, 0)),
              Error::kConverterUnavailable);
  });
}

TEST_P(Dataflows, ADeadConverterEndsTheRunAndMayBeTakenOutOfService) {
  const Example example = make_example();
  ServiceBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    bench.expect_run(example);
    const auto healthy = bench.last.duration_ns;
    EXPECT_EQ(bench.status(fault(abi::Fault::kDeadConverter, 0, 2)), Error::kNone);
    EXPECT_EQ(bench.status(bench.run_command(4)), Error::kConverterDead);
    EXPECT_EQ(bench.last.fault_address, 2u);
    EXPECT_EQ(bench.last.detail, 0u);
    EXPECT_EQ(bench.status(command(Opcode::kConverterService, 0, 2, 0)), Error::kNone);
    bench.expect_run(example);
    EXPECT_GE(bench.last.duration_ns, healthy) << "fewer converters";
    const int converters = example.config.converters_per_tile();
    for (int i = 0; i < converters; ++i) {
      bench.status(command(Opcode::kConverterService, 0, static_cast<unsigned>(i), 0));
    }
    EXPECT_EQ(bench.status(bench.run_command(4)), Error::kNoConverter);
    EXPECT_EQ(bench.status(command(Opcode::kConverterService, 0, 0, 1)), Error::kNone);
    bench.expect_run(example);
    EXPECT_EQ(
        bench.status(command(Opcode::kConverterService, 0, static_cast<unsigned>(converters), 0)),
        Error::kConverterOutOfRange);
    EXPECT_EQ(bench.status(command(Opcode::kConverterService, 0, 0, 2)), Error::kBadSize);
  });
}

TEST_P(Dataflows, OnlyCalibrationFindsAStuckConverter) {
  const Example example = make_example();
  ServiceBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    EXPECT_EQ(bench.status(command(Opcode::kCalibrate, 0xffff)), Error::kNone);
    EXPECT_GT(bench.last.duration_ns, 1000u) << "1584 conversions";
    EXPECT_EQ(bench.status(fault(abi::Fault::kStuckConverter, 0, 1, 99)), Error::kNone);
    EXPECT_NE(bench.run(example.images, 1), example.expected);
    EXPECT_EQ(bench.status(command(Opcode::kCalibrate, 0xffff)), Error::kConverterFailed);
    EXPECT_EQ(bench.last.fault_address, 1u);
    EXPECT_EQ(bench.last.detail, 1u);
    ASSERT_EQ(bench.read_back(abi::Region::kConverters, 0, 0, abi::ConverterState::kBytes,
                              abi::ConverterState::kBytes),
              Error::kNone);
    EXPECT_EQ(abi::ConverterState::decode(bench.at(ChipBench::kOutputs)).failed, 1u);
    EXPECT_EQ(bench.status(command(Opcode::kConverterService, 0, 1, 0)), Error::kNone);
    bench.expect_run(example);
    EXPECT_EQ(bench.status(command(Opcode::kCalibrate, 6)), Error::kTileOutOfRange);
  });
}

TEST_P(Dataflows, ADroppedTileIsReportedByEveryCommandThatNeedsIt) {
  const Example example = make_example();
  ServiceBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    bench.expect_run(example);
    EXPECT_EQ(bench.status(fault(abi::Fault::kDroppedTile, 0)), Error::kNone);
    EXPECT_EQ(bench.status(bench.run_command(1)), Error::kTileDropped);
    EXPECT_EQ(bench.load(example.program), Error::kTileDropped);
    EXPECT_EQ(bench.program(example.records), Error::kTileDropped);
    EXPECT_EQ(bench.read_back(abi::Region::kEdram, 0, 0, 0, 8), Error::kTileDropped);
    EXPECT_EQ(bench.status(fault(abi::Fault::kStuckOn, 0)), Error::kTileDropped);
    bench.chip.reset();
    EXPECT_EQ(bench.load(example.program), Error::kTileDropped) << "for good";
    EXPECT_EQ(bench.read_back(abi::Region::kEdram, 1, 0, 0, 8), Error::kNone);
  });
}

TEST_P(Dataflows, StuckCellsAreSeenInLevelsAndCounters) {
  const Example example = make_example();
  ServiceBench bench(example.config);
  bench.simulate([&] {
    EXPECT_EQ(bench.status(fault(abi::Fault::kStuckOn, 1, 3, 7U << 16 | 9)), Error::kNone);
    Bytes zeros(128 * 128, 0);
    bench.store(ChipBench::kBlob, zeros);
    abi::Descriptor write = command(Opcode::kProgramLevels, 1, 3);
    write.source = ChipBench::kBlob;
    write.source_bytes = 128 * 128;
    EXPECT_EQ(bench.status(write), Error::kNone);
    EXPECT_EQ(bench.last.detail, 1u);
    EXPECT_EQ(bench.chip.counters().verify_failures, 1u);
    EXPECT_EQ(bench.chip.counters().injected_faults, 1u);
    ASSERT_EQ(bench.read_back(abi::Region::kLevels, 1, 3, 7 * 128, 128), Error::kNone);
    for (std::size_t i = 0; i < 128; ++i) {
      EXPECT_EQ(bench.at(ChipBench::kOutputs)[i], i == 9 ? 1 : 0) << i;
    }
    bench.at(ChipBench::kBlob)[5] = 2;
    EXPECT_EQ(bench.status(write), Error::kBadWeights) << "no such level";
    write.source_bytes = 100;
    EXPECT_EQ(bench.status(write), Error::kBadSize);
    write.array = 8;
    EXPECT_EQ(bench.status(write), Error::kArrayOutOfRange);
    EXPECT_EQ(bench.read_back(abi::Region::kLevels, 1, 3, 1, 128 * 128), Error::kBadSize);
  });
}

TEST_P(Dataflows, FaultsThatDoNotExistAreRefused) {
  const Example example = make_example();
  ServiceBench bench(example.config);
  bench.simulate([&] {
    EXPECT_EQ(bench.status(command(Opcode::kInjectFault, 0, 0, 0, 0, 99)), Error::kBadFault);
    EXPECT_EQ(bench.status(fault(abi::Fault::kStuckOn, 0, 0, 128U << 16)), Error::kBadFault);
    EXPECT_EQ(bench.status(fault(abi::Fault::kStuckOn, 0, 0, 128)), Error::kBadFault);
    EXPECT_EQ(bench.status(fault(abi::Fault::kStuckOn, 0, 8)), Error::kArrayOutOfRange);
    EXPECT_EQ(bench.status(fault(abi::Fault::kStuckOn, 6)), Error::kTileOutOfRange);
    EXPECT_EQ(bench.status(fault(abi::Fault::kDeadConverter, 0, 99)), Error::kConverterOutOfRange);
    EXPECT_EQ(bench.status(fault(abi::Fault::kStuckConverter, 0, 0, 1000)), Error::kBadFault);
    EXPECT_EQ(bench.chip.counters().injected_faults, 0u);
  });
}

INSTANTIATE_TEST_SUITE_P(All, Dataflows,
                         ::testing::Values(config::Dataflow::kAnalogAccumulation,
                                           config::Dataflow::kDigitalAccumulation,
                                           config::Dataflow::kAnalogBuffering),
                         [](const auto &test) { return std::string(1, letter(test.param)); });

class RealChip : public ::testing::TestWithParam<std::tuple<config::Dataflow, config::Fidelity>> {};

TEST_P(RealChip, NoiseFollowsTheImageAndNotTheRun) {
  const auto dataflow = std::get<0>(GetParam());
  Example example(dataflow);
  example.make_real(std::get<1>(GetParam()));
  ServiceBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    const auto together = bench.run(example.images, 1);
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    std::vector<std::vector<std::int32_t>> parts;
    for (const auto &image : example.images) parts.push_back(bench.run({image}, 1)[0]);
    EXPECT_EQ(parts, together);
    // Four standard deviations; buffer cells that are written once have more.
    const int most = dataflow == config::Dataflow::kAnalogBuffering ? 80 : 40;
    int far = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      for (std::size_t k = 0; k < parts[i].size(); ++k) {
        far += std::abs(parts[i][k] - example.expected[i][k]) > most ? 1 : 0;
      }
    }
    EXPECT_EQ(far, 0) << "noise, not nonsense";
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, RealChip,
    ::testing::Combine(::testing::Values(config::Dataflow::kAnalogAccumulation,
                                         config::Dataflow::kDigitalAccumulation,
                                         config::Dataflow::kAnalogBuffering),
                       ::testing::Values(config::Fidelity::kStatistical,
                                         config::Fidelity::kCircuit)),
    [](const auto &test) {
      return letter(std::get<0>(test.param)) + std::string("_") +
             config::to_text(std::get<1>(test.param));
    });

}  // namespace
}  // namespace npim::chip::test
