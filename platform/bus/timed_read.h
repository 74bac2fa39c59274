// Reads without synchronisation. An initiator that runs ahead of the kernel, and knows that nothing
// is scheduled before its local time, attaches this extension to a read. A register whose value is
// a function of time and of state that only scheduled activity or accesses change, and whose
// reading has no side effects, answers at once with its value at the annotated time (now + delay),
// and says so. Any other target takes no notice and behaves as TLM-2.0 asks.
#pragma once

#include <tlm>

namespace npim::bus {

struct TimedRead : tlm::tlm_extension<TimedRead> {
  bool answered = false;  ///< set by the target: the value is that of the annotated time

  tlm::tlm_extension_base *clone() const override { return new TimedRead(*this); }
  void copy_from(const tlm::tlm_extension_base &from) override {
    answered = static_cast<const TimedRead &>(from).answered;
  }
};

}  // namespace npim::bus
