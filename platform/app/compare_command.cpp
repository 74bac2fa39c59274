// npim compare: nine networks on Neural-PIM and the baselines, by the cycle-level and the analytic
// model, beside the paper's ratios and shares, with what explains the differences.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <optional>

#include "analysis/compare.h"
#include "app/command.h"
#include "app/simulate_networks.h"
#include "app/text_table.h"
#include "cost/published.h"
#include "cost/window_cycle.h"
#include "network/zoo.h"
#include "report/html_page.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using analysis::Comparison;
using analysis::EnergyShares;
using analysis::Outcome;
using analysis::PublishedComparison;
using analysis::Workload;
using cost::Accounting;
using cost::Bill;

constexpr std::uint64_t kSeed = 1;  // of the weights, whose values do not matter here
constexpr const char *kChips[] = {"neural-pim", "isaac-style", "cascade-style"};
constexpr Accounting kAccountings[] = {Accounting::kPoweredTime, Accounting::kPerAction};

struct CompareOptions {
  std::vector<std::string> networks;
  std::string configs = "configs";
  Accounting accounting = Accounting::kPoweredTime;
  bool analytic = false;
  report::ReportFiles report;
};

bool parse(const Arguments &arguments, CompareOptions &to) {
  std::string accounting;
  po::options_description options("Options");
  auto add = options.add_options();
  add("networks", po::value(&to.networks)->multitoken(), "which ones (default: all nine)");
  add("configs", po::value(&to.configs)->default_value("configs"),
      "folder with chips/, components/ and published/");
  add("accounting", po::value(&accounting)->default_value("powered-time"),
      "of the tables by network: powered-time or per-action");
  add("analytic", po::bool_switch(&to.analytic),
      "the analytic model alone, without cycle-level simulation");
  add("json", po::value(&to.report.json), "write all results as JSON too");
  add("html", po::value(&to.report.html_folder),
      "folder for a page with charts and tables (compare.html)");
  po::variables_map values;
  if (!parse_arguments(
          arguments,
          "Usage: npim compare [--networks NAME ...] [--analytic] [--accounting NAME]\n"
          "                    [--json FILE] [--html DIR]\n\n"
          "Neural-PIM, the ISAAC-style and the CASCADE-style chip of equal area on the paper's\n"
          "networks. The cycle-level chip, without values, says how long an image takes and what\n"
          "it books; beside it stands the analytic model: a lower bound on time, and energy from\n"
          "the actions that a network needs. Every input slice is driven.",
          options, "", values)) {
    return false;
  }
  to.accounting = accounting_of(accounting);
  if (to.networks.empty()) to.networks = network::paper_names();
  return true;
}

std::vector<Workload> load_workloads(const std::vector<std::string> &names) {
  std::vector<Workload> works;
  for (const auto &name : names) {
    works.push_back(
        analysis::workload_of(network::zoo_network(name, {kSeed, network::WeightFill::kNone})));
  }
  return works;
}

std::string chip_path(const std::string &configs, const std::string &name) {
  return configs + "/chips/" + name + ".json";
}

std::vector<Bill> load_bills(const std::string &configs) {
  std::vector<Bill> bills;
  for (const char *name : kChips) {
    bills.push_back(cost::make_bill(config::load_chip_config(chip_path(configs, name))));
  }
  return bills;
}

void print_chips(const std::vector<Bill> &bills) {
  TextTable table({"chip", "dataflow", "tiles", "area mm2", "power W", "window ns",
                   "peak GOPS/s/mm2 (tiles)", "cells/mm2 (tiles)", "published", "dev %"});
  for (const Bill &bill : bills) {
    const auto figures = cost::summary_figures(bill);
    const auto published = cost::load_published(bill.chip().published);
    const double cells = figures.at("cells_per_tile_mm2");
    const auto anchor = published.figures.find("cells_per_tile_mm2");
    const bool has = anchor != published.figures.end();
    table.add({bill.chip().name, config::to_text(bill.chip().dataflow),
               std::to_string(bill.chip().tiles_per_chip()), fixed(bill.total().area_mm2, 2),
               fixed(bill.total().power_mw / 1e3, 2),
               fixed(cost::window_cycle(bill.chip()).period_ns, 0),
               fixed(figures.at("tile_gops_per_mm2"), 0), fixed(cells / 1e6, 2) + "e6",
               has ? fixed(anchor->second / 1e6, 2) + "e6" : "",
               has ? fixed(100 * (cells / anchor->second - 1), 1) : ""});
  }
  std::cout << table.format() << '\n';
}

void print_networks(const Comparison &comparison, Accounting accounting) {
  std::cout << "By network (energy: " << cost::to_text(accounting)
            << ", links apart; gain: " << comparison.chips[0]
            << " over the chip;\nlink limit: images that one host link "
            << "could bring, which does not limit images/s here)\n\n";
  TextTable table({"network", "chip", "chips", "arrays used %", "latency us", "images/s", "gain",
                   "link limit/s", "GOPS/s", "uJ/image", "links uJ", "GOPS/s/W", "gain ",
                   "crossbar %", "DAC %", "ADC %", "S+A %", "other %"});
  for (std::size_t n = 0; n < comparison.networks.size(); ++n) {
    for (std::size_t c = 0; c < comparison.chips.size(); ++c) {
      const Outcome &first = comparison.outcomes[n][0], &o = comparison.outcomes[n][c];
      const EnergyShares &e = o.energy(accounting);
      const auto share = [&](double pj) { return fixed(100 * pj / e.total_pj(), 1); };
      table.add(
          {c == 0 ? comparison.networks[n] : "", comparison.chips[c], std::to_string(o.plan.chips),
           fixed(
               100.0 * static_cast<double>(o.plan.arrays_used) / static_cast<double>(o.plan.arrays),
               1),
           fixed(o.latency_ns() / 1e3, 1),
           with_thousands(static_cast<long long>(1e9 / o.image_ns())),
           fixed(first.throughput_gops() / o.throughput_gops(), 2),
           with_thousands(static_cast<long long>(1e9 / o.plan.host_link_ns)),
           with_thousands(static_cast<long long>(o.throughput_gops())),
           fixed(e.total_pj() / 1e6, 1), fixed(e.link_pj / 1e6, 1),
           fixed(o.gops_per_w(accounting), 0),
           fixed(first.gops_per_w(accounting) / o.gops_per_w(accounting), 2), share(e.crossbar_pj),
           share(e.dac_pj), share(e.adc_pj), share(e.accumulate_pj), share(e.other_pj)});
    }
  }
  std::cout << table.format() << '\n';
}

analysis::Measured measured(const Simulated &run) {
  analysis::Measured measured = {run.chips, run.latency_ns, run.image_ns, {}};
  for (const auto &[accounting, energy] : run.energy) {
    measured.energy[accounting] = analysis::shares_of(energy);
  }
  return measured;
}

std::vector<std::vector<analysis::Measured>> simulate(const std::vector<std::string> &networks,
                                                      const std::vector<Bill> &bills) {
  std::vector<config::ChipConfig> chips;
  for (const Bill &bill : bills) chips.push_back(bill.chip());
  std::vector<std::vector<analysis::Measured>> results;
  for (const auto &row : simulate_networks(networks, chips)) {
    results.emplace_back();
    for (const Simulated &run : row) results.back().push_back(measured(run));
  }
  return results;
}

void print_bounds(const Comparison &comparison) {
  std::cout << "Simulated times (one image in an empty chip; from one image to the next) over the "
               "analytic\nlower bounds, which know no contention, buffers, whole tiles or NoC; "
               "booked energies over\nthose of the actions that the analytic model counts\n\n";
  TextTable table({"network", "chip", "latency us", "at least", "ratio", "image us", "at least ",
                   "ratio ", "host link us", "energy, powered time", "per action"});
  const auto energy_ratio = [](const Outcome &o, Accounting accounting) {
    return fixed(o.energy(accounting).total_pj() / o.counted.at(accounting).total_pj(), 2);
  };
  for (std::size_t n = 0; n < comparison.networks.size(); ++n) {
    for (std::size_t c = 0; c < comparison.chips.size(); ++c) {
      const Outcome &o = comparison.outcomes[n][c];
      table.add({c == 0 ? comparison.networks[n] : "", comparison.chips[c],
                 fixed(o.latency_ns() / 1e3, 1), fixed(o.plan.least_latency_ns / 1e3, 1),
                 fixed(o.latency_ns() / o.plan.least_latency_ns, 2), fixed(o.image_ns() / 1e3, 2),
                 fixed(o.plan.image_ns / 1e3, 2), fixed(o.image_ns() / o.plan.image_ns, 2),
                 fixed(o.plan.host_link_ns / 1e3, 2), energy_ratio(o, Accounting::kPoweredTime),
                 energy_ratio(o, Accounting::kPerAction)});
    }
  }
  std::cout << table.format() << '\n';
}

std::string percent_off(double model, double published) {
  return fixed(100 * (model / published - 1), 1);
}

struct GainRow {
  const char *what;
  std::string chip, model, accounting;
  std::vector<double> values;
  std::optional<double> published;
};

/// Rows of one model for the chip number `c`.
void add_gains(const char *model, const Comparison &comparison, std::size_t c,
               const PublishedComparison::Chip *paper, std::vector<GainRow> &rows) {
  const auto anchor = [&](double PublishedComparison::Chip::*gain) {
    return paper == nullptr ? std::optional<double>() : paper->*gain;
  };
  for (const Accounting accounting : kAccountings) {
    rows.push_back({"energy efficiency", comparison.chips[c], model, cost::to_text(accounting),
                    comparison.energy_gains(c, accounting),
                    anchor(&PublishedComparison::Chip::energy_gain)});
  }
  rows.push_back({"throughput", comparison.chips[c], model, "", comparison.throughput_gains(c),
                  anchor(&PublishedComparison::Chip::throughput_gain)});
}

/// `analytic`: the same by the analytic model, when `comparison` is simulated.
void print_gains(const Comparison &comparison, const Comparison *analytic,
                 const PublishedComparison &published) {
  std::cout << "Gains of " << comparison.chips[0] << " over " << comparison.networks.size()
            << " networks; published: " << published.source << "\n\n";
  std::vector<GainRow> rows;
  for (std::size_t c = 1; c < comparison.chips.size(); ++c) {
    const auto *paper = published.find(comparison.chips[c]);
    add_gains(analytic != nullptr ? "cycle-level" : "analytic", comparison, c, paper, rows);
    if (analytic != nullptr) add_gains("analytic", *analytic, c, paper, rows);
  }
  TextTable table({"gain", "over", "model", "accounting", "mean", "published", "dev %",
                   "geometric mean", "median", "least", "greatest"});
  for (const GainRow &row : rows) {
    std::vector<double> sorted = row.values;
    std::sort(sorted.begin(), sorted.end());
    double sum = 0, logarithms = 0;
    for (const double value : sorted) {
      sum += value;
      logarithms += std::log(value);
    }
    const auto count = static_cast<double>(sorted.size());
    const double mean = sum / count;
    table.add({row.what, row.chip, row.model, row.accounting, fixed(mean, 2),
               row.published ? fixed(*row.published, 2) : "",
               row.published ? percent_off(mean, *row.published) : "",
               fixed(std::exp(logarithms / count), 2), fixed(sorted[sorted.size() / 2], 2),
               fixed(sorted.front(), 2), fixed(sorted.back(), 2)});
  }
  std::cout << table.format() << '\n';
}

struct Group {
  const char *name;
  double EnergyShares::*value;
};
constexpr Group kGroups[] = {{"crossbar", &EnergyShares::crossbar_pj},
                             {"DAC", &EnergyShares::dac_pj},
                             {"ADC", &EnergyShares::adc_pj},
                             {"S+A", &EnergyShares::accumulate_pj},
                             {"other", &EnergyShares::other_pj}};

void print_shares(const Comparison &comparison, const PublishedComparison &published) {
  std::cout << "Mean energy shares in %, links apart\n\n";
  TextTable table({"chip", "accounting", "crossbar", "DAC", "ADC", "S+A", "other"});
  for (std::size_t c = 0; c < comparison.chips.size(); ++c) {
    for (const Accounting accounting : kAccountings) {
      const EnergyShares shares = comparison.mean_shares(c, accounting);
      std::vector<std::string> cells = {comparison.chips[c], cost::to_text(accounting)};
      for (const Group &group : kGroups) cells.push_back(fixed(100 * (shares.*group.value), 1));
      table.add(std::move(cells));
    }
    if (const auto *paper = published.find(comparison.chips[c])) {
      std::vector<std::string> cells = {"", "published (Fig. 13)"};
      for (const Group &group : kGroups) cells.push_back(fixed(paper->shares.*group.value, 1));
      table.add(std::move(cells));
    }
  }
  std::cout << table.format() << '\n';
}

/// Energy of a baseline in units of Neural-PIM's total, group by group, against what the paper's
/// gain and shares imply: which component makes the difference.
void print_energy_explanation(const Comparison &comparison, const PublishedComparison &published) {
  std::cout << "Where the energy gains differ: energy per operation in units of "
            << comparison.chips[0] << "'s total (" << cost::to_text(Accounting::kPoweredTime)
            << ")\n\n";
  TextTable table({"chip", "", "crossbar", "DAC", "ADC", "S+A", "other", "sum"});
  for (std::size_t c = 0; c < comparison.chips.size(); ++c) {
    const auto *paper = published.find(comparison.chips[c]);
    if (paper == nullptr) continue;
    const double gain = comparison.mean_energy_gain(c, Accounting::kPoweredTime);
    const EnergyShares shares = comparison.mean_shares(c, Accounting::kPoweredTime);
    const auto row = [&](const char *label, const std::function<double(const Group &)> &value) {
      std::vector<std::string> cells = {comparison.chips[c], label};
      double sum = 0;
      for (const Group &group : kGroups) {
        cells.push_back(fixed(value(group), 2));
        sum += value(group);
      }
      cells.push_back(fixed(sum, 2));
      table.add(std::move(cells));
    };
    const auto model = [&](const Group &g) { return gain * (shares.*g.value); };
    const auto implied = [&](const Group &g) {
      return paper->energy_gain * (paper->shares.*g.value) / 100;
    };
    row("model", model);
    row("implied by the paper", implied);
    row("difference", [&](const Group &g) { return model(g) - implied(g); });
  }
  std::cout << table.format() << '\n';
}

void print_throughput_explanation(const Comparison &comparison, const std::vector<Bill> &bills) {
  std::cout << "Where the throughput gains come from (factors of " << comparison.chips[0]
            << " over the chip)\n\n";
  TextTable table({"chip", "arrays on equal area", "window period", "both", "mean over networks"});
  const auto arrays = [](const Bill &bill) {
    return static_cast<double>(bill.chip().tiles_per_chip()) * bill.chip().arrays_per_tile() *
           bill.chip().vectors_per_array();
  };
  const auto period = [](const Bill &bill) { return cost::window_cycle(bill.chip()).period_ns; };
  for (std::size_t c = 1; c < bills.size(); ++c) {
    const double room = arrays(bills[0]) / arrays(bills[c]);
    const double faster = period(bills[c]) / period(bills[0]);
    table.add({comparison.chips[c], fixed(room, 2), fixed(faster, 2), fixed(room * faster, 2),
               fixed(comparison.mean_throughput_gain(c), 2)});
  }
  std::cout << table.format() << '\n';
}

/// A change of one baseline that the paper's text leaves open.
struct Variant {
  std::size_t chip;
  const char *text;
  void (*change)(config::ChipConfig &chip);
};

constexpr Variant kVariants[] = {
    {1, "the copy of a window does not overlap (9 input cycles, as Neural-PIM)",
     [](config::ChipConfig &chip) { chip.pipeline = config::WindowPipeline::kTwoStage; }},
    {1, "biased weights as in ISAAC's own paper: half the columns",
     [](config::ChipConfig &chip) { chip.array.encoding = config::WeightEncoding::kBiased; }},
    {1, "8-bit ADCs, without flip encoding", [](config::ChipConfig &chip) { chip.adc.bits = 8; }},
    {2, "the copy of a window does not overlap (9 input cycles, as Neural-PIM)",
     [](config::ChipConfig &chip) { chip.pipeline = config::WindowPipeline::kTwoStage; }},
    {2, "every buffer column is converted: 15 per vector instead of 5",
     [](config::ChipConfig &chip) { chip.buffer.conversions_per_vector = 15; }},
    {2, "a crossbar cycle of 50 ns", [](config::ChipConfig &chip) { chip.input_cycle_ns = 50; }},
};

struct VariantGains {
  double energy_powered, energy_action, throughput;
};

VariantGains gains_of(const Variant &variant, const std::vector<Workload> &works,
                      const std::vector<Bill> &bills) {
  config::ChipConfig chip = bills[variant.chip].chip();
  variant.change(chip);
  const Comparison comparison = analysis::compare(works, {bills[0], cost::make_bill(chip)});
  return {comparison.mean_energy_gain(1, Accounting::kPoweredTime),
          comparison.mean_energy_gain(1, Accounting::kPerAction),
          comparison.mean_throughput_gain(1)};
}

std::vector<VariantGains> variant_gains(const std::vector<Workload> &works,
                                        const std::vector<Bill> &bills) {
  std::vector<VariantGains> gains;
  for (const Variant &variant : kVariants) gains.push_back(gains_of(variant, works, bills));
  return gains;
}

void print_variants(const std::vector<VariantGains> &variants, const std::vector<Bill> &bills) {
  std::cout << "What the gains would be if a baseline were read otherwise (analytic model)\n\n";
  TextTable table({"chip", "changed", "energy, powered time", "energy, per action", "throughput"});
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const VariantGains &gains = variants[i];
    table.add({bills[kVariants[i].chip].chip().name, kVariants[i].text,
               fixed(gains.energy_powered, 2), fixed(gains.energy_action, 2),
               fixed(gains.throughput, 2)});
  }
  std::cout << table.format() << '\n';
}

boost::json::object shares_json(const EnergyShares &shares) {
  return {{"crossbar", shares.crossbar_pj}, {"dac", shares.dac_pj},
          {"adc", shares.adc_pj},           {"accumulate", shares.accumulate_pj},
          {"other", shares.other_pj},       {"links", shares.link_pj}};
}

boost::json::object outcome_json(const std::string &chip, const Outcome &outcome) {
  boost::json::object energy, counted_energy;
  for (const auto &[accounting, counted] : outcome.counted) {
    energy[cost::to_text(accounting)] = shares_json(outcome.energy(accounting));
    counted_energy[cost::to_text(accounting)] = shares_json(counted);
  }
  return {{"chip", chip},
          {"chips", outcome.plan.chips},
          {"arrays_used", outcome.plan.arrays_used},
          {"arrays", outcome.plan.arrays},
          {"image_ns", outcome.image_ns()},
          {"latency_ns", outcome.latency_ns()},
          {"least_image_ns", outcome.plan.image_ns},
          {"least_latency_ns", outcome.plan.least_latency_ns},
          {"host_link_ns", outcome.plan.host_link_ns},
          {"operations", outcome.operations},
          {"energy_pj", energy},
          {"counted_energy_pj", counted_energy}};
}

boost::json::array variants_json(const std::vector<VariantGains> &variants,
                                 const std::vector<Bill> &bills) {
  boost::json::array json;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    json.push_back({{"chip", bills[kVariants[i].chip].chip().name},
                    {"changed", kVariants[i].text},
                    {"energy",
                     {{cost::to_text(Accounting::kPoweredTime), variants[i].energy_powered},
                      {cost::to_text(Accounting::kPerAction), variants[i].energy_action}}},
                    {"throughput", variants[i].throughput}});
  }
  return json;
}

boost::json::object configurations(const std::string &configs) {
  boost::json::object json;
  for (const char *name : kChips) {
    json[name] = config::Node::load(chip_path(configs, name)).value();
  }
  return json;
}

boost::json::object json_report(const Comparison &comparison, const PublishedComparison &published,
                                const std::string &configs) {
  boost::json::array networks, gains;
  for (std::size_t n = 0; n < comparison.networks.size(); ++n) {
    boost::json::array chips;
    for (std::size_t c = 0; c < comparison.chips.size(); ++c) {
      chips.push_back(outcome_json(comparison.chips[c], comparison.outcomes[n][c]));
    }
    networks.push_back({{"network", comparison.networks[n]}, {"chips", chips}});
  }
  for (std::size_t c = 0; c < comparison.chips.size(); ++c) {
    boost::json::object gain = {{"chip", comparison.chips[c]},
                                {"throughput", comparison.mean_throughput_gain(c)}};
    boost::json::object energy, shares;
    for (const Accounting accounting : kAccountings) {
      energy[cost::to_text(accounting)] = comparison.mean_energy_gain(c, accounting);
      shares[cost::to_text(accounting)] = shares_json(comparison.mean_shares(c, accounting));
    }
    gain["energy"] = energy;
    gain["mean_shares"] = shares;
    if (const auto *paper = published.find(comparison.chips[c])) {
      gain["published_energy"] = paper->energy_gain;
      gain["published_throughput"] = paper->throughput_gain;
      gain["published_shares_percent"] = shares_json(paper->shares);
    }
    gains.push_back(std::move(gain));
  }
  auto json = report::begin_report("compare", kSeed, configurations(configs));
  json["model"] = comparison.outcomes[0][0].measured
                      ? "cycle-level: times and booked energy"
                      : "analytic: a lower bound on time, energy from counts";
  json["networks"] = networks;
  json["gains"] = gains;
  json["published_source"] = published.source;
  return json;
}

}  // namespace

int compare_command(const Arguments &arguments) {
  CompareOptions options;
  if (!parse(arguments, options)) return kSuccess;
  report::check_report_files(options.report);
  const std::vector<Bill> bills = load_bills(options.configs);
  const auto published =
      analysis::load_published_comparison(options.configs + "/published/comparison.json");
  const std::vector<Workload> works = load_workloads(options.networks);
  const Comparison comparison =
      options.analytic ? analysis::compare(works, bills)
                       : analysis::compare(works, bills, simulate(options.networks, bills));
  std::optional<Comparison> analytic;
  if (!options.analytic) analytic = analysis::compare_like(comparison, works, bills);
  std::cout
      << (options.analytic
              ? "Analytic model, not the cycle-level one: times are lower bounds, energy counted"
              : "Cycle-level chip without values: its times, and the energy that it booked")
      << "; every input slice is driven.\n\n";
  print_chips(bills);
  print_networks(comparison, options.accounting);
  if (!options.analytic) print_bounds(comparison);
  print_gains(comparison, analytic ? &*analytic : nullptr, published);
  print_shares(comparison, published);
  print_energy_explanation(comparison, published);
  print_throughput_explanation(comparison, bills);
  const auto variants = variant_gains(works, bills);
  print_variants(variants, bills);
  auto json = json_report(comparison, published, options.configs);
  json["variants"] = variants_json(variants, bills);
  announce(report::write_report(json, options.report));
  return kSuccess;
}

}  // namespace npim::app
