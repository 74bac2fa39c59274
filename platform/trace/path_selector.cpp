#include "trace/path_selector.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"

namespace npim::trace {
namespace {

/// Whether the pattern matches the whole text, or as much of it as ends before a dot.
bool matches(const std::string &pattern, const std::string &text) {
  std::size_t p = 0, t = 0, star = std::string::npos, resume = 0;
  while (true) {
    if (p == pattern.size() && (t == text.size() || text[t] == '.')) return true;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && t < text.size() &&
               (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string::npos && resume < text.size()) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
}

/// A few of the paths, for messages: the first one of each group that a dot ends.
std::string examples(const std::vector<std::string> &paths) {
  constexpr std::size_t kMost = 8;
  std::vector<std::string> shown;
  std::string last_group;
  for (const auto &path : paths) {
    const std::string group = path.substr(0, path.rfind('.'));
    if (group == last_group || shown.size() == kMost) continue;
    last_group = group;
    shown.push_back(path);
  }
  std::string text;
  for (const auto &path : shown) text += (text.empty() ? "" : ", ") + path;
  return text;
}

}  // namespace

PathSelector::PathSelector(const std::string &patterns, std::string where)
    : where_(std::move(where)) {
  std::istringstream list(patterns);
  for (std::string pattern; std::getline(list, pattern, ',');) {
    if (pattern.empty()) throw InputError(where_, "has an empty pattern in '" + patterns + "'");
    patterns_.push_back(pattern);
  }
  if (patterns_.empty()) throw InputError(where_, "has no pattern");
}

bool PathSelector::selects(const std::string &path) const {
  if (patterns_.empty()) return true;
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const std::string &pattern) { return matches(pattern, path); });
}

void PathSelector::check(const std::vector<std::string> &paths) const {
  for (const auto &pattern : patterns_) {
    const bool found = std::any_of(paths.begin(), paths.end(),
                                   [&](const std::string &path) { return matches(pattern, path); });
    if (found) continue;
    throw InputError(where_,
                     "'" + pattern + "' selects nothing; there are for example " + examples(paths));
  }
}

}  // namespace npim::trace
