// What tests of quantisation share.
#pragma once

#include <gtest/gtest.h>

#include "network/onnx_import.h"
#include "network/quantise.h"
#include "unit/network/onnx_model.h"

namespace npim::network::test {

inline Calibration random_images(Values &random, const TensorShape &shape, std::int32_t count) {
  Calibration set;
  set.shape = shape;
  set.count = count;
  for (std::int32_t i = 0; i < count; ++i) {
    const Bytes image = test::random_image(random, shape);
    set.pixels.insert(set.pixels.end(), image.begin(), image.end());
  }
  return set;
}

inline QuantiseOptions lossless() {
  QuantiseOptions options;
  options.format.code = ConverterFormat::Code::kLossless;
  options.range = QuantiseOptions::Range::kMinMax;
  return options;
}

/// Quantises for a converter that loses nothing and expects every layer close to the float network.
inline QuantisedNetwork expect_close(OnnxModel &model, const QuantiseOptions &options,
                                     double least_db) {
  const Graph graph = import_onnx(model.bytes(), "m");
  Values random(17);
  const Calibration images = random_images(random, input_shape_of(graph), 16);
  QuantisationReport report;
  QuantisedNetwork network = quantise(graph, images, options, &report);
  for (const LayerReport &layer : report.layers) {
    EXPECT_GT(layer.sqnr_db, least_db) << layer.name;
  }
  return network;
}

}  // namespace npim::network::test
