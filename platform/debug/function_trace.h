// The functions of firmware on a timeline: one row per hart, calls within calls.
#pragma once

#include <string>
#include <vector>

#include "debug/call_follower.h"
#include "trace/trace.h"

namespace npim::debug {

class FunctionTrace : public CallFollower {
 public:
  /// Draws the functions whose paths, "<hart>.functions.<name>", the sink selects; `hart_name` is
  /// "hart0". Everything named must outlive the simulation.
  FunctionTrace(const Symbols &symbols, const cpu::Hart &hart, const std::string &hart_name,
                trace::TraceSink &sink);

  /// Ends the calls that are still going on.
  void finish() { leave_all(); }

 private:
  void entered(const Frame &frame, std::uint64_t cycle) override;
  void left(const Frame &frame, std::uint64_t cycle) override;
  bool is_drawn(std::size_t function) const;

  const cpu::Hart &hart_;
  trace::TraceSink &sink_;
  int track_;
  std::vector<bool> drawn_;  // by function
};

}  // namespace npim::debug
