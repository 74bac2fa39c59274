// What firmware does for each batch of images, in order: the chip runs a control program (a
// segment), or the host executes one operation of network/quantised.h. Tensors between steps lie in
// DRAM and reach the chip only by DMA.
//
// Every tensor is a view: pixel p (row-major) of image i begins at
//   base + first_byte + i * image_bytes + p * pixel_bytes
// where base is the start of the images, of the outputs, or of `buffer` bytes times the images of a
// batch into the workspace. So a slice of time steps, gates or of a segment's joint output costs
// nothing. The chip reads and writes tensors whose pixels follow each other without gaps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "network/quantised.h"
#include "program/stage.h"

namespace npim::program {

enum class TensorPlace : std::uint8_t { kImages = 0, kOutputs = 1, kWorkspace = 2 };

struct TensorView {
  network::TensorShape shape;
  TensorPlace place = TensorPlace::kImages;
  std::uint8_t element_bytes = 1;  ///< 1 (u8), or 4 (s32, little endian; kOutputs only)
  std::uint32_t pixel_bytes = 0;   ///< from one pixel to the next
  std::uint32_t image_bytes = 0;   ///< from one image to the next
  std::uint32_t first_byte = 0;    ///< of image 0, in its buffer
  std::uint64_t buffer = 0;        ///< kWorkspace: per image of a batch
};

constexpr std::uint32_t kNoLayer = 0xffffffff;

struct Step {
  enum class Kind : std::uint8_t {
    kOnChip = 1,
    kOnHost = 2,
    kView = 3,  ///< nothing to do: `output` is a part of what is there already
  };
  Kind kind = Kind::kOnChip;
  /// kOnHost, kView: the layer of the network, or kNoLayer: the inputs side by side along the
  /// channels, as one tensor for the chip.
  std::uint32_t layer = kNoLayer;
  std::uint32_t segment = 0;          ///< kOnChip: number of the control program
  std::vector<std::uint32_t> inputs;  ///< tensors; kView: none
  std::uint32_t output = 0;           ///< tensor
};

/// Tensor 0 is the images.
struct Schedule {
  std::uint64_t workspace_bytes = 0;  ///< per image of a batch
  std::vector<TensorView> tensors;
  std::vector<Step> steps;
};

/// The schedule of a network that the chip runs alone.
Schedule chip_alone(const ControlProgram &control);

/// The concatenation that a step without a layer does.
network::Layer joining_layer(const Schedule &schedule, const Step &step);

/// Throws InputError (with `name`) unless all tensors lie where their place has room and every step
/// fits its tensors.
void check_schedule(const Schedule &schedule, const std::vector<ControlProgram> &segments,
                    const network::QuantisedNetwork &network, const std::string &name);

// File format, little endian; firmware/runtime/schedule.c reads the same.
//   schedule: u32 tensors, u32 steps, u32 inputs, u32 reserved, u64 workspace bytes, u64 reserved;
//     tensors, 40 bytes each: u32 height, width, channels, u8 place, u8 element bytes, u16
//     reserved,
//       u32 pixel bytes, image bytes, first byte, u32 reserved, u64 buffer
//     steps, 40 bytes each: u8 kind, u8[3] reserved, u32 layer, first input, inputs, output,
//       stages (chip), u64 offset and bytes of the control program in kControl (chip) or of the
//       operation in kHostOperations (host)
//     inputs: u32 tensor
//   host operation, at a multiple of 64: 128 bytes of fields (see encode_operation), then s64
//     bias[], s32 multiplier[], s32 table[], s32 channel offsets[], s8 weights[]

struct EncodedSteps {
  Bytes schedule, control, operations;
};
EncodedSteps encode(const Schedule &schedule, const std::vector<ControlProgram> &segments,
                    const network::QuantisedNetwork &network);

/// What encode() wrote; anything else throws InputError. The network has passed validate().
Schedule decode_schedule(const EncodedSteps &bytes, const network::QuantisedNetwork &network,
                         std::vector<ControlProgram> &segments, const std::string &name);

}  // namespace npim::program
