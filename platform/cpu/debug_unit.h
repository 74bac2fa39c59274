// The hart's side of a debugger: what its run loop consults when one is there. Without one, it
// costs a comparison per run of instructions.
#pragma once

namespace npim::cpu {

class DebugUnit {
 public:
  virtual ~DebugUnit() = default;

  /// Called in the hart's process between instructions: before each run of them, after every trap,
  /// after each pass of a wait in wfi, and when the hart is lost. The hart's state is complete and
  /// pc names what comes next. May block the host, during which simulated time stands, and change
  /// the state. Returns whether it did: the hart then looks at its interrupts again and calls once
  /// more.
  virtual bool attend() = 0;

  /// Whether to call again after one instruction. Simulated results do not depend on it, as they do
  /// not depend on the quantum.
  virtual bool single_step() const = 0;
};

}  // namespace npim::cpu
