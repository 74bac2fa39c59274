// What a stage has done, for reports.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <systemc>
#include <tuple>
#include <vector>

#include "chip/stage_time.h"
#include "program/stage.h"

namespace npim::chip {

struct StageReport {
  std::uint32_t stage = 0;  ///< number in load order
  unsigned tile = 0, slot = 0;
  std::uint32_t layer = 0;
  program::StageOp op = program::StageOp::kMvm;
  std::uint64_t windows = 0, conversions = 0, input_cycles = 0;
  std::uint64_t bytes_sent = 0, bytes_received = 0;  ///< of pixels
  sc_core::sc_time begin, end;  ///< of the last run: its start, and when the last window was sent
  StageTime time;
};

/// Of all stages that control vectors have brought, resets or not. Several programs may take
/// turns on the chip: a stage that is loaded again goes on where it was.
class StageHistory {
 public:
  void add(const StageReport &report);
  /// In load order, which starts again with every program.
  const std::vector<StageReport> &reports() const { return reports_; }

 private:
  std::vector<StageReport> reports_;
  std::map<std::tuple<std::uint32_t, unsigned, unsigned, std::uint32_t, int>, std::size_t> numbers_;
};

}  // namespace npim::chip
