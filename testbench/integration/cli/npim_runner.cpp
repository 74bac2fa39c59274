#include "npim_runner.h"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace npim::testing {
namespace fs = std::filesystem;

NpimRunner::NpimRunner()
    : folder_(fs::temp_directory_path() / ("npim-cli-" + std::to_string(getpid()))) {
  fs::create_directories(folder_);
}

NpimRunner::~NpimRunner() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Finished NpimRunner::npim(const std::vector<std::string> &arguments, int seconds) const {
  std::vector<std::string> command = {std::string(NPIM_BINARY_DIR) + "/npim"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, seconds);
}

Finished NpimRunner::run_digits(const std::vector<std::string> &more, const std::string &elf,
                                const std::string &platform) const {
  const bool small = platform == "demo-small";
  std::vector<std::string> arguments = {
      "run",
      "--platform",
      source("configs/platforms/" + platform + ".json"),
      "--firmware",
      firmware(elf),
      "--program",
      digits_program(small ? "neural-pim-small" : "neural-pim"),
      "--images",
      source("configs/networks/digits/digits-images-idx3-ubyte.gz"),
      "--labels",
      source("configs/networks/digits/digits-labels-idx1-ubyte.gz")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return npim(arguments);
}

std::string NpimRunner::firmware(const std::string &name) {
  return source("build/firmware/" + name + ".elf");
}

std::string NpimRunner::source(const std::string &path) {
  return std::string(NPIM_SOURCE_DIR) + "/" + path;
}

std::string NpimRunner::digits_program(const std::string &chip) const {
  const std::string program = path(chip + ".npim");
  if (fs::exists(program)) return program;
  const Finished compiled =
      npim({"compile", source("configs/networks/digits/digits.onnx"), "--chip",
            source("configs/chips/" + chip + ".json"), "--calibrate",
            source("configs/networks/digits/calibration-images-idx3-ubyte.gz"), "-o", program});
  if (compiled.status != 0) throw std::runtime_error("npim compile: " + compiled.err);
  return program;
}

std::string NpimRunner::write(const std::string &name, const std::string &content) const {
  std::ofstream(path(name), std::ios::binary) << content;
  return path(name);
}

std::string NpimRunner::read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

boost::json::object NpimRunner::read_json(const std::string &path) {
  return boost::json::parse(read(path)).as_object();
}

}  // namespace npim::testing
