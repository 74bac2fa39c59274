// The interpreter: fetches, decodes blocks once, executes until the horizon. It knows nothing of
// SystemC; what must happen at an exact simulated time goes through the memory port.
//
// There is one implementation of every instruction, in interpreter.cpp. The run loop enters a block
// when its last instruction starts before the horizon, and then nothing is checked inside; else it
// puts a stop behind the last instruction that may start. Blocks chain to each other under the same
// condition. With block_cache off, blocks hold one instruction and are decoded anew every time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "cpu/block.h"
#include "cpu/code_cache.h"
#include "cpu/csr.h"
#include "cpu/decode.h"
#include "cpu/hart_config.h"
#include "cpu/hart_state.h"
#include "cpu/memory_port.h"
#include "cpu/trap.h"

namespace npim::cpu {

/// An instruction that has just retired; `state` is what it left.
struct Retired {
  std::uint64_t pc;
  const Instruction &instruction;
  const HartState &state;
};
using Tracer = std::function<void(const Retired &)>;

class Executor {
 public:
  Executor(HartState &state, MemoryPort &memory, CsrFile &csrs, CodeCache &code,
           const CycleCosts &costs, bool block_cache);

  /// Executes while state.cycle < state.horizon. Every instruction, trapping or not, takes at least
  /// one cycle.
  void run();

  /// Forgets decoded code and what led to it; only outside run().
  void forget_code();

  /// After a change of satp, protection or triggers, be it by software or by a debugger.
  void translation_changed();

  /// Called per retired instruction; an empty function switches tracing off.
  void set_tracer(Tracer tracer) { tracer_ = std::move(tracer); }
  /// Called for every exception as it is taken.
  void set_trap_observer(std::function<void(const Trap &)> observer) {
    trap_observer_ = std::move(observer);
  }
  std::uint64_t exceptions() const { return exceptions_; }
  /// How often the run loop had to look a block up, rather than go from block to block.
  std::uint64_t block_lookups() const { return block_lookups_; }
  std::uint64_t instructions_decoded() const { return instructions_decoded_; }

 private:
  friend struct Interpreter;

  /// What an instruction outside the fast paths came to.
  struct Outcome {
    bool trapped = false;
    Cause cause = Cause::kIllegalInstruction;
    std::uint64_t value = 0;
  };
  /// A place inside a block where execution stopped at the horizon.
  struct Resume {
    Step *step = nullptr;
    std::uint64_t base = 0;
    Privilege privilege = Privilege::kMachine;
    std::uint64_t generation = 0;
    std::uint64_t epoch = 0;
  };
  struct Entry {
    Step *step = nullptr;
    std::uint64_t base = 0;
  };

  void run_blocks();
  void run_single_steps();
  /// One instruction, or more while no check is due.
  void run_from(const Entry &entry);
  Entry find_entry();
  Entry resume_entry();
  Block *find_block(CodePage &page, std::uint64_t pc);
  Block *decode_single(std::uint64_t pc);

  void take_exception(Cause cause, std::uint64_t value, std::uint32_t bits);

  Outcome execute_system(const Instruction &instruction, std::uint64_t &next);
  Outcome execute_csr(const Instruction &instruction);
  Outcome execute_atomic(const Instruction &instruction);
  template <typename T>
  Outcome execute_atomic_as(const Instruction &instruction, Op word_op);
  Outcome execute_fp(const Instruction &instruction);
  template <typename F>
  bool execute_fp_as(const Instruction &instruction, Op single_op);
  static Outcome as_store(Outcome outcome);
  Outcome data_fault() const { return {true, memory_.fault().cause, memory_.fault().address}; }

  HartState &state_;
  MemoryPort &memory_;
  CsrFile &csrs_;
  CodeCache &code_;
  const CycleCosts costs_;
  const bool block_cache_;
  JumpCache *jumps_ = nullptr;  // of the present privilege
  Resume resume_;
  Exit *link_ = nullptr;  // wants to know the block that is looked up next
  std::uint64_t generation_ = 0;
  struct alignas(32) {
    unsigned char bytes[sizeof(Block) + 4 * sizeof(Step)];
  } single_;  // room for a block of one instruction
  Tracer tracer_;
  std::function<void(const Trap &)> trap_observer_;
  std::uint64_t exceptions_ = 0;
  std::uint64_t block_lookups_ = 0;
  std::uint64_t instructions_decoded_ = 0;
};

}  // namespace npim::cpu
