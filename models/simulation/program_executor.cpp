#include "simulation/program_executor.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/error.h"
#include "mapping/mapping.h"

namespace npim::simulation {
namespace {

using network::GoldenTensor;
using network::LayerOp;
using program::StageOp;

constexpr std::size_t kToHost = static_cast<std::size_t>(-1);

LayerOp layer_op(StageOp op) {
  switch (op) {
    case StageOp::kMaxPool:
      return LayerOp::kMaxPool;
    case StageOp::kAveragePool:
      return LayerOp::kAveragePool;
    case StageOp::kAdd:
      return LayerOp::kAdd;
    case StageOp::kLookup:
      return LayerOp::kLookup;
    case StageOp::kMultiply:
      return LayerOp::kMultiply;
    case StageOp::kInsideAverage:
      return LayerOp::kInsideAverage;
    case StageOp::kLocalResponse:
      return LayerOp::kLocalResponse;
    case StageOp::kMvm:
    case StageOp::kAggregate:
      break;
  }
  return LayerOp::kConvolution;
}

/// The stage's slice as a layer of its own.
network::Layer layer_of(const program::Stage &stage) {
  network::Layer layer;
  layer.op = layer_op(stage.op);
  layer.input_shape = stage.inputs[0].shape;
  layer.output_shape = stage.output_shape;
  layer.window = stage.window;
  layer.pad_value = stage.pad_value;
  layer.table = stage.table;
  layer.second_zero_point = stage.second_zero_point;
  layer.neighbours = stage.neighbours;
  layer.sum_shift = stage.sum_shift;
  layer.requantise = stage.requantise;
  return layer;
}

GoldenTensor tensor_of(const network::TensorShape &shape) {
  return {shape, std::vector<std::int32_t>(static_cast<std::size_t>(shape.elements()))};
}

/// What an input port holds before anything arrives.
GoldenTensor port_content(const program::InputPort &port) {
  GoldenTensor tensor = tensor_of(port.shape);
  const auto pixel = static_cast<std::size_t>(port.shape.channels);
  for (const auto &constant : port.constants) {
    for (std::size_t i = constant.first; i < tensor.values.size(); i += pixel) {
      std::fill_n(tensor.values.begin() + static_cast<std::ptrdiff_t>(i), constant.count,
                  std::int32_t{constant.value});
    }
  }
  return tensor;
}

void deliver(const GoldenTensor &from, const program::Destination &to, GoldenTensor &port) {
  const program::Rectangle part = program::sent_part(to, from.shape);
  for (std::int64_t y = 0; y < from.shape.height; ++y) {
    for (std::int64_t x = 0; x < part.columns; ++x) {
      const std::int64_t source =
          (y * from.shape.width + part.first_column + x) * from.shape.channels + part.first_channel;
      const std::int64_t target =
          (y * port.shape.width + to.column_offset + x) * port.shape.channels + to.channel_offset;
      std::copy_n(from.values.begin() + source, part.channels, port.values.begin() + target);
    }
  }
}

/// The tile's adders and post-processing: the accumulator of one channel.
std::int32_t finish(const program::Stage &stage, std::int64_t sum, std::size_t channel) {
  if (stage.raw_output) return static_cast<std::int32_t>(sum);
  const network::Requantise &post = stage.requantise;
  return network::golden_requantise(post, sum * post.multiplier[channel], post.bias[channel]);
}

GoldenTensor aggregate(const program::Stage &stage, const std::vector<GoldenTensor> &inputs) {
  GoldenTensor output = tensor_of(stage.output_shape);
  const auto channels = static_cast<std::size_t>(stage.output_shape.channels);
  for (std::size_t i = 0; i < output.values.size(); ++i) {
    std::int64_t sum = 0;
    for (const auto &input : inputs) sum += input.values[i];
    output.values[i] = finish(stage, sum, i % channels);
  }
  return output;
}

}  // namespace

// Set-up

ProgramExecutor::ProgramExecutor(const program::Program &program, const config::ChipConfig &chip,
                                 const std::string &name)
    : program_(program), chip_(chip), name_(name), datapath_(chip) {
  mapping::check_fits(program, chip, name);
  for (const auto &weights : program.weights) {
    array(weights.tile, weights.array)
        .program(weights.values.data(), weights.rows, weights.vectors, weights.shift);
  }
  for (const auto &control : program.segments) segments_.push_back(plan_segment(control));
}

dataflow::ArrayDatapath &ProgramExecutor::array(int tile, int number) {
  auto &array = arrays_[{tile, number}];
  if (!array) array = datapath_.make_array({tile, number});
  return *array;
}

ProgramExecutor::SegmentPlan ProgramExecutor::plan_segment(const program::ControlProgram &control) {
  SegmentPlan plan;
  plan.control = &control;
  std::map<std::pair<int, int>, std::size_t> numbers;  // tile, slot
  for (std::size_t i = 0; i < control.stages.size(); ++i) {
    numbers[{control.stages[i].tile, control.stages[i].slot}] = i;
  }
  const auto targets = [&](const std::vector<program::Destination> &destinations) {
    std::vector<std::size_t> result;
    for (const auto &to : destinations) {
      result.push_back(to.tile == program::kHost ? kToHost : numbers.at({to.tile, to.slot}));
    }
    return result;
  };
  std::vector<int> missing(control.stages.size());  // streams that a stage still waits for
  for (const auto &stage : control.stages) {
    plan.stages.push_back(plan_stage(stage));
    plan.stages.back().targets = targets(stage.destinations);
    for (const auto &port : stage.inputs) missing[plan.stages.size() - 1] += port.producers;
  }
  plan.input_targets = targets(control.inputs);
  const auto arrive = [&](const std::vector<std::size_t> &at) {
    for (const std::size_t i : at) {
      if (i != kToHost && --missing[i] == 0) plan.order.push_back(i);
    }
  };
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (missing[i] == 0) plan.order.push_back(i);  // all of its inputs are constant
  }
  arrive(plan.input_targets);
  for (std::size_t i = 0; i < plan.order.size(); ++i) arrive(plan.stages[plan.order[i]].targets);
  if (plan.order.size() != control.stages.size()) {
    throw InputError(name_, "stages wait for each other in a circle");
  }
  return plan;
}

ProgramExecutor::StagePlan ProgramExecutor::plan_stage(const program::Stage &stage) {
  StagePlan plan;
  plan.stage = &stage;
  if (stage.op == StageOp::kMvm) {
    plan.source = {stage.inputs[0].shape, stage.window, stage.groups, stage.pad_value};
    plan.converter =
        datapath_.make_layer({stage.converter.range_divisor, stage.converter.bitline_gain});
    plan_parts(plan);
  } else {
    plan.layer = layer_of(stage);
  }
  return plan;
}

/// Rows of one group, and whole kernels of groups that share an array, follow each other in the
/// window, so an array's inputs are one run of bytes.
void ProgramExecutor::plan_parts(StagePlan &plan) {
  for (const auto &use : plan.stage->arrays) {
    const program::ArrayPart part =
        program::array_part(*plan.stage, use, chip_.array.rows, datapath_.geometry().vectors());
    const auto inputs =
        static_cast<std::size_t>(part.first_group) * plan.stage->kernel_rows + part.first_row;
    plan.parts.push_back({&array(plan.stage->tile, use.array), use.copy, part.used_rows(),
                          part.first_channel, part.channels, inputs});
  }
}

int ProgramExecutor::calibrate() {
  std::set<int> tiles;
  for (const auto &[place, array] : arrays_) tiles.insert(place.first);
  int retired = 0;
  for (const int tile : tiles) {
    std::uint64_t run = 0;
    while (!calibrate(tile, run++)) ++retired;
  }
  return retired;
}

/// One CALIBRATE command; the first converter that fails goes out of service, and the result is
/// false.
bool ProgramExecutor::calibrate(int tile, std::uint64_t run) {
  dataflow::ConverterBank &bank = datapath_.converters(tile);
  int failed = -1;
  for (int i = 0; i < bank.count(); ++i) {
    if (!bank.at(i).in_service || datapath_.calibrate(tile, i)) continue;
    if (failed < 0) failed = i;
  }
  if (bank.in_service() == 0) {
    throw InputError(name_, "no converter of tile " + std::to_string(tile) + " works");
  }
  for (const auto &[place, array] : arrays_) {
    if (place.first == tile) array->calibrate(run);
  }
  if (failed < 0) return true;
  bank.set_in_service(failed, false);
  return false;
}

// Execution

std::vector<std::int32_t> ProgramExecutor::logits(const std::uint8_t *image,
                                                  std::uint64_t number) const {
  Buffers buffers;
  buffers.images = network::encode_input(program_.network, image);
  const auto &output = program_.schedule.tensors[program_.schedule.steps.back().output];
  buffers.outputs.resize(output.image_bytes);
  buffers.workspace.resize(program_.schedule.workspace_bytes);
  for (const auto &step : program_.schedule.steps) run_step(step, buffers, number);
  return read(output, buffers).values;
}

std::uint8_t *ProgramExecutor::place(const program::TensorView &view, Buffers &buffers) const {
  switch (view.place) {
    case program::TensorPlace::kImages:
      return buffers.images.data() + view.first_byte;
    case program::TensorPlace::kOutputs:
      return buffers.outputs.data() + view.first_byte;
    case program::TensorPlace::kWorkspace:
      break;
  }
  return buffers.workspace.data() + view.buffer + view.first_byte;
}

GoldenTensor ProgramExecutor::read(const program::TensorView &view, Buffers &buffers) const {
  Tensor tensor = tensor_of(view.shape);
  const std::uint8_t *pixel = place(view, buffers);
  const std::int64_t pixels = std::int64_t{view.shape.height} * view.shape.width;
  auto to = tensor.values.begin();
  for (std::int64_t p = 0; p < pixels; ++p, pixel += view.pixel_bytes) {
    for (std::int32_t c = 0; c < view.shape.channels; ++c, ++to) {
      if (view.element_bytes == 1) {
        *to = pixel[c];
      } else {
        std::memcpy(&*to, pixel + std::size_t{4} * static_cast<std::size_t>(c), 4);
      }
    }
  }
  return tensor;
}

void ProgramExecutor::write(const Tensor &tensor, const program::TensorView &view,
                            Buffers &buffers) const {
  std::uint8_t *pixel = place(view, buffers);
  const std::int64_t pixels = std::int64_t{view.shape.height} * view.shape.width;
  auto from = tensor.values.begin();
  for (std::int64_t p = 0; p < pixels; ++p, pixel += view.pixel_bytes) {
    for (std::int32_t c = 0; c < view.shape.channels; ++c, ++from) {
      if (view.element_bytes == 1) {
        pixel[c] = static_cast<std::uint8_t>(*from);
      } else {
        std::memcpy(pixel + std::size_t{4} * static_cast<std::size_t>(c), &*from, 4);
      }
    }
  }
}

void ProgramExecutor::run_step(const program::Step &step, Buffers &buffers,
                               std::uint64_t number) const {
  const auto &tensors = program_.schedule.tensors;
  const program::TensorView &to = tensors[step.output];
  if (step.kind == program::Step::Kind::kView) return;
  if (step.kind == program::Step::Kind::kOnChip) {
    write(run_segment(segments_[step.segment], read(tensors[step.inputs[0]], buffers), number), to,
          buffers);
    return;
  }
  std::vector<Tensor> values;
  for (const std::uint32_t input : step.inputs) values.push_back(read(tensors[input], buffers));
  std::vector<const Tensor *> inputs;
  for (const Tensor &value : values) inputs.push_back(&value);
  network::Layer joining;
  if (step.layer == program::kNoLayer) {
    joining = program::joining_layer(program_.schedule, step);
    joining.output_shape = to.shape;
  }
  const network::Layer &layer =
      step.layer == program::kNoLayer ? joining : program_.network.layers[step.layer];
  write(network::execute_golden_layer(program_.network.format, layer, inputs), to, buffers);
}

GoldenTensor ProgramExecutor::run_segment(const SegmentPlan &plan, Tensor image,
                                          std::uint64_t number) const {
  std::vector<std::vector<Tensor>> ports;
  for (const auto &stage : plan.stages) {
    auto &content = ports.emplace_back();
    for (const auto &port : stage.stage->inputs) content.push_back(port_content(port));
  }
  Tensor output = tensor_of(plan.control->output_shape);
  const std::uint64_t channel = number % plan.control->channels;
  const auto works = [&](std::size_t stage) {
    return plan.stages[stage].stage->channel == channel;
  };
  const auto send = [&](const Tensor &tensor, const std::vector<program::Destination> &to,
                        const std::vector<std::size_t> &targets) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (targets[i] != kToHost && !works(targets[i])) continue;
      deliver(tensor, to[i], targets[i] == kToHost ? output : ports[targets[i]][to[i].port]);
    }
  };
  image.shape = plan.control->input_shape;
  send(image, plan.control->inputs, plan.input_targets);
  for (const std::size_t i : plan.order) {
    if (!works(i)) continue;
    const StagePlan &stage = plan.stages[i];
    const Tensor result = run_stage(stage, ports[i], number);
    ports[i].clear();
    send(result, stage.stage->destinations, stage.targets);
  }
  return output;
}

GoldenTensor ProgramExecutor::run_stage(const StagePlan &plan, const std::vector<Tensor> &inputs,
                                        std::uint64_t number) const {
  if (plan.stage->op == StageOp::kMvm) return multiply(plan, inputs[0], number);
  if (plan.stage->op == StageOp::kAggregate) return aggregate(*plan.stage, inputs);
  std::vector<const Tensor *> from;
  for (const Tensor &input : inputs) from.push_back(&input);
  return network::execute_golden_layer(program_.network.format, plan.layer, from);
}

/// Window after window: each copy of the weights takes every burst-th of a row.
GoldenTensor ProgramExecutor::multiply(const StagePlan &plan, const Tensor &input,
                                       std::uint64_t number) const {
  const program::Stage &stage = *plan.stage;
  Tensor output = tensor_of(stage.output_shape);
  const auto channels = static_cast<std::size_t>(stage.output_shape.channels);
  const auto vectors = static_cast<std::size_t>(datapath_.geometry().vectors());
  std::vector<std::uint8_t> window(static_cast<std::size_t>(plan.source.rows()) * stage.groups);
  std::vector<std::int64_t> sums(channels);
  std::vector<double> held(vectors);
  std::vector<std::int32_t> codes(vectors);
  auto to = output.values.begin();
  std::uint64_t key = number * static_cast<std::uint64_t>(stage.output_shape.height) *
                      static_cast<std::uint64_t>(stage.output_shape.width);
  for (std::int32_t y = 0; y < stage.output_shape.height; ++y) {
    for (std::int32_t x = 0; x < stage.output_shape.width; ++x, ++key) {
      network::gather_window(plan.source, input.values.data(), y, x, window.data());
      std::fill(sums.begin(), sums.end(), 0);
      for (const Part &part : plan.parts) {
        if (part.copy != x % stage.burst) continue;
        part.array->hold({window.data() + part.inputs, part.rows, {key}}, plan.converter,
                         held.data());
        part.array->convert({key}, plan.converter, held.data(), part.channels, codes.data());
        for (int v = 0; v < part.channels; ++v) {
          sums[static_cast<std::size_t>(part.first_channel + v)] +=
              codes[static_cast<std::size_t>(v)];
        }
      }
      for (std::size_t c = 0; c < channels; ++c) *to++ = finish(stage, sums[c], c);
    }
  }
  return output;
}

}  // namespace npim::simulation
