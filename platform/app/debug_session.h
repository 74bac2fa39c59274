// `npim run --gdb`: the GDB server on a board, with what its `monitor` commands can tell.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "accelerator/accelerator.h"
#include "board/board.h"
#include "debug/debugger.h"
#include "debug/monitor.h"
#include "debug/retire_hub.h"
#include "debug/server.h"

namespace npim::app {

struct DebugOptions {
  std::uint16_t port = 0;    ///< 0 picks a free one
  bool any_address = false;  ///< not only the loopback interface
  bool wait = false;         ///< before the first instruction, until a debugger continues
};

class DebugSession {
 public:
  /// Before the simulation starts; `accelerator` may be null. Says on standard error where it
  /// listens. Throws InputError when it cannot.
  DebugSession(const DebugOptions &options, board::Board &board,
               std::vector<debug::RetireHub *> hubs, const accelerator::Accelerator *accelerator);

  /// The simulation has ended.
  void finish(int exit_code);

 private:
  static std::vector<cpu::Hart *> harts(board::Board &board);
  debug::Surroundings surroundings();
  void add_commands(const accelerator::Accelerator *accelerator);
  std::string time() const;
  std::string memory_map() const;

  board::Board &board_;
  debug::Monitor monitor_;
  debug::Debugger debugger_;
  debug::Server server_;
};

}  // namespace npim::app
