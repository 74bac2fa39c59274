// Stages: what a tile's controller is programmed with. A layer becomes one or more stages; each
// stage lives on one tile, owns input buffers in that tile's eDRAM, and streams windows: it starts
// a window when the pixels that the window covers have arrived, and sends each output pixel to the
// input ports of other stages (or to the host). [NP] section 5: the tile controller is a state
// machine whose control vectors are loaded before the run.
//
// A convolution that needs more arrays than a tile has, or is split for placement, becomes several
// stages:
//   * by output channels: each stage gets the whole input and yields a slice of the channels;
//   * by kernel rows: each stage covers some row blocks of the flattened kernel and sends raw sums
//   of converter
//     codes (s32) to a kAggregate stage, which adds them and post-processes ([NP]: aggregator
//     tiles).
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
};

/// Whether Stage::window means anything.
constexpr bool has_window(StageOp op) {
  return op == StageOp::kMvm || op == StageOp::kMaxPool || op == StageOp::kAveragePool;
}

constexpr std::uint16_t kHost = 0xffff;  ///< destination tile number of the chip's output

/// An input buffer: a ring of `ring_rows` image rows in the tile's eDRAM, HWC, row-major; element
/// (y, x, c) lies at edram_offset + ((y mod ring_rows) * width + x) * channels * element_bytes + c
/// * element_bytes. Rows of successive images follow each other in the ring (row index = image *
/// height + y). Each of `producers` streams delivers a slice of the channels of every pixel in
/// raster order; a pixel is there when all producers have delivered it.
struct InputPort {
  std::uint32_t edram_offset = 0;
  network::TensorShape shape;
  std::uint8_t element_bytes = 1;  ///< 1 (u8) or 4 (s32, kAggregate)
  std::uint16_t ring_rows = 1;
  std::uint8_t producers = 1;
  std::uint32_t bytes() const {
    return static_cast<std::uint32_t>(std::int64_t{ring_rows} * shape.width * shape.channels *
                                      element_bytes);
  }
};

/// Where an output pixel goes: the input port of a stage, at a channel offset; or the host (tile
/// kHost: slot, port, producer are 0; channel_offset places the slice in the output pixel).
struct Destination {
  std::uint16_t tile = 0;
  std::uint8_t slot = 0;
  std::uint8_t port = 0;
  std::uint8_t producer = 0;
  std::uint16_t channel_offset = 0;
};

/// One crossbar array of an MVM stage: rows [128 * row_block, ...) of the flattened kernel
/// (absolute within the layer) against output channels [vectors * column_group, ...) of this
/// stage's slice.
struct ArrayUse {
  std::uint16_t array = 0;  ///< index in the tile: ima * arrays_per_ima + array
  std::uint16_t row_block = 0;
  std::uint16_t column_group = 0;
};

struct Stage {
  std::uint16_t tile = 0;
  std::uint8_t slot = 0;    ///< number of the stage in its tile
  std::uint32_t layer = 0;  ///< index of the layer in the network, for reports
  StageOp op = StageOp::kMvm;
  std::vector<InputPort> inputs;
  network::Window window;
  std::uint8_t pad_value = 0;
  network::TensorShape output_shape;  ///< channels: this stage's slice
  // kMvm only
  network::Converter converter;
  std::uint32_t kernel_rows = 0;  ///< rows of the whole flattened kernel (kh * kw * in channels)
  std::vector<ArrayUse> arrays;
  // Post-processing: raw_output sends the s32 accumulator without requantisation.
  bool raw_output = false;
  network::Requantise requantise;  ///< per-channel values are this stage's slice
  std::vector<Destination> destinations;

  /// Bytes of one output element: 4 for raw and s32 outputs, else 1.
  int output_element_bytes() const { return raw_output || requantise.output_s32 ? 4 : 1; }
};

/// Where input images enter: each image pixel is sent (u8, all channels) to these ports.
struct ControlProgram {
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
/// array.
struct ArrayWeights {
  std::uint16_t tile = 0;
  std::uint16_t array = 0;
  std::uint16_t rows = 0;
  std::uint16_t vectors = 0;
  std::vector<std::int8_t> values;
};

/// Wire format of the PROGRAM_WEIGHTS command: records one after the other, each padded to 8 bytes:
/// u16 tile, u16 array, u16 rows, u16 vectors, s8 values[rows][vectors].
Bytes encode(const std::vector<ArrayWeights> &weights);
std::vector<ArrayWeights> decode_weights(const std::uint8_t *data, std::size_t size,
                                         const std::string &name);

}  // namespace npim::program
