#include "app/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace npim::app {
namespace {

constexpr double kWidth = 640, kHeight = 400, kLeft = 70, kRight = 20, kTop = 40, kBottom = 50;

std::string format(const char *pattern, double a, double b = 0, double c = 0, double d = 0) {
  char text[160];
  std::snprintf(text, sizeof text, pattern, a, b, c, d);
  return text;
}

/// A step of 1, 2 or 5 times a power of ten, for five to ten ticks.
double tick_step(double span) {
  const double power = std::pow(10.0, std::floor(std::log10(span / 5)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (span / (factor * power) <= 10) return factor * power;
  }
  return 10 * power;
}

struct Axis {
  double low = 1e300, high = -1e300, from = 0, to = 1;

  void take(const std::vector<double> &values) {
    for (const double value : values) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  void widen() {
    if (!(high > low)) {
      low -= 0.5;
      high += 0.5;
    }
  }
  double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

std::string ticks(const Axis &x, const Axis &y) {
  std::string text;
  const double x_step = tick_step(x.high - x.low), y_step = tick_step(y.high - y.low);
  for (double v = std::ceil(x.low / x_step) * x_step; v <= x.high; v += x_step) {
    const double at = x.at(v), label = std::abs(v) < 1e-9 * x_step ? 0 : v;
    text += format("<path d='M%.1f %.1fV%.1f' stroke='#ddd'/>", at, y.from, y.to);
    text +=
        format("<text x='%.1f' y='%.1f' text-anchor='middle'>%g</text>\n", at, y.from + 16, label);
  }
  for (double v = std::ceil(y.low / y_step) * y_step; v <= y.high; v += y_step) {
    const double at = y.at(v), label = std::abs(v) < 1e-9 * y_step ? 0 : v;
    text += format("<path d='M%.1f %.1fH%.1f' stroke='#ddd'/>", x.from, at, x.to);
    text +=
        format("<text x='%.1f' y='%.1f' text-anchor='end'>%g</text>\n", x.from - 6, at + 4, label);
  }
  return text;
}

}  // namespace

void SvgPlot::add(std::string name, std::vector<double> x, std::vector<double> y, bool bold) {
  lines_.push_back({std::move(name), std::move(x), std::move(y), bold});
}

std::string SvgPlot::text() const {
  Axis x, y;
  for (const auto &line : lines_) {
    x.take(line.x);
    y.take(line.y);
  }
  x.widen();
  y.widen();
  x.from = kLeft;
  x.to = kWidth - kRight;
  y.from = kHeight - kBottom;
  y.to = kTop;
  std::string text = format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' font-family='sans-serif' "
      "font-size='12'>\n<rect width='100%%' height='100%%' fill='white'/>\n",
      kWidth, kHeight);
  text += ticks(x, y);
  double legend = kTop + 14;
  // Lines without a name look like the one before them.
  constexpr const char *kColours[] = {"#3465a4", "#4e9a06", "#ce5c00", "#75507b"};
  std::size_t named = 0;
  for (const auto &line : lines_) {
    if (!line.bold && !line.name.empty()) ++named;
    const char *colour =
        line.bold ? "#b00020" : kColours[(std::max<std::size_t>(named, 1) - 1) % 4];
    text += std::string("<polyline fill='none' stroke='") + colour + "' stroke-width='" +
            (line.bold ? "1.6" : "0.8") + "' points='";
    for (std::size_t i = 0; i < line.x.size(); ++i) {
      text += format("%.1f,%.1f ", x.at(line.x[i]), y.at(line.y[i]));
    }
    text += "'/>\n";
    if (line.name.empty()) continue;
    text += format("<text x='%.0f' y='%.0f' fill='", kLeft + 10, legend) + colour + "'>" +
            line.name + "</text>\n";
    legend += 15;
  }
  text += format("<text x='%.0f' y='24' text-anchor='middle' font-size='15'>", kWidth / 2) +
          title_ + "</text>\n";
  text += format("<text x='%.0f' y='%.0f' text-anchor='middle'>", kWidth / 2, kHeight - 12) +
          x_label_ + "</text>\n";
  text += format("<text transform='translate(16,%.0f) rotate(-90)' text-anchor='middle'>",
                 kHeight / 2) +
          y_label_ + "</text>\n</svg>\n";
  return text;
}

}  // namespace npim::app
