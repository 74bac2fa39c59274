// npim chip: power and area of a chip configuration, bottom-up, beside the published figures.
#include <iostream>

#include "app/command.h"
#include "app/text_table.h"
#include "cost/bill.h"
#include "cost/published.h"
#include "cost/window_cycle.h"
#include "report/html_page.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using cost::Bill;
using cost::Level;
using cost::Part;
using cost::PowerArea;
using cost::Published;

struct ChipOptions {
  std::string chip;
  report::ReportFiles report;
};

bool parse(const Arguments &arguments, ChipOptions &to) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("chip", po::value(&to.chip)->required(), "chip configuration (configs/chips/*.json)");
  add("json", po::value(&to.report.json), "write the tables as JSON too");
  add("html", po::value(&to.report.html_folder), "folder for a page with charts (chip.html)");
  po::variables_map values;
  return parse_arguments(
      arguments,
      "Usage: npim chip FILE [--json FILE] [--html DIR]\n\n"
      "Adds up power (everything active) and area from the component libraries that the\n"
      "configuration names, beside the published figures where it names some.",
      options, "chip", values);
}

/// A row of the table: a part, or a sum.
struct Row {
  std::string name, spec, per;
  double count = 1;
  PowerArea model;
  const Published::Line *published = nullptr;
};

std::string significant(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value >= 1000 ? "%.0f" : "%.4g", value);
  return text;
}

std::string deviation(double model, double published) {
  return fixed(100 * (model / published - 1), 1);
}

const char *level_text(Level level) {
  return level == Level::kIma ? "IMA" : level == Level::kTile ? "tile" : "chip";
}

/// Parts as the published table counts them, then the sums.
std::vector<Row> rows_of(const Bill &bill, const Published &published) {
  std::vector<Row> rows;
  for (const auto &line : bill.lines()) {
    const bool as_tile = line.level == Level::kIma && published.ima_parts_per_tile;
    const double factor = as_tile ? bill.chip().imas_per_tile : 1;
    rows.push_back({cost::to_text(line.part),
                    line.spec,
                    as_tile ? "tile" : level_text(line.level),
                    line.count * factor,
                    {line.power_mw() * factor, line.area_mm2() * factor},
                    published.find(cost::to_text(line.part))});
  }
  const auto sum = [&](const std::string &key, const std::string &name, const char *per,
                       double count, const PowerArea &model) {
    rows.push_back({name, "", per, count, model, published.find(key)});
  };
  const int tiles = bill.chip().tiles_per_chip();
  sum("ima", "sum of an IMA", "IMA", 1, bill.ima());
  sum("imas", "IMAs", "tile", bill.chip().imas_per_tile, bill.imas());
  sum("tile", "sum of a tile", "tile", 1, bill.tile());
  sum("tiles", "tiles", "chip", tiles, bill.tiles());
  sum("chip", "chip", "chip", 1, bill.total());
  return rows;
}

void add_published(std::vector<std::string> &cells, double model,
                   const std::optional<double> &published) {
  cells.push_back(published ? significant(*published) : "");
  cells.push_back(published ? deviation(model, *published) : "");
}

void print_parts(const Bill &bill, const Published &published) {
  TextTable table({"part", "spec", "per", "count", "power mW", "published", "dev %", "area mm2",
                   "published", "dev %"});
  for (const Row &row : rows_of(bill, published)) {
    std::vector<std::string> cells = {row.name, row.spec, row.per, significant(row.count),
                                      significant(row.model.power_mw)};
    const Published::Line none, &line = row.published == nullptr ? none : *row.published;
    add_published(cells, row.model.power_mw, line.power_mw);
    cells.push_back(significant(row.model.area_mm2));
    add_published(cells, row.model.area_mm2, line.area_mm2);
    table.add(std::move(cells));
  }
  std::cout << table.format() << '\n';
}

struct FigureText {
  const char *key, *text;
};

constexpr FigureText kFigures[] = {
    {"tile_gops_per_mm2", "peak GOPS/s per mm2 of tiles"},
    {"chip_gops_per_mm2", "peak GOPS/s per mm2 of the chip"},
    {"chip_gops_per_w", "peak GOPS/s per W of the chip"},
    {"cells_per_tile_mm2", "cells per mm2 of tiles"},
    {"crossbar_share_percent", "crossbars, % of the tiles' area"},
    {"weights_per_chip", "weights that the chip holds"},
};

void print_figures(const Bill &bill, const Published &published) {
  TextTable table({"figure", "model", "published", "dev %"});
  const auto figures = cost::summary_figures(bill);
  for (const auto &figure : kFigures) {
    std::vector<std::string> cells = {figure.text, significant(figures.at(figure.key))};
    const auto anchor = published.figures.find(figure.key);
    add_published(cells, figures.at(figure.key),
                  anchor == published.figures.end() ? std::optional<double>() : anchor->second);
    table.add(std::move(cells));
  }
  const cost::WindowCycle cycle = cost::window_cycle(bill.chip());
  std::cout << table.format() << "\nA window occupies the arrays of a full tile for "
            << significant(cycle.period_ns) << " ns: " << significant(cycle.copy_ns)
            << " ns to copy it, " << cycle.input_cycles << " input cycles of "
            << significant(cycle.input_cycle_ns) << " ns; the converters need "
            << significant(cycle.converter_ns) << " ns of it.\n";
}

boost::json::object figures_json(const PowerArea &model, const Published::Line *published) {
  boost::json::object json = {{"power_mw", model.power_mw}, {"area_mm2", model.area_mm2}};
  if (published != nullptr && published->power_mw) {
    json["published_power_mw"] = *published->power_mw;
  }
  if (published != nullptr && published->area_mm2) {
    json["published_area_mm2"] = *published->area_mm2;
  }
  return json;
}

boost::json::object json_report(const std::string &path, const Bill &bill,
                                const Published &published) {
  boost::json::array rows;
  for (const Row &row : rows_of(bill, published)) {
    boost::json::object json = figures_json(row.model, row.published);
    json["name"] = row.name;
    json["per"] = row.per;
    json["count"] = row.count;
    rows.push_back(std::move(json));
  }
  boost::json::array components;
  for (const auto &line : bill.lines()) {
    components.push_back({{"name", cost::to_text(line.part)},
                          {"units_per_chip", bill.units_per_chip(line.part)},
                          {"unit_power_mw", line.unit.power_mw},
                          {"unit_static_mw", line.unit.static_mw},
                          {"unit_area_mm2", line.unit.area_mm2},
                          {"energy_pj", line.unit.energy_pj},
                          {"action", line.action},
                          {"source", line.source}});
  }
  boost::json::object figures, anchors;
  for (const auto &[name, value] : cost::summary_figures(bill)) figures[name] = value;
  for (const auto &[name, value] : published.figures) anchors[name] = value;
  auto json = report::begin_report("chip", 0, config::Node::load(path).value());
  json["chip"] = bill.chip().name;
  json["dataflow"] = config::to_text(bill.chip().dataflow);
  json["technology_nm"] = bill.chip().technology_nm;
  json["published_source"] = published.source;
  json["rows"] = rows;
  json["figures"] = figures;
  json["published_figures"] = anchors;
  json["window_period_ns"] = cost::window_cycle(bill.chip()).period_ns;
  json["components"] = components;
  return json;
}

}  // namespace

int chip_command(const Arguments &arguments) {
  ChipOptions options;
  if (!parse(arguments, options)) return kSuccess;
  report::check_report_files(options.report);
  const config::ChipConfig chip = config::load_chip_config(options.chip);
  const Bill bill = cost::make_bill(chip);
  Published published;
  if (!chip.published.empty()) published = cost::load_published(chip.published);
  std::cout << "Chip " << chip.name << ": " << config::to_text(chip.dataflow) << ", "
            << chip.tiles_per_chip() << " tiles of " << chip.imas_per_tile << " x "
            << chip.arrays_per_ima << " arrays, " << chip.technology_nm
            << " nm\nPower with everything active, bottom-up from the "
            << "component libraries";
  if (!published.source.empty()) std::cout << "; published: " << published.source;
  std::cout << "\n\n";
  print_parts(bill, published);
  print_figures(bill, published);
  announce(report::write_report(json_report(options.chip, bill, published), options.report));
  return kSuccess;
}

}  // namespace npim::app
