#include "network/lowering.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/parallel.h"

namespace npim::network {

std::int64_t Value::held_index(std::int64_t k) const {
  if (!is_channel_major) return k;
  const std::int64_t plane = std::int64_t{shape.height} * shape.width;
  return k % plane * shape.channels + k / plane;
}

Lowering::Lowering(const Graph &graph, const Calibration &calibration, std::int32_t images,
                   const QuantiseOptions &options, const ScalePlan &plan, QuantisedNetwork &network)
    : graph_(graph),
      calibration_(calibration),
      images_(images),
      options_(options),
      plan_(plan),
      network_(network) {
  // Nodes of a function read its source instead of their inputs.
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node &node = graph_.nodes[i];
    if (plan_.functions().is_function(node)) last_reader_[plan_.functions().source(node)] = i;
    for (const std::string &input : node.inputs) last_reader_[input] = i;
  }
  values_[graph_.inputs[0]] = {
      kNetworkInput, network_.input_shape, {network_.input_scale, network_.input_zero_point}};
}

void Lowering::run() {
  for (node_index_ = 0; node_index_ < graph_.nodes.size(); ++node_index_) {
    node_ = &graph_.nodes[node_index_];
    if (!plan_.is_absorbed(node_index_)) lower();
    release();
  }
  if (network_.layers.empty()) graph_.fail("has no operation for the chip");
  finish_network();
}

/// The network's output is that of its last layer, whatever was added after it on the way, and no
/// concat.
void Lowering::finish_network() {
  is_finished_ = true;
  const Value last = values_.at(plan_.last_tensor());
  const bool is_last = last.layer + 1 == static_cast<std::int32_t>(network_.layers.size());
  if (!is_last || network_.layers.back().op == LayerOp::kConcat) {
    rescaled(last, plan_.last_tensor(), last.scale);
  }
}

void Lowering::lower() {
  if (plan_.is_table(*node_)) return lower_table();
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
    case Op::kGather:
    case Op::kSlice:
    case Op::kTranspose:
      return lower_gather();
    case Op::kLrn:
      return lower_local_response();
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
    case Op::kConstant:
    case Op::kConstantOfShape:
    case Op::kGru:
    case Op::kHardSigmoid:
    case Op::kHardSwish:
    case Op::kLeakyRelu:
    case Op::kLstm:
    case Op::kRange:
    case Op::kShape:
    case Op::kSigmoid:
    case Op::kTanh:
      break;
  }
  fail("is not supported here");
}

// --- Values ------------------------------------------------------------------------------------

const std::uint8_t *Lowering::image(std::int32_t index) const {
  return calibration_.pixels.data() +
         static_cast<std::size_t>(index) * static_cast<std::size_t>(calibration_.shape.elements());
}

Value Lowering::value(std::size_t input) {
  const std::string &name = node_->inputs[input];
  const auto found = values_.find(name);
  return found != values_.end() ? found->second : constant_value(name);
}

/// An input whose float shape is that of an image, in the order of one.
Value Lowering::image_value(std::size_t input) {
  return relaid(value(input), held(shape(input)));
}

/// An input as rows of features: a pixel per row.
Value Lowering::row_value(std::size_t input) {
  return relaid(value(input), held_as_rows(shape(input)));
}

/// A tensor that no image changes: zeros, and what is added to them.
Value Lowering::constant_value(const std::string &name) {
  const Tensor *constant = graph_.initialiser(name);
  if (constant == nullptr || constant->floats.empty()) {
    fail("input '" + name + "' is not a tensor of numbers");
  }
  const auto size = static_cast<std::int64_t>(constant->floats.size());
  const Value vector = held(Shape{1, size});
  Value zeros = vector;
  zeros.scale = {1.0, 0};
  zeros = gathered(any_value(), {}, zeros,
                   std::vector<std::int32_t>(static_cast<std::size_t>(size), -1));
  ActivationRange range;
  for (const float number : constant->floats) {
    range.low = std::min<double>(range.low, number);
    range.high = std::max<double>(range.high, number);
  }
  if (range.low == 0 && range.high == 0) return relaid(zeros, held(constant->shape));
  Layer layer = new_layer(LayerOp::kAveragePool, zeros);
  layer.name += ".constant";
  layer.output_shape = zeros.shape;
  Target target;
  target.scale = scale_of(range);
  const std::vector<double> offsets(constant->floats.begin(), constant->floats.end());
  const Value filled =
      finish(std::move(layer), target, std::vector<double>(offsets.size(), 0.0), offsets);
  return relaid(filled, held(constant->shape));
}

/// Some value for a layer that reads nothing of it. One row, if there is such a value, is easy to
/// place.
Value Lowering::any_value() const {
  for (std::size_t layer = network_.layers.size(); layer-- > 0;) {
    const Layer &made = network_.layers[layer];
    const bool is_kept = images_ == 0 || !outputs_[layer].empty();
    if (made.output_shape.height != 1 || made.requantise.output_s32 || !is_kept) continue;
    return {static_cast<std::int32_t>(layer),
            made.output_shape,
            {made.output_scale, made.output_zero_point}};
  }
  return values_.at(graph_.inputs[0]);
}

void Lowering::set_value(const std::string &tensor, const Value &new_value) {
  values_[tensor] = new_value;
  if (new_value.layer == kNetworkInput) return;
  const auto reader = last_reader_.find(tensor);
  std::size_t &last = last_use_[static_cast<std::size_t>(new_value.layer)];
  if (reader != last_reader_.end()) last = std::max(last, reader->second);
}

GoldenTensor Lowering::values_of(const Value &from, std::int32_t index) const {
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

std::vector<Bytes> Lowering::run_layer(const Layer &layer) const {
  std::vector<Bytes> outputs(static_cast<std::size_t>(images_));
  parallel_for(outputs.size(), [&](std::size_t i) {
    std::vector<GoldenTensor> inputs;
    for (const std::int32_t from : layer.inputs) {
      const TensorShape &shape = from == kNetworkInput
                                     ? network_.input_shape
                                     : network_.layers[static_cast<std::size_t>(from)].output_shape;
      inputs.push_back(values_of({from, shape, {}}, static_cast<std::int32_t>(i)));
    }
    std::vector<const GoldenTensor *> pointers;
    for (const GoldenTensor &input : inputs) pointers.push_back(&input);
    const GoldenTensor output = execute_golden_layer(options_.format, layer, pointers);
    outputs[i].assign(output.values.begin(), output.values.end());
  });
  return outputs;
}

/// Frees calibration values that no later node reads.
void Lowering::release() {
  for (std::size_t layer = 0; layer < outputs_.size(); ++layer) {
    if (last_use_[layer] <= node_index_) std::vector<Bytes>().swap(outputs_[layer]);
  }
}

// --- Layers ------------------------------------------------------------------------------------

Layer Lowering::new_layer(LayerOp op, const Value &from) const {
  Layer layer;
  layer.name = node_->name;
  layer.op = op;
  layer.inputs = {from.layer};
  layer.input_shape = from.shape;
  layer.output_shape = from.shape;
  layer.pad_value = static_cast<std::uint8_t>(from.scale.zero_point);
  return layer;
}

/// For 32-bit outputs: 256 output steps per step of the accumulator, unless the largest logits
/// (with a margin of 64) would leave 32 bits.
void Lowering::scale_logits(Target &target, const std::vector<double> &steps) const {
  if (!target.is_s32) return;
  double largest_step = 0;
  for (const double step : steps) largest_step = std::max(largest_step, std::abs(step));
  const double scale = std::max(largest_step / 256, target.largest * 64 / 0x1p31);
  target.scale = {scale > 0 ? scale : 1.0, 0};
}

/// real output = sum of steps * accumulator + offset.
Value Lowering::finish(Layer layer, const Target &target, const std::vector<double> &steps,
                       const std::vector<double> &offsets, LayerReport report) {
  Requantise &post = layer.requantise;
  const ActivationScale &scale = target.scale;
  post.output_s32 = target.is_s32;
  post.low = target.low();
  post.high = target.high();
  double largest_factor = 0, largest_offset = 0;
  for (const double step : steps) {
    largest_factor = std::max(largest_factor, std::abs(step) / scale.scale);
  }
  for (const double offset : offsets) {
    largest_offset = std::max(largest_offset, std::abs(offset / scale.scale + scale.zero_point));
  }
  post.shift = shift_for(largest_factor, largest_offset);
  for (const double step : steps) {
    post.multiplier.push_back(
        static_cast<std::int32_t>(std::llround(std::ldexp(step / scale.scale, post.shift))));
  }
  for (const double offset : offsets) {
    post.bias.push_back(
        std::llround(std::ldexp(offset / scale.scale + scale.zero_point, post.shift)));
  }
  return append(std::move(layer), scale, {target.tensor}, std::move(report));
}

/// 24 bits for the largest multiplier, as far as the shift's range and 64-bit sums allow.
int Lowering::shift_for(double largest_factor, double largest_offset) const {
  int shift = 62;
  if (largest_factor > 0) shift = std::min(shift, 23 - std::ilogb(largest_factor));
  if (largest_offset > 0) shift = std::min(shift, 58 - std::ilogb(largest_offset));
  if (shift < 0) fail("its values are too far from its input's to be rescaled");
  return shift;
}

Value Lowering::append(Layer layer, const ActivationScale &scale, const LayerTensor &tensor,
                       LayerReport report) {
  layer.output_scale = scale.scale;
  layer.output_zero_point = scale.zero_point;
  report.name = layer.name;
  report.op = layer.op;
  report.converter = layer.converter;
  report.output_s32 = layer.requantise.output_s32;
  report.output_scale = scale.scale;
  report.output_zero_point = scale.zero_point;
  reports.push_back(std::move(report));
  tensors.push_back(tensor);
  last_use_.push_back(node_index_);
  outputs_.emplace_back();
  const bool is_read = !layer.requantise.output_s32 && !is_finished_;
  if (is_read) outputs_.back() = run_layer(layer);
  network_.layers.push_back(std::move(layer));
  Value result;
  result.layer = static_cast<std::int32_t>(network_.layers.size()) - 1;
  result.shape = network_.layers.back().output_shape;
  result.scale = scale;
  result.is_channel_major = tensor.is_channel_major;
  return result;
}

}  // namespace npim::network
