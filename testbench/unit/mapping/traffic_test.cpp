// What links carry, and in which order tiles are used.
#include "mapping/traffic.h"

#include <gtest/gtest.h>

#include "mapping/tile_allocator.h"

namespace npim::mapping {
namespace {

/// 4 x 4 tiles at 2 x 2 routers; a flit of 4 bytes takes a nanosecond.
config::ChipConfig sixteen_tiles(int chips = 1) {
  config::ChipConfig chip;
  chip.tile_columns = chip.tile_rows = 4;
  chip.noc.tiles_per_router = 4;
  chip.noc.flit_bits = 32;
  chip.noc.clock_mhz = 1000;
  chip.noc.multicast = true;
  chip.chips.count = chips;
  chip.chips.link_gigabytes_per_second = 2;
  return chip;
}

TEST(Traffic, ALinkThatReceiversShareCarriesAPacketOnce) {
  auto chip = sixteen_tiles();
  Traffic shared(chip);
  // Tile 0 is at the first router, 2 and 3 at the second: one link to the east, two to the tiles.
  const std::int64_t flits = shared.flits(8);
  EXPECT_EQ(flits, 3) << "two and a header";
  EXPECT_EQ(shared.send(0, {2, 3}, 10 * flits, 80), 3 * 80);
  EXPECT_DOUBLE_EQ(shared.busiest_ns(), 10 * 3);
  chip.noc.multicast = false;
  Traffic apart(chip);
  EXPECT_EQ(apart.send(0, {2, 3}, 10 * flits, 80), 4 * 80);
  EXPECT_DOUBLE_EQ(apart.busiest_ns(), 2 * 10 * 3);
}

TEST(Traffic, WhatStaysOnATileDoesNotReachTheNetwork) {
  const auto chip = sixteen_tiles();
  Traffic traffic(chip);
  EXPECT_EQ(traffic.send(5, {5}, 30, 80), 0);
  EXPECT_EQ(traffic.busiest_ns(), 0);
  EXPECT_EQ(traffic.send(5, {5, 4}, 30, 80), 80) << "to a neighbour at the same router";
}

TEST(Traffic, SendersThatMeetOnALinkAddUp) {
  const auto chip = sixteen_tiles();
  Traffic traffic(chip);
  traffic.send(0, {10}, 2, 4);  // from the first router to the last: east, then south
  traffic.send(2, {15}, 2, 4);  // from the second to the last
  EXPECT_DOUBLE_EQ(traffic.busiest_ns(), 4) << "the second router's link to the south";
}

TEST(Traffic, LinksBetweenChipsCountBytes) {
  const auto chip = sixteen_tiles(3);
  Traffic traffic(chip);
  EXPECT_EQ(traffic.send(0, {32}, 2000, 4000), 3 * 4000)
      << "the first router of each chip, in between as well";
  EXPECT_DOUBLE_EQ(traffic.busiest_ns(), 2000) << "4000 bytes at 2 per ns, 2000 flits before that";
}

std::vector<int> path(int band, int columns = 4) {
  auto chip = sixteen_tiles();
  chip.tile_columns = columns;
  TileAllocator allocator(chip, band);
  std::vector<int> tiles;
  for (int i = 0; i < chip.tiles(); ++i) {
    tiles.push_back(allocator.take(chip.arrays_per_tile(), 0)->tile);
  }
  return tiles;
}

TEST(TileAllocator, GoesFromRouterToNeighbouringRouter) {
  EXPECT_EQ(path(1), (std::vector<int>{0, 1, 4, 5, 2, 3, 6, 7, 10, 11, 14, 15, 8, 9, 12, 13}));
  EXPECT_EQ(path(2), (std::vector<int>{0, 1, 4, 5, 8, 9, 12, 13, 10, 11, 14, 15, 2, 3, 6, 7}));
  // Three columns of routers; the last one of a band is next to the first one of the next.
  const std::vector<int> wide = path(1, 6);
  EXPECT_EQ(wide[11], 11);
  EXPECT_EQ(wide[12], 16);
}

}  // namespace
}  // namespace npim::mapping
