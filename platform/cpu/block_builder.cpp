#include "cpu/block_builder.h"

#include <cstring>
#include <new>
#include <utility>

#include "cpu/interpreter.h"

namespace npim::cpu {
namespace {

bool is_branch(Op op) {
  return op >= Op::kBeq && op <= Op::kBgeu;
}

/// Places steps and exits one after the other.
class Builder {
 public:
  Builder(Block &block, std::uint64_t physical, bool linkable)
      : block_(block), physical_(physical), linkable_(linkable) {}

  void add(const Instruction &instruction, const CycleCosts &costs) {
    const Op op = instruction.op;
    const bool direct = op == Op::kJal || is_branch(op);
    const std::int32_t target = static_cast<std::int32_t>(offset_) + instruction.imm;
    const bool near = direct && stays_in_page(target);
    put_step(handler_of(instruction, near), instruction);
    pair_with_previous(near);
    if (has_exit(op)) {
      const std::uint32_t cost = is_branch(op) ? costs.branch_taken : instruction.cost;
      put_exit(target, near, elapsed_ + cost, index_ + 1u);
    }
    block_.last_start = elapsed_;
    elapsed_ += instruction.cost;
    offset_ += instruction.length;
    ++index_;
  }

  void end() {
    const auto target = static_cast<std::int32_t>(offset_);
    const bool near = stays_in_page(target);
    put_step(handler_of_end(near), Instruction());
    put_exit(target, near, elapsed_, index_);
  }

  void finish() {
    block_.physical = physical_;
    block_.size = static_cast<std::uint16_t>(offset_);
  }

 private:
  /// Lets the step before the latest execute both, unless it is the second of a pair already.
  void pair_with_previous(bool near) {
    Step *const latest = block_.steps() + (slot_ - 1);
    Step *const previous = std::exchange(single_, latest);
    if (previous == nullptr || previous + 1 != latest) return;
    const Handler pair = handler_of_pair(previous->instruction, latest->instruction, near);
    if (pair == nullptr) return;
    previous->run = pair;
    single_ = nullptr;
  }
  bool stays_in_page(std::int32_t offset) const {
    const std::int64_t target =
        static_cast<std::int64_t>(physical_ & kOffsetMask) + std::int64_t{offset};
    return linkable_ && target >= 0 && target < static_cast<std::int64_t>(kPageSize);
  }
  void put_step(Handler handler, const Instruction &instruction) {
    new (block_.steps() + slot_) Step{handler,
                                      instruction,
                                      elapsed_,
                                      static_cast<std::uint16_t>(offset_),
                                      static_cast<std::uint8_t>(index_),
                                      static_cast<std::uint8_t>(slot_)};
    ++slot_;
  }
  void put_exit(std::int32_t offset, bool near, std::uint32_t cycles, unsigned retired) {
    const std::uint64_t target =
        physical_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(offset));
    new (block_.steps() + slot_) Exit{nullptr, target, offset, cycles, retired};
    if (near) block_.mark_exit(slot_);
    ++slot_;
  }

  Block &block_;
  const std::uint64_t physical_;
  const bool linkable_;
  Step *single_ = nullptr;  // the latest step, if it is not the second of a pair
  unsigned slot_ = 0, index_ = 0, offset_ = 0;
  std::uint32_t elapsed_ = 0;
};

}  // namespace

bool Sequence::ends() const {
  return count != 0 && ends_block(instructions[count - 1].op);
}

unsigned Sequence::slots() const {
  unsigned slots = ends() ? 0 : 2;
  for (unsigned i = 0; i < count; ++i) slots += has_exit(instructions[i].op) ? 2 : 1;
  return slots;
}

Sequence decode_sequence(const CodePage &page, std::uint64_t offset, const CycleCosts &costs) {
  Sequence sequence;
  while (sequence.count < Block::kMostInstructions && offset + 2 <= kPageSize && !sequence.ends()) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, page.bytes.data() + offset, offset + 4 <= kPageSize ? 4 : 2);
    const unsigned length = is_compressed(bits) ? 2 : 4;
    if (offset + length > kPageSize) break;
    sequence.instructions[sequence.count++] = decode(bits, costs);
    offset += length;
  }
  return sequence;
}

void fill_block(Block &block, const Sequence &sequence, std::uint64_t physical, bool linkable,
                const CycleCosts &costs) {
  Builder builder(block, physical, linkable);
  for (unsigned i = 0; i < sequence.count; ++i) builder.add(sequence.instructions[i], costs);
  if (!sequence.ends()) builder.end();
  builder.finish();
}

}  // namespace npim::cpu
