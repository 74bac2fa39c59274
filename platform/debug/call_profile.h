// A call profile of firmware, recorded from retired instructions and written in the format of
// Callgrind (Valgrind manual, "Callgrind Format Specification"), which KCachegrind and
// callgrind_annotate open. Costs are clock cycles and instructions of the hart.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "debug/call_follower.h"

namespace npim::debug {

struct Cost {
  std::uint64_t cycles = 0, instructions = 0;
};

class CallProfile : public CallFollower {
 public:
  /// `object` is the name of the firmware file. `symbols` must outlive the profile.
  CallProfile(const Symbols &symbols, std::string object);

  /// Ends all calls that are still going on and returns the file's text. Once.
  std::string finish();

 private:
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

  void elapsed(std::uint64_t pc, std::uint64_t cycles, const cpu::Retired &instruction) override;
  void entered(const Frame &frame, std::uint64_t cycle) override;
  void left(const Frame &frame, std::uint64_t cycle) override;
  void write_function(std::string &text, std::size_t function,
                      const std::map<std::size_t, std::map<std::uint64_t, Cost>> &selves) const;

  const std::string object_;
  std::unordered_map<std::uint64_t, Cost> self_;  // by pc
  std::map<CallKey, Calls> calls_;
  std::vector<Cost> before_;  // totals when the calls that are going on began
  Cost total_;
};

}  // namespace npim::debug
