#include "cost/component.h"

#include <gtest/gtest.h>

namespace npim::cost {
namespace {

/// A library with one component, whose members are given.
std::string library(const std::string &name, const std::string &members) {
  return R"({"name": "test", "components": {")" + name + R"(": {"action": "a", "source": "s", )" +
         R"("technology_nm": 32, )" + members + "}}}";
}

const std::string kEdram =
    library("edram",
            R"("scaled_by": "kib", "points": [{"at": 64, "power_mw": 20, "static_mw": 2,
               "energy_pj": 16, "area_mm2": 0.08}])");

ComponentLibrary parse(const std::string &text) {
  return ComponentLibrary::parse({config::Node::parse(text, "parts.json")});
}

std::string error_of(const std::string &text) {
  try {
    parse(text);
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  EXPECT_NE(text.find(from), std::string::npos) << from;
  return text.replace(text.find(from), from.size(), to);
}

#define EXPECT_ERROR(text, part) \
  EXPECT_NE(error_of(text).find(part), std::string::npos) << error_of(text)

TEST(Component, SizeScalesInProportion) {
  const auto half = parse(kEdram).at(Part::kEdram).at(32, 32);
  EXPECT_DOUBLE_EQ(half.power_mw, 10);
  EXPECT_DOUBLE_EQ(half.static_mw, 1);
  EXPECT_DOUBLE_EQ(half.energy_pj, 8);
  EXPECT_DOUBLE_EQ(half.area_mm2, 0.04);
}

TEST(Component, TechnologyScalesAreaWithLengthSquaredAndEnergyWithLengthTimesVoltageSquared) {
  const auto at65 = parse(kEdram).at(Part::kEdram).at(64, 65);
  const double length = 65.0 / 32, supply = 1.1 / 0.9;
  EXPECT_NEAR(at65.area_mm2, 0.08 * length * length, 1e-12);
  EXPECT_NEAR(at65.energy_pj, 16 * length * supply * supply, 1e-12);
  EXPECT_NEAR(at65.static_mw, 2 * length * supply, 1e-12);
  EXPECT_NEAR(at65.power_mw, 18 * length * supply * supply + 2 * length * supply, 1e-12);
}

TEST(Component, BitsAreExponentialBetweenPointsAndUnknownBeyond) {
  const auto adc = parse(library("adc", R"("scaled_by": "bits",
      "rate": {"mhz": 1000, "area_follows": true}, "points": [
      {"at": 4, "power_mw": 1, "static_mw": 0, "energy_pj": 1, "area_mm2": 0.1},
      {"at": 6, "power_mw": 4, "static_mw": 0, "energy_pj": 4, "area_mm2": 0.9}])"));
  const auto five = adc.at(Part::kAdc).at(5, 32, 2000);
  EXPECT_NEAR(five.energy_pj, 2, 1e-12);
  EXPECT_NEAR(five.power_mw, 4, 1e-12) << "twice as fast";
  EXPECT_NEAR(five.area_mm2, 0.6, 1e-12);
  EXPECT_DOUBLE_EQ(adc.at(Part::kAdc).at(4, 32).energy_pj, 1);
  EXPECT_DOUBLE_EQ(adc.at(Part::kAdc).at(6, 32).energy_pj, 4);
  for (const double bits : {3, 7}) {
    try {
      adc.at(Part::kAdc).at(bits, 32);
      ADD_FAILURE() << bits;
    } catch (const InputError &error) {
      EXPECT_NE(std::string(error.what()).find("'adc'"), std::string::npos) << error.what();
    }
  }
}

TEST(Component, SizesFollowAPowerLawBetweenPoints) {
  const auto ir = parse(library("input_register", R"("scaled_by": "bytes", "points": [
      {"at": 100, "power_mw": 1, "static_mw": 0, "energy_pj": 1, "area_mm2": 1},
      {"at": 400, "power_mw": 2, "static_mw": 0, "energy_pj": 2, "area_mm2": 4}])"));
  const auto between = ir.at(Part::kInputRegister).at(200, 32);
  EXPECT_NEAR(between.power_mw, std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(between.area_mm2, 2, 1e-12);
  EXPECT_NEAR(ir.at(Part::kInputRegister).at(800, 32).power_mw, 4, 1e-12);
  EXPECT_NEAR(ir.at(Part::kInputRegister).at(50, 32).area_mm2, 0.5, 1e-12);
}

TEST(Component, BadFiguresAreRefusedByName) {
  EXPECT_EQ(error_of(kEdram), "no error");
  EXPECT_ERROR(replaced(kEdram, "\"energy_pj\": 16", "\"energy_pj\": -16"),
               "components.edram.points[0].energy_pj");
  EXPECT_ERROR(replaced(kEdram, "\"energy_pj\": 16,", ""), "'energy_pj' is missing");
  EXPECT_ERROR(replaced(kEdram, "\"static_mw\": 2", "\"static_mw\": 21"), "exceeds power_mw");
  EXPECT_ERROR(replaced(kEdram, "\"edram\"", "\"edrum\""), "did you mean 'edram'");
  EXPECT_ERROR(replaced(kEdram, "\"kib\"", "\"bytes\""), "components.edram.scaled_by");
  EXPECT_ERROR(replaced(kEdram, "[{", "[{\"x\": 1, "), "unknown key 'x'");
  EXPECT_ERROR(library("adc", R"("scaled_by": "bits", "points": [])"), "empty");
  EXPECT_ERROR(library("max_pool", R"("scaled_by": "nothing", "points": [
      {"at": 1, "power_mw": 1, "static_mw": 0, "energy_pj": 1, "area_mm2": 1}])"),
               "per_tile");
}

TEST(Component, AMissingOrRepeatedComponentIsRefusedByName) {
  const auto lib = parse(kEdram);
  EXPECT_EQ(lib.find(Part::kRouter), nullptr);
  try {
    lib.at(Part::kRouter);
    ADD_FAILURE();
  } catch (const InputError &error) {
    EXPECT_NE(std::string(error.what()).find("parts.json"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("'router'"), std::string::npos) << error.what();
  }
  const auto node = config::Node::parse(kEdram, "parts.json");
  EXPECT_THROW(ComponentLibrary::parse({node, node}), InputError);
}

TEST(Component, PartNamesAreInTheOrderOfTheEnumeration) {
  for (std::size_t i = 0; i < kParts; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(all_parts()[i]), i) << to_text(all_parts()[i]);
  }
}

}  // namespace
}  // namespace npim::cost
