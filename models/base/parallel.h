// Independent pieces of work on all cores of the machine. Simulation itself never uses this.
#pragma once

#include <cstddef>
#include <functional>

namespace npim {

/// Calls work(i) for i = 0 .. count - 1, on at most `threads` threads (0: one per core). Whoever
/// calls gathers results by index, so that they do not depend on the threads. If calls throw, the
/// exception of the lowest index that was reached is thrown again, after all threads have ended.
void parallel_for(std::size_t count, const std::function<void(std::size_t)> &work,
                  unsigned threads = 0);

}  // namespace npim
