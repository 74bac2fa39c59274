#include "board/device_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libfdt.h>

namespace npim::board {
namespace {

struct DeviceTree : testing::Test {
  Bytes tree;

  void build(const std::string &platform, const std::string &bootargs = "",
             const std::vector<NamedArea> &areas = {},
             const std::optional<Range> &initrd = std::nullopt) {
    tree =
        build_device_tree(PlatformConfig::parse(platform, "board.json"), bootargs, areas, initrd);
    ASSERT_EQ(fdt_check_full(tree.data(), tree.size()), 0);
  }
  std::string text(const char *path, const char *key) const {
    int size = 0;
    const void *value = fdt_getprop(tree.data(), fdt_path_offset(tree.data(), path), key, &size);
    return value == nullptr ? "(none)"
                            : std::string(static_cast<const char *>(value),
                                          static_cast<std::size_t>(size > 0 ? size - 1 : 0));
  }
  std::vector<std::uint32_t> cells(const char *path, const char *key) const {
    int size = 0;
    const void *value = fdt_getprop(tree.data(), fdt_path_offset(tree.data(), path), key, &size);
    std::vector<std::uint32_t> out;
    for (int i = 0; value != nullptr && i < size / 4; ++i) {
      out.push_back(fdt32_ld(static_cast<const fdt32_t *>(value) + i));
    }
    return out;
  }
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(DeviceTree, DescribesTheBoard) {
  build(R"({"name": "x", "chip": "c.json"})", "count=5");
  EXPECT_EQ(text("/chosen", "bootargs"), "count=5");
  EXPECT_EQ(text("/chosen", "stdout-path"), "/soc/serial@10000000");
  EXPECT_THAT(cells("/cpus", "timebase-frequency"), ElementsAre(10000000));
  EXPECT_THAT(cells("/memory@80000000", "reg"), ElementsAre(0, 0x80000000, 0, 0x80000000));
  EXPECT_EQ(text("/soc/serial@10000000", "compatible"), "ns16550a");
  EXPECT_THAT(cells("/soc/serial@10000000", "interrupts"), ElementsAre(10));
  EXPECT_EQ(fdt_node_check_compatible(tree.data(), fdt_path_offset(tree.data(), "/soc/test@100000"),
                                      "sifive,test1"),
            0);
  EXPECT_THAT(cells("/soc/plic@c000000", "riscv,ndev"), ElementsAre(95));
  EXPECT_EQ(text("/soc/accelerator@40000000", "compatible"), "neural-pim,accelerator-1.0");
  EXPECT_THAT(cells("/soc/accelerator@40000000", "reg"), ElementsAre(0, 0x40000000, 0, 0x1000));
  EXPECT_THAT(cells("/soc/accelerator@40000000", "interrupts"), ElementsAre(32));
  EXPECT_EQ(text("/aliases", "npim0"), "/soc/accelerator@40000000");
  EXPECT_EQ(text("/cpus/cpu@0", "riscv,isa"), "rv64imafdc_zicntr_zicsr_zifencei");
  EXPECT_EQ(text("/cpus/cpu@0", "mmu-type"), "riscv,sv39");
  EXPECT_EQ(text("/cpus/cpu@0", "riscv,isa-base"), "rv64i");
  EXPECT_EQ(text("/cpus/cpu@0", "riscv,isa-extensions"),
            std::string("i\0m\0a\0f\0d\0c\0zicntr\0zicsr\0zifencei", 33));
  EXPECT_THAT(cells("/chosen", "linux,initrd-start"), IsEmpty());
  // An operating system ends the run through the test finisher.
  EXPECT_EQ(text("/poweroff", "compatible"), "syscon-poweroff");
  EXPECT_THAT(cells("/poweroff", "value"), ElementsAre(0x5555));
  EXPECT_THAT(cells("/reboot", "value"), ElementsAre(0x7777));
  EXPECT_EQ(cells("/poweroff", "regmap"), cells("/soc/test@100000", "phandle"));
  // The interrupt parents exist.
  const auto plic = cells("/soc/plic@c000000", "phandle");
  EXPECT_EQ(cells("/soc/accelerator@40000000", "interrupt-parent"), plic);
  const auto core = cells("/cpus/cpu@0/interrupt-controller", "phandle");
  EXPECT_EQ(cells("/soc/plic@c000000", "interrupts-extended"),
            (std::vector<std::uint32_t>{core.at(0), 11, core.at(0), 9}));
}

TEST_F(DeviceTree, FollowsTheConfiguration) {
  build(R"({"name": "x", "uart": {"base": "0x20000000", "plic_interrupt": 3},
            "dram": {"base": "0x100000000", "size": "0x200000000"}})");
  EXPECT_THAT(cells("/soc/serial@20000000", "interrupts"), ElementsAre(3));
  EXPECT_THAT(cells("/memory@100000000", "reg"), ElementsAre(1, 0, 2, 0));
  EXPECT_THAT(cells("/soc/accelerator@40000000", "reg"), IsEmpty());
}

TEST_F(DeviceTree, ListsFilesByName) {
  build(R"({"name": "x"})", "", {{"program", 0xfffff000, 0x123}, {"results", 0x1fffff000, 0}});
  EXPECT_EQ(text("/reserved-memory/file@fffff000", "npim,name"), "program");
  EXPECT_EQ(text("/reserved-memory/file@fffff000", "compatible"), "neural-pim,file");
  EXPECT_THAT(cells("/reserved-memory/file@fffff000", "reg"), ElementsAre(0, 0xfffff000, 0, 0x123));
  EXPECT_EQ(text("/reserved-memory/file@fffff000", "no-map"), "");
  EXPECT_THAT(cells("/reserved-memory/file@1fffff000", "reg"), ElementsAre(1, 0xfffff000, 0, 0));
}

TEST_F(DeviceTree, NamesTheInitialRamDisk) {
  build(R"({"name": "x"})", "", {}, Range{0x1fffff000, 0x123});
  EXPECT_THAT(cells("/chosen", "linux,initrd-start"), ElementsAre(1, 0xfffff000));
  EXPECT_THAT(cells("/chosen", "linux,initrd-end"), ElementsAre(1, 0xfffff123));
}

TEST_F(DeviceTree, HoldsManyFilesAndLongArguments) {
  std::vector<NamedArea> areas;
  for (unsigned i = 0; i < 500; ++i) {
    areas.push_back({std::string(60, 'n') + std::to_string(i), 0x90000000 + 4096ull * i, 1});
  }
  build(R"({"name": "x"})", std::string(4096, 'a'), areas);
  EXPECT_EQ(text("/chosen", "bootargs").size(), 4096u);
}

}  // namespace
}  // namespace npim::board
