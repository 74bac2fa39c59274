// The subcommands of `npim`. Each lives in a file of its own and is a function from arguments to an
// exit status: 0 well, 1 the simulated program failed (or a check did), 2 bad input.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace npim::app {

constexpr int kSuccess = 0, kProgramFailed = 1, kBadInput = 2;

using Arguments = std::vector<std::string>;

struct Command {
  const char *name;
  const char *summary;
  int (*run)(const Arguments &arguments);
};

int estimate_command(const Arguments &arguments);
int explore_command(const Arguments &arguments);
int run_command(const Arguments &arguments);
int chip_command(const Arguments &arguments);
int compare_command(const Arguments &arguments);
int compile_command(const Arguments &arguments);
int dataflow_command(const Arguments &arguments);
int periph_command(const Arguments &arguments);
int accuracy_command(const Arguments &arguments);

/// Says where a report's page is; nothing for "".
void announce(const std::string &page);

/// Parses the arguments of a subcommand. `positional` names an option that arguments without a dash
/// go to (or is empty). Prints `usage` and the options and returns false on --help. Throws
/// InputError on unknown or missing options.
bool parse_arguments(const Arguments &arguments, const std::string &usage,
                     boost::program_options::options_description options,
                     const std::string &positional, boost::program_options::variables_map &values);

}  // namespace npim::app
