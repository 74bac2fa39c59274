#include "mapping/layer_cut.h"

#include <algorithm>

#include "base/integers.h"

namespace npim::mapping {
namespace {

using network::Layer;
using network::LayerOp;

/// One group's part of a convolution.
struct GroupSize {
  std::int64_t rows = 0;
  int inputs = 0, outputs = 0;  // channels
};

GroupSize group_size(const Layer &layer) {
  GroupSize size;
  size.inputs = layer.input_shape.channels / layer.groups;
  size.outputs = layer.output_shape.channels / layer.groups;
  size.rows = std::int64_t{layer.window.kernel_height} * layer.window.kernel_width * size.inputs;
  return size;
}

int packed_groups(const Layer &layer, const GroupSize &size, const config::ChipConfig &chip) {
  if (size.rows > layer.rows_per_block(chip.array.rows)) return 1;
  const std::int64_t by_rows = chip.array.rows / size.rows;
  const std::int64_t by_vectors = chip.vectors_per_array() / size.outputs;
  return static_cast<int>(std::clamp<std::int64_t>(std::min(by_rows, by_vectors), 1, layer.groups));
}

std::vector<Range> equal_parts(int blocks, int per_part) {
  std::vector<Range> parts;
  for (int first = 0; first < blocks; first += per_part) {
    parts.push_back({first, std::min(per_part, blocks - first)});
  }
  return parts;
}

/// As few parts as possible, as equal as possible, so that they take equal time.
int loose_part(int blocks, int arrays) {
  return divide_up(blocks, divide_up(blocks, arrays));
}

/// Searches the row blocks per part that take the fewest tiles.
class TightPart {
 public:
  TightPart(const Layer &layer, int blocks, int column_groups, const config::ChipConfig &chip)
      : chip_(chip), blocks_(blocks), column_groups_(column_groups), output_(layer.output_shape) {
    const auto &in = layer.input_shape;
    const std::int64_t rows = std::min<std::int64_t>(
        in.height, layer.window.covered_height() + layer.window.stride_height);
    buffer_bytes_ = rows * in.width * in.channels;
  }

  int find() const {
    const int arrays = chip_.arrays_per_tile();
    int best = loose_part(blocks_, arrays);
    for (int part = best - 1; part >= 1 && divide_up(blocks_, part) <= kMostParts; --part) {
      if (aggregate_bytes(part) <= chip_.edram.bytes && tiles(part) < tiles(best)) best = part;
    }
    return best;
  }

 private:
  static constexpr int kMostParts = 32;

  int columns(int part) const { return std::min(column_groups_, chip_.arrays_per_tile() / part); }

  /// Of a tile that a stage shares with others of its kind.
  double share(int arrays) const {
    const std::int64_t by_arrays = chip_.arrays_per_tile() / arrays;
    const std::int64_t by_buffer = chip_.edram.bytes / std::max<std::int64_t>(1, buffer_bytes_);
    return 1.0 / static_cast<double>(std::max<std::int64_t>(1, std::min(by_arrays, by_buffer)));
  }
  double tiles(int part) const {
    const int whole = blocks_ / part, rest = blocks_ % part;
    const double slice =
        whole * share(part * columns(part)) + (rest > 0 ? share(rest * columns(part)) : 0);
    return slice * divide_up(column_groups_, columns(part));
  }
  /// Two rows of 32-bit sums of each part.
  std::int64_t aggregate_bytes(int part) const {
    const std::int64_t rows = std::min(2, output_.height);
    return rows * divide_up(blocks_, part) * output_.width * columns(part) *
           chip_.vectors_per_array() * 4;
  }

  const config::ChipConfig &chip_;
  const int blocks_, column_groups_;
  const network::TensorShape output_;
  std::int64_t buffer_bytes_ = 0;
};

/// Slices of output channels [first, first + size.outputs) of one group, cut as a dense kernel.
void cut_dense(const Layer &layer, const GroupSize &size, int group, const config::ChipConfig &chip,
               Packing packing, LayerCut &cut) {
  const int vectors = chip.vectors_per_array(), arrays = chip.arrays_per_tile();
  const int per_part =
      packing == Packing::kLoose
          ? loose_part(cut.row_blocks, arrays)
          : TightPart(layer, cut.row_blocks, divide_up(size.outputs, vectors), chip).find();
  const auto parts = equal_parts(cut.row_blocks, per_part);
  const int columns = std::max(1, arrays / parts[0].count);
  for (int first = 0; first < size.outputs; first += columns * vectors) {
    ChannelSlice slice;
    const int count = std::min(columns * vectors, size.outputs - first);
    slice.channels = {group * size.outputs + first, count};
    slice.inputs = {group * size.inputs, size.inputs};
    slice.row_parts = parts;
    const int groups = divide_up(count, vectors);
    slice.arrays = groups * parts[0].count;
    cut.arrays += groups * cut.row_blocks;
    cut.slices.push_back(slice);
  }
}

/// Several whole groups per stage; `units` stages' worth of `unit_groups` groups, each of
/// `unit_arrays` arrays.
void cut_groups(const Layer &layer, const GroupSize &size, int unit_groups, int unit_arrays,
                const config::ChipConfig &chip, LayerCut &cut) {
  const int per_stage = chip.arrays_per_tile() / unit_arrays * unit_groups;
  for (int first = 0; first < layer.groups; first += per_stage) {
    ChannelSlice slice;
    slice.groups = std::min(per_stage, layer.groups - first);
    slice.channels = {first * size.outputs, slice.groups * size.outputs};
    slice.inputs = {first * size.inputs, slice.groups * size.inputs};
    slice.row_parts = {{0, cut.row_blocks}};
    slice.arrays = divide_up(slice.groups, unit_groups) * unit_arrays;
    cut.arrays += slice.arrays;
    cut.slices.push_back(slice);
  }
}

void cut_convolution(const Layer &layer, const config::ChipConfig &chip, Packing packing,
                     LayerCut &cut) {
  const GroupSize size = group_size(layer);
  cut.row_blocks =
      static_cast<int>(divide_up(size.rows, std::int64_t{layer.rows_per_block(chip.array.rows)}));
  cut.packed_groups = packed_groups(layer, size, chip);
  const int vectors = chip.vectors_per_array();
  const std::int64_t group_arrays = std::int64_t{cut.row_blocks} * divide_up(size.outputs, vectors);
  if (cut.packed_groups > 1) {
    cut_groups(layer, size, cut.packed_groups, 1, chip, cut);
  } else if (layer.groups > 1 && group_arrays <= chip.arrays_per_tile()) {
    cut_groups(layer, size, 1, static_cast<int>(group_arrays), chip, cut);
  } else {
    for (int group = 0; group < layer.groups; ++group) {
      cut_dense(layer, size, group, chip, packing, cut);
    }
  }
}

}  // namespace

int LayerCut::replication(int width) const {
  int result = 0;
  for (int strip = 0; strip < strips; ++strip) {
    result += std::min(copies, strip_columns(width, strips, strip).count);
  }
  return result;
}

bool is_channelwise(LayerOp op) {
  return op != LayerOp::kConvolution && op != LayerOp::kLocalResponse;
}

LayerCut cut_layer(const Layer &layer, const config::ChipConfig &chip, Packing packing) {
  LayerCut cut;
  if (layer.op == LayerOp::kConvolution) {
    cut_convolution(layer, chip, packing, cut);
  } else {
    cut_channels(layer, 1, cut);
  }
  return cut;
}

void cut_channels(const Layer &layer, int parts, LayerCut &cut) {
  const int channels = layer.output_shape.channels;
  cut.slices.clear();
  for (int part = 0; part < parts; ++part) {
    const Range range = strip_columns(channels, parts, part);
    ChannelSlice slice;
    slice.channels = slice.inputs = range;
    slice.row_parts = {{0, 0}};
    cut.slices.push_back(slice);
  }
}

void replicate(const Layer &layer, const config::ChipConfig &chip, int replication, int strips,
               LayerCut &cut) {
  const int width = layer.output_shape.width;
  int largest = 0;
  for (const ChannelSlice &slice : cut.slices) largest = std::max(largest, slice.arrays);
  replication = std::clamp(replication, 1, width);
  const int fitting = largest > 0 ? std::max(1, chip.arrays_per_tile() / largest) : replication;
  cut.strips = std::min(width, std::max(strips, divide_up(replication, fitting)));
  // Padding as wide as the kernel: there can be windows in the padding alone, which belong to no
  // strip of the image.
  const auto &w = layer.window;
  if (std::max(w.pad_left, w.pad_right) >= w.covered_width()) cut.strips = 1;
  cut.copies = 1;
  if (largest == 0) cut.burst = std::max(1, std::min(replication, divide_up(width, cut.strips)));
  if (largest > 0) {
    cut.copies = std::clamp(divide_up(replication, cut.strips), 1,
                            std::min(fitting, divide_up(width, cut.strips)));
  }
}

Range strip_columns(int width, int strips, int number) {
  const auto edge = [&](int i) { return static_cast<int>(std::int64_t{width} * i / strips); };
  return {edge(number), edge(number + 1) - edge(number)};
}

StripInput strip_input(const Layer &layer, const Range &output) {
  const auto &w = layer.window;
  const std::int64_t width = layer.input_shape.width;
  StripInput input;
  if (output.count == layer.output_shape.width) {
    return {{0, layer.input_shape.width}, w.pad_left, w.pad_right};
  }
  const std::int64_t first = std::int64_t{output.first} * w.stride_width - w.pad_left;
  const std::int64_t end =
      std::int64_t{output.end() - 1} * w.stride_width - w.pad_left + w.covered_width();
  const std::int64_t from = std::max<std::int64_t>(first, 0);
  const std::int64_t until = std::min(end, width);
  input.columns = {static_cast<int>(from), static_cast<int>(until - from)};
  input.pad_left = static_cast<int>(from - first);
  input.pad_right = static_cast<int>(end - until);
  return input;
}

}  // namespace npim::mapping
