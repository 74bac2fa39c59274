// One unit of the chip that serves one request at a time, drawn (timeline.h).
#pragma once

#include <string>

#include "chip/timing.h"
#include "trace/trace.h"
#include "trace/vcd.h"

namespace npim::app {

class UnitView : public chip::BusyWatcher {
 public:
  /// `track` may be off; `waves` may be null, and the signals that `selector` does not select are
  /// not drawn. `path` is the unit's.
  UnitView(trace::Track track, trace::VcdSink *waves, const trace::PathSelector &selector,
           const std::string &path);

  bool is_drawn() const { return track_ || busy_signal_ >= 0 || use_signal_ >= 0; }
  void busy(const sc_core::sc_time &begin, const sc_core::sc_time &end) override;
  void released() override;
  /// Draws the last span.
  void finish();

 private:
  void add_span(const sc_core::sc_time &begin, const sc_core::sc_time &end);
  void add_use(sc_core::sc_time begin, const sc_core::sc_time &end);
  void announce_use();

  trace::Track track_;
  trace::VcdSink *waves_;
  int busy_signal_ = -1, use_signal_ = -1;
  bool has_span_ = false;
  sc_core::sc_time begin_, end_;  // of the span that may still grow
  std::uint64_t interval_ = 0;    // number of the one that is being added up
  sc_core::sc_time used_;         // of it
};

}  // namespace npim::app
