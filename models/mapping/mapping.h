// Mapping: places the layers of an integer network on tiles and writes the program that the chip
// loads. One copy per layer: every layer gets arrays once, layers in network order fill tiles in a
// snake through the grid, so that neighbours in the network are neighbours on the chip.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/chip_config.h"
#include "network/quantised.h"
#include "program/program_file.h"

namespace npim::mapping {

/// Where one layer went, for the mapping report.
struct LayerPlacement {
  std::string name;
  network::LayerOp op = network::LayerOp::kConvolution;
  network::TensorShape output_shape;
  std::int64_t weights = 0;  ///< signed weights
  std::int64_t macs = 0;     ///< multiply-accumulates per image
  std::int64_t windows = 0;  ///< windows per image
  int arrays = 0;
  double utilisation = 0;         ///< used cells over cells of the arrays taken
  int row_blocks = 0;             ///< arrays below each other: partial sums per output
  std::vector<int> tiles;         ///< in placement order, aggregator last
  std::int64_t buffer_bytes = 0;  ///< eDRAM taken by the layer's input buffers
};

struct Mapping {
  program::Program program;
  std::vector<LayerPlacement> layers;
  int tiles_used = 0;
  int arrays_used = 0;
};

/// Maps a network onto a chip. Throws InputError naming the layer when arrays, tiles or eDRAM do
/// not suffice, or when the network's converter format is not the chip's.
Mapping map_network(const network::QuantisedNetwork &network, const config::ChipConfig &chip);

/// The capabilities that a program states and a chip is checked against.
program::Requirements requirements_of(const config::ChipConfig &chip);

/// Throws InputError naming program and chip when the chip cannot run the program.
void check_fits(const program::Program &program, const config::ChipConfig &chip,
                const std::string &program_name);

}  // namespace npim::mapping
