// Whole networks: random ones, mapped onto the chip, equal the golden executor bit for bit.
#include <gtest/gtest.h>

#include "chip_bench.h"
#include "mapping/mapping.h"
#include "network/golden.h"
#include "support/random_network.h"

namespace npim::chip::test {
namespace {

using network::ConverterFormat;

void expect_golden(const config::ChipConfig &config, std::uint32_t seed, int layers, int channels,
                   int images, dataflow::Kernel kernel = dataflow::Kernel::kFolded) {
  testing::RandomNetwork random(seed);
  const ConverterFormat format = {config.array.rows,
                                  static_cast<ConverterFormat::Code>(config.nnadc.code)};
  const auto network = random.make(format, layers, channels);
  const auto mapping = mapping::map_network(network, config);
  std::vector<Bytes> inputs;
  for (int i = 0; i < images; ++i) inputs.push_back(random.image(network.input_shape));
  ChipBench bench(config, kernel);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(mapping.program.control), abi::Error::kNone)
        << "stage " << bench.last.detail;
    ASSERT_EQ(bench.program(mapping.program.weights), abi::Error::kNone);
    const auto outputs = bench.run(inputs, 4);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(outputs[i], network::golden_logits(network, inputs[i].data())) << "image " << i;
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
  expect_golden(config, static_cast<std::uint32_t>(GetParam()), 1 + GetParam() % 5, 24, 3);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNetworks, ::testing::Range(0, 24));

TEST(Networks, PerCycleKernelEqualsGolden) {
  auto config = small_chip();
  config.tile_columns = config.tile_rows = 6;
  expect_golden(config, 99, 3, 12, 1, dataflow::Kernel::kPerCycle);
}

TEST(Networks, OtherArrayShapesEqualGolden) {
  auto config = small_chip();
  config.tile_columns = config.tile_rows = 8;
  config.array.rows = 48;
  config.array.columns = 64;
  config.array.cell_bits = 2;
  expect_golden(config, 5, 4, 20, 2);
}

}  // namespace
}  // namespace npim::chip::test
