// Parameters and multiply-accumulates against the published numbers.
#include "network/counts.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "network/golden.h"
#include "network/onnx_import.h"
#include "network/quantise.h"
#include "network/zoo.h"

namespace npim::network {
namespace {

struct Published {
  const char *name;
  double million_weights, giga_macs;
};

/// Folded batch normalisation takes one parameter per channel instead of two.
void expect_counts(const Graph &graph, const Published &wanted) {
  const LayerCount count = count_network(graph);
  EXPECT_NEAR(static_cast<double>(count.weights) / 1e6, wanted.million_weights,
              0.012 * wanted.million_weights)
      << wanted.name;
  EXPECT_NEAR(static_cast<double>(count.macs) / 1e9, wanted.giga_macs, 0.02 * wanted.giga_macs)
      << wanted.name;
}

TEST(Counts, ZooNetworksMatchThePublishedNumbers) {
  const Published networks[] = {{"alexnet", 61.10, 0.714},      {"vgg-16", 138.36, 15.47},
                                {"vgg-19", 143.67, 19.63},      {"resnet-50", 25.56, 4.09},
                                {"resnet-101", 44.55, 7.80},    {"inception-v2", 11.30, 2.03},
                                {"googlenet", 6.62, 1.50},      {"mobilenet-v2", 3.50, 0.30},
                                {"neuraltalk", 10.62, 0.01061}, {"resnet-18", 11.69, 1.82}};
  ASSERT_EQ(std::size(networks), zoo_names().size());
  for (const Published &network : networks) expect_counts(zoo_network(network.name, {1}), network);
  EXPECT_THROW(zoo_network("lenet", {1}), InputError);
}

TEST(Counts, FilesWithoutWeightsMatchThePublishedNumbers) {
  const std::string folder = NPIM_SOURCE_DIR "/../shared/data/onnx/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  ImportOptions options;
  options.synthetic_weights = {1};
  const Published files[] = {{"tv_alexnet", 61.10, 0.714},
                             {"tv_vgg16", 138.36, 15.47},
                             {"tv_resnet50", 25.56, 4.09},
                             {"tv_googlenet", 6.62, 1.50},
                             {"tv_mobilenet_v2", 3.50, 0.30}};
  for (const Published &file : files) {
    expect_counts(import_onnx(folder + file.name + ".onnx", options), file);
    EXPECT_THROW(import_onnx(folder + file.name + ".onnx"), InputError);
  }
}

// For studies of time: integers without a single calibration image.
TEST(Counts, ResNet50BecomesIntegersInSeconds) {
  const auto start = std::chrono::steady_clock::now();
  QuantiseOptions options;
  options.without_calibration = true;
  const QuantisedNetwork network = quantise(zoo_network("resnet-50", {1}), {}, options);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  RecordProperty("seconds", std::to_string(elapsed.count()));
  EXPECT_LT(elapsed.count(), 20.0);  // generous: a sanitised build on a busy machine
  std::int64_t weights = 0;
  for (const Layer &layer : network.layers) {
    weights += static_cast<std::int64_t>(layer.weights.size());
  }
  EXPECT_NEAR(static_cast<double>(weights) / 1e6, 25.5, 0.1);
}

TEST(Counts, ZooNetworksBecomeIntegers) {
  QuantiseOptions options;
  options.without_calibration = true;
  for (const char *name : {"googlenet", "inception-v2", "mobilenet-v2", "neuraltalk"}) {
    const QuantisedNetwork network = quantise(zoo_network(name, {1}), {}, options);
    const bool is_words = std::string(name) == "neuraltalk";
    EXPECT_EQ(network.layers.back().output_shape.channels, is_words ? 8791 : 1000) << name;
  }
}

}  // namespace
}  // namespace npim::network
