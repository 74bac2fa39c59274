// The `npim` command: finds the subcommand and turns errors into messages and exit statuses.
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <systemc>

#include "app/command.h"
#include "app/report_handler.h"
#include "base/error.h"

namespace {

using npim::app::Command;

constexpr Command kCommands[] = {
    {"chip", "power and area of a chip configuration, beside published figures",
     npim::app::chip_command},
    {"compare", "Neural-PIM beside the ISAAC- and CASCADE-style chips on the paper's networks",
     npim::app::compare_command},
    {"compile", "ONNX model to a program for a chip, with the report of the mapping",
     npim::app::compile_command},
    {"dataflow", "the three dataflows: accuracy against resolution, energy, SINAD",
     npim::app::dataflow_command},
    {"accuracy", "accuracy of a network in float, in 8 bits and with the chip's converters",
     npim::app::accuracy_command},
    {"estimate", "time and energy of a network on a chip by the analytic model",
     npim::app::estimate_command},
    {"explore", "design space of a sweep file, its Pareto front and the paper's optimum",
     npim::app::explore_command},
    {"periph", "neural peripherals: extract, train, eval, spice", npim::app::periph_command},
    {"run", "firmware on the virtual platform, with a program and images", npim::app::run_command},
};

void print_usage(std::ostream &out) {
  out << "npim " NPIM_VERSION
         ": the Neural-PIM virtual platform\n\nUsage: npim COMMAND [OPTIONS]\n\n";
  for (const auto &command : kCommands) {
    out << "  " << command.name << std::string(12 - std::strlen(command.name), ' ')
        << command.summary << '\n';
  }
  out << "\n`npim COMMAND --help` describes a command. Exit status: 0 well, 1 the simulated "
         "program or a\n"
         "check failed, 2 bad input.\n";
}

int dispatch(const std::string &name, const npim::app::Arguments &arguments) {
  for (const auto &command : kCommands) {
    if (name == command.name) return command.run(arguments);
  }
  std::cerr << "npim: there is no command '" << name << "'\n\n";
  print_usage(std::cerr);
  return npim::app::kBadInput;
}

}  // namespace

int sc_main(int argc, char **argv) {
  npim::app::install_report_handler();
  if (argc < 2) {
    print_usage(std::cerr);
    return npim::app::kBadInput;
  }
  const std::string name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    print_usage(std::cout);
    return npim::app::kSuccess;
  }
  if (name == "--version") {
    std::cout << "npim " NPIM_VERSION "\n";
    return npim::app::kSuccess;
  }
  try {
    return dispatch(name, npim::app::Arguments(argv + 2, argv + argc));
  } catch (const npim::InputError &error) {
    std::cout.flush();
    std::cerr << "npim " << name << ": error: " << error.what() << '\n';
  } catch (const std::bad_alloc &) {
    std::cerr << "npim " << name << ": error: not enough memory\n";
  } catch (const std::exception &error) {
    std::cerr << "npim " << name << ": internal error: " << error.what() << '\n';
  }
  return npim::app::kBadInput;
}

#if defined(__SANITIZE_ADDRESS__)
// LeakSanitizer stumbles over the guard pages of SystemC's coroutine stacks.
extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options() {
  return "detect_leaks=0";
}
#endif

int main(int argc, char **argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
