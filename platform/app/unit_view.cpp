#include "app/unit_view.h"

#include <algorithm>

namespace npim::app {
namespace {

using sc_core::sc_time;

/// What utilisation is a mean over.
const sc_time &interval() {
  static const sc_time length(1, sc_core::SC_US);
  return length;
}

sc_time start_of(std::uint64_t number) {
  return chip::times(interval(), number);
}

std::uint64_t number_at(const sc_time &time) {
  return time.value() / interval().value();
}

}  // namespace

UnitView::UnitView(trace::Track track, trace::VcdSink *waves, const trace::PathSelector &selector,
                   const std::string &path)
    : track_(track), waves_(waves) {
  if (waves_ == nullptr) return;
  if (selector.selects(path + ".busy")) busy_signal_ = waves_->bits(path + ".busy", 1);
  if (selector.selects(path + ".utilisation")) use_signal_ = waves_->real(path + ".utilisation");
}

void UnitView::busy(const sc_time &begin, const sc_time &end) {
  if (end <= begin) return;
  if (track_) add_span(begin, end);
  if (busy_signal_ >= 0) {
    waves_->change(busy_signal_, begin, 1);
    waves_->change(busy_signal_, end, 0);
  }
  if (use_signal_ >= 0) add_use(begin, end);
}

/// Spans that follow each other without a gap are one.
void UnitView::add_span(const sc_time &begin, const sc_time &end) {
  if (has_span_ && begin == end_) {
    end_ = end;
    return;
  }
  finish();
  has_span_ = true;
  begin_ = begin;
  end_ = end;
}

void UnitView::finish() {
  if (has_span_) track_.span("busy", begin_, end_);
  has_span_ = false;
}

void UnitView::add_use(sc_time begin, const sc_time &end) {
  while (begin < end) {
    const std::uint64_t number = number_at(begin);
    if (number != interval_) used_ = sc_core::SC_ZERO_TIME;
    interval_ = number;
    const sc_time until = std::min(end, start_of(number + 1));
    used_ += until - begin;
    announce_use();
    begin = until;
  }
}

/// At its end; the one after it is idle unless something follows.
void UnitView::announce_use() {
  waves_->change_real(use_signal_, start_of(interval_ + 1), used_ / interval());
  waves_->change_real(use_signal_, start_of(interval_ + 2), 0);
}

void UnitView::released() {
  const sc_time now = sc_core::sc_time_stamp();
  if (has_span_) {
    end_ = std::min(end_, now);
    has_span_ = begin_ < end_;
  }
  if (busy_signal_ >= 0) {
    waves_->retract(busy_signal_);
    waves_->change(busy_signal_, now, 0);
  }
  if (use_signal_ < 0) return;
  waves_->retract(use_signal_);
  const std::uint64_t number = number_at(now);
  if (interval_ < number) used_ = sc_core::SC_ZERO_TIME;
  used_ = std::min(used_, now - start_of(number));
  interval_ = number;
  announce_use();
}

}  // namespace npim::app
