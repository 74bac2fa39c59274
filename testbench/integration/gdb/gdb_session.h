// A board under `npim run --gdb 0 --wait` and a real gdb-multiarch that is told what to do.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "support/subprocess.h"

namespace npim::testing {

class GdbSession {
 public:
  /// A platform of configs/platforms and an application of firmware/apps.
  struct Machine {
    std::string platform = "demo-small", firmware = "debuggee";
  };

  /// Starts `npim run` with more arguments.
  GdbSession(Machine machine, const std::vector<std::string> &more);
  ~GdbSession();
  GdbSession(const GdbSession &) = delete;
  GdbSession &operator=(const GdbSession &) = delete;

  /// Lets GDB load the symbols, connect and execute the commands. Returns all that it printed.
  std::string gdb(const std::vector<std::string> &commands);
  /// The same, without connecting.
  std::string gdb_alone(const std::vector<std::string> &commands) const;
  std::string port() const { return port_; }

  /// Waits for the end of `npim run`. Its exit status, or -1 when it had to be killed.
  int finish(int seconds = 30);
  std::string out() const;
  std::string err() const;

  /// The GDB command that presses Ctrl-C after so many tenths of a second.
  static std::string ctrl_c_after(int tenths);
  std::string elf() const;

  /// Why the tests cannot run here; empty when they can.
  static std::string missing();

 private:
  const Machine machine_;
  std::string folder_;
  std::string port_;
  pid_t child_ = -1;
};

}  // namespace npim::testing
