// Neural-PIM beside its baselines on equal area, as [NP] section 7 compares them, and where the
// model parts from the paper.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/performance.h"

namespace npim::analysis {

/// Times of the cycle-level model (models/chip), which the analytic ones bound from below.
struct MeasuredTimes {
  int chips = 1;
  double latency_ns = 0, image_ns = 0;
};

/// One network on one chip.
struct Outcome {
  Plan plan;
  int chips_needed = 1;
  double operations = 0;                            ///< of one image, a multiply-accumulate is two
  std::map<cost::Accounting, EnergyShares> energy;  ///< of one image

  std::optional<MeasuredTimes> measured;

  double image_ns() const { return measured ? measured->image_ns : plan.image_ns; }
  double latency_ns() const { return measured ? measured->latency_ns : plan.latency_ns; }
  double throughput_gops() const { return operations / image_ns(); }
  /// GOPS/s/W without the links, which [NP] leaves out of its shares.
  double gops_per_w(cost::Accounting accounting) const {
    return operations * 1e3 / energy.at(accounting).total_pj();
  }
};

/// The network on as many of these chips as `chips` says, priced both ways. With measured times,
/// leakage lasts as long as they say.
Outcome evaluate(const Workload &work, const cost::Bill &bill, int chips,
                 const std::optional<MeasuredTimes> &measured = {});

/// Networks and chips, outcome by outcome. Every network runs on the same number of chips of each
/// kind: as many as the chip with the least room needs, so that areas stay equal.
struct Comparison {
  std::vector<std::string> networks;
  std::vector<std::string> chips;              ///< the first one is what the others stand beside
  std::vector<std::vector<Outcome>> outcomes;  ///< [network][chip]

  /// The first chip's energy efficiency over that of `chip`, network by network.
  std::vector<double> energy_gains(std::size_t chip, cost::Accounting accounting) const;
  std::vector<double> throughput_gains(std::size_t chip) const;
  /// Their arithmetic means.
  double mean_energy_gain(std::size_t chip, cost::Accounting accounting) const;
  double mean_throughput_gain(std::size_t chip) const;
  /// Mean over the networks of each group's share, as a fraction.
  EnergyShares mean_shares(std::size_t chip, cost::Accounting accounting) const;
};

/// `measured` is empty (analytic times) or [network][chip], on as many chips as it says.
Comparison compare(const std::vector<Workload> &works, const std::vector<cost::Bill> &bills,
                   const std::vector<std::vector<MeasuredTimes>> &measured = {});

/// What [NP] prints for its comparison (configs/published/comparison.json).
struct PublishedComparison {
  struct Chip {
    std::string name;
    double energy_gain = 1, throughput_gain = 1;
    EnergyShares shares;  ///< in percent
  };
  std::string source;
  std::vector<Chip> chips;
  const Chip *find(const std::string &name) const;
};
PublishedComparison load_published_comparison(const std::string &path);

}  // namespace npim::analysis
