// npim chip: the table of a configuration, and what it refuses.
#include <gtest/gtest.h>

#include "npim_runner.h"

namespace npim::testing {
namespace {

class ChipCommand : public ::testing::Test {
 protected:
  static std::string chip_file(const std::string &name) {
    return NpimRunner::source("configs/chips/" + name + ".json");
  }
  /// The shipped chip with its libraries' paths made absolute and one text replaced.
  std::string edited(const std::string &from, const std::string &to) {
    std::string text = NpimRunner::read(chip_file("neural-pim"));
    const std::string up = "\"../", absolute = "\"" + NpimRunner::source("configs") + "/";
    for (auto at = text.find(up); at != std::string::npos; at = text.find(up, at)) {
      text.replace(at, up.size(), absolute);
    }
    EXPECT_NE(text.find(from), std::string::npos) << from;
    return npim_.write("chip.json", text.replace(text.find(from), from.size(), to));
  }
  void expect_refused(const std::string &path, const std::vector<std::string> &words) {
    const Finished finished = npim_.npim({"chip", path});
    EXPECT_EQ(finished.status, 2) << finished.out << finished.err;
    for (const auto &word : words) {
      EXPECT_NE(finished.err.find(word), std::string::npos)
          << word << " is not in: " << finished.err;
    }
  }
  NpimRunner npim_;
};

TEST_F(ChipCommand, EveryShippedChipHasItsTable) {
  for (const char *name :
       {"neural-pim", "neural-pim-small", "neural-pim-8-chips", "neural-pim-paper-literal",
        "isaac-ce", "isaac-style", "cascade-style"}) {
    const Finished finished = npim_.npim({"chip", chip_file(name)});
    EXPECT_EQ(finished.status, 0) << name << ": " << finished.err;
    EXPECT_NE(finished.out.find("sum of a tile"), std::string::npos) << finished.out;
  }
}

TEST_F(ChipCommand, JsonHasModelAndPublishedFigures) {
  const std::string path = npim_.path("chip.out.json");
  ASSERT_EQ(npim_.npim({"chip", chip_file("neural-pim"), "--json", path}).status, 0);
  const auto json = NpimRunner::read_json(path);
  const auto &chip = json.at("rows").as_array().back().as_object();
  EXPECT_EQ(chip.at("name"), "chip");
  EXPECT_NEAR(chip.at("power_mw").as_double() / 67.7e3, 1, 0.03);
  EXPECT_NEAR(chip.at("published_area_mm2").to_number<double>(), 86.4, 1e-9);
  EXPECT_NEAR(json.at("figures").at("tile_gops_per_mm2").as_double() / 1904, 1, 0.05);
}

TEST_F(ChipCommand, RefusesWhatItCannotPrice) {
  expect_refused(edited("neural-peripherals.json\"", "adc.json\""), {"adc.json", "'nnsa'"});
  expect_refused(edited("neural-peripherals.json\"", "no-such.json\""), {"no-such.json"});
  expect_refused(edited("\"bits\": 4", "\"bits\": 5"), {"'dac'", "5 bits"});
  expect_refused(edited("\"clock_mhz\": 80", "\"clock_mhz\": 0"), {"nnsa.clock_mhz"});
  const std::string negative = npim_.write(
      "parts.json",
      R"({"name": "x", "components": {"nnsa": {"action": "a", "source": "s", "technology_nm": 32,
          "scaled_by": "nothing", "rate": {"mhz": 80, "area_follows": true}, "points": [
          {"at": 1, "power_mw": 1, "static_mw": 0, "energy_pj": -1, "area_mm2": 1}]}}})");
  const std::string folder = NpimRunner::source("configs") + "/components/neural-peripherals.json";
  expect_refused(edited(folder, negative), {"parts.json", "nnsa.points[0].energy_pj"});
}

TEST_F(ChipCommand, ChipsOfOtherPrecisionAreNotForPrograms) {
  const Finished finished =
      npim_.npim({"compile", NpimRunner::source("configs/networks/digits/digits.onnx"), "--chip",
                  chip_file("isaac-ce"), "--calibrate",
                  NpimRunner::source("configs/networks/digits/calibration-images-idx3-ubyte.gz"),
                  "-o", npim_.path("out.npim")});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("8-bit inputs and weights"), std::string::npos) << finished.err;
}

}  // namespace
}  // namespace npim::testing
