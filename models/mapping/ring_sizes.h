// How many rows each input buffer must hold. Streams fork and join (residual connections, branches
// that are concatenated): a branch that reaches a join early waits in its buffer for the others,
// and when that buffer is full it stops the sender that both have in common. If the buffer is too
// small, for ever.
//
// The rows follow from a schedule: the image enters row by row, and after each row every stage does
// what it can, those nearest to the output first. The rows that this schedule ever finds in a
// buffer are enough for every order of events: stages with bounded buffers that wait for data and
// for room are a Kahn process network, in which whether a deadlock occurs does not depend on the
// schedule.
#pragma once

#include <vector>

#include "mapping/stage_graph.h"

namespace npim::mapping {

/// Least ring rows: [stage][port].
std::vector<std::vector<int>> least_ring_rows(const StageGraph &graph);

/// The rows that let all stages work at the same time: the least plus those that arrive while the
/// window stays on its row, at most the image.
int comfortable_ring_rows(const program::Stage &stage, std::size_t port, int least);

}  // namespace npim::mapping
