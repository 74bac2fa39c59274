// Runs `npim` as a user would, in a folder of its own.
#pragma once

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "support/subprocess.h"

namespace npim::testing {

class NpimRunner {
 public:
  NpimRunner();
  ~NpimRunner();
  NpimRunner(const NpimRunner &) = delete;
  NpimRunner &operator=(const NpimRunner &) = delete;

  /// `npim` with these arguments.
  Finished npim(const std::vector<std::string> &arguments, int seconds = 110) const;
  /// `npim run` on the small board with the digits' program, and more arguments.
  Finished run_digits(const std::vector<std::string> &more,
                      const std::string &firmware = "demo_cnn",
                      const std::string &platform = "demo-small") const;
  /// A firmware ELF of the build.
  static std::string firmware(const std::string &name);
  /// A file of the repository.
  static std::string source(const std::string &path);
  /// A path in the folder of this runner, which goes with it.
  std::string path(const std::string &name) const { return (folder_ / name).string(); }
  /// The digits network, compiled for a chip configuration's name; compiled on the first call.
  std::string digits_program(const std::string &chip = "neural-pim-small") const;

  std::string write(const std::string &name, const std::string &content) const;
  static std::string read(const std::string &path);
  static boost::json::object read_json(const std::string &path);

 private:
  std::filesystem::path folder_;
};

}  // namespace npim::testing
