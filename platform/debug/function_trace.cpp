#include "debug/function_trace.h"

namespace npim::debug {

FunctionTrace::FunctionTrace(const Symbols &symbols, const cpu::Hart &hart,
                             const std::string &hart_name, trace::TraceSink &sink)
    : CallFollower(symbols),
      hart_(hart),
      sink_(sink),
      track_(sink.track(hart_name, "functions")),
      drawn_(symbols.size()) {
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    drawn_[i] = sink.selects(hart_name + ".functions." + symbols[i].name);
  }
}

/// Code without a symbol has no path to be selected by.
bool FunctionTrace::is_drawn(std::size_t function) const {
  return function != Symbols::kNone && drawn_[function];
}

void FunctionTrace::entered(const Frame &frame, std::uint64_t cycle) {
  if (!is_drawn(frame.callee)) return;
  const std::string name = name_of(frame.callee);
  sink_.begin(track_, frame.entry == Entry::kTrap ? name + " (trap)" : name, hart_.time_of(cycle));
}

void FunctionTrace::left(const Frame &frame, std::uint64_t cycle) {
  if (is_drawn(frame.callee)) sink_.end(track_, hart_.time_of(cycle));
}

}  // namespace npim::debug
