// Who can still do something in a run. Every process of a run is either able to go on (now, or
// after a delay) or blocked at a gate that another process must open. When all are blocked, the run
// is over or it is stalled for good: exact, without a time limit.
#pragma once

#include <systemc>

namespace npim::chip {

class Activity {
 public:
  /// A run of `processes` begins; all of them can go on.
  void begin(int processes) { running_ = unfinished_ = processes; }
  void block() {
    if (--running_ == 0) quiet_.notify(sc_core::SC_ZERO_TIME);
  }
  void unblock() { ++running_; }
  /// The calling process has done its part of the run.
  void finish() {
    --unfinished_;
    block();
  }
  bool is_quiet() const { return running_ == 0; }
  bool is_done() const { return unfinished_ == 0; }
  const sc_core::sc_event &quiet() const { return quiet_; }

 private:
  int running_ = 0, unfinished_ = 0;
  sc_core::sc_event quiet_;
};

/// Where one process at a time waits for a condition that another process makes true.
class Gate {
 public:
  explicit Gate(Activity &activity) : activity_(&activity) {}

  /// Waits until open() is called; the caller checks its condition again.
  void wait() {
    waiting_ = true;
    activity_->block();
    sc_core::wait(event_);
  }
  void open() {
    if (!waiting_) return;
    waiting_ = false;
    activity_->unblock();
    event_.notify(sc_core::SC_ZERO_TIME);
  }
  bool is_waiting() const { return waiting_; }
  /// Forgets a waiting process that has been killed.
  void reset() {
    waiting_ = false;
    event_.cancel();
  }

 private:
  Activity *activity_;
  bool waiting_ = false;
  sc_core::sc_event event_;
};

}  // namespace npim::chip
