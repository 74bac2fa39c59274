#include "network/quantise.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "network/float_executor.h"
#include "network/golden.h"
#include "network/lowering.h"
#include "network/ranges.h"
#include "network/scale_plan.h"

namespace npim::network {
namespace {

[[noreturn]] void refuse_options(const std::string &what) {
  throw InputError("quantisation options", what);
}

const std::uint8_t *image_of(const Calibration &calibration, std::int32_t index) {
  return calibration.pixels.data() +
         static_cast<std::size_t>(index) * static_cast<std::size_t>(calibration.shape.elements());
}

/// The calibration images as the float graph takes them.
std::vector<std::vector<float>> float_inputs(const Graph &graph, const Calibration &calibration,
                                             const QuantiseOptions &options) {
  if (options.without_calibration) return {};
  const TensorShape shape = input_shape_of(graph);
  const auto text = [](const TensorShape &s) {
    return to_text(Shape{s.height, s.width, s.channels});
  };
  if (calibration.count < 1) graph.fail("cannot be quantised without calibration images");
  if (calibration.shape != shape) {
    graph.fail("calibration images of " + text(calibration.shape) +
               " do not match the network's input of " + text(shape));
  }
  const auto size = static_cast<std::size_t>(shape.elements());
  if (calibration.pixels.size() / size < static_cast<std::size_t>(calibration.count)) {
    graph.fail("calibration set holds fewer bytes than its images need");
  }
  std::vector<std::vector<float>> inputs;
  for (std::int32_t i = 0; i < calibration.count; ++i) {
    inputs.push_back(float_input(shape, image_of(calibration, i), options));
  }
  return inputs;
}

/// One scale for channels that are normalised differently.
void tabulate_input(const QuantiseOptions &options, QuantisedNetwork &network) {
  const std::size_t channels = options.input_mean.size();
  const auto real = [&](std::size_t channel, int byte) {
    return (options.input_scale * (byte - options.input_zero_point) - options.input_mean[channel]) /
           options.input_deviation[channel];
  };
  ActivationRange range;
  for (std::size_t c = 0; c < channels; ++c) {
    range.low = std::min({range.low, real(c, 0), real(c, 255)});
    range.high = std::max({range.high, real(c, 0), real(c, 255)});
  }
  const ActivationScale scale = scale_of(range);
  for (std::size_t c = 0; c < channels; ++c) {
    for (int byte = 0; byte < 256; ++byte) {
      const double steps = std::round(real(c, byte) / scale.scale) + scale.zero_point;
      network.input_table.push_back(static_cast<std::uint8_t>(std::clamp(steps, 0.0, 255.0)));
    }
  }
  network.input_scale = scale.scale;
  network.input_zero_point = scale.zero_point;
}

QuantisedNetwork empty_network(const Graph &graph, const QuantiseOptions &options) {
  QuantisedNetwork network;
  const std::size_t slash = graph.name.find_last_of('/');
  network.name = slash == std::string::npos ? graph.name : graph.name.substr(slash + 1);
  network.name.resize(std::min(network.name.size(), network.name.rfind('.')));
  network.format = options.format;
  network.input_shape = input_shape_of(graph);
  network.input_scale = options.input_scale;
  network.input_zero_point = options.input_zero_point;
  if (!options.input_mean.empty()) tabulate_input(options, network);
  return network;
}

/// Float values against integers.
void compare(const std::vector<float> &real, const GoldenTensor &integers, const Layer &layer,
             bool is_channel_major, double &signal, double &noise) {
  Value value;
  value.shape = integers.shape;
  value.is_channel_major = is_channel_major;
  for (std::size_t k = 0; k < real.size(); ++k) {
    const auto at = static_cast<std::size_t>(value.held_index(static_cast<std::int64_t>(k)));
    const double got =
        layer.output_scale * (static_cast<double>(integers.values[at]) - layer.output_zero_point);
    signal += static_cast<double>(real[k]) * real[k];
    noise += (got - real[k]) * (got - real[k]);
  }
}

/// Fills in how far every layer's output is from the float network's.
void measure_errors(const Graph &graph, const QuantisedNetwork &network,
                    const Calibration &calibration, const std::vector<std::vector<float>> &inputs,
                    const std::vector<LayerTensor> &tensors, std::vector<LayerReport> &reports) {
  struct Power {
    double signal = 0, noise = 0;
  };
  std::vector<std::vector<Power>> per_image(inputs.size(), std::vector<Power>(reports.size()));
  parallel_for(inputs.size(), [&](std::size_t i) {
    const FloatTensors real = execute_float(graph, inputs[i]);
    const auto integers =
        execute_golden(network, image_of(calibration, static_cast<std::int32_t>(i)));
    for (std::size_t layer = 0; layer < reports.size(); ++layer) {
      const LayerTensor &tensor = tensors[layer];
      if (tensor.name.empty()) continue;
      Power &power = per_image[i][layer];
      compare(real.at(tensor.name), integers[layer], network.layers[layer], tensor.is_channel_major,
              power.signal, power.noise);
    }
  });
  for (std::size_t layer = 0; layer < reports.size(); ++layer) {
    Power sum;
    for (const auto &image : per_image) {
      sum.signal += image[layer].signal;
      sum.noise += image[layer].noise;
    }
    reports[layer].sqnr_db = decibels(sum.signal, sum.noise);
    reports[layer].has_sqnr = !tensors[layer].name.empty() && !inputs.empty();
  }
}

}  // namespace

TensorShape input_shape_of(const Graph &graph) {
  const std::string &input = graph.inputs.at(0);
  const Shape &shape = graph.shape(input);
  const auto extent = [&](std::size_t axis) { return static_cast<std::int32_t>(shape[axis]); };
  if (shape.size() == 4 && shape[0] == 1) return {extent(2), extent(3), extent(1)};
  if (shape.size() == 2 && shape[0] == 1) return {1, 1, extent(1)};
  if (shape.size() == 3 && shape[1] == 1) return {extent(0), extent(2), 1};
  if (shape.size() == 3 && shape[0] == 1) return {extent(1), extent(2), 1};
  graph.fail(
      "input '" + input + "' of shape " + to_text(shape) +
      " is neither an image (1 x channels x height x width), nor a vector, nor a sequence of "
      "vectors");
}

void check_options(const QuantiseOptions &options, std::size_t channels) {
  const auto are_usable = [](const std::vector<std::int32_t> &values) {
    return !values.empty() && std::all_of(values.begin(), values.end(), [](std::int32_t value) {
      return value >= 1 && value <= 1024;
    });
  };
  if (!are_usable(options.range_divisors) || !are_usable(options.bitline_gains)) {
    refuse_options("range divisors or bit-line gains are not usable");
  }
  if (!(options.percentile > 50 && options.percentile <= 100)) {
    refuse_options("percentile is not within 50 .. 100");
  }
  if (!(std::isfinite(options.input_scale) && options.input_scale > 0) ||
      options.input_zero_point < 0 || options.input_zero_point > 255) {
    refuse_options("input scale or zero point is not usable");
  }
  if (options.input_mean.empty() && options.input_deviation.empty()) return;
  if (options.input_mean.size() != channels || options.input_deviation.size() != channels) {
    refuse_options("input mean and deviation need one value for each of " +
                   std::to_string(channels) + " channels");
  }
  for (std::size_t c = 0; c < channels; ++c) {
    if (!(std::isfinite(options.input_mean[c]) && options.input_deviation[c] > 1e-6 &&
          options.input_deviation[c] < 1e6 && std::abs(options.input_mean[c]) < 1e6)) {
      refuse_options("input mean or deviation is not usable");
    }
  }
}

std::vector<float> float_input(const TensorShape &shape, const std::uint8_t *image,
                               const QuantiseOptions &options) {
  std::vector<float> values =
      float_input(shape, image, options.input_scale, options.input_zero_point);
  if (options.input_mean.empty()) return values;
  const std::size_t plane = values.size() / options.input_mean.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i / plane;
    values[i] =
        static_cast<float>((values[i] - options.input_mean[c]) / options.input_deviation[c]);
  }
  return values;
}

QuantisedNetwork quantise(Graph graph, const Calibration &calibration,
                          const QuantiseOptions &options, QuantisationReport *report) {
  fuse(graph);
  check_options(options, static_cast<std::size_t>(input_shape_of(graph).channels));
  const auto inputs = float_inputs(graph, calibration, options);
  const ScalePlan plan(graph, options, inputs);
  QuantisedNetwork network = empty_network(graph, options);
  Lowering lowering(graph, calibration, static_cast<std::int32_t>(inputs.size()), options, plan,
                    network);
  lowering.run();
  validate(network);
  if (report != nullptr) {
    measure_errors(graph, network, calibration, inputs, lowering.tensors, lowering.reports);
    report->layers = std::move(lowering.reports);
    report->host_softmax = plan.host_softmax();
  }
  return network;
}

}  // namespace npim::network
