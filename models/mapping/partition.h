// Which layers of a network run on the chip and which on the host, and in what order.
//
// The chip runs whatever its tiles can. What no tile can do is left to the host: gathers that move
// elements between the rows of an image, and joins of tensors whose rows do not go together. Layers
// of the chip that feed each other are a segment: one control program, one RUN for a batch of
// images. A segment has one input and one output; several tensors are put side by side along the
// channels on their way in (by the host, which copies them) and out (by a stage that waits for
// all of them).
//
// Layers that have the same weights and depend on each other, the time steps of a recurrent layer,
// share their arrays: they come into segments of their own, which run one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/quantised.h"

namespace npim::mapping {

struct Segment {
  bool is_whole = false;              ///< the whole network; `network` is empty then
  network::QuantisedNetwork network;  ///< what the chip runs
  /// For each of its layers the layer of the whole network; -1: it only picks or joins tensors.
  std::vector<int> origins;
};

struct PartStep {
  enum class Kind { kChip, kHost };
  Kind kind = Kind::kChip;
  int segment = -1;           ///< kChip
  int layer = -1;             ///< kHost
  std::vector<int> from, to;  ///< layers whose outputs are read (or kNetworkInput) and written
};

struct Partition {
  std::vector<Segment> segments;
  std::vector<PartStep> steps;
  std::vector<std::string> host_reasons;  ///< per layer; empty: it runs on the chip
  /// Per layer: an earlier layer whose arrays it uses, or -1.
  std::vector<int> shares_with;
};

/// `network` has passed validate(). `impossible`: per layer why no tile can do it, or "".
Partition partition_network(const network::QuantisedNetwork &network,
                            std::vector<std::string> impossible);

}  // namespace npim::mapping
