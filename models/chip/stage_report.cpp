#include "chip/stage_report.h"

namespace npim::chip {

void StageHistory::add(const StageReport &report) {
  if (report.windows == 0) return;
  const auto found = numbers_.try_emplace(
      {report.stage, report.tile, report.slot, report.layer, static_cast<int>(report.op)},
      reports_.size());
  if (found.second) {
    reports_.push_back(report);
    return;
  }
  StageReport &sum = reports_[found.first->second];
  sum.windows += report.windows;
  sum.conversions += report.conversions;
  sum.input_cycles += report.input_cycles;
  sum.bytes_sent += report.bytes_sent;
  sum.bytes_received += report.bytes_received;
  sum.begin = report.begin;
  sum.end = report.end;
  sum.time.add_totals(report.time);
}

}  // namespace npim::chip
