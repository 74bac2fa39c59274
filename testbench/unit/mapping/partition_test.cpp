// How networks are divided between chip and host.
#include "mapping/partition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "mapping/mapping.h"
#include "support/random_network.h"

namespace npim::mapping {
namespace {

using Kind = testing::RandomNetwork::Kind;
using program::Step;

config::ChipConfig full_chip() {
  return config::load_chip_config(std::string(NPIM_SOURCE_DIR) + "/configs/chips/neural-pim.json");
}

/// Builds a network layer by layer; all tensors are u8, but for the classifier's.
class Net {
 public:
  explicit Net(network::TensorShape input) {
    net_.name = "net";
    net_.input_shape = input;
  }
  int conv(int from, int channels, int seed) {
    network::Layer layer = begin(network::LayerOp::kConvolution, from);
    layer.output_shape.channels = channels;
    for (int i = 0; i < channels * layer.input_shape.channels; ++i) {
      layer.weights.push_back(static_cast<std::int8_t>((i * 7 + seed) % 100));
    }
    layer.requantise.multiplier.assign(static_cast<std::size_t>(channels), 1);
    layer.requantise.bias.assign(static_cast<std::size_t>(channels), 0);
    return append(layer);
  }
  int add(int a, int b) {
    network::Layer layer = begin(network::LayerOp::kAdd, a);
    layer.inputs = {a, b};
    layer.requantise.multiplier = {1, 1};
    layer.requantise.bias = {0};
    return append(layer);
  }
  int gather(int from, network::TensorShape shape, std::vector<std::int32_t> table) {
    network::Layer layer = begin(network::LayerOp::kGather, from);
    layer.output_shape = shape;
    layer.table = std::move(table);
    return append(layer);
  }
  /// Rows upside down.
  int turn(int from) {
    const auto shape = shape_of(from);
    std::vector<std::int32_t> table(static_cast<std::size_t>(shape.elements()));
    std::iota(table.begin(), table.end(), 0);
    std::reverse(table.begin(), table.end());
    return gather(from, shape, table);
  }
  const network::QuantisedNetwork &network() const { return net_; }

 private:
  network::TensorShape shape_of(int i) const {
    return i < 0 ? net_.input_shape : net_.layers[static_cast<std::size_t>(i)].output_shape;
  }
  network::Layer begin(network::LayerOp op, int from) const {
    network::Layer layer;
    layer.name = "layer" + std::to_string(net_.layers.size());
    layer.op = op;
    layer.inputs = {from};
    layer.input_shape = layer.output_shape = shape_of(from);
    return layer;
  }
  int append(network::Layer layer) {
    net_.layers.push_back(std::move(layer));
    return static_cast<int>(net_.layers.size()) - 1;
  }
  network::QuantisedNetwork net_;
};

int steps_of(const program::Schedule &schedule, Step::Kind kind) {
  return static_cast<int>(std::count_if(schedule.steps.begin(), schedule.steps.end(),
                                        [&](const Step &step) { return step.kind == kind; }));
}

TEST(Partition, WhatTilesCanDoIsOneStep) {
  const auto chip = full_chip();
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    const auto mapping = map_network(testing::RandomNetwork(seed).make({}, 5), chip);
    EXPECT_TRUE(mapping.is_chip_alone()) << seed;
    EXPECT_EQ(mapping.program.schedule.workspace_bytes, 0u);
  }
}

TEST(Partition, TheHostStandsBetweenSegments) {
  Net net({4, 4, 2});
  const int turned = net.turn(net.conv(-1, 3, 1));
  net.conv(turned, 2, 2);
  const auto mapping = map_network(net.network(), full_chip(), {Replication::kNone, {}});
  const auto &schedule = mapping.program.schedule;
  ASSERT_EQ(schedule.steps.size(), 3u);
  EXPECT_EQ(schedule.steps[0].kind, Step::Kind::kOnChip);
  EXPECT_EQ(schedule.steps[1].kind, Step::Kind::kOnHost);
  EXPECT_EQ(schedule.steps[1].layer, static_cast<std::uint32_t>(turned));
  EXPECT_EQ(schedule.steps[2].kind, Step::Kind::kOnChip);
  EXPECT_EQ(mapping.layers[1].host_reason, "it moves elements to other rows");
  EXPECT_EQ(mapping.program.weights.size(), 2u) << "arrays of both segments";
}

TEST(Partition, WhatLiesInOrderIsSeenNotCopied) {
  Net net({4, 4, 2});
  std::vector<std::int32_t> second_row(8);
  std::iota(second_row.begin(), second_row.end(), 8);
  const int row = net.gather(net.conv(-1, 2, 1), {1, 4, 2}, second_row);
  net.conv(row, 2, 2);
  const auto schedule = map_network(net.network(), full_chip()).program.schedule;
  EXPECT_EQ(steps_of(schedule, Step::Kind::kView), 1);
  EXPECT_EQ(steps_of(schedule, Step::Kind::kOnHost), 0);
  const auto &view = schedule.tensors[schedule.steps[1].output];
  EXPECT_EQ(view.first_byte, 8u);
  EXPECT_EQ(view.image_bytes, 32u) << "of the tensor that it is a part of";
}

TEST(Partition, SeveralTensorsBecomeOneOnTheirWay) {
  // The second segment reads two tensors, the third as well.
  Net net({4, 4, 2});
  const int a = net.conv(-1, 2, 1), turned = net.turn(a);
  const int b = net.add(a, net.conv(turned, 2, 2));
  const int back = net.turn(b);
  net.add(net.conv(back, 2, 3), b);
  const auto mapping = map_network(net.network(), full_chip());
  const auto &schedule = mapping.program.schedule;
  EXPECT_EQ(mapping.program.segments.size(), 3u);
  EXPECT_EQ(steps_of(schedule, Step::Kind::kOnHost), 2 + 2) << "two gathers, two joins";
  EXPECT_EQ(mapping.program.segments[1].input_shape.channels, 4);
  for (const auto &layer : mapping.layers) {
    EXPECT_EQ(layer.on_host, layer.op == network::LayerOp::kGather) << layer.name;
  }
}

TEST(Partition, TensorsThatDoNotGoTogetherMeetOnTheHost) {
  // The second factor has one pixel and comes from another segment.
  network::QuantisedNetwork network;
  Net net({4, 4, 2});
  const int a = net.conv(-1, 2, 1);
  const int pixel = net.gather(net.turn(a), {1, 1, 2}, {5, 0});
  net.conv(pixel, 2, 2);
  network = net.network();
  network::Layer product;
  product.name = "product";
  product.op = network::LayerOp::kMultiply;
  product.inputs = {0, 3};
  product.input_shape = product.output_shape = {4, 4, 2};
  product.requantise.multiplier = {1};
  product.requantise.bias = {0};
  network.layers.push_back(product);
  const auto mapping = map_network(network, full_chip());
  EXPECT_TRUE(mapping.layers.back().on_host);
  EXPECT_EQ(mapping.layers.back().host_reason,
            "its inputs come from elsewhere and differ in shape");
}

TEST(Partition, WorkspaceIsSharedByTensorsOfDifferentLifetimes) {
  Net net({8, 8, 4});
  int last = -1;
  for (int i = 0; i < 12; ++i) last = net.turn(net.conv(last, 4, i));
  net.conv(last, 4, 20);
  const auto schedule = map_network(net.network(), full_chip()).program.schedule;
  EXPECT_EQ(schedule.workspace_bytes, 2 * 8 * 8 * 4u) << "of 24 tensors two live at a time";
}

TEST(Partition, EqualWeightsAreSharedOnlyAlongAPath) {
  const auto programmed = [](bool in_a_row) {
    Net net({1, 1, 16});
    const int first = net.conv(-1, 16, 1);
    const int second = net.conv(in_a_row ? first : -1, 16, 1);
    net.add(first, second);
    return map_network(net.network(), full_chip());
  };
  EXPECT_EQ(programmed(true).program.weights.size(), 2u);
  EXPECT_EQ(programmed(true).program.segments.size(), 2u);
  EXPECT_TRUE(programmed(true).layers[1].shares_arrays);
  EXPECT_EQ(programmed(false).program.weights.size(), 4u);
  EXPECT_TRUE(programmed(false).is_chip_alone());
}

TEST(Partition, AnyNetworkHasASchedule) {
  const auto chip = full_chip();
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    const auto network =
        testing::RandomNetwork(seed, Kind::kAny).make({}, 1 + static_cast<int>(seed % 12));
    const auto program = map_network(network, chip).program;
    program::check_schedule(program.schedule, program.segments, program.network, "any");
  }
}

}  // namespace
}  // namespace npim::mapping
