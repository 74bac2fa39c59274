// What the simulated chip did in a run, where its time went and what it cost: text and JSON.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program_file.h"

namespace npim::app {

/// A few lines: energy by component, the links apart, and the stage that computed longest. Empty
/// when the chip has run nothing.
std::string activity_summary(const chip::Chip &chip, cost::Accounting accounting);

/// Tables: energy by component, layer and tile; time by layer. `layers` (may be empty) names them.
std::string activity_tables(const chip::Chip &chip, cost::Accounting accounting,
                            const std::vector<program::LayerRecord> &layers);

/// Adds "stages" and "energy". A stage's computing_ns and waiting_ns add up to lifetime_ns: from
/// the start of each run until the stage's last window has been sent. Energy that belongs to no
/// layer or tile (leakage, links) is in "unassigned_pj".
void add_activity(const chip::Chip &chip, cost::Accounting accounting,
                  const std::vector<program::LayerRecord> &layers, boost::json::object &json);

}  // namespace npim::app
