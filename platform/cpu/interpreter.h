// The handlers of the interpreter: which one executes a decoded instruction.
#pragma once

#include "cpu/block.h"

namespace npim::cpu {

/// For an instruction in a block. `near`: its jump, if it has a target of its own, stays in the
/// page, so that it can be linked.
Handler handler_of(const Instruction &instruction, bool near);
/// For two successive instructions at once, or null when there is none. `near`: the jump of the
/// second stays in the page.
Handler handler_of_pair(const Instruction &first, const Instruction &second, bool near);
/// Behind the last instruction of a block that does not jump: goes on at exit_of(step).
Handler handler_of_end(bool near);
/// Leaves the block before the instruction whose handler it replaces, to be resumed there.
Handler handler_of_stop();

/// Whether the instruction can leave the block and has an Exit behind it.
bool has_exit(Op op);
/// Whether execution never goes on behind the instruction.
bool ends_block(Op op);

}  // namespace npim::cpu
