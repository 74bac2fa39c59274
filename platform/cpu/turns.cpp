#include "cpu/turns.h"

namespace npim::cpu {

using sc_core::sc_time;
using sc_core::sc_time_stamp;

Turns::Turns(unsigned harts, const sc_time &slice) : slice_(slice), end_(slice) {
  for (unsigned i = 0; i < harts; ++i) places_.push_back(std::make_unique<Place>());
}

std::optional<unsigned> Turns::first_ready(bool done) const {
  for (unsigned i = 0; i < places_.size(); ++i) {
    if (places_[i]->ready && places_[i]->done == done) return i;
  }
  return std::nullopt;
}

std::optional<unsigned> Turns::next() const {
  const auto executing = first_ready(false);
  return executing ? executing : first_ready(true);
}

void Turns::give(unsigned hart) {
  holder_ = hart;
  places_[hart]->called.notify(sc_core::SC_ZERO_TIME);
}

void Turns::begin_slice() {
  end_ = sc_time::from_value((sc_time_stamp().value() / slice_.value() + 1) * slice_.value());
  for (const auto &place : places_) place->done = false;
}

void Turns::join(unsigned hart) {
  places_[hart]->ready = true;
  if (!holder_) {
    // Others that wake at this moment shall be there when the lowest number is chosen.
    sc_core::wait(sc_core::SC_ZERO_TIME);
    if (!holder_) {
      if (sc_time_stamp() >= end_) begin_slice();
      give(*next());  // this hart, at least, is ready
    }
  }
  while (holder_ != hart) sc_core::wait(places_[hart]->called);
}

void Turns::leave(unsigned hart) {
  places_[hart]->ready = false;
  if (holder_ != hart) return;
  holder_ = next();
  if (holder_) give(*holder_);
}

void Turns::pass(unsigned hart) {
  Place &place = *places_[hart];
  place.done = true;
  while (holder_ != hart || place.done) {
    if (holder_ != hart) {
      sc_core::wait(place.called);
    } else if (const auto executing = first_ready(false)) {
      give(*executing);
    } else if (sc_time_stamp() < end_) {
      sc_core::wait(end_ - sc_time_stamp());
    } else {
      begin_slice();
    }
  }
}

}  // namespace npim::cpu
