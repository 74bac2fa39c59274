// Neural-PIM beside its baselines on equal area, as [NP] section 7 compares them, and where the
// model parts from the paper.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/performance.h"

namespace npim::analysis {

using Energies = std::map<cost::Accounting, EnergyShares>;

/// What the cycle-level model (models/chip) says of one image: times, which the analytic ones bound
/// from below, and the energy that it booked.
struct Measured {
  int chips = 1;
  double latency_ns = 0, image_ns = 0;
  Energies energy;
};

/// One network on one chip.
struct Outcome {
  Plan plan;
  int chips_needed = 1;
  double operations = 0;  ///< of one image, a multiply-accumulate is two
  Energies counted;       ///< of one image, from the actions that the analytic model counts

  std::optional<Measured> measured;

  const EnergyShares &energy(cost::Accounting accounting) const {
    return (measured ? measured->energy : counted).at(accounting);
  }
  double image_ns() const { return measured ? measured->image_ns : plan.image_ns; }
  double latency_ns() const { return measured ? measured->latency_ns : plan.latency_ns; }
  double throughput_gops() const { return operations / image_ns(); }
  /// GOPS/s/W without the links, which [NP] leaves out of its shares.
  double gops_per_w(cost::Accounting accounting) const {
    return operations * 1e3 / energy(accounting).total_pj();
  }
};

/// The network on as many of these chips as `chips` says, priced both ways. Leakage of the
/// counted energy lasts as long as an image takes: as measured, where it is.
Outcome evaluate(const Workload &work, const cost::Bill &bill, int chips,
                 const std::optional<Measured> &measured = {});

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

/// `measured` is empty (analytic model) or [network][chip], on as many chips as it says.
Comparison compare(const std::vector<Workload> &works, const std::vector<cost::Bill> &bills,
                   const std::vector<std::vector<Measured>> &measured = {});
/// The analytic model on as many chips as another comparison of the same networks has.
Comparison compare_like(const Comparison &other, const std::vector<Workload> &works,
                        const std::vector<cost::Bill> &bills);

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
