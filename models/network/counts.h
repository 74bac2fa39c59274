// What a network costs before any mapping: parameters and multiply-accumulates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/graph.h"

namespace npim::network {

struct LayerCount {
  std::string name;
  std::int64_t weights = 0;  ///< with biases; a tensor that two nodes share counts twice
  std::int64_t macs = 0;     ///< products with weights, per inference
};

/// Convolutions, matrix products, normalisations and recurrent layers of a graph with shapes.
std::vector<LayerCount> count_layers(const Graph &graph);

/// Their sum, under the graph's name.
LayerCount count_network(const Graph &graph);

}  // namespace npim::network
