// Whole networks through firmware, as a user would run them: all test images, every logit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

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

}  // namespace
}  // namespace npim::testing
