// Draws what happens at the host face on a timeline: commands with their outcome, DMA transfers,
// the interrupt line.
#pragma once

#include <systemc>

#include "accelerator/accelerator.h"
#include "trace/trace.h"

namespace npim::accelerator {

class TraceObserver : public Observer {
 public:
  /// `sink` must outlive the observer; nullptr draws nothing.
  explicit TraceObserver(trace::TraceSink *sink);

  void command_started(std::uint32_t index, const abi::Descriptor &command) override;
  void command_completed(const abi::Descriptor &command, const abi::Completion &result) override;
  void dma_transfer(bool is_write, std::uint64_t address, std::uint64_t bytes, bool ok) override;
  void interrupt_changed(bool level) override;

 private:
  trace::Track commands_, dma_, interrupt_;
  sc_core::sc_time started_;
};

}  // namespace npim::accelerator
