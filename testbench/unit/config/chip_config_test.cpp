#include "config/chip_config.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace npim::config {
namespace {

const std::string kFolder = std::string(NPIM_SOURCE_DIR) + "/configs/chips/";

std::string shipped() {
  const Bytes bytes = read_file(kFolder + "neural-pim.json");
  return {bytes.begin(), bytes.end()};
}

/// The shipped configuration with one piece of text replaced.
std::string with(const std::string &from, const std::string &to) {
  std::string text = shipped();
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string &text) {
  try {
    parse_chip_config(Node::parse(text, "chip.json"));
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

#define EXPECT_ERROR(text, part) \
  EXPECT_NE(error_of(text).find(part), std::string::npos) << error_of(text)

TEST(ChipConfig, ShippedChipIsThePapersWith64ArraysPerTile) {
  const ChipConfig chip = load_chip_config(kFolder + "neural-pim.json");
  EXPECT_EQ(chip.tiles(), 280);
  EXPECT_EQ(chip.arrays_per_tile(), 64);
  EXPECT_EQ(chip.vectors_per_array(), 8);
  EXPECT_EQ(chip.input_cycles(), 2);
  EXPECT_EQ(chip.nnadc.range_divisors, (std::vector<int>{1, 2, 4}));
  EXPECT_EQ(chip.edram.bytes, 65536);
}

TEST(ChipConfig, AllShippedChipsLoad) {
  EXPECT_EQ(load_chip_config(kFolder + "neural-pim-small.json").tiles(), 6);
  const ChipConfig literal = load_chip_config(kFolder + "neural-pim-paper-literal.json");
  EXPECT_EQ(literal.nnadc.code, CodeFormat::kSignPlus8);
  EXPECT_EQ(literal.bitline_gains, std::vector<int>{1});
}

TEST(ChipConfig, BaselinesHaveTheirOwnDataflowAndConverters) {
  const ChipConfig isaac = load_chip_config(kFolder + "isaac-ce.json");
  EXPECT_EQ(isaac.dataflow, Dataflow::kDigitalAccumulation);
  EXPECT_EQ(isaac.converters_per_tile(), 96);
  EXPECT_EQ(isaac.columns_per_vector(), 8) << "biased 16-bit weights in 2-bit cells";
  EXPECT_EQ(isaac.vectors_per_array(), 16);
  EXPECT_EQ(isaac.input_cycles(), 16);
  const ChipConfig cascade = load_chip_config(kFolder + "cascade-style.json");
  EXPECT_EQ(cascade.dataflow, Dataflow::kAnalogBuffering);
  EXPECT_EQ(cascade.converter_bits(), 10);
  EXPECT_EQ(cascade.vectors_per_array(), 8);
  EXPECT_EQ(cascade.components.size(), 4u);
  EXPECT_EQ(cascade.components[0], std::string(NPIM_SOURCE_DIR) + "/configs/components/tile.json");
  EXPECT_NO_THROW(require_simulated(cascade, "cascade.json"));
  EXPECT_EQ(cascade.nnadc.code, CodeFormat::kLossless);
  EXPECT_THROW(require_simulated(isaac, "isaac-ce.json"), InputError);
  EXPECT_NO_THROW(require_simulated(ChipConfig(), "chip.json"));
}

TEST(ChipConfig, DefaultsAreTheShippedChip) {
  const ChipConfig chip = load_chip_config(kFolder + "neural-pim.json");
  const ChipConfig defaults;
  EXPECT_EQ(chip.tiles(), defaults.tiles());
  EXPECT_EQ(chip.edram.access_ns, defaults.edram.access_ns);
  EXPECT_EQ(chip.host_link.gigabytes_per_second, defaults.host_link.gigabytes_per_second);
  EXPECT_EQ(chip.bitline_gains, defaults.bitline_gains);
}

TEST(ChipConfig, RefusesWhatMakesNoChip) {
  EXPECT_ERROR(with("\"columns\": 20", "\"columns\": 0"), "tiles.columns");
  EXPECT_ERROR(with("\"columns\": 128", "\"columns\": 100"), "multiple of 16");
  EXPECT_ERROR(with("\"cell_bits\": 1", "\"cell_bits\": 9"), "array.cell_bits");
  EXPECT_ERROR(with("[1, 2, 4, 8]", "[1, 3]"), "bitline_gains[1]");
  EXPECT_ERROR(with("[1, 2, 4, 8]", "[]"), "empty");
  EXPECT_ERROR(with("[1, 2, 4, 8]", "[2, 2]"), "twice");
  EXPECT_ERROR(with("[0.5, 0.25, 0.125]", "[0.3]"), "ranges_of_vdd[0]");
  EXPECT_ERROR(with("\"input_cycle_ns\": 100.0", "\"input_cycle_ns\": -1"), "input_cycle_ns");
  EXPECT_ERROR(with("\"input_cycle_ns\": 100.0", "\"input_cycle_us\": 1"), "input_cycle");
  EXPECT_ERROR(with("\"input_register_bytes\": 2048", "\"input_register_bytes\": 64"),
               "rows of one");
  EXPECT_ERROR(with("\"output_register_bytes\": 256", "\"output_register_bytes\": 15"),
               "ima.output_register_bytes");
  EXPECT_ERROR(with("\"kib\": 64", "\"kib\": 65537"), "tile.edram.kib");
  EXPECT_ERROR(with("\"signed8\"", "\"signed9\""), "expected one of");
  EXPECT_ERROR(with("analog_accumulation", "analog"), "dataflow");
  EXPECT_ERROR(with("analog_accumulation", "analog_buffering"), "dac.bits");
  EXPECT_ERROR(with("analog_accumulation", "digital_accumulation"), "'adc' is missing");
  EXPECT_ERROR(with("\"differential\"", "\"biased\""), "array.weight_encoding");
  EXPECT_ERROR(with("two_stage", "three_stage"), "pipeline");
  EXPECT_ERROR(with("\"technology_nm\": 32", "\"technology_nm\": 0"), "technology_nm");
  EXPECT_ERROR(with("\"arrays\": 16", "\"arrays\": 4096"), "1048576 arrays");
}

/// Sixteen arrays of 128 word lines: pulses x pulse length is limited by 1e13 ns / 2048.
TEST(ChipConfig, ProgrammingTimeFitsInSimulatedTime) {
  const auto pulses = [](const std::string &count, const std::string &ns) {
    std::string text = with("\"write_verify_pulses\": 4", "\"write_verify_pulses\": " + count);
    const std::string from = "\"write_pulse_ns\": 50.0";
    return text.replace(text.find(from), from.size(), "\"write_pulse_ns\": " + ns);
  };
  EXPECT_EQ(error_of(pulses("1000000", "4000.0")), "no error");
  EXPECT_ERROR(pulses("1000000", "5000.0"), "array.write_pulse_ns");
  EXPECT_ERROR(pulses("1000000", "1e9"), "array.write_pulse_ns");
}

TEST(ChipConfig, PartialSumsHoldACodeOfEveryArray) {
  ChipConfig chip;
  EXPECT_EQ(chip.partial_sum_bytes(), 2);
  EXPECT_EQ(chip.vectors_per_array() * chip.arrays_per_ima * chip.partial_sum_bytes(),
            chip.output_register_bytes)
      << "the default register holds the sums of all arrays";
  chip.arrays_per_ima = 258;
  EXPECT_EQ(chip.partial_sum_bytes(), 2);  // 258 * 127 = 32766
  chip.arrays_per_ima = 259;
  EXPECT_EQ(chip.partial_sum_bytes(), 3);
  chip.nnadc.code = CodeFormat::kSignPlus8;
  chip.arrays_per_ima = 128;
  EXPECT_EQ(chip.partial_sum_bytes(), 2);
  chip.arrays_per_ima = 129;
  EXPECT_EQ(chip.partial_sum_bytes(), 3);
}

TEST(ChipConfig, EveryKeyIsRequired) {
  for (const char *key : {"\"fidelity\": \"ideal\",", "\"banks\": 2,", "\"router_cycles\": 2",
                          "\"latency_ns\": 5.0"}) {
    std::string text = with(key, "");
    // A removed last member leaves a comma behind; that too must be an error that names the file.
    EXPECT_ERROR(text, "chip.json");
  }
}

}  // namespace
}  // namespace npim::config
