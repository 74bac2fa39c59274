// Device files: what is shipped loads, what is wrong is refused by name.
#include "device/device_params.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

namespace npim::device {
namespace {

const std::filesystem::path kDevices = std::filesystem::path(NPIM_SOURCE_DIR) / "configs/devices";

std::string text_of(const std::string &name) {
  std::ifstream file(kDevices / name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The message of the refusal of a device file in which `from` is replaced by `to`.
std::string refusal(const std::string &from, const std::string &to) {
  auto text = text_of("neural-pim.json");
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  try {
    parse_device(config::Node::parse(text, "device.json"));
  } catch (const InputError &error) {
    return error.what();
  }
  return "accepted";
}

template <class Change>
std::string refusal_of(const Change &change) {
  DeviceParams params;
  change(params);
  try {
    validate(params, "device.json");
  } catch (const InputError &error) {
    return error.what();
  }
  return "accepted";
}

TEST(DeviceParams, ShippedFilesLoad) {
  int files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(kDevices)) {
    if (entry.path().extension() != ".json") continue;
    SCOPED_TRACE(entry.path());
    const auto device = load_device(entry.path().string());
    EXPECT_EQ(device.name + ".json", entry.path().filename().string());
    ++files;
  }
  EXPECT_GE(files, 5);
}

TEST(DeviceParams, TheFileIsRead) {
  const auto device = load_device((kDevices / "neural-pim.json").string());
  EXPECT_EQ(device.cell.bits, 4);
  EXPECT_EQ(device.cell.r_on_ohm, 1e5);
  EXPECT_EQ(device.programming.distribution, Distribution::kLognormal);
  EXPECT_EQ(device.programming.sigma, 0.025);
  EXPECT_FALSE(device.cells_are_exact());
  EXPECT_FALSE(device.reads_are_noisy());
  const auto ideal = load_device((kDevices / "ideal.json").string());
  EXPECT_TRUE(ideal.cells_are_exact());
}

TEST(DeviceParams, BadValuesAreRefusedByName) {
  const std::string on = "\"r_on_ohm\": 100000";
  EXPECT_NE(refusal(on, "\"r_on_ohm\": -5").find("cell.r_on_ohm"), std::string::npos);
  EXPECT_NE(refusal(on, "\"r_on_ohm\": 0").find("cell.r_on_ohm"), std::string::npos);
  EXPECT_NE(refusal(on, "\"r_on_ohm\": 1000000").find("cell.r_off_ohm"), std::string::npos);
  EXPECT_NE(refusal(on, "\"r_on_ohm\": 2000000").find("cell.r_off_ohm"), std::string::npos);
  EXPECT_NE(refusal("\"bits\": 4", "\"bits\": 9").find("cell.bits"), std::string::npos);
  EXPECT_NE(refusal("\"bits\": 4", "\"bits\": 0").find("cell.bits"), std::string::npos);
  EXPECT_NE(refusal("\"sigma\": 0.025", "\"sigma\": -0.1").find("programming.sigma"),
            std::string::npos);
  EXPECT_NE(refusal("\"sigma\": 0.025", "\"sigma\": NaN"), "accepted");
  EXPECT_NE(refusal("\"sigma\": 0.025", "\"sigma\": 1e999").find("programming.sigma"),
            std::string::npos);
  EXPECT_NE(refusal("\"sigma\": 0.025", "\"sigma\": 0.025, \"sigmas\": 1").find("sigmas"),
            std::string::npos);
  EXPECT_NE(refusal("\"scale\": \"relative\", \"sigma\": 0.025",
                    "\"scale\": \"absolute\", \"sigma\": 0.025")
                .find("programming.scale"),
            std::string::npos);
  EXPECT_NE(
      refusal("\"at_off_fraction\": 0.0", "\"at_off_fraction\": 1.5").find("stuck.at_off_fraction"),
      std::string::npos);
  EXPECT_NE(refusal("\"most_pulses\": 1", "\"most_pulses\": 0").find("write_verify.most_pulses"),
            std::string::npos);
}

TEST(DeviceParams, NotANumberIsRefusedByName) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto named = [](const std::string &message, const char *key) {
    return message.find(std::string("key '") + key + "'") != std::string::npos;
  };
  EXPECT_TRUE(named(refusal_of([&](auto &p) { p.programming.sigma = nan; }), "programming.sigma"));
  EXPECT_TRUE(named(refusal_of([&](auto &p) { p.read_noise.sigma = nan; }), "read_noise.sigma"));
  EXPECT_TRUE(named(refusal_of([&](auto &p) { p.cell.r_on_ohm = nan; }), "cell.r_on_ohm"));
  EXPECT_TRUE(named(refusal_of([&](auto &p) { p.cell.r_off_ohm = nan; }), "cell.r_off_ohm"));
  EXPECT_TRUE(named(refusal_of([&](auto &p) { p.drift.exponent = nan; }), "drift.exponent"));
  EXPECT_TRUE(named(refusal_of([&](auto &p) { p.telegraph_noise.amplitude = nan; }),
                    "telegraph_noise.amplitude"));
  EXPECT_TRUE(named(refusal_of([&](auto &p) { p.endurance.pulses = nan; }), "endurance.pulses"));
  EXPECT_TRUE(named(refusal_of([&](auto &p) { p.cell.bits = 9; }), "cell.bits"));
  EXPECT_TRUE(named(refusal_of([&](auto &p) {
                      p.stuck.at_on_fraction = 0.6;
                      p.stuck.at_off_fraction = 0.6;
                    }),
                    "stuck.at_on_fraction"));
  EXPECT_EQ(refusal_of([](auto &) {}), "accepted");
}

}  // namespace
}  // namespace npim::device
