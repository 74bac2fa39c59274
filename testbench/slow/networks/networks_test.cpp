// Whole networks through firmware, as a user would run them: all test images, every logit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/subprocess.h"

namespace npim::testing {
namespace {

class ResidualNetworks : public ::testing::TestWithParam<const char *> {};

TEST_P(ResidualNetworks, EqualGoldenOnAllTestImages) {
  const std::string root = NPIM_SOURCE_DIR "/", data = root + "../shared/data/";
  const std::string model = data + "onnx/" + GetParam() + ".onnx";
  if (!std::filesystem::exists(model)) GTEST_SKIP() << model << " is absent";
  const std::string npim = NPIM_BINARY_DIR "/npim";
  const std::string program = (std::filesystem::temp_directory_path() /
                               (std::string(GetParam()) + std::to_string(getpid()) + ".npim"))
                                  .string();
  const Finished compiled =
      run({npim, "compile", model, "--chip", root + "configs/chips/neural-pim.json", "--calibrate",
           data + "cifar10/data_batch_1.bin", "-o", program},
          600);
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  const Finished finished = run({npim, "run", "--platform", root + "configs/platforms/demo.json",
                                 "--firmware", root + "build/firmware/demo_cnn.elf", "--program",
                                 program, "--images", data + "cifar10/test_batch.bin", "--check"},
                                600);
  std::filesystem::remove(program);
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("4230 of 4230 logits equal"), std::string::npos) << finished.out;
}

INSTANTIATE_TEST_SUITE_P(Cifar10, ResidualNetworks,
                         ::testing::Values("resnet20_cifar10", "resnet32_cifar10"));

/// A folder that is gone afterwards.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("npim_networks_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  std::string file(const std::string &name) const { return (path_ / name).string(); }
  std::string write(const std::string &name, const std::string &content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

/// One image of 224 x 224 x 3 as IDX of rank 4.
std::string imagenet_image() {
  std::string idx("\0\0\x08\x04\0\0\0\x01\0\0\0\xe0\0\0\0\xe0\0\0\0\x03", 20);
  std::uint32_t state = 1;
  for (int i = 0; i < 224 * 224 * 3; ++i) {
    state = state * 1664525 + 1013904223;
    idx.push_back(static_cast<char>(state >> 24));
  }
  return idx;
}

struct ImageNetCase {
  const char *network, *chip;
};

class ImageNet : public ::testing::TestWithParam<ImageNetCase> {};

/// One ImageNet-size inference with values through firmware.
TEST_P(ImageNet, EqualsGolden) {
  const Folder folder;
  const std::string root = NPIM_SOURCE_DIR "/", npim = NPIM_BINARY_DIR "/npim";
  const std::string chip = root + "configs/chips/" + GetParam().chip + ".json";
  const std::string program = folder.file("network.npim");
  const Finished compiled =
      run({npim, "compile", GetParam().network, "--chip", chip, "-o", program}, 600);
  ASSERT_EQ(compiled.status, 0) << compiled.err;
  const std::string platform =
      folder.write("platform.json", R"({"name": "test", "chip": ")" + chip +
                                        R"(", "hart": {"clock_mhz": 1000, "quantum_ns": 100000}})");
  const Finished finished =
      run({npim, "run", "--platform", platform, "--firmware", root + "build/firmware/demo_cnn.elf",
           "--program", program, "--images", folder.write("image.idx", imagenet_image()), "--show",
           "0", "--check"},
          600);
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("1000 of 1000 logits equal"), std::string::npos) << finished.out;
}

INSTANTIATE_TEST_SUITE_P(Networks, ImageNet,
                         ::testing::Values(ImageNetCase{"resnet-18", "neural-pim"},
                                           ImageNetCase{"mobilenet-v2", "neural-pim"},
                                           ImageNetCase{"googlenet", "neural-pim"},
                                           ImageNetCase{"resnet-50", "neural-pim-8-chips"},
                                           ImageNetCase{"vgg-16", "neural-pim-8-chips"}));

/// The cycle-level model knows all that the analytic one does, and contention, buffers, whole tiles
/// and the NoC besides.
TEST(Compare, SimulatedTimesAreNeverBelowTheBounds) {
  const Folder folder;
  const std::string json = folder.file("compare.json");
  const Finished finished = run(
      {NPIM_BINARY_DIR "/npim", "compare", "--configs", NPIM_SOURCE_DIR "/configs", "--json", json},
      1200);
  ASSERT_EQ(finished.status, 0) << finished.err;
  std::ifstream file(json);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto networks = boost::json::parse(text).at("networks").as_array();
  EXPECT_EQ(networks.size(), 9U);
  for (const auto &network : networks) {
    for (const auto &chip : network.at("chips").as_array()) {
      const std::string where = boost::json::serialize(network.at("network")) + " on " +
                                boost::json::serialize(chip.at("chip"));
      EXPECT_GE(chip.at("image_ns").as_double(), chip.at("least_image_ns").as_double()) << where;
      EXPECT_GE(chip.at("latency_ns").as_double(), chip.at("least_latency_ns").as_double())
          << where;
    }
  }
}

}  // namespace
}  // namespace npim::testing
