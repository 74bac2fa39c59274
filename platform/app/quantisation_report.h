// What quantisation did to each layer, for people and for machines.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "network/quantise.h"

namespace npim::app {

/// The name of a layer's operation in reports.
const char *operation_name(network::LayerOp op);

/// A table with a line per layer: range of the output, errors, converter and its codes.
std::string quantisation_table(const network::QuantisationReport &report);
boost::json::object quantisation_json(const network::QuantisedNetwork &network,
                                      const network::QuantisationReport &report);

/// Writes the JSON to a path that ends in ".json", else the table.
void write_quantisation_report(const std::string &path, const network::QuantisedNetwork &network,
                               const network::QuantisationReport &report);

}  // namespace npim::app
