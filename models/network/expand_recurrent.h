// LSTM and GRU as the products, sums and activations that they consist of.
#pragma once

#include "network/graph.h"

namespace npim::network {

/// Replaces every LSTM and GRU by its steps, one after the other: one product for the inputs of all
/// steps, then per step a product with the state and the arithmetic of the gates. Each step gets
/// nodes of its own, which share the constant weights. Throws InputError for batches and for
/// sequences of more than 256 steps.
void expand_recurrent(Graph &graph);

}  // namespace npim::network
