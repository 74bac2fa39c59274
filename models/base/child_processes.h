// Independent jobs in processes of their own, for what can happen only once in a process: SystemC's
// kernel is global, so each simulation needs one.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace npim {

/// Runs job(i) for i = 0 .. count - 1 in forked children, at most `at_once` at a time (0: one per
/// core), and returns their results in order. Children inherit the memory of the caller, which must
/// have a single thread; they end when the caller ends, also by a signal. `finished` is called with
/// each job that has ended well. When a job throws, throws InputError or std::runtime_error with
/// the same message, and std::runtime_error when a child was killed; the other children are ended
/// then.
std::vector<std::string> run_in_children(std::size_t count,
                                         const std::function<std::string(std::size_t)> &job,
                                         unsigned at_once = 0,
                                         const std::function<void(std::size_t)> &finished = {});

}  // namespace npim
