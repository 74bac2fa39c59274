// Places one segment of a network: the stages of its layers, their arrays and buffers, and the
// control program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/chip_config.h"
#include "mapping/layer_cut.h"
#include "mapping/mapping.h"
#include "mapping/tile_allocator.h"

namespace npim::mapping {

/// Why an attempt failed: which layer of the whole network, and what it lacked.
struct Misfit {
  std::size_t layer = 0;
  std::string what;
};

/// How stages are cut and placed, whatever the pace.
struct Style {
  Packing packing = Packing::kLoose;
  /// What joins branches is cut into as many strips as these, and lies beside their strips; else it
  /// is cut only where its input would come too slowly.
  bool joins_in_strips = false;
  /// Aggregators get their places with the arrays that they add up, at the price of eDRAM that
  /// later arrays lack; else at the end, where there is still room.
  bool sums_in_order = false;
  int band = 1;  ///< of the snake (TileAllocator)
};

/// What an attempt is made with.
struct Attempt {
  std::int64_t pace = 1;
  Style style;
  Schedule schedule = Schedule::kPipelined;
  /// Nobody will ask which layer is too much.
  bool may_fail_early = true;
  bool with_weights = false;  ///< for the attempt that is kept
};

/// Arrays of one stage of a layer.
struct StageArrays {
  int tile = 0;
  std::vector<int> arrays;
};
using LayerArrays = std::vector<StageArrays>;

/// Arrays that layers of earlier segments have, and who is to use whose (partition.h).
struct SharedArrays {
  std::vector<LayerArrays> &homes;      ///< by layer of the whole network
  const std::vector<int> &shares_with;  ///< likewise
};

struct SegmentLayer {
  LayerPlacement placement;
  int stages = 0;
};

struct MappedSegment {
  program::ControlProgram control;             ///< its stages name layers of the whole network
  int arrays = 0;                              ///< that no earlier segment has
  std::vector<program::ArrayWeights> weights;  ///< of these
  std::vector<SegmentLayer> layers;            ///< of the segment's network
  std::int64_t image_hop_bytes = 0, hop_bytes = 0;
  double busiest_link_ns = 0;  ///< per image (Traffic)
};

/// A layer of the whole network that the host has to do.
struct UnmappableLayer {
  std::size_t number = 0;
  std::string reason;
};

/// What there is to say about a layer before it is cut.
LayerPlacement describe_layer(const network::Layer &layer);

class SegmentMapper {
 public:
  /// All references must outlive the mapper. `origins` as in Segment.
  SegmentMapper(const network::QuantisedNetwork &network, const std::vector<int> &origins,
                const config::ChipConfig &chip, const Attempt &attempt, TileAllocator &allocator,
                const SharedArrays &shared);
  ~SegmentMapper();

  /// The segment, or nothing and misfit() says why. Throws UnmappableLayer.
  std::optional<MappedSegment> run();
  const Misfit &misfit() const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace npim::mapping
