#include "app/statistics.h"

#include <algorithm>

#include "app/text_table.h"

namespace npim::app {
namespace {

using cpu::HartStatistics;
constexpr std::uint64_t HartStatistics::*kSummed[] = {
    &HartStatistics::instructions,         &HartStatistics::exceptions,
    &HartStatistics::interrupts,           &HartStatistics::device_reads,
    &HartStatistics::device_writes,        &HartStatistics::wait_cycles,
    &HartStatistics::timed_reads,          &HartStatistics::synchronisations,
    &HartStatistics::event_breaks,         &HartStatistics::quantum_breaks,
    &HartStatistics::block_lookups,        &HartStatistics::blocks_decoded,
    &HartStatistics::instructions_decoded, &HartStatistics::blocks_dropped,
    &HartStatistics::code_pages,           &HartStatistics::slow_accesses,
    &HartStatistics::page_walks,
};

}  // namespace

cpu::HartStatistics statistics_of_all(board::Board &board) {
  cpu::HartStatistics all = board.hart().statistics();
  for (unsigned i = 1; i < board.harts(); ++i) {
    const cpu::HartStatistics one = board.hart(i).statistics();
    all.cycles = std::max(all.cycles, one.cycles);
    for (const auto field : kSummed) all.*field += one.*field;
  }
  return all;
}

std::string statistics_text(const cpu::HartStatistics &hart, unsigned harts) {
  const bool several = harts > 1;
  TextTable table({several ? std::to_string(harts) + " harts" : "hart", "count"});
  const auto add = [&](const std::string &name, std::uint64_t count) {
    table.add({name, with_thousands(static_cast<long long>(count))});
  };
  const double executed = static_cast<double>(std::max<std::uint64_t>(hart.instructions, 1));
  add("instructions", hart.instructions);
  add(several ? "cycles of the hart that ran longest" : "cycles", hart.cycles);
  add(several ? "cycles in wfi, of all harts together" : "of them waiting in wfi",
      hart.wait_cycles);
  add("device reads", hart.device_reads);
  add("device writes", hart.device_writes);
  add("interrupts", hart.interrupts);
  add("exceptions", hart.exceptions);
  add("runs ended by SystemC activity", hart.event_breaks);
  add("quantum breaks", hart.quantum_breaks);
  add("synchronisations with SystemC", hart.synchronisations);
  add("device reads without synchronising", hart.timed_reads);
  add("blocks decoded", hart.blocks_decoded);
  add("blocks dropped", hart.blocks_dropped);
  add("blocks looked up, not linked", hart.block_lookups);
  add("code pages copied", hart.code_pages);
  add("accesses outside the fast TLB", hart.slow_accesses);
  add("page walks", hart.page_walks);
  const double decoded = static_cast<double>(hart.instructions_decoded);
  table.add({"decoded-block cache, hits", fixed(100 * (1 - decoded / executed), 4) + " %"});
  table.add({"fast TLB, misses per 1000 instructions",
             fixed(1e3 * static_cast<double>(hart.slow_accesses) / executed, 4)});
  return table.format();
}

std::string statistics_text(const cpu::HartStatistics &hart, unsigned harts, double host_s) {
  const double mips = static_cast<double>(hart.instructions) / std::max(host_s, 1e-9) / 1e6;
  return fixed(mips, 1) + " million instructions per host second\n" + statistics_text(hart, harts);
}

}  // namespace npim::app
