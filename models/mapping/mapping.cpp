#include "mapping/mapping.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/integers.h"
#include "mapping/layer_cut.h"
#include "mapping/ring_sizes.h"
#include "mapping/stage_graph.h"
#include "mapping/tile_allocator.h"
#include "program/control_check.h"
#include "program/mesh.h"

namespace npim::mapping {
namespace {

using network::Layer;
using network::LayerOp;
using program::InputPort;
using program::Stage;

/// Why an attempt failed: which layer, and what it lacked.
struct Misfit {
  std::size_t layer = 0;
  std::string what;
};

/// What an attempt is made with.
struct Attempt {
  std::int64_t pace = 1;
  Packing packing = Packing::kLoose;
};

/// One attempt to place all stages.
class Mapper {
 public:
  Mapper(const network::QuantisedNetwork &network, const config::ChipConfig &chip,
         const Attempt &attempt)
      : network_(network),
        chip_(chip),
        attempt_(attempt),
        allocator_(chip, attempt.packing == Packing::kTight ? chip.tiles_per_chip() : 0) {}

  /// The mapping, or nothing and misfit() says why.
  std::optional<Mapping> run() {
    cut(attempt_);
    // The last attempt finds out which layer is too much.
    const bool hopeless = total_arrays() > std::int64_t{chip_.tiles()} * chip_.arrays_per_tile();
    if (hopeless && attempt_.packing == Packing::kLoose) return std::nullopt;
    if (!fit_buffers() || !place()) return std::nullopt;
    write_program();
    if (!check_program()) return std::nullopt;
    report();
    return std::move(mapping_);
  }

  const Misfit &misfit() const { return misfit_; }
  /// Arrays that the cut of the attempt takes, wherever they are.
  std::int64_t total_arrays() const {
    std::int64_t arrays = 0;
    for (std::size_t i = 0; i < cuts_.size(); ++i) {
      const int width = network_.layers[i].output_shape.width;
      arrays += std::int64_t{cuts_[i].arrays} * cuts_[i].replication(width);
    }
    return arrays;
  }

 private:
  void cut(const Attempt &attempt) {
    for (const Layer &layer : network_.layers) {
      LayerCut cut = cut_layer(layer, chip_, attempt.packing);
      replicate(layer, chip_, copies_for_pace(layer, attempt.pace), 1, cut);
      wanted_.push_back(copies_for_pace(layer, attempt.pace));
      cuts_.push_back(std::move(cut));
    }
  }

  // Buffers

  /// Builds the stages with as many strips as it takes for each to fit the eDRAM of a tile.
  bool fit_buffers() {
    for (;;) {
      graph_ = build_stages(network_, cuts_, chip_);
      least_rows_ = least_ring_rows(graph_);
      std::vector<bool> too_large(cuts_.size());
      for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
        if (stage_bytes(i, least_rows_[i]) > chip_.edram.bytes) {
          too_large[graph_.stages[i].layer] = true;
        }
      }
      bool all_fit = true;
      for (std::size_t i = 0; i < cuts_.size(); ++i) {
        if (!too_large[i]) continue;
        all_fit = false;
        if (!cut_finer(i)) return fail_buffer(i);
      }
      if (all_fit) return true;
    }
  }

  /// Strips do not cost more arrays than copies do, and channels of layers without weights do not
  /// depend on each other.
  bool cut_finer(std::size_t index) {
    const Layer &layer = network_.layers[index];
    LayerCut &cut = cuts_[index];
    const int strips = cut.strips;
    replicate(layer, chip_, wanted_[index], strips * 2, cut);
    if (cut.strips > strips) return true;
    const int parts = static_cast<int>(cut.slices.size());
    if (!is_channelwise(layer.op) || parts == layer.output_shape.channels) return false;
    cut_channels(layer, std::min(2 * parts, layer.output_shape.channels), cut);
    return true;
  }

  bool fail_buffer(std::size_t layer) {
    std::int64_t most = 0;
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
      if (graph_.stages[i].layer == layer) most = std::max(most, stage_bytes(i, least_rows_[i]));
    }
    misfit_ = {layer, "needs " + std::to_string(most) +
                          " bytes of input buffers in one tile (the least for one stream of its "
                          "windows, ((kernel height - 1) x width + kernel width) x channels, is " +
                          std::to_string(least_buffer(network_.layers[layer])) +
                          "), the eDRAM has " + std::to_string(chip_.edram.bytes)};
    return false;
  }

  static std::int64_t least_buffer(const Layer &layer) {
    const auto &in = layer.input_shape;
    if (layer.op == LayerOp::kConcat || layer.op == LayerOp::kGather) return 0;
    const std::int64_t pixels = (layer.window.covered_height() - 1) * in.width +
                                std::min<std::int64_t>(layer.window.covered_width(), in.width);
    return pixels * in.channels * static_cast<std::int64_t>(layer.inputs.size());
  }

  /// Buffers start at multiples of the bus width.
  std::int64_t port_bytes(const InputPort &port, int rows) const {
    const std::int64_t line = chip_.bus_bits / 8;
    const std::int64_t bytes =
        std::int64_t{rows} * port.shape.width * port.shape.channels * port.element_bytes;
    return divide_up(bytes, line) * line;
  }
  std::int64_t stage_bytes(std::size_t stage, const std::vector<int> &rows) const {
    const auto &ports = graph_.stages[stage].inputs;
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < ports.size(); ++i) bytes += port_bytes(ports[i], rows[i]);
    return bytes;
  }

  // Places

  bool place() {
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
      std::vector<int> rows = least_rows_[i];
      for (std::size_t port = 0; port < rows.size(); ++port) {
        rows[port] = comfortable_ring_rows(graph_.stages[i], port, rows[port]);
      }
      if (stage_bytes(i, rows) > chip_.edram.bytes) rows = least_rows_[i];
      if (!place_stage(i, rows) && !place_stage(i, least_rows_[i])) return false;
    }
    return true;
  }

  /// Sets tile, slot, offsets, ring rows and the numbers of the arrays.
  bool place_stage(std::size_t number, const std::vector<int> &rows) {
    Stage &stage = graph_.stages[number];
    const std::int64_t bytes = stage_bytes(number, rows);
    const auto place = allocator_.take(static_cast<int>(stage.arrays.size()), bytes);
    if (!place) {
      misfit_ = {stage.layer, "does not fit: none of the chip's " + std::to_string(chip_.tiles()) +
                                  " tiles has " + std::to_string(stage.arrays.size()) +
                                  " arrays and " + std::to_string(bytes) + " bytes of eDRAM left"};
      return false;
    }
    stage.tile = static_cast<std::uint16_t>(place->tile);
    stage.slot = static_cast<std::uint8_t>(place->slot);
    auto offset = static_cast<std::uint32_t>(place->edram_offset);
    for (std::size_t i = 0; i < stage.inputs.size(); ++i) {
      InputPort &port = stage.inputs[i];
      port.ring_rows = static_cast<std::uint16_t>(rows[i]);
      port.edram_offset = offset;
      offset += static_cast<std::uint32_t>(port_bytes(port, rows[i]));
    }
    for (auto &use : stage.arrays) {
      use.array = static_cast<std::uint16_t>(place->arrays[use.array]);
    }
    return true;
  }

  // Program

  void write_program() {
    auto &program = mapping_.program;
    const Layer &last = network_.layers.back();
    program.name = network_.name;
    program.network = network_;
    program.output_scale = last.output_scale;
    program.control.input_shape = network_.input_shape;
    program.control.output_shape = last.output_shape;
    program.control.output_element_bytes = last.requantise.output_s32 ? 4 : 1;
    program.control.stages = graph_.stages;
    for (const Edge &edge : graph_.edges) connect(edge);
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
      const Stage &stage = graph_.stages[i];
      for (const auto &use : stage.arrays) {
        program.weights.push_back(
            array_weights(network_.layers[stage.layer], stage, graph_.pieces[i], use, chip_));
      }
    }
    state_requirements();
  }

  void connect(const Edge &edge) {
    auto &control = mapping_.program.control;
    const auto small = [](std::int64_t value) { return static_cast<std::uint16_t>(value); };
    program::Destination to;
    to.tile = program::kHost;
    if (edge.to != kResults) {
      const Stage &stage = control.stages[static_cast<std::size_t>(edge.to)];
      to.tile = stage.tile;
      to.slot = stage.slot;
      to.port = static_cast<std::uint8_t>(edge.port);
      to.producer = static_cast<std::uint8_t>(edge.producer);
    }
    to.channel_offset = small(edge.channel_offset);
    to.column_offset = small(edge.column_offset);
    to.first_channel = small(edge.sent.first_channel);
    to.channels = small(edge.sent.channels);
    to.first_column = small(edge.sent.first_column);
    to.columns = small(edge.sent.columns);
    (edge.from == kImage ? control.inputs
                         : control.stages[static_cast<std::size_t>(edge.from)].destinations)
        .push_back(to);
  }

  /// What this program needs of a chip, where that is less than the chip it was mapped for has.
  void state_requirements() {
    auto &need = mapping_.program.requirements;
    need = requirements_of(chip_);
    need.tiles = static_cast<std::uint32_t>(allocator_.highest_tile() + 1);
    need.edram_bytes = static_cast<std::uint32_t>(allocator_.most_edram_bytes());
    need.range_divisors_mask = need.bitline_gains_mask = 0;
    for (const auto &layer : network_.layers) {
      if (layer.op != LayerOp::kConvolution) continue;
      need.range_divisors_mask |= static_cast<std::uint8_t>(layer.converter.range_divisor);
      need.bitline_gains_mask |= static_cast<std::uint8_t>(layer.converter.bitline_gain);
    }
  }

  /// The chip's own question, asked before a program is written that the chip would refuse.
  bool check_program() {
    const auto &control = mapping_.program.control;
    const auto fault = program::check_control(control, chip_);
    if (!fault) return true;
    misfit_ = {fault->stage < control.stages.size() ? control.stages[fault->stage].layer : 0,
               "cannot be placed: " + fault->reason};
    return false;
  }

  // Report

  void report() {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) describe(i);
    const auto &stages = mapping_.program.control.stages;
    std::vector<int> stage_count(network_.layers.size());
    for (const Stage &stage : stages) {
      LayerPlacement &layer = mapping_.layers[stage.layer];
      ++stage_count[stage.layer];
      layer.arrays += static_cast<int>(stage.arrays.size());
      if (std::find(layer.tiles.begin(), layer.tiles.end(), stage.tile) == layer.tiles.end()) {
        layer.tiles.push_back(stage.tile);
      }
      for (const InputPort &port : stage.inputs) {
        layer.buffer_bytes += port.bytes();
        layer.ring_rows = std::max<int>(layer.ring_rows, port.ring_rows);
      }
    }
    count_traffic();
    for (std::size_t i = 0; i < mapping_.layers.size(); ++i) {
      LayerPlacement &layer = mapping_.layers[i];
      const double cells =
          static_cast<double>(layer.arrays) * chip_.array.rows * chip_.vectors_per_array();
      const double used = static_cast<double>(layer.weights) * layer.replication;
      layer.utilisation = cells > 0 ? used / cells : 0;
      mapping_.arrays_used += layer.arrays;
      add_record(i, stage_count[i]);
    }
    mapping_.tiles_used = allocator_.tiles_used();
  }

  void describe(std::size_t index) {
    const Layer &layer = network_.layers[index];
    const LayerCut &cut = cuts_[index];
    LayerPlacement placement;
    placement.name = layer.name;
    placement.op = layer.op;
    placement.output_shape = layer.output_shape;
    placement.windows = layer.op == LayerOp::kConcat || layer.op == LayerOp::kGather
                            ? 0
                            : std::int64_t{layer.output_shape.height} * layer.output_shape.width;
    placement.weights = static_cast<std::int64_t>(layer.weights.size());
    placement.macs = placement.weights * placement.windows;
    placement.replication =
        layer.op == LayerOp::kConvolution ? cut.replication(layer.output_shape.width) : 1;
    placement.strips = cut.strips;
    placement.packed_groups = cut.packed_groups;
    placement.row_blocks = cut.row_blocks;
    placement.least_buffer_bytes = least_buffer(layer);
    mapping_.layers.push_back(std::move(placement));
  }

  void count_traffic() {
    const auto &stages = mapping_.program.control.stages;
    const program::Mesh mesh(chip_);
    for (const Edge &edge : graph_.edges) {
      const Stage *from =
          edge.from == kImage ? nullptr : &stages[static_cast<std::size_t>(edge.from)];
      const Stage *to = edge.to == kResults ? nullptr : &stages[static_cast<std::size_t>(edge.to)];
      const auto &shape = from != nullptr ? from->output_shape : network_.input_shape;
      const std::int64_t bytes = shape.height * edge.sent.columns * edge.sent.channels *
                                 (from != nullptr ? from->output_element_bytes() : 1);
      const unsigned source = from != nullptr ? from->tile : mesh.controller();
      const unsigned target = to != nullptr ? to->tile : mesh.controller();
      // Within a tile, data does not reach the network.
      const std::int64_t cost = source == target ? 0 : bytes * mesh.hops(source, target);
      mapping_.hop_bytes += cost;
      if (from == nullptr) {
        mapping_.image_hop_bytes += cost;
      } else {
        mapping_.layers[from->layer].output_bytes += bytes;
        mapping_.layers[from->layer].output_hop_bytes += cost;
      }
    }
  }

  void add_record(std::size_t index, int stages) {
    const LayerPlacement &placement = mapping_.layers[index];
    program::LayerRecord record;
    record.layer = static_cast<std::uint32_t>(index);
    record.op = placement.op;
    record.stages = static_cast<std::uint16_t>(stages);
    record.tiles = static_cast<std::uint16_t>(placement.tiles.size());
    record.arrays = static_cast<std::uint32_t>(placement.arrays);
    record.windows = static_cast<std::uint32_t>(placement.windows);
    record.name = placement.name;
    mapping_.program.layers.push_back(std::move(record));
  }

  const network::QuantisedNetwork &network_;
  const config::ChipConfig &chip_;
  const Attempt attempt_;
  TileAllocator allocator_;
  std::vector<LayerCut> cuts_;
  std::vector<int> wanted_;  ///< copies of each layer
  StageGraph graph_;
  std::vector<std::vector<int>> least_rows_;
  Mapping mapping_;
  Misfit misfit_;
};

void check_format(const network::QuantisedNetwork &network, const config::ChipConfig &chip) {
  const auto code = static_cast<int>(chip.nnadc.code);
  if (network.format.array_rows == chip.array.rows &&
      static_cast<int>(network.format.code) == code) {
    return;
  }
  throw InputError(
      "network '" + network.name + "'",
      "was quantised for another array size or converter than that of chip '" + chip.name + "'");
}

/// In the order in which they are tried: fast before slow, loose before tight.
std::vector<Attempt> attempts(const network::QuantisedNetwork &network, Replication replication) {
  std::vector<Attempt> result;
  const auto all = paces(network);
  if (replication == Replication::kBalanced) {
    for (const std::int64_t pace : all) result.push_back({pace, Packing::kLoose});
  } else {
    result.push_back({all.back(), Packing::kLoose});
  }
  result.push_back({all.back(), Packing::kTight});
  return result;
}

/// What one copy of the whole network takes, for people whose network does not fit.
std::string size_text(const network::QuantisedNetwork &network, const config::ChipConfig &chip) {
  std::int64_t arrays = 0;
  for (const Layer &layer : network.layers)
    arrays += cut_layer(layer, chip, Packing::kTight).arrays;
  const std::int64_t there = std::int64_t{chip.tiles()} * chip.arrays_per_tile();
  const std::int64_t per_chip = std::int64_t{chip.tiles_per_chip()} * chip.arrays_per_tile();
  return "; one copy of the network's weights takes " + std::to_string(arrays) +
         " arrays, that is at least " + std::to_string(divide_up(arrays, per_chip)) +
         " chips; there are " + std::to_string(there) + " arrays on " +
         std::to_string(chip.chips.count) + (chip.chips.count == 1 ? " chip" : " chips");
}

std::uint8_t mask_of(const std::vector<int> &powers_of_two) {
  return static_cast<std::uint8_t>(std::accumulate(powers_of_two.begin(), powers_of_two.end(), 0));
}

}  // namespace

Mapping map_network(const network::QuantisedNetwork &network, const config::ChipConfig &chip,
                    const MapOptions &options) {
  network::validate(network);
  check_format(network, chip);
  Misfit misfit;
  for (const Attempt &attempt : attempts(network, options.replication)) {
    Mapper mapper(network, chip, attempt);
    if (auto mapping = mapper.run()) return std::move(*mapping);
    misfit = mapper.misfit();
  }
  throw InputError("network '" + network.name + "', layer '" + network.layers[misfit.layer].name +
                       "', chip '" + chip.name + "'",
                   misfit.what + size_text(network, chip));
}

program::Requirements requirements_of(const config::ChipConfig &chip) {
  program::Requirements r;
  r.tiles = static_cast<std::uint32_t>(chip.tiles());
  r.imas_per_tile = static_cast<std::uint16_t>(chip.imas_per_tile);
  r.arrays_per_ima = static_cast<std::uint16_t>(chip.arrays_per_ima);
  r.array_rows = static_cast<std::uint16_t>(chip.array.rows);
  r.array_columns = static_cast<std::uint16_t>(chip.array.columns);
  r.cell_bits = static_cast<std::uint8_t>(chip.array.cell_bits);
  r.dac_bits = static_cast<std::uint8_t>(chip.dac_bits);
  r.nnadc_bits = static_cast<std::uint8_t>(chip.nnadc.bits);
  r.code_format = static_cast<std::uint8_t>(chip.nnadc.code);
  r.edram_bytes = static_cast<std::uint32_t>(chip.edram.bytes);
  // A sum of distinct powers of two is the mask of their exponents.
  r.range_divisors_mask = mask_of(chip.nnadc.range_divisors);
  r.bitline_gains_mask = mask_of(chip.bitline_gains);
  return r;
}

void check_fits(const program::Program &program, const config::ChipConfig &chip,
                const std::string &program_name) {
  const auto &need = program.requirements;
  const auto have = requirements_of(chip);
  const auto refuse = [&](const std::string &what, auto wanted, auto present) {
    throw InputError(program_name, "does not fit chip '" + chip.name + "': " + what + " " +
                                       std::to_string(wanted) + ", the chip has " +
                                       std::to_string(present));
  };
  if (need.tiles > have.tiles) refuse("needs tiles", need.tiles, have.tiles);
  if (need.edram_bytes > have.edram_bytes) {
    refuse("needs eDRAM bytes per tile", need.edram_bytes, have.edram_bytes);
  }
  const auto equal = [&](const char *what, auto wanted, auto present) {
    if (wanted != present) refuse(std::string("was compiled for ") + what, wanted, present);
  };
  equal("IMAs per tile", need.imas_per_tile, have.imas_per_tile);
  equal("arrays per IMA", need.arrays_per_ima, have.arrays_per_ima);
  equal("array rows", need.array_rows, have.array_rows);
  equal("array columns", need.array_columns, have.array_columns);
  equal("cell bits", need.cell_bits, have.cell_bits);
  equal("NNADC bits", need.nnadc_bits, have.nnadc_bits);
  equal("converter code format", need.code_format, have.code_format);
  if ((need.range_divisors_mask & ~have.range_divisors_mask) != 0) {
    refuse("needs NNADC ranges (mask)", need.range_divisors_mask, have.range_divisors_mask);
  }
  if ((need.bitline_gains_mask & ~have.bitline_gains_mask) != 0) {
    refuse("needs bit-line gains (mask)", need.bitline_gains_mask, have.bitline_gains_mask);
  }
}

}  // namespace npim::mapping
