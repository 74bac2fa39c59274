// The commands that look after the analog parts instead of computing: converter settings,
// calibration, service of converters, injected faults, single levels, and what can be read of all
// that. They take no simulated time themselves, unless they say so; the controller waits.
#pragma once

#include <memory>
#include <systemc>
#include <vector>

#include "chip/chip_context.h"
#include "chip/outcome.h"
#include "chip/tile.h"

namespace npim::chip {

class ServiceCommands {
 public:
  ServiceCommands(ChipContext &context, const std::vector<std::unique_ptr<Tile>> &tiles)
      : context_(context), tiles_(tiles), calibrations_(tiles.size()) {}

  /// SET_CONVERTER on a stage in load order, until control vectors are loaded anew.
  Outcome set_converter(const abi::Descriptor &command,
                        const std::vector<StageEngine *> &stages) const;
  /// CALIBRATE: each converter makes its conversions, then the arrays in use drive references and
  /// are converted; all tiles at the same time. `time` becomes what that takes.
  Outcome calibrate(const abi::Descriptor &command, sc_core::sc_time &time);
  Outcome set_service(const abi::Descriptor &command) const;
  Outcome inject(const abi::Descriptor &command) const;
  /// The converter_state records of a tile, all of them.
  Bytes converter_states(unsigned tile) const;

  /// Whether the tile of a command exists and answers.
  Outcome check_tile(unsigned tile) const;

 private:
  void calibrate_converters(unsigned tile, Outcome &outcome) const;
  /// Returns how many arrays there were.
  std::uint64_t calibrate_arrays(unsigned tile);
  Outcome inject_cell(const abi::Descriptor &command, bool at_on) const;
  Outcome inject_converter(const abi::Descriptor &command, dataflow::ConverterFault fault) const;

  ChipContext &context_;
  const std::vector<std::unique_ptr<Tile>> &tiles_;
  std::vector<std::uint64_t> calibrations_;  // of each tile so far
};

}  // namespace npim::chip
