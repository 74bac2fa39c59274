// Follows firmware's calls by its retired instructions; what to make of them is left to the
// derived class (a profile, a timeline).
//
// Calls are jumps that link through ra or t0, and jumps to the first instruction of another
// function (tail calls). Returns unwind to the frame that the return address belongs to, so that
// longjmp does not confuse what follows. A pc that is not where the instruction before led to is a
// trap; its handler appears as called by what it interrupted, until the trap return. Time in wfi
// belongs to the function that waits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "debug/retire_hub.h"
#include "debug/symbols.h"

namespace npim::debug {

class CallFollower : public RetireListener {
 public:
  void retired(const cpu::Retired &instruction) override;

 protected:
  enum class Entry { kCall, kTailCall, kTrap };
  struct Frame {
    std::size_t function;        ///< whose code the caller was in; Symbols::kNone: without a symbol
    std::uint64_t call_site;     ///< in the caller
    std::size_t callee;          ///< as called
    std::uint64_t callee_entry;  ///< its address
    std::uint64_t return_to;
    Entry entry;
  };

  /// `symbols` must outlive the follower.
  explicit CallFollower(const Symbols &symbols) : symbols_(symbols) {}

  /// An instruction took `cycles`, up to now; `pc` is what they count for.
  virtual void elapsed(std::uint64_t /*pc*/, std::uint64_t /*cycles*/,
                       const cpu::Retired & /*instruction*/) {}
  /// The innermost call has begun, or ends; `cycle` of the hart says when.
  virtual void entered(const Frame &frame, std::uint64_t cycle) = 0;
  virtual void left(const Frame &frame, std::uint64_t cycle) = 0;

  /// Ends all calls that are still going on, at the last instruction.
  void leave_all();
  std::size_t function_at(std::uint64_t pc);
  std::string name_of(std::size_t function) const;
  const Symbols &symbols() const { return symbols_; }

 private:
  void call(std::uint64_t site, std::uint64_t target, std::uint64_t return_to, Entry entry,
            std::uint64_t cycle);
  void pop(std::uint64_t cycle);
  void return_to(std::uint64_t address, bool from_trap, std::uint64_t cycle);
  void follow(const cpu::Retired &instruction);

  const Symbols &symbols_;
  std::vector<Frame> stack_;
  bool begun_ = false, waited_ = false;
  std::uint64_t expected_pc_ = 0, previous_pc_ = 0, previous_cycle_ = 0;
  std::size_t last_function_ = Symbols::kNone;  // a cache of function_at
};

}  // namespace npim::debug
