// What stages compute: every operation and every way to split a layer, against plain loops.
#include <gtest/gtest.h>

#include "chip_bench.h"
#include "programs.h"

namespace npim::chip::test {
namespace {

/// Loads, programs and runs; checks the outputs of all images.
void expect_outputs(const config::ChipConfig &config, const ControlProgram &program,
                    const std::vector<program::ArrayWeights> &records,
                    const std::vector<Bytes> &images, const std::vector<Tensor> &expected) {
  ChipBench bench(config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(program), abi::Error::kNone) << "stage " << bench.last.detail;
    if (!records.empty()) {
      ASSERT_EQ(bench.program(records), abi::Error::kNone);
    }
    EXPECT_EQ(bench.run(images, program.output_element_bytes), expected);
  });
}

struct ConvolutionCase {
  TensorShape in;
  Window window;
  int channels;
  config::CodeFormat code;
  bool s32;
};

class Convolution : public ::testing::TestWithParam<ConvolutionCase> {};

TEST_P(Convolution, EqualsLoops) {
  const auto &c = GetParam();
  auto config = small_chip();
  config.nnadc.code = c.code;
  Random random(1);
  Stage conv = mvm(config, 1, c.in, c.window, c.channels);
  conv.pad_value = 77;
  conv.requantise.output_s32 = c.s32;
  conv.requantise.low = 5;
  conv.destinations = {to_host()};
  const Kernels kernels = random.kernels(c.channels, conv.kernel_rows);
  std::vector<Bytes> images;
  std::vector<Tensor> expected;
  for (int i = 0; i < 2; ++i) {
    images.push_back(random.image(c.in));
    expected.push_back(convolve(config, conv, c.in, kernels, images.back()));
  }
  expect_outputs(config, control(c.in, {conv}, {to(1)}), weights(config, conv, kernels), images,
                 expected);
}

constexpr auto kSigned = config::CodeFormat::kSigned8;
constexpr auto kSignPlus = config::CodeFormat::kSignPlus8;
constexpr auto kLossless = config::CodeFormat::kLossless;

INSTANTIATE_TEST_SUITE_P(
    Shapes, Convolution,
    ::testing::Values(
        ConvolutionCase{{5, 5, 1}, square_window(3), 4, kSigned, true},
        ConvolutionCase{{5, 5, 1}, square_window(3), 4, kSigned, false},
        ConvolutionCase{{6, 7, 3}, square_window(3, 2, 1), 9, kSignPlus, true},
        ConvolutionCase{{9, 9, 2}, square_window(3, 1, 2, 2), 5, kLossless, true},
        ConvolutionCase{{7, 8, 2}, {2, 3, 2, 1, 3, 1, 1, 0, 2, 3}, 3, kLossless, true},
        ConvolutionCase{{4, 4, 16}, square_window(4), 11, kSigned, true},       // 2 row blocks
        ConvolutionCase{{3, 3, 50}, square_window(3, 1, 1), 9, kSigned, true},  // 4 blocks, 2 IMAs
        ConvolutionCase{{3, 3, 50}, square_window(3, 1, 1), 9, kLossless, true},
        ConvolutionCase{{2, 2, 1}, square_window(1, 1, 3), 2, kSigned, true},  // windows of padding
        ConvolutionCase{{7, 7, 1}, square_window(1, 3), 2, kSigned, true}),    // unused pixels
    [](const auto &test) { return std::to_string(test.index); });

class OutputRegisters : public ::testing::TestWithParam<int> {};

/// Two convolutions on the IMAs of one tile, 2 row blocks x 20 channels and 9 channels: whatever
/// their parts of the output registers are, the values stay the same.
TEST_P(OutputRegisters, ValuesDoNotDependOnTheirSize) {
  auto config = small_chip();
  config.output_register_bytes = GetParam();
  Random random(7);
  const TensorShape in = {3, 4, 60};
  Stage wide = mvm(config, 0, in, {3, 1, 1, 1, 1, 1, 0, 0, 0, 0}, 20);  // arrays 0 .. 5
  Stage narrow = mvm(config, 0, in, square_window(1), 9, 6);            // arrays 6 and 7
  narrow.slot = 1;
  narrow.inputs = {port(in, 1024, in.height)};
  wide.destinations = {to_host()};
  narrow.destinations = {to(1)};
  // The narrow one ends in a pool of its columns, so that both outputs have one row.
  Stage pooled =
      stage(StageOp::kMaxPool, 1, narrow.output_shape, {3, 1, 1, 1, 1, 1, 0, 0, 0, 0}, 9);
  pooled.destinations = {to_host(20)};
  const Kernels kernels = random.kernels(20, wide.kernel_rows);
  const Kernels others = random.kernels(9, narrow.kernel_rows);
  auto records = weights(config, wide, kernels);
  append(records, weights(config, narrow, others));
  auto program = control(in, {wide, narrow, pooled}, {to(0), to(0, 1)});
  program.output_shape.channels = 29;
  std::vector<Bytes> images;
  std::vector<Tensor> expected;
  for (int i = 0; i < 2; ++i) {
    images.push_back(random.image(in));
    const Tensor first = convolve(config, wide, in, kernels, images.back());
    const Tensor second = pool(pooled, narrow.output_shape,
                               convolve(config, narrow, in, others, images.back()), false);
    Tensor both;
    for (int x = 0; x < 4; ++x) {
      both.insert(both.end(), first.begin() + x * 20, first.begin() + (x + 1) * 20);
      both.insert(both.end(), second.begin() + x * 9, second.begin() + (x + 1) * 9);
    }
    expected.push_back(both);
  }
  expect_outputs(config, program, records, images, expected);
}

// Each stage needs 16 bytes of IMA 1's register at least.
INSTANTIATE_TEST_SUITE_P(Bytes, OutputRegisters, ::testing::Values(32, 33, 40, 48, 256));

TEST(Stages, KernelRowsSplitOverTwoTilesMeetInAnAggregator) {
  const auto config = small_chip();
  Random random(2);
  const TensorShape in = {4, 4, 40};
  const Stage whole = mvm(config, 0, in, square_window(3), 6);  // 360 rows: blocks 0, 1, 2
  const Kernels kernels = random.kernels(6, whole.kernel_rows);
  Stage first = whole, second = whole;
  first.arrays = {{3, 2, 0}, {5, 0, 0}};  // in any order, on any array
  second.arrays = {{7, 1, 0}};
  second.tile = 4;
  first.raw_output = second.raw_output = true;
  first.requantise = second.requantise = network::Requantise();
  Stage sum = stage(StageOp::kAggregate, 5, whole.output_shape, Window(), 6);
  sum.inputs = {port(whole.output_shape, 0, 1, 4), port(whole.output_shape, 512, 2, 4)};
  sum.requantise = whole.requantise;
  sum.requantise.output_s32 = true;
  first.destinations = {to(5, 0, 0)};
  second.destinations = {to(5, 0, 1)};
  sum.destinations = {to_host()};
  Stage reference = whole;
  reference.requantise.output_s32 = true;
  auto records = weights(config, first, kernels);
  append(records, weights(config, second, kernels));
  std::vector<Bytes> images;
  std::vector<Tensor> expected;
  for (int i = 0; i < 3; ++i) {
    images.push_back(random.image(in));
    expected.push_back(convolve(config, reference, in, kernels, images.back()));
  }
  expect_outputs(config, control(in, {first, second, sum}, {to(0), to(4)}), records, images,
                 expected);
}

TEST(Stages, ChannelSlicesOfTwoTilesMeetInAPool) {
  const auto config = small_chip();
  Random random(3);
  const TensorShape in = {6, 6, 2};
  const Stage whole = mvm(config, 0, in, square_window(3), 13);
  const Kernels kernels = random.kernels(13, whole.kernel_rows);
  Stage left = mvm(config, 0, in, square_window(3), 8);
  Stage right = mvm(config, 3, in, square_window(3), 5);
  std::copy_n(whole.requantise.bias.begin() + 8, 5, right.requantise.bias.begin());
  Stage pooled = stage(StageOp::kMaxPool, 3, whole.output_shape, square_window(2, 2), 13);
  pooled.slot = 9;
  pooled.inputs[0] = port(whole.output_shape, 4096, 3);
  pooled.inputs[0].producers = 2;
  left.destinations = {to(3, 9, 0, 1, 0)};
  right.destinations = {to(3, 9, 0, 0, 8)};
  pooled.destinations = {to_host()};
  auto records = weights(config, left, {kernels.begin(), kernels.begin() + 8});
  append(records, weights(config, right, {kernels.begin() + 8, kernels.end()}));
  std::vector<Bytes> images = {random.image(in), random.image(in)};
  std::vector<Tensor> expected;
  for (const auto &image : images) {
    expected.push_back(
        pool(pooled, whole.output_shape, convolve(config, whole, in, kernels, image), false));
  }
  expect_outputs(config, control(in, {left, right, pooled}, {to(0), to(3)}), records, images,
                 expected);
}

TEST(Stages, HostGathersChannelSlices) {
  const auto config = small_chip();
  Random random(4);
  const TensorShape in = {3, 3, 2};
  const Stage whole = mvm(config, 0, in, square_window(2), 10);
  const Kernels kernels = random.kernels(10, whole.kernel_rows);
  Stage left = mvm(config, 0, in, square_window(2), 3),
        right = mvm(config, 5, in, square_window(2), 7);
  std::copy_n(whole.requantise.bias.begin() + 3, 7, right.requantise.bias.begin());
  left.destinations = {to_host(0)};
  right.destinations = {to_host(3)};
  auto program = control(in, {left, right}, {to(0), to(5)});
  program.output_shape = whole.output_shape;
  auto records = weights(config, left, {kernels.begin(), kernels.begin() + 3});
  append(records, weights(config, right, {kernels.begin() + 3, kernels.end()}));
  const std::vector<Bytes> images = {random.image(in), random.image(in), random.image(in)};
  std::vector<Tensor> expected;
  for (const auto &image : images) {
    expected.push_back(convolve(config, whole, in, kernels, image));
  }
  expect_outputs(config, program, records, images, expected);
}

class Pools : public ::testing::TestWithParam<std::tuple<StageOp, Window>> {};

TEST_P(Pools, EqualLoops) {
  const auto [op, window] = GetParam();
  const TensorShape in = {7, 6, 3};
  Random random(5);
  Stage s = stage(op, 2, in, window, 3);
  s.pad_value = 9;
  s.destinations = {to_host()};
  const std::vector<Bytes> images = {random.image(in), random.image(in)};
  std::vector<Tensor> expected;
  for (const auto &image : images) {
    expected.push_back(pool(s, in, tensor(image), op == StageOp::kAveragePool));
  }
  expect_outputs(small_chip(), control(in, {s}, {to(2)}), {}, images, expected);
}

INSTANTIATE_TEST_SUITE_P(
    Windows, Pools,
    ::testing::Combine(::testing::Values(StageOp::kMaxPool, StageOp::kAveragePool),
                       ::testing::Values(square_window(2, 2), square_window(3, 2, 1),
                                         square_window(3, 1, 1), square_window(2, 1, 0, 3),
                                         square_window(1, 2), Window{7, 6, 1, 1, 1, 1, 0, 0, 0, 0},
                                         square_window(2, 2, 1))),
    [](const auto &test) { return std::to_string(test.index); });

TEST(Stages, AdditionTakesBothInputs) {
  const auto config = small_chip();
  const TensorShape in = {4, 5, 3};
  Random random(6);
  Stage identity = stage(StageOp::kMaxPool, 0, in, square_window(1), 3);
  Stage add = stage(StageOp::kAdd, 4, in, square_window(1), 3);
  add.inputs = {port(in, 0, 4), port(in, 1024, 2)};
  add.requantise.multiplier = {3, -2};
  add.requantise.bias = {500};
  add.requantise.shift = 2;
  identity.destinations = {to(4, 0, 1)};
  add.destinations = {to_host()};
  const std::vector<Bytes> images = {random.image(in), random.image(in)};
  std::vector<Tensor> expected;
  for (const auto &image : images) {
    Tensor sums;
    for (const auto byte : image) sums.push_back(finish(add.requantise, byte * 3 - byte * 2 + 500));
    expected.push_back(sums);
  }
  expect_outputs(config, control(in, {identity, add}, {to(0), to(4)}), {}, images, expected);
}

/// Rings of the fewest rows that a window needs, images behind each other, a slow last stage: every
/// producer must wait for room, and rows of two images lie in one ring.
TEST(Stages, SmallRingsHoldProducersBack) {
  const auto config = small_chip();
  Random random(7);
  const TensorShape in = {9, 9, 2};
  Stage conv = mvm(config, 0, in, square_window(3, 1, 1), 4);
  conv.inputs[0].ring_rows = 3;
  Stage pooled = stage(StageOp::kMaxPool, 0, conv.output_shape, square_window(2, 2), 4);
  pooled.slot = 1;
  pooled.inputs[0] = port(conv.output_shape, 1000, 2);
  Stage last = mvm(config, 5, pooled.output_shape, square_window(4), 3);
  last.requantise.output_s32 = true;
  conv.destinations = {to(0, 1)};
  pooled.destinations = {to(5)};
  last.destinations = {to_host()};
  const Kernels first = random.kernels(4, conv.kernel_rows);
  const Kernels second = random.kernels(3, last.kernel_rows);
  auto records = weights(config, conv, first);
  append(records, weights(config, last, second));
  std::vector<Bytes> images;
  std::vector<Tensor> expected;
  for (int i = 0; i < 5; ++i) {
    images.push_back(random.image(in));
    const Tensor middle =
        pool(pooled, conv.output_shape, convolve(config, conv, in, first, images.back()), false);
    expected.push_back(
        convolve(config, last, pooled.output_shape, second, Bytes(middle.begin(), middle.end())));
  }
  expect_outputs(config, control(in, {conv, pooled, last}, {to(0)}), records, images, expected);
}

TEST(Stages, BuffersHoldWhatArrived) {
  const auto config = small_chip();
  const TensorShape in = {2, 3, 1};
  Stage s = stage(StageOp::kMaxPool, 3, in, square_window(1), 1);
  s.inputs[0].edram_offset = 100;
  s.destinations = {to_host()};
  ChipBench bench(config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(control(in, {s}, {to(3)})), abi::Error::kNone);
    bench.run({{1, 2, 3, 4, 5, 6}}, 1);
    ASSERT_EQ(bench.read_back(abi::Region::kEdram, 3, 0, 99, 8), abi::Error::kNone);
    EXPECT_EQ(Bytes(bench.at(ChipBench::kOutputs), bench.at(ChipBench::kOutputs) + 8),
              (Bytes{0, 1, 2, 3, 4, 5, 6, 0}));
  });
}

}  // namespace
}  // namespace npim::chip::test
