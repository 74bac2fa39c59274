// What a network asks of a chip, without its values: matrix-vector products per layer (windows),
// the data between them, and what post-processing does. Made from a graph's shapes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/graph.h"
#include "network/window.h"

namespace npim::analysis {

/// One layer with weights. A fully connected layer is a convolution with one window; a recurrent
/// layer has a window per time step, with input and state side by side.
struct LayerWork {
  std::string name;
  std::int64_t windows = 1;  ///< per image
  std::int64_t groups = 1;
  std::int64_t rows = 1;     ///< inputs of a window in one group
  std::int64_t outputs = 1;  ///< of a window in one group
  bool recurrent = false;
  /// Layers whose outputs it reads, directly or through pooling, additions and the like; none: the
  /// network's input.
  std::vector<int> producers;
  /// Part of its input map that the first window needs: (K_y - 1) rows and K_x pixels ([IS] 5).
  double first_need = 1;
  std::int64_t buffer_bytes = 0;        ///< of one copy's input buffer by that rule
  std::int64_t pooled_values = 0;       ///< that pooling behind it compares or adds, per image
  std::int64_t element_operations = 0;  ///< additions, products, activations behind it, per image

  std::int64_t macs() const { return windows * groups * rows * outputs; }
  std::int64_t weights() const { return groups * rows * outputs; }
  std::int64_t window_outputs() const { return groups * outputs; }
};

struct Workload {
  std::string name;
  std::vector<LayerWork> layers;  ///< in topological order
  std::int64_t input_bytes = 0, output_bytes = 0;

  std::int64_t macs() const;
  std::int64_t weights() const;
  bool recurrent() const;
};

/// Throws InputError naming a node that multiplies two activations, which crossbars cannot.
Workload workload_of(const network::Graph &graph);

}  // namespace npim::analysis
