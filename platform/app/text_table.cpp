#include "app/text_table.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

namespace npim::app {
namespace {

bool is_number(const std::string &text) {
  return !text.empty() &&
         (std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '-');
}

std::string padded(const std::string &text, std::size_t width, bool right) {
  const std::string space(width > text.size() ? width - text.size() : 0, ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::string TextTable::format() const {
  std::vector<std::size_t> widths;
  for (const auto &heading : headings_) widths.push_back(heading.size());
  std::vector<bool> numeric(headings_.size(), true);
  for (const auto &row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
      numeric[i] = numeric[i] && (row[i].empty() || is_number(row[i]));
    }
  }
  std::string text;
  const auto line = [&](const std::vector<std::string> &row) {
    std::string out;
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += "  " + padded(row[i], widths[i], numeric[i]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  };
  line(headings_);
  for (const auto &row : rows_) line(row);
  return text;
}

std::string with_thousands(long long number) {
  std::string digits = std::to_string(std::llabs(number));
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return (number < 0 ? "-" : "") + digits;
}

std::string fixed(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

}  // namespace npim::app
