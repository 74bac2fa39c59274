// Mapping: places the layers of an integer network on tiles and writes the program that the chip
// loads. The steps, each in a file of its own:
//   layer_cut      how a layer is cut into stages: by channels, kernel rows, strips and copies
//   replication    how many copies of its weights each layer gets
//   stage_graph    the stages and who sends what to whom
//   ring_sizes     rows that each input buffer must hold so that no stream ever waits in a circle
//   tile_allocator the places, in network order in a snake through the grid, so that neighbours in
//                  the network are neighbours on the chip
//   traffic        what moving the data costs
// Before that, partition divides the network into segments of the chip and layers of the host, and
// segment_mapper takes the steps for each of them; afterwards, schedule_writer says in which order
// everything runs and where tensors lie in between.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/chip_config.h"
#include "mapping/replication.h"
#include "network/quantised.h"
#include "program/program_file.h"

namespace npim::mapping {

/// Where one layer went, for the mapping report.
struct LayerPlacement {
  std::string name;
  network::LayerOp op = network::LayerOp::kConvolution;
  network::TensorShape output_shape;
  std::int64_t weights = 0;       ///< signed weights
  std::int64_t macs = 0;          ///< multiply-accumulates per image
  std::int64_t windows = 0;       ///< windows per image
  bool on_host = false;           ///< and not on the chip
  std::string host_reason;        ///< why
  bool shares_arrays = false;     ///< with an earlier layer of the same weights
  int replication = 1;            ///< copies of the weights, over all strips
  int strips = 1;                 ///< parts of the image's width, each on tiles of its own
  int packed_groups = 1;          ///< convolution groups that share an array
  int arrays = 0;                 ///< of all copies
  double utilisation = 0;         ///< used cells over cells of the arrays taken
  int row_blocks = 0;             ///< arrays below each other: partial sums per output
  std::vector<int> tiles;         ///< ascending
  std::int64_t buffer_bytes = 0;  ///< eDRAM taken by the layer's input buffers, on all tiles
  int ring_rows = 0;              ///< of its deepest input buffer
  /// Bytes that the least buffer of one window stream holds: ((k_y - 1) * width + k_x) * channels
  /// ([IS] section 5, buffer requirement), over all inputs of the layer; for additions a pixel.
  std::int64_t least_buffer_bytes = 0;
  std::int64_t output_bytes = 0;      ///< sent per image; for several receivers at once: once
  std::int64_t output_hop_bytes = 0;  ///< the same times the routers on the way
};

struct Mapping {
  program::Program program;
  std::vector<LayerPlacement> layers;
  int channels = 1;
  int tiles_used = 0;
  int arrays_used = 0;
  std::int64_t image_hop_bytes = 0;  ///< of the input image
  std::int64_t hop_bytes = 0;        ///< of one image, all layers and the input
  /// By segment: what the busiest link of the network needs for an image in each channel, at most.
  std::vector<double> link_ns;
  /// One control program does it all.
  bool is_chip_alone() const {
    return program.schedule.steps.size() == 1 && program.segments.size() == 1;
  }
};

/// How runs will be scheduled.
enum class Schedule {
  kPipelined,     ///< layers work at the same time, on what the ones before have finished
  kLayerByLayer,  ///< a layer begins an image when all of it is there: buffers hold whole images
};

struct MapOptions {
  Replication replication = Replication::kBalanced;
  /// Layers that are to run on the host although a tile could do them. Names that no layer has are
  /// an error.
  std::vector<std::string> on_host;
  Schedule schedule = Schedule::kPipelined;
  /// Copies of everything, which work on different images at the same time
  /// (program::ControlProgram): 1 to 64. What recurrent networks have instead of replicated layers,
  /// but not only for them.
  int channels = 1;
  /// Otherwise the program has neither weights nor the integer network, which say nothing of time.
  bool with_weights = true;
};

/// Maps a network onto a chip. Throws InputError naming the layer when arrays, tiles or eDRAM do
/// not suffice, or when the network's converter format is not the chip's.
Mapping map_network(const network::QuantisedNetwork &network, const config::ChipConfig &chip,
                    const MapOptions &options = {});

/// The capabilities that a program states and a chip is checked against.
program::Requirements requirements_of(const config::ChipConfig &chip);

/// Throws InputError naming program and chip when the chip cannot run the program.
void check_fits(const program::Program &program, const config::ChipConfig &chip,
                const std::string &program_name);

}  // namespace npim::mapping
