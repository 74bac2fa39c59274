// Energy of an image as tables and as JSON.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>

#include "cost/ledger.h"

namespace npim::app {

using Energies = std::map<cost::Accounting, cost::Energy>;

/// "per-action" or "powered-time", as options say it. Throws InputError naming --accounting.
cost::Accounting accounting_of(const std::string &option);

/// Four digits.
std::string engineering(double value);

/// What is booked on a layer.
double layer_pj(const cost::Energy &energy, std::size_t layer);

/// Dynamic, static and share of each component that takes any, links included.
std::string energy_table(const cost::Energy &energy);

/// {component: {"dynamic_pj", "static_pj"}} of those that take any.
boost::json::object components_json(const cost::Energy &energy);

/// By accounting: "energy_pj", "components", "layers" and "tiles" ([number, pJ] of what is booked
/// on them).
boost::json::object to_json(const Energies &energies);
Energies energies_from_json(const boost::json::value &json);

}  // namespace npim::app
