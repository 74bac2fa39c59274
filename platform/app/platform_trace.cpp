#include "app/platform_trace.h"

namespace npim::app {

PlatformTrace::PlatformTrace(trace::TraceSink &sink, std::vector<program::LayerRecord> layers)
    : sink_(sink),
      layers_(std::move(layers)),
      commands_(sink.track("accelerator", "commands")),
      dma_(sink.track("accelerator", "DMA")),
      interrupt_(sink.track("accelerator", "interrupt")) {}

void PlatformTrace::command_started(std::uint32_t, const abi::Descriptor &) {
  command_begin_ = sc_core::sc_time_stamp();
}

void PlatformTrace::command_completed(const abi::Descriptor &command,
                                      const abi::Completion &result) {
  std::string name = abi::name(static_cast<abi::Opcode>(command.opcode));
  if (result.error != 0)
    name += std::string(": ") + abi::name(static_cast<abi::Error>(result.error));
  sink_.span(commands_, name, command_begin_, sc_core::sc_time_stamp());
}

void PlatformTrace::dma_transfer(bool is_write, std::uint64_t, std::uint64_t bytes, bool ok) {
  if (!ok) sink_.instant(dma_, "fault", sc_core::sc_time_stamp());
  double &total = is_write ? dma_write_bytes_ : dma_read_bytes_;
  total += static_cast<double>(bytes);
  sink_.counter(dma_, is_write ? "bytes written" : "bytes read", sc_core::sc_time_stamp(), total);
}

void PlatformTrace::interrupt_changed(bool level) {
  sink_.counter(interrupt_, "interrupt line", sc_core::sc_time_stamp(), level ? 1 : 0);
}

void PlatformTrace::stage_active(std::uint32_t, unsigned tile, unsigned slot, std::uint32_t layer,
                                 const sc_core::sc_time &begin) {
  const std::string name =
      layer < layers_.size() ? layers_[layer].name : "layer " + std::to_string(layer);
  const int track =
      sink_.track("tiles", "tile " + std::to_string(tile) + ", stage " + std::to_string(slot));
  sink_.span(track, name, begin, sc_core::sc_time_stamp());
}

}  // namespace npim::app
