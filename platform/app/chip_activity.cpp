#include "app/chip_activity.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "app/operation_name.h"
#include "app/text_table.h"

namespace npim::app {
namespace {

using chip::Phase;
using chip::StageReport;
using cost::Accounting;
using cost::Energy;
using cost::Part;
using Layers = std::vector<program::LayerRecord>;

struct Wait {
  Phase phase;
  const char *name;
};
constexpr Wait kWaits[] = {{Phase::kInput, "input"}, {Phase::kConverter, "converter"},
                           {Phase::kEdram, "edram"}, {Phase::kPost, "post"},
                           {Phase::kNoc, "noc"},     {Phase::kSpace, "space"}};

double nanoseconds(const sc_core::sc_time &time) {
  return time / sc_core::sc_time(1, sc_core::SC_NS);
}

std::string microjoules(double pj) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", pj / 1e6);
  return text;
}

std::string layer_name(const Layers &layers, std::size_t layer) {
  return layer < layers.size() ? layers[layer].name : "layer " + std::to_string(layer);
}

/// Without the links, which draw their power whether bytes move or not.
double chip_pj(const Energy &energy) {
  return energy.total_pj() - energy.part_pj(Part::kLink);
}

std::string share(double part, double whole) {
  return fixed(whole > 0 ? 100 * part / whole : 0, 1);
}

std::string component_table(const Energy &energy) {
  TextTable table({"component", "dynamic uJ", "static uJ", "share %"});
  for (const Part part : cost::all_parts()) {
    const auto i = static_cast<std::size_t>(part);
    if (energy.part_pj(part) <= 0 || part == Part::kLink) continue;
    table.add({cost::to_text(part), microjoules(energy.dynamic_pj[i]),
               microjoules(energy.static_pj[i]), share(energy.part_pj(part), chip_pj(energy))});
  }
  return table.format();
}

std::string place_table(const char *place, const std::map<int, double> &energy, double total,
                        const Layers &layers) {
  TextTable table({place, "dynamic uJ", "share %", layers.empty() ? "" : "name"});
  for (const auto &[number, pj] : energy) {
    if (number < 0 || pj <= 0) continue;
    table.add({std::to_string(number), microjoules(pj), share(pj, total),
               layers.empty() ? "" : layer_name(layers, static_cast<std::size_t>(number))});
  }
  return table.format();
}

/// Sums over the stages of a layer.
struct LayerTime {
  std::size_t stages = 0;
  double lifetime_ns = 0, computing_ns = 0;
  std::map<Phase, double> waiting_ns;
};

std::map<std::uint32_t, LayerTime> time_by_layer(const std::vector<StageReport> &stages) {
  std::map<std::uint32_t, LayerTime> layers;
  for (const StageReport &stage : stages) {
    LayerTime &layer = layers[stage.layer];
    ++layer.stages;
    layer.lifetime_ns += nanoseconds(stage.time.lifetime());
    layer.computing_ns += nanoseconds(stage.time.in(Phase::kComputing));
    for (const Wait &wait : kWaits) {
      layer.waiting_ns[wait.phase] += nanoseconds(stage.time.in(wait.phase));
    }
  }
  return layers;
}

std::string time_table(const std::vector<StageReport> &stages, const Layers &layers) {
  TextTable table({"layer", "stages", "us", "computing %", "input", "converter", "edram", "post",
                   "noc", "space", "name"});
  for (const auto &[number, layer] : time_by_layer(stages)) {
    std::vector<std::string> row = {
        std::to_string(number), std::to_string(layer.stages),
        fixed(layer.lifetime_ns / static_cast<double>(layer.stages) / 1e3, 1),
        share(layer.computing_ns, layer.lifetime_ns)};
    for (const Wait &wait : kWaits) {
      row.push_back(share(layer.waiting_ns.at(wait.phase), layer.lifetime_ns));
    }
    row.push_back(layer_name(layers, number));
    table.add(std::move(row));
  }
  return table.format();
}

bool has_run(const std::vector<StageReport> &stages) {
  return std::any_of(stages.begin(), stages.end(),
                     [](const StageReport &stage) { return stage.windows > 0; });
}

boost::json::object stage_json(const StageReport &stage, const Layers &layers) {
  boost::json::object waiting;
  for (const Wait &wait : kWaits) waiting[wait.name] = nanoseconds(stage.time.in(wait.phase));
  return {{"stage", stage.stage},
          {"tile", stage.tile},
          {"slot", stage.slot},
          {"layer", stage.layer},
          {"name", layer_name(layers, stage.layer)},
          {"op", operation_name(stage.op)},
          {"windows", stage.windows},
          {"conversions", stage.conversions},
          {"input_cycles", stage.input_cycles},
          {"bytes_sent", stage.bytes_sent},
          {"bytes_received", stage.bytes_received},
          {"begin_ns", nanoseconds(stage.begin)},
          {"end_ns", nanoseconds(stage.end)},
          {"lifetime_ns", nanoseconds(stage.time.lifetime())},
          {"computing_ns", nanoseconds(stage.time.in(Phase::kComputing))},
          {"waiting_ns", waiting}};
}

boost::json::array places_json(const char *key, const std::map<int, double> &energy,
                               const Layers *layers) {
  boost::json::array list;
  for (const auto &[number, pj] : energy) {
    if (number < 0 || pj <= 0) continue;
    boost::json::object place = {{key, number}, {"pj", pj}};
    if (layers != nullptr) place["name"] = layer_name(*layers, static_cast<std::size_t>(number));
    list.push_back(std::move(place));
  }
  return list;
}

double unassigned(const std::map<int, double> &energy) {
  const auto found = energy.find(cost::kNoLayer);
  return found == energy.end() ? 0 : found->second;
}

boost::json::object energy_json(const chip::Books &books, Accounting accounting,
                                const Layers &layers) {
  if (!books.has_prices()) return {{"not_implemented", books.why_no_prices()}};
  const Energy energy = books.settle(accounting);
  boost::json::object by_part;
  double static_pj = 0;
  for (const Part part : cost::all_parts()) {
    if (energy.part_pj(part) > 0) by_part[cost::to_text(part)] = energy.part_pj(part);
    if (part != Part::kLink) static_pj += energy.static_pj[static_cast<std::size_t>(part)];
  }
  return {{"accounting", cost::to_text(accounting)},
          {"total_pj", energy.total_pj()},
          {"links_pj", energy.part_pj(Part::kLink)},
          {"static_pj", static_pj},
          {"by_part", by_part},
          {"by_layer", places_json("layer", energy.by_layer, &layers)},
          {"by_tile", places_json("tile", energy.by_tile, nullptr)},
          {"unassigned_pj",
           {{"layer", unassigned(energy.by_layer)}, {"tile", unassigned(energy.by_tile)}}}};
}

}  // namespace

std::string activity_summary(const chip::Chip &chip, Accounting accounting) {
  const auto stages = chip.stages();
  if (!has_run(stages)) return "";
  const chip::Books &books = chip.books();
  if (!books.has_prices()) return "Chip energy: not available, " + books.why_no_prices() + '\n';
  const Energy energy = books.settle(accounting);
  std::string text = "Chip energy, " + std::string(cost::to_text(accounting)) + ": " +
                     microjoules(chip_pj(energy)) + " uJ";
  const char *before = " (";
  for (const Part part : cost::all_parts()) {
    const double pj = energy.part_pj(part);
    if (part == Part::kLink || pj < 0.03 * chip_pj(energy)) continue;
    text += before + std::string(cost::to_text(part)) + " " + share(pj, chip_pj(energy)) + " %";
    before = ", ";
  }
  const Accounting other =
      accounting == Accounting::kPerAction ? Accounting::kPoweredTime : Accounting::kPerAction;
  return text + "), " + cost::to_text(other) + ": " + microjoules(chip_pj(books.settle(other))) +
         " uJ; links: " + microjoules(energy.part_pj(Part::kLink)) + " uJ\n";
}

std::string activity_tables(const chip::Chip &chip, Accounting accounting, const Layers &layers) {
  const auto stages = chip.stages();
  if (!has_run(stages)) return "";
  std::string text =
      "Time of the chip's stages, mean of each layer, and what they waited for in %\n" +
      time_table(stages, layers);
  const chip::Books &books = chip.books();
  if (!books.has_prices()) return text + "Energy: not available, " + books.why_no_prices() + '\n';
  const Energy energy = books.settle(accounting);
  const std::string by = std::string(" (") + cost::to_text(accounting) + ")\n";
  return text + "Energy by component" + by + component_table(energy) + "Energy by layer" + by +
         place_table("layer", energy.by_layer, chip_pj(energy), layers) + "Energy by tile" + by +
         place_table("tile", energy.by_tile, chip_pj(energy), {});
}

void add_activity(const chip::Chip &chip, Accounting accounting, const Layers &layers,
                  boost::json::object &json) {
  boost::json::array stages;
  for (const StageReport &stage : chip.stages()) stages.push_back(stage_json(stage, layers));
  json["stages"] = std::move(stages);
  json["energy"] = energy_json(chip.books(), accounting, layers);
}

}  // namespace npim::app
