// Statistical and circuit fidelity through firmware, faults and repair, and parameters that are
// refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "npim_runner.h"

namespace npim::testing {
namespace {

using ::testing::HasSubstr;

struct RealChip {
  std::string chip, ideal;  ///< programs are compiled for the ideal one
  const char *fidelity;
  int correct;  ///< of 20, at least
};

class RealFidelity : public ::testing::TestWithParam<RealChip> {};

TEST_P(RealFidelity, ClassifiesDigitsThroughFirmware) {
  const NpimRunner npim;
  const auto run = [&](const std::string &batch, const std::string &json) {
    return npim.npim({"run",
                      "--platform",
                      NpimRunner::source("configs/platforms/demo.json"),
                      "--chip",
                      NpimRunner::source("configs/chips/" + GetParam().chip + ".json"),
                      "--firmware",
                      NpimRunner::firmware("demo_cnn"),
                      "--program",
                      npim.digits_program(GetParam().ideal),
                      "--images",
                      NpimRunner::source("configs/networks/digits/digits-images-idx3-ubyte.gz"),
                      "--labels",
                      NpimRunner::source("configs/networks/digits/digits-labels-idx1-ubyte.gz"),
                      "--count",
                      "20",
                      "--show",
                      "0",
                      "--batch",
                      batch,
                      "--check",
                      "--json",
                      json});
  };
  const Finished finished = run("20", npim.path("one.json"));
  ASSERT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out,
              HasSubstr("of 20 images have the same class (" + std::string(GetParam().fidelity)));
  const auto json = NpimRunner::read_json(npim.path("one.json"));
  EXPECT_GE(json.at("correct").to_number<int>(), GetParam().correct);
  ASSERT_EQ(run("3", npim.path("seven.json")).status, 0);
  EXPECT_EQ(json.at("logits"), NpimRunner::read_json(npim.path("seven.json")).at("logits"))
      << "noise belongs to the image, not to the batch";
}

INSTANTIATE_TEST_SUITE_P(
    Chips, RealFidelity,
    ::testing::Values(RealChip{"neural-pim-statistical", "neural-pim", "statistical", 19},
                      RealChip{"neural-pim-circuit", "neural-pim", "circuit", 19},
                      RealChip{"isaac-style-statistical", "isaac-style", "statistical", 19},
                      RealChip{"isaac-style-circuit", "isaac-style", "circuit", 19},
                      // Six-bit buffer cells that are written once cost images: README.
                      RealChip{"cascade-style-statistical", "cascade-style", "statistical", 6},
                      RealChip{"cascade-style-circuit", "cascade-style", "circuit", 6}),
    [](const auto &test) {
      std::string name = test.param.chip;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

class March : public ::testing::TestWithParam<const char *> {};

TEST_P(March, FirmwareFindsStuckCellsAndMapsAroundThem) {
  const NpimRunner npim;
  // Without copies of weights there are spare arrays.
  const std::string digits = NpimRunner::source("configs/networks/digits/");
  const Finished compiled =
      npim.npim({"compile", digits + "digits.onnx", "--chip",
                 NpimRunner::source("configs/chips/" + std::string(GetParam()) + ".json"),
                 "--replicate", "none", "--calibrate", digits + "calibration-images-idx3-ubyte.gz",
                 "-o", npim.path("march.npim")});
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  const Finished finished = npim.npim(
      {"run", "--platform", NpimRunner::source("configs/platforms/demo.json"), "--chip",
       NpimRunner::source("configs/chips/" + std::string(GetParam()) + ".json"), "--firmware",
       NpimRunner::firmware("march"), "--program", npim.path("march.npim"), "--images",
       digits + "digits-images-idx3-ubyte.gz", "--labels", digits + "digits-labels-idx1-ubyte.gz",
       "--count", "40", "--check", "--bootargs", "faults=30 seed=5"});
  ASSERT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("30 cells made stuck"));
  EXPECT_THAT(finished.out, HasSubstr("march C-: "));
  EXPECT_THAT(finished.out, HasSubstr(", 0 left"));
  EXPECT_THAT(finished.out, HasSubstr("40 of 40 images classified as before"));
  if (GetParam() != std::string("neural-pim")) return;  // spare arrays have errors of their own
  EXPECT_THAT(finished.out, HasSubstr("40 with the same outputs"));
  EXPECT_THAT(finished.out, HasSubstr("400 of 400 logits equal"));
}

INSTANTIATE_TEST_SUITE_P(Chips, March, ::testing::Values("neural-pim", "isaac-style-statistical"),
                         [](const auto &test) {
                           const std::string name = test.param;
                           return name.substr(0, name.find('-'));
                         });

struct Refused {
  const char *name, *from, *to, *why;
  const char *chip = "neural-pim-circuit";
};

class BadDevice : public ::testing::TestWithParam<Refused> {};

TEST_P(BadDevice, IsRefusedByName) {
  const NpimRunner npim;
  std::string device = NpimRunner::read(NpimRunner::source("configs/devices/neural-pim.json"));
  const auto at = device.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  device.replace(at, std::string(GetParam().from).size(), GetParam().to);
  npim.write("device.json", device);
  std::string chip = NpimRunner::read(NpimRunner::source("configs/chips/neural-pim-circuit.json"));
  const auto point = [&](const std::string &from, const std::string &to) {
    for (auto i = chip.find(from); i != std::string::npos; i = chip.find(from, i + to.size())) {
      chip.replace(i, from.size(), to);
    }
  };
  point("../devices/neural-pim.json", "device.json");
  point("../peripherals/", NpimRunner::source("configs/peripherals/"));
  point("\"neural-pim.json\"", "\"" + NpimRunner::source("configs/chips/neural-pim.json") + "\"");
  const std::string path = npim.write("chip.json", chip);
  const Finished finished =
      npim.npim({"run", "--platform", NpimRunner::source("configs/platforms/demo.json"), "--chip",
                 path, "--firmware", NpimRunner::firmware("hello")});
  EXPECT_EQ(finished.status, 2) << finished.out << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("device.json"));
  EXPECT_THAT(finished.err, HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadDevice,
    ::testing::Values(
        Refused{"NegativeResistance", "\"r_on_ohm\": 100000", "\"r_on_ohm\": -5", "cell.r_on_ohm"},
        Refused{"OffBelowOn", "\"r_off_ohm\": 1000000", "\"r_off_ohm\": 100000", "cell.r_off_ohm"},
        Refused{"SigmaNotANumber", "\"sigma\": 0.025", "\"sigma\": NaN", "NaN"},
        Refused{"SigmaNegative", "\"sigma\": 0.025", "\"sigma\": -0.1", "programming.sigma"},
        Refused{"NineBitCells", "\"bits\": 4", "\"bits\": 9", "cell.bits"}),
    [](const auto &test) { return test.param.name; });

class BadChip : public ::testing::TestWithParam<Refused> {};

TEST_P(BadChip, IsRefusedByName) {
  const NpimRunner npim;
  std::string chip = NpimRunner::read(
      NpimRunner::source("configs/chips/" + std::string(GetParam().chip) + ".json"));
  const auto at = chip.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  chip.replace(at, std::string(GetParam().from).size(), GetParam().to);
  for (const std::string name : {"neural-pim.json", "isaac-style.json", "cascade-style.json"}) {
    const auto base = chip.find("\"base\": \"" + name);
    if (base != std::string::npos) chip.insert(base + 9, NpimRunner::source("configs/chips/"));
  }
  for (auto i = chip.find("\"../"); i != std::string::npos; i = chip.find("\"../")) {
    chip.replace(i + 1, 3, NpimRunner::source("configs/"));
  }
  const std::string path = npim.write("chip.json", chip);
  const Finished finished =
      npim.npim({"run", "--platform", NpimRunner::source("configs/platforms/demo.json"), "--chip",
                 path, "--firmware", NpimRunner::firmware("hello")});
  EXPECT_EQ(finished.status, 2) << finished.out << finished.err;
  EXPECT_THAT(finished.err, HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadChip,
    ::testing::Values(
        Refused{"MissingDevice", "devices/neural-pim.json", "devices/none.json", "none.json"},
        Refused{"MissingNetwork", "nnsa-d4.json", "nnsa-d9.json", "nnsa-d9.json"},
        Refused{"NnsaOfOtherDacs", "nnsa-d4.json", "nnsa-d1.json", "dac_bits"},
        Refused{"NegativeWire", "\"bit_line_ohm\": 0", "\"bit_line_ohm\": -1", "bit_line_ohm"},
        Refused{"RangeWithoutNnadc", ", \"../peripherals/nnadc-r4.json\"", "", "range_divisor 4"},
        Refused{"Temperature", "\"temperature_k\": 300", "\"temperature_k\": 0", "temperature_k"},
        Refused{"Time", "\"seconds_since_programming\": 0", "\"seconds_since_programming\": -1",
                "seconds_since_programming"},
        Refused{"Fidelity", "\"fidelity\": \"circuit\"", "\"fidelity\": \"true\"", "fidelity"},
        Refused{"UnknownKey", "\"seed\": 1", "\"sead\": 1, \"seed\": 1", "sead"},
        Refused{"MissingBase", "\"base\": \"neural-pim.json\"", "\"base\": \"none.json\"",
                "none.json"},
        Refused{"BaselineOfTheOtherDataflow", "peripherals/isaac", "peripherals/cascade",
                "cascade-style.json: key 'dataflow'", "isaac-style-statistical"},
        Refused{"OtherDataflowThanTheBaselines", "peripherals/cascade", "peripherals/isaac",
                "isaac-style.json: key 'dataflow'", "cascade-style-circuit"},
        Refused{"NeuralPeripheralsForAnAdc", "\"baseline\"", "\"nnsa\"",
                "chip.json: key 'analog.peripherals': required key 'baseline'",
                "isaac-style-statistical"},
        Refused{"MissingBaseline", "peripherals/isaac", "peripherals/none", "none-style.json",
                "isaac-style-statistical"},
        Refused{"BaselineForNeuralPim", "\"base\": \"isaac-style.json\"",
                "\"base\": \"neural-pim.json\"",
                "chip.json: key 'analog.peripherals': required key 'process'",
                "isaac-style-statistical"}),
    [](const auto &test) { return test.param.name; });

}  // namespace
}  // namespace npim::testing
