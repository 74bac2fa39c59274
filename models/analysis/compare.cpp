#include "analysis/compare.h"

#include <algorithm>
#include <numeric>

#include "config/json_config.h"

namespace npim::analysis {
namespace {

void add(EnergyShares &to, const EnergyShares &from, double factor) {
  to.crossbar_pj += from.crossbar_pj * factor;
  to.dac_pj += from.dac_pj * factor;
  to.adc_pj += from.adc_pj * factor;
  to.accumulate_pj += from.accumulate_pj * factor;
  to.other_pj += from.other_pj * factor;
  to.link_pj += from.link_pj * factor;
}

double mean(const std::vector<double> &values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

Outcome evaluate(const Workload &work, const cost::Bill &bill, int chips,
                 const std::optional<Measured> &measured) {
  Outcome outcome;
  outcome.measured = measured;
  outcome.chips_needed = chips_needed(work, bill.chip());
  outcome.plan = make_plan(work, bill.chip(), chips);
  outcome.operations = 2.0 * static_cast<double>(work.macs());
  cost::Ledger ledger;
  book_image(work, outcome.plan, bill, ledger);
  for (const auto accounting : {cost::Accounting::kPerAction, cost::Accounting::kPoweredTime}) {
    outcome.counted[accounting] =
        shares_of(cost::settle(ledger, bill, accounting, outcome.image_ns(), chips));
  }
  return outcome;
}

std::vector<double> Comparison::energy_gains(std::size_t chip, cost::Accounting accounting) const {
  std::vector<double> gains;
  for (const auto &row : outcomes) {
    gains.push_back(row[0].gops_per_w(accounting) / row[chip].gops_per_w(accounting));
  }
  return gains;
}

std::vector<double> Comparison::throughput_gains(std::size_t chip) const {
  std::vector<double> gains;
  for (const auto &row : outcomes) {
    gains.push_back(row[0].throughput_gops() / row[chip].throughput_gops());
  }
  return gains;
}

double Comparison::mean_energy_gain(std::size_t chip, cost::Accounting accounting) const {
  return mean(energy_gains(chip, accounting));
}

double Comparison::mean_throughput_gain(std::size_t chip) const {
  return mean(throughput_gains(chip));
}

EnergyShares Comparison::mean_shares(std::size_t chip, cost::Accounting accounting) const {
  EnergyShares mean;
  for (const auto &row : outcomes) {
    const EnergyShares &energy = row[chip].energy(accounting);
    add(mean, energy, 1.0 / (energy.total_pj() * static_cast<double>(outcomes.size())));
  }
  return mean;
}

Comparison compare(const std::vector<Workload> &works, const std::vector<cost::Bill> &bills,
                   const std::vector<std::vector<Measured>> &measured) {
  Comparison comparison;
  for (const auto &bill : bills) comparison.chips.push_back(bill.chip().name);
  for (std::size_t n = 0; n < works.size(); ++n) {
    const Workload &work = works[n];
    int chips = 1;
    for (const auto &bill : bills) chips = std::max(chips, chips_needed(work, bill.chip()));
    std::vector<Outcome> row;
    for (std::size_t c = 0; c < bills.size(); ++c) {
      if (measured.empty()) {
        row.push_back(evaluate(work, bills[c], chips));
      } else {
        row.push_back(evaluate(work, bills[c], measured[n][c].chips, measured[n][c]));
      }
    }
    comparison.networks.push_back(work.name);
    comparison.outcomes.push_back(std::move(row));
  }
  return comparison;
}

Comparison compare_like(const Comparison &other, const std::vector<Workload> &works,
                        const std::vector<cost::Bill> &bills) {
  Comparison comparison = other;
  for (std::size_t n = 0; n < works.size(); ++n) {
    for (std::size_t c = 0; c < bills.size(); ++c) {
      Outcome &outcome = comparison.outcomes[n][c];
      outcome = evaluate(works[n], bills[c], outcome.plan.chips);
    }
  }
  return comparison;
}

const PublishedComparison::Chip *PublishedComparison::find(const std::string &name) const {
  const auto chip = std::find_if(chips.begin(), chips.end(),
                                 [&](const Chip &candidate) { return candidate.name == name; });
  return chip == chips.end() ? nullptr : &*chip;
}

PublishedComparison load_published_comparison(const std::string &path) {
  config::Object top(config::Node::load(path));
  PublishedComparison published;
  published.source = top.text("source");
  for (const auto &node : top.at("chips").items()) {
    config::Object object(node);
    PublishedComparison::Chip chip;
    chip.name = object.text("name");
    chip.energy_gain = object.number("energy_gain", 1e-6, 1e6);
    chip.throughput_gain = object.number("throughput_gain", 1e-6, 1e6);
    config::Object shares(object.at("energy_shares_percent"));
    chip.shares.crossbar_pj = shares.number("crossbar", 0, 100);
    chip.shares.dac_pj = shares.number("dac", 0, 100);
    chip.shares.adc_pj = shares.number("adc", 0, 100);
    chip.shares.accumulate_pj = shares.number("accumulate", 0, 100);
    chip.shares.other_pj = shares.number("other", 0, 100);
    shares.finish();
    object.finish();
    published.chips.push_back(chip);
  }
  top.finish();
  return published;
}

}  // namespace npim::analysis
