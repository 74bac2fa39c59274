#include "gdb_session.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "support/firmware.h"

namespace npim::testing {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void nap() {
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

pid_t start(const std::vector<std::string> &command, const std::string &out,
            const std::string &err) {
  const pid_t child = fork();
  if (child != 0) return child;
  std::vector<char *> arguments;
  for (const auto &argument : command) arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(open(out.c_str(), kFlags, 0600), STDOUT_FILENO);
  dup2(open(err.c_str(), kFlags, 0600), STDERR_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

/// The number behind "GDB server on port ".
std::string port_in(const std::string &text) {
  const std::string before = "GDB server on port ";
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return "";
  const std::size_t end = text.find(':', at);
  return end == std::string::npos ? "" : text.substr(at + before.size(), end - at - before.size());
}

}  // namespace

std::string GdbSession::elf() const {
  return test::firmware(machine_.firmware).value_or("");
}

std::string GdbSession::missing() {
  if (!is_installed("gdb-multiarch")) return "gdb-multiarch is not installed";
  if (!test::firmware("debuggee")) return "firmware debuggee.elf was not built";
  return "";
}

GdbSession::GdbSession(Machine machine, const std::vector<std::string> &more)
    : machine_(std::move(machine)),
      folder_((fs::temp_directory_path() / ("npim-gdb-" + std::to_string(getpid()))).string()) {
  fs::create_directories(folder_);
  std::vector<std::string> command = {
      std::string(NPIM_BINARY_DIR) + "/npim",
      "run",
      "--platform",
      std::string(NPIM_SOURCE_DIR) + "/configs/platforms/" + machine_.platform + ".json",
      "--firmware",
      elf(),
      "--gdb",
      "0",
      "--wait",
  };
  command.insert(command.end(), more.begin(), more.end());
  child_ = start(command, folder_ + "/out", folder_ + "/err");
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  while ((port_ = port_in(err())).empty()) {
    if (Clock::now() > deadline) throw std::runtime_error("npim does not listen: " + err());
    nap();
  }
}

GdbSession::~GdbSession() {
  if (child_ > 0) {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string GdbSession::out() const {
  return read(folder_ + "/out");
}
std::string GdbSession::err() const {
  return read(folder_ + "/err");
}

std::string GdbSession::gdb_alone(const std::vector<std::string> &commands) const {
  std::vector<std::string> all = {"gdb-multiarch", "-nx", "-q", "-batch"};
  const auto add = [&](const std::string &command) {
    all.emplace_back("-ex");
    all.push_back(command);
  };
  add("set confirm off");
  add("set width 0");
  add("set remotetimeout 10");
  for (const auto &command : commands) add(command);
  all.push_back(elf());
  const Finished finished = run(all, 60);
  return finished.out + finished.err + (finished.timed_out ? "\nGDB TIMED OUT\n" : "");
}

std::string GdbSession::gdb(const std::vector<std::string> &commands) {
  std::vector<std::string> all = {"target remote localhost:" + port_};
  all.insert(all.end(), commands.begin(), commands.end());
  return gdb_alone(all);
}

int GdbSession::finish(int seconds) {
  const auto deadline = Clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  while (waitpid(child_, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) return -1;
    nap();
  }
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string GdbSession::ctrl_c_after(int tenths) {
  const std::string seconds = std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
  return "shell (sleep " + seconds + "; kill -INT $PPID) >/dev/null 2>&1 &";
}

}  // namespace npim::testing
