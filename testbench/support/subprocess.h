// Runs a program as a user would and captures what it prints and how it ends.
#pragma once

#include <string>
#include <vector>

namespace npim::testing {

struct Finished {
  int status = -1;  ///< exit status; -1 when killed by a signal or at the time limit
  bool timed_out = false;
  long peak_kib = 0;     ///< largest resident set
  std::string out, err;  ///< standard output and error
};

/// Runs `command` (found through PATH) with an empty standard input. Kills it after `seconds`.
Finished run(const std::vector<std::string> &command, int seconds = 60);

/// Whether a program of that name is on the PATH.
bool is_installed(const std::string &program);

}  // namespace npim::testing
