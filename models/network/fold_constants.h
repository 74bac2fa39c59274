// Evaluation of nodes whose inputs are constants: the arithmetic on shapes, pads and indices that
// exporters leave in a file.
#pragma once

#include "network/graph.h"

namespace npim::network {

/// Whether the node's value is known without an image: constant inputs to an operator that is
/// evaluated, or the shape of a tensor.
bool is_constant(const Graph &graph, const Node &node);

/// The value of such a node, whose output shape is known. Throws InputError naming the node.
Tensor constant_value(const Graph &graph, const Node &node, const Shape &shape);

/// Elements of a Range's output. Throws InputError.
std::int64_t range_size(const Graph &graph, const Node &node);

/// The part of the input's shape that a Shape yields.
Shape shape_part(const Graph &graph, const Node &node);

}  // namespace npim::network
