// The firmware's device-tree reader against trees that libfdt writes, and against damaged ones.
#include "npim/fdt.h"

#include <gtest/gtest.h>
#include <libfdt.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace npim::testing {
namespace {

using Blob = std::vector<std::uint8_t>;

/// /, /chosen, /cpus, /soc with two cells each, a device, and reserved memory with two files.
Blob make_tree() {
  Blob blob(4096);
  void *tree = blob.data();
  EXPECT_EQ(fdt_create(tree, static_cast<int>(blob.size())), 0);
  fdt_finish_reservemap(tree);
  const auto reg = [&](std::uint64_t address, std::uint64_t size) {
    const fdt64_t cells[] = {cpu_to_fdt64(address), cpu_to_fdt64(size)};
    fdt_property(tree, "reg", cells, sizeof cells);
  };
  const auto file = [&](const char *node, const char *name, std::uint64_t at, std::uint64_t size) {
    fdt_begin_node(tree, node);
    fdt_property_string(tree, "compatible", "neural-pim,file");
    fdt_property_string(tree, "npim,name", name);
    reg(at, size);
    fdt_end_node(tree);
  };
  fdt_begin_node(tree, "");
  fdt_property_u32(tree, "#address-cells", 2);
  fdt_property_u32(tree, "#size-cells", 2);
  fdt_begin_node(tree, "chosen");
  fdt_property_string(tree, "bootargs", "count=5 batch=2");
  fdt_end_node(tree);
  fdt_begin_node(tree, "cpus");
  fdt_property_u32(tree, "timebase-frequency", 10000000);
  fdt_property_u64(tree, "wide", 0x123456789);
  fdt_end_node(tree);
  fdt_begin_node(tree, "soc");
  fdt_property_u32(tree, "#address-cells", 2);
  fdt_property_u32(tree, "#size-cells", 2);
  fdt_begin_node(tree, "uart@10000000");
  fdt_property(tree, "compatible", "first\0ns16550a", 15);
  reg(0x10000000, 0x100);
  fdt_end_node(tree);
  fdt_end_node(tree);
  fdt_begin_node(tree, "bus");  // no cell counts: the specification's defaults, 2 and 1
  fdt_begin_node(tree, "device@5");
  const fdt32_t cells[] = {cpu_to_fdt32(0), cpu_to_fdt32(5), cpu_to_fdt32(0x40)};
  fdt_property(tree, "reg", cells, sizeof cells);
  fdt_end_node(tree);
  fdt_end_node(tree);
  fdt_begin_node(tree, "reserved-memory");
  fdt_property_u32(tree, "#address-cells", 2);
  fdt_property_u32(tree, "#size-cells", 2);
  file("file@1", "images", 0x87000000, 1000);
  file("file@2", "labels", 0x88000000, 2000);
  fdt_end_node(tree);
  fdt_end_node(tree);
  EXPECT_EQ(fdt_finish(tree), 0);
  blob.resize(fdt_totalsize(tree));
  return blob;
}

TEST(Fdt, FindsNodesByPathAndProperties) {
  const Blob blob = make_tree();
  npim_fdt fdt;
  ASSERT_TRUE(npim_fdt_open(&fdt, blob.data(), blob.size()));
  EXPECT_STREQ(npim_fdt_text(&fdt, npim_fdt_find(&fdt, "/chosen"), "bootargs"), "count=5 batch=2");
  std::uint64_t value = 0;
  const npim_fdt_node cpus = npim_fdt_find(&fdt, "/cpus");
  EXPECT_TRUE(npim_fdt_number(&fdt, cpus, "timebase-frequency", &value));
  EXPECT_EQ(value, 10000000u);
  EXPECT_TRUE(npim_fdt_number(&fdt, cpus, "wide", &value));
  EXPECT_EQ(value, 0x123456789u);
  EXPECT_STREQ(npim_fdt_name(&fdt, npim_fdt_find(&fdt, "/soc/uart")), "uart@10000000");
  EXPECT_STREQ(npim_fdt_name(&fdt, npim_fdt_find(&fdt, "/")), "");
  EXPECT_GE(npim_fdt_find(&fdt, "/"), 0);
  EXPECT_EQ(npim_fdt_find(&fdt, "/uart"), NPIM_FDT_NONE) << "not at the root";
  EXPECT_EQ(npim_fdt_find(&fdt, "/soc/uar"), NPIM_FDT_NONE);
  EXPECT_EQ(npim_fdt_find(&fdt, "/cpus/uart"), NPIM_FDT_NONE);
  EXPECT_EQ(npim_fdt_find(&fdt, "/soc/uart/deeper"), NPIM_FDT_NONE);
  EXPECT_EQ(npim_fdt_text(&fdt, cpus, "absent"), nullptr);
  EXPECT_EQ(npim_fdt_property(&fdt, NPIM_FDT_NONE, "reg", nullptr), nullptr);
}

TEST(Fdt, WalksCompatibleNodesInOrder) {
  const Blob blob = make_tree();
  npim_fdt fdt;
  ASSERT_TRUE(npim_fdt_open(&fdt, blob.data(), blob.size()));
  std::uint64_t address = 0, size = 0;
  npim_fdt_node node = npim_fdt_compatible(&fdt, NPIM_FDT_NONE, "ns16550a");
  ASSERT_TRUE(npim_fdt_reg(&fdt, node, 0, &address, &size));
  EXPECT_EQ(address, 0x10000000u);
  EXPECT_EQ(size, 0x100u);
  EXPECT_FALSE(npim_fdt_reg(&fdt, node, 1, &address, &size));
  node = npim_fdt_compatible(&fdt, NPIM_FDT_NONE, "neural-pim,file");
  EXPECT_STREQ(npim_fdt_text(&fdt, node, "npim,name"), "images");
  node = npim_fdt_compatible(&fdt, node, "neural-pim,file");
  EXPECT_STREQ(npim_fdt_text(&fdt, node, "npim,name"), "labels");
  ASSERT_TRUE(npim_fdt_reg(&fdt, node, 0, &address, &size));
  EXPECT_EQ(address, 0x88000000u);
  EXPECT_EQ(size, 2000u);
  EXPECT_EQ(npim_fdt_compatible(&fdt, node, "neural-pim,file"), NPIM_FDT_NONE);
}

TEST(Fdt, DefaultCellCounts) {
  const Blob blob = make_tree();
  npim_fdt fdt;
  ASSERT_TRUE(npim_fdt_open(&fdt, blob.data(), blob.size()));
  std::uint64_t address = 0, size = 0;
  ASSERT_TRUE(npim_fdt_reg(&fdt, npim_fdt_find(&fdt, "/bus/device@5"), 0, &address, &size));
  EXPECT_EQ(address, 5u);
  EXPECT_EQ(size, 0x40u);
}

/// Everything that firmware asks a tree.
void question(const npim_fdt &fdt) {
  std::uint64_t address = 0, size = 0;
  for (const char *path : {"/chosen", "/cpus", "/soc/uart", "/"}) {
    const npim_fdt_node node = npim_fdt_find(&fdt, path);
    npim_fdt_text(&fdt, node, "bootargs");
    npim_fdt_number(&fdt, node, "timebase-frequency", &address);
    npim_fdt_name(&fdt, node);
  }
  npim_fdt_node node = NPIM_FDT_NONE;
  int nodes = 0;
  while ((node = npim_fdt_compatible(&fdt, node, "neural-pim,file")) != NPIM_FDT_NONE) {
    npim_fdt_text(&fdt, node, "npim,name");
    npim_fdt_reg(&fdt, node, 0, &address, &size);
    npim_fdt_reg(&fdt, node, 0xffffffff, &address, &size);
    ASSERT_LT(++nodes, 1000);
  }
}

TEST(Fdt, DamagedTreesAreReadWithinTheirBounds) {
  const Blob good = make_tree();
  std::mt19937 random(11);
  for (int i = 0; i < 20000; ++i) {
    Blob blob = good;
    for (unsigned k = 0; k <= random() % 4; ++k) {
      blob[random() % blob.size()] = static_cast<std::uint8_t>(random());
    }
    if (i % 3 == 0) blob.resize(random() % blob.size());
    npim_fdt fdt;
    if (npim_fdt_open(&fdt, blob.data(), blob.size())) question(fdt);
  }
}

TEST(Fdt, WithoutATreeNothingIsFound) {
  npim_fdt fdt;
  EXPECT_FALSE(npim_fdt_open(&fdt, nullptr, 100));
  const Blob zeros(100);
  EXPECT_FALSE(npim_fdt_open(&fdt, zeros.data(), zeros.size()));
  question(fdt);
  EXPECT_EQ(npim_fdt_find(&fdt, "/chosen"), NPIM_FDT_NONE);
}

}  // namespace
}  // namespace npim::testing
