// The process and the curves that the shipped peripherals were trained with.
#pragma once

#include <string>

#include "peripheral/parameter_file.h"

namespace npim::peripheral {

inline const std::string kFolder = std::string(NPIM_SOURCE_DIR) + "/configs/peripherals/";

inline const Process &process() {
  static const Process loaded = load_process(kFolder + "process-130nm.json");
  return loaded;
}

inline const CurveSet &curves(const std::string &corner = "tt") {
  static const Curves loaded = load_curves(kFolder + "curves-130nm.json", process());
  return loaded.at(corner);
}

}  // namespace npim::peripheral
