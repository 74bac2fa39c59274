// Whether a chip of a configuration can run a control program. Everything that the stages rely on
// later is checked here, so that no blob, however damaged, can make them read or write where they
// should not, loop without end or ask for unreasonable memory. The chip's controller asks before it
// distributes the stages; whoever writes programs can ask the same question.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "abi/npim_abi.h"
#include "config/chip_config.h"
#include "program/stage.h"

namespace npim::program {

struct ControlFault {
  abi::Error error = abi::Error::kBadControlVector;
  std::uint32_t stage = 0;  ///< number of the stage, or the number of stages for the program itself
  std::string reason;       ///< a phrase without a full stop
};

/// The controller's store and its buffer for output rows.
constexpr std::size_t kMostStages = 4096;        ///< per chip
constexpr std::size_t kMostConnections = 65536;  ///< per chip
constexpr std::size_t kMostHostSlices = 4095;
constexpr std::int64_t kMostOutputRowBytes = 1 << 20;
constexpr std::int64_t kMostInputRowBytes = 1 << 24;

/// The first fault of a program, or nothing when the chip can run it.
std::optional<ControlFault> check_control(const ControlProgram &program,
                                          const config::ChipConfig &chip);

}  // namespace npim::program
