// What a stage has done, for reports.
#pragma once

#include <array>
#include <cstdint>
#include <systemc>

#include "chip/stage_time.h"
#include "program/stage.h"

namespace npim::chip {

struct StageReport {
  std::uint32_t stage = 0;  ///< number in load order
  unsigned tile = 0, slot = 0;
  std::uint32_t layer = 0;
  program::StageOp op = program::StageOp::kMvm;
  std::uint64_t windows = 0, conversions = 0, input_cycles = 0;
  sc_core::sc_time begin, end;  ///< of the last run: its start, and when the last window was sent
  StageTime time;
};

}  // namespace npim::chip
