// accuracy MODEL.onnx CALIBRATION-IMAGES TEST-IMAGES [COUNT]: the accuracy of one trained network
// by executors: in float, in 8-bit integers with a converter that loses nothing, with the default
// converter of an ideal chip, and with that of [NP] taken literally (sign plus 8 bits, no gain).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "network/dataset.h"
#include "network/float_executor.h"
#include "network/golden.h"
#include "network/onnx_import.h"
#include "network/quantise.h"

namespace {

using namespace npim;
using namespace npim::network;

struct Point {
  const char *name;
  ConverterFormat::Code code;
  std::vector<std::int32_t> gains;
};

template <typename Logits>
double accuracy(const LabelledImages &images, std::int32_t count, Logits logits) {
  int right = 0;
  for (std::int32_t i = 0; i < count; ++i) {
    const auto values = logits(images.image(i));
    const auto best = std::max_element(values.begin(), values.end()) - values.begin();
    right += best == images.labels[static_cast<std::size_t>(i)];
  }
  return 100.0 * right / count;
}

void run(const std::string &model, const std::string &calibration_path,
         const std::string &test_path, std::int32_t limit) {
  const Graph graph = import_onnx(model);
  const LabelledImages test = load_images(test_path);
  LabelledImages images = load_images(calibration_path);
  const TensorShape shape = {images.height, images.width, images.channels};
  Calibration calibration;
  calibration.shape = shape;
  calibration.count = std::min(images.count, 128);
  calibration.pixels = std::move(images.pixels);
  const std::int32_t count = std::min(limit, test.count);
  QuantiseOptions options;
  if (shape.channels == 3) {
    options.input_mean = {0.485, 0.456, 0.406};
    options.input_deviation = {0.229, 0.224, 0.225};
  }
  std::printf("%-36s %7.2f %%\n", "float", accuracy(test, count, [&](const std::uint8_t *image) {
                return float_logits(graph, float_input(shape, image, options));
              }));
  if (const char *text = std::getenv("NPIM_CORRECTION")) {
    options.correction = static_cast<QuantiseOptions::Correction>(std::atoi(text));
  }
  if (const char *text = std::getenv("NPIM_RANGE")) {
    const double percentile = std::atof(text);
    options.range =
        percentile > 0 ? QuantiseOptions::Range::kPercentile : QuantiseOptions::Range::kMeanSquare;
    if (percentile > 0) options.percentile = percentile;
  }
  const Point points[] = {
      {"8-bit digital (lossless converter)", ConverterFormat::Code::kLossless, {1}},
      {"ideal chip (signed 8, gains 1..8)", ConverterFormat::Code::kSigned8, {1, 2, 4, 8}},
      {"signed 8, gain 1", ConverterFormat::Code::kSigned8, {1}},
      {"paper-literal (sign + 8, gain 1)", ConverterFormat::Code::kSignPlus8, {1}}};
  for (const Point &point : points) {
    options.format.code = point.code;
    options.bitline_gains = point.gains;
    const auto start = std::chrono::steady_clock::now();
    QuantisationReport report;
    const QuantisedNetwork network = quantise(graph, calibration, options, &report);
    const auto middle = std::chrono::steady_clock::now();
    const double share = accuracy(
        test, count, [&](const std::uint8_t *image) { return golden_logits(network, image); });
    const std::chrono::duration<double> quantising = middle - start,
                                        running = std::chrono::steady_clock::now() - middle;
    std::printf("%-36s %7.2f %%   (quantised in %.1f s, %.1f ms per image)\n", point.name, share,
                quantising.count(), 1e3 * running.count() / count);
    if (std::getenv("NPIM_LAYERS") == nullptr) continue;
    for (const LayerReport &layer : report.layers) {
      std::printf("    %-44s product %3d  SQNR %5.1f dB  converter %5.1f dB  clipped %.3f %%\n",
                  layer.name.c_str(), layer.converter.range_divisor * layer.converter.bitline_gain,
                  layer.sqnr_db, layer.converter_sqnr_db, 100 * layer.clipping_rate);
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: accuracy MODEL.onnx CALIBRATION-IMAGES TEST-IMAGES [COUNT]\n");
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3], argc > 4 ? std::max(1, std::atoi(argv[4])) : 1 << 30);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "accuracy: %s\n", error.what());
    return 2;
  }
  return 0;
}
