// What the chip's modules did and how long they were switched on, per tile and layer, and what it
// cost. Modules book where they act, into the account that pays; prices come in when somebody asks.
//
// Switched on, for the accounting by powered time (cost/ledger.h):
//   crossbars, DACs, sample-and-holds, NNS+As   while their array's word lines are driven;
//   an array's part of IR and OR                while its stage has windows in the pipeline;
//   what a tile shares                          while any of its stages has; the time is divided
//                                               evenly among those that have at the moment.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <systemc>
#include <utility>

#include "cost/ledger.h"

namespace npim::chip {

/// The account of a tile and layer, and powered times that are not split up by part yet.
struct Payer {
  cost::Account *account = nullptr;
  double driven_ns = 0;  ///< arrays times the time in which they were driven
  double filled_ns = 0;  ///< arrays times the time in which their stage had windows
  double shared_ns = 0;  ///< of the tile's common units

  void book(cost::Part part, std::uint64_t count) const { account->book(part, count); }
};

/// How the stages of a tile share the time in which its common units are on.
class SharedTime {
 public:
  /// A stage begins or ends to use the tile. Returns the time per stage so far, in ns: what a stage
  /// has to pay is the difference between its two calls.
  double enter(const sc_core::sc_time &now);
  double leave(const sc_core::sc_time &now);

 private:
  void advance(const sc_core::sc_time &now);
  double share_ns_ = 0;
  int users_ = 0;
  sc_core::sc_time last_;
};

class Books {
 public:
  /// A chip without component libraries, or whose libraries lack a figure, counts but has no
  /// prices.
  explicit Books(const config::ChipConfig &chip);

  /// Of a tile (cost::kNoTile) and a layer (cost::kNoLayer); the reference stays valid.
  Payer &open(int tile, int layer);
  /// The chip has been reset. Books are never closed, but registers count from here.
  void mark_reset();

  /// Actions only: powered times are in settle().
  const cost::Ledger &ledger() const { return ledger_; }
  bool has_prices() const { return bill_.has_value(); }
  /// Why there are no prices.
  const std::string &why_no_prices() const { return why_no_prices_; }
  /// Since the simulation began. Only when there are prices.
  cost::Energy settle(cost::Accounting accounting) const;
  cost::Energy settle_since_reset(cost::Accounting accounting) const;

 private:
  int chips_, arrays_per_tile_;
  std::optional<cost::Bill> bill_;
  std::string why_no_prices_;
  cost::Ledger ledger_;
  std::deque<Payer> payers_;
  std::map<std::pair<int, int>, Payer *> index_;
  std::map<cost::Accounting, cost::Energy> at_reset_;
};

}  // namespace npim::chip
