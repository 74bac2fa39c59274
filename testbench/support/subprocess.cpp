#include "support/subprocess.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace npim::testing {
namespace {

/// A file that is gone with the object; output goes through files so that a full pipe cannot block.
class Capture {
 public:
  Capture() : descriptor_(mkstemp(path_)) {}
  ~Capture() {
    close(descriptor_);
    unlink(path_);
  }
  Capture(const Capture &) = delete;
  Capture &operator=(const Capture &) = delete;
  int descriptor() const { return descriptor_; }
  std::string text() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  char path_[32] = "/tmp/npim-test-XXXXXX";
  int descriptor_;
};

[[noreturn]] void become(const std::vector<std::string> &command, int out, int err) {
  std::vector<char *> arguments;
  for (const auto &argument : command) arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

Finished run(const std::vector<std::string> &command, int seconds) {
  using Clock = std::chrono::steady_clock;
  Capture out, err;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) become(command, out.descriptor(), err.descriptor());
  Finished result;
  const auto deadline = Clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  rusage usage = {};
  while (wait4(child, &status, WNOHANG, &usage) == 0) {
    if (Clock::now() > deadline) {
      result.timed_out = true;
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (!result.timed_out && WIFEXITED(status)) result.status = WEXITSTATUS(status);
  result.peak_kib = usage.ru_maxrss;
  result.out = out.text();
  result.err = err.text();
  return result;
}

bool is_installed(const std::string &program) {
  return run({"sh", "-c", "command -v '" + program + "' >/dev/null"}).status == 0;
}

}  // namespace npim::testing
