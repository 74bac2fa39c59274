// Which of the things that a run can draw it draws: patterns over hierarchical names, such as
// "chip.tile3.*" or "hart0.functions.npim_*".
#pragma once

#include <string>
#include <vector>

namespace npim::trace {

class PathSelector {
 public:
  /// Selects everything.
  PathSelector() = default;
  /// Patterns separated by commas; in each, '*' stands for any characters (dots too) and '?' for
  /// one. A pattern also selects what lies below what it matches: "chip.tile3" is all of the tile.
  /// Throws InputError that opens with `where` for an empty pattern.
  PathSelector(const std::string &patterns, std::string where);

  bool selects(const std::string &path) const;
  /// Throws InputError for the first pattern that selects none of `paths`, naming some of them.
  void check(const std::vector<std::string> &paths) const;

 private:
  std::string where_;
  std::vector<std::string> patterns_;  // none: everything
};

}  // namespace npim::trace
