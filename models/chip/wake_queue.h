// Time for the chip's processes, with an order of its own. When several become due at the same
// simulated time they go on in the order in which they went to sleep. SystemC leaves that order to
// its event queue, where it depends on whatever else is scheduled; and it decides who gets a bus,
// converter or link first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <systemc>
#include <vector>

namespace npim::chip {

class WakeQueue : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(WakeQueue);
  explicit WakeQueue(const sc_core::sc_module_name &module_name);

  /// The calling thread process goes on at `when`; at once when that is not in the future. It may
  /// be killed meanwhile.
  void sleep_until(const sc_core::sc_time &when);
  void sleep(const sc_core::sc_time &duration) { sleep_until(sc_core::sc_time_stamp() + duration); }
  /// Calls `what` at `when`, which is not in the past, outside any thread process. Calls that are
  /// due together are made in the order of these requests, before processes go on that are due too.
  void call_at(const sc_core::sc_time &when, std::function<void()> what);
  /// Forgets all calls that have not been made.
  void drop_calls();

 private:
  /// Whom to wake or what to call. Kept apart from the heap, whose items move a lot.
  struct Due {
    sc_core::sc_event event;
    std::function<void()> call;  // instead of the event
  };
  struct Sleeper {
    sc_core::sc_time when;
    std::uint64_t turn = 0;
    Due *due = nullptr;
  };
  /// For a heap with the first one to wake on top.
  struct Later {
    bool operator()(const Sleeper &a, const Sleeper &b) const {
      return a.when != b.when ? a.when > b.when : a.turn > b.turn;
    }
  };
  void push(const sc_core::sc_time &when, Due *due);
  Sleeper pop();
  void wake();
  Due *take_due();

  std::vector<Sleeper> sleepers_;
  std::uint64_t turns_ = 0;
  sc_core::sc_event next_{"next"};
  /// A killed sleeper leaves its event behind, so the queue owns them all.
  std::vector<std::unique_ptr<Due>> dues_;
  std::vector<Due *> free_;
};

}  // namespace npim::chip
