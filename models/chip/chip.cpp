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

std::vector<NamedUnit> Chip::units() {
  std::vector<NamedUnit> units;
  link_.add_units(units);
  for (std::size_t i = 0; i < tiles_.size(); ++i) {
    const std::string tile = "tile" + std::to_string(i);
    units.push_back({tile + ".bus", &tiles_[i]->bus.unit()});
    units.push_back({tile + ".nnadc", &tiles_[i]->nnadc.unit()});
    units.push_back({tile + ".post", &tiles_[i]->post.unit()});
  }
  noc_.add_units(units);
  return units;
}

}  // namespace npim::chip
