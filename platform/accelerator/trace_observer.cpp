#include "accelerator/trace_observer.h"

#include <string>

#include "bus/address_map.h"

namespace npim::accelerator {

TraceObserver::TraceObserver(trace::TraceSink *sink)
    : commands_(sink, "accelerator", "commands"),
      dma_(sink, "accelerator", "dma"),
      interrupt_(sink, "accelerator", "interrupt") {}

void TraceObserver::command_started(std::uint32_t, const abi::Descriptor &) {
  started_ = sc_core::sc_time_stamp();
}

void TraceObserver::command_completed(const abi::Descriptor &command,
                                      const abi::Completion &result) {
  if (!commands_) return;
  std::string name = std::to_string(result.index) + " ";
  name += abi::name(static_cast<abi::Opcode>(command.opcode));
  if (result.error != 0)
    name += std::string(": ") + abi::name(static_cast<abi::Error>(result.error));
  commands_.span(name, started_, sc_core::sc_time_stamp());
}

void TraceObserver::dma_transfer(bool is_write, std::uint64_t address, std::uint64_t bytes,
                                 bool ok) {
  if (!dma_) return;
  dma_.instant((is_write ? "write " : "read ") + std::to_string(bytes) + " bytes at " +
                   bus::hex(address) + (ok ? "" : ", failed"),
               sc_core::sc_time_stamp());
}

void TraceObserver::interrupt_changed(bool level) {
  interrupt_.counter("interrupt", sc_core::sc_time_stamp(), level ? 1 : 0);
}

}  // namespace npim::accelerator
