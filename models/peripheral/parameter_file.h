// Trained peripherals as files (configs/peripherals/nnsa-d*.json, nnadc-r*.json) and the
// checkpoints of their training.
#pragma once

#include <map>
#include <string>

#include "peripheral/training.h"

namespace npim::peripheral {

/// Header of a parameter file: how it was made.
struct Provenance {
  std::string process;
  TrainingOptions options;
};

/// Throw InputError naming file and key; shapes and levels are checked against the process.
Nnsa load_nnsa(const std::string &path, const Process &process);
Nnadc load_nnadc(const std::string &path, const Process &process);
std::string format_nnsa(const Nnsa &nnsa, const Provenance &made);
std::string format_nnadc(const Nnadc &nnadc, const Provenance &made);

/// Checkpoint of a run: finished and half-finished networks by name.
using Checkpoint = std::map<std::string, TrainingState>;
std::string format_checkpoint(const Checkpoint &checkpoint, const TrainingOptions &options);
/// Throws InputError when it belongs to other options.
Checkpoint load_checkpoint(const std::string &path, const TrainingOptions &options);

}  // namespace npim::peripheral
