#include "program/stage.h"

#include <algorithm>
#include <string>

#include "base/integers.h"

namespace npim::program {
namespace {

constexpr std::uint32_t kControlMagic = 0x4c52544e;  // 'NTRL'
constexpr std::uint16_t kControlVersion = 3;
// Limits of the format, far above any chip: they keep a damaged length field from asking for
// memory.
constexpr std::size_t kMostInputs = 64, kMostArrays = 4096, kMostDestinations = 65536;
constexpr std::size_t kMostStageRecords = 65536, kMostConstants = 256, kMostTable = 4096;
// Sizes of the records in the file.
constexpr std::size_t kDestinationBytes = 18, kArrayUseBytes = 8, kConstantBytes = 6;
constexpr std::size_t kLeastPortBytes = 26;

void put_shape(ByteWriter &out, const network::TensorShape &shape) {
  out.put(shape.height);
  out.put(shape.width);
  out.put(shape.channels);
}

network::TensorShape get_shape(ByteReader &in) {
  network::TensorShape shape;
  shape.height = in.get<std::int32_t>();
  shape.width = in.get<std::int32_t>();
  shape.channels = in.get<std::int32_t>();
  constexpr std::int32_t kLargest = 1 << 20;
  for (const std::int32_t size : {shape.height, shape.width, shape.channels}) {
    if (size < 1 || size > kLargest) in.fail("tensor dimension " + std::to_string(size));
  }
  return shape;
}

void put_window(ByteWriter &out, const network::Window &w) {
  for (const std::int32_t value :
       {w.kernel_height, w.kernel_width, w.stride_height, w.stride_width, w.dilation_height,
        w.dilation_width, w.pad_top, w.pad_left, w.pad_bottom, w.pad_right}) {
    out.put(value);
  }
}

network::Window get_window(ByteReader &in) {
  network::Window w;
  constexpr std::int32_t kLargest = 1 << 20;
  for (std::int32_t *value : {&w.kernel_height, &w.kernel_width, &w.stride_height, &w.stride_width,
                              &w.dilation_height, &w.dilation_width}) {
    *value = in.get<std::int32_t>();
    if (*value < 1 || *value > kLargest) in.fail("window size " + std::to_string(*value));
  }
  for (std::int32_t *value : {&w.pad_top, &w.pad_left, &w.pad_bottom, &w.pad_right}) {
    *value = in.get<std::int32_t>();
    if (*value < 0 || *value > kLargest) in.fail("padding " + std::to_string(*value));
  }
  return w;
}

void put_destinations(ByteWriter &out, const std::vector<Destination> &destinations) {
  out.put(static_cast<std::uint32_t>(destinations.size()));
  for (const auto &d : destinations) {
    out.put(d.tile);
    out.put(d.slot);
    out.put(d.port);
    out.put(d.producer);
    for (const std::uint16_t value : {d.channel_offset, d.column_offset, d.first_channel,
                                      d.channels, d.first_column, d.columns}) {
      out.put(value);
    }
  }
}

/// Reads a count of records of `bytes_each` and makes sure that they are there.
std::size_t get_count(ByteReader &in, std::size_t most, std::size_t bytes_each, const char *what) {
  const auto count = in.get<std::uint32_t>();
  if (count > most) in.fail(std::to_string(count) + " " + what + " are too many");
  in.require(std::size_t{count} * bytes_each);
  return count;
}

std::vector<Destination> get_destinations(ByteReader &in) {
  std::vector<Destination> destinations(
      get_count(in, kMostDestinations, kDestinationBytes, "destinations"));
  for (auto &d : destinations) {
    d.tile = in.get<std::uint16_t>();
    d.slot = in.get<std::uint8_t>();
    d.port = in.get<std::uint8_t>();
    d.producer = in.get<std::uint16_t>();
    for (std::uint16_t *value : {&d.channel_offset, &d.column_offset, &d.first_channel, &d.channels,
                                 &d.first_column, &d.columns}) {
      *value = in.get<std::uint16_t>();
    }
  }
  return destinations;
}

void put_requantise(ByteWriter &out, const network::Requantise &r) {
  out.put(static_cast<std::uint32_t>(r.multiplier.size()));
  for (const auto m : r.multiplier) out.put(m);
  out.put(static_cast<std::uint32_t>(r.bias.size()));
  for (const auto b : r.bias) out.put(b);
  out.put(r.shift);
  out.put(static_cast<std::uint8_t>(r.output_s32 ? 1 : 0));
  out.put(r.low);
  out.put(r.high);
}

network::Requantise get_requantise(ByteReader &in) {
  constexpr std::size_t kMostChannels = 1 << 20;
  network::Requantise r;
  r.multiplier.resize(get_count(in, kMostChannels, 4, "multipliers"));
  for (auto &m : r.multiplier) m = in.get<std::int32_t>();
  r.bias.resize(get_count(in, kMostChannels, 8, "biases"));
  for (auto &b : r.bias) b = in.get<std::int64_t>();
  r.shift = in.get<std::int32_t>();
  r.output_s32 = in.get<std::uint8_t>() != 0;
  r.low = in.get<std::int32_t>();
  r.high = in.get<std::int32_t>();
  return r;
}

void put_stage(ByteWriter &out, const Stage &stage) {
  out.put(stage.tile);
  out.put(stage.slot);
  out.put(static_cast<std::uint8_t>(stage.op));
  out.put(stage.layer);
  out.put(static_cast<std::uint32_t>(stage.inputs.size()));
  for (const auto &port : stage.inputs) {
    out.put(port.edram_offset);
    put_shape(out, port.shape);
    out.put(port.element_bytes);
    out.put(std::uint8_t{0});
    out.put(port.producers);
    out.put(port.ring_rows);
    out.put(static_cast<std::uint32_t>(port.constants.size()));
    for (const auto &constant : port.constants) {
      out.put(constant.first);
      out.put(constant.count);
      out.put(constant.value);
      out.put(std::uint8_t{0});
    }
  }
  put_window(out, stage.window);
  put_shape(out, stage.output_shape);
  out.put(stage.pad_value);
  out.put(static_cast<std::uint8_t>(stage.raw_output ? 1 : 0));
  out.put(stage.converter.range_divisor);
  out.put(stage.converter.bitline_gain);
  out.put(stage.kernel_rows);
  out.put(stage.groups);
  out.put(stage.packed_groups);
  out.put(stage.burst);
  out.put(stage.block_rows);
  out.put(stage.channel);
  out.put(static_cast<std::uint32_t>(stage.arrays.size()));
  for (const auto &use : stage.arrays) {
    out.put(use.array);
    out.put(use.row_block);
    out.put(use.column_group);
    out.put(use.copy);
  }
  out.put(static_cast<std::uint32_t>(stage.table.size()));
  for (const auto value : stage.table) out.put(value);
  out.put(stage.second_zero_point);
  out.put(stage.neighbours);
  out.put(stage.sum_shift);
  put_requantise(out, stage.requantise);
  put_destinations(out, stage.destinations);
}

InputPort get_port(ByteReader &in) {
  InputPort port;
  port.edram_offset = in.get<std::uint32_t>();
  port.shape = get_shape(in);
  port.element_bytes = in.get<std::uint8_t>();
  in.skip(1);
  port.producers = in.get<std::uint16_t>();
  port.ring_rows = in.get<std::uint16_t>();
  port.constants.resize(get_count(in, kMostConstants, kConstantBytes, "constant channels"));
  for (auto &constant : port.constants) {
    constant.first = in.get<std::uint16_t>();
    constant.count = in.get<std::uint16_t>();
    constant.value = in.get<std::uint8_t>();
    in.skip(1);
  }
  return port;
}

Stage get_stage(ByteReader &in) {
  Stage stage;
  stage.tile = in.get<std::uint16_t>();
  stage.slot = in.get<std::uint8_t>();
  stage.op = in.get<StageOp>();
  if (stage.op < StageOp::kMvm || stage.op > kLastStageOp) in.fail("unknown stage operation");
  stage.layer = in.get<std::uint32_t>();
  stage.inputs.resize(get_count(in, kMostInputs, kLeastPortBytes, "input ports"));
  for (auto &port : stage.inputs) port = get_port(in);
  stage.window = get_window(in);
  stage.output_shape = get_shape(in);
  stage.pad_value = in.get<std::uint8_t>();
  stage.raw_output = in.get<std::uint8_t>() != 0;
  stage.converter.range_divisor = in.get<std::int32_t>();
  stage.converter.bitline_gain = in.get<std::int32_t>();
  stage.kernel_rows = in.get<std::uint32_t>();
  stage.groups = in.get<std::uint16_t>();
  stage.packed_groups = in.get<std::uint16_t>();
  stage.burst = in.get<std::uint16_t>();
  stage.block_rows = in.get<std::uint16_t>();
  stage.channel = in.get<std::uint16_t>();
  stage.arrays.resize(get_count(in, kMostArrays, kArrayUseBytes, "arrays"));
  for (auto &use : stage.arrays) {
    use.array = in.get<std::uint16_t>();
    use.row_block = in.get<std::uint16_t>();
    use.column_group = in.get<std::uint16_t>();
    use.copy = in.get<std::uint16_t>();
  }
  stage.table.resize(get_count(in, kMostTable, 4, "table entries"));
  for (auto &value : stage.table) value = in.get<std::int32_t>();
  stage.second_zero_point = in.get<std::uint8_t>();
  stage.neighbours = in.get<std::int32_t>();
  stage.sum_shift = in.get<std::int32_t>();
  stage.requantise = get_requantise(in);
  stage.destinations = get_destinations(in);
  return stage;
}

int channels_per_group(const Stage &stage) {
  return stage.output_shape.channels / stage.groups;
}

}  // namespace

int column_groups(const Stage &stage, int vectors) {
  return stage.packed_groups > 1 ? divide_up(stage.groups, stage.packed_groups)
                                 : stage.groups * divide_up(channels_per_group(stage), vectors);
}

int rows_per_block(const Stage &stage, int array_rows) {
  return stage.block_rows == 0 ? array_rows : stage.block_rows;
}

int row_blocks(const Stage &stage, int array_rows) {
  const auto rows = static_cast<std::uint32_t>(rows_per_block(stage, array_rows));
  return static_cast<int>((stage.kernel_rows + rows - 1) / rows);
}

ArrayPart array_part(const Stage &stage, const ArrayUse &use, int array_rows, int vectors) {
  ArrayPart part;
  const int channels = channels_per_group(stage);
  const int block_rows = rows_per_block(stage, array_rows);
  part.first_row = use.row_block * block_rows;
  part.rows = std::min(block_rows, static_cast<int>(stage.kernel_rows) - part.first_row);
  if (stage.packed_groups > 1) {
    part.first_group = use.column_group * stage.packed_groups;
    part.groups = std::min<int>(stage.packed_groups, stage.groups - part.first_group);
    part.first_channel = part.first_group * channels;
    part.channels = part.groups * channels;
    part.channels_per_group = channels;
    return part;
  }
  const int per_group = divide_up(channels, vectors);
  const int within = use.column_group % per_group * vectors;
  part.first_group = use.column_group / per_group;
  part.first_channel = part.first_group * channels + within;
  part.channels = part.channels_per_group = std::min(vectors, channels - within);
  return part;
}

Bytes encode(const ControlProgram &program) {
  ByteWriter out;
  out.put(kControlMagic);
  out.put(kControlVersion);
  out.put(program.output_element_bytes);
  out.put(program.channels);
  put_shape(out, program.input_shape);
  put_shape(out, program.output_shape);
  put_destinations(out, program.inputs);
  out.put(static_cast<std::uint32_t>(program.stages.size()));
  for (const auto &stage : program.stages) put_stage(out, stage);
  return out.take();
}

ControlProgram decode_control(const std::uint8_t *data, std::size_t size, const std::string &name) {
  ByteReader in(data, size, name);
  if (in.get<std::uint32_t>() != kControlMagic) in.fail("not a control program");
  const auto version = in.get<std::uint16_t>();
  if (version != kControlVersion) in.fail("control program version " + std::to_string(version));
  ControlProgram program;
  program.output_element_bytes = in.get<std::uint8_t>();
  program.channels = in.get<std::uint8_t>();
  program.input_shape = get_shape(in);
  program.output_shape = get_shape(in);
  program.inputs = get_destinations(in);
  constexpr std::size_t kLeastStageBytes = 143;
  const std::size_t stages = get_count(in, kMostStageRecords, kLeastStageBytes, "stages");
  for (std::size_t i = 0; i < stages; ++i) program.stages.push_back(get_stage(in));
  if (in.remaining() != 0) in.fail("bytes after the last stage");
  return program;
}

Bytes encode(const std::vector<ArrayWeights> &weights) {
  ByteWriter out;
  for (const auto &array : weights) {
    out.put(array.tile);
    out.put(array.array);
    out.put(array.rows);
    out.put(static_cast<std::uint8_t>(array.vectors));
    out.put(array.shift);
    out.put_bytes(array.values.data(), array.values.size());
    out.align(8);
  }
  return out.take();
}

std::vector<ArrayWeights> decode_weights(const std::uint8_t *data, std::size_t size,
                                         const std::string &name) {
  ByteReader in(data, size, name);
  std::vector<ArrayWeights> weights;
  while (in.remaining() != 0) {
    ArrayWeights array;
    array.tile = in.get<std::uint16_t>();
    array.array = in.get<std::uint16_t>();
    array.rows = in.get<std::uint16_t>();
    array.vectors = in.get<std::uint8_t>();
    array.shift = in.get<std::uint8_t>();
    const std::size_t values = std::size_t{array.rows} * array.vectors;
    if (values == 0) in.fail("weight record without weights");
    in.require(values);
    array.values.resize(values);
    in.get_bytes(array.values.data(), values);
    const auto least = *std::min_element(array.values.begin(), array.values.end());
    if (array.shift > 1 || (array.shift == 1 && least == -128)) {
      in.fail("weights shifted by " + std::to_string(array.shift) + " do not fit their cells");
    }
    in.skip((8 - in.offset() % 8) % 8);
    weights.push_back(std::move(array));
  }
  return weights;
}

}  // namespace npim::program
