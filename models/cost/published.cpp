#include "cost/published.h"

#include "cost/window_cycle.h"

namespace npim::cost {
namespace {

Published::Line read_line(const config::Node &node) {
  config::Object object(node);
  Published::Line line;
  if (const auto power = object.find("power_mw")) line.power_mw = power->number(1e-12, 1e9);
  if (const auto area = object.find("area_mm2")) line.area_mm2 = area->number(1e-12, 1e9);
  object.finish();
  if (!line.power_mw && !line.area_mm2) node.fail("neither power_mw nor area_mm2 is given");
  return line;
}

}  // namespace

const Published::Line *Published::find(const std::string &name) const {
  const auto line = lines.find(name);
  return line == lines.end() ? nullptr : &line->second;
}

Published parse_published(const config::Node &node) {
  config::Object top(node);
  Published published;
  published.source = top.text("source");
  published.ima_parts_per_tile =
      top.at("ima_parts_per").choice({"ima", "tile"}) == std::string("tile");
  config::Object lines(top.at("lines"));
  for (const Part part : all_parts()) {
    if (const auto line = lines.find(to_text(part))) {
      published.lines[to_text(part)] = read_line(*line);
    }
  }
  for (const char *name : {"imas", "tile", "tiles", "chip"}) {
    if (const auto line = lines.find(name)) published.lines[name] = read_line(*line);
  }
  lines.finish();
  config::Object figures(top.at("figures"));
  for (const char *name : {"tile_gops_per_mm2", "chip_gops_per_mm2", "chip_gops_per_w",
                           "cells_per_tile_mm2", "crossbar_share_percent", "weights_per_chip"}) {
    if (const auto figure = figures.find(name)) {
      published.figures[name] = figure->number(1e-12, 1e15);
    }
  }
  figures.finish();
  top.finish();
  return published;
}

Published load_published(const std::string &path) {
  return parse_published(config::Node::load(path));
}

std::map<std::string, double> summary_figures(const Bill &bill) {
  const auto &chip = bill.chip();
  const double cells =
      static_cast<double>(chip.arrays_per_tile()) * chip.array.rows * chip.array.columns;
  const double crossbars =
      bill.units_per_tile(Part::kCrossbar) * bill.find(Part::kCrossbar)->unit.area_mm2;
  const double weights = static_cast<double>(chip.tiles_per_chip()) * chip.arrays_per_tile() *
                         chip.array.rows * chip.vectors_per_array();
  const double gops = tile_gops(chip);
  return {{"tile_gops_per_mm2", gops / bill.tile().area_mm2},
          {"chip_gops_per_mm2", gops * chip.tiles_per_chip() / bill.total().area_mm2},
          {"chip_gops_per_w", gops * chip.tiles_per_chip() / (bill.total().power_mw * 1e-3)},
          {"cells_per_tile_mm2", cells / bill.tile().area_mm2},
          {"crossbar_share_percent", 100 * crossbars / bill.tile().area_mm2},
          {"weights_per_chip", weights}};
}

}  // namespace npim::cost
