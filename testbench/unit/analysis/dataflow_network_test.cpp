#include "analysis/dataflow_network.h"

#include <gtest/gtest.h>

#include "analysis/dataflow_energy.h"
#include "base/error.h"
#include "network/golden.h"
#include "unit/network/test_networks.h"

namespace npim::analysis {
namespace {

using dataflow::Strategy;

network::QuantisedNetwork exact_network() {
  network::QuantisedNetwork network = network::test::every_operation();
  network.format.code = network::ConverterFormat::Code::kLossless;
  return network;
}

class Dataflows : public testing::TestWithParam<std::pair<Strategy, int>> {};

TEST_P(Dataflows, EqualTheGoldenExecutorWithTheRequiredResolution) {
  const auto [strategy, dac_bits] = GetParam();
  const auto network = exact_network();
  const DataflowNetwork runner(network, std::vector<network::Converter>(network.layers.size()),
                               strategy, dac_bits);
  network::test::Values random(3);
  for (int i = 0; i < 3; ++i) {
    const Bytes image = network::test::random_image(random, network.input_shape);
    const auto golden = network::golden_logits(network, image.data());
    EXPECT_EQ(runner.logits(image.data(), runner.required_bits()), golden);
    EXPECT_NE(runner.logits(image.data(), 2), golden);
  }
  EXPECT_THROW(runner.logits(nullptr, 17), InputError);
}

INSTANTIATE_TEST_SUITE_P(All, Dataflows,
                         testing::Values(std::make_pair(Strategy::kDigitalAccumulation, 1),
                                         std::make_pair(Strategy::kDigitalAccumulation, 4),
                                         std::make_pair(Strategy::kAnalogBuffering, 1)));

TEST(DataflowNetwork, StrategyCEqualsTheGoldenExecutorsCodes) {
  // One layer: with 8 bits the code of the dot product is the golden executor's.
  auto exact = exact_network();
  exact.layers.resize(1);
  auto &post = exact.layers[0].requantise;
  post.output_s32 = true;
  post.shift = 0;
  std::fill(post.multiplier.begin(), post.multiplier.end(), 1);
  std::fill(post.bias.begin(), post.bias.end(), 0);
  auto coded = exact;
  coded.format.code = network::ConverterFormat::Code::kSigned8;
  coded.layers[0].converter = {4, 8};
  const DataflowNetwork runner(exact, {coded.layers[0].converter}, Strategy::kAnalogAccumulation,
                               4);
  network::test::Values random(5);
  const Bytes image = network::test::random_image(random, exact.input_shape);
  const auto sums = runner.logits(image.data(), 8);
  const auto codes = network::golden_logits(coded, image.data());
  ASSERT_EQ(sums.size(), codes.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    EXPECT_EQ(sums[i], std::llround(codes[i] * 128.0 * 255 * 255 / 32 / 127));
  }
}

TEST(DataflowNetwork, RefusesBuffersThatDoNotExist) {
  const auto network = exact_network();
  const std::vector<network::Converter> converters(network.layers.size());
  EXPECT_THROW(DataflowNetwork(network, converters, Strategy::kAnalogBuffering, 2), InputError);
}

TEST(DataflowEnergy, FollowsThePapersCharacterisation) {
  const auto chip = [](const char *name) {
    return config::load_chip_config(std::string(NPIM_SOURCE_DIR) + "/configs/chips/" + name +
                                    ".json");
  };
  const auto a1 = dataflow_energy(chip("isaac-style"), 1),
             a4 = dataflow_energy(chip("isaac-style"), 4);
  // An ADC's energy is exponential in its bits: wider slices do not pay for A ([NP] section 3).
  EXPECT_EQ(a1.converter_bits, 7);
  EXPECT_EQ(a4.converter_bits, 10);
  EXPECT_EQ(a1.conversions, 64);
  EXPECT_EQ(a4.conversions, 16);
  const auto b1 = dataflow_energy(chip("cascade-style"), 1);
  EXPECT_EQ(b1.converter_bits, 10);
  EXPECT_TRUE(b1.is_possible);
  EXPECT_FALSE(dataflow_energy(chip("cascade-style"), 2).is_possible);
  const auto c1 = dataflow_energy(chip("neural-pim"), 1),
             c4 = dataflow_energy(chip("neural-pim"), 4);
  EXPECT_EQ(c4.conversions, 1);
  EXPECT_EQ(c4.converter_bits, 8);
  EXPECT_LT(c4.shares_pj.accumulate_pj, c1.shares_pj.accumulate_pj);
  EXPECT_LT(c4.shares_pj.total_pj(), c1.shares_pj.total_pj());
  EXPECT_LT(c4.shares_pj.total_pj(), a1.shares_pj.total_pj());
}

}  // namespace
}  // namespace npim::analysis
