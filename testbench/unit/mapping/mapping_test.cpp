#include "mapping/mapping.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "mapping/floorplan.h"
#include "mapping/tile_allocator.h"
#include "support/random_network.h"

namespace npim::mapping {
namespace {

using program::Stage;
using program::StageOp;

config::ChipConfig small_chip() {
  return config::load_chip_config(std::string(NPIM_SOURCE_DIR) +
                                  "/configs/chips/neural-pim-small.json");
}

/// A one-layer network: fully connected, `inputs` x `outputs`, weight value = hash of its place.
network::QuantisedNetwork fully_connected(int inputs, int outputs) {
  network::QuantisedNetwork network;
  network.name = "fc";
  network.input_shape = {1, 1, inputs};
  network::Layer layer;
  layer.name = "fc0";
  layer.inputs = {network::kNetworkInput};
  layer.input_shape = network.input_shape;
  layer.output_shape = {1, 1, outputs};
  for (int i = 0; i < inputs * outputs; ++i) {
    layer.weights.push_back(static_cast<std::int8_t>((i * 37) % 255 - 127));
  }
  layer.requantise.multiplier.assign(static_cast<std::size_t>(outputs), 1);
  layer.requantise.bias.assign(static_cast<std::size_t>(outputs), 0);
  for (int i = 0; i < outputs; ++i) layer.requantise.bias[static_cast<std::size_t>(i)] = i;
  layer.requantise.output_s32 = true;
  network.layers = {layer};
  return network;
}

std::string error_of(const network::QuantisedNetwork &network, const config::ChipConfig &chip) {
  try {
    map_network(network, chip);
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

/// Rebuilds the layer's weight matrix from the arrays of its stages; every weight must come up
/// once.
void expect_weights_complete(const Mapping &mapping, const network::QuantisedNetwork &network,
                             const config::ChipConfig &chip) {
  std::map<std::pair<int, int>, const program::ArrayWeights *> arrays;
  for (const auto &array : mapping.program.weights) {
    EXPECT_TRUE(arrays.emplace(std::pair{array.tile, array.array}, &array).second)
        << "array programmed twice";
  }
  const auto &layer = network.layers[0];
  const auto kernel = layer.weights.size() / static_cast<std::size_t>(layer.output_shape.channels);
  std::vector<int> seen(layer.weights.size(), 0);
  std::map<std::size_t, int> first_channel;  // per stage
  for (const auto &stage : mapping.program.segments.at(0).stages) {
    if (stage.op != StageOp::kMvm) continue;
    // The slice's first channel shows in its bias (fully_connected numbers them) or in its
    // aggregator's.
    const Stage *post = &stage;
    if (stage.raw_output) {
      const auto &to = stage.destinations.at(0);
      for (const auto &other : mapping.program.segments.at(0).stages) {
        if (other.tile == to.tile && other.slot == to.slot) post = &other;
      }
    }
    const auto first = static_cast<std::size_t>(post->requantise.bias.at(0));
    for (const auto &use : stage.arrays) {
      const auto *array = arrays.at({stage.tile, use.array});
      for (std::size_t r = 0; r < array->rows; ++r) {
        for (std::size_t v = 0; v < array->vectors; ++v) {
          const std::size_t channel =
              first + use.column_group * static_cast<std::size_t>(chip.vectors_per_array()) + v;
          const std::size_t row = use.row_block * static_cast<std::size_t>(chip.array.rows) + r;
          ASSERT_LT(row, kernel);
          EXPECT_EQ(array->values[r * array->vectors + v], layer.weights[channel * kernel + row]);
          ++seen[channel * kernel + row];
        }
      }
    }
  }
  for (const int times : seen) EXPECT_EQ(times, 1);
}

/// No two buffers on a tile overlap, arrays are used once, and all ports have all their producers.
void expect_sound(const Mapping &mapping, const config::ChipConfig &chip) {
  std::map<int, std::vector<std::pair<std::int64_t, std::int64_t>>> buffers;
  std::set<std::pair<int, int>> arrays, slots;
  std::map<std::tuple<int, int, int, int>, int> connections;
  const auto &control = mapping.program.segments.at(0);
  for (const auto &d : control.inputs) ++connections[{d.tile, d.slot, d.port, d.producer}];
  for (const auto &stage : control.stages) {
    EXPECT_LT(stage.tile, chip.tiles());
    EXPECT_TRUE(slots.insert({stage.tile, stage.slot}).second);
    for (const auto &use : stage.arrays) {
      EXPECT_LT(use.array, chip.arrays_per_tile());
      EXPECT_TRUE(arrays.insert({stage.tile, use.array}).second);
    }
    for (const auto &port : stage.inputs) {
      EXPECT_LE(port.edram_offset + port.bytes(), chip.edram.bytes);
      buffers[stage.tile].push_back({port.edram_offset, port.edram_offset + port.bytes()});
    }
    for (const auto &d : stage.destinations) {
      if (d.tile != program::kHost) ++connections[{d.tile, d.slot, d.port, d.producer}];
    }
  }
  for (auto &[tile, ranges] : buffers) {
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      EXPECT_LE(ranges[i - 1].second, ranges[i].first) << "tile " << tile;
    }
  }
  for (const auto &stage : control.stages) {
    for (std::size_t port = 0; port < stage.inputs.size(); ++port) {
      for (int producer = 0; producer < stage.inputs[port].producers; ++producer) {
        EXPECT_EQ((connections[{stage.tile, stage.slot, static_cast<int>(port), producer}]), 1);
      }
    }
  }
}

TEST(Mapping, OneArray) {
  const auto network = fully_connected(100, 8);
  const Mapping mapping = map_network(network, small_chip());
  EXPECT_EQ(mapping.arrays_used, 1);
  EXPECT_EQ(mapping.tiles_used, 1);
  EXPECT_DOUBLE_EQ(mapping.layers[0].utilisation, 800.0 / 1024);
  expect_weights_complete(mapping, network, small_chip());
}

TEST(Mapping, KernelsLongerThanAnArrayTakeRowBlocks) {
  const auto network = fully_connected(300, 9);
  const Mapping mapping = map_network(network, small_chip());
  EXPECT_EQ(mapping.layers[0].row_blocks, 3);
  EXPECT_EQ(mapping.arrays_used, 6);
  expect_weights_complete(mapping, network, small_chip());
  expect_sound(mapping, small_chip());
}

TEST(Mapping, ManyOutputsAreSplitOverTiles) {
  const auto network = fully_connected(256, 40);  // 2 x 5 arrays, 8 per tile
  const Mapping mapping = map_network(network, small_chip());
  EXPECT_EQ(mapping.program.segments.at(0).stages.size(), 2u);
  EXPECT_EQ(mapping.tiles_used, 2);
  expect_weights_complete(mapping, network, small_chip());
  expect_sound(mapping, small_chip());
}

TEST(Mapping, KernelsLongerThanATileGetAnAggregator) {
  const auto network = fully_connected(128 * 12, 10);  // 12 row blocks, 8 arrays per tile
  const Mapping mapping = map_network(network, small_chip());
  int aggregates = 0;
  for (const auto &stage : mapping.program.segments.at(0).stages) {
    aggregates += stage.op == StageOp::kAggregate ? 1 : 0;
  }
  EXPECT_EQ(aggregates, 2);
  expect_weights_complete(mapping, network, small_chip());
  expect_sound(mapping, small_chip());
}

TEST(Mapping, RandomNetworksAreSound) {
  const auto chip =
      config::load_chip_config(std::string(NPIM_SOURCE_DIR) + "/configs/chips/neural-pim.json");
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    expect_sound(map_network(testing::RandomNetwork(seed).make({}, 5), chip), chip);
  }
}

TEST(Mapping, NeighboursInTheNetworkAreNeighboursOnTheChip) {
  // Five tiles of a 3 x 2 grid, of which 0, 1, 3 and 4 share a router.
  const auto network = fully_connected(128 * 8, 40);
  const Mapping mapping = map_network(network, small_chip());
  EXPECT_EQ(mapping.layers[0].tiles, (std::vector<int>{0, 1, 2, 3, 4}));
  std::vector<int> snake;
  for (const auto &stage : mapping.program.segments[0].stages) {
    if (!stage.arrays.empty()) snake.push_back(stage.tile);
  }
  EXPECT_EQ(snake, (std::vector<int>{0, 1, 3, 4, 2}));
}

TEST(Mapping, HolesAreFilledWhenNoFreshTileIsLeft) {
  auto chip = small_chip();
  chip.tile_columns = 2;
  chip.tile_rows = 1;
  TileAllocator allocator(chip);
  EXPECT_EQ(allocator.take(5, 64)->tile, 0);
  EXPECT_EQ(allocator.take(6, 64)->tile, 1);  // 8 arrays per tile
  const auto hole = allocator.take(3, 64);
  ASSERT_TRUE(hole);
  EXPECT_EQ(hole->tile, 0);
  EXPECT_EQ(hole->slot, 1);
  EXPECT_EQ(hole->edram_offset, 64);
  EXPECT_EQ(hole->arrays, (std::vector<int>{5, 6, 7}));
  EXPECT_EQ(allocator.take(2, 64)->tile, 1);
  EXPECT_FALSE(allocator.take(1, 64));
  EXPECT_TRUE(allocator.take(0, 64));
  EXPECT_FALSE(allocator.take(0, chip.edram.bytes));
  EXPECT_EQ(allocator.tiles_used(), 2);
}

TEST(Mapping, TooLargeForTheChipSaysSo) {
  EXPECT_NE(error_of(fully_connected(128 * 8, 80), small_chip()).find("none of the chip's 6 tiles"),
            std::string::npos);
  auto network = fully_connected(128 * 8, 8);
  network.input_shape = network.layers[0].input_shape = {1, 1, 1024};
  auto chip = small_chip();
  chip.edram.bytes = 512;
  EXPECT_NE(error_of(network, chip).find("layer 'fc0'"), std::string::npos);
  EXPECT_NE(error_of(network, chip).find("eDRAM"), std::string::npos);
}

/// Ten channels in groups of one: a depthwise 3 x 3 convolution on 12 x 12 pixels.
network::QuantisedNetwork depthwise() {
  auto network = fully_connected(10, 10);
  auto &layer = network.layers[0];
  network.input_shape = layer.input_shape = {12, 12, 10};
  layer.output_shape = {10, 10, 10};
  layer.window.kernel_height = layer.window.kernel_width = 3;
  layer.groups = 10;
  layer.weights.assign(90, 1);
  return network;
}

TEST(Mapping, GroupsShareAnArrayBlockDiagonally) {
  const Mapping mapping = map_network(depthwise(), small_chip(), {Replication::kNone});
  EXPECT_EQ(mapping.arrays_used, 2);  // 8 channels and 2
  EXPECT_EQ(mapping.layers[0].packed_groups, 8);
  EXPECT_DOUBLE_EQ(mapping.layers[0].utilisation, 90.0 / 2048);
  const auto &array = mapping.program.weights.at(0);
  ASSERT_EQ(array.rows, 72);
  ASSERT_EQ(array.vectors, 8);
  for (int row = 0; row < 72; ++row) {
    for (int vector = 0; vector < 8; ++vector) {
      EXPECT_EQ(array.values[static_cast<std::size_t>(row * 8 + vector)],
                row / 9 == vector ? 1 : 0);
    }
  }
  EXPECT_EQ(mapping.program.weights.at(1).rows, 18);
}

TEST(Mapping, ReplicationBalancesLayersWithinTheChip) {
  const Mapping once = map_network(depthwise(), small_chip(), {Replication::kNone});
  const Mapping balanced = map_network(depthwise(), small_chip());
  EXPECT_EQ(once.layers[0].replication, 1);
  // A pace of a window per row: as many copies as a row has windows, 8 arrays in a tile.
  EXPECT_EQ(balanced.layers[0].replication, 10);
  EXPECT_EQ(balanced.arrays_used, 20);
  EXPECT_GT(balanced.layers[0].strips, 1);
  expect_sound(balanced, small_chip());
}

TEST(Mapping, BuffersTooLargeForATileAreCutIntoStrips) {
  auto network = depthwise();
  auto chip = small_chip();
  chip.edram.bytes = 4 * 8 * 10;
  const Mapping mapping = map_network(network, chip, {Replication::kNone});
  EXPECT_GT(mapping.layers[0].strips, 1);
  EXPECT_LE(mapping.program.requirements.edram_bytes, chip.edram.bytes);
  expect_sound(mapping, chip);
  chip.edram.bytes = 3 * 3 * 10 - 1;  // not even one window
  const std::string error = error_of(network, chip);
  EXPECT_NE(error.find("input buffers in one tile"), std::string::npos) << error;
  EXPECT_NE(error.find("width + kernel width"), std::string::npos) << error;
}

TEST(Mapping, CostOfMovingDataIsBytesTimesRouters) {
  const Mapping mapping = map_network(fully_connected(100, 8), small_chip());
  EXPECT_EQ(mapping.image_hop_bytes, 100);            // tile 0 is at the controller's router
  EXPECT_EQ(mapping.layers[0].output_hop_bytes, 32);  // 8 sums of 4 bytes
  EXPECT_EQ(mapping.hop_bytes, 132);
}

TEST(Mapping, SeveralChipsHoldWhatOneCannot) {
  const auto network = fully_connected(128 * 8, 80);
  const std::string error = error_of(network, small_chip());
  EXPECT_NE(error.find("80 arrays, that is at least 2 chips; there are 48 arrays on 1 chip"),
            std::string::npos)
      << error;
  auto chips = small_chip();
  chips.chips.count = 2;
  const Mapping mapping = map_network(network, chips);
  EXPECT_EQ(mapping.tiles_used, 10);
  EXPECT_EQ(mapping.program.requirements.tiles, 11u);  // the snake ends on tile 10
  expect_weights_complete(mapping, network, chips);
  expect_sound(mapping, chips);
}

TEST(Floorplan, ShowsTilesAndLegend) {
  const std::string svg =
      floorplan_svg(map_network(fully_connected(256, 40), small_chip()), small_chip());
  EXPECT_EQ(svg.rfind("<svg ", 0), 0u);
  EXPECT_NE(svg.find("fc on "), std::string::npos);
  EXPECT_NE(svg.find("fc0, 10 arrays"), std::string::npos);
  EXPECT_NE(svg.find("<title>tile 5"), std::string::npos);
  EXPECT_NE(svg.find("</svg>"), std::string::npos);
}

TEST(Mapping, WhatTheChipWouldRefuseIsRefusedHere) {
  auto chip = small_chip();
  chip.input_register_bytes = chip.array.rows;  // four arrays share it
  const std::string error = error_of(fully_connected(128 * 3, 8), chip);
  EXPECT_NE(error.find("layer 'fc0'"), std::string::npos) << error;
  EXPECT_NE(error.find("input register"), std::string::npos) << error;
}

TEST(Mapping, MorePartsThanAnAggregatorAddsAreRefused) {
  auto chip = small_chip();
  chip.tile_columns = chip.tile_rows = 10;
  chip.imas_per_tile = chip.arrays_per_ima = 1;
  const std::string error = error_of(fully_connected(128 * 65, 8), chip);
  EXPECT_NE(error.find("span 65 tiles"), std::string::npos) << error;
}

TEST(Mapping, AnotherConverterOrArraySizeIsRefused) {
  auto network = fully_connected(10, 10);
  network.format.array_rows = 64;
  EXPECT_NE(error_of(network, small_chip()).find("quantised for another"), std::string::npos);
}

TEST(Mapping, ProgramsForABiggerChipAreRefused) {
  const auto chip = small_chip();
  Mapping mapping = map_network(fully_connected(256, 40), chip);
  EXPECT_NO_THROW(check_fits(mapping.program, chip, "p"));
  auto smaller = chip;
  smaller.tile_columns = smaller.tile_rows = 1;
  EXPECT_THROW(check_fits(mapping.program, smaller, "p"), InputError);
  auto other = chip;
  other.array.cell_bits = 2;
  EXPECT_THROW(check_fits(mapping.program, other, "p"), InputError);
  other = chip;
  other.edram.bytes = 16;
  EXPECT_THROW(check_fits(mapping.program, other, "p"), InputError);
}

}  // namespace
}  // namespace npim::mapping
