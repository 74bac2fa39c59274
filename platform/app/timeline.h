// What `npim run` draws of simulated time: a timeline (--trace) and waveforms (--vcd). Everything
// has a path and can be selected by it; what is not selected is not looked at.
//
//   hart0.functions.<name>                        timeline: calls of firmware
//   hart0.interrupt.{software,timer,external,supervisor}   both
//   accelerator.{commands,dma}                    timeline
//   accelerator.interrupt                         both
//   accelerator.{busy,queue_head,queue_tail}      waveforms
//   chip.tile3.stage0                             timeline: when a stage has windows in its
//   pipeline chip.tile3.stage0.in_flight                   waveforms: how many groups of windows
//   chip.tile3.{bus,nnadc,post}                   units: bus and eDRAM, converters, post-processing
//   chip.host_link.{read,write}                   units
//   chip.noc.router0.{east,west,south,north,node0...}, chip.noc.chip_link0.{forward,back}   units
//
// A unit is a span in the timeline while it is busy (requests that follow each other without a gap
// are one), and two signals of the waveforms: <path>.busy and <path>.utilisation, the part of the
// microsecond before in which it was busy.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "accelerator/accelerator.h"
#include "app/hart_views.h"
#include "board/board.h"
#include "program/program_file.h"

namespace npim::app {

struct TimelineOptions {
  std::string trace, trace_select;  ///< file (empty: none), patterns (empty: the usual ones)
  std::string vcd, vcd_select;
};

class Timeline {
 public:
  /// Throws InputError for files that cannot be written and patterns that select nothing.
  /// `accelerator` may be null; so may `program`, which then names no layers. All must outlive the
  /// simulation.
  Timeline(const TimelineOptions &options, board::Board &board,
           accelerator::Accelerator *accelerator, const program::Program *program,
           HartViews &harts);
  ~Timeline();
  Timeline(const Timeline &) = delete;
  Timeline &operator=(const Timeline &) = delete;

  /// After the run. Throws InputError when a file could not be written as a whole.
  void finish();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace npim::app
