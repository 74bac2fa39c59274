#include "board/platform_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace npim::board {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string refusal(const std::string &text) {
  try {
    PlatformConfig::parse(text, "board.json");
    return "";
  } catch (const InputError &error) {
    return error.what();
  }
}

TEST(PlatformConfig, DefaultsAreThoseOfQemuVirt) {
  const auto config = PlatformConfig::parse(R"({"name": "plain"})", "board.json");
  EXPECT_EQ(config.name, "plain");
  EXPECT_EQ(config.boot_rom.base, 0x1000u);
  EXPECT_EQ(config.finisher.base, 0x100000u);
  EXPECT_EQ(config.clint.base, 0x2000000u);
  EXPECT_EQ(config.plic.base, 0xc000000u);
  EXPECT_EQ(config.uart.base, 0x10000000u);
  EXPECT_EQ(config.uart_plic_interrupt, 10u);
  EXPECT_EQ(config.dram.base, 0x80000000u);
  EXPECT_EQ(config.dram.size, 0x80000000u);
  EXPECT_EQ(config.hart.reset_pc, 0x1000u);
  EXPECT_EQ(config.timebase_hz, 10'000'000u);
  EXPECT_FALSE(config.accelerator);
}

TEST(PlatformConfig, ShippedFilesAreUsable) {
  for (const char *file : {"demo", "demo-small", "no-chip"}) {
    const std::string folder = NPIM_SOURCE_DIR "/configs/platforms/";
    const auto config = PlatformConfig::load(folder + file + ".json");
    EXPECT_EQ(config.name, file);
    EXPECT_EQ(config.dram.base, 0x80000000u);
    EXPECT_EQ(config.accelerator.has_value(), config.name != "no-chip");
  }
}

TEST(PlatformConfig, AddressesAreTextOrIntegers) {
  const auto config = PlatformConfig::parse(
      R"({"name": "x", "chip": "../c.json", "accelerator": {"base": 1342177280, "size": "8192",
          "plic_interrupt": 95}, "dram": {"base": "0x100000000", "size": 4096},
          "boot_rom": {"base": "0x2000"}, "clint": {"timebase_hz": 1000000}})",
      "folder/platforms/board.json");
  EXPECT_EQ(config.accelerator->registers.base, 0x50000000u);
  EXPECT_EQ(config.accelerator->registers.size, 8192u);
  EXPECT_EQ(config.accelerator->plic_interrupt, 95u);
  EXPECT_EQ(config.dram.base, 0x100000000u);
  EXPECT_EQ(config.hart.reset_pc, 0x2000u);
  EXPECT_EQ(config.hart.timebase_hz, 1000000u);
  EXPECT_EQ(config.chip_path, "folder/c.json");
}

TEST(PlatformConfig, OverlapNamesBothParts) {
  EXPECT_THAT(refusal(R"({"name": "x", "uart": {"base": "0x2001000"}})"),
              AllOf(HasSubstr("board.json"), HasSubstr("UART 16550 (0x2001000 to 0x20010ff)"),
                    HasSubstr("CLINT (0x2000000 to 0x200ffff)")));
  EXPECT_THAT(refusal(R"({"name": "x", "chip": "c", "accelerator": {"base": "0xfffff000"}})"),
              AllOf(HasSubstr("accelerator"), HasSubstr("DRAM")));
}

TEST(PlatformConfig, WrongKeysAndValuesAreNamed) {
  const struct {
    const char *text;
    const char *part;
  } cases[] = {
      {R"({})", "required key 'name'"},
      {R"([])", "expected an object"},
      {R"({"name": "x", "uartt": {}})", "unknown key 'uartt'; did you mean 'uart'?"},
      {R"({"name": "x", "uart": {"size": 1}})", "unknown key 'size'"},
      {R"({"name": "x", "uart": {"plic_interrupt": 96}})", "uart.plic_interrupt"},
      {R"({"name": "x", "uart": {"plic_interrupt": 0}})", "uart.plic_interrupt"},
      {R"({"name": "x", "uart": {"base": "0x10000001"}})", "'uart.base': expected a multiple"},
      {R"({"name": "x", "uart": {"base": "0xg"}})", "expected an address"},
      {R"({"name": "x", "uart": {"base": "0x"}})", "expected an address"},
      {R"({"name": "x", "uart": {"base": "0x10000000000000000"}})", "expected an address"},
      {R"({"name": "x", "uart": {"base": -4096}})", "uart.base"},
      {R"({"name": "x", "uart": {"base": true}})", "uart.base"},
      {R"({"name": "x", "uart": 7})", "'uart': expected an object"},
      {R"({"name": "x", "dram": {"size": 0}})", "dram.size"},
      {R"({"name": "x", "dram": {"size": "0x20000000000"}})", "dram.size"},
      {R"({"name": "x", "dram": {"base": "0xfffffffffffff000"}})", "'dram'"},
      {R"({"name": "x", "boot_rom": {"size": "0x200000"}})", "boot_rom.size"},
      {R"({"name": "x", "clint": {"timebase_hz": 0}})", "clint.timebase_hz"},
      {R"({"name": "x", "clint": {"timebase_hz": 7}})", "whole number of picoseconds"},
      {R"({"name": "x", "hart": {"timebase_hz": 7}})", "set 'clint.timebase_hz'"},
      {R"({"name": "x", "hart": {"speed": 7}})", "hart"},
      {R"({"name": "x", "harts": 0})", "harts"},
      {R"({"name": "x", "harts": 33})", "harts"},
      {R"({"name": "x", "harts": 2, "hart": {"hart_id": 1}})", "hart_id"},
      {R"({"name": "x", "hart": {"slice_ns": 0}})", "slice_ns"},
      {R"({"name": "x", "harts": 2, "hart": {"slice_ns": 31}})", "too short for several harts"},
      {R"({"name": "x", "harts": 2, "hart": {"clock_mhz": 1}})", "LR/SC loops may need 32000"},
      {R"({"name": "x", "harts": 2, "hart": {"slice_ns": 100, "cycles": {"amo": 4}}})", "128.0"},
      {R"({"name": "x", "accelerator": {}})", "key 'chip' is missing"},
      {R"({"name": "x", "chip": ""})", "'chip'"},
      {R"({"name": "x", "chip": "c", "accelerator": {"plic_interrupt": 10}})", "is the UART's"},
      {R"({"name": "x", "chip": "c", "accelerator": {"size": 0}})", "register block"},
      {R"({"name": "x", "chip": "c", "accelerator": {"size": "0x800"}})", "register block"},
      {R"({"name": "x")", "not valid JSON"},
  };
  for (const auto &[text, part] : cases) {
    EXPECT_THAT(refusal(text), AllOf(HasSubstr("board.json"), HasSubstr(part))) << text;
  }
}

}  // namespace
}  // namespace npim::board
