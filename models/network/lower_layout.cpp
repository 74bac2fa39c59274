// Copies of integers: concats, slices, pads, transpositions, and changes of order and scale.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "network/lowering.h"
#include "network/tensor_ops.h"

namespace npim::network {
namespace {

bool same(const ActivationScale &a, const ActivationScale &b) {
  return a.scale == b.scale && a.zero_point == b.zero_point;
}

/// Whether element k of the float tensor lies at the same place in both.
bool same_order(const Value &a, const Value &b) {
  if (a.shape != b.shape) return false;
  const bool is_one_order =
      a.shape.channels == 1 || std::int64_t{a.shape.height} * a.shape.width == 1;
  return is_one_order || a.is_channel_major == b.is_channel_major;
}

std::vector<std::int32_t> count_up(std::size_t size) {
  std::vector<std::int32_t> indices(size);
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

}  // namespace

// --- Orders and scales -------------------------------------------------------------------------

Value Lowering::held(const Shape &shape) const {
  if (shape.size() != 4 || shape[0] != 1) return held_as_rows(shape);
  Value value;
  value.shape = {static_cast<std::int32_t>(shape[2]), static_cast<std::int32_t>(shape[3]),
                 static_cast<std::int32_t>(shape[1])};
  return value;
}

Value Lowering::held_as_rows(const Shape &shape) const {
  constexpr std::int64_t kMaximumExtent = 1 << 16;
  const std::int64_t size = element_count(shape), features = shape.empty() ? 1 : shape.back();
  if (features > kMaximumExtent || size / features > kMaximumExtent) {
    fail("tensor of " + to_text(shape) + " has more than 65536 rows or columns");
  }
  Value value;
  value.shape = {1, static_cast<std::int32_t>(size / features),
                 static_cast<std::int32_t>(features)};
  value.is_channel_major = false;
  return value;
}

/// The same float tensor in another order.
Value Lowering::relaid(const Value &from, const Value &to) {
  Value result = from;
  result.is_channel_major = to.is_channel_major;
  if (same_order(from, to)) return result;
  Value target = to;
  target.scale = from.scale;
  return gathered(from, {}, target, count_up(static_cast<std::size_t>(from.shape.elements())));
}

/// `sources`: for each element of the float tensor `to` that of `from`, or -1 for the byte `fill`.
/// The integers mean what to.scale says.
Value Lowering::gathered(const Value &from, const LayerTensor &tensor, const Value &to,
                         const std::vector<std::int32_t> &sources, std::int32_t fill) {
  Layer layer = new_layer(LayerOp::kGather, from);
  if (tensor.name.empty()) layer.name += ".order";
  layer.output_shape = to.shape;
  layer.pad_value = static_cast<std::uint8_t>(fill);
  layer.table.resize(sources.size());
  for (std::size_t k = 0; k < sources.size(); ++k) {
    const auto at = static_cast<std::size_t>(to.held_index(static_cast<std::int64_t>(k)));
    layer.table[at] = sources[k] < 0 ? -1 : static_cast<std::int32_t>(from.held_index(sources[k]));
  }
  return append(std::move(layer), to.scale, {tensor.name, to.is_channel_major});
}

/// The scale that a node which copies integers gives its readers.
ActivationScale Lowering::scale_of_output(const Value &from) const {
  const ActivationScale *shared = plan_.shared_scale(node_->outputs[0]);
  return shared == nullptr ? from.scale : *shared;
}

/// The value at another scale, or padded with zeros: an average over single pixels.
Value Lowering::rescaled(const Value &from, const std::string &tensor, const ActivationScale &scale,
                         const Window &window) {
  Layer layer = new_layer(LayerOp::kAveragePool, from);
  layer.name += ".copy";
  layer.window = window;
  layer.output_shape.height += window.pad_top + window.pad_bottom;
  layer.output_shape.width += window.pad_left + window.pad_right;
  const auto channels = static_cast<std::size_t>(from.shape.channels);
  Target target;
  target.tensor = tensor;
  target.scale = scale;
  Value result = finish(std::move(layer), target, std::vector<double>(channels, from.scale.scale),
                        std::vector<double>(channels, -from.scale.scale * from.scale.zero_point));
  result.is_channel_major = tensors.back().is_channel_major = from.is_channel_major;
  return result;
}

// --- Concat ------------------------------------------------------------------------------------

/// Along the channels of images or the features of rows; along other axes through vectors, whose
/// parts are put in order afterwards.
void Lowering::lower_concat() {
  const Shape &out = output_shape();
  const std::size_t axis = axis_of(graph_, *node_, 0, out.size());
  const bool is_image = out.size() == 4 && out[0] == 1;
  const bool is_direct = is_image ? axis == 1 : axis + 1 == out.size();
  std::vector<Value> parts;
  std::vector<std::int32_t> offsets;
  const ActivationScale scale = scale_of_output(value(0));
  std::int64_t channels = 0;
  for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
    Value part = !is_direct ? relaid(value(i), held(Shape{1, element_count(shape(i))}))
                 : is_image ? image_value(i)
                            : row_value(i);
    if (!same(part.scale, scale)) {
      const bool is_whole = is_direct && graph_.initialiser(node_->inputs[i]) == nullptr;
      part = rescaled(part, is_whole ? node_->inputs[i] : "", scale);
    }
    parts.push_back(part);
    offsets.push_back(static_cast<std::int32_t>(channels));
    channels += part.shape.channels;
  }
  if (channels > 1 << 16) fail("joins " + std::to_string(channels) + " channels, more than 65536");
  const std::string &name = node_->outputs[0];
  const auto count = static_cast<std::int32_t>(channels);
  if (is_direct) {
    return set_value(name, concatenated(parts, offsets, count, scale, {name, is_image}));
  }
  Value whole = concatenated(parts, offsets, count, scale, {"", false});
  std::vector<std::vector<std::int32_t>> indices;
  std::vector<const std::vector<std::int32_t> *> pointers;
  std::vector<std::size_t> chunks;
  std::size_t outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= static_cast<std::size_t>(out[i]);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    indices.push_back(count_up(static_cast<std::size_t>(parts[i].shape.channels)));
    for (std::int32_t &index : indices.back()) index += offsets[i];
    chunks.push_back(indices.back().size() / outer);
  }
  for (const auto &list : indices) pointers.push_back(&list);
  Value to = held(out);
  to.scale = scale;
  set_value(name, gathered(whole, {name}, to, concatenate(pointers, chunks, outer)));
}

Value Lowering::concatenated(const std::vector<Value> &parts,
                             const std::vector<std::int32_t> &offsets, std::int32_t channels,
                             const ActivationScale &scale, const LayerTensor &tensor) {
  Layer layer = new_layer(LayerOp::kConcat, parts[0]);
  layer.inputs.clear();
  layer.input_shape.channels = 0;
  for (const Value &part : parts) {
    layer.inputs.push_back(part.layer);
    layer.input_shape.channels += part.shape.channels;
  }
  layer.channel_offsets = offsets;
  layer.pad_value = static_cast<std::uint8_t>(scale.zero_point);
  layer.output_shape.channels = channels;
  return append(std::move(layer), scale, tensor);
}

// --- Pad and gather ----------------------------------------------------------------------------

/// Channels of zeros are channels that nobody delivers; rows and columns of zeros are the padding
/// of a copy.
void Lowering::lower_pad() {
  const auto &pads = graph_.constant_integers(*node_, 1, "pads");
  const Tensor *fill = node_->has_input(2) ? graph_.initialiser(node_->inputs[2]) : nullptr;
  const bool is_zero = fill == nullptr || fill->floats == std::vector<float>{0.0F};
  const bool is_negative =
      std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p < 0; });
  if (graph_.text(*node_, "mode", "constant") != "constant" || !is_zero || is_negative ||
      pads.size() != 8 || pads[0] != 0 || pads[4] != 0 || shape(0)[0] != 1) {
    return lower_gather();
  }
  Value from = image_value(0);
  const std::string &name = node_->outputs[0];
  const ActivationScale scale = scale_of_output(from);
  const auto pad = [&](std::size_t index) { return static_cast<std::int32_t>(pads[index]); };
  const bool pads_channels = pads[1] + pads[5] != 0;
  Window window;
  window.pad_top = pad(2), window.pad_left = pad(3);
  window.pad_bottom = pad(6), window.pad_right = pad(7);
  const bool pads_pixels = pads[2] + pads[3] + pads[6] + pads[7] != 0;
  if (pads_pixels || !same(from.scale, scale)) {
    from = rescaled(from, pads_channels ? std::string() : name, scale, window);
    if (!pads_channels) return set_value(name, from);
  }
  const std::int32_t channels = from.shape.channels + pad(1) + pad(5);
  set_value(name, concatenated({from}, {pad(1)}, channels, scale, {name}));
}

/// What else copies elements: each element's source, found by moving numbers instead of values.
void Lowering::lower_gather() {
  const Value from = value(0);
  const std::vector<std::int32_t> all = count_up(static_cast<std::size_t>(element_count(shape(0))));
  std::vector<std::int32_t> sources;
  std::int32_t fill = from.scale.zero_point;
  if (node_->op == Op::kTranspose) {
    sources = transpose(all, shape(0), permutation_of(graph_, *node_));
  } else {
    sources = pick<std::int32_t>(all, shape(0), picked_indices(graph_, *node_), -1);
  }
  if (node_->op == Op::kPad && node_->has_input(2)) {
    const double steps =
        graph_.initialiser(node_->inputs[2])->floats.at(0) / from.scale.scale + fill;
    fill = static_cast<std::int32_t>(std::lround(std::clamp(steps, 0.0, 255.0)));
  }
  Value to = held(output_shape());
  to.scale = from.scale;
  set_value(node_->outputs[0], gathered(from, {node_->outputs[0]}, to, sources, fill));
}

}  // namespace npim::network
