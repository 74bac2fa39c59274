#include "network/quantise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "network/float_executor.h"
#include "network/golden.h"
#include "network/ranges.h"

namespace npim::network {
namespace {

constexpr double kLargestSqnrDb = 200.0;                          // stands for "no error at all"
constexpr std::int64_t kSampledProducts = std::int64_t{1} << 20;  // per layer, for the converter

double decibels(double signal, double noise) {
  if (noise <= 0) return kLargestSqnrDb;
  if (signal <= 0) return 0;
  return std::min(kLargestSqnrDb, 10 * std::log10(signal / noise));
}

/// A tensor of the float graph as the chip holds it.
struct Value {
  std::int32_t layer = kNetworkInput;
  TensorShape shape;
  ActivationScale scale;
};

/// What a layer's integers are to mean.
struct Target {
  std::string tensor;  ///< of the float graph
  ActivationScale scale;
  Limits limits = {-std::numeric_limits<float>::infinity(),
                   std::numeric_limits<float>::infinity()};  ///< ReLU or Clip
  bool is_clamped = false;
  bool is_s32 = false;
  double largest = 0;  ///< magnitude seen in calibration
};

/// Tensors that must share one scale because integers are copied between them.
class ScaleGroups {
 public:
  void join(const std::string &a, const std::string &b) { parents_[root(a)] = root(b); }
  std::string root(std::string tensor) const {
    for (auto parent = parents_.find(tensor); parent != parents_.end() && parent->second != tensor;
         parent = parents_.find(tensor)) {
      tensor = parent->second;
    }
    return tensor;
  }

 private:
  std::map<std::string, std::string> parents_;
};

constexpr std::size_t kHistogramBins = 16;
constexpr double kFewestSamples = 256;  // windows from which moments are trusted
constexpr double kNominalRange = 4.0;   // of activations, where there are no images

/// Weights [out][y][x][in] with one scale per output channel.
struct IntegerWeights {
  std::vector<std::int8_t> values;
  std::vector<double> scales;
  std::vector<std::int64_t> sums;
};

IntegerWeights round_weights(const std::vector<float> &real, std::size_t channels) {
  IntegerWeights weights;
  const std::size_t kernel = real.size() / channels;
  weights.values.reserve(real.size());
  for (std::size_t c = 0; c < channels; ++c) {
    const float *row = real.data() + c * kernel;
    double largest = 0;
    for (std::size_t k = 0; k < kernel; ++k) {
      largest = std::max(largest, std::abs(static_cast<double>(row[k])));
    }
    const double scale = largest / 127;
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < kernel; ++k) {
      const double steps = largest > 0 ? std::round(row[k] / largest * 127) : 0;
      weights.values.push_back(static_cast<std::int8_t>(steps));
      sum += weights.values.back();
    }
    weights.scales.push_back(scale);
    weights.sums.push_back(sum);
  }
  return weights;
}

/// Dot product units per code; 1 for a converter that loses nothing.
double unit_of(const ConverterFormat &format, const Converter &converter) {
  if (format.code == ConverterFormat::Code::kLossless) return 1;
  const double limit = format.code == ConverterFormat::Code::kSigned8 ? 127 : 255;
  return format.array_rows * 255.0 * 255.0 /
         (limit * converter.range_divisor * converter.bitline_gain);
}

/// The converter settings with distinct products, smallest first, each with the smallest gain.
std::vector<Converter> converter_choices(const QuantiseOptions &options) {
  std::vector<Converter> choices;
  if (options.format.code == ConverterFormat::Code::kLossless) return {Converter{}};
  std::vector<std::int32_t> gains = options.bitline_gains;
  std::sort(gains.begin(), gains.end());
  for (const std::int32_t gain : gains) {
    for (const std::int32_t divisor : options.range_divisors) {
      const auto same = [&](const Converter &other) {
        return other.range_divisor * other.bitline_gain == divisor * gain;
      };
      if (std::none_of(choices.begin(), choices.end(), same)) choices.push_back({divisor, gain});
    }
  }
  std::sort(choices.begin(), choices.end(), [](const Converter &a, const Converter &b) {
    return a.range_divisor * a.bitline_gain < b.range_divisor * b.bitline_gain;
  });
  return choices;
}

class Quantiser {
 public:
  Quantiser(Graph graph, const Calibration &calibration, const QuantiseOptions &options)
      : graph_(std::move(graph)), calibration_(calibration), options_(options) {
    fuse(graph_);
  }

  QuantisedNetwork run(QuantisationReport *report) {
    check_options();
    check_calibration();
    find_last_tensor();
    start_network();
    plan_targets();
    for (node_index_ = 0; node_index_ < graph_.nodes.size(); ++node_index_) {
      node_ = &graph_.nodes[node_index_];
      if (absorbed_.count(node_index_) == 0) lower();
      release();
    }
    if (network_.layers.empty()) graph_.fail("has no operation for the chip");
    if (network_.layers.back().op == LayerOp::kConcat) {
      const Value last = values_.at(last_tensor_);
      is_finished_ = true;
      append_copy(last, last_tensor_, last.scale, Window{});
    }
    validate(network_);
    if (report != nullptr) {
      measure_errors();
      report->layers = std::move(reports_);
      report->host_softmax = host_softmax_;
    }
    return std::move(network_);
  }

 private:
  [[noreturn]] void fail(const std::string &what) const { graph_.fail(*node_, what); }

  // --- Preparation ---------------------------------------------------------------------------

  void check_options() const {
    const auto are_usable = [](const std::vector<std::int32_t> &values) {
      return !values.empty() && std::all_of(values.begin(), values.end(), [](std::int32_t value) {
        return value >= 1 && value <= 1024;
      });
    };
    if (!are_usable(options_.range_divisors) || !are_usable(options_.bitline_gains)) {
      throw InputError("quantisation options", "range divisors or bit-line gains are not usable");
    }
    if (!(options_.percentile > 50 && options_.percentile <= 100)) {
      throw InputError("quantisation options", "percentile is not within 50 .. 100");
    }
    if (!(std::isfinite(options_.input_scale) && options_.input_scale > 0) ||
        options_.input_zero_point < 0 || options_.input_zero_point > 255) {
      throw InputError("quantisation options", "input scale or zero point is not usable");
    }
    const auto channels = static_cast<std::size_t>(input_shape_of(graph_).channels);
    const bool is_normalised = !options_.input_mean.empty() || !options_.input_deviation.empty();
    if (!is_normalised) return;
    if (options_.input_mean.size() != channels || options_.input_deviation.size() != channels) {
      throw InputError("quantisation options",
                       "input mean and deviation need one value for each of " +
                           std::to_string(channels) + " channels");
    }
    for (std::size_t c = 0; c < channels; ++c) {
      if (!(std::isfinite(options_.input_mean[c]) && options_.input_deviation[c] > 1e-6 &&
            options_.input_deviation[c] < 1e6 && std::abs(options_.input_mean[c]) < 1e6)) {
        throw InputError("quantisation options", "input mean or deviation is not usable");
      }
    }
  }

  void check_calibration() {
    const TensorShape shape = input_shape_of(graph_);
    images_ = options_.without_calibration ? 0 : calibration_.count;
    if (options_.without_calibration) return;
    const auto text = [](const TensorShape &s) {
      return to_text(Shape{s.height, s.width, s.channels});
    };
    if (calibration_.count < 1) graph_.fail("cannot be quantised without calibration images");
    if (calibration_.shape != shape) {
      graph_.fail("calibration images of " + text(calibration_.shape) +
                  " do not match the network's input of " + text(shape));
    }
    const auto size = static_cast<std::size_t>(shape.elements());
    if (calibration_.pixels.size() / size < static_cast<std::size_t>(calibration_.count)) {
      graph_.fail("calibration set holds fewer bytes than its images need");
    }
    for (std::int32_t i = 0; i < calibration_.count; ++i) {
      inputs_.push_back(float_input(shape, image(i), options_));
    }
  }

  const std::uint8_t *image(std::int32_t index) const {
    return calibration_.pixels.data() + static_cast<std::size_t>(index) *
                                            static_cast<std::size_t>(calibration_.shape.elements());
  }

  /// The tensor whose integers leave the chip: the output without what the host does after it.
  void find_last_tensor() {
    if (graph_.outputs.size() != 1) {
      graph_.fail("has " + std::to_string(graph_.outputs.size()) + " outputs; 1 is supported");
    }
    last_tensor_ = graph_.outputs[0];
    while (true) {
      const int writer = graph_.writer(last_tensor_);
      if (writer < 0 || graph_.uses(last_tensor_) != 1) return;
      const Node &node = graph_.nodes[static_cast<std::size_t>(writer)];
      const bool is_softmax = node.op == Op::kSoftmax;
      if (!is_softmax && node.op != Op::kFlatten && node.op != Op::kReshape) return;
      host_softmax_ = host_softmax_ || is_softmax;
      last_tensor_ = node.inputs[0];
      absorbed_.insert(static_cast<std::size_t>(writer));
    }
  }

  /// Whether the node's output has a scale of its own; the others copy integers.
  bool yields_new_values(const Node &node) const {
    switch (node.op) {
      case Op::kConv:
      case Op::kGemm:
      case Op::kMatMul:
      case Op::kAdd:
      case Op::kAveragePool:
      case Op::kBatchNormalization:
      case Op::kClip:
      case Op::kDiv:
      case Op::kGlobalAveragePool:
      case Op::kMul:
      case Op::kReduceMean:
      case Op::kRelu:
      case Op::kSub:
        return true;
      default:
        return false;
    }
  }

  static bool copies_integers(Op op) {
    switch (op) {
      case Op::kConcat:
      case Op::kFlatten:
      case Op::kMaxPool:
      case Op::kPad:
      case Op::kReshape:
      case Op::kSqueeze:
      case Op::kUnsqueeze:
        return true;
      default:
        return false;
    }
  }

  static bool is_clamp(Op op) { return op == Op::kRelu || op == Op::kClip; }

  /// Decides which ReLUs and Clips become clamps, and the scale of every layer's output.
  void plan_targets() {
    std::vector<std::string> tensors;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node &node = graph_.nodes[i];
      if (copies_integers(node.op)) join_scales(node);
      if (!yields_new_values(node) || absorbed_.count(i) != 0) continue;
      Target target;
      target.tensor = node.outputs[0];
      const Node *clamp = is_clamp(node.op) ? &node : nullptr;
      const int reader = graph_.only_reader(target.tensor);
      if (reader >= 0 && is_clamp(graph_.nodes[static_cast<std::size_t>(reader)].op) &&
          clamp == nullptr) {
        clamp = &graph_.nodes[static_cast<std::size_t>(reader)];
        target.tensor = clamp->outputs[0];
        absorbed_.insert(static_cast<std::size_t>(reader));
      }
      if (clamp != nullptr) {
        target.limits = limits_of(graph_, *clamp);
        target.is_clamped = true;
      }
      // A clamp exists for bytes only.
      target.is_s32 =
          target.tensor == last_tensor_ && !target.is_clamped && graph_.uses(last_tensor_) == 1;
      tensors.push_back(target.tensor);
      targets_[i] = target;
    }
    choose_scales(tensors);
    if (options_.correction == QuantiseOptions::Correction::kMean ||
        options_.correction == QuantiseOptions::Correction::kMeanVariance) {
      measure_moments();
    }
  }

  void join_scales(const Node &node) {
    for (std::size_t i = 0; i < (node.op == Op::kConcat ? node.inputs.size() : 1); ++i) {
      // The network's input has the scale that it has.
      if (node.inputs[i] != graph_.inputs[0]) groups_.join(node.inputs[i], node.outputs[0]);
    }
  }

  void choose_scales(const std::vector<std::string> &tensors) {
    auto ranges = options_.without_calibration ? nominal_ranges()
                                               : measure_ranges(graph_, tensors, inputs_, options_);
    std::map<std::string, ActivationRange> shared;
    for (const auto &[tensor, range] : ranges) {
      ActivationRange &whole = shared[groups_.root(tensor)];
      whole.low = std::min(whole.low, range.low);
      whole.high = std::max(whole.high, range.high);
    }
    for (const auto &[root, range] : shared) scales_[root] = scale_of(range);
    for (auto &entry : targets_) {
      entry.second.scale = scales_.at(groups_.root(entry.second.tensor));
      entry.second.largest = ranges.at(entry.second.tensor).largest;
    }
  }

  std::map<std::string, ActivationRange> nominal_ranges() const {
    std::map<std::string, ActivationRange> ranges;
    for (const auto &entry : targets_) {
      const Limits &limits = entry.second.limits;
      ranges[entry.second.tensor] = {
          std::clamp<double>(limits.low, -kNominalRange, 0),
          std::isfinite(limits.high) ? std::max<double>(limits.high, 0) : kNominalRange,
          kNominalRange};
    }
    return ranges;
  }

  void start_network() {
    const std::size_t slash = graph_.name.find_last_of('/');
    network_.name = slash == std::string::npos ? graph_.name : graph_.name.substr(slash + 1);
    network_.name.resize(std::min(network_.name.size(), network_.name.rfind('.')));
    network_.format = options_.format;
    network_.input_shape = input_shape_of(graph_);
    network_.input_scale = options_.input_scale;
    network_.input_zero_point = options_.input_zero_point;
    if (!options_.input_mean.empty()) tabulate_input();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (const std::string &input : graph_.nodes[i].inputs) last_reader_[input] = i;
    }
    values_[graph_.inputs[0]] = {
        kNetworkInput, network_.input_shape, {network_.input_scale, network_.input_zero_point}};
  }

  /// One scale for channels that are normalised differently.
  void tabulate_input() {
    const std::size_t channels = options_.input_mean.size();
    const auto real = [&](std::size_t channel, int byte) {
      return (options_.input_scale * (byte - options_.input_zero_point) -
              options_.input_mean[channel]) /
             options_.input_deviation[channel];
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
        network_.input_table.push_back(static_cast<std::uint8_t>(std::clamp(steps, 0.0, 255.0)));
      }
    }
    network_.input_scale = scale.scale;
    network_.input_zero_point = scale.zero_point;
  }

  // --- Values --------------------------------------------------------------------------------

  const Value &value(std::size_t input) const {
    const auto found = values_.find(node_->inputs[input]);
    if (found == values_.end()) {
      fail("input '" + node_->inputs[input] + "' is a constant that cannot be folded");
    }
    return found->second;
  }

  /// An input whose float shape is that of an image, as the chip holds it.
  const Value &image_value(std::size_t input) const {
    const Value &from = value(input);
    const Shape &shape = graph_.shape(node_->inputs[input]);
    const Shape held = {1, from.shape.channels, from.shape.height, from.shape.width};
    if (shape != held) fail("reads an image that a reshape has reordered; not supported");
    return from;
  }

  void set_value(const std::string &tensor, const Value &new_value) {
    values_[tensor] = new_value;
    if (new_value.layer == kNetworkInput) return;
    const auto reader = last_reader_.find(tensor);
    std::size_t &last = last_use_[static_cast<std::size_t>(new_value.layer)];
    if (reader != last_reader_.end()) last = std::max(last, reader->second);
  }

  /// Integer values of a calibration image at a value.
  GoldenTensor values_of(const Value &from, std::int32_t index) const {
    GoldenTensor tensor;
    tensor.shape = from.shape;
    if (from.layer == kNetworkInput) {
      const Bytes encoded = encode_input(network_, image(index));
      tensor.values.assign(encoded.begin(), encoded.end());
    } else {
      const Bytes &bytes =
          outputs_[static_cast<std::size_t>(from.layer)][static_cast<std::size_t>(index)];
      tensor.values.assign(bytes.begin(), bytes.end());
    }
    return tensor;
  }

  /// Frees calibration values that no later node reads.
  void release() {
    for (std::size_t layer = 0; layer < outputs_.size(); ++layer) {
      if (last_use_[layer] <= node_index_) std::vector<Bytes>().swap(outputs_[layer]);
    }
  }

  // --- Lowering ------------------------------------------------------------------------------

  void lower() {
    switch (node_->op) {
      case Op::kConv:
        return lower_convolution();
      case Op::kGemm:
      case Op::kMatMul:
        return lower_matrix_product();
      case Op::kMaxPool:
        return lower_max_pool();
      case Op::kAveragePool:
      case Op::kGlobalAveragePool:
      case Op::kReduceMean:
        return lower_average_pool();
      case Op::kAdd:
      case Op::kSub:
      case Op::kMul:
      case Op::kDiv:
        return lower_arithmetic();
      case Op::kBatchNormalization:
        return lower_batch_normalization();
      case Op::kClip:
      case Op::kRelu:
        return lower_clamp();
      case Op::kConcat:
        return lower_concat();
      case Op::kPad:
        return lower_pad();
      case Op::kCast:
      case Op::kFlatten:
      case Op::kReshape:
      case Op::kSqueeze:
      case Op::kUnsqueeze:
      case Op::kIdentity:
      case Op::kDropout:
        return set_value(node_->outputs[0], value(0));
      case Op::kSoftmax:
        fail("is not the last operation; only a final Softmax is supported (on the host)");
      case Op::kSlice:
        fail("is supported only as a choice of every n-th row and column from the first");
      case Op::kGather:
      case Op::kTranspose:
        fail("reorders values; the chip cannot, and layers on the host are not supported");
      case Op::kGru:
      case Op::kHardSigmoid:
      case Op::kHardSwish:
      case Op::kLeakyRelu:
      case Op::kLrn:
      case Op::kLstm:
      case Op::kSigmoid:
      case Op::kTanh:
        fail("is not an operation of the tiles, and layers on the host are not supported");
      case Op::kConstant:
      case Op::kConstantOfShape:
      case Op::kRange:
      case Op::kShape:
        break;
    }
    fail("is not supported");
  }

  Layer new_layer(LayerOp op, const Value &from) const {
    Layer layer;
    layer.name = node_->name;
    layer.op = op;
    layer.inputs = {from.layer};
    layer.input_shape = from.shape;
    layer.pad_value = static_cast<std::uint8_t>(from.scale.zero_point);
    return layer;
  }

  TensorShape image_shape(const std::string &tensor) const {
    const Shape &shape = graph_.shape(tensor);
    return {static_cast<std::int32_t>(shape[2]), static_cast<std::int32_t>(shape[3]),
            static_cast<std::int32_t>(shape[1])};
  }

  std::vector<float> bias_of(std::size_t channels, float factor) const {
    std::vector<float> bias(channels, 0.0F);
    if (!node_->has_input(2)) return bias;
    const std::vector<float> &stored = graph_.initialiser(node_->inputs[2])->floats;
    for (std::size_t c = 0; c < channels; ++c) {
      bias[c] = factor * stored[stored.size() == 1 ? 0 : c];
    }
    return bias;
  }

  void lower_convolution() {
    const Value from = image_value(0);
    Layer layer = new_layer(LayerOp::kConvolution, from);
    layer.window = window_of(graph_, *node_);
    layer.groups = static_cast<std::int32_t>(graph_.integer(*node_, "group", 1));
    layer.output_shape = image_shape(node_->outputs[0]);
    // ONNX: [out][in][y][x]; here: [out][y][x][in].
    const Tensor &stored = *graph_.initialiser(node_->inputs[1]);
    const auto out = static_cast<std::size_t>(stored.shape[0]);
    const auto in = static_cast<std::size_t>(stored.shape[1]);
    const auto taps = static_cast<std::size_t>(stored.shape[2] * stored.shape[3]);
    std::vector<float> weights(stored.floats.size());
    for (std::size_t o = 0; o < out; ++o) {
      for (std::size_t i = 0; i < in; ++i) {
        for (std::size_t tap = 0; tap < taps; ++tap) {
          weights[(o * taps + tap) * in + i] = stored.floats[(o * in + i) * taps + tap];
        }
      }
    }
    finish_convolution(std::move(layer), from, weights, bias_of(out, 1.0F));
  }

  /// A convolution whose kernel is the whole input; the weights' order changes from CHW to HWC.
  void lower_matrix_product() {
    const Value from = value(0);
    const bool is_gemm = node_->op == Op::kGemm;
    const bool transposed = is_gemm && graph_.integer(*node_, "transB", 0) != 0;
    const float alpha = is_gemm ? graph_.real(*node_, "alpha", 1.0F) : 1.0F;
    const float beta = is_gemm ? graph_.real(*node_, "beta", 1.0F) : 1.0F;
    if (graph_.shape(node_->inputs[0])[0] != 1) fail("left operand is not a single row");
    const auto out = static_cast<std::size_t>(graph_.shape(node_->outputs[0])[1]);
    const std::vector<float> &stored = graph_.initialiser(node_->inputs[1])->floats;
    const std::size_t features = stored.size() / out;
    const auto channels = static_cast<std::size_t>(from.shape.channels);
    const std::size_t plane = features / channels;
    std::vector<float> weights(stored.size());
    for (std::size_t o = 0; o < out; ++o) {
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t pixel = 0; pixel < plane; ++pixel) {
          const std::size_t feature = c * plane + pixel;
          weights[o * features + pixel * channels + c] =
              alpha * stored[transposed ? o * features + feature : feature * out + o];
        }
      }
    }
    Layer layer = new_layer(LayerOp::kConvolution, from);
    layer.window.kernel_height = from.shape.height;
    layer.window.kernel_width = from.shape.width;
    layer.output_shape = {1, 1, static_cast<std::int32_t>(out)};
    finish_convolution(std::move(layer), from, weights, bias_of(out, beta));
  }

  void finish_convolution(Layer layer, const Value &from, const std::vector<float> &real_weights,
                          const std::vector<float> &bias) {
    for (const float weight : real_weights) {
      if (!std::isfinite(weight)) fail("folding its weights overflows");
    }
    const std::size_t channels = bias.size();
    IntegerWeights weights = round_weights(real_weights, channels);
    layer.weights = std::move(weights.values);
    // What a dot product unit is worth, and what is added to the weighted sum.
    std::vector<double> steps(channels), offsets(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      if (!std::isfinite(bias[c])) fail("folding its bias overflows");
      steps[c] = from.scale.scale * weights.scales[c];
      offsets[c] =
          bias[c] - steps[c] * from.scale.zero_point * static_cast<double>(weights.sums[c]);
    }
    Target target = targets_.at(node_index_);
    LayerReport report;
    choose_converter(layer, from, steps, offsets, target, report);
    const double unit = unit_of(options_.format, layer.converter);
    for (double &step : steps) step *= unit;
    if (target.is_s32) target.scale = {logit_scale(steps, target.largest), 0};
    finish(std::move(layer), target, steps, offsets, std::move(report));
  }

  /// 256 output steps per code, unless the largest logits (with a margin of 64) would leave 32
  /// bits.
  static double logit_scale(const std::vector<double> &steps, double largest) {
    const double finest = *std::max_element(steps.begin(), steps.end()) / 256;
    const double scale = std::max(finest, largest * 64 / 0x1p31);
    return scale > 0 ? scale : 1.0;
  }

  void lower_max_pool() {
    const Value from = image_value(0);
    Layer layer = new_layer(LayerOp::kMaxPool, from);
    layer.window = window_of(graph_, *node_);
    layer.output_shape = image_shape(node_->outputs[0]);
    layer.output_scale = from.scale.scale;
    layer.output_zero_point = from.scale.zero_point;
    Target target;
    target.tensor = node_->outputs[0];
    target.scale = from.scale;
    append(std::move(layer), target, {});
  }

  void lower_average_pool() {
    const Value from = image_value(0);
    Layer layer = new_layer(LayerOp::kAveragePool, from);
    layer.window = window_of(graph_, *node_);
    layer.output_shape = graph_.shape(node_->outputs[0]).size() == 4
                             ? image_shape(node_->outputs[0])
                             : TensorShape{1, 1, from.shape.channels};
    const Window &w = layer.window;
    const bool is_padded = w.pad_top + w.pad_left + w.pad_bottom + w.pad_right > 0;
    if (is_padded && graph_.integer(*node_, "count_include_pad", 0) == 0) {
      fail("average over a window whose size changes at the edge is not supported");
    }
    const auto channels = static_cast<std::size_t>(from.shape.channels);
    const double step = from.scale.scale / (static_cast<double>(w.kernel_height) * w.kernel_width);
    const std::vector<double> steps(channels, step);
    const std::vector<double> offsets(channels, -from.scale.scale * from.scale.zero_point);
    Target target = targets_.at(node_index_);
    if (target.is_s32) target.scale = {logit_scale(steps, target.largest), 0};
    finish(std::move(layer), target, steps, offsets, {});
  }

  /// a + sign * b
  void lower_add(double sign) {
    const Value a = value(0), b = value(1);
    if (graph_.shape(node_->inputs[0]) != graph_.shape(node_->inputs[1]) || a.shape != b.shape) {
      fail("adds tensors of different shapes, which is not supported");
    }
    Layer layer = new_layer(LayerOp::kAdd, a);
    layer.inputs.push_back(b.layer);
    layer.output_shape = a.shape;
    const std::vector<double> steps = {a.scale.scale, sign * b.scale.scale};
    Target target = targets_.at(node_index_);
    if (target.is_s32) target.scale = {logit_scale(steps, target.largest), 0};
    const double offset =
        -a.scale.scale * a.scale.zero_point - sign * b.scale.scale * b.scale.zero_point;
    finish(std::move(layer), target, steps, {offset}, {});
  }

  /// A ReLU or Clip that is nobody's clamp: a copy with limits, unless it changes nothing.
  void lower_clamp() {
    const Value from = value(0);
    const Limits limits = limits_of(graph_, *node_);
    const double low = -from.scale.scale * from.scale.zero_point;
    const double high = from.scale.scale * (255 - from.scale.zero_point);
    if (limits.low <= low && limits.high >= high) {
      set_value(node_->outputs[0], from);
      return;
    }
    lower_affine(from, 1.0, 0.0);
  }

  static bool same(const ActivationScale &a, const ActivationScale &b) {
    return a.scale == b.scale && a.zero_point == b.zero_point;
  }

  void lower_batch_normalization() {
    const float epsilon = graph_.real(*node_, "epsilon", 1e-5F);
    const auto values = [&](std::size_t input) -> const std::vector<float> & {
      return graph_.initialiser(node_->inputs[input])->floats;
    };
    std::vector<double> factors, offsets;
    for (std::size_t c = 0; c < values(1).size(); ++c) {
      factors.push_back(values(1)[c] / std::sqrt(static_cast<double>(values(4)[c]) + epsilon));
      offsets.push_back(values(2)[c] - values(3)[c] * factors.back());
    }
    lower_affine(image_value(0), factors, offsets);
  }

  /// Add, Sub, Mul, Div: of two tensors (sum and difference), or of one with a constant.
  void lower_arithmetic() {
    const Tensor *constants[] = {graph_.initialiser(node_->inputs[0]),
                                 graph_.initialiser(node_->inputs[1])};
    if (constants[0] == nullptr && constants[1] == nullptr) {
      if (node_->op == Op::kAdd) return lower_add(1.0);
      if (node_->op == Op::kSub) return lower_add(-1.0);
      fail("multiplies or divides two tensors; layers on the host are not supported");
    }
    const std::size_t variable = constants[0] == nullptr ? 0 : 1;
    const Tensor *constant = constants[1 - variable];
    if (variable == 1 && node_->op == Op::kDiv) fail("divides by a tensor, which is not supported");
    const Shape &shape = graph_.shape(node_->inputs[variable]);
    if (constants[variable] != nullptr || graph_.shape(node_->outputs[0]) != shape ||
        !is_per_channel(constant->shape, shape)) {
      fail("has a constant that is neither one value nor one per channel");
    }
    const Value from = constant->floats.size() == 1 ? value(variable) : image_value(variable);
    std::vector<double> factors, offsets;
    for (const float number : constant->floats) {
      const bool is_product = node_->op == Op::kMul || node_->op == Op::kDiv;
      const double sign = node_->op == Op::kSub && variable == 1 ? -1.0 : 1.0;
      factors.push_back(node_->op == Op::kMul   ? static_cast<double>(number)
                        : node_->op == Op::kDiv ? 1.0 / number
                                                : sign);
      offsets.push_back(is_product ? 0.0 : node_->op == Op::kSub ? -sign * number : number);
    }
    lower_affine(from, factors, offsets);
  }

  /// Whether `constant`, broadcast to `shape`, holds one value, or one per channel (axis 1).
  static bool is_per_channel(const Shape &constant, const Shape &shape) {
    if (constant.size() > shape.size() || shape.size() < 2) return false;
    for (std::size_t i = 0; i < constant.size(); ++i) {
      const std::size_t axis = shape.size() - constant.size() + i;
      if (constant[i] != 1 && (axis != 1 || constant[i] != shape[1])) return false;
    }
    return element_count(constant) > 0;
  }

  /// factor * x + offset per channel: an average over single pixels, then requantised.
  void lower_affine(const Value &from, std::vector<double> factors, std::vector<double> offsets) {
    const auto channels = static_cast<std::size_t>(from.shape.channels);
    if (factors.size() == 1) factors.resize(channels, factors[0]);
    if (offsets.size() == 1) offsets.resize(channels, offsets[0]);
    std::vector<double> steps;
    for (std::size_t c = 0; c < channels; ++c) {
      steps.push_back(from.scale.scale * factors[c]);
      offsets[c] -= steps[c] * from.scale.zero_point;
      if (!std::isfinite(steps[c]) || !std::isfinite(offsets[c])) fail("its factor is not finite");
    }
    Layer layer = new_layer(LayerOp::kAveragePool, from);
    layer.output_shape = from.shape;
    Target target = targets_.at(node_index_);
    if (target.is_s32) target.scale = {logit_scale(steps, target.largest), 0};
    finish(std::move(layer), target, steps, offsets, {});
  }
  void lower_affine(const Value &from, double factor, double offset) {
    lower_affine(from, std::vector<double>{factor}, std::vector<double>{offset});
  }

  // --- Copies --------------------------------------------------------------------------------

  /// The scale that a node which copies integers gives its readers.
  ActivationScale scale_of_output(const Value &from) const {
    const auto scale = scales_.find(groups_.root(node_->outputs[0]));
    return scale == scales_.end() ? from.scale : scale->second;
  }

  /// The value at another scale, or padded with zeros: an average over single pixels.
  Value append_copy(const Value &from, const std::string &tensor, const ActivationScale &scale,
                    const Window &window) {
    Layer layer = new_layer(LayerOp::kAveragePool, from);
    layer.name += ".copy";
    layer.window = window;
    layer.output_shape = from.shape;
    layer.output_shape.height += window.pad_top + window.pad_bottom;
    layer.output_shape.width += window.pad_left + window.pad_right;
    const auto channels = static_cast<std::size_t>(from.shape.channels);
    Target target;
    target.tensor = tensor;
    target.scale = scale;
    const TensorShape shape = layer.output_shape;
    finish(std::move(layer), target, std::vector<double>(channels, from.scale.scale),
           std::vector<double>(channels, -from.scale.scale * from.scale.zero_point), {}, true);
    return {static_cast<std::int32_t>(network_.layers.size()) - 1, shape, scale};
  }

  void lower_concat() {
    const Shape &shape = graph_.shape(node_->outputs[0]);
    if (axis_of(graph_, *node_, 0, shape.size()) != 1 || (shape.size() != 4 && shape.size() != 2)) {
      fail("joins tensors along another axis than the channels, which is not supported");
    }
    const ActivationScale scale = scale_of_output(value(0));
    std::vector<Value> parts;
    std::vector<std::int32_t> offsets;
    std::int32_t channels = 0;
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
      Value from = image_value(i);
      if (!same(from.scale, scale)) {
        from = append_copy(from, node_->inputs[i], scale, Window{});
      }
      parts.push_back(from);
      offsets.push_back(channels);
      channels += from.shape.channels;
    }
    append_concat(parts, offsets, channels, scale, scale.zero_point);
  }

  void append_concat(const std::vector<Value> &parts, const std::vector<std::int32_t> &offsets,
                     std::int32_t channels, const ActivationScale &scale, std::int32_t fill) {
    Layer layer = new_layer(LayerOp::kConcat, parts[0]);
    layer.inputs.clear();
    layer.input_shape.channels = 0;
    for (const Value &part : parts) {
      layer.inputs.push_back(part.layer);
      layer.input_shape.channels += part.shape.channels;
    }
    layer.channel_offsets = offsets;
    layer.pad_value = static_cast<std::uint8_t>(fill);
    layer.output_shape = parts[0].shape;
    layer.output_shape.channels = channels;
    layer.output_scale = scale.scale;
    layer.output_zero_point = scale.zero_point;
    Target target;
    target.tensor = node_->outputs[0];
    target.scale = scale;
    append(std::move(layer), target, {});
  }

  /// Channels of zeros are channels that nobody delivers; rows and columns of zeros are the padding
  /// of a copy.
  void lower_pad() {
    Value from = image_value(0);
    const auto &pads = graph_.constant_integers(*node_, 1, "pads");
    const Tensor *fill = node_->has_input(2) ? graph_.initialiser(node_->inputs[2]) : nullptr;
    const bool is_zero = fill == nullptr || fill->floats == std::vector<float>{0.0F};
    const bool is_negative =
        std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p < 0; });
    if (graph_.text(*node_, "mode", "constant") != "constant" || !is_zero || is_negative ||
        pads.size() != 8 || pads[0] != 0 || pads[4] != 0) {
      fail("is supported only as rows, columns or channels of zeros around an image");
    }
    const ActivationScale scale = scale_of_output(from);
    const auto pad = [&](std::size_t index) { return static_cast<std::int32_t>(pads[index]); };
    const bool pads_channels = pads[1] + pads[5] != 0;
    Window window;
    window.pad_top = pad(2), window.pad_left = pad(3);
    window.pad_bottom = pad(6), window.pad_right = pad(7);
    const bool pads_pixels = pads[2] + pads[3] + pads[6] + pads[7] != 0;
    if (pads_pixels || !same(from.scale, scale)) {
      const std::string &tensor = pads_channels ? std::string() : node_->outputs[0];
      from = append_copy(from, tensor, scale, window);
      if (!pads_channels) return set_value(node_->outputs[0], from);
    }
    append_concat({from}, {pad(1)}, from.shape.channels + pad(1) + pad(5), scale, scale.zero_point);
  }

  // --- The converter -------------------------------------------------------------------------

  /// Of sums of codes s and exact sums e, both in units of the dot product.
  struct Moments {
    double count = 0, s = 0, e = 0, ss = 0, ee = 0, se = 0;
    void add(double sum, double exact) {
      count += 1, s += sum, e += exact;
      ss += sum * sum, ee += exact * exact, se += sum * exact;
    }
    double mean_s() const { return s / count; }
    double mean_e() const { return e / count; }
    double variance() const { return ss / count - mean_s() * mean_s(); }
    double covariance() const { return se / count - mean_s() * mean_e(); }
  };

  /// Errors of one converter setting over the sampled windows.
  struct Trial {
    Converter converter;
    double unit = 1;
    double output_error = 0;  ///< after bias and clamp: what decides
    double sum_error = 0;     ///< of the sums of codes alone
    std::int64_t clipped = 0;
    std::vector<double> sums;  ///< of the current window, per channel
    std::vector<std::int64_t> histogram;
    std::vector<Moments> moments;  ///< per channel
  };

  /// Sets the layer's converter and corrects steps and offsets for what it does to the sums.
  void choose_converter(Layer &layer, const Value &from, std::vector<double> &steps,
                        std::vector<double> &offsets, const Target &target,
                        LayerReport &report) const {
    std::vector<Trial> trials;
    for (const Converter &converter : converter_choices(options_)) {
      Trial trial;
      trial.converter = converter;
      trial.unit = unit_of(options_.format, converter);
      trial.moments.resize(steps.size());
      trials.push_back(std::move(trial));
    }
    if (images_ == 0) {
      layer.converter = trials[trials.size() / 2].converter;
      return;
    }
    GoldenConvolution convolution(options_.format, layer);
    const TensorShape &out = layer.output_shape;
    const std::int64_t windows = std::int64_t{out.height} * out.width;
    const std::int64_t products = windows * images_ * convolution.blocks() * out.channels;
    const std::int64_t stride = (products + kSampledProducts - 1) / kSampledProducts | 1;
    std::vector<std::int32_t> window_products;
    double signal = 0;
    std::int64_t converted = 0, next = 0;
    for (std::int32_t i = 0; i < images_; ++i) {
      const std::int64_t first = windows * i;
      if (next >= first + windows) continue;
      const GoldenTensor input = values_of(from, i);
      for (; next < first + windows; next += stride) {
        const auto y = static_cast<std::int32_t>((next - first) / out.width);
        const auto x = static_cast<std::int32_t>((next - first) % out.width);
        convolution.dot_products(input, y, x, window_products);
        converted += static_cast<std::int64_t>(window_products.size());
        signal += try_window(window_products, steps, offsets, target, trials);
      }
    }
    const Trial *best = &trials[0];
    for (const Trial &trial : trials) {
      if (trial.output_error < best->output_error) best = &trial;
    }
    layer.converter = best->converter;
    report.converter_sqnr_db = decibels(signal, best->sum_error);
    report.clipping_rate = static_cast<double>(best->clipped) / static_cast<double>(converted);
    report.code_histogram = best->histogram;
    for (std::size_t c = 0; c < steps.size(); ++c) {
      correct(best->moments[c], c, steps[c], offsets[c]);
    }
  }

  /// Turns offset + step * s into what the options want it to be.
  void correct(const Moments &moments, std::size_t channel, double &step, double &offset) const {
    using Correction = QuantiseOptions::Correction;
    const Correction correction = options_.correction;
    if (correction == Correction::kNone || moments.count < kFewestSamples) return;
    double slope = 1, mean = step * moments.mean_e() + offset;
    if (correction == Correction::kRegression && moments.variance() > 0) {
      slope = moments.covariance() / moments.variance();
    }
    const auto real = real_moments_.find(node_->outputs[0]);
    if (real != real_moments_.end()) {
      const Moments &wanted = real->second[channel];
      mean = wanted.mean_s();
      if (correction == Correction::kMeanVariance && moments.variance() > 0) {
        slope = std::sqrt(wanted.variance() / moments.variance()) / std::abs(step);
      }
    }
    slope = std::isfinite(slope) ? std::clamp(slope, 0.5, 2.0) : 1.0;
    step *= slope;
    offset = mean - step * moments.mean_s();
  }

  /// Adds one window to every trial; returns the power of the exact sums.
  double try_window(const std::vector<std::int32_t> &products, const std::vector<double> &steps,
                    const std::vector<double> &offsets, const Target &target,
                    std::vector<Trial> &trials) const {
    const std::size_t channels = steps.size();
    std::vector<double> exact(channels, 0.0);
    for (std::size_t k = 0; k < products.size(); ++k) exact[k % channels] += products[k];
    for (Trial &trial : trials) convert_window(products, channels, trial);
    double signal = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      const double sum = steps[c] * exact[c];
      const double wanted = clamp_output(sum + offsets[c], target);
      signal += sum * sum;
      for (Trial &trial : trials) {
        const double got = steps[c] * trial.sums[c];
        trial.moments[c].add(trial.sums[c], exact[c]);
        const double difference = clamp_output(got + offsets[c], target) - wanted;
        trial.output_error += difference * difference;
        trial.sum_error += (got - sum) * (got - sum);
      }
    }
    return signal;
  }

  void convert_window(const std::vector<std::int32_t> &products, std::size_t channels,
                      Trial &trial) const {
    trial.sums.assign(channels, 0.0);
    const bool saturates = options_.format.code != ConverterFormat::Code::kLossless;
    const double limit = options_.format.code == ConverterFormat::Code::kSigned8 ? 127.5 : 255.5;
    if (saturates) trial.histogram.resize(kHistogramBins);
    std::size_t c = 0;
    for (const std::int32_t product : products) {
      const std::int64_t code = golden_convert(options_.format, trial.converter, product);
      trial.sums[c] += static_cast<double>(code) * trial.unit;
      if (saturates) {
        if (std::abs(product) >= limit * trial.unit) ++trial.clipped;
        const double share = (static_cast<double>(code) + limit) / (2 * limit);  // 0 .. 1
        ++trial.histogram[static_cast<std::size_t>(share * kHistogramBins)];
      }
      if (++c == channels) c = 0;
    }
  }

  /// What the layer's output can express of a real value.
  static double clamp_output(double real, const Target &target) {
    if (target.is_s32) return real;
    const double low = target.scale.scale * (low_of(target) - target.scale.zero_point);
    const double high = target.scale.scale * (high_of(target) - target.scale.zero_point);
    return std::clamp(real, low, high);
  }

  /// The limits of a clamp in the output's integers.
  static std::int32_t low_of(const Target &target) { return limit_of(target, target.limits.low); }
  static std::int32_t high_of(const Target &target) { return limit_of(target, target.limits.high); }
  static std::int32_t limit_of(const Target &target, double limit) {
    const double steps = limit / target.scale.scale + target.scale.zero_point;
    return static_cast<std::int32_t>(std::lround(std::clamp(steps, 0.0, 255.0)));
  }

  // --- Requantisation ------------------------------------------------------------------------

  /// real output = sum of steps * accumulator + offset.
  void finish(Layer layer, const Target &target, const std::vector<double> &steps,
              const std::vector<double> &offsets, LayerReport report, bool is_copy = false) {
    Requantise &post = layer.requantise;
    layer.output_scale = target.scale.scale;
    layer.output_zero_point = target.scale.zero_point;
    post.output_s32 = target.is_s32;
    post.low = low_of(target);
    post.high = high_of(target);
    double largest_factor = 0, largest_offset = 0;
    for (const double step : steps) {
      largest_factor = std::max(largest_factor, std::abs(step) / target.scale.scale);
    }
    for (const double offset : offsets) {
      largest_offset =
          std::max(largest_offset, std::abs(offset / target.scale.scale + target.scale.zero_point));
    }
    post.shift = shift_for(largest_factor, largest_offset);
    for (const double step : steps) {
      const double scaled = std::ldexp(step / target.scale.scale, post.shift);
      post.multiplier.push_back(static_cast<std::int32_t>(std::llround(scaled)));
    }
    for (const double offset : offsets) {
      const double steps_out = offset / target.scale.scale + target.scale.zero_point;
      post.bias.push_back(std::llround(std::ldexp(steps_out, post.shift)));
    }
    append(std::move(layer), target, std::move(report), is_copy);
  }

  /// 24 bits for the largest multiplier, as far as the shift's range and 64-bit sums allow.
  int shift_for(double largest_factor, double largest_offset) const {
    int shift = 62;
    if (largest_factor > 0) shift = std::min(shift, 23 - std::ilogb(largest_factor));
    if (largest_offset > 0) shift = std::min(shift, 58 - std::ilogb(largest_offset));
    if (shift < 0) fail("its values are too far from its input's to be rescaled");
    return shift;
  }

  /// A copy is read by a layer of the same node and does not stand for its tensor.
  void append(Layer layer, const Target &target, LayerReport report, bool is_copy = false) {
    const auto index = static_cast<std::int32_t>(network_.layers.size());
    report.name = layer.name;
    report.op = layer.op;
    report.converter = layer.converter;
    report.output_scale = layer.output_scale;
    report.output_zero_point = layer.output_zero_point;
    tensors_.push_back(target.tensor);
    reports_.push_back(std::move(report));
    outputs_.emplace_back();
    last_use_.push_back(0);
    last_use_.back() = node_index_;
    if (!is_copy) set_value(target.tensor, {index, layer.output_shape, target.scale});
    if (!is_finished_ && (is_copy || last_use_.back() > node_index_))
      outputs_.back() = run_layer(layer);
    network_.layers.push_back(std::move(layer));
  }

  std::vector<Bytes> run_layer(const Layer &layer) const {
    std::vector<Bytes> outputs;
    for (std::int32_t i = 0; i < images_; ++i) {
      std::vector<GoldenTensor> inputs;
      for (std::size_t k = 0; k < layer.inputs.size(); ++k) {
        const std::int32_t from = layer.inputs[k];
        const TensorShape &shape =
            from == kNetworkInput ? network_.input_shape
                                  : network_.layers[static_cast<std::size_t>(from)].output_shape;
        inputs.push_back(values_of({from, shape, {}}, i));
      }
      std::vector<const GoldenTensor *> pointers;
      for (const GoldenTensor &input : inputs) pointers.push_back(&input);
      const GoldenTensor output = execute_golden_layer(options_.format, layer, pointers);
      outputs.emplace_back(output.values.begin(), output.values.end());
    }
    return outputs;
  }

  // --- Report --------------------------------------------------------------------------------

  void measure_errors() {
    std::vector<double> signal(reports_.size()), noise(reports_.size());
    for (std::int32_t i = 0; i < images_; ++i) {
      const FloatTensors real = execute_float(graph_, inputs_[static_cast<std::size_t>(i)]);
      const auto integers = execute_golden(network_, image(i));
      for (std::size_t layer = 0; layer < reports_.size(); ++layer) {
        if (tensors_[layer].empty()) continue;  // exists in no network of floats
        compare(real.at(tensors_[layer]), integers[layer], network_.layers[layer], signal[layer],
                noise[layer]);
      }
    }
    for (std::size_t layer = 0; layer < reports_.size(); ++layer) {
      reports_[layer].sqnr_db = decibels(signal[layer], noise[layer]);
    }
  }

  /// CHW reals against HWC integers.
  static void compare(const std::vector<float> &real, const GoldenTensor &integers,
                      const Layer &layer, double &signal, double &noise) {
    const auto channels = static_cast<std::size_t>(integers.shape.channels);
    const std::size_t plane = integers.values.size() / channels;
    for (std::size_t k = 0; k < real.size(); ++k) {
      const std::size_t c = k / plane, pixel = k % plane;
      const double got =
          layer.output_scale *
          (static_cast<double>(integers.values[pixel * channels + c]) - layer.output_zero_point);
      signal += static_cast<double>(real[k]) * real[k];
      noise += (got - real[k]) * (got - real[k]);
    }
  }

  /// Mean and variance per channel of every convolution's output in float.
  void measure_moments() {
    for (const auto &input : inputs_) {
      const FloatTensors values = execute_float(graph_, input);
      for (const auto &entry : targets_) {
        const Node &node = graph_.nodes[entry.first];
        if (node.op != Op::kConv && node.op != Op::kGemm && node.op != Op::kMatMul) continue;
        const std::vector<float> &real = values.at(node.outputs[0]);
        std::vector<Moments> &moments = real_moments_[node.outputs[0]];
        moments.resize(static_cast<std::size_t>(graph_.shape(node.outputs[0])[1]));
        const std::size_t plane = real.size() / moments.size();
        for (std::size_t i = 0; i < real.size(); ++i) {
          moments[i / plane].add(static_cast<double>(real[i]), 0);
        }
      }
    }
  }

  std::map<std::string, std::vector<Moments>> real_moments_;  // by tensor
  Graph graph_;
  ScaleGroups groups_;
  std::map<std::string, ActivationScale> scales_;  // by root of a group
  std::int32_t images_ = 0;
  const Calibration &calibration_;
  const QuantiseOptions &options_;
  QuantisedNetwork network_;

  std::vector<std::vector<float>> inputs_;
  std::string last_tensor_;
  bool host_softmax_ = false;
  bool is_finished_ = false;               // nobody needs values any more
  std::set<std::size_t> absorbed_;         // nodes that need no layer of their own
  std::map<std::size_t, Target> targets_;  // by node
  std::map<std::string, Value> values_;    // by tensor of the float graph
  std::map<std::string, std::size_t> last_reader_;
  std::size_t node_index_ = 0;
  const Node *node_ = nullptr;

  // Per layer of the integer network:
  std::vector<std::string> tensors_;
  std::vector<LayerReport> reports_;
  std::vector<std::vector<Bytes>> outputs_;  // calibration values, while a later node reads them
  std::vector<std::size_t> last_use_;
};

}  // namespace

TensorShape input_shape_of(const Graph &graph) {
  const std::string &input = graph.inputs.at(0);
  const Shape &shape = graph.shape(input);
  const auto extent = [&](std::size_t axis) { return static_cast<std::int32_t>(shape[axis]); };
  if (shape.size() == 4 && shape[0] == 1) return {extent(2), extent(3), extent(1)};
  if (shape.size() == 2 && shape[0] == 1) return {1, 1, extent(1)};
  graph.fail("input '" + input + "' of shape " + to_text(shape) +
             " is neither an image (1 x channels x height x width) nor a vector");
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
  return Quantiser(std::move(graph), calibration, options).run(report);
}

}  // namespace npim::network
