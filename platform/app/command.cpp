#include "app/command.h"

#include <cstdio>
#include <iostream>

#include "base/error.h"

namespace npim::app {

namespace po = boost::program_options;

void announce(const std::string &page) {
  if (!page.empty()) std::cout << "Written: " << page << '\n';
}

bool parse_arguments(const Arguments &arguments, const std::string &usage,
                     po::options_description options, const std::string &positional,
                     po::variables_map &values) {
  options.add_options()("help,h", "print this text");
  po::positional_options_description places;
  if (!positional.empty()) places.add(positional.c_str(), 1);
  try {
    po::store(
        po::command_line_parser(arguments)
            .options(options)
            .positional(places)
            .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
            .run(),
        values);
    if (values.count("help") != 0) {
      std::cout << usage << "\n\n" << options;
      return false;
    }
    po::notify(values);
  } catch (const po::error &error) {
    throw InputError("command line", std::string(error.what()) + " (--help lists the options)");
  }
  return true;
}

}  // namespace npim::app
