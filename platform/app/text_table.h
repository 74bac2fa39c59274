// Plain text tables for reports on a terminal.
#pragma once

#include <string>
#include <vector>

namespace npim::app {

/// Column headings and rows of text; columns that hold numbers are aligned to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string format() const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

/// "12,345,678".
std::string with_thousands(long long number);
/// Fixed point with `digits` digits behind the point.
std::string fixed(double number, int digits);

}  // namespace npim::app
