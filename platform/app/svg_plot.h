// Line plots as SVG text.
#pragma once

#include <string>
#include <vector>

namespace npim::app {

class SvgPlot {
 public:
  SvgPlot(std::string title, std::string x_label, std::string y_label)
      : title_(std::move(title)), x_label_(std::move(x_label)), y_label_(std::move(y_label)) {}
  /// A line; `bold` ones stand out. Lines without a name are left out of the legend.
  void add(std::string name, std::vector<double> x, std::vector<double> y, bool bold);
  std::string text() const;

 private:
  struct Line {
    std::string name;
    std::vector<double> x, y;
    bool bold;
  };
  std::string title_, x_label_, y_label_;
  std::vector<Line> lines_;
};

}  // namespace npim::app
