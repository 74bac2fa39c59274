#include "base/child_processes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "base/error.h"

namespace npim {
namespace {

/// First byte of what a child sends.
constexpr char kResult = 'R', kBadInput = 'I', kFailure = 'F';

[[noreturn]] void fail(const char *what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void write_all(int to, const std::string &text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = ::write(to, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return;  // the parent has gone
    done += static_cast<std::size_t>(wrote);
  }
}

std::string answer(const std::function<std::string(std::size_t)> &job, std::size_t number) {
  try {
    return kResult + job(number);
  } catch (const InputError &error) {
    return kBadInput + std::string(error.what());
  } catch (const std::bad_alloc &) {
    return kFailure + std::string("not enough memory");
  } catch (const std::exception &error) {
    return kFailure + std::string(error.what());
  }
}

/// As it was in the child.
[[noreturn]] void throw_again(const std::string &message) {
  const std::size_t colon = message.find(": ");
  throw InputError(message.substr(0, colon), message.substr(colon + 2));
}

struct Child {
  std::size_t job = 0;
  pid_t process = 0;
  int pipe = -1;
  std::string text;
};

class Children {
 public:
  explicit Children(const std::function<std::string(std::size_t)> &job) : job_(job) {}
  ~Children() {
    for (const Child &child : running_) {
      ::kill(child.process, SIGKILL);
      ::close(child.pipe);
      ::waitpid(child.process, nullptr, 0);
    }
  }
  Children(const Children &) = delete;
  Children &operator=(const Children &) = delete;

  std::size_t running() const { return running_.size(); }

  void start(std::size_t number) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe");
    const pid_t parent = ::getpid();
    const pid_t process = ::fork();
    if (process < 0) fail("cannot start a process");
    if (process == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      ::close(ends[0]);
      for (const Child &other : running_) ::close(other.pipe);
      write_all(ends[1], answer(job_, number));
      ::_exit(0);  // nothing of the parent's is flushed or destroyed twice
    }
    ::close(ends[1]);
    running_.push_back({number, process, ends[0], {}});
  }

  /// Waits until one has ended and returns it, with all that it sent.
  Child wait() {
    for (;;) {
      std::vector<pollfd> files;
      for (const Child &child : running_) files.push_back({child.pipe, POLLIN, 0});
      if (::poll(files.data(), files.size(), -1) < 0 && errno != EINTR) fail("poll");
      for (std::size_t i = 0; i < files.size(); ++i) {
        if (files[i].revents != 0 && !read_some(running_[i])) return take(i);
      }
    }
  }

 private:
  /// False at the end.
  static bool read_some(Child &child) {
    char buffer[1 << 16];
    const ssize_t got = ::read(child.pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    child.text.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  Child take(std::size_t number) {
    Child child = std::move(running_[number]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(number));
    ::close(child.pipe);
    int status = 0;
    while (::waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
      child.text = kFailure + std::string("a process was ended by signal ") +
                   std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
    }
    if (child.text.empty()) child.text = kFailure + std::string("a process ended without a result");
    return child;
  }

  const std::function<std::string(std::size_t)> &job_;
  std::vector<Child> running_;
};

}  // namespace

std::vector<std::string> run_in_children(std::size_t count,
                                         const std::function<std::string(std::size_t)> &job,
                                         unsigned at_once,
                                         const std::function<void(std::size_t)> &finished) {
  const std::size_t most =
      at_once != 0 ? at_once : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::string> results(count);
  Children children(job);
  for (std::size_t next = 0; next < count || children.running() > 0;) {
    while (next < count && children.running() < most) children.start(next++);
    Child child = children.wait();
    const std::string text = child.text.substr(1);
    if (child.text[0] == kBadInput) throw_again(text);
    if (child.text[0] == kFailure) throw std::runtime_error(text);
    results[child.job] = text;
    if (finished) finished(child.job);
  }
  return results;
}

}  // namespace npim
