#include "debug/monitor.h"

#include <algorithm>

namespace npim::debug {

Monitor::Monitor() {
  add("help", "help", "this list", [this](const std::string &) { return help(); });
}

void Monitor::add(const std::string &name, const std::string &usage, const std::string &help,
                  Command command) {
  commands_[name] = {usage, help, std::move(command)};
}

std::string Monitor::help() const {
  std::size_t width = 0;
  for (const auto &[name, entry] : commands_) width = std::max(width, entry.usage.size());
  std::string text;
  for (const auto &[name, entry] : commands_) {
    text += entry.usage + std::string(width - entry.usage.size() + 2, ' ') + entry.help + "\n";
  }
  return text;
}

std::string Monitor::run(const std::string &line) const {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return help();
  const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
  const auto it = commands_.find(line.substr(begin, end - begin));
  if (it == commands_.end()) return "unknown command; `monitor help` lists them\n";
  const std::size_t rest = std::min(line.find_first_not_of(" \t", end), line.size());
  std::string arguments = line.substr(rest);
  arguments.erase(std::min(arguments.find_last_not_of(" \t\r\n") + 1, arguments.size()));
  return it->second.command(arguments);
}

}  // namespace npim::debug
