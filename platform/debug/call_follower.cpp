#include "debug/call_follower.h"

#include "debug/instruction_info.h"

namespace npim::debug {
namespace {

/// Frames beyond this are not followed: firmware that recurses for ever.
constexpr std::size_t kDeepest = 4096;
constexpr std::uint32_t kWfi = 0x10500073;

}  // namespace

std::size_t CallFollower::function_at(std::uint64_t pc) {
  if (last_function_ != Symbols::kNone) {
    const Function &last = symbols_[last_function_];
    if (pc >= last.begin && pc < last.end) return last_function_;
  }
  last_function_ = symbols_.find(pc);
  return last_function_;
}

std::string CallFollower::name_of(std::size_t function) const {
  return function == Symbols::kNone ? "(no symbol)" : symbols_[function].name;
}

void CallFollower::call(std::uint64_t site, std::uint64_t target, std::uint64_t return_to,
                        Entry entry, std::uint64_t cycle) {
  if (stack_.size() >= kDeepest) return;
  const std::size_t caller = function_at(site);
  const std::size_t callee = function_at(target);
  stack_.push_back({caller, site, callee, target, return_to, entry});
  entered(stack_.back(), cycle);
}

void CallFollower::pop(std::uint64_t cycle) {
  left(stack_.back(), cycle);
  stack_.pop_back();
}

/// Unwinds to the frame with this return address, if there is one above the last trap (or, for a
/// trap return, the last trap itself).
void CallFollower::return_to(std::uint64_t address, bool from_trap, std::uint64_t cycle) {
  std::size_t depth = stack_.size();
  while (depth != 0) {
    const Frame &frame = stack_[depth - 1];
    const bool is_trap = frame.entry == Entry::kTrap;
    const bool found = from_trap ? is_trap : !is_trap && frame.return_to == address;
    if (found) break;
    if (is_trap) return;
    --depth;
  }
  if (depth == 0) return;
  while (stack_.size() > depth) pop(cycle);
  // Below a tail call lies the frame of the function that made it, which returns too.
  bool tail = true;
  while (tail && !stack_.empty()) {
    tail = stack_.back().entry == Entry::kTailCall;
    pop(cycle);
  }
}

void CallFollower::follow(const cpu::Retired &instruction) {
  const std::uint64_t next = instruction.state.pc, now = instruction.state.cycle;
  switch (control_flow(instruction.instruction.raw)) {
    case Flow::kNone:
      return;
    case Flow::kCall:
      call(instruction.pc, next, instruction.pc + instruction.instruction.length, Entry::kCall,
           now);
      return;
    case Flow::kReturn:
      return_to(next, false, now);
      return;
    case Flow::kTrapReturn:
      return_to(next, true, now);
      return;
    case Flow::kJump: {
      const std::size_t to = symbols_.find(next);
      const bool enters = to != Symbols::kNone && symbols_[to].begin == next;
      if (!enters || to == symbols_.find(instruction.pc)) return;
      const std::uint64_t same = stack_.empty() ? 0 : stack_.back().return_to;
      call(instruction.pc, next, same, Entry::kTailCall, now);
      return;
    }
  }
}

void CallFollower::retired(const cpu::Retired &instruction) {
  const std::uint64_t now = instruction.state.cycle;
  if (begun_ && instruction.pc != expected_pc_) {
    // Behind a wfi the handler's first instruction is the first thing that says how long it waited.
    const std::uint64_t since = waited_ ? now : previous_cycle_;
    call(previous_pc_, instruction.pc, expected_pc_, Entry::kTrap, since);
  }
  // The wait behind a wfi is seen with the instruction after it.
  elapsed(waited_ ? previous_pc_ : instruction.pc, now - previous_cycle_, instruction);
  follow(instruction);
  begun_ = true;
  waited_ = instruction.instruction.raw == kWfi;
  previous_pc_ = instruction.pc;
  previous_cycle_ = now;
  expected_pc_ = instruction.state.pc;
}

void CallFollower::leave_all() {
  while (!stack_.empty()) pop(previous_cycle_);
}

}  // namespace npim::debug
