// A call profile of firmware, recorded from retired instructions and written in the format of
// Callgrind (Valgrind manual, "Callgrind Format Specification"), which KCachegrind and
// callgrind_annotate open. Costs are clock cycles and instructions of the hart.
//
// Calls are jumps that link through ra or t0, and jumps to the first instruction of another
// function (tail calls). Returns unwind to the frame that the return address belongs to, so that
// longjmp does not confuse what follows. A pc that is not where the instruction before led to is a
// trap; its handler appears as called by what it interrupted, until the trap return. Time in wfi
// belongs to the function that waits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "debug/retire_hub.h"
#include "debug/symbols.h"

namespace npim::debug {

struct Cost {
  std::uint64_t cycles = 0, instructions = 0;
};

class CallProfile : public RetireListener {
 public:
  /// `object` is the name of the firmware file. `symbols` must outlive the profile.
  CallProfile(const Symbols &symbols, std::string object);

  void retired(const cpu::Retired &instruction) override;
  /// Ends all calls that are still going on and returns the file's text. Once.
  std::string finish();

 private:
  enum class Entry { kCall, kTailCall, kTrap };
  struct Frame {
    std::size_t function;        ///< whose code the caller was in
    std::uint64_t call_site;     ///< in the caller
    std::size_t callee;          ///< as called
    std::uint64_t callee_entry;  ///< its address
    std::uint64_t return_to;
    Entry entry;
    Cost before;  ///< totals when the call began
  };
  struct CallKey {
    std::size_t caller, callee;
    std::uint64_t site;
    bool operator<(const CallKey &other) const {
      return std::tie(caller, callee, site) < std::tie(other.caller, other.callee, other.site);
    }
  };
  struct Calls {
    std::uint64_t count = 0, entry = 0;
    Cost inclusive;
  };

  std::size_t function_at(std::uint64_t pc);
  std::string name_of(std::size_t function) const;
  void call(std::uint64_t site, std::uint64_t target, std::uint64_t return_to, Entry entry);
  void pop();
  void return_to(std::uint64_t address, bool from_trap);
  void follow(const cpu::Retired &instruction);
  void write_function(std::string &text, std::size_t function,
                      const std::map<std::size_t, std::map<std::uint64_t, Cost>> &selves) const;

  const Symbols &symbols_;
  const std::string object_;
  std::unordered_map<std::uint64_t, Cost> self_;  // by pc
  std::map<CallKey, Calls> calls_;
  std::vector<Frame> stack_;
  Cost total_;
  bool begun_ = false, waited_ = false;
  std::uint64_t expected_pc_ = 0, previous_pc_ = 0, previous_cycle_ = 0;
  std::size_t last_function_ = Symbols::kNone;  // a cache of function_at
};

}  // namespace npim::debug
