// Trained residual networks on all CIFAR-10 test images at hand: float, integers with a converter
// that loses nothing, and an ideal chip with the default converter, without bit-line gain, and as
// the paper reads literally.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "network/dataset.h"
#include "network/float_executor.h"
#include "network/golden.h"
#include "network/onnx_import.h"
#include "network/quantise.h"

namespace npim::network {
namespace {

class Cifar : public testing::TestWithParam<std::pair<const char *, double>> {
 protected:
  void SetUp() override {
    const std::string data = NPIM_SOURCE_DIR "/../shared/data/";
    if (!std::filesystem::exists(data + "cifar10")) GTEST_SKIP() << data << " is absent";
    graph_ = import_onnx(data + "onnx/" + GetParam().first);
    images_ = load_images(data + "cifar10/test_batch.bin");
    const LabelledImages training = load_images(data + "cifar10/data_batch_1.bin");
    calibration_.shape = kShape;
    calibration_.count = 128;
    calibration_.pixels.assign(training.pixels.begin(),
                               training.pixels.begin() + calibration_.count * kShape.elements());
    options_.input_mean = {0.485, 0.456, 0.406};
    options_.input_deviation = {0.229, 0.224, 0.225};
  }

  template <typename Logits>
  double accuracy(Logits logits) const {
    int right = 0;
    for (std::int32_t i = 0; i < images_.count; ++i) {
      const auto values = logits(images_.image(i));
      const auto best = std::max_element(values.begin(), values.end()) - values.begin();
      right += best == images_.labels[static_cast<std::size_t>(i)];
    }
    return 100.0 * right / images_.count;
  }

  double integer_accuracy(ConverterFormat::Code code) {
    options_.format.code = code;
    const QuantisedNetwork network = quantise(graph_, calibration_, options_);
    return accuracy([&](const std::uint8_t *image) { return golden_logits(network, image); });
  }

  static constexpr TensorShape kShape = {32, 32, 3};
  Graph graph_;
  LabelledImages images_;
  Calibration calibration_;
  QuantiseOptions options_;
};

TEST_P(Cifar, IntegersLoseAtMostSevenTenthsOfAPoint) {
  EXPECT_EQ(images_.count, 423);
  const double real = accuracy([&](const std::uint8_t *image) {
    return float_logits(graph_, float_input(kShape, image, options_));
  });
  EXPECT_NEAR(real, GetParam().second, 0.01);
  const double digital = integer_accuracy(ConverterFormat::Code::kLossless);
  EXPECT_GE(digital, real - 0.7);
  const double chip = integer_accuracy(ConverterFormat::Code::kSigned8);
  EXPECT_GE(chip, digital - 0.7);
  // Of 423 images, 2 % are one standard deviation and a half.
  options_.bitline_gains = {1};
  const double no_gain = integer_accuracy(ConverterFormat::Code::kSigned8);
  EXPECT_GE(no_gain, digital - 4);
  const double literal = integer_accuracy(ConverterFormat::Code::kSignPlus8);
  EXPECT_GE(literal, digital - 1.5);
  RecordProperty("no_gain_percent", std::to_string(no_gain));
  RecordProperty("paper_literal_percent", std::to_string(literal));
  RecordProperty("digital_percent", std::to_string(digital));
  RecordProperty("ideal_chip_percent", std::to_string(chip));
}

INSTANTIATE_TEST_SUITE_P(ResNet, Cifar,
                         testing::Values(std::make_pair("resnet20_cifar10.onnx", 91.25),
                                         std::make_pair("resnet32_cifar10.onnx", 93.14)),
                         [](const auto &instance) {
                           return std::string(instance.param.first).substr(0, 8);
                         });

}  // namespace
}  // namespace npim::network
