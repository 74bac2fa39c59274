// What modules did, booked where it was done, and what it cost. A module opens the account of its
// tile and layer once and books into it; pricing happens when somebody asks.
//
// Two accountings, and every table names its own:
//   per action    counts times energy per action, plus leakage over the elapsed time;
//   powered time  printed power (leakage included) of the units that were switched on, times how
//                 long; links draw power all the time.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "cost/bill.h"

namespace npim::cost {

enum class Accounting { kPerAction, kPoweredTime };
const char *to_text(Accounting accounting);

/// Of a layer or a tile number: belongs to none.
constexpr int kNoLayer = -1, kNoTile = -1;

struct Account {
  int tile = kNoTile, layer = kNoLayer;
  std::array<std::uint64_t, kParts> actions{};
  std::array<double, kParts> unit_ns{};  ///< units times nanoseconds switched on

  void book(Part part, std::uint64_t count) { actions[static_cast<std::size_t>(part)] += count; }
  void power(Part part, double units, double ns) {
    unit_ns[static_cast<std::size_t>(part)] += units * ns;
  }
};

class Ledger {
 public:
  /// The account of a tile and layer, created at the first call; the reference stays valid.
  Account &open(int tile, int layer);
  const std::deque<Account> &accounts() const { return accounts_; }
  std::uint64_t actions(Part part) const;  ///< of all accounts
  /// Counts start at zero again; accounts stay open.
  void clear();

 private:
  std::deque<Account> accounts_;
  std::map<std::pair<int, int>, Account *> index_;
};

/// In pJ. `by_layer` and `by_tile` hold what was booked there; leakage and the links belong to none
/// (kNoLayer, kNoTile).
struct Energy {
  Accounting accounting = Accounting::kPerAction;
  std::array<double, kParts> dynamic_pj{};  ///< with powered time: leakage of what was on, too
  std::array<double, kParts> static_pj{};
  std::map<int, double> by_layer, by_tile;

  double part_pj(Part part) const {
    const auto i = static_cast<std::size_t>(part);
    return dynamic_pj[i] + static_pj[i];
  }
  double total_pj() const;
  double standing_pj() const;  ///< the sum of static_pj
  Energy &operator+=(const Energy &other);
  /// What came after `earlier`, of the same ledger and accounting.
  Energy &operator-=(const Energy &earlier);
  /// What was booked, and what flowed meanwhile, times factors of their own.
  void scale(double booked, double standing);
};

/// Prices a ledger for `chips` equal chips that were on for `elapsed_ns`.
Energy settle(const Ledger &ledger, const Bill &bill, Accounting accounting, double elapsed_ns,
              int chips = 1);

}  // namespace npim::cost
