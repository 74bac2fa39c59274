#include "app/mapping_report.h"

#include <sstream>

#include "app/operation_name.h"
#include "app/text_table.h"

namespace npim::app {
namespace {

using mapping::LayerPlacement;
using network::LayerOp;

std::string tile_list(const std::vector<int> &tiles) {
  std::string list;
  for (std::size_t i = 0; i < tiles.size() && i < 4; ++i) {
    list += (i == 0 ? "" : " ") + std::to_string(tiles[i]);
  }
  return tiles.size() > 4 ? list + " ... " + std::to_string(tiles.back()) : list;
}

std::string shape_text(const network::TensorShape &shape) {
  return std::to_string(shape.height) + "x" + std::to_string(shape.width) + "x" +
         std::to_string(shape.channels);
}

/// What the host does, and why.
std::string host_text(const mapping::Mapping &mapping) {
  std::ostringstream text;
  const auto &schedule = mapping.program.schedule;
  std::size_t runs = 0, operations = 0;
  for (const auto &step : schedule.steps) {
    runs += step.kind == program::Step::Kind::kOnChip ? 1 : 0;
    operations += step.kind == program::Step::Kind::kOnHost ? 1 : 0;
  }
  text << "Steps per batch: " << runs << " of the chip, " << operations << " of the host; "
       << with_thousands(static_cast<long long>(schedule.workspace_bytes))
       << " bytes of DRAM per image between them\n";
  constexpr int kMostListed = 12;
  int listed = 0, host_layers = 0;
  for (const LayerPlacement &layer : mapping.layers) {
    if (!layer.on_host) continue;
    ++host_layers;
    if (listed == kMostListed) continue;
    ++listed;
    text << "  on the host: " << operation_name(layer.op) << ' ' << layer.name << " ("
         << layer.host_reason << ")\n";
  }
  if (host_layers > listed) text << "  and " << host_layers - listed << " more\n";
  return text.str();
}

std::string copies_text(const LayerPlacement &layer) {
  if (layer.shares_arrays) return "shared";
  std::string text = std::to_string(layer.replication);
  if (layer.strips > 1) text += " (" + std::to_string(layer.strips) + " strips)";
  return text;
}

}  // namespace

std::string mapping_text(const mapping::Mapping &mapping, const config::ChipConfig &chip) {
  TextTable table({"layer", "op", "output", "weights", "MACs", "arrays", "used %", "blocks",
                   "copies", "per array", "tiles", "rows", "eDRAM B", "least B", "hop B"});
  std::int64_t weights = 0, macs = 0;
  for (const LayerPlacement &layer : mapping.layers) {
    weights += layer.weights;
    macs += layer.macs;
    const bool conv = layer.op == LayerOp::kConvolution;
    const auto if_conv = [&](const std::string &text) { return conv ? text : std::string(); };
    table.add(
        {layer.name, operation_name(layer.op), shape_text(layer.output_shape),
         if_conv(with_thousands(layer.weights)), if_conv(with_thousands(layer.macs)),
         if_conv(std::to_string(layer.arrays)), if_conv(fixed(100 * layer.utilisation, 1)),
         if_conv(std::to_string(layer.row_blocks)), if_conv(copies_text(layer)),
         if_conv(layer.packed_groups > 1 ? std::to_string(layer.packed_groups) + " groups" : ""),
         layer.on_host ? "host" : tile_list(layer.tiles), std::to_string(layer.ring_rows),
         with_thousands(layer.buffer_bytes), with_thousands(layer.least_buffer_bytes),
         with_thousands(layer.output_hop_bytes)});
  }
  std::ostringstream text;
  text
      << table.format() << '\n'
      << "blocks: arrays below each other; rows: of the deepest input buffer; eDRAM B: input "
         "buffers on all tiles;\nleast B: ((kernel height - 1) x width + kernel width) x channels; "
         "hop B: bytes sent per image times routers passed, where receivers share the way once\n\n"
      << mapping.arrays_used << " of " << chip.tiles() * chip.arrays_per_tile() << " arrays on "
      << mapping.tiles_used << " of " << chip.tiles() << " tiles of " << chip.chips.count
      << (chip.chips.count == 1 ? " chip, " : " chips, ") << with_thousands(weights) << " weights, "
      << with_thousands(macs) << " MACs per image\n"
      << (mapping.channels == 1 ? std::string()
                                : std::to_string(mapping.channels) +
                                      " channels, each with all layers, take images in turn\n")
      << "Data moved per image: " << with_thousands(mapping.hop_bytes)
      << " bytes x routers, of which the image " << with_thousands(mapping.image_hop_bytes) << '\n';
  if (!mapping.is_chip_alone()) text << host_text(mapping);
  return text.str();
}

boost::json::object mapping_json(const LayerPlacement &layer) {
  return {{"name", layer.name},
          {"operation", operation_name(layer.op)},
          {"weights", layer.weights},
          {"macs", layer.macs},
          {"windows", layer.windows},
          {"arrays", layer.arrays},
          {"utilisation", layer.utilisation},
          {"row_blocks", layer.row_blocks},
          {"on_host", layer.on_host},
          {"host_reason", layer.host_reason},
          {"shares_arrays", layer.shares_arrays},
          {"replication", layer.replication},
          {"strips", layer.strips},
          {"groups_per_array", layer.packed_groups},
          {"tiles", boost::json::value_from(layer.tiles)},
          {"ring_rows", layer.ring_rows},
          {"edram_bytes", layer.buffer_bytes},
          {"least_buffer_bytes", layer.least_buffer_bytes},
          {"output_bytes", layer.output_bytes},
          {"output_hop_bytes", layer.output_hop_bytes}};
}

}  // namespace npim::app
