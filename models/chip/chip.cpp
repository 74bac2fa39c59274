#include "chip/chip.h"

#include <string>

namespace npim::chip {
namespace {

std::vector<std::unique_ptr<Tile>> make_tiles(ChipContext &context) {
  std::vector<std::unique_ptr<Tile>> tiles;
  for (int i = 0; i < context.config.tiles(); ++i) {
    tiles.push_back(std::make_unique<Tile>(("tile" + std::to_string(i)).c_str(), context, i));
  }
  return tiles;
}

}  // namespace

Chip::Chip(const sc_core::sc_module_name &module_name, const config::ChipConfig &config,
           dataflow::Kernel kernel)
    : sc_module(module_name),
      commands("commands"),
      memory("memory"),
      context_(config, kernel),
      noc_("noc", context_),
      tiles_(make_tiles(context_)),
      link_("link", context_),
      controller_("controller", context_, noc_, tiles_) {
  for (auto &tile : tiles_) {
    tile->to_noc.bind(noc_.from_nodes);
    noc_.to_nodes.bind(tile->from_noc);
  }
  controller_.to_noc.bind(noc_.from_nodes);
  noc_.to_nodes.bind(controller_.from_noc);
  controller_.to_link.bind(link_.from_chip);
  link_.to_host.bind(memory);
  commands.bind(controller_.commands);
}

}  // namespace npim::chip
