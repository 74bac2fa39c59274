// A mapped network on the cycle-level chip (models/chip) without a host: how long an image takes,
// and from one image to the next. Values are left out, which changes no time. SystemC's kernel is
// global, so a process can do this once (base/child_processes.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "config/chip_config.h"
#include "cost/ledger.h"
#include "program/stage.h"

namespace npim::simulation {

/// A bus, link, port or bank of converters (chip::NamedUnit).
struct UnitLoad {
  std::string path;
  double busy_ns = 0;  ///< per image, many in flight
  double share = 0;    ///< of the time of that run
};

struct ChipRun {
  double latency_ns = 0;        ///< of one image in an empty chip, from host memory to host memory
  double image_ns = 0;          ///< from one image to the next, many in flight
  chip::ChipCounters counters;  ///< of one image
  std::vector<abi::StageCounters> stages;  ///< of the run of one image, segment by segment
  std::vector<UnitLoad> busiest;           ///< of the run of many images, the busiest first
  /// Of one image, many in flight: what the chip booked for it (every input slice driven), and
  /// leakage and links for image_ns. Empty when the chip has no prices.
  std::map<cost::Accounting, cost::Energy> energy;
  double host_s = 0;  ///< that the simulation took
};

/// Runs one image, then `images` (at least 2) together, through one segment of the program after
/// the other; what the host does between segments takes no time here. Throws InputError naming the
/// network and the chip's error when the chip refuses a segment or stalls.
ChipRun run_chip(const std::vector<program::ControlProgram> &segments,
                 const config::ChipConfig &config, int images, const std::string &name);

}  // namespace npim::simulation
