// What a run shows of each hart's instructions: traces and call profiles, one file per hart.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "board/board.h"
#include "debug/call_profile.h"
#include "debug/instruction_trace.h"
#include "debug/retire_hub.h"
#include "debug/symbols.h"

namespace npim::app {

struct HartViewOptions {
  std::string trace;         ///< file of retired instructions; empty for none
  std::string trace_filter;  ///< functions and address ranges; empty for all
  std::string profile;       ///< callgrind file; empty for none
};

class HartViews {
 public:
  /// Hart 0 writes the named files, hart N those with ".hartN" behind. Throws InputError for a
  /// filter that names nothing and for files that cannot be written. The board has its firmware.
  HartViews(const HartViewOptions &options, board::Board &board, const std::string &firmware);

  std::vector<debug::RetireHub *> hubs();
  /// Of the firmware.
  const debug::Symbols &symbols() const { return symbols_; }
  /// After the run. Throws InputError when a file could not be written as a whole.
  void finish();

 private:
  struct View {
    explicit View(cpu::Hart &hart) : hub(hart) {}
    debug::RetireHub hub;
    std::unique_ptr<debug::InstructionTrace> trace;
    std::unique_ptr<debug::CallProfile> profile;
    std::string profile_path;
  };

  void start_trace(View &view, const std::string &path, const std::string &filter);
  void start_profile(View &view, const std::string &path, const std::string &firmware);

  debug::Symbols symbols_;
  std::vector<std::unique_ptr<View>> views_;
};

}  // namespace npim::app
