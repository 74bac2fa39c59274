// Decoded code as the interpreter runs it: blocks of steps. A block is entered at its start only
// and runs straight on; conditional branches leave it when taken, and it ends with an instruction
// that always leaves, or where the page or its room ends. Behind a step that may leave stands an
// Exit: where to and at what cost. Steps know their offsets and costs from the block's start, so
// that neither the program counter, nor the clock, nor the instruction counter move inside.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/decode.h"
#include "cpu/hart_state.h"

namespace npim::cpu {

class Executor;
struct Block;
struct FastTlb;
struct Step;

/// Executes one step and continues with the next one. `cycle` is local time minus step->elapsed;
/// `base` is the virtual address of the block's start. HartState's pc, cycle and retired are up to
/// date only outside.
using Handler = void (*)(const Step *step, HartState *hart, std::uint64_t cycle, std::uint64_t base,
                         const FastTlb *tlb, Executor *executor);

struct alignas(32) Step {
  Handler run;
  Instruction instruction;
  std::uint32_t
      elapsed;           ///< cycles from the block's start to this instruction's, without latencies
  std::uint16_t offset;  ///< bytes from the block's start
  std::uint8_t index;    ///< instructions before this one
  std::uint8_t slot;     ///< steps and exits before this one
};

struct alignas(32) Exit {
  Block *target;           ///< linked block; null until known, and for other pages
  std::uint64_t physical;  ///< address of the target, when it lies in the same page
  std::int32_t offset;     ///< of the target from the block's start
  std::uint32_t cycles;    ///< of the block up to here, the leaving instruction included
  std::uint32_t retired;   ///< instructions likewise
};
static_assert(sizeof(Step) == 32 && sizeof(Exit) == 32);

struct alignas(32) Block {
  std::uint64_t physical;    ///< address of the first instruction
  std::uint32_t last_start;  ///< elapsed of the last instruction: the latest start inside
  std::uint16_t size;        ///< bytes of code
  std::uint8_t slots;        ///< steps and exits
  bool stale;                ///< overwritten: not to be entered or linked any more
  /// One bit per slot that holds an exit with a possible link (conditional, then the final one).
  std::uint64_t exits[2];

  static constexpr unsigned kMostInstructions = 48;
  static constexpr unsigned kMostSlots = 2 * kMostInstructions + 2;

  Step *steps() { return reinterpret_cast<Step *>(this + 1); }
  const Step *steps() const { return reinterpret_cast<const Step *>(this + 1); }
  Exit &exit_at(unsigned slot) { return *reinterpret_cast<Exit *>(steps() + slot); }
  static Block *of(const Step *step) {
    return reinterpret_cast<Block *>(const_cast<Step *>(step) - step->slot) - 1;
  }
  void mark_exit(unsigned slot) { exits[slot / 64] |= std::uint64_t{1} << (slot % 64); }
  bool has_exit(unsigned slot) const { return (exits[slot / 64] >> (slot % 64) & 1) != 0; }
};
static_assert(sizeof(Block) == 64 || sizeof(Block) == 32);

/// The exit that follows a step which can leave.
inline const Exit &exit_of(const Step *step) {
  return *reinterpret_cast<const Exit *>(step + 1);
}
inline Exit &exit_of(Step *step) {
  return *reinterpret_cast<Exit *>(step + 1);
}

}  // namespace npim::cpu
