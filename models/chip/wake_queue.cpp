#include "chip/wake_queue.h"

#include <algorithm>
#include <utility>

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
  push({when, turns_++, event, {}});
  sc_core::wait(*event);
}

void WakeQueue::call_at(const sc_core::sc_time &when, std::function<void()> what) {
  push({when, turns_++, nullptr, std::move(what)});
}

void WakeQueue::push(Sleeper sleeper) {
  due_.notify(sleeper.when - sc_time_stamp());  // an earlier notification stays
  sleepers_.push_back(std::move(sleeper));
  std::push_heap(sleepers_.begin(), sleepers_.end(), later);
}

void WakeQueue::drop_calls() {
  const auto is_call = [](const Sleeper &sleeper) { return sleeper.event == nullptr; };
  sleepers_.erase(std::remove_if(sleepers_.begin(), sleepers_.end(), is_call), sleepers_.end());
  std::make_heap(sleepers_.begin(), sleepers_.end(), later);
}

void WakeQueue::wake() {
  const sc_core::sc_time now = sc_time_stamp();
  while (!sleepers_.empty() && sleepers_.front().when <= now) {
    std::pop_heap(sleepers_.begin(), sleepers_.end(), later);
    const Sleeper next = std::move(sleepers_.back());
    sleepers_.pop_back();
    if (next.event == nullptr) {
      next.call();  // may add calls
      continue;
    }
    next.event->notify();  // immediate: they run in this evaluation phase, in this order
    free_.push_back(next.event);
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
