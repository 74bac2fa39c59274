// What the `npim periph` commands share: where process, curves and trained parameters are.
#pragma once

#include <boost/program_options.hpp>
#include <string>

#include "app/command.h"
#include "peripheral/parameter_file.h"

namespace npim::app {

struct PeriphFiles {
  std::string folder, process, curves;

  void add_options(boost::program_options::options_description &options);
  /// The process and curves files, in `folder` unless named.
  std::string process_path() const;
  std::string curves_path() const;
  std::string parameter_path(const std::string &part) const {
    return folder + "/" + part + ".json";
  }
};

/// A trained part by the name of its file: nnsa-d1, -d2, -d4; nnadc-r1, -r2, -r4.
struct PeriphPart {
  bool is_nnsa = false;
  int number = 0;  ///< P_D or range divisor
};
/// Throws InputError for other names.
PeriphPart parse_part(const std::string &name);
constexpr const char *kPeriphParts[] = {"nnsa-d1",  "nnsa-d2",  "nnsa-d4",
                                        "nnadc-r1", "nnadc-r2", "nnadc-r4"};

int periph_extract(const Arguments &arguments);
int periph_train(const Arguments &arguments);
int periph_eval(const Arguments &arguments);
int periph_spice(const Arguments &arguments);

}  // namespace npim::app
