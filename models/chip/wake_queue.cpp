#include "chip/wake_queue.h"

#include <algorithm>

namespace npim::chip {

using sc_core::sc_time_stamp;

WakeQueue::WakeQueue(const sc_core::sc_module_name &module_name) : sc_module(module_name) {
  SC_METHOD(wake);
  sensitive << due_;
  dont_initialize();
}

void WakeQueue::sleep_until(const sc_core::sc_time &when) {
  const sc_core::sc_time now = sc_time_stamp();
  if (when <= now) return;
  sc_core::sc_event *event = take_event();
  sleepers_.push_back({when, turns_++, event});
  std::push_heap(sleepers_.begin(), sleepers_.end(), later);
  due_.notify(when - now);  // an earlier notification stays
  sc_core::wait(*event);
}

void WakeQueue::wake() {
  const sc_core::sc_time now = sc_time_stamp();
  while (!sleepers_.empty() && sleepers_.front().when <= now) {
    std::pop_heap(sleepers_.begin(), sleepers_.end(), later);
    sc_core::sc_event *event = sleepers_.back().event;
    sleepers_.pop_back();
    event->notify();  // immediate: they run in this evaluation phase, in the order of these calls
    free_.push_back(event);
  }
  if (!sleepers_.empty()) due_.notify(sleepers_.front().when - now);
}

sc_core::sc_event *WakeQueue::take_event() {
  if (free_.empty()) {
    events_.push_back(std::make_unique<sc_core::sc_event>());
    return events_.back().get();
  }
  sc_core::sc_event *event = free_.back();
  free_.pop_back();
  return event;
}

}  // namespace npim::chip
