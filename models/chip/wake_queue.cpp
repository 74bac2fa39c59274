#include "chip/wake_queue.h"

#include <algorithm>
#include <utility>

namespace npim::chip {

using sc_core::sc_time_stamp;

WakeQueue::WakeQueue(const sc_core::sc_module_name &module_name) : sc_module(module_name) {
  SC_METHOD(wake);
  sensitive << next_;
  dont_initialize();
}

void WakeQueue::sleep_until(const sc_core::sc_time &when) {
  if (when <= sc_time_stamp()) return;
  Due *due = take_due();
  push(when, due);
  sc_core::wait(due->event);
}

void WakeQueue::call_at(const sc_core::sc_time &when, std::function<void()> what) {
  Due *due = take_due();
  due->call = std::move(what);
  push(when, due);
}

void WakeQueue::push(const sc_core::sc_time &when, Due *due) {
  sleepers_.push_back({when, turns_++, due});
  std::push_heap(sleepers_.begin(), sleepers_.end(), Later());
  if (sleepers_.front().due == due) next_.notify(when - sc_time_stamp());
}

WakeQueue::Sleeper WakeQueue::pop() {
  std::pop_heap(sleepers_.begin(), sleepers_.end(), Later());
  const Sleeper first = sleepers_.back();
  sleepers_.pop_back();
  return first;
}

void WakeQueue::drop_calls() {
  const auto is_call = [](const Sleeper &sleeper) { return bool{sleeper.due->call}; };
  const auto calls = std::partition(sleepers_.begin(), sleepers_.end(), std::not_fn(is_call));
  for (auto sleeper = calls; sleeper != sleepers_.end(); ++sleeper) {
    sleeper->due->call = nullptr;
    free_.push_back(sleeper->due);
  }
  sleepers_.erase(calls, sleepers_.end());
  std::make_heap(sleepers_.begin(), sleepers_.end(), Later());
}

void WakeQueue::wake() {
  const sc_core::sc_time now = sc_time_stamp();
  while (!sleepers_.empty() && sleepers_.front().when <= now) {
    Due *due = pop().due;
    free_.push_back(due);
    if (due->call) {
      const std::function<void()> call = std::exchange(due->call, nullptr);
      call();  // may add calls
    } else {
      due->event.notify();  // immediate: they run in this evaluation phase, in this order
    }
  }
  if (!sleepers_.empty()) next_.notify(sleepers_.front().when - now);
}

WakeQueue::Due *WakeQueue::take_due() {
  if (free_.empty()) {
    dues_.push_back(std::make_unique<Due>());
    return dues_.back().get();
  }
  Due *due = free_.back();
  free_.pop_back();
  return due;
}

}  // namespace npim::chip
