#include "chip/stage_time.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace npim::chip {
namespace {

Phase combine(Phase front, Phase back) {
  if (front == Phase::kComputing || back == Phase::kComputing) return Phase::kComputing;
  return back != Phase::kNothing ? back : front;
}

}  // namespace

void StageTime::begin(const sc_core::sc_time &now) {
  for (Timeline &lane : lanes_) {
    lane.segments.clear();
    lane.next = 0;
    lane.end = now.value();
  }
  merged_ = now.value();
}

void StageTime::finish(Lane lane) {
  add(lane, Phase::kNothing, std::numeric_limits<std::uint64_t>::max());
}

void StageTime::add(Lane lane, Phase phase, std::uint64_t end) {
  Timeline &line = lanes_[lane];
  if (line.next < line.segments.size() && line.segments.back().phase == phase) {
    line.segments.back().end = end;
  } else {
    line.segments.push_back({phase, end});
  }
  line.end = end;
  merge();
}

void StageTime::merge() {
  Timeline &front = lanes_[kFront], &back = lanes_[kBack];
  constexpr std::uint64_t kForEver = std::numeric_limits<std::uint64_t>::max();
  while (front.next < front.segments.size() && back.next < back.segments.size()) {
    const Segment &f = front.segments[front.next], &b = back.segments[back.next];
    const std::uint64_t end = std::min(f.end, b.end);
    if (end == kForEver) break;
    totals_[static_cast<std::size_t>(combine(f.phase, b.phase))] += end - merged_;
    merged_ = end;
    if (f.end == end) ++front.next;
    if (b.end == end) ++back.next;
  }
  for (Timeline &lane : lanes_) {
    if (lane.next < lane.segments.size()) continue;
    lane.segments.clear();
    lane.next = 0;
  }
}

sc_core::sc_time StageTime::lifetime() const {
  return sc_core::sc_time::from_value(
      std::accumulate(totals_.begin(), totals_.begin() + kPhases, std::uint64_t{0}));
}

void StageTime::add_totals(const StageTime &other) {
  for (std::size_t i = 0; i < totals_.size(); ++i) totals_[i] += other.totals_[i];
}

}  // namespace npim::chip
