// Where tensors lie between the steps of a partition: views of what is there already where that is
// possible, else buffers of the workspace, which tensors of different lifetimes share.
#pragma once

#include <vector>

#include "mapping/partition.h"
#include "program/steps.h"

namespace npim::mapping {

/// `segments`: the control programs of the partition's segments.
program::Schedule write_schedule(const network::QuantisedNetwork &network,
                                 const Partition &partition,
                                 const std::vector<program::ControlProgram> &segments);

}  // namespace npim::mapping
