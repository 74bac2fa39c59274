#include "app/debug_session.h"

#include <algorithm>
#include <iostream>
#include <map>

#include "app/statistics.h"
#include "bus/address_map.h"
#include "debug/accelerator_monitor.h"
#include "debug/packet.h"

namespace npim::app {
namespace {

const char *name(program::StageOp op) {
  switch (op) {
    case program::StageOp::kMvm:
      return "MVM";
    case program::StageOp::kMaxPool:
      return "max pool";
    case program::StageOp::kAveragePool:
      return "average pool";
    case program::StageOp::kAdd:
      return "add";
    case program::StageOp::kAggregate:
      return "aggregate";
    case program::StageOp::kLookup:
      return "lookup";
    case program::StageOp::kMultiply:
      return "multiply";
    case program::StageOp::kInsideAverage:
      return "inside average";
    case program::StageOp::kLocalResponse:
      return "local response";
  }
  return "unknown";
}

std::string describe(const program::Stage &stage) {
  const auto &shape = stage.output_shape;
  std::string text = "  slot " + std::to_string(stage.slot) + ": layer " +
                     std::to_string(stage.layer) + ", " + name(stage.op) + " to " +
                     std::to_string(shape.height) + " x " + std::to_string(shape.width) + " x " +
                     std::to_string(shape.channels);
  if (!stage.arrays.empty()) text += ", " + std::to_string(stage.arrays.size()) + " arrays";
  text += ", to";
  for (const auto &to : stage.destinations) {
    text += to.tile == program::kHost
                ? std::string(" host")
                : " " + std::to_string(to.tile) + "." + std::to_string(to.slot);
  }
  return text + "\n";
}

std::string tile_map(const chip::Chip &chip) {
  const auto *loaded = chip.loaded();
  const std::string tiles = std::to_string(chip.config().tiles());
  if (loaded == nullptr) return tiles + " tiles; no control vectors are loaded\n";
  std::map<unsigned, std::string> by_tile;
  for (const auto &stage : loaded->stages) by_tile[stage.tile] += describe(stage);
  std::string text = std::to_string(by_tile.size()) + " of " + tiles + " tiles in use, " +
                     std::to_string(loaded->stages.size()) + " stages\n";
  for (const auto &[tile, stages] : by_tile) text += "tile " + std::to_string(tile) + "\n" + stages;
  return text;
}

}  // namespace

DebugSession::DebugSession(const DebugOptions &options, board::Board &board,
                           std::vector<debug::RetireHub *> hubs,
                           const accelerator::Accelerator *accelerator)
    : board_(board),
      debugger_(std::move(hubs), harts(board), surroundings(), monitor_),
      server_(options.port, options.any_address, [this] { debugger_.notify(); }) {
  add_commands(accelerator);
  debugger_.attach(server_, options.wait);
  std::cerr << "npim run: GDB server on port " << server_.port()
            << ": target remote localhost:" << server_.port()
            << (options.wait ? "; the hart waits for it" : "") << std::endl;
}

std::vector<cpu::Hart *> DebugSession::harts(board::Board &board) {
  std::vector<cpu::Hart *> harts;
  for (unsigned i = 0; i < board.harts(); ++i) harts.push_back(&board.hart(i));
  return harts;
}

debug::Surroundings DebugSession::surroundings() {
  debug::Surroundings machine;
  machine.read = [this](std::uint64_t address, std::uint8_t *to, std::size_t size) {
    const Bytes bytes = board_.peek(address, size);
    std::copy(bytes.begin(), bytes.end(), to);
    return bytes.size();
  };
  machine.write = [this](std::uint64_t address, const std::uint8_t *from, std::size_t size) {
    return static_cast<std::size_t>(board_.poke(address, from, size));
  };
  machine.translate = [this](debug::HartIndex hart, std::uint64_t address) {
    return board_.hart(hart).physical_address(address);
  };
  machine.reset = [this] { board_.restart(); };
  machine.kill = [this] { board_.stop("ended by the debugger"); };
  machine.nothing_scheduled = [this] { return board_.nothing_scheduled(); };
  return machine;
}

void DebugSession::finish(int exit_code) {
  debugger_.finished(exit_code);
  server_.close();
}

std::string DebugSession::time() const {
  const auto now = std::max(sc_core::sc_time_stamp(), board_.hart().local_time());
  const auto statistics = statistics_of_all(board_);
  return now.to_string() + " of simulated time, " + std::to_string(statistics.cycles) +
         " cycles, " + std::to_string(statistics.instructions) + " instructions\n";
}

std::string DebugSession::memory_map() const {
  const auto &map = board_.bus().address_map();
  std::map<std::uint64_t, std::string> by_base;
  for (std::size_t i = 0; i < map.size(); ++i) by_base[map.region(i).base] = map.region(i).text();
  std::string text;
  for (const auto &[base, line] : by_base) text += line + "\n";
  return text;
}

void DebugSession::add_commands(const accelerator::Accelerator *accelerator) {
  monitor_.add("time", "time", "simulated time, cycles and instructions",
               [this](const std::string &) { return time(); });
  monitor_.add("map", "map", "the memory map",
               [this](const std::string &) { return memory_map(); });
  monitor_.add("describe", "describe ADDRESS", "what lies at a hexadecimal address",
               [this](const std::string &text) {
                 const bool prefixed = text.rfind("0x", 0) == 0;
                 const auto address = debug::parse_hex(prefixed ? text.substr(2) : text);
                 return address ? board_.describe(*address) + "\n" : "expected an address\n";
               });
  monitor_.add("physical", "physical on|off",
               "whether GDB's addresses of memory are physical rather than the hart's",
               [this](const std::string &text) -> std::string {
                 if (text != "on" && text != "off") return "expected on or off\n";
                 debugger_.set_physical(text == "on");
                 return "";
               });
  monitor_.add("stats", "stats", "what the hart has done", [this](const std::string &) {
    return statistics_text(statistics_of_all(board_), board_.harts());
  });
  monitor_.add("reset", "reset",
               "loads firmware and device tree again and resets the hart; devices keep their state",
               [this](const std::string &) {
                 debugger_.reset();
                 return "hart at " + board_.symbolise(board_.hart().state().pc) + "\n";
               });
  if (accelerator == nullptr) return;
  debug::add_accelerator_commands(monitor_, board_.config().accelerator.value().registers.base,
                                  surroundings().read);
  monitor_.add("tiles", "tiles", "stages by tile, as LOAD_CONTROL brought them",
               [chip = &accelerator->chip()](const std::string &) { return tile_map(*chip); });
}

}  // namespace npim::app
