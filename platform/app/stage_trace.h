// The chip's part of a run's timeline: which stage works on which tile, and when. The host face
// draws its own (accelerator/trace_observer.h).
#pragma once

#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program_file.h"
#include "trace/trace.h"

namespace npim::app {

class StageTrace : public chip::ChipObserver {
 public:
  /// `layers` names the stages; may be empty. `sink` must outlive the simulation.
  StageTrace(trace::TraceSink &sink, std::vector<program::LayerRecord> layers)
      : sink_(sink), layers_(std::move(layers)) {}

  void stage_active(std::uint32_t stage, unsigned tile, unsigned slot, std::uint32_t layer,
                    const sc_core::sc_time &begin) override;

 private:
  trace::TraceSink &sink_;
  std::vector<program::LayerRecord> layers_;
};

}  // namespace npim::app
