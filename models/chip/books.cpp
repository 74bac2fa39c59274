#include "chip/books.h"

#include "base/error.h"

namespace npim::chip {
namespace {

using cost::Part;

double nanoseconds(const sc_core::sc_time &time) {
  return time / sc_core::sc_time(1, sc_core::SC_NS);
}

bool is_driven(Part part) {
  return part == Part::kCrossbar || part == Part::kDac || part == Part::kSampleHold ||
         part == Part::kNnsa || part == Part::kTia || part == Part::kBufferArray ||
         part == Part::kSummingAmplifier;
}

double powered_unit_ns(const Payer &payer, const cost::BillLine &line, double units_per_tile,
                       int arrays_per_tile) {
  if (line.level == cost::Level::kChip) return 0;
  if (line.level == cost::Level::kTile) return units_per_tile * payer.shared_ns;
  const double arrays_ns = is_driven(line.part) ? payer.driven_ns : payer.filled_ns;
  return units_per_tile / arrays_per_tile * arrays_ns;
}

}  // namespace

double SharedTime::enter(const sc_core::sc_time &now) {
  advance(now);
  ++users_;
  return share_ns_;
}

double SharedTime::leave(const sc_core::sc_time &now) {
  advance(now);
  --users_;
  return share_ns_;
}

void SharedTime::advance(const sc_core::sc_time &now) {
  if (users_ > 0) share_ns_ += nanoseconds(now - last_) / users_;
  last_ = now;
}

Books::Books(const config::ChipConfig &chip)
    : chips_(chip.chips.count), arrays_per_tile_(chip.arrays_per_tile()) {
  if (chip.components.empty()) {
    why_no_prices_ = "the chip's configuration names no component libraries";
    return;
  }
  try {
    bill_ = cost::make_bill(chip);
  } catch (const InputError &error) {
    why_no_prices_ = error.what();
  }
}

Payer &Books::open(int tile, int layer) {
  Payer *&payer = index_[{tile, layer}];
  if (payer == nullptr) {
    payers_.push_back({&ledger_.open(tile, layer)});
    payer = &payers_.back();
  }
  return *payer;
}

void Books::mark_reset() {
  if (!has_prices()) return;
  for (const auto accounting : {cost::Accounting::kPerAction, cost::Accounting::kPoweredTime}) {
    at_reset_[accounting] = settle(accounting);
  }
}

cost::Energy Books::settle_since_reset(cost::Accounting accounting) const {
  cost::Energy energy = settle(accounting);
  const auto before = at_reset_.find(accounting);
  if (before != at_reset_.end()) energy -= before->second;
  return energy;
}

cost::Energy Books::settle(cost::Accounting accounting) const {
  cost::Ledger ledger;
  for (const Payer &payer : payers_) {
    cost::Account &account = ledger.open(payer.account->tile, payer.account->layer);
    account.actions = payer.account->actions;
    for (const cost::BillLine &line : bill_->lines()) {
      account.power(
          line.part,
          powered_unit_ns(payer, line, bill_->units_per_tile(line.part), arrays_per_tile_), 1);
    }
  }
  return cost::settle(ledger, *bill_, accounting, nanoseconds(sc_core::sc_time_stamp()), chips_);
}

}  // namespace npim::chip
