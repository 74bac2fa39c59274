// npim estimate: time and energy of a user's network on a chip, by the analytic model and by the
// cycle-level chip.
#include <algorithm>
#include <iostream>
#include <optional>

#include "analysis/performance.h"
#include "app/command.h"
#include "app/occupancy.h"
#include "app/simulate_networks.h"
#include "app/text_table.h"
#include "report/html_page.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using analysis::Plan;
using analysis::Workload;
using cost::Accounting;
using cost::Energy;

constexpr std::uint64_t kSeed =
    1;  // of weights that the file lacks, whose values do not matter here

struct EstimateOptions {
  std::string model, chip;
  Accounting accounting = Accounting::kPerAction;
  report::ReportFiles report;
  int chips = 0;
  bool analytic = false;
};

bool parse(const Arguments &arguments, EstimateOptions &to) {
  std::string accounting;
  po::options_description options("Options");
  auto add = options.add_options();
  add("model", po::value(&to.model)->required(),
      "ONNX file (weights may be missing) or one of the networks of npim compare");
  add("chip", po::value(&to.chip)->required(), "chip configuration (configs/chips/*.json)");
  add("chips", po::value(&to.chips)->default_value(0), "how many; 0: as many as it needs");
  add("accounting", po::value(&accounting)->default_value("per-action"),
      "per-action or powered-time");
  add("analytic", po::bool_switch(&to.analytic),
      "lower bounds of the analytic model only, without cycle-level simulation");
  add("json", po::value(&to.report.json), "write the report as JSON too");
  add("html", po::value(&to.report.html_folder), "folder for a page with charts (estimate.html)");
  po::variables_map values;
  if (!parse_arguments(
          arguments,
          "Usage: npim estimate MODEL.onnx --chip FILE [--chips N] [--analytic] [--json FILE]\n"
          "                     [--html DIR]\n\n"
          "Time and energy by layer, without host and firmware. The analytic model gives a lower\n"
          "bound on time, and energy from the actions that a network needs; the cycle-level chip,\n"
          "without values, says how long it takes and what it books. Every input slice is driven.",
          options, "model", values)) {
    return false;
  }
  to.accounting = accounting_of(accounting);
  if (to.chips < 0 || to.chips > 65536) {
    throw InputError("command line", "--chips must be from 0 to 65536");
  }
  return true;
}

void print_layers(const Workload &work, const Plan &plan, const Energy &energy) {
  TextTable table({"layer", "windows", "rows", "outputs", "groups", "arrays", "copies", "window ns",
                   "start us", "end us", "uJ"});
  for (std::size_t i = 0; i < work.layers.size(); ++i) {
    const auto &layer = work.layers[i];
    const auto &placed = plan.layers[i];
    table.add({layer.name, with_thousands(layer.windows), std::to_string(layer.rows),
               std::to_string(layer.outputs), std::to_string(layer.groups),
               std::to_string(placed.arrays), std::to_string(placed.copies),
               engineering(placed.window_ns), fixed(placed.start_ns / 1e3, 2),
               fixed(placed.end_ns / 1e3, 2), engineering(layer_pj(energy, i) / 1e6)});
  }
  std::cout << table.format() << '\n';
}

void print_simulated(const Simulated &run, const Plan &bound, const Energy &energy) {
  std::cout
      << "Cycle-level model, one image in an empty chip (the stage of each layer that is busy "
         "longest):\n\n";
  TextTable table({"layer", "op", "stages", "windows", "conversions", "start us", "end us",
                   "busy us", "waits for input us", "uJ"});
  for (std::size_t i = 0; i < run.layers.size(); ++i) {
    const SimulatedLayer &layer = run.layers[i];
    table.add({layer.name, layer.op, std::to_string(layer.stages), with_thousands(layer.windows),
               with_thousands(layer.conversions), fixed(layer.first_start_ns / 1e3, 2),
               fixed(layer.last_end_ns / 1e3, 2), fixed(layer.busy_ns / 1e3, 2),
               fixed(layer.wait_input_ns / 1e3, 2), engineering(layer_pj(energy, i) / 1e6)});
  }
  std::cout << table.format() << "\nSimulated on " << run.chips << " chip(s), " << run.arrays_used
            << " arrays on " << run.tiles_used << " tiles: latency "
            << fixed(run.latency_ns / 1e3, 2) << " us (lower bound "
            << fixed(bound.least_latency_ns / 1e3, 2) << "), an image every "
            << fixed(run.image_ns / 1e3, 3) << " us (lower bound " << fixed(bound.image_ns / 1e3, 3)
            << "); simulated in " << fixed(run.host_s, 2) << " host seconds\n";
}

void print_simulated_energy(const Energy &simulated, const Energy &counted) {
  std::cout << "\nEnergy of an image, as the simulated chip booked it, "
            << cost::to_text(simulated.accounting) << " (every input slice driven):\n\n"
            << energy_table(simulated) << fixed(simulated.total_pj() / 1e6, 1)
            << " uJ per image (analytic model " << fixed(counted.total_pj() / 1e6, 1) << ")\n";
}

void print_busiest(const Simulated &run) {
  std::cout << "\nBusiest buses, links and converters with many images in flight:\n\n";
  TextTable table({"unit", "busy us/image", "of the time %"});
  for (const auto &unit : run.busiest) {
    table.add({unit.path, fixed(unit.busy_ns / 1e3, 2), fixed(100 * unit.share, 1)});
  }
  std::cout << table.format();
}

boost::json::object json_report(const EstimateOptions &options, const Workload &work,
                                const Plan &plan, const Energy &energy) {
  boost::json::array layers;
  for (std::size_t i = 0; i < work.layers.size(); ++i) {
    layers.push_back({{"name", work.layers[i].name},
                      {"windows", work.layers[i].windows},
                      {"macs", work.layers[i].macs()},
                      {"arrays", plan.layers[i].arrays},
                      {"copies", plan.layers[i].copies},
                      {"window_ns", plan.layers[i].window_ns},
                      {"start_ns", plan.layers[i].start_ns},
                      {"end_ns", plan.layers[i].end_ns},
                      {"energy_pj", layer_pj(energy, i)}});
  }
  auto json = report::begin_report("estimate", kSeed, config::Node::load(options.chip).value());
  json["network"] = work.name;
  json["model"] = "analytic: a lower bound on time, energy from counts";
  json["accounting"] = cost::to_text(energy.accounting);
  json["chips"] = plan.chips;
  json["arrays_used"] = plan.arrays_used;
  json["arrays"] = plan.arrays;
  json["macs"] = work.macs();
  json["image_ns"] = plan.image_ns;
  json["latency_ns"] = plan.latency_ns;
  json["least_latency_ns"] = plan.least_latency_ns;
  json["host_link_ns"] = plan.host_link_ns;
  json["energy_pj"] = energy.total_pj();
  json["components"] = components_json(energy);
  json["layers"] = layers;
  return json;
}

void print_analytic(const EstimateOptions &options, const Workload &work, const Plan &plan,
                    const cost::Bill &bill, const Energy &energy) {
  std::cout << work.name << " on " << plan.chips << " x " << bill.chip().name << ": "
            << with_thousands(work.macs()) << " MACs, " << with_thousands(work.weights())
            << " weights, " << plan.arrays_used << " of " << plan.arrays
            << " arrays\nAnalytic model: times are lower bounds; energy of an image, "
            << cost::to_text(options.accounting) << "\n\n";
  print_layers(work, plan, energy);
  std::cout << energy_table(energy) << '\n';
  std::cout << "With this division of the arrays: latency " << fixed(plan.latency_ns / 1e3, 2)
            << " us, an image every " << fixed(plan.image_ns / 1e3, 3)
            << " us (one host link needs " << fixed(plan.host_link_ns / 1e3, 3)
            << " us to bring it), " << fixed(energy.total_pj() / 1e6, 1) << " uJ per image, "
            << fixed(2e-3 * static_cast<double>(work.macs()) / plan.image_ns, 2) << " TOPS\n";
}

/// Nothing when only the analytic model is asked for.
std::optional<Simulated> simulate(const EstimateOptions &options, const cost::Bill &bill) {
  if (options.analytic) return std::nullopt;
  SimulationOptions simulation;
  simulation.chips = options.chips;
  return simulate_networks({options.model}, {bill.chip()}, simulation).front().front();
}

}  // namespace

int estimate_command(const Arguments &arguments) {
  EstimateOptions options;
  if (!parse(arguments, options)) return kSuccess;
  report::check_report_files(options.report);
  const cost::Bill bill = cost::make_bill(config::load_chip_config(options.chip));
  const Workload work =
      analysis::workload_of(load_topology(options.model, network::WeightFill::kNone));
  if (work.layers.empty()) {
    throw InputError(options.model, "has no layer with weights: nothing for crossbars to do");
  }
  int chips = options.chips > 0 ? options.chips : analysis::chips_needed(work, bill.chip());
  Plan plan = analysis::make_plan(work, bill.chip(), chips);
  const std::optional<Simulated> run = simulate(options, bill);
  // Whole tiles may take more chips than arrays alone do; both models are to have the same room.
  if (run && run->chips != chips) plan = analysis::make_plan(work, bill.chip(), chips = run->chips);
  cost::Ledger ledger;
  analysis::book_image(work, plan, bill, ledger);
  const Energy energy = cost::settle(ledger, bill, options.accounting, plan.image_ns, chips);
  print_analytic(options, work, plan, bill, energy);
  auto json = json_report(options, work, plan, energy);
  json["tiles"] = tiles_json(work, plan, bill.chip(), energy);
  if (run) {
    const Energy &simulated = run->energy.at(options.accounting);
    print_simulated(*run, plan, simulated);
    print_simulated_energy(simulated, energy);
    print_busiest(*run);
    json["model"] = "cycle-level: times and booked energy; analytic: bounds, layers and floorplan";
    json["simulated"] = to_json(*run);
  }
  announce(report::write_report(json, options.report));
  return kSuccess;
}

}  // namespace npim::app
