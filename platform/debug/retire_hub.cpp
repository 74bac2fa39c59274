#include "debug/retire_hub.h"

#include <algorithm>

namespace npim::debug {

void RetireHub::add(RetireListener &listener) {
  if (std::find(listeners_.begin(), listeners_.end(), &listener) != listeners_.end()) return;
  const auto free = std::find(listeners_.begin(), listeners_.end(), nullptr);
  if (free == listeners_.end()) {
    SC_REPORT_ERROR("/npim/debug", "too many listeners for the instructions of a hart");
    return;
  }
  *free = &listener;
  install();
}

void RetireHub::remove(RetireListener &listener) {
  const auto it = std::find(listeners_.begin(), listeners_.end(), &listener);
  if (it == listeners_.end()) return;
  *it = nullptr;
  install();
}

void RetireHub::install() {
  // Compact, so that the loop below ends at the first gap.
  std::stable_partition(listeners_.begin(), listeners_.end(),
                        [](const RetireListener *l) { return l != nullptr; });
  if (listeners_[0] == nullptr) {
    hart_.set_tracer({});
  } else if (listeners_[1] == nullptr) {
    hart_.set_tracer([only = listeners_[0]](const cpu::Retired &r) { only->retired(r); });
  } else {
    hart_.set_tracer([this](const cpu::Retired &r) {
      for (RetireListener *listener : listeners_) {
        if (listener == nullptr) break;
        listener->retired(r);
      }
    });
  }
}

}  // namespace npim::debug
