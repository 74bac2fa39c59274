// The stages of a network and who sends what to whom, before the stages have places on tiles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/chip_config.h"
#include "mapping/layer_cut.h"
#include "network/quantised.h"
#include "program/stage.h"

namespace npim::mapping {

/// A layer that no tile can do.
class Unmappable : public InputError {
 public:
  Unmappable(const std::string &where, std::size_t layer_number, const std::string &why)
      : InputError(where, "cannot be mapped: " + why), layer(layer_number), reason(why) {}
  const std::size_t layer;
  const std::string reason;
};

constexpr int kImage = -1;    ///< as the sender of an edge
constexpr int kResults = -1;  ///< as its receiver: the host

/// Part of the rows of a sender that go to an input port of a receiver.
struct Edge {
  int from = kImage, to = kResults;  ///< indices of stages
  int port = 0, producer = 0;
  program::Rectangle sent;                             ///< in the sender's columns and channels
  std::int64_t column_offset = 0, channel_offset = 0;  ///< at the receiver
};

/// What a stage computes of its layer.
struct Piece {
  int layer = 0;
  Range columns, channels;  ///< of the layer's output
  Range row_blocks;         ///< of convolutions
  bool is_aggregate = false;
};

struct StageGraph {
  /// Tiles, slots, eDRAM offsets, ring rows and destinations are not set yet; arrays are numbered
  /// from 0 in each stage.
  std::vector<program::Stage> stages;  ///< in topological order
  std::vector<Piece> pieces;           ///< of the same index
  std::vector<Edge> edges;
};

/// `cuts` has one element per layer. Throws InputError naming the layer when a field of the program
/// file cannot hold what it takes, Unmappable when no tile can do it.
StageGraph build_stages(const network::QuantisedNetwork &network, const std::vector<LayerCut> &cuts,
                        const config::ChipConfig &chip);

/// The weights of one array of a stage.
program::ArrayWeights array_weights(const network::Layer &layer, const program::Stage &stage,
                                    const Piece &piece, const program::ArrayUse &use,
                                    const config::ChipConfig &chip);

}  // namespace npim::mapping
