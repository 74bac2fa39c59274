// Stages: what a tile's controller is programmed with. A layer becomes one or more stages; each
// stage lives on one tile, owns input buffers in that tile's eDRAM, and streams windows: it starts
// a window when the pixels that the window covers have arrived, and sends each output pixel to the
// input ports of other stages (or to the host). [NP] section 5: the tile controller is a state
// machine whose control vectors are loaded before the run.
//
// A convolution that needs more arrays than a tile has, or is split for placement, becomes several
// stages:
//   * by output channels: each stage yields a slice of the channels and gets the input channels
//   that it needs (all of them, unless the convolution is grouped);
//   * by output columns: each stage yields a strip of the image and gets the columns that its
//   windows cover. Strips that hold the same weights are replicas, which work at the same time;
//   * by kernel rows: each stage covers some row blocks of the flattened kernel and sends raw sums
//   of converter codes (s32) to a kAggregate stage, which adds them and post-processes ([NP]:
//   aggregator tiles).
// A stage computes `burst` neighbouring windows of a row at a time; a convolution has that many
// sets of arrays with the same weights and drives them in the same input cycles.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "network/quantised.h"

namespace npim::program {

enum class StageOp : std::uint8_t {
  kMvm = 1,
  kMaxPool = 2,
  kAveragePool = 3,
  kAdd = 4,        ///< two u8 inputs of equal shape
  kAggregate = 5,  ///< sums s32 partial sums of all its inputs, then post-processes
  // The operations of the same names in network/quantised.h ([NP] section 5: the post-processing
  // unit does activation functions and element-wise operations):
  kLookup = 6,
  kMultiply = 7,
  kInsideAverage = 8,
  kLocalResponse = 9,
};
constexpr StageOp kLastStageOp = StageOp::kLocalResponse;

/// Whether Stage::window means anything.
constexpr bool has_window(StageOp op) {
  return op == StageOp::kMvm || op == StageOp::kMaxPool || op == StageOp::kAveragePool ||
         op == StageOp::kInsideAverage;
}

constexpr std::uint16_t kHost = 0xffff;  ///< destination tile number of the chip's output

/// Channels of an input that no producer delivers: they hold one value for ever, which the tile
/// writes when the stage is loaded.
struct ConstantChannels {
  std::uint16_t first = 0, count = 0;
  std::uint8_t value = 0;
};

/// An input buffer: a ring of `ring_rows` image rows in the tile's eDRAM, HWC, row-major; element
/// (y, x, c) lies at edram_offset + ((y mod ring_rows) * width + x) * channels * element_bytes + c
/// * element_bytes. Rows of successive images follow each other in the ring (row index = image *
/// height + y). Each of `producers` streams delivers, in raster order, a rectangle of every row:
/// some of the channels of the pixels of some columns. A pixel is there when all producers that
/// have a part in it have delivered theirs, and those of all pixels before it.
struct InputPort {
  std::uint32_t edram_offset = 0;
  network::TensorShape shape;
  std::uint8_t element_bytes = 1;  ///< 1 (u8) or 4 (s32, kAggregate)
  std::uint16_t ring_rows = 1;
  std::uint16_t producers = 1;
  std::vector<ConstantChannels> constants;
  std::uint32_t bytes() const {
    return static_cast<std::uint32_t>(std::int64_t{ring_rows} * shape.width * shape.channels *
                                      element_bytes);
  }
};

/// Where output pixels go: the input port of a stage, or the host (tile kHost: slot, port, producer
/// are 0). Of the sender's pixels those of `columns` columns from `first_column` on are sent, and
/// of each pixel `channels` channels from `first_channel` on; 0 columns or channels stand for all.
/// They arrive at the receiver's column `column_offset` and channel `channel_offset`.
struct Destination {
  std::uint16_t tile = 0;
  std::uint8_t slot = 0;
  std::uint8_t port = 0;
  std::uint16_t producer = 0;
  std::uint16_t channel_offset = 0;
  std::uint16_t column_offset = 0;
  std::uint16_t first_channel = 0, channels = 0;
  std::uint16_t first_column = 0, columns = 0;
};

/// The part of each row that a destination gets, with 0 replaced by what it stands for.
struct Rectangle {
  std::int64_t first_column = 0, columns = 0;
  std::int64_t first_channel = 0, channels = 0;
  bool operator==(const Rectangle &other) const {
    return first_column == other.first_column && columns == other.columns &&
           first_channel == other.first_channel && channels == other.channels;
  }
};
inline Rectangle sent_part(const Destination &to, const network::TensorShape &shape) {
  return {to.first_column, to.columns == 0 ? shape.width - to.first_column : to.columns,
          to.first_channel, to.channels == 0 ? shape.channels - to.first_channel : to.channels};
}

/// One crossbar array of an MVM stage; array_part() says which rows and channels it holds.
struct ArrayUse {
  std::uint16_t array = 0;      ///< index in the tile: ima * arrays_per_ima + array
  std::uint16_t row_block = 0;  ///< of the flattened kernel of one group
  std::uint16_t column_group = 0;
  std::uint16_t copy = 0;
};

struct Stage {
  std::uint16_t tile = 0;
  std::uint8_t slot = 0;    ///< number of the stage in its tile
  std::uint32_t layer = 0;  ///< index of the layer in the network, for reports
  std::uint16_t channel = 0;
  StageOp op = StageOp::kMvm;
  std::vector<InputPort> inputs;
  network::Window window;
  std::uint8_t pad_value = 0;
  network::TensorShape output_shape;  ///< this stage's slice of channels and columns
  // As in network::Layer
  std::vector<std::int32_t> table;
  std::uint8_t second_zero_point = 0;
  std::int32_t neighbours = 0, sum_shift = 0;
  // kMvm only
  network::Converter converter;
  std::uint32_t kernel_rows = 0;  ///< rows of one group's flattened kernel (kh * kw * in channels)
  /// Convolution groups of the slice: group g sees input channels [g * in / groups, ...) and yields
  /// output channels [g * out / groups, ...).
  std::uint16_t groups = 1;
  /// Groups that share an array, block-diagonally: each has rows and columns of its own, and the
  /// cells where one's rows cross another's columns stay at zero.
  std::uint16_t packed_groups = 1;
  std::uint16_t block_rows = 0;  ///< of a row block; 0: the array's (network::Layer::block_rows)
  std::vector<ArrayUse> arrays;
  /// Neighbouring output pixels of a row that are computed together and sent as one packet. A
  /// matrix-vector product has as many copies of its weights.
  std::uint16_t burst = 1;
  // Post-processing: raw_output sends the s32 accumulator without requantisation.
  bool raw_output = false;
  network::Requantise requantise;  ///< per-channel values are this stage's slice
  std::vector<Destination> destinations;

  /// Bytes of one output element: 4 for raw and s32 outputs, else 1.
  int output_element_bytes() const { return raw_output || requantise.output_s32 ? 4 : 1; }
};

/// Whether an input of one pixel holds for all pixels of the output: the second of a product.
inline bool is_repeated(const Stage &stage, std::size_t port) {
  const auto &shape = stage.inputs[port].shape;
  return stage.op == StageOp::kMultiply && port == 1 && shape.height == 1 && shape.width == 1;
}

/// What one array of a stage holds.
struct ArrayPart {
  int first_group = 0, groups = 1;      ///< several only if they are packed
  int first_row = 0, rows = 0;          ///< of the flattened kernel of each of the groups
  int first_channel = 0, channels = 0;  ///< of the stage's output, over all of its groups
  int channels_per_group = 0;
  int used_rows() const { return rows * groups; }
};
/// Column groups of all groups of a stage, for `vectors` weight vectors per array.
int column_groups(const Stage &stage, int vectors);
/// Rows of all row blocks but the last one of a kernel.
int rows_per_block(const Stage &stage, int array_rows);
/// Row blocks of one group.
int row_blocks(const Stage &stage, int array_rows);
/// The use must lie within column_groups() and row_blocks().
ArrayPart array_part(const Stage &stage, const ArrayUse &use, int array_rows, int vectors);

/// Where input images enter: each image pixel is sent (u8) to these ports.
///
/// A program may have several channels ([NP] section 5, for recurrent networks): each has stages
/// for the whole work, with weights of its own, and they work on different images (sequences) at
/// the same time. Image i goes to channel i mod `channels`, where images are
/// counted as for the keys of noise: since the program was loaded, or as a RUN says.
struct ControlProgram {
  std::uint8_t channels = 1;
  std::vector<Destination> inputs;
  network::TensorShape input_shape;
  network::TensorShape output_shape;
  std::uint8_t output_element_bytes = 4;
  std::vector<Stage> stages;
};

/// Wire format of the LOAD_CONTROL command (little endian, versioned).
Bytes encode(const ControlProgram &program);
/// Bounds-checked decoding; checks the format only (not whether a chip can run it: chip does).
/// Throws InputError.
ControlProgram decode_control(const std::uint8_t *data, std::size_t size, const std::string &name);

/// Weights of one array: signed weights [row][vector], rows <= array rows, vectors <= vectors per
/// array. The cells hold their magnitudes times 2^shift (0 or 1, network::Layer::weight_shift).
struct ArrayWeights {
  std::uint16_t tile = 0;
  std::uint16_t array = 0;
  std::uint16_t rows = 0;
  std::uint16_t vectors = 0;
  std::vector<std::int8_t> values;
  std::uint8_t shift = 0;
};

/// Wire format of the PROGRAM_WEIGHTS command: records one after the other, each padded to 8 bytes:
/// u16 tile, u16 array, u16 rows, u8 vectors, u8 shift, s8 values[rows][vectors].
Bytes encode(const std::vector<ArrayWeights> &weights);
std::vector<ArrayWeights> decode_weights(const std::uint8_t *data, std::size_t size,
                                         const std::string &name);

}  // namespace npim::program
