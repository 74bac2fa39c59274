// Whole networks: random ones, mapped onto the chip, equal the golden executor bit for bit.
#include <gtest/gtest.h>

#include "chip_bench.h"
#include "mapping/mapping.h"
#include "network/golden.h"
#include "support/random_network.h"

namespace npim::chip::test {
namespace {

using network::ConverterFormat;

struct Setting {
  int images = 3;
  mapping::Replication replication = mapping::Replication::kBalanced;
  dataflow::Kernel kernel = dataflow::Kernel::kFolded;
  mapping::Schedule schedule = mapping::Schedule::kPipelined;
  int channels = 1;
};

/// Maps a random network, runs it, and compares every output.
void expect_golden(const config::ChipConfig &config, std::uint32_t seed, int layers, int channels,
                   const Setting &setting = {}) {
  testing::RandomNetwork random(seed);
  const ConverterFormat format = {config.array.rows,
                                  static_cast<ConverterFormat::Code>(config.nnadc.code)};
  const auto network = random.make(format, layers, channels);
  mapping::MapOptions options;
  options.replication = setting.replication;
  options.schedule = setting.schedule;
  options.channels = setting.channels;
  const auto mapping = mapping::map_network(network, config, options);
  std::vector<Bytes> inputs;
  for (int i = 0; i < setting.images; ++i) inputs.push_back(random.image(network.input_shape));
  ChipBench bench(config, setting.kernel);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(mapping.program.segments.at(0)), abi::Error::kNone)
        << "stage " << bench.last.detail;
    ASSERT_EQ(bench.program(mapping.program.weights), abi::Error::kNone);
    const bool whole = setting.schedule == mapping::Schedule::kLayerByLayer;
    // The second run finds the chip in the middle of its turns through the channels.
    for (int run = 0; run < (setting.channels > 1 ? 2 : 1); ++run) {
      const auto outputs = bench.run(inputs, 4, whole ? abi::kFlagLayerByLayer : 0);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        EXPECT_EQ(outputs[i], network::golden_logits(network, inputs[i].data())) << "image " << i;
      }
    }
  });
}

class RandomNetworks : public ::testing::TestWithParam<int> {};

TEST_P(RandomNetworks, EqualGolden) {
  auto config = small_chip();
  config.tile_columns = 8;
  config.tile_rows = 8;
  config.nnadc.code = static_cast<config::CodeFormat>(1 + GetParam() % 3);
  config.dac_bits = 1 << GetParam() % 3;
  Setting setting;
  if (GetParam() % 2 == 1) setting.replication = mapping::Replication::kNone;
  expect_golden(config, static_cast<std::uint32_t>(GetParam()), 1 + GetParam() % 7, 24, setting);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetworks, ::testing::Range(0, 48));

class SmallBuffers : public ::testing::TestWithParam<int> {};

/// So little eDRAM that layers are cut into strips and buffers hold no row more than they must.
TEST_P(SmallBuffers, EqualGolden) {
  auto config = small_chip();
  config.tile_columns = 16;
  config.tile_rows = 16;
  config.edram.bytes = 1024;
  expect_golden(config, static_cast<std::uint32_t>(1000 + GetParam()), 2 + GetParam() % 4, 10);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SmallBuffers, ::testing::Range(0, 12));

class LayerByLayer : public ::testing::TestWithParam<int> {};

TEST_P(LayerByLayer, EqualsGolden) {
  auto config = small_chip();
  config.tile_columns = config.tile_rows = 12;
  Setting setting;
  setting.schedule = mapping::Schedule::kLayerByLayer;
  expect_golden(config, static_cast<std::uint32_t>(3000 + GetParam()), 2 + GetParam() % 5, 16,
                setting);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LayerByLayer, ::testing::Range(0, 8));

class Channels : public ::testing::TestWithParam<int> {};

TEST_P(Channels, EqualGolden) {
  auto config = small_chip();
  config.tile_columns = config.tile_rows = 12;
  Setting setting;
  setting.channels = 2 + GetParam() % 3;
  setting.images = 1 + GetParam();  // also fewer than channels
  expect_golden(config, static_cast<std::uint32_t>(4000 + GetParam()), 2 + GetParam() % 4, 12,
                setting);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Channels, ::testing::Range(0, 8));

class SeveralChips : public ::testing::TestWithParam<int> {};

TEST_P(SeveralChips, EqualGolden) {
  auto config = small_chip();
  config.tile_columns = 3;
  config.tile_rows = 2;
  config.chips.count = 6;
  Setting setting;
  setting.replication = mapping::Replication::kNone;
  expect_golden(config, static_cast<std::uint32_t>(2000 + GetParam()), 4, 24, setting);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SeveralChips, ::testing::Range(0, 4));

TEST(Networks, PerCycleKernelEqualsGolden) {
  auto config = small_chip();
  config.tile_columns = config.tile_rows = 6;
  Setting setting;
  setting.images = 1;
  setting.kernel = dataflow::Kernel::kPerCycle;
  expect_golden(config, 99, 3, 12, setting);
}

TEST(Networks, OtherArrayShapesEqualGolden) {
  auto config = small_chip();
  config.tile_columns = config.tile_rows = 8;
  config.array.rows = 48;
  config.array.columns = 64;
  config.array.cell_bits = 2;
  expect_golden(config, 5, 4, 20);
}

}  // namespace
}  // namespace npim::chip::test
