// One hart's instructions for several listeners: the trace, the profile and the debugger share the
// hart's single tracer. While nobody listens the hart has no tracer, and runs at full speed.
#pragma once

#include <array>

#include "cpu/hart.h"

namespace npim::debug {

class RetireListener {
 public:
  virtual ~RetireListener() = default;
  /// An instruction has retired.
  virtual void retired(const cpu::Retired &instruction) = 0;
};

class RetireHub {
 public:
  explicit RetireHub(cpu::Hart &hart) : hart_(hart) {}
  RetireHub(const RetireHub &) = delete;
  RetireHub &operator=(const RetireHub &) = delete;

  /// Not from within retired(). A listener must outlive the simulation or be removed.
  void add(RetireListener &listener);
  void remove(RetireListener &listener);

 private:
  void install();

  cpu::Hart &hart_;
  std::array<RetireListener *, 4> listeners_{};
};

}  // namespace npim::debug
