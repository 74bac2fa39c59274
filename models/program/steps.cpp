#include "program/steps.h"

#include <algorithm>
#include <limits>
#include <map>

namespace npim::program {
namespace {

using network::Layer;
using network::LayerOp;
using network::TensorShape;

constexpr std::size_t kTensorBytes = 40, kStepBytes = 40, kOperationBytes = 128, kAlignment = 64;
constexpr std::size_t kMostSteps = 1 << 16, kMostTensors = 1 << 17, kMostInputs = 1 << 20;
/// Of the workspace per image: far more than any network needs, and products stay in 64 bits.
constexpr std::uint64_t kMostWorkspace = std::uint64_t{1} << 32;

std::uint64_t pixels_of(const TensorShape &shape) {
  return static_cast<std::uint64_t>(shape.height) * static_cast<std::uint64_t>(shape.width);
}

bool is_dense(const TensorView &tensor) {
  const auto pixel = static_cast<std::uint64_t>(tensor.shape.channels) * tensor.element_bytes;
  return tensor.pixel_bytes == pixel;
}

class Checker {
 public:
  Checker(const Schedule &schedule, const std::vector<ControlProgram> &segments,
          const network::QuantisedNetwork &network, const std::string &name)
      : schedule_(schedule), segments_(segments), network_(network), name_(name) {}

  void run() const {
    require(!schedule_.tensors.empty(), "there are no tensors");
    require(!schedule_.steps.empty(), "there are no steps");
    require(schedule_.workspace_bytes <= kMostWorkspace, "the workspace is too large");
    for (const TensorView &tensor : schedule_.tensors) check_tensor(tensor);
    const TensorView &images = schedule_.tensors[0];
    require(images.place == TensorPlace::kImages && images.shape == network_.input_shape,
            "tensor 0 is not the images");
    for (const Step &step : schedule_.steps) check_step(step);
    const Step &last = schedule_.steps.back();
    require(tensor(last.output).place == TensorPlace::kOutputs,
            "the last step does not yield the output");
  }

 private:
  void require(bool condition, const char *what) const {
    if (!condition) throw InputError(name_ + ": schedule", what);
  }
  const TensorView &tensor(std::uint32_t number) const {
    require(number < schedule_.tensors.size(), "a tensor does not exist");
    return schedule_.tensors[number];
  }

  void check_tensor(const TensorView &t) const {
    constexpr std::int32_t kMostExtent = 1 << 16;
    constexpr std::int64_t kMostElements = std::int64_t{1} << 26;
    for (const std::int32_t extent : {t.shape.height, t.shape.width, t.shape.channels}) {
      require(extent >= 1 && extent <= kMostExtent, "a tensor's dimension is out of range");
    }
    require(t.shape.elements() <= kMostElements, "a tensor is too large");
    require(t.element_bytes == 1 || (t.element_bytes == 4 && t.place == TensorPlace::kOutputs),
            "a tensor's elements have a wrong size");
    const auto pixel = static_cast<std::uint64_t>(t.shape.channels) * t.element_bytes;
    require(t.pixel_bytes >= pixel, "a tensor's pixels overlap");
    const std::uint64_t end =
        t.first_byte + (pixels_of(t.shape) - 1) * std::uint64_t{t.pixel_bytes} + pixel;
    require(end <= t.image_bytes, "a tensor exceeds its image");
    if (t.place == TensorPlace::kWorkspace) {
      require(t.buffer % kAlignment == 0 && t.buffer <= schedule_.workspace_bytes &&
                  t.image_bytes <= schedule_.workspace_bytes - t.buffer,
              "a tensor exceeds the workspace");
      return;
    }
    require(t.buffer == 0 && t.place <= TensorPlace::kWorkspace, "a tensor's place is unknown");
    const bool is_output = t.place == TensorPlace::kOutputs;
    const TensorShape &whole =
        is_output ? network_.layers.back().output_shape : network_.input_shape;
    const bool is_s32 = is_output && network_.layers.back().requantise.output_s32;
    require(!is_output || (t.shape == whole && (t.element_bytes == 4) == is_s32),
            "the output differs from the network's");
    require(t.image_bytes == whole.elements() * (is_s32 ? 4 : 1),
            "an image has another size than the network's");
  }

  void check_step(const Step &step) const {
    const TensorView &output = tensor(step.output);
    require(output.place != TensorPlace::kImages || step.kind == Step::Kind::kView,
            "a step writes into the images");
    switch (step.kind) {
      case Step::Kind::kOnChip:
        check_chip(step);
        return;
      case Step::Kind::kView:
        require(step.inputs.empty() && step.layer < network_.layers.size(),
                "a view has inputs, or is of no layer");
        return;
      case Step::Kind::kOnHost:
        check_host(step);
        return;
    }
    require(false, "a step is of an unknown kind");
  }

  void check_chip(const Step &step) const {
    require(step.segment < segments_.size() && step.inputs.size() == 1,
            "a step of the chip has no control program, or not one input");
    const ControlProgram &control = segments_[step.segment];
    const TensorView &from = tensor(step.inputs[0]), &to = tensor(step.output);
    require(from.shape == control.input_shape && to.shape == control.output_shape &&
                from.element_bytes == 1 && to.element_bytes == control.output_element_bytes,
            "a step's tensors are not those of its control program");
    require(is_dense(from) && is_dense(to), "a tensor of the chip has gaps");
  }

  void check_host(const Step &step) const {
    require(step.layer == kNoLayer || step.layer < network_.layers.size(),
            "a step's layer does not exist");
    require(!step.inputs.empty(), "a step of the host has no input");
    for (const std::uint32_t input : step.inputs) {
      require(tensor(input).element_bytes == 1, "a step of the host reads 32-bit values");
    }
    const TensorView &to = tensor(step.output);
    if (step.layer == kNoLayer) {
      check_join(step, to);
      return;
    }
    const Layer &layer = network_.layers[step.layer];
    require(step.inputs.size() == layer.inputs.size(), "a step has a wrong number of inputs");
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const std::int32_t from = layer.inputs[i];
      const TensorShape &shape = from == network::kNetworkInput
                                     ? network_.input_shape
                                     : network_.layers[static_cast<std::size_t>(from)].output_shape;
      require(tensor(step.inputs[i]).shape == shape, "a step's input has another shape");
    }
    require(
        to.shape == layer.output_shape && (to.element_bytes == 4) == layer.requantise.output_s32,
        "a step's output has another shape");
  }

  void check_join(const Step &step, const TensorView &to) const {
    std::int64_t channels = 0;
    for (const std::uint32_t input : step.inputs) {
      const TensorShape &shape = tensor(input).shape;
      channels += shape.channels;
      require(shape.height == to.shape.height && shape.width == to.shape.width,
              "tensors that are joined differ in shape");
    }
    require(channels == to.shape.channels && to.element_bytes == 1,
            "tensors that are joined do not fill the output");
  }

  const Schedule &schedule_;
  const std::vector<ControlProgram> &segments_;
  const network::QuantisedNetwork &network_;
  const std::string &name_;
};

template <typename T>
void put_all(ByteWriter &out, const std::vector<T> &values) {
  for (const T value : values) out.put(value);
}

Bytes encode_operation(const Layer &layer, const network::ConverterFormat &format) {
  const network::Requantise &post = layer.requantise;
  const network::Window &w = layer.window;
  ByteWriter out;
  out.put(layer.op);
  out.put(layer.pad_value);
  out.put(layer.second_zero_point);
  out.put(static_cast<std::uint8_t>(post.output_s32));
  out.put(layer.groups);
  for (const std::int32_t value :
       {w.kernel_height, w.kernel_width, w.stride_height, w.stride_width, w.dilation_height,
        w.dilation_width, w.pad_top, w.pad_left, w.pad_bottom, w.pad_right}) {
    out.put(value);
  }
  for (const std::int32_t value :
       {layer.neighbours, layer.sum_shift, layer.converter.range_divisor,
        layer.converter.bitline_gain, post.shift, post.low, post.high, format.array_rows}) {
    out.put(value);
  }
  out.put(static_cast<std::uint32_t>(format.code));
  out.put(std::uint32_t{layer.weight_shift});
  out.put(static_cast<std::uint32_t>(post.bias.size()));
  out.put(static_cast<std::uint32_t>(post.multiplier.size()));
  out.put(static_cast<std::uint32_t>(layer.table.size()));
  out.put(static_cast<std::uint32_t>(layer.channel_offsets.size()));
  out.put(static_cast<std::uint64_t>(layer.weights.size()));
  out.put(layer.rows_per_block(format.array_rows));
  out.align(kOperationBytes);
  put_all(out, post.bias);
  put_all(out, post.multiplier);
  put_all(out, layer.table);
  put_all(out, layer.channel_offsets);
  out.put_bytes(layer.weights.data(), layer.weights.size());
  return out.take();
}

/// Where in `blob` a part that is appended begins.
std::uint64_t append(ByteWriter &blob, const Bytes &part) {
  blob.align(kAlignment);
  const std::uint64_t offset = blob.size();
  blob.put_bytes(part.data(), part.size());
  return offset;
}

void put_tensor(ByteWriter &out, const TensorView &tensor) {
  out.put(tensor.shape.height);
  out.put(tensor.shape.width);
  out.put(tensor.shape.channels);
  out.put(tensor.place);
  out.put(tensor.element_bytes);
  out.put(std::uint16_t{0});
  out.put(tensor.pixel_bytes);
  out.put(tensor.image_bytes);
  out.put(tensor.first_byte);
  out.put(std::uint32_t{0});
  out.put(tensor.buffer);
}

TensorView get_tensor(ByteReader &in) {
  TensorView tensor;
  tensor.shape.height = in.get<std::int32_t>();
  tensor.shape.width = in.get<std::int32_t>();
  tensor.shape.channels = in.get<std::int32_t>();
  tensor.place = in.get<TensorPlace>();
  tensor.element_bytes = in.get<std::uint8_t>();
  in.skip(2);
  tensor.pixel_bytes = in.get<std::uint32_t>();
  tensor.image_bytes = in.get<std::uint32_t>();
  tensor.first_byte = in.get<std::uint32_t>();
  in.skip(4);
  tensor.buffer = in.get<std::uint64_t>();
  return tensor;
}

struct Part {
  std::uint64_t offset = 0, bytes = 0;
  bool operator<(const Part &other) const {
    return offset != other.offset ? offset < other.offset : bytes < other.bytes;
  }
};

}  // namespace

Schedule chip_alone(const ControlProgram &control) {
  const auto view = [](const TensorShape &shape, TensorPlace place, int element_bytes) {
    TensorView tensor;
    tensor.shape = shape;
    tensor.place = place;
    tensor.element_bytes = static_cast<std::uint8_t>(element_bytes);
    tensor.pixel_bytes = static_cast<std::uint32_t>(shape.channels * element_bytes);
    tensor.image_bytes = static_cast<std::uint32_t>(shape.elements() * element_bytes);
    return tensor;
  };
  Schedule schedule;
  schedule.tensors = {
      view(control.input_shape, TensorPlace::kImages, 1),
      view(control.output_shape, TensorPlace::kOutputs, control.output_element_bytes)};
  Step step;
  step.inputs = {0};
  step.output = 1;
  schedule.steps = {step};
  return schedule;
}

Layer joining_layer(const Schedule &schedule, const Step &step) {
  Layer layer;
  layer.op = LayerOp::kConcat;
  std::int32_t channels = 0;
  for (const std::uint32_t input : step.inputs) {
    layer.channel_offsets.push_back(channels);
    channels += schedule.tensors[input].shape.channels;
  }
  return layer;
}

void check_schedule(const Schedule &schedule, const std::vector<ControlProgram> &segments,
                    const network::QuantisedNetwork &network, const std::string &name) {
  Checker(schedule, segments, network, name).run();
}

EncodedSteps encode(const Schedule &schedule, const std::vector<ControlProgram> &segments,
                    const network::QuantisedNetwork &network) {
  ByteWriter out, control, operations;
  std::vector<Part> controls;
  for (const ControlProgram &segment : segments) {
    const Bytes blob = encode(segment);
    controls.push_back({append(control, blob), blob.size()});
  }
  std::size_t inputs = 0;
  for (const Step &step : schedule.steps) inputs += step.inputs.size();
  out.put(static_cast<std::uint32_t>(schedule.tensors.size()));
  out.put(static_cast<std::uint32_t>(schedule.steps.size()));
  out.put(static_cast<std::uint32_t>(inputs));
  out.put(std::uint32_t{0});
  out.put(schedule.workspace_bytes);
  out.put(std::uint64_t{0});
  for (const TensorView &tensor : schedule.tensors) put_tensor(out, tensor);
  std::uint32_t first = 0;
  for (const Step &step : schedule.steps) {
    Part part;
    std::size_t stages = 0;
    if (step.kind == Step::Kind::kOnChip) {
      part = controls.at(step.segment);
      stages = segments[step.segment].stages.size();
    }
    if (step.kind == Step::Kind::kOnHost) {
      const Bytes blob = encode_operation(
          step.layer == kNoLayer ? joining_layer(schedule, step) : network.layers.at(step.layer),
          network.format);
      part = {append(operations, blob), blob.size()};
    }
    out.put(step.kind);
    out.put_bytes("\0\0\0", 3);
    out.put(step.layer);
    out.put(first);
    out.put(static_cast<std::uint32_t>(step.inputs.size()));
    out.put(step.output);
    out.put(static_cast<std::uint32_t>(stages));
    out.put(part.offset);
    out.put(part.bytes);
    first += static_cast<std::uint32_t>(step.inputs.size());
  }
  for (const Step &step : schedule.steps) put_all(out, step.inputs);
  return {out.take(), control.take(), operations.take()};
}

Schedule decode_schedule(const EncodedSteps &bytes, const network::QuantisedNetwork &network,
                         std::vector<ControlProgram> &segments, const std::string &name) {
  ByteReader in(bytes.schedule, name + ": schedule section");
  Schedule schedule;
  const std::size_t tensors = in.get<std::uint32_t>(), steps = in.get<std::uint32_t>(),
                    inputs = in.get<std::uint32_t>();
  in.skip(4);
  schedule.workspace_bytes = in.get<std::uint64_t>();
  in.skip(8);
  if (tensors > kMostTensors || steps > kMostSteps || inputs > kMostInputs) {
    in.fail("too many tensors, steps or inputs");
  }
  in.require(tensors * kTensorBytes + steps * kStepBytes + inputs * 4);
  for (std::size_t i = 0; i < tensors; ++i) schedule.tensors.push_back(get_tensor(in));
  std::map<Part, std::uint32_t> controls;
  std::vector<std::size_t> counts;
  segments.clear();
  for (std::size_t i = 0; i < steps; ++i) {
    Step step;
    step.kind = in.get<Step::Kind>();
    in.skip(3);
    step.layer = in.get<std::uint32_t>();
    in.skip(4);
    counts.push_back(in.get<std::uint32_t>());
    step.output = in.get<std::uint32_t>();
    in.skip(4);
    const auto offset = in.get<std::uint64_t>(), size = in.get<std::uint64_t>();
    if (step.kind == Step::Kind::kOnChip) {
      if (offset > bytes.control.size() || size > bytes.control.size() - offset) {
        in.fail("a control program lies outside its section");
      }
      const auto known =
          controls.emplace(Part{offset, size}, static_cast<std::uint32_t>(segments.size()));
      step.segment = known.first->second;
      if (known.second) {
        segments.push_back(
            decode_control(bytes.control.data() + offset, size, name + ": control section"));
      }
    }
    schedule.steps.push_back(std::move(step));
  }
  std::size_t left = inputs;
  for (std::size_t i = 0; i < steps; ++i) {
    if (counts[i] > left) in.fail("a step has more inputs than there are");
    left -= counts[i];
    for (std::size_t k = 0; k < counts[i]; ++k) {
      schedule.steps[i].inputs.push_back(in.get<std::uint32_t>());
    }
  }
  check_schedule(schedule, segments, network, name);
  // Operations and unused bits hold what this compiler writes: the network says what that is.
  const EncodedSteps expected = encode(schedule, segments, network);
  if (expected.schedule != bytes.schedule || expected.operations != bytes.operations) {
    throw InputError(name, "its steps are not those of its network");
  }
  return schedule;
}

}  // namespace npim::program
