// The peripherals of the baselines of [NP] section 7 as files (configs/peripherals/isaac-style.json
// and cascade-style.json): layout of the weights, A/D converter and, for CASCADE, TIAs, buffer
// cells and summing amplifiers.
#pragma once

#include <optional>
#include <string>

#include "peripheral/analog_buffer.h"
#include "peripheral/column_layout.h"
#include "peripheral/sar_adc.h"

namespace npim::peripheral {

struct Baseline {
  std::string name, source;
  int dac_bits = 1;
  LayoutOptions layout;
  SarAdcParameters adc;
  std::optional<AnalogBufferParameters> buffer;  ///< of dataflow B
};

/// Throws InputError naming file and key.
Baseline load_baseline(const std::string &path);

}  // namespace npim::peripheral
