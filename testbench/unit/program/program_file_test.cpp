#include "program/program_file.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "support/random_network.h"

namespace npim::program {
namespace {

/// A program with every kind of record; not meant to be run.
Program sample() {
  Program program;
  program.name = "sample";
  program.requirements.tiles = 3;
  program.requirements.array_rows = 128;
  program.requirements.edram_bytes = 65536;
  program.network = testing::RandomNetwork(1).make({}, 3);
  program.output_scale = 0.25;
  ControlProgram control;
  control.input_shape = program.network.input_shape;
  control.output_shape = program.network.layers.back().output_shape;
  control.output_element_bytes = program.network.layers.back().requantise.output_s32 ? 4 : 1;
  control.inputs = {{1, 2, 3, 4, 5}};
  Stage stage;
  stage.tile = 2;
  stage.slot = 1;
  stage.layer = 7;
  stage.inputs = {{32, {4, 4, 1}, 1, 2, 3}};
  stage.window.pad_right = 9;
  stage.output_shape = {2, 2, 10};
  stage.converter = {4, 8};
  stage.kernel_rows = 9;
  stage.arrays = {{5, 0, 1}};
  stage.requantise.multiplier = {1, -2};
  stage.requantise.bias = {-(std::int64_t{1} << 40)};
  stage.requantise.shift = 12;
  stage.destinations = {{kHost, 0, 0, 0, 8}};
  control.stages = {stage, stage};
  program.schedule = chip_alone(control);
  program.segments = {control};
  program.weights = {{2, 5, 2, 3, {1, -2, 3, -4, 5, -128}}, {2, 6, 1, 1, {127}}};
  program.layers = {{7, network::LayerOp::kConvolution, 2, 1, 1, 4, "conv"}};
  return program;
}

TEST(ProgramFile, RoundTripKeepsEverything) {
  const Program before = sample();
  const Bytes bytes = serialise(before);
  const Program after = deserialise_program(bytes, "sample.npim");
  EXPECT_EQ(after.name, "sample");
  EXPECT_EQ(after.requirements.tiles, 3u);
  EXPECT_EQ(after.output_scale, 0.25);
  EXPECT_EQ(after.layers.at(0).name, "conv");
  EXPECT_EQ(after.layers.at(0).windows, 4u);
  EXPECT_EQ(after.weights.at(0).values, before.weights[0].values);
  const Stage &stage = after.segments.at(0).stages.at(1);
  EXPECT_EQ(stage.requantise.bias, before.segments[0].stages[1].requantise.bias);
  EXPECT_EQ(stage.inputs.at(0).ring_rows, 2);
  EXPECT_EQ(stage.destinations.at(0).tile, kHost);
  EXPECT_EQ(serialise(after), bytes) << "a second trip must not change a byte";
}

// Firmware finds the table in a section of its own, without reading the network.
TEST(ProgramFile, InputTableIsASection) {
  Program program = sample();
  const Bytes without = serialise(program);
  const auto channels = static_cast<std::size_t>(program.network.input_shape.channels);
  for (std::size_t i = 0; i < channels * 256; ++i) {
    program.network.input_table.push_back(static_cast<std::uint8_t>(i * 7));
  }
  const Bytes with = serialise(program);
  EXPECT_EQ(with[20], without[20] + 1);  // sections
  EXPECT_EQ(deserialise_program(with, "table").network.input_table, program.network.input_table);
  EXPECT_EQ(serialise(deserialise_program(with, "table")), with);
}

TEST(ProgramFile, EveryTruncationIsRefused) {
  const Bytes bytes = serialise(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THROW(deserialise_program(cut, "cut"), InputError) << size;
  }
}

TEST(ProgramFile, EveryFlippedBitIsRefused) {
  const Bytes bytes = serialise(sample());
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 5) {
    Bytes damaged = bytes;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const bool minor_version = bit / 8 == 6 || bit / 8 == 7;  // any minor version is readable
    if (minor_version) continue;
    EXPECT_THROW(deserialise_program(damaged, "damaged"), InputError) << "bit " << bit;
  }
}

TEST(ProgramFile, WrongMagicVersionAndSizeSaySo) {
  const auto message = [](Bytes bytes, std::size_t at, std::uint8_t value) -> std::string {
    bytes[at] = value;
    try {
      deserialise_program(bytes, "p.npim");
    } catch (const InputError &error) {
      return error.what();
    }
    return "no error";
  };
  const Bytes bytes = serialise(sample());
  EXPECT_NE(message(bytes, 0, 'X').find("magic"), std::string::npos);
  EXPECT_NE(message(bytes, 4, 9).find("version 9.0"), std::string::npos);
  EXPECT_NE(message(bytes, 8, 1).find("bytes, the file has"), std::string::npos);
  EXPECT_NE(message(bytes, 200, 0xaa).find("checksum"), std::string::npos);
}

TEST(ControlProgram, DamageNeverCrashes) {
  const Bytes bytes = encode(sample().segments[0]);
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    Bytes damaged = bytes;
    for (int n = 0; n < 3; ++n) {
      damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    }
    try {
      decode_control(damaged.data(), damaged.size(), "damaged");
    } catch (const InputError &) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(ArrayWeights, RecordsRunningOverTheEndAreRefused) {
  const std::vector<ArrayWeights> one = {{0, 0, 2, 3, {1, 2, 3, 4, 5, 6}}};
  Bytes bytes = encode(one);
  EXPECT_EQ(bytes.size() % 8, 0u);
  EXPECT_EQ(decode_weights(bytes.data(), bytes.size(), "w").at(0).values, one[0].values);
  EXPECT_EQ(decode_weights(bytes.data(), bytes.size(), "w").at(0).shift, 0);
  bytes[4] = 0xff;  // 255 rows
  EXPECT_THROW(decode_weights(bytes.data(), bytes.size(), "w"), InputError);
  bytes[4] = 0;  // no rows
  EXPECT_THROW(decode_weights(bytes.data(), bytes.size(), "w"), InputError);
}

TEST(ArrayWeights, ShiftsMustLeaveRoomForTheWeights) {
  std::vector<ArrayWeights> one = {{0, 0, 2, 3, {1, 2, 3, -127, 5, 127}, 1}};
  const auto decode = [&] {
    const Bytes bytes = encode(one);
    return decode_weights(bytes.data(), bytes.size(), "w").at(0);
  };
  EXPECT_EQ(decode().shift, 1);
  EXPECT_EQ(decode().vectors, 3);
  one[0].values[0] = -128;  // its magnitude has 8 bits already
  EXPECT_THROW(decode(), InputError);
  one[0].shift = 0;
  EXPECT_NO_THROW(decode());
  one[0].shift = 2;
  EXPECT_THROW(decode(), InputError);
}

}  // namespace
}  // namespace npim::program
