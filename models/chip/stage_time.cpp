#include "chip/stage_time.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace npim::chip {

void StageTime::begin(const sc_core::sc_time &now, bool drives) {
  for (Timeline &lane : lanes_) {
    lane.segments.clear();
    lane.next = 0;
    lane.end = now.value();
  }
  merged_ = now.value();
  if (!drives) finish(kDrive);
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

bool StageTime::all_know() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const Timeline &lane) { return lane.next < lane.segments.size(); });
}

/// The stage's phase from merged_ on; all lanes must know theirs.
Phase StageTime::combined() const {
  Phase last = Phase::kNothing;  // of the pipeline
  for (const Timeline &lane : lanes_) {
    const Phase phase = lane.segments[lane.next].phase;
    if (phase == Phase::kComputing) return phase;
    if (phase != Phase::kNothing) last = phase;
  }
  return last;
}

void StageTime::merge() {
  constexpr std::uint64_t kForEver = std::numeric_limits<std::uint64_t>::max();
  while (all_know()) {
    std::uint64_t end = kForEver;
    for (const Timeline &lane : lanes_) end = std::min(end, lane.segments[lane.next].end);
    if (end == kForEver) break;
    totals_[static_cast<std::size_t>(combined())] += end - merged_;
    merged_ = end;
    for (Timeline &lane : lanes_) {
      if (lane.segments[lane.next].end == end) ++lane.next;
    }
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
