// The check as its callers outside the chip use it; what the chip refuses is tested in unit/chip.
#include "program/control_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace npim::program {
namespace {

/// A 3 x 3 convolution over a 4 x 4 x 2 image, to the host.
ControlProgram convolution() {
  Stage stage;
  stage.inputs.resize(1);
  stage.inputs[0].shape = {4, 4, 2};
  stage.inputs[0].ring_rows = 4;
  stage.window.kernel_height = stage.window.kernel_width = 3;
  stage.output_shape = {2, 2, 3};
  stage.kernel_rows = 18;
  stage.arrays = {{0, 0, 0}};
  stage.requantise.multiplier = {1, 1, 1};
  stage.requantise.bias = {0, 0, 0};
  stage.destinations = {{kHost, 0, 0, 0, 0}};
  ControlProgram program;
  program.input_shape = {4, 4, 2};
  program.output_shape = {2, 2, 3};
  program.output_element_bytes = 1;
  program.inputs = {{0, 0, 0, 0, 0}};
  program.stages = {stage};
  return program;
}

TEST(ControlCheck, AcceptsAProgramThatTheChipCanRun) {
  EXPECT_FALSE(check_control(convolution(), config::ChipConfig()).has_value());
}

TEST(ControlCheck, TellsCodeStageAndReason) {
  ControlProgram program = convolution();
  program.stages[0].arrays[0].array = 64;
  const auto fault = check_control(program, config::ChipConfig());
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->error, abi::Error::kArrayOutOfRange);
  EXPECT_EQ(fault->stage, 0u);
  EXPECT_THAT(fault->reason, ::testing::HasSubstr("array does not exist"));
}

TEST(ControlCheck, AsksTheConfigurationThatItIsGiven) {
  config::ChipConfig chip;
  chip.tile_columns = chip.tile_rows = 1;
  ControlProgram program = convolution();
  EXPECT_FALSE(check_control(program, chip).has_value());
  program.stages[0].tile = 1;
  program.inputs[0].tile = 1;
  EXPECT_FALSE(check_control(program, config::ChipConfig()).has_value());
  const auto fault = check_control(program, chip);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->error, abi::Error::kTileOutOfRange);
}

/// Each stage needs room for 3 sums of 2 bytes in the output register of its IMA.
TEST(ControlCheck, EveryStageHasRoomInTheOutputRegister) {
  ControlProgram program = convolution();
  Stage second = program.stages[0];
  second.slot = 1;
  second.inputs[0].edram_offset = 32;
  second.arrays[0].array = 1;
  second.destinations[0].channel_offset = 3;
  program.stages.push_back(second);
  program.inputs.push_back({0, 1, 0, 0, 0});
  program.output_shape.channels = 6;
  config::ChipConfig chip;
  chip.output_register_bytes = 12;
  EXPECT_FALSE(check_control(program, chip).has_value());
  chip.output_register_bytes = 11;
  const auto fault = check_control(program, chip);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->error, abi::Error::kBadControlVector);
  EXPECT_EQ(fault->stage, 1u);
  EXPECT_THAT(fault->reason, ::testing::HasSubstr("output register"));
  program.stages[1].arrays[0].array = 16;  // in another IMA
  EXPECT_FALSE(check_control(program, chip).has_value());
}

/// The convolution twice, on tiles of their own.
ControlProgram two_channels() {
  ControlProgram program = convolution();
  program.channels = 2;
  program.stages.push_back(program.stages[0]);
  program.stages[1].tile = program.stages[1].channel = 1;
  program.inputs.push_back({1, 0, 0, 0, 0});
  return program;
}

TEST(ControlCheck, ChannelsAreCompleteAndApart) {
  const auto reason = [](auto change) {
    ControlProgram program = two_channels();
    change(program);
    const auto fault = check_control(program, config::ChipConfig());
    return fault ? fault->reason : std::string();
  };
  using ::testing::HasSubstr;
  EXPECT_EQ(reason([](ControlProgram &) {}), "");
  EXPECT_THAT(reason([](auto &p) { p.channels = 0; }), HasSubstr("no channels"));
  EXPECT_THAT(reason([](auto &p) { p.channels = 1; }), HasSubstr("does not exist"));
  EXPECT_THAT(reason([](auto &p) { p.channels = 3; }), HasSubstr("does not get the image"));
  EXPECT_THAT(reason([](auto &p) { p.stages[1].channel = 0; }), HasSubstr("does not get"));
  EXPECT_THAT(reason([](auto &p) {
                p.stages[0].destinations[0] = {1, 0, 0, 0, 0};
                p.stages[1].inputs[0].shape = p.stages[0].output_shape;
                p.stages[1].window = {};
                p.stages[1].output_shape = p.stages[0].output_shape;
                p.stages[1].kernel_rows = 3;
                p.inputs.pop_back();
              }),
              HasSubstr("channels are connected"));
}

TEST(ControlCheck, FaultsOfTheWholeProgramCarryTheNumberOfStages) {
  ControlProgram program = convolution();
  program.inputs.clear();
  const auto fault = check_control(program, config::ChipConfig());
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->stage, 1u);
}

}  // namespace
}  // namespace npim::program
