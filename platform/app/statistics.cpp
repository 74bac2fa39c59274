#include "app/statistics.h"

#include <algorithm>

#include "app/text_table.h"

namespace npim::app {

std::string statistics_text(const cpu::HartStatistics &hart) {
  TextTable table({"hart", "count"});
  const auto add = [&](const std::string &name, std::uint64_t count) {
    table.add({name, with_thousands(static_cast<long long>(count))});
  };
  add("instructions", hart.instructions);
  add("cycles", hart.cycles);
  add("of them waiting in wfi", hart.wait_cycles);
  add("device reads", hart.device_reads);
  add("device writes", hart.device_writes);
  add("interrupts", hart.interrupts);
  add("exceptions", hart.exceptions);
  add("runs between looks at SystemC", hart.runs);
  add("quantum breaks", hart.quantum_breaks);
  return table.format();
}

std::string statistics_text(const cpu::HartStatistics &hart, double host_s) {
  const double mips = static_cast<double>(hart.instructions) / std::max(host_s, 1e-9) / 1e6;
  return fixed(mips, 1) + " million instructions per host second\n" + statistics_text(hart);
}

}  // namespace npim::app
