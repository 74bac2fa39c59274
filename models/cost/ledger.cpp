#include "cost/ledger.h"

#include <numeric>

namespace npim::cost {
namespace {

double price_pj(const Account &account, const BillLine &line, Accounting accounting) {
  const auto i = static_cast<std::size_t>(line.part);
  return accounting == Accounting::kPerAction
             ? static_cast<double>(account.actions[i]) * line.unit.energy_pj
             : account.unit_ns[i] * line.unit.power_mw;  // 1 mW x 1 ns = 1 pJ
}

/// Energies by layer or tile times `booked`, but what flowed in the place without a number.
void scale_places(std::map<int, double> &places, double booked, double standing, double flowed_pj) {
  for (auto &[place, pj] : places) {
    const double flowed = place == kNoLayer ? flowed_pj : 0.0;
    pj = (pj - flowed) * booked + flowed * standing;
  }
}

/// What flows whether something happens or not.
double standing_mw(const BillLine &line, Accounting accounting) {
  const bool counted = accounting == Accounting::kPerAction || line.part == Part::kLink;
  return counted ? line.unit.static_mw : 0.0;
}

}  // namespace

const char *to_text(Accounting accounting) {
  return accounting == Accounting::kPerAction ? "per action" : "powered time";
}

Account &Ledger::open(int tile, int layer) {
  Account *&account = index_[{tile, layer}];
  if (account == nullptr) {
    accounts_.emplace_back();
    account = &accounts_.back();
    account->tile = tile;
    account->layer = layer;
  }
  return *account;
}

std::uint64_t Ledger::actions(Part part) const {
  return std::accumulate(accounts_.begin(), accounts_.end(), std::uint64_t{0},
                         [part](std::uint64_t sum, const Account &account) {
                           return sum + account.actions[static_cast<std::size_t>(part)];
                         });
}

void Ledger::clear() {
  for (Account &account : accounts_) {
    account.actions.fill(0);
    account.unit_ns.fill(0);
  }
}

double Energy::total_pj() const {
  return std::accumulate(dynamic_pj.begin(), dynamic_pj.end(), 0.0) + standing_pj();
}

double Energy::standing_pj() const {
  return std::accumulate(static_pj.begin(), static_pj.end(), 0.0);
}

Energy &Energy::operator+=(const Energy &other) {
  for (std::size_t i = 0; i < kParts; ++i) {
    dynamic_pj[i] += other.dynamic_pj[i];
    static_pj[i] += other.static_pj[i];
  }
  for (const auto &[layer, pj] : other.by_layer) by_layer[layer] += pj;
  for (const auto &[tile, pj] : other.by_tile) by_tile[tile] += pj;
  return *this;
}

Energy &Energy::operator-=(const Energy &earlier) {
  for (std::size_t i = 0; i < kParts; ++i) {
    dynamic_pj[i] -= earlier.dynamic_pj[i];
    static_pj[i] -= earlier.static_pj[i];
  }
  for (const auto &[layer, pj] : earlier.by_layer) by_layer[layer] -= pj;
  for (const auto &[tile, pj] : earlier.by_tile) by_tile[tile] -= pj;
  return *this;
}

void Energy::scale(double booked, double standing) {
  static_assert(kNoLayer == kNoTile);
  const double flowed_pj = standing_pj();
  scale_places(by_layer, booked, standing, flowed_pj);
  scale_places(by_tile, booked, standing, flowed_pj);
  for (double &pj : dynamic_pj) pj *= booked;
  for (double &pj : static_pj) pj *= standing;
}

Energy settle(const Ledger &ledger, const Bill &bill, Accounting accounting, double elapsed_ns,
              int chips) {
  Energy energy;
  energy.accounting = accounting;
  for (const BillLine &line : bill.lines()) {
    const auto i = static_cast<std::size_t>(line.part);
    for (const Account &account : ledger.accounts()) {
      const double pj = price_pj(account, line, accounting);
      energy.dynamic_pj[i] += pj;
      energy.by_layer[account.layer] += pj;
      energy.by_tile[account.tile] += pj;
    }
    const double standing =
        standing_mw(line, accounting) * bill.units_per_chip(line.part) * chips * elapsed_ns;
    energy.static_pj[i] += standing;
    energy.by_layer[kNoLayer] += standing;
    energy.by_tile[kNoTile] += standing;
  }
  return energy;
}

}  // namespace npim::cost
