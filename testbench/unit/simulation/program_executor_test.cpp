// The values of a program without its time: ideal ones equal the golden executor, those with errors
// the simulated chip, both bit for bit.
#include "simulation/program_executor.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "mapping/mapping.h"
#include "network/golden.h"
#include "support/random_network.h"
#include "unit/chip/chip_bench.h"

namespace npim::simulation {
namespace {

using network::ConverterFormat;

/// A chip of shipped parameters with room for the drawn networks.
config::ChipConfig chip_of(const std::string &name) {
  auto chip = config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/" + name + ".json");
  chip.tile_columns = chip.tile_rows = 4;
  return chip;
}

ConverterFormat format_of(const config::ChipConfig &chip) {
  return {chip.array.rows, static_cast<ConverterFormat::Code>(chip.nnadc.code)};
}

class RandomPrograms : public ::testing::TestWithParam<int> {};

TEST_P(RandomPrograms, EqualGolden) {
  const auto seed = static_cast<std::uint32_t>(GetParam());
  testing::RandomNetwork random(seed, GetParam() % 3 == 0 ? testing::RandomNetwork::Kind::kAny
                                                          : testing::RandomNetwork::Kind::kChip);
  auto chip = chip_of("neural-pim");
  chip.tile_columns = chip.tile_rows = 12;
  chip.nnadc.code = static_cast<config::CodeFormat>(1 + GetParam() % 3);
  const auto network = random.make(format_of(chip), 1 + GetParam() % 7);
  mapping::MapOptions options;
  if (GetParam() % 2 == 1) options.replication = mapping::Replication::kNone;
  options.channels = 1 + GetParam() % 4 / 3;
  const auto mapping = mapping::map_network(network, chip, options);
  const ProgramExecutor executor(mapping.program, chip, "random");
  for (std::uint64_t i = 0; i < 2; ++i) {
    const Bytes image = random.image(network.input_shape);
    EXPECT_EQ(executor.logits(image.data(), i), network::golden_logits(network, image.data()));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, ::testing::Range(0, 24));

struct Noisy {
  const char *chip;
  int channels;
  friend std::ostream &operator<<(std::ostream &out, const Noisy &noisy) {
    return out << noisy.chip << ", channels " << noisy.channels;
  }
};

class NoisyPrograms : public ::testing::TestWithParam<Noisy> {};

TEST_P(NoisyPrograms, EqualTheSimulatedChip) {
  testing::RandomNetwork random(17);
  const auto chip = chip_of(GetParam().chip);
  auto network = random.make(format_of(chip), 3, 12);
  if (chip.dataflow != config::Dataflow::kAnalogAccumulation) {
    for (auto &layer : network.layers) layer.weight_shift = 0;  // refused there
  }
  mapping::MapOptions options;
  options.channels = GetParam().channels;
  const auto mapping = mapping::map_network(network, chip, options);
  std::vector<Bytes> images;
  for (int i = 0; i < 3; ++i) images.push_back(random.image(network.input_shape));
  ProgramExecutor executor(mapping.program, chip, "random");
  EXPECT_EQ(executor.calibrate(), 0);
  chip::test::ChipBench bench(chip);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(mapping.program.segments.at(0)), abi::Error::kNone);
    ASSERT_EQ(bench.program(mapping.program.weights), abi::Error::kNone);
    abi::Descriptor calibrate;
    calibrate.opcode = static_cast<std::uint8_t>(abi::Opcode::kCalibrate);
    calibrate.tile = 0xffff;
    ASSERT_EQ(bench.execute(calibrate).error, 0U);
    // In two batches: an image's channel and noise do not depend on them.
    auto outputs = bench.run({images[0]}, 4);
    for (const auto &output : bench.run({images[1], images[2]}, 4)) outputs.push_back(output);
    bool any_error = false;
    for (std::size_t i = 0; i < images.size(); ++i) {
      EXPECT_EQ(executor.logits(images[i].data(), i), outputs[i]) << "image " << i;
      any_error |= outputs[i] != network::golden_logits(network, images[i].data());
    }
    EXPECT_TRUE(any_error) << "fidelity is without effect";
  });
}

INSTANTIATE_TEST_SUITE_P(
    Chips, NoisyPrograms,
    ::testing::Values(Noisy{"neural-pim-statistical", 1}, Noisy{"neural-pim-statistical", 2},
                      Noisy{"neural-pim-circuit", 1}, Noisy{"isaac-style-statistical", 2},
                      Noisy{"isaac-style-circuit", 1}, Noisy{"cascade-style-statistical", 1},
                      Noisy{"cascade-style-circuit", 2}));

TEST(ProgramExecutor, RefusesProgramsOfOtherChips) {
  testing::RandomNetwork random(3);
  const auto chip = chip_of("neural-pim");
  const auto mapping = mapping::map_network(random.make(format_of(chip), 2), chip);
  auto other = chip;
  other.array.rows = 64;
  EXPECT_THROW(ProgramExecutor(mapping.program, other, "random"), InputError);
}

}  // namespace
}  // namespace npim::simulation
