#include "bus/address_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace npim::bus {
namespace {

using testing::AllOf;
using testing::HasSubstr;

AddressMap board_map() {
  AddressMap map("demo.json");
  map.add({"UART 16550", 0x10000000, 0x100,
           [](std::uint64_t offset) { return offset == 5 ? "LSR" : ""; }});
  map.add({"DRAM", 0x80000000, 0x80000000, {}});
  return map;
}

TEST(AddressMap, FindsFirstAndLastByteOfARegion) {
  const AddressMap map = board_map();
  EXPECT_EQ(map.find(0x0fffffff), AddressMap::none());
  EXPECT_EQ(map.find(0x10000000), 0u);
  EXPECT_EQ(map.find(0x100000ff), 0u);
  EXPECT_EQ(map.find(0x10000100), AddressMap::none());
  EXPECT_EQ(map.find(0xffffffff), 1u);
  EXPECT_EQ(map.find(0x100000000), AddressMap::none());
}

TEST(AddressMap, DescribesWhatLiesThere) {
  const AddressMap map = board_map();
  EXPECT_EQ(map.describe(0x10000005), "UART 16550 + 0x5 (LSR)");
  EXPECT_EQ(map.describe(0x80000010), "DRAM + 0x10");
  EXPECT_EQ(map.describe(0x7ffffff0), "nothing; nearest is DRAM (0x80000000 to 0xffffffff)");
  EXPECT_EQ(map.describe(0), "nothing; nearest is UART 16550 (0x10000000 to 0x100000ff)");
  EXPECT_EQ(map.describe(~0ull), "nothing; nearest is DRAM (0x80000000 to 0xffffffff)");
  EXPECT_EQ(AddressMap().describe(0), "nothing");
}

TEST(AddressMap, HoleIsBoundedByNeighbours) {
  const AddressMap map = board_map();
  EXPECT_EQ(map.hole(0), std::make_pair(std::uint64_t{0}, std::uint64_t{0x0fffffff}));
  EXPECT_EQ(map.hole(0x20000000),
            std::make_pair(std::uint64_t{0x10000100}, std::uint64_t{0x7fffffff}));
  EXPECT_EQ(map.hole(~0ull), std::make_pair(std::uint64_t{0x100000000}, ~std::uint64_t{0}));
}

/// What add() says against a region, or "".
std::string refusal(AddressMap map, std::uint64_t base, std::uint64_t size) {
  try {
    map.add({"chip", base, size, {}});
    return "";
  } catch (const InputError &error) {
    return error.what();
  }
}

TEST(AddressMap, OverlapNamesBothRegions) {
  using Range = std::pair<std::uint64_t, std::uint64_t>;
  for (const auto &[base, size] : {Range{0x100000ff, 0x10}, Range{0x0ffffff0, 0x11},
                                   Range{0x10000010, 1}, Range{0, 0x20000000}}) {
    EXPECT_THAT(refusal(board_map(), base, size),
                AllOf(HasSubstr("demo.json: region chip (" + hex(base)),
                      HasSubstr("overlaps UART 16550 (0x10000000 to 0x100000ff)")));
  }
}

TEST(AddressMap, NeighboursDoNotOverlap) {
  AddressMap map = board_map();
  EXPECT_NO_THROW(map.add({"below", 0x0fffff00, 0x100, {}}));
  EXPECT_NO_THROW(map.add({"above", 0x10000100, 0x100, {}}));
}

TEST(AddressMap, RefusesEmptyAndWrappingRegions) {
  const std::uint64_t near_top = ~std::uint64_t{0} - 0xf;
  EXPECT_THAT(refusal(AddressMap(), 0x1000, 0), HasSubstr("region chip has a size of zero"));
  EXPECT_THAT(refusal(AddressMap(), near_top, 0x11), HasSubstr("runs over the end"));
  EXPECT_EQ(refusal(AddressMap(), near_top, 0x10), "");
}

}  // namespace
}  // namespace npim::bus
