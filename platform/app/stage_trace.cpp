#include "app/stage_trace.h"

namespace npim::app {

void StageTrace::stage_active(std::uint32_t, unsigned tile, unsigned slot, std::uint32_t layer,
                              const sc_core::sc_time &begin) {
  const std::string name =
      layer < layers_.size() ? layers_[layer].name : "layer " + std::to_string(layer);
  const trace::Track track(&sink_, "chip.tile" + std::to_string(tile),
                           "stage" + std::to_string(slot));
  track.span(name, begin, sc_core::sc_time_stamp());
}

}  // namespace npim::app
