// Sliding windows of the float graph's nodes.
#pragma once

#include "network/graph.h"

namespace npim::network {

/// Sliding window of a Conv, MaxPool, AveragePool, GlobalAveragePool or ReduceMean whose input
/// shape is known, with automatic padding and ceil mode resolved into explicit padding.
Window window_of(const Graph &graph, const Node &node);

/// Whether an average counts the taps in the padding: not by default, and never those that ceil
/// mode adds.
bool counts_padding(const Graph &graph, const Node &node);

/// Calls visit(in_y, in_x) for the taps of output pixel (y, x)'s window that lie inside an image of
/// height x width.
template <typename Visit>
void visit_taps(const Window &window, std::int64_t height, std::int64_t width, std::int64_t y,
                std::int64_t x, Visit visit) {
  for (std::int32_t ky = 0; ky < window.kernel_height; ++ky) {
    const std::int64_t in_y = window.input_row(y, ky);
    if (in_y < 0 || in_y >= height) continue;
    for (std::int32_t kx = 0; kx < window.kernel_width; ++kx) {
      const std::int64_t in_x = window.input_column(x, kx);
      if (in_x >= 0 && in_x < width) visit(in_y, in_x);
    }
  }
}

}  // namespace npim::network
