// Random weights for networks whose file has none: enough for mapping, time, energy and area, and
// spread so that activations neither vanish nor explode (variance 2 / fan-in, He et al., 2015).
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "network/graph.h"

namespace npim::network {

/// Where only shapes matter: kNone leaves tensors empty, for counts; a sketch draws small tensors
/// and a few values of each row of large ones, enough to tell layers apart, and leaves the rest 0.
enum class WeightFill { kAll, kSketch, kNone };
struct WeightSource {
  std::uint64_t seed = 1;
  WeightFill fill = WeightFill::kAll;
};

/// Fills the named initialisers, of which only the shape is known, by the role in which nodes read
/// them. Values depend on seed, name and index alone. Throws InputError when there are more than
/// 2^28 values.
void fill_weights(Graph &graph, const std::set<std::string> &names, WeightSource source);

}  // namespace npim::network
