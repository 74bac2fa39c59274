// What `npim compile` tells about the mapping.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "config/chip_config.h"
#include "mapping/mapping.h"

namespace npim::app {

/// A table of all layers and the totals, for people.
std::string mapping_text(const mapping::Mapping &mapping, const config::ChipConfig &chip);

/// One layer of mapping_text().
boost::json::object mapping_json(const mapping::LayerPlacement &layer);

}  // namespace npim::app
