// The interpreter: fetches, decodes once, executes until the horizon. It knows nothing of SystemC;
// what must happen at an exact simulated time goes through the memory port.
#pragma once

#include <cstdint>
#include <functional>

#include "cpu/csr.h"
#include "cpu/decode.h"
#include "cpu/hart_config.h"
#include "cpu/hart_state.h"
#include "cpu/instruction_cache.h"
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
  Executor(HartState &state, MemoryPort &memory, CsrFile &csrs, InstructionCache &instructions,
           const CycleCosts &costs)
      : state_(state), memory_(memory), csrs_(csrs), instructions_(instructions), costs_(costs) {}

  /// Executes while state.cycle < state.horizon. Every instruction, trapping or not, takes at least
  /// one cycle.
  void run();

  /// Called per retired instruction; an empty function switches tracing off.
  void set_tracer(Tracer tracer) { tracer_ = std::move(tracer); }
  /// Called for every exception as it is taken.
  void set_trap_observer(std::function<void(const Trap &)> observer) {
    trap_observer_ = std::move(observer);
  }
  std::uint64_t exceptions() const { return exceptions_; }

 private:
  /// What an instruction outside the main switch came to.
  struct Outcome {
    bool trapped = false;
    Cause cause = Cause::kIllegalInstruction;
    std::uint64_t value = 0;
  };

  template <bool kTraced>
  void run_loop();
  bool fetch(std::uint64_t pc, std::uint32_t &bits);
  /// Fills the slot of `pc`, or a temporary for an instruction that spans two pages; null after a
  /// fetch fault.
  const Instruction *decode_at(std::uint64_t pc, Instruction &slot);
  void take_exception(Cause cause, std::uint64_t value, std::uint32_t bits);

  Outcome execute_csr(const Instruction &instruction);
  Outcome execute_atomic(const Instruction &instruction);
  template <typename T>
  Outcome execute_atomic_as(const Instruction &instruction, Op word_op);
  Outcome execute_fp(const Instruction &instruction);
  template <typename F>
  bool execute_fp_as(const Instruction &instruction, Op single_op);

  HartState &state_;
  MemoryPort &memory_;
  CsrFile &csrs_;
  InstructionCache &instructions_;
  const CycleCosts costs_;
  Instruction spanning_;
  Tracer tracer_;
  std::function<void(const Trap &)> trap_observer_;
  std::uint64_t exceptions_ = 0;
};

}  // namespace npim::cpu
