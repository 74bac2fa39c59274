#include "app/simulate_networks.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "analysis/performance.h"
#include "app/operation_name.h"
#include "app/progress.h"
#include "base/child_processes.h"
#include "base/error.h"
#include "mapping/mapping.h"
#include "network/onnx_import.h"
#include "network/quantise.h"
#include "network/zoo.h"

namespace npim::app {
namespace {

using config::ChipConfig;
using network::QuantisedNetwork;

constexpr std::uint64_t kSeed = 1;  // of weights whose values do not matter here
constexpr int kMostChips = 4096;

/// Integers of which only the shapes matter.
QuantisedNetwork integers_of(network::Graph graph, const ChipConfig &chip) {
  network::QuantiseOptions options;
  options.format.array_rows = chip.array.rows;
  options.range_divisors = options.bitline_gains = {1};
  options.without_calibration = true;
  return network::quantise(std::move(graph), {}, options);
}

ChipConfig chain_of(const ChipConfig &chip, int count) {
  ChipConfig chain = chip;
  chain.chips.count = count;
  return chain;
}

mapping::Mapping map_onto(QuantisedNetwork &network, const ChipConfig &chip,
                          mapping::MapOptions options = {}) {
  network.format.array_rows = chip.array.rows;
  network.format.code = static_cast<network::ConverterFormat::Code>(chip.nnadc.code);
  for (auto &layer : network.layers) {
    if (layer.op != network::LayerOp::kConvolution) continue;
    layer.converter.range_divisor = chip.nnadc.range_divisors.front();
    layer.converter.bitline_gain = chip.bitline_gains.front();
  }
  options.with_weights = false;
  mapping::Mapping mapping = mapping::map_network(network, chip, options);
  mapping.program.network = {};
  return mapping;
}

/// The least number of chips, from `chips` on, that the mapping gets by with.
int chips_that_fit(QuantisedNetwork &network, const ChipConfig &chip, int chips) {
  mapping::MapOptions one_copy;
  one_copy.replication = mapping::Replication::kNone;
  for (;; ++chips) {
    try {
      map_onto(network, chain_of(chip, chips), one_copy);
      return chips;
    } catch (const InputError &) {
      if (chips >= kMostChips || chips > 4 * std::max(1, chip.chips.count) + 64) throw;
    }
  }
}

std::vector<SimulatedLayer> layers_of(const mapping::Mapping &mapping,
                                      const simulation::ChipRun &run) {
  std::vector<SimulatedLayer> layers;
  for (const auto &placement : mapping.layers) {
    SimulatedLayer layer;
    layer.name = placement.name;
    layer.op = operation_name(placement.op);
    layers.push_back(std::move(layer));
  }
  for (const abi::StageCounters &stage : run.stages) {
    SimulatedLayer &layer = layers.at(stage.layer);
    const auto start = static_cast<double>(stage.first_start_ns);
    layer.first_start_ns = layer.stages == 0 ? start : std::min(layer.first_start_ns, start);
    layer.last_end_ns = std::max(layer.last_end_ns, static_cast<double>(stage.last_end_ns));
    if (static_cast<double>(stage.busy_ns) > layer.busy_ns) {
      layer.busy_ns = static_cast<double>(stage.busy_ns);
      layer.wait_input_ns = static_cast<double>(stage.wait_input_ns);
    }
    ++layer.stages;
    layer.windows += static_cast<std::int64_t>(stage.windows);
    layer.conversions += static_cast<std::int64_t>(stage.conversions);
  }
  return layers;
}

std::string simulate(const mapping::Mapping &mapping, const ChipConfig &chip,
                     const std::string &name, int images) {
  const simulation::ChipRun run =
      simulation::run_chip(mapping.program.segments, chip, images, name + " on " + chip.name);
  Simulated result;
  result.chips = chip.chips.count;
  result.tiles_used = mapping.tiles_used;
  result.arrays_used = mapping.arrays_used;
  result.latency_ns = run.latency_ns;
  result.image_ns = run.image_ns;
  result.host_s = run.host_s;
  result.layers = layers_of(mapping, run);
  result.busiest = run.busiest;
  result.energy = run.energy;
  return boost::json::serialize(to_json(result));
}

/// All chips for one network, in a process of its own: JSON array of results.
std::string simulate_network(const std::string &model, const std::vector<ChipConfig> &chips,
                             const SimulationOptions &options) {
  network::Graph graph = load_topology(model, network::WeightFill::kSketch);
  const analysis::Workload work = analysis::workload_of(graph);
  QuantisedNetwork network = integers_of(std::move(graph), chips.front());
  int count = options.chips;
  if (count == 0) {
    count = 1;
    for (const auto &chip : chips) count = std::max(count, analysis::chips_needed(work, chip));
    for (const auto &chip : chips) count = chips_that_fit(network, chip, count);
  }
  const auto results = run_in_children(
      chips.size(),
      [&](std::size_t i) {
        const ChipConfig chain = chain_of(chips[i], count);
        const mapping::Mapping mapping = map_onto(network, chain);
        network = {};
        return simulate(mapping, chain, work.name, options.images);
      },
      1);
  std::string text = "[";
  for (const auto &result : results) text += (text.size() > 1 ? "," : "") + result;
  return text + "]";
}

Simulated from_json(const boost::json::value &value) {
  const auto &object = value.as_object();
  const auto integer = [](const boost::json::object &from, const char *key) {
    return from.at(key).to_number<std::int64_t>();
  };
  const auto real = [](const boost::json::object &from, const char *key) {
    return from.at(key).to_number<double>();
  };
  Simulated run;
  run.chips = static_cast<int>(integer(object, "chips"));
  run.tiles_used = static_cast<int>(integer(object, "tiles_used"));
  run.arrays_used = static_cast<int>(integer(object, "arrays_used"));
  run.latency_ns = real(object, "latency_ns");
  run.image_ns = real(object, "image_ns");
  run.host_s = real(object, "host_seconds");
  for (const auto &item : object.at("layers").as_array()) {
    const auto &from = item.as_object();
    run.layers.push_back({std::string(from.at("name").as_string()),
                          std::string(from.at("op").as_string()), integer(from, "stages"),
                          integer(from, "windows"), integer(from, "conversions"),
                          real(from, "first_start_ns"), real(from, "last_end_ns"),
                          real(from, "busy_ns"), real(from, "wait_input_ns")});
  }
  for (const auto &item : object.at("busiest_units").as_array()) {
    const auto &from = item.as_object();
    run.busiest.push_back(
        {std::string(from.at("unit").as_string()), real(from, "busy_ns"), real(from, "share")});
  }
  run.energy = energies_from_json(object.at("energy"));
  return run;
}

}  // namespace

network::Graph load_topology(const std::string &model, network::WeightFill fill) {
  if (network::is_zoo_name(model)) return network::zoo_network(model, {kSeed, fill});
  network::ImportOptions import;
  import.synthetic_weights = {kSeed, network::WeightFill::kSketch};
  return network::import_onnx(model, import);
}

std::vector<std::vector<Simulated>> simulate_networks(const std::vector<std::string> &models,
                                                      const std::vector<ChipConfig> &chips,
                                                      const SimulationOptions &options) {
  Progress progress("networks simulated", static_cast<long>(models.size()));
  long done = 0;
  progress.at(done);
  const auto texts = run_in_children(
      models.size(), [&](std::size_t i) { return simulate_network(models[i], chips, options); }, 0,
      [&](std::size_t) { progress.at(++done); });
  std::vector<std::vector<Simulated>> results;
  for (const auto &text : texts) {
    results.emplace_back();
    const boost::json::value runs = boost::json::parse(text);
    for (const auto &run : runs.as_array()) {
      results.back().push_back(from_json(run));
    }
  }
  return results;
}

boost::json::object to_json(const Simulated &run) {
  boost::json::array layers;
  for (const auto &layer : run.layers) {
    layers.push_back({{"name", layer.name},
                      {"op", layer.op},
                      {"stages", layer.stages},
                      {"windows", layer.windows},
                      {"conversions", layer.conversions},
                      {"first_start_ns", layer.first_start_ns},
                      {"last_end_ns", layer.last_end_ns},
                      {"busy_ns", layer.busy_ns},
                      {"wait_input_ns", layer.wait_input_ns}});
  }
  boost::json::array busiest;
  for (const auto &unit : run.busiest) {
    busiest.push_back({{"unit", unit.path}, {"busy_ns", unit.busy_ns}, {"share", unit.share}});
  }
  return {{"chips", run.chips},
          {"tiles_used", run.tiles_used},
          {"arrays_used", run.arrays_used},
          {"latency_ns", run.latency_ns},
          {"image_ns", run.image_ns},
          {"host_seconds", run.host_s},
          {"layers", layers},
          {"busiest_units", busiest},
          {"energy", to_json(run.energy)}};
}

}  // namespace npim::app
