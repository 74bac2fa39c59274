// Networks on the cycle-level chip without a host, each simulation in a process of its own: what
// npim compare and npim estimate print beside the analytic model's lower bound.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "app/energy_report.h"
#include "config/chip_config.h"
#include "network/graph.h"
#include "network/synthetic_weights.h"
#include "simulation/chip_run.h"

namespace npim::app {

/// ONNX file, whose weights may be missing, or the name of a built-in network, which gets as many
/// weights as `fill` says.
network::Graph load_topology(const std::string &model, network::WeightFill fill);

struct SimulatedLayer {
  std::string name;
  std::string op;
  std::int64_t stages = 0, windows = 0, conversions = 0;
  double first_start_ns = 0, last_end_ns = 0;  ///< of one image in an empty chip
  double busy_ns = 0, wait_input_ns = 0;       ///< of the stage that was busy longest
};

/// One network on one chip, by the cycle-level model.
struct Simulated {
  int chips = 1;
  int tiles_used = 0, arrays_used = 0;
  double latency_ns = 0, image_ns = 0;
  double host_s = 0;
  std::vector<SimulatedLayer> layers;
  std::vector<simulation::UnitLoad> busiest;
  Energies energy;  ///< of one image (simulation::ChipRun)
};

struct SimulationOptions {
  int chips = 0;   ///< 0: as many as the network needs on the chip with the least room
  int images = 3;  ///< in flight, for the time from one image to the next
};

/// [network][chip], on the same number of each kind of chip. Shows progress on a terminal. Throws
/// InputError naming what does not fit or stalls.
std::vector<std::vector<Simulated>> simulate_networks(const std::vector<std::string> &models,
                                                      const std::vector<config::ChipConfig> &chips,
                                                      const SimulationOptions &options = {});

boost::json::object to_json(const Simulated &run);

}  // namespace npim::app
