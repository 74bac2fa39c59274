// How one layer is cut into stages.
//
// Dense convolutions: an array holds 128 rows of the flattened kernel of 8 output channels. A stage
// holds all row blocks of as many column groups as a tile has arrays for; kernels with more row
// blocks than that are cut into parts, whose sums an aggregator adds.
//
// Grouped convolutions: groups whose kernels are short and yield few channels share an array
// block-diagonally: 128 / rows of them, at most 8 / output channels. Each has rows and bit lines of
// its own; the cells where the rows of one cross the bit lines of another hold zero and are wasted.
// A 3 x 3 depthwise convolution has 9 rows and one output per channel: 8 channels use 72 rows and 8
// vectors of an array, 72 of its 1024 weights (7 %). The loss is in the arrays alone: windows take
// the same time as any other and convert once per output.
// Groups that do not fit twice into an array get arrays of their own, several groups to a stage.
//
// Pools and additions have no arrays; they are cut only when their buffers need it.
//
// Any layer can be cut into strips of output columns, because its input buffers do not fit one tile
// or because copies of its weights on several tiles share the work.
#pragma once

#include <cstdint>
#include <vector>

#include "config/chip_config.h"
#include "network/quantised.h"

namespace npim::mapping {

/// [first, first + count)
struct Range {
  int first = 0, count = 0;
  int end() const { return first + count; }
};

/// Output channels that one stage yields, or several stages of row blocks with an aggregator.
struct ChannelSlice {
  Range channels;                ///< of the layer's output
  Range inputs;                  ///< of the layer's input: the channels that these depend on
  int groups = 1;                ///< convolution groups of the slice
  std::vector<Range> row_parts;  ///< row blocks, one stage each; one part: no aggregator
  int arrays = 0;                ///< of one copy of the largest part
};

struct LayerCut {
  int packed_groups = 1;
  int row_blocks = 0;  ///< of one group's kernel
  std::vector<ChannelSlice> slices;
  int arrays = 0;  ///< of one copy of the whole layer
  int copies = 1;  ///< within a stage
  int burst = 1;   ///< of layers without weights: pixels at a time, so that they keep the pace
  int strips = 1;
  /// Copies of the weights over all strips of an output `width` columns wide.
  int replication(int width) const;
};

/// How hard the arrays of a tile are made use of when kernels are long.
enum class Packing {
  kLoose,  ///< a stage gets whole kernels if they fit into a tile; what is left of it stays empty
  kTight,  ///< kernels are cut into parts that fill tiles, at the price of partial sums to be moved
};

/// Whether an output channel depends on the same channel of the inputs alone.
bool is_channelwise(network::LayerOp op);

/// The cut of a layer into stages of one strip with one copy.
LayerCut cut_layer(const network::Layer &layer, const config::ChipConfig &chip, Packing packing);

/// Cuts the channels of a layer without weights into `parts` slices (as equal as possible).
void cut_channels(const network::Layer &layer, int parts, LayerCut &cut);

/// Sets copies (or the burst) and strips for a layer that is to have at least `replication` copies
/// of its weights, as far as its width allows, and at least `strips` strips.
void replicate(const network::Layer &layer, const config::ChipConfig &chip, int replication,
               int strips, LayerCut &cut);

/// Output columns [first, end) of strip `number`.
Range strip_columns(int width, int strips, int number);

/// Input columns that a range of output columns depends on, and the padding that remains beside
/// them.
struct StripInput {
  Range columns;
  int pad_left = 0, pad_right = 0;
};
StripInput strip_input(const network::Layer &layer, const Range &output);

}  // namespace npim::mapping
