#include "debug/call_profile.h"

#include <algorithm>
#include <set>

#include "debug/packet.h"

namespace npim::debug {
namespace {

std::string cost_text(const Cost &cost) {
  return std::to_string(cost.cycles) + " " + std::to_string(cost.instructions) + "\n";
}

}  // namespace

CallProfile::CallProfile(const Symbols &symbols, std::string object)
    : CallFollower(symbols), object_(std::move(object)) {}

void CallProfile::elapsed(std::uint64_t pc, std::uint64_t cycles, const cpu::Retired &instruction) {
  self_[pc].cycles += cycles;
  total_.cycles += cycles;
  ++self_[instruction.pc].instructions;
  ++total_.instructions;
}

void CallProfile::entered(const Frame &, std::uint64_t) {
  before_.push_back(total_);
}

void CallProfile::left(const Frame &frame, std::uint64_t) {
  Calls &calls = calls_[{frame.function, frame.callee, frame.call_site}];
  ++calls.count;
  calls.entry = frame.callee_entry;
  calls.inclusive.cycles += total_.cycles - before_.back().cycles;
  calls.inclusive.instructions += total_.instructions - before_.back().instructions;
  before_.pop_back();
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
  leave_all();
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
