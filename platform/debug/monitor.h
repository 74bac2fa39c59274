// Commands behind GDB's `monitor`: a table of names, so that whoever knows a part of the machine
// adds what can be said of it.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace npim::debug {

class Monitor {
 public:
  using Command = std::function<std::string(const std::string &arguments)>;

  Monitor();
  /// `usage` is the name with its arguments. A command may change the machine only through its
  /// debug interfaces; the text it returns ends with a line feed.
  void add(const std::string &name, const std::string &usage, const std::string &help,
           Command command);
  /// Runs a line; unknown commands are answered with a hint.
  std::string run(const std::string &line) const;

 private:
  struct Entry {
    std::string usage, help;
    Command command;
  };
  std::string help() const;

  std::map<std::string, Entry> commands_;
};

}  // namespace npim::debug
