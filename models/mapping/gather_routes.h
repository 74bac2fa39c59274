// Gathers that need no work: those that pick rectangles of columns and channels, the same ones of
// every row. Slices of time steps and of gates are of this kind.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mapping/layer_cut.h"
#include "network/quantised.h"

namespace npim::mapping {

struct GatherRectangle {
  Range columns, channels;                ///< of the output
  int from_column = 0, from_channel = 0;  ///< of the input
  bool is_constant = false;               ///< the pad value instead
};

/// The rectangles that make up a gather's output; nothing if it is not of this kind, and `why`.
std::optional<std::vector<GatherRectangle>> gather_rectangles(const network::Layer &layer,
                                                              std::string &why);

}  // namespace npim::mapping
