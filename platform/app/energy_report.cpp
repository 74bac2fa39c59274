#include "app/energy_report.h"

#include <cstdio>

#include "app/text_table.h"
#include "base/error.h"

namespace npim::app {
namespace {

using cost::Accounting;
using cost::Energy;
using cost::Part;

constexpr Accounting kAccountings[] = {Accounting::kPerAction, Accounting::kPoweredTime};

boost::json::array places_json(const std::map<int, double> &places) {
  boost::json::array json;
  for (const auto &[number, pj] : places) json.push_back({number, pj});
  return json;
}

std::map<int, double> places_from_json(const boost::json::value &json) {
  std::map<int, double> places;
  for (const auto &place : json.as_array()) {
    places[place.at(0).to_number<int>()] = place.at(1).to_number<double>();
  }
  return places;
}

Energy energy_from_json(Accounting accounting, const boost::json::object &json) {
  Energy energy;
  energy.accounting = accounting;
  const auto &components = json.at("components").as_object();
  for (const Part part : cost::all_parts()) {
    const auto *component = components.if_contains(cost::to_text(part));
    if (component == nullptr) continue;
    const auto i = static_cast<std::size_t>(part);
    energy.dynamic_pj[i] = component->at("dynamic_pj").to_number<double>();
    energy.static_pj[i] = component->at("static_pj").to_number<double>();
  }
  energy.by_layer = places_from_json(json.at("layers"));
  energy.by_tile = places_from_json(json.at("tiles"));
  return energy;
}

}  // namespace

Accounting accounting_of(const std::string &option) {
  if (option == "per-action") return Accounting::kPerAction;
  if (option == "powered-time") return Accounting::kPoweredTime;
  throw InputError("command line", "--accounting must be powered-time or per-action");
}

std::string engineering(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

double layer_pj(const Energy &energy, std::size_t layer) {
  const auto found = energy.by_layer.find(static_cast<int>(layer));
  return found == energy.by_layer.end() ? 0 : found->second;
}

std::string energy_table(const Energy &energy) {
  TextTable table({"component", "dynamic uJ", "static uJ", "share %"});
  const double total = energy.total_pj();
  for (const Part part : cost::all_parts()) {
    const auto i = static_cast<std::size_t>(part);
    const double pj = energy.part_pj(part);
    if (pj <= 0) continue;
    table.add({cost::to_text(part), engineering(energy.dynamic_pj[i] / 1e6),
               engineering(energy.static_pj[i] / 1e6), fixed(100 * pj / total, 1)});
  }
  return table.format();
}

boost::json::object components_json(const Energy &energy) {
  boost::json::object components;
  for (const Part part : cost::all_parts()) {
    const auto i = static_cast<std::size_t>(part);
    if (energy.part_pj(part) <= 0) continue;
    components[cost::to_text(part)] = {{"dynamic_pj", energy.dynamic_pj[i]},
                                       {"static_pj", energy.static_pj[i]}};
  }
  return components;
}

boost::json::object to_json(const Energies &energies) {
  boost::json::object json;
  for (const auto &[accounting, energy] : energies) {
    json[cost::to_text(accounting)] = {{"energy_pj", energy.total_pj()},
                                       {"components", components_json(energy)},
                                       {"layers", places_json(energy.by_layer)},
                                       {"tiles", places_json(energy.by_tile)}};
  }
  return json;
}

Energies energies_from_json(const boost::json::value &json) {
  Energies energies;
  for (const Accounting accounting : kAccountings) {
    const auto *energy = json.as_object().if_contains(cost::to_text(accounting));
    if (energy == nullptr) continue;
    energies[accounting] = energy_from_json(accounting, energy->as_object());
  }
  return energies;
}

}  // namespace npim::app
