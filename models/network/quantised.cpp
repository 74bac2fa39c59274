#include "network/quantised.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace npim::network {
namespace {

constexpr std::uint32_t kMagic = 0x4e51504e;  // "NPQN"
constexpr std::uint16_t kVersion = 6;

// Limits far above any network that fits a chip, low enough that products of a few of them stay in
// 64 bits and that a damaged file cannot ask for gigabytes.
constexpr std::int32_t kMaximumExtent = 1 << 16;
constexpr std::int64_t kMaximumElements = std::int64_t{1} << 26;       // of one tensor
constexpr std::int64_t kMaximumTotalElements = std::int64_t{1} << 28;  // of all tensors
constexpr std::int64_t kMaximumKernel = std::int64_t{1} << 26;  // elements of one flattened kernel
constexpr std::int64_t kMaximumWork = std::int64_t{1} << 36;    // taps of all windows of one layer
constexpr std::size_t kMaximumWeights = std::size_t{1} << 29;   // of all layers that share some
constexpr std::int32_t kMaximumArrayRows = 4096;
constexpr std::int32_t kMaximumConverterFactor = 1 << 10;
constexpr std::size_t kMaximumLayers = 8192;
constexpr std::int64_t kMaximumFactors = 4096;  // of a local response

bool within(std::int64_t value, std::int64_t lowest, std::int64_t highest) {
  return value >= lowest && value <= highest;
}

std::string text(const TensorShape &shape) {
  return std::to_string(shape.height) + "x" + std::to_string(shape.width) + "x" +
         std::to_string(shape.channels);
}

/// Checks one network; every message starts with the network's (or file's) name and the layer.
class Checker {
 public:
  Checker(const QuantisedNetwork &network, const std::string &name)
      : network_(network), name_(name), used_(network.layers.size(), false) {}

  void run() {
    check_header();
    for (index_ = 0; index_ < network_.layers.size(); ++index_) check_layer();
    index_ = network_.layers.size();
    for (std::size_t i = 0; i + 1 < used_.size(); ++i) {
      if (!used_[i]) fail_at(i, "its output is never used");
    }
  }

 private:
  [[noreturn]] void fail(const std::string &what) const { throw InputError(name_, what); }
  [[noreturn]] void fail_at(std::size_t index, const std::string &what) const {
    throw InputError(
        name_ + ", layer " + std::to_string(index) + " ('" + network_.layers[index].name + "')",
        what);
  }
  void require(bool condition, const std::string &what) const {
    if (!condition) fail_at(index_, what);
  }

  void check_header() {
    const ConverterFormat &format = network_.format;
    if (!within(format.array_rows, 1, kMaximumArrayRows)) {
      fail("array_rows " + std::to_string(format.array_rows) + " is not within 1 .. " +
           std::to_string(kMaximumArrayRows));
    }
    if (!within(static_cast<int>(format.code), 1, 3)) fail("unknown converter code format");
    if (!is_sane(network_.input_shape))
      fail("input shape " + text(network_.input_shape) + " is not usable");
    if (!(std::isfinite(network_.input_scale) && network_.input_scale > 0)) {
      fail("input scale is not a positive number");
    }
    if (!within(network_.input_zero_point, 0, 255)) fail("input zero point is not within 0 .. 255");
    const auto table = static_cast<std::int64_t>(network_.input_table.size());
    if (table != 0 && table != 256 * std::int64_t{network_.input_shape.channels}) {
      fail("input table has " + std::to_string(table) + " bytes instead of 256 per channel");
    }
    if (network_.layers.empty()) fail("has no layers");
    if (network_.layers.size() > kMaximumLayers) fail("has too many layers");
    total_elements_ = network_.input_shape.elements();
  }

  static bool is_sane(const TensorShape &shape) {
    return within(shape.height, 1, kMaximumExtent) && within(shape.width, 1, kMaximumExtent) &&
           within(shape.channels, 1, kMaximumExtent) && shape.elements() <= kMaximumElements;
  }

  void check_layer() {
    const Layer &layer = network_.layers[index_];
    require(within(static_cast<int>(layer.op), 1, 10), "unknown operation");
    require(is_sane(layer.input_shape),
            "input shape " + text(layer.input_shape) + " is not usable");
    require(is_sane(layer.output_shape),
            "output shape " + text(layer.output_shape) + " is not usable");
    total_elements_ += layer.output_shape.elements();
    require(total_elements_ <= kMaximumTotalElements, "tensors are too large in total");
    require(std::isfinite(layer.output_scale) && layer.output_scale > 0,
            "output scale is not a positive number");
    check_inputs(layer);
    check_window(layer);
    if (layer.op == LayerOp::kConvolution) {
      check_weights(layer);
    } else {
      require(layer.weights.empty(), "has weights but is not a convolution");
    }
    check_table(layer);
    check_requantise(layer);
  }

  const TensorShape &shape_of(std::int32_t producer) const {
    return producer == kNetworkInput
               ? network_.input_shape
               : network_.layers[static_cast<std::size_t>(producer)].output_shape;
  }

  void check_inputs(const Layer &layer) {
    const bool is_concat = layer.op == LayerOp::kConcat;
    const bool is_product = layer.op == LayerOp::kMultiply;
    const std::size_t wanted = is_product || layer.op == LayerOp::kAdd ? 2 : 1;
    require(is_concat ? !layer.inputs.empty() : layer.inputs.size() == wanted,
            "has " + std::to_string(layer.inputs.size()) + " inputs instead of " +
                std::to_string(wanted) + (is_concat ? " or more" : ""));
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      const std::int32_t input = layer.inputs[i];
      require(input == kNetworkInput || within(input, 0, static_cast<std::int64_t>(index_) - 1),
              "input " + std::to_string(input) + " is not an earlier layer");
      TensorShape shape = shape_of(input);
      if (is_concat) shape.channels = layer.input_shape.channels;
      const bool is_factor = is_product && i == 1 && shape.height == 1 && shape.width == 1;
      if (is_factor) shape.height = layer.input_shape.height, shape.width = layer.input_shape.width;
      require(shape == layer.input_shape, "input shape " + text(layer.input_shape) +
                                              " differs from its producer's " + text(shape));
      if (input == kNetworkInput) continue;
      const auto producer = static_cast<std::size_t>(input);
      require(!network_.layers[producer].requantise.output_s32,
              "reads 32-bit values of layer " + std::to_string(producer));
      used_[producer] = true;
    }
    is_concat ? check_concat(layer)
              : require(layer.channel_offsets.empty(), "has channel offsets but is no concat");
    require(layer.op == LayerOp::kConvolution || layer.groups == 1,
            "has groups but is not a convolution");
  }

  void check_concat(const Layer &layer) const {
    require(layer.channel_offsets.size() == layer.inputs.size(),
            "has not one channel offset per input");
    std::int64_t end = 0, total = 0;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      const std::int32_t channels = shape_of(layer.inputs[i]).channels;
      require(layer.channel_offsets[i] >= end, "channels of its inputs overlap");
      end = std::int64_t{layer.channel_offsets[i]} + channels;
      total += channels;
    }
    require(end <= layer.output_shape.channels, "an input exceeds the output's channels");
    require(total == layer.input_shape.channels, "input channels are not those of its inputs");
    // The readers' buffers hold the constant channels; the network's output has no such buffer.
    require(index_ + 1 < network_.layers.size(), "a concat cannot be the last layer");
  }

  void check_window(const Layer &layer) const {
    const Window &window = layer.window;
    const TensorShape &in = layer.input_shape, &out = layer.output_shape;
    if (layer.op == LayerOp::kConcat) {
      require(in.height == out.height && in.width == out.width,
              "output shape " + text(out) + " differs from the inputs' " + text(in));
      return;
    }
    if (is_elementwise(layer.op)) {
      require(in == out, "output shape " + text(out) + " differs from the inputs' " + text(in));
      return;
    }
    if (layer.op == LayerOp::kGather) return;
    check_axis(layer, in.height, out.height, window.kernel_height, window.stride_height,
               window.dilation_height, window.pad_top, window.pad_bottom, "height");
    check_axis(layer, in.width, out.width, window.kernel_width, window.stride_width,
               window.dilation_width, window.pad_left, window.pad_right, "width");
    const bool is_pool = layer.op != LayerOp::kConvolution;
    const std::int64_t area = std::int64_t{window.kernel_height} * window.kernel_width;
    require(area <= kMaximumKernel && area * (is_pool ? 1 : in.channels) <= kMaximumKernel,
            "kernel is too large");
    require(area * (is_pool ? 1 : in.channels) <= kMaximumWork / out.elements(),
            "windows are too large in total");
    if (is_pool) {
      require(in.channels == out.channels, "a pool cannot change the number of channels");
    }
  }

  static bool is_elementwise(LayerOp op) {
    return op == LayerOp::kAdd || op == LayerOp::kLookup || op == LayerOp::kMultiply ||
           op == LayerOp::kLocalResponse;
  }

  void check_axis(const Layer &layer, std::int64_t in, std::int64_t out, std::int64_t kernel,
                  std::int64_t stride, std::int64_t dilation, std::int64_t pad_before,
                  std::int64_t pad_after, const std::string &axis) const {
    require(within(kernel, 1, kMaximumExtent), "kernel " + axis + " is out of range");
    require(within(stride, 1, kMaximumExtent), "stride along " + axis + " is out of range");
    require(within(dilation, 1, kMaximumExtent), "dilation along " + axis + " is out of range");
    const std::int64_t span = covered(kernel, dilation);
    require(within(pad_before, 0, kMaximumExtent) && within(pad_after, 0, kMaximumExtent),
            "padding along " + axis + " is out of range");
    if (layer.op == LayerOp::kMaxPool || layer.op == LayerOp::kInsideAverage) {
      // Otherwise a window could lie in the padding alone, and a maximum of nothing has no value.
      require(pad_before < kernel && pad_after < kernel,
              "padding along " + axis + " is not smaller than the kernel");
      require(dilation == 1 || (pad_before == 0 && pad_after == 0),
              "a dilated pool cannot be padded");
    }
    const std::int64_t room = in + pad_before + pad_after - span;
    require(room >= 0, "the kernel's " + axis + " exceeds the padded input");
    require(room / stride + 1 == out, "output " + axis + " " + std::to_string(out) + " should be " +
                                          std::to_string(room / stride + 1));
  }

  void check_weights(const Layer &layer) const {
    const std::int32_t groups = layer.groups;
    require(groups >= 1 && layer.input_shape.channels % groups == 0 &&
                layer.output_shape.channels % groups == 0,
            std::to_string(groups) + " groups do not divide the channels");
    const std::int64_t kernel = std::int64_t{layer.window.kernel_height} *
                                layer.window.kernel_width * (layer.input_shape.channels / groups);
    const auto stored = static_cast<std::int64_t>(layer.weights.size());
    require(
        stored % layer.output_shape.channels == 0 && stored / layer.output_shape.channels == kernel,
        std::to_string(stored) + " weights instead of " +
            std::to_string(layer.output_shape.channels) + " x " + std::to_string(kernel));
    require(within(layer.block_rows, 0, network_.format.array_rows),
            "a row block exceeds the rows of an array");
    require(layer.weight_shift <= 1, "weight shift is neither 0 nor 1");
    const bool fits =
        layer.weight_shift == 0 || std::none_of(layer.weights.begin(), layer.weights.end(),
                                                [](std::int8_t weight) { return weight == -128; });
    require(fits, "a weight of -128 does not fit its cells when shifted");
    require(within(layer.converter.range_divisor, 1, kMaximumConverterFactor),
            "range divisor is out of range");
    require(within(layer.converter.bitline_gain, 1, kMaximumConverterFactor),
            "bit-line gain is out of range");
  }

  void check_table(const Layer &layer) const {
    const auto size = static_cast<std::int64_t>(layer.table.size());
    const auto check = [&](std::int64_t lowest, std::int64_t highest, std::int64_t largest) {
      for (const std::int32_t value : layer.table) {
        require(within(value, lowest, highest),
                "table holds " + std::to_string(value) + ", which is out of range");
      }
      require(size <= largest, std::to_string(size) + " table entries are too many");
    };
    if (layer.op == LayerOp::kLookup) {
      require(size == 256, std::to_string(size) + " table entries instead of 256");
      check(0, 255, 256);
    } else if (layer.op == LayerOp::kGather) {
      require(size == layer.output_shape.elements(), "has not one table entry per output element");
      check(-1, layer.input_shape.elements() - 1, size);
    } else if (layer.op == LayerOp::kLocalResponse) {
      require(size > 0, "has no factors");
      check(0, 65535, kMaximumFactors);
      require(within(layer.neighbours, 1, kMaximumExtent), "neighbours are out of range");
      require(within(layer.sum_shift, 0, 31), "sum shift is not within 0 .. 31");
    } else {
      require(size == 0, "has a table that it does not use");
    }
  }

  void check_requantise(const Layer &layer) const {
    const Requantise &post = layer.requantise;
    std::size_t multipliers = static_cast<std::size_t>(layer.output_shape.channels);
    std::size_t biases = multipliers;
    switch (layer.op) {
      case LayerOp::kMaxPool:
      case LayerOp::kConcat:
      case LayerOp::kLookup:
      case LayerOp::kGather:
        require(post.multiplier.empty() && post.bias.empty() && !post.output_s32,
                "an operation that copies or looks up does not requantise");
        return;
      case LayerOp::kAdd:
        multipliers = 2, biases = 1;
        break;
      case LayerOp::kMultiply:
      case LayerOp::kLocalResponse:
        multipliers = biases = 1;
        break;
      case LayerOp::kInsideAverage:
        multipliers =
            static_cast<std::size_t>(layer.window.kernel_height) * layer.window.kernel_width;
        biases = 1;
        break;
      case LayerOp::kConvolution:
      case LayerOp::kAveragePool:
        break;
    }
    require(post.multiplier.size() == multipliers, "wrong number of multipliers");
    require(post.bias.size() == biases, "wrong number of biases");
    require(within(post.shift, 0, 62), "shift is not within 0 .. 62");
    require(0 <= post.low && post.low <= post.high && post.high <= 255,
            "clamp limits are not 0 <= low <= high <= 255");
    if (layer.op == LayerOp::kAdd) {
      const std::int64_t sum = std::llabs(post.multiplier[0]) + std::llabs(post.multiplier[1]);
      require(fits(255, sum, post.bias[0], post.shift), "post-processing exceeds 64 bits");
      return;
    }
    const std::int64_t bound = accumulator_bound(layer);
    for (std::size_t c = 0; c < multipliers; ++c) {
      require(fits(bound, post.multiplier[c], post.bias[biases == 1 ? 0 : c], post.shift),
              "post-processing of channel " + std::to_string(c) + " exceeds 64 bits");
    }
  }

  /// Largest magnitude that the layer's accumulator can take.
  std::int64_t accumulator_bound(const Layer &layer) const {
    const std::int64_t taps = std::int64_t{layer.window.kernel_height} * layer.window.kernel_width;
    if (layer.op == LayerOp::kAveragePool || layer.op == LayerOp::kInsideAverage) {
      return taps * 255;
    }
    if (layer.op == LayerOp::kMultiply) return 255 * 255;
    if (layer.op == LayerOp::kLocalResponse) return 255 * 65535;
    const std::int64_t rows = taps * (layer.input_shape.channels / layer.groups);
    const std::int64_t block_rows = layer.rows_per_block(network_.format.array_rows);
    const std::int64_t blocks = (rows + block_rows - 1) / block_rows;
    switch (network_.format.code) {
      case ConverterFormat::Code::kSigned8:
        return blocks * 127;
      case ConverterFormat::Code::kSignPlus8:
        return blocks * 255;
      case ConverterFormat::Code::kLossless:
        return rows * 255 * 128 << layer.weight_shift;
    }
    return std::numeric_limits<std::int64_t>::max();
  }

  /// Whether bound * |multiplier| + |bias| + the rounding term fits a signed 64-bit integer.
  static bool fits(std::int64_t bound, std::int64_t multiplier, std::int64_t bias,
                   std::int32_t shift) {
    if (bias == std::numeric_limits<std::int64_t>::min()) return false;
    const std::int64_t rounding = shift == 0 ? 0 : std::int64_t{1} << (shift - 1);
    std::int64_t sum = 0;
    return !__builtin_mul_overflow(bound, std::int64_t{std::llabs(multiplier)}, &sum) &&
           !__builtin_add_overflow(sum, std::int64_t{std::llabs(bias)}, &sum) &&
           !__builtin_add_overflow(sum, rounding, &sum);
  }

  const QuantisedNetwork &network_;
  const std::string name_;
  std::vector<bool> used_;
  std::size_t index_ = 0;
  std::int64_t total_elements_ = 0;
};

std::uint64_t bits_of(double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

double double_of(std::uint64_t bits) {
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

void put_shape(ByteWriter &writer, const TensorShape &shape) {
  writer.put(shape.height);
  writer.put(shape.width);
  writer.put(shape.channels);
}

TensorShape get_shape(ByteReader &reader) {
  TensorShape shape;
  shape.height = reader.get<std::int32_t>();
  shape.width = reader.get<std::int32_t>();
  shape.channels = reader.get<std::int32_t>();
  return shape;
}

/// The members in file order, for writing and reading alike.
template <typename AnyWindow, typename Visit>
void visit_window(AnyWindow &window, Visit visit) {
  visit(window.kernel_height), visit(window.kernel_width);
  visit(window.stride_height), visit(window.stride_width);
  visit(window.dilation_height), visit(window.dilation_width);
  visit(window.pad_top), visit(window.pad_left);
  visit(window.pad_bottom), visit(window.pad_right);
}

template <typename T>
void put_vector(ByteWriter &writer, const std::vector<T> &values) {
  writer.put(static_cast<std::uint32_t>(values.size()));
  for (const T value : values) writer.put(value);
}

template <typename T>
std::vector<T> get_vector(ByteReader &reader) {
  const std::size_t size = reader.get<std::uint32_t>();
  reader.require(size * sizeof(T));  // before allocating
  std::vector<T> values(size);
  for (T &value : values) value = reader.get<T>();
  return values;
}

bool get_flag(ByteReader &reader) {
  const auto value = reader.get<std::uint8_t>();
  if (value > 1) reader.fail("a flag is neither 0 nor 1");
  return value == 1;
}

/// Weights that an earlier layer has as well, a recurrent layer's first step: its number and no
/// weights.
constexpr std::uint32_t kOwnWeights = 0xffffffff;
constexpr std::size_t kLeastShared = 64;

std::uint32_t find_weights(const std::vector<Layer> &layers, std::size_t number) {
  const Layer &layer = layers[number];
  if (layer.weights.size() < kLeastShared) return kOwnWeights;
  for (std::size_t i = 0; i < number; ++i) {
    if (layers[i].weights == layer.weights) return static_cast<std::uint32_t>(i);
  }
  return kOwnWeights;
}

void put_weights(ByteWriter &writer, const std::vector<Layer> &layers, std::size_t number) {
  const std::vector<std::int8_t> &weights = layers[number].weights;
  const std::uint32_t shared = find_weights(layers, number);
  writer.put(shared);
  if (shared != kOwnWeights) return;
  writer.put(static_cast<std::uint32_t>(weights.size()));
  writer.put_bytes(weights.data(), weights.size());
}

std::vector<std::int8_t> get_weights(ByteReader &reader, const std::vector<Layer> &layers) {
  const auto shared = reader.get<std::uint32_t>();
  if (shared != kOwnWeights) {
    if (shared >= layers.size()) reader.fail("weights of a later layer");
    std::size_t total = layers[shared].weights.size();
    for (const Layer &layer : layers) total += layer.weights.size();
    if (total > kMaximumWeights) reader.fail("weights are too large in total");
    return layers[shared].weights;
  }
  const std::size_t size = reader.get<std::uint32_t>();
  reader.require(size);  // before allocating
  std::vector<std::int8_t> weights(size);
  reader.get_bytes(weights.data(), size);
  return weights;
}

void put_layer(ByteWriter &writer, const std::vector<Layer> &layers, std::size_t number) {
  const Layer &layer = layers[number];
  writer.put_text(layer.name);
  writer.put(layer.op);
  put_vector(writer, layer.inputs);
  put_shape(writer, layer.input_shape);
  put_shape(writer, layer.output_shape);
  visit_window(layer.window, [&](std::int32_t value) { writer.put(value); });
  writer.put(layer.pad_value);
  put_vector(writer, layer.channel_offsets);
  writer.put(layer.groups);
  put_weights(writer, layers, number);
  writer.put(layer.weight_shift);
  writer.put(layer.block_rows);
  put_vector(writer, layer.table);
  writer.put(layer.second_zero_point);
  writer.put(layer.neighbours);
  writer.put(layer.sum_shift);
  writer.put(layer.converter.range_divisor);
  writer.put(layer.converter.bitline_gain);
  put_vector(writer, layer.requantise.multiplier);
  put_vector(writer, layer.requantise.bias);
  writer.put(layer.requantise.shift);
  writer.put(static_cast<std::uint8_t>(layer.requantise.output_s32));
  writer.put(layer.requantise.low);
  writer.put(layer.requantise.high);
  writer.put(bits_of(layer.output_scale));
  writer.put(layer.output_zero_point);
}

Layer get_layer(ByteReader &reader, const std::vector<Layer> &earlier) {
  Layer layer;
  layer.name = reader.get_text();
  layer.op = static_cast<LayerOp>(reader.get<std::uint8_t>());
  layer.inputs = get_vector<std::int32_t>(reader);
  layer.input_shape = get_shape(reader);
  layer.output_shape = get_shape(reader);
  visit_window(layer.window, [&](std::int32_t &value) { value = reader.get<std::int32_t>(); });
  layer.pad_value = reader.get<std::uint8_t>();
  layer.channel_offsets = get_vector<std::int32_t>(reader);
  layer.groups = reader.get<std::int32_t>();
  layer.weights = get_weights(reader, earlier);
  layer.weight_shift = reader.get<std::uint8_t>();
  layer.block_rows = reader.get<std::int32_t>();
  layer.table = get_vector<std::int32_t>(reader);
  layer.second_zero_point = reader.get<std::uint8_t>();
  layer.neighbours = reader.get<std::int32_t>();
  layer.sum_shift = reader.get<std::int32_t>();
  layer.converter.range_divisor = reader.get<std::int32_t>();
  layer.converter.bitline_gain = reader.get<std::int32_t>();
  layer.requantise.multiplier = get_vector<std::int32_t>(reader);
  layer.requantise.bias = get_vector<std::int64_t>(reader);
  layer.requantise.shift = reader.get<std::int32_t>();
  layer.requantise.output_s32 = get_flag(reader);
  layer.requantise.low = reader.get<std::int32_t>();
  layer.requantise.high = reader.get<std::int32_t>();
  layer.output_scale = double_of(reader.get<std::uint64_t>());
  layer.output_zero_point = reader.get<std::int32_t>();
  return layer;
}

}  // namespace

void validate(const QuantisedNetwork &network) {
  Checker(network, "network '" + network.name + "'").run();
}

Bytes encode_input(const QuantisedNetwork &network, const std::uint8_t *image) {
  Bytes bytes(image, image + network.input_shape.elements());
  if (network.input_table.empty()) return bytes;
  const auto channels = static_cast<std::size_t>(network.input_shape.channels);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = network.input_table[i % channels * 256 + bytes[i]];
  }
  return bytes;
}

Bytes serialise(const QuantisedNetwork &network) {
  ByteWriter writer;
  writer.put(kMagic);
  writer.put(kVersion);
  writer.put_text(network.name);
  writer.put(network.format.array_rows);
  writer.put(network.format.code);
  put_shape(writer, network.input_shape);
  writer.put(bits_of(network.input_scale));
  writer.put(network.input_zero_point);
  put_vector(writer, network.input_table);
  writer.put(static_cast<std::uint32_t>(network.layers.size()));
  for (std::size_t i = 0; i < network.layers.size(); ++i) put_layer(writer, network.layers, i);
  return writer.take();
}

QuantisedNetwork deserialise(const Bytes &bytes, const std::string &name) {
  ByteReader reader(bytes, name);
  if (reader.get<std::uint32_t>() != kMagic) reader.fail("is not an integer network");
  const auto version = reader.get<std::uint16_t>();
  if (version != kVersion) {
    reader.fail("version " + std::to_string(version) + " of the integer network is not " +
                std::to_string(kVersion));
  }
  QuantisedNetwork network;
  network.name = reader.get_text();
  network.format.array_rows = reader.get<std::int32_t>();
  network.format.code = static_cast<ConverterFormat::Code>(reader.get<std::uint8_t>());
  network.input_shape = get_shape(reader);
  network.input_scale = double_of(reader.get<std::uint64_t>());
  network.input_zero_point = reader.get<std::int32_t>();
  network.input_table = get_vector<std::uint8_t>(reader);
  const auto layers = reader.get<std::uint32_t>();
  if (layers > kMaximumLayers) reader.fail(std::to_string(layers) + " layers are too many");
  for (std::uint32_t i = 0; i < layers; ++i) {
    network.layers.push_back(get_layer(reader, network.layers));
  }
  if (reader.remaining() != 0) {
    reader.fail(std::to_string(reader.remaining()) + " bytes follow the last layer");
  }
  Checker(network, name).run();
  return network;
}

}  // namespace npim::network
