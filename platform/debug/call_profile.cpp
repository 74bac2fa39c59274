#include "debug/call_profile.h"

#include <algorithm>
#include <set>

#include "debug/instruction_info.h"
#include "debug/packet.h"

namespace npim::debug {
namespace {

/// Frames beyond this are not followed: firmware that recurses for ever.
constexpr std::size_t kDeepest = 4096;
constexpr std::uint32_t kWfi = 0x10500073;

std::string cost_text(const Cost &cost) {
  return std::to_string(cost.cycles) + " " + std::to_string(cost.instructions) + "\n";
}

}  // namespace

CallProfile::CallProfile(const Symbols &symbols, std::string object)
    : symbols_(symbols), object_(std::move(object)) {}

std::size_t CallProfile::function_at(std::uint64_t pc) {
  if (last_function_ != Symbols::kNone) {
    const Function &last = symbols_[last_function_];
    if (pc >= last.begin && pc < last.end) return last_function_;
  }
  last_function_ = symbols_.find(pc);
  return last_function_;
}

std::string CallProfile::name_of(std::size_t function) const {
  return function == Symbols::kNone ? "(no symbol)" : symbols_[function].name;
}

void CallProfile::call(std::uint64_t site, std::uint64_t target, std::uint64_t return_to,
                       Entry entry) {
  if (stack_.size() >= kDeepest) return;
  const std::size_t caller = function_at(site);
  const std::size_t callee = function_at(target);
  stack_.push_back({caller, site, callee, target, return_to, entry, total_});
}

void CallProfile::pop() {
  const Frame &frame = stack_.back();
  Calls &calls = calls_[{frame.function, frame.callee, frame.call_site}];
  ++calls.count;
  calls.entry = frame.callee_entry;
  calls.inclusive.cycles += total_.cycles - frame.before.cycles;
  calls.inclusive.instructions += total_.instructions - frame.before.instructions;
  stack_.pop_back();
}

/// Unwinds to the frame with this return address, if there is one above the last trap (or, for a
/// trap return, the last trap itself).
void CallProfile::return_to(std::uint64_t address, bool from_trap) {
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
  while (stack_.size() > depth) pop();
  // Below a tail call lies the frame of the function that made it, which returns too.
  bool tail = true;
  while (tail && !stack_.empty()) {
    tail = stack_.back().entry == Entry::kTailCall;
    pop();
  }
}

void CallProfile::follow(const cpu::Retired &instruction) {
  const std::uint64_t next = instruction.state.pc;
  switch (control_flow(instruction.instruction.raw)) {
    case Flow::kNone:
      return;
    case Flow::kCall:
      call(instruction.pc, next, instruction.pc + instruction.instruction.length, Entry::kCall);
      return;
    case Flow::kReturn:
      return_to(next, false);
      return;
    case Flow::kTrapReturn:
      return_to(next, true);
      return;
    case Flow::kJump: {
      const std::size_t to = symbols_.find(next);
      const bool enters = to != Symbols::kNone && symbols_[to].begin == next;
      if (!enters || to == symbols_.find(instruction.pc)) return;
      const std::uint64_t same = stack_.empty() ? 0 : stack_.back().return_to;
      call(instruction.pc, next, same, Entry::kTailCall);
      return;
    }
  }
}

void CallProfile::retired(const cpu::Retired &instruction) {
  const std::uint64_t now = instruction.state.cycle;
  if (begun_ && instruction.pc != expected_pc_) {
    call(previous_pc_, instruction.pc, expected_pc_, Entry::kTrap);
  }
  const std::uint64_t elapsed = now - previous_cycle_;
  // The wait behind a wfi is seen with the instruction after it.
  Cost &self = self_[waited_ ? previous_pc_ : instruction.pc];
  self.cycles += elapsed;
  total_.cycles += elapsed;
  ++self_[instruction.pc].instructions;
  ++total_.instructions;
  follow(instruction);
  begun_ = true;
  waited_ = instruction.instruction.raw == kWfi;
  previous_pc_ = instruction.pc;
  previous_cycle_ = now;
  expected_pc_ = instruction.state.pc;
}

void CallProfile::write_function(
    std::string &text, std::size_t function,
    const std::map<std::size_t, std::map<std::uint64_t, Cost>> &selves) const {
  text += "\nfn=" + name_of(function) + "\n";
  if (const auto self = selves.find(function); self != selves.end()) {
    for (const auto &[pc, cost] : self->second) {
      text += "0x" + hex_number(pc) + " 0 " + cost_text(cost);
    }
  }
  const auto first = calls_.lower_bound({function, 0, 0});
  for (auto it = first; it != calls_.end() && it->first.caller == function; ++it) {
    text += "cfn=" + name_of(it->first.callee) + "\n";
    text += "calls=" + std::to_string(it->second.count) + " 0x" + hex_number(it->second.entry) +
            " 0\n0x" + hex_number(it->first.site) + " 0 " + cost_text(it->second.inclusive);
  }
}

std::string CallProfile::finish() {
  while (!stack_.empty()) pop();
  std::map<std::size_t, std::map<std::uint64_t, Cost>> selves;
  for (const auto &[pc, cost] : self_) selves[function_at(pc)][pc] = cost;
  std::set<std::size_t> functions;
  for (const auto &[function, costs] : selves) functions.insert(function);
  for (const auto &[key, calls] : calls_) functions.insert(key.caller);
  std::string text =
      "# callgrind format\nversion: 1\ncreator: npim run --profile\ncmd: " + object_ +
      "\npositions: instr line\nevent: Cycles : clock cycles of the hart\n"
      "event: Instructions : retired instructions\nevents: Cycles Instructions\nsummary: " +
      cost_text(total_) + "\nob=" + object_ + "\nfl=???\n";
  for (const std::size_t function : functions) write_function(text, function, selves);
  text += "\ntotals: " + cost_text(total_);
  return text;
}

}  // namespace npim::debug
