#include "analysis/dataflow_network.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "crossbar/physical_array.h"
#include "dataflow/strategy_b.h"
#include "network/golden.h"
#include "peripheral/line_adc.h"
#include "peripheral/line_range.h"

namespace npim::analysis {
namespace {

using crossbar::InputBatch;
using crossbar::PhysicalArray;
using dataflow::Strategy;
using network::GoldenTensor;
using network::Layer;
using network::TensorShape;

constexpr int kArrayRows = 128;

const device::ArrayGeometry &geometry() {
  static const device::ArrayGeometry geometry{config::ChipConfig::Array{}};
  return geometry;
}

/// All windows of a layer, as rows of bytes: [window][group][ky, kx, channel of the group].
std::vector<std::uint8_t> gather_windows(const Layer &layer, const GoldenTensor &input) {
  const network::WindowSource source = {layer.input_shape, layer.window, layer.groups,
                                        layer.pad_value};
  const TensorShape &shape = layer.output_shape;
  const auto bytes = static_cast<std::size_t>(source.rows()) * source.groups;
  std::vector<std::uint8_t> rows(bytes * shape.height * shape.width);
  std::uint8_t *to = rows.data();
  for (std::int32_t y = 0; y < shape.height; ++y) {
    for (std::int32_t x = 0; x < shape.width; ++x, to += bytes) {
      network::gather_window(source, input.values.data(), y, x, to);
    }
  }
  return rows;
}

}  // namespace

/// The crossbars of one convolution.
class DataflowNetwork::LayerArrays {
 public:
  LayerArrays(const Layer &layer, network::Converter converter, const crossbar::Physics &physics,
              Strategy strategy)
      : layer_(layer),
        physics_(physics),
        strategy_(strategy),
        block_rows_(layer.rows_per_block(kArrayRows)) {
    product_ = std::int64_t{converter.range_divisor} * converter.bitline_gain;
    const int outputs = layer.output_shape.channels / layer.groups;
    rows_ = static_cast<int>(layer.weights.size()) / layer.output_shape.channels;
    for (int group = 0; group < layer.groups; ++group) {
      for (int first_row = 0; first_row < rows_; first_row += block_rows_) {
        for (int first = 0; first < outputs; first += geometry().vectors()) {
          add_array(group, first_row, group * outputs + first,
                    std::min(geometry().vectors(), outputs - first));
        }
      }
    }
  }

  GoldenTensor compute(const GoldenTensor &input, int converter_bits) const {
    GoldenTensor output;
    output.shape = layer_.output_shape;
    const auto channels = static_cast<std::size_t>(output.shape.channels);
    std::vector<std::int64_t> sums(static_cast<std::size_t>(output.shape.elements()));
    const std::vector<std::uint8_t> rows = gather_windows(layer_, input);
    for (const Part &part : parts_) add_products(part, rows, converter_bits, sums);
    output.values.resize(sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::size_t c = i % channels;
      output.values[i] = network::golden_requantise(
          layer_.requantise, sums[i] * layer_.requantise.multiplier[c], layer_.requantise.bias[c]);
    }
    return output;
  }

 private:
  struct Part {
    int group, first_row, rows, first_channel, channels;
    std::unique_ptr<PhysicalArray> array;
    peripheral::EncodedWeights encoded;  // of B
  };

  void add_array(int group, int first_row, int first_channel, int channels) {
    Part part = {
        group,   first_row, std::min(block_rows_, rows_ - first_row), first_channel, channels,
        nullptr, {}};
    part.array = std::make_unique<PhysicalArray>(geometry(), physics_, device::Place{});
    std::vector<std::int8_t> weights;
    for (int row = first_row; row < first_row + part.rows; ++row) {
      for (int c = first_channel; c < first_channel + channels; ++c) {
        weights.push_back(layer_.weights[static_cast<std::size_t>(c) * rows_ + row]);
      }
    }
    part.array->program(weights.data(), part.rows, channels);
    if (strategy_ == Strategy::kAnalogBuffering) {
      part.encoded =
          peripheral::encode_weights(geometry(), {}, weights.data(), part.rows, channels);
    }
    parts_.push_back(std::move(part));
  }

  void add_products(const Part &part, const std::vector<std::uint8_t> &rows, int converter_bits,
                    std::vector<std::int64_t> &sums) const {
    const auto stride = static_cast<std::size_t>(rows_) * layer_.groups;
    const std::ptrdiff_t first = std::ptrdiff_t{part.group} * rows_ + part.first_row;
    const std::size_t windows = rows.size() / stride;
    const auto used = static_cast<std::size_t>(part.rows);
    std::vector<std::uint8_t> inputs(windows * used);
    for (std::size_t w = 0; w < windows; ++w) {
      std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(w * stride) + first, used,
                  inputs.begin() + static_cast<std::ptrdiff_t>(w * used));
    }
    const InputBatch batch(inputs.data(), static_cast<int>(windows), part.rows, physics_.dac_bits);
    std::size_t vectors = 0;
    const auto products = products_of(part, batch, converter_bits, vectors);
    const auto channels = static_cast<std::size_t>(layer_.output_shape.channels);
    for (std::size_t w = 0; w < windows; ++w) {
      for (int v = 0; v < part.channels; ++v) {
        sums[w * channels + static_cast<std::size_t>(part.first_channel + v)] +=
            products[w * vectors + static_cast<std::size_t>(v)];
      }
    }
  }

  std::vector<std::int64_t> products_of(const Part &part, const InputBatch &batch,
                                        int converter_bits, std::size_t &vectors) const {
    vectors = static_cast<std::size_t>(
        strategy_ == Strategy::kAnalogBuffering ? part.channels : geometry().vectors());
    const auto count = static_cast<std::size_t>(batch.size()) * vectors;
    const std::int64_t largest = dataflow::largest_line_sum(geometry(), false, batch.dac_bits());
    if (strategy_ == Strategy::kAnalogBuffering) {
      peripheral::AnalogBufferParameters exact;
      exact.cell.cell.bits = device::kMostCellBits;
      RandomStream unused(0, 0, 0);
      const peripheral::AnalogBuffer buffer(part.encoded, exact, batch.dac_bits(), batch.cycles(),
                                            largest, unused);
      const peripheral::IdealAdc adc(converter_bits);
      std::vector<std::int64_t> products(count);
      dataflow::StrategyB(part.encoded, buffer, adc, batch.cycles())
          .products(*part.array, batch, products.data());
      return products;
    }
    crossbar::LineConverter converter;  // exact
    converter.highest = static_cast<std::int32_t>(largest);
    if (strategy_ == Strategy::kDigitalAccumulation) {
      converter.lsb = std::max(1.0, peripheral::code_step(largest, converter_bits));
      converter.highest = (1 << converter_bits) - 1;
    }
    std::vector<std::int32_t> codes(count);
    part.array->converted_sums(batch, converter, codes.data());
    std::vector<std::int64_t> products(codes.begin(), codes.end());
    for (auto &product : products) {
      if (strategy_ == Strategy::kDigitalAccumulation) {
        product *= static_cast<std::int64_t>(converter.lsb);
      } else {
        product = once_converted(product, converter_bits);
      }
    }
    return products;
  }

  /// Strategy C: one signed code per dot product, and the sum that it stands for.
  std::int64_t once_converted(std::int64_t product, int converter_bits) const {
    const double highest = std::ldexp(1.0, converter_bits - 1) - 1;
    const double full_scale = 255.0 * 255 * kArrayRows / static_cast<double>(product_);
    if (highest < 1) return 0;
    const double code = std::clamp(std::round(static_cast<double>(product) / full_scale * highest),
                                   -highest, highest);
    return std::llround(code * full_scale / highest);
  }

  const Layer &layer_;
  const crossbar::Physics physics_;
  Strategy strategy_;
  int block_rows_;
  std::int64_t product_ = 1;  // of range divisor and gain
  int rows_ = 0;
  std::vector<Part> parts_;
};

DataflowNetwork::DataflowNetwork(const network::QuantisedNetwork &exact,
                                 const std::vector<network::Converter> &converters,
                                 Strategy strategy, int dac_bits)
    : network_(exact), strategy_(strategy) {
  resolution_.dac_bits = dac_bits;
  resolution_.check();
  if (strategy == Strategy::kAnalogBuffering &&
      dataflow::bit_line_bits(resolution_) > device::kMostCellBits) {
    throw InputError(
        "analog buffering with " + std::to_string(dac_bits) + "-bit DACs",
        "needs buffer cells of " + std::to_string(dataflow::bit_line_bits(resolution_)) + " bits");
  }
  crossbar::Physics physics;
  physics.dac_bits = dac_bits;
  for (std::size_t i = 0; i < exact.layers.size(); ++i) {
    layers_.push_back(
        exact.layers[i].op == network::LayerOp::kConvolution
            ? std::make_unique<LayerArrays>(exact.layers[i], converters.at(i), physics, strategy)
            : nullptr);
  }
}

DataflowNetwork::~DataflowNetwork() = default;

int DataflowNetwork::required_bits() const {
  return dataflow::converter_bits(strategy_, resolution_);
}

std::vector<std::int32_t> DataflowNetwork::logits(const std::uint8_t *image,
                                                  int converter_bits) const {
  if (converter_bits < 1 || converter_bits > 16) {
    throw InputError("converter bits", "must be 1 to 16, found " + std::to_string(converter_bits));
  }
  const auto compute = [&](std::size_t index, const std::vector<const GoldenTensor *> &inputs) {
    if (layers_[index]) return layers_[index]->compute(*inputs[0], converter_bits);
    return network::execute_golden_layer(network_.format, network_.layers[index], inputs);
  };
  return std::move(network::execute_golden(network_, image, compute).back().values);
}

}  // namespace npim::analysis
