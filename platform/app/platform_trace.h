// What a timeline of a run shows: commands, DMA transfers and the interrupt line at the host face;
// stages on the chip's tiles.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "accelerator/accelerator.h"
#include "program/program_file.h"
#include "trace/trace.h"

namespace npim::app {

class PlatformTrace : public accelerator::Observer, public chip::ChipObserver {
 public:
  /// `layers` names the stages; may be empty. `sink` must outlive the simulation.
  PlatformTrace(trace::TraceSink &sink, std::vector<program::LayerRecord> layers);

  void command_started(std::uint32_t index, const abi::Descriptor &command) override;
  void command_completed(const abi::Descriptor &command, const abi::Completion &result) override;
  void dma_transfer(bool is_write, std::uint64_t address, std::uint64_t bytes, bool ok) override;
  void interrupt_changed(bool level) override;
  void stage_active(std::uint32_t stage, unsigned tile, unsigned slot, std::uint32_t layer,
                    const sc_core::sc_time &begin) override;

 private:
  trace::TraceSink &sink_;
  std::vector<program::LayerRecord> layers_;
  int commands_, dma_, interrupt_;
  sc_core::sc_time command_begin_;
  double dma_read_bytes_ = 0, dma_write_bytes_ = 0;
};

}  // namespace npim::app
