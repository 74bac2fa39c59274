#include "cost/component.h"

#include <algorithm>
#include <cmath>

namespace npim::cost {
namespace {

struct PartName {
  Part part;
  const char *key;
  const char *scaling;
};

constexpr std::array<PartName, kParts> kNames = {{
    {Part::kCrossbar, "crossbar", "cells"},
    {Part::kDac, "dac", "bits"},
    {Part::kSampleHold, "sample_hold", "nothing"},
    {Part::kNnsa, "nnsa", "nothing"},
    {Part::kNnadc, "nnadc", "bits"},
    {Part::kAdc, "adc", "bits"},
    {Part::kShiftAdd, "shift_add", "nothing"},
    {Part::kTia, "tia", "nothing"},
    {Part::kBufferArray, "buffer_array", "cells"},
    {Part::kSummingAmplifier, "summing_amplifier", "nothing"},
    {Part::kInputRegister, "input_register", "bytes"},
    {Part::kOutputRegister, "output_register", "bytes"},
    {Part::kEdram, "edram", "kib"},
    {Part::kTileBus, "tile_bus", "bits times IMAs"},
    {Part::kRouter, "router", "flit bits"},
    {Part::kSigmoid, "sigmoid", "nothing"},
    {Part::kTileShiftAdd, "tile_shift_add", "nothing"},
    {Part::kMaxPool, "max_pool", "nothing"},
    {Part::kTileOutputRegister, "tile_output_register", "nothing"},
    {Part::kLink, "link", "nothing"},
    {Part::kCellWrite, "cell_write", "nothing"},
}};

const PartName &name_of(Part part) {
  return kNames[static_cast<std::size_t>(part)];
}

bool scales_with(Part part, const char *what) {
  return std::string(scaling_of(part)) == what;
}

/// Applies `f(a, b)` to each figure of two sets.
template <typename F>
Figures combine(const Figures &a, const Figures &b, F f) {
  return {f(a.power_mw, b.power_mw), f(a.static_mw, b.static_mw), f(a.energy_pj, b.energy_pj),
          f(a.area_mm2, b.area_mm2)};
}

Figures times(const Figures &figures, double factor) {
  return combine(figures, figures, [factor](double a, double) { return a * factor; });
}

/// Geometric between a and b (linear where one is zero).
Figures between(const Figures &a, const Figures &b, double position) {
  return combine(a, b, [position](double x, double y) {
    if (x <= 0 || y <= 0) return x + (y - x) * position;
    return x * std::pow(y / x, position);
  });
}

/// The last point not above `size`; the one before the last at most.
std::size_t segment(const std::vector<Component::Point> &points, double size) {
  std::size_t at = 0;
  while (at + 2 < points.size() && points[at + 1].at <= size) ++at;
  return at;
}

Figures by_bits(const Component &component, double bits) {
  const auto &points = component.points;
  if (bits < points.front().at || bits > points.back().at) {
    const auto text = [](double value) { return std::to_string(std::lround(value)); };
    throw InputError(component.file + ": component '" + to_text(component.part) + "'",
                     "has no figures for " + text(bits) + " bits (only from " +
                         text(points.front().at) + " to " + text(points.back().at) + ")");
  }
  if (points.size() == 1) return points.front().figures;
  const std::size_t i = segment(points, bits);
  return between(points[i].figures, points[i + 1].figures,
                 (bits - points[i].at) / (points[i + 1].at - points[i].at));
}

Figures by_size(const std::vector<Component::Point> &points, double size) {
  if (points.size() == 1 || size <= points.front().at) {
    return times(points.front().figures, size / points.front().at);
  }
  if (size >= points.back().at) return times(points.back().figures, size / points.back().at);
  const std::size_t i = segment(points, size);
  return between(points[i].figures, points[i + 1].figures,
                 std::log(size / points[i].at) / std::log(points[i + 1].at / points[i].at));
}

Figures to_technology(Figures figures, double from_nm, double to_nm) {
  const double length = to_nm / from_nm;
  const double supply = nominal_supply(to_nm) / nominal_supply(from_nm);
  const double dynamic = length * supply * supply;
  const double leakage = length * supply;
  const double active_mw = figures.power_mw - figures.static_mw;
  figures.static_mw *= leakage;
  figures.power_mw = active_mw * dynamic + figures.static_mw;
  figures.energy_pj *= dynamic;
  figures.area_mm2 *= length * length;
  return figures;
}

constexpr double kMostMw = 1e6, kMostPj = 1e9, kMostMm2 = 1e4;

Component::Point read_point(const config::Node &node) {
  config::Object object(node);
  Component::Point point;
  point.at = object.number("at", 1e-9, 1e12);
  point.figures.power_mw = object.number("power_mw", 0, kMostMw);
  point.figures.static_mw = object.number("static_mw", 0, kMostMw);
  point.figures.energy_pj = object.number("energy_pj", 0, kMostPj);
  point.figures.area_mm2 = object.number("area_mm2", 0, kMostMm2);
  object.finish();
  if (point.figures.static_mw > point.figures.power_mw) {
    node.fail("static_mw exceeds power_mw, of which it is a part");
  }
  return point;
}

std::vector<Component::Point> read_points(const config::Node &list) {
  std::vector<Component::Point> points;
  for (const auto &item : list.items()) {
    points.push_back(read_point(item));
    if (points.size() > 1 && points.back().at <= points[points.size() - 2].at) {
      item.fail("'at' must ascend from point to point");
    }
  }
  if (points.empty()) list.fail("the list is empty");
  return points;
}

bool is_fixed_in_tile(Part part) {
  return part == Part::kSigmoid || part == Part::kTileShiftAdd || part == Part::kMaxPool ||
         part == Part::kTileOutputRegister;
}

Component read_component(Part part, const config::Node &node) {
  config::Object object(node);
  Component component;
  component.part = part;
  component.file = node.file();
  component.action = object.text("action");
  component.source = object.text("source");
  component.technology_nm = static_cast<int>(object.integer("technology_nm", 5, 250));
  object.at("scaled_by").choice({scaling_of(part)});
  component.points = read_points(object.at("points"));
  if (part == Part::kNnsa || part == Part::kNnadc || part == Part::kAdc) {
    config::Object rate(object.at("rate"));
    component.rate = {rate.number("mhz", 1e-3, 1e6), rate.flag("area_follows")};
    rate.finish();
  }
  if (is_fixed_in_tile(part)) {
    component.per_tile = static_cast<int>(object.integer("per_tile", 0, 1024));
  }
  if (part == Part::kShiftAdd) {
    component.converters_per_unit =
        static_cast<int>(object.integer("converters_per_unit", 1, 1024));
  }
  object.finish();
  return component;
}

}  // namespace

const char *to_text(Part part) {
  return name_of(part).key;
}

const char *scaling_of(Part part) {
  return name_of(part).scaling;
}

const std::array<Part, kParts> &all_parts() {
  static const std::array<Part, kParts> kAll = [] {
    std::array<Part, kParts> parts{};
    for (std::size_t i = 0; i < kParts; ++i) parts[i] = kNames[i].part;
    return parts;
  }();
  return kAll;
}

double nominal_supply(double technology_nm) {
  struct Node {
    double nm, volt;
  };
  constexpr Node kNodes[] = {{5, 0.65}, {7, 0.7},  {14, 0.8},  {22, 0.8},  {32, 0.9},
                             {45, 1.0}, {65, 1.1}, {90, 1.15}, {130, 1.2}, {180, 1.8}};
  if (technology_nm <= kNodes[0].nm) return kNodes[0].volt;
  for (std::size_t i = 1; i < std::size(kNodes); ++i) {
    const Node &low = kNodes[i - 1], &high = kNodes[i];
    if (technology_nm > high.nm) continue;
    return low.volt + (high.volt - low.volt) * (technology_nm - low.nm) / (high.nm - low.nm);
  }
  return kNodes[std::size(kNodes) - 1].volt;
}

Figures Component::at(double size, int to_technology_nm, double rate_mhz) const {
  Figures figures = points.front().figures;
  if (scales_with(part, "bits")) {
    figures = by_bits(*this, size);
  } else if (!scales_with(part, "nothing")) {
    figures = by_size(points, size);
  }
  if (rate && rate_mhz > 0) {
    const double faster = rate_mhz / rate->mhz;
    figures.power_mw = figures.static_mw + (figures.power_mw - figures.static_mw) * faster;
    if (rate->area_follows) figures.area_mm2 *= faster;
  }
  return to_technology(figures, technology_nm, to_technology_nm);
}

ComponentLibrary ComponentLibrary::load(const std::vector<std::string> &files) {
  std::vector<config::Node> nodes;
  for (const auto &file : files) nodes.push_back(config::Node::load(file));
  return parse(nodes);
}

ComponentLibrary ComponentLibrary::parse(const std::vector<config::Node> &files) {
  ComponentLibrary library;
  for (const auto &file : files) {
    library.files_ += (library.files_.empty() ? "" : ", ") + file.file();
    library.read(file);
  }
  return library;
}

void ComponentLibrary::read(const config::Node &file) {
  config::Object top(file);
  top.text("name");
  const config::Node node = top.at("components");
  config::Object components(node);
  for (const PartName &name : kNames) {
    const auto entry = components.find(name.key);
    if (!entry) continue;
    auto &component = components_[static_cast<std::size_t>(name.part)];
    if (component) entry->fail("is in " + component->file + " too");
    component = read_component(name.part, *entry);
  }
  components.finish();
  top.finish();
}

const Component *ComponentLibrary::find(Part part) const {
  const auto &component = components_[static_cast<std::size_t>(part)];
  return component ? &*component : nullptr;
}

const Component &ComponentLibrary::at(Part part) const {
  const Component *component = find(part);
  if (component != nullptr) return *component;
  throw InputError(files_.empty() ? "components" : files_,
                   std::string("component '") + to_text(part) +
                       "' is missing: the chip needs its energy, power and area");
}

}  // namespace npim::cost
