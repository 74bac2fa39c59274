// Several harts of one board take turns: one executes while the others stand, in the order of their
// numbers, each up to the end of the same slice of simulated time. Slices lie on a fixed grid, so
// that what harts see of each other depends on the slice's length (a parameter of the platform) and
// on nothing else: not on the quantum, caches or what the host does.
//
// Only the hart whose turn it is waits for simulated time. The others stand outside SystemC's
// queue, so that its next activity bounds the running hart as it does when there is only one.
#pragma once

#include <memory>
#include <optional>
#include <systemc>
#include <vector>

namespace npim::cpu {

class Turns {
 public:
  /// Before the simulation starts. `slice` is longer than zero.
  Turns(unsigned harts, const sc_core::sc_time &slice);

  // In the hart's process:

  /// The hart has something to execute: returns when it is its turn.
  void join(unsigned hart);
  /// It has nothing: it waits for an interrupt, or stands for a debugger.
  void leave(unsigned hart);
  /// It has come to the end of the slice: returns at its next turn, in a later slice.
  void pass(unsigned hart);

  bool has_turn(unsigned hart) const { return holder_ == hart; }
  /// Whether it is anybody's turn. Whose it is may be inside an instruction.
  bool held() const { return holder_.has_value(); }
  /// The present slice's end. Whoever has the turn passes it on there.
  const sc_core::sc_time &end() const { return end_; }

 private:
  struct Place {
    sc_core::sc_event called;
    bool ready = false;  ///< has something to execute
    bool done = false;   ///< in this slice
  };

  void begin_slice();
  void give(unsigned hart);
  std::optional<unsigned> first_ready(bool done) const;
  /// Who is to have the turn; nobody if all wait. Who is done in this slice has it only to wait for
  /// the slice's end.
  std::optional<unsigned> next() const;

  const sc_core::sc_time slice_;
  std::vector<std::unique_ptr<Place>> places_;
  std::optional<unsigned> holder_;
  sc_core::sc_time end_;
};

}  // namespace npim::cpu
