#include "mapping/mapping.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"
#include "mapping/tile_allocator.h"
#include "program/control_check.h"

namespace npim::mapping {
namespace {

using network::Layer;
using network::LayerOp;
using network::TensorShape;
using program::Destination;
using program::InputPort;
using program::Stage;
using program::StageOp;

std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Some stages that together yield a layer's output, each a slice of its channels.
struct Slice {
  std::size_t stage = 0;  ///< index in ControlProgram::stages
  int first_channel = 0;
};

/// How a convolution is cut into stages.
struct Cut {
  int row_blocks = 0;        ///< of the whole kernel
  int blocks_per_stage = 0;  ///< row blocks one stage holds
  int groups = 0;            ///< column groups of the whole layer
  int groups_per_stage = 0;
  int row_parts() const { return static_cast<int>(divide_up(row_blocks, blocks_per_stage)); }
};

Cut cut(const Layer &layer, const config::ChipConfig &chip) {
  const std::int64_t kernel_rows = std::int64_t{layer.window.kernel_height} *
                                   layer.window.kernel_width * layer.input_shape.channels;
  const int arrays = chip.arrays_per_tile();
  Cut result;
  result.row_blocks = static_cast<int>(divide_up(kernel_rows, chip.array.rows));
  result.groups =
      static_cast<int>(divide_up(layer.output_shape.channels, chip.vectors_per_array()));
  // Kernels longer than a tile are cut into equal parts, so that the parts take equal time.
  const auto parts = divide_up(result.row_blocks, arrays);
  result.blocks_per_stage = static_cast<int>(divide_up(result.row_blocks, parts));
  result.groups_per_stage = std::min(result.groups, arrays / result.blocks_per_stage);
  return result;
}

int kernel_extent(const network::Window &window) {
  return (window.kernel_height - 1) * window.dilation_height + 1;
}

/// Rows that an input buffer keeps: the window's rows, plus those that the next row of windows
/// brings while this one is computed (the ISAAC buffer rule, one stride further). An addition keeps
/// the whole image, because its two inputs arrive with different delays.
int ring_rows(const Layer &layer) {
  const int height = layer.input_shape.height;
  if (layer.op == LayerOp::kAdd) return height;
  return std::min(height, kernel_extent(layer.window) + layer.window.stride_height);
}

class Mapper {
 public:
  Mapper(const network::QuantisedNetwork &network, const config::ChipConfig &chip)
      : network_(network), chip_(chip), allocator_(chip) {}

  Mapping run() {
    check_format();
    auto &program = mapping_.program;
    program.name = network_.name;
    program.network = network_;
    program.requirements = requirements_of(chip_);
    program.output_scale = network_.layers.back().output_scale;
    program.control.input_shape = network_.input_shape;
    program.control.output_shape = network_.layers.back().output_shape;
    program.control.output_element_bytes = network_.layers.back().requantise.output_s32 ? 4 : 1;
    for (std::size_t i = 0; i < network_.layers.size(); ++i) place_layer(i);
    connect_output();
    state_requirements();
    check_program();
    mapping_.tiles_used = allocator_.tiles_used();
    for (const auto &layer : mapping_.layers) mapping_.arrays_used += layer.arrays;
    return std::move(mapping_);
  }

 private:
  [[noreturn]] void fail(const Layer &layer, const std::string &what) const {
    throw InputError(
        "network '" + network_.name + "', layer '" + layer.name + "', chip '" + chip_.name + "'",
        what);
  }

  void check_format() const {
    const auto code = static_cast<int>(chip_.nnadc.code);
    if (network_.format.array_rows != chip_.array.rows ||
        static_cast<int>(network_.format.code) != code) {
      throw InputError("network '" + network_.name + "'",
                       "was quantised for another array size or converter than that of chip '" +
                           chip_.name + "'");
    }
  }

  /// The chip's own question, asked before a program is written that the chip would refuse.
  void check_program() const {
    const auto &control = mapping_.program.control;
    const auto fault = program::check_control(control, chip_);
    if (!fault) return;
    const std::size_t layer =
        fault->stage < control.stages.size() ? control.stages[fault->stage].layer : 0;
    fail(network_.layers[layer], "cannot be placed: " + fault->reason);
  }

  /// What this program needs of a chip, where that is less than the chip it was mapped for has.
  void state_requirements() {
    auto &need = mapping_.program.requirements;
    need.tiles = static_cast<std::uint32_t>(allocator_.highest_tile() + 1);
    need.edram_bytes = static_cast<std::uint32_t>(allocator_.most_edram_bytes());
    need.range_divisors_mask = need.bitline_gains_mask = 0;
    for (const auto &layer : network_.layers) {
      if (layer.op != LayerOp::kConvolution) continue;
      need.range_divisors_mask |= static_cast<std::uint8_t>(layer.converter.range_divisor);
      need.bitline_gains_mask |= static_cast<std::uint8_t>(layer.converter.bitline_gain);
    }
  }

  /// Finds room for a stage that takes `arrays` arrays and the given input ports; sets tile, slot,
  /// offsets. Throws when the chip is full.
  std::vector<int> allocate(const Layer &layer, int arrays, Stage &stage) {
    std::int64_t bytes = 0;
    for (const auto &port : stage.inputs) bytes += port_bytes(port);
    if (bytes > chip_.edram.bytes) {
      fail(layer, "needs " + std::to_string(bytes) +
                      " bytes of input buffers in one tile, the eDRAM has " +
                      std::to_string(chip_.edram.bytes));
    }
    const auto place = allocator_.take(arrays, bytes);
    if (!place) {
      fail(layer, "does not fit: none of the chip's " + std::to_string(chip_.tiles()) +
                      " tiles has " + std::to_string(arrays) + " arrays and " +
                      std::to_string(bytes) + " bytes of eDRAM left");
    }
    stage.tile = static_cast<std::uint16_t>(place->tile);
    stage.slot = static_cast<std::uint8_t>(place->slot);
    auto offset = static_cast<std::uint32_t>(place->edram_offset);
    for (auto &port : stage.inputs) {
      port.edram_offset = offset;
      offset += static_cast<std::uint32_t>(port_bytes(port));
    }
    return place->arrays;
  }

  /// Buffers start at multiples of the bus width.
  std::int64_t port_bytes(const InputPort &port) const {
    const std::int64_t line = chip_.bus_bits / 8;
    const std::int64_t bytes =
        std::int64_t{port.ring_rows} * port.shape.width * port.shape.channels * port.element_bytes;
    return divide_up(bytes, line) * line;
  }

  InputPort input_port(const Layer &layer) const {
    InputPort port;
    port.shape = layer.input_shape;
    port.element_bytes = 1;
    port.ring_rows = static_cast<std::uint16_t>(ring_rows(layer));
    return port;
  }

  Stage blank_stage(std::size_t index, StageOp op) const {
    const Layer &layer = network_.layers[index];
    Stage stage;
    stage.layer = static_cast<std::uint32_t>(index);
    stage.op = op;
    stage.window = layer.window;
    stage.pad_value = layer.pad_value;
    stage.output_shape = layer.output_shape;
    stage.converter = layer.converter;
    return stage;
  }

  void place_layer(std::size_t index) {
    const Layer &layer = network_.layers[index];
    constexpr std::int32_t kMost = 65535;  // of 16-bit fields in the program
    if (layer.input_shape.height > kMost || layer.output_shape.channels > kMost) {
      fail(layer, "has more than 65535 rows or channels");
    }
    if (layer.op == LayerOp::kConcat) fail(layer, "concatenation cannot be mapped yet");
    if (layer.op > LayerOp::kConcat) fail(layer, "its operation cannot be mapped yet");
    if (layer.groups != 1) fail(layer, "grouped convolution cannot be mapped yet");
    LayerPlacement placement;
    placement.name = layer.name;
    placement.op = layer.op;
    placement.output_shape = layer.output_shape;
    placement.windows = std::int64_t{layer.output_shape.height} * layer.output_shape.width;
    mapping_.layers.push_back(placement);
    slices_.emplace_back();
    stages_of_.emplace_back();
    if (layer.op == LayerOp::kConvolution) {
      place_convolution(index);
    } else {
      place_simple(index);
    }
    finish_report(index);
  }

  void place_convolution(std::size_t index) {
    const Layer &layer = network_.layers[index];
    const Cut parts = cut(layer, chip_);
    auto &placement = mapping_.layers[index];
    placement.row_blocks = parts.row_blocks;
    placement.weights = static_cast<std::int64_t>(layer.weights.size());
    placement.macs = placement.weights * placement.windows;
    const int vectors = chip_.vectors_per_array();
    for (int group = 0; group < parts.groups; group += parts.groups_per_stage) {
      const int first = group * vectors;
      const int count = std::min(parts.groups_per_stage * vectors,
                                 static_cast<int>(layer.output_shape.channels) - first);
      place_slice(index, parts, first, count);
    }
  }

  /// All stages that yield output channels [first, first + count).
  void place_slice(std::size_t index, const Cut &parts, int first, int count) {
    std::vector<std::size_t> partial;
    for (int block = 0; block < parts.row_blocks; block += parts.blocks_per_stage) {
      const int blocks = std::min(parts.blocks_per_stage, parts.row_blocks - block);
      partial.push_back(place_mvm(index, first, count, block, blocks, parts.row_parts() > 1));
    }
    constexpr std::size_t kMostParts = 64;  // inputs of one stage
    if (partial.size() > kMostParts) {
      fail(network_.layers[index], "has kernels that span " + std::to_string(partial.size()) +
                                       " tiles; an aggregator adds up to 64");
    }
    if (partial.size() == 1) {
      slices_[index].push_back({partial[0], first});
      return;
    }
    slices_[index].push_back({place_aggregate(index, first, count, partial), first});
  }

  std::size_t place_mvm(std::size_t index, int first, int count, int block, int blocks, bool raw) {
    const Layer &layer = network_.layers[index];
    Stage stage = blank_stage(index, StageOp::kMvm);
    stage.inputs = {input_port(layer)};
    stage.output_shape.channels = count;
    stage.kernel_rows = static_cast<std::uint32_t>(
        layer.weights.size() / static_cast<std::size_t>(layer.output_shape.channels));
    stage.raw_output = raw;
    if (!raw) stage.requantise = slice_of(layer.requantise, first, count);
    const int groups = static_cast<int>(divide_up(count, chip_.vectors_per_array()));
    const auto arrays = allocate(layer, groups * blocks, stage);
    std::size_t next = 0;
    for (int group = 0; group < groups; ++group) {
      for (int b = block; b < block + blocks; ++b) {
        const program::ArrayUse use = {static_cast<std::uint16_t>(arrays[next++]),
                                       static_cast<std::uint16_t>(b),
                                       static_cast<std::uint16_t>(group)};
        stage.arrays.push_back(use);
        add_weights(layer, stage, use, first, count);
      }
    }
    mapping_.layers[index].arrays += groups * blocks;
    return add_stage(index, std::move(stage), true);
  }

  void add_weights(const Layer &layer, const Stage &stage, const program::ArrayUse &use, int first,
                   int count) {
    const int vectors = chip_.vectors_per_array();
    const int rows = chip_.array.rows;
    const auto kernel = static_cast<std::size_t>(stage.kernel_rows);
    const std::size_t row_begin = std::size_t{use.row_block} * static_cast<std::size_t>(rows);
    program::ArrayWeights weights;
    weights.tile = stage.tile;
    weights.array = use.array;
    weights.rows =
        static_cast<std::uint16_t>(std::min(static_cast<std::size_t>(rows), kernel - row_begin));
    weights.vectors =
        static_cast<std::uint16_t>(std::min(vectors, count - use.column_group * vectors));
    weights.values.resize(std::size_t{weights.rows} * weights.vectors);
    for (std::size_t v = 0; v < weights.vectors; ++v) {
      const std::size_t channel = static_cast<std::size_t>(first + use.column_group * vectors) + v;
      const std::int8_t *column = layer.weights.data() + channel * kernel + row_begin;
      for (std::size_t r = 0; r < weights.rows; ++r) {
        weights.values[r * weights.vectors + v] = column[r];
      }
    }
    mapping_.program.weights.push_back(std::move(weights));
  }

  std::size_t place_aggregate(std::size_t index, int first, int count,
                              const std::vector<std::size_t> &partial) {
    const Layer &layer = network_.layers[index];
    Stage stage = blank_stage(index, StageOp::kAggregate);
    stage.window = network::Window{};
    stage.pad_value = 0;
    stage.converter = network::Converter{};
    stage.output_shape.channels = count;
    stage.requantise = slice_of(layer.requantise, first, count);
    InputPort port;
    port.shape = stage.output_shape;
    port.element_bytes = 4;
    port.ring_rows = static_cast<std::uint16_t>(std::min(2, static_cast<int>(port.shape.height)));
    stage.inputs.assign(partial.size(), port);
    allocate(layer, 0, stage);
    auto &stages = mapping_.program.control.stages;
    for (std::size_t i = 0; i < partial.size(); ++i) {
      stages[partial[i]].destinations.push_back(
          {stage.tile, stage.slot, static_cast<std::uint8_t>(i), 0, 0});
    }
    return add_stage(index, std::move(stage), false);
  }

  void place_simple(std::size_t index) {
    const Layer &layer = network_.layers[index];
    const StageOp op = layer.op == LayerOp::kMaxPool       ? StageOp::kMaxPool
                       : layer.op == LayerOp::kAveragePool ? StageOp::kAveragePool
                                                           : StageOp::kAdd;
    Stage stage = blank_stage(index, op);
    stage.converter = network::Converter{};
    stage.requantise = layer.requantise;
    stage.inputs.assign(layer.inputs.size(), input_port(layer));
    allocate(layer, 0, stage);
    slices_[index].push_back({add_stage(index, std::move(stage), true), 0});
  }

  /// Records the stage and, when it reads the layer's inputs, connects it to their producers.
  std::size_t add_stage(std::size_t index, Stage stage, bool reads_inputs) {
    auto &control = mapping_.program.control;
    const Layer &layer = network_.layers[index];
    mapping_.layers[index].tiles.push_back(stage.tile);
    for (const auto &port : stage.inputs) mapping_.layers[index].buffer_bytes += port.bytes();
    stages_of_[index] += 1;
    const std::size_t number = control.stages.size();
    control.stages.push_back(std::move(stage));
    if (!reads_inputs) return number;
    for (std::size_t port = 0; port < layer.inputs.size(); ++port) {
      connect(layer, layer.inputs[port], number, static_cast<std::uint8_t>(port));
    }
    return number;
  }

  void connect(const Layer &layer, int producer_layer, std::size_t consumer, std::uint8_t port) {
    auto &control = mapping_.program.control;
    Stage &to = control.stages[consumer];
    Destination destination = {to.tile, to.slot, port, 0, 0};
    if (producer_layer == network::kNetworkInput) {
      control.inputs.push_back(destination);
      return;
    }
    const auto &slices = slices_[static_cast<std::size_t>(producer_layer)];
    if (slices.size() > 255) fail(layer, "has an input of more than 255 channel slices");
    to.inputs[port].producers = static_cast<std::uint8_t>(slices.size());
    for (std::size_t i = 0; i < slices.size(); ++i) {
      destination.producer = static_cast<std::uint8_t>(i);
      destination.channel_offset = static_cast<std::uint16_t>(slices[i].first_channel);
      control.stages[slices[i].stage].destinations.push_back(destination);
    }
  }

  void connect_output() {
    auto &stages = mapping_.program.control.stages;
    for (const auto &slice : slices_.back()) {
      stages[slice.stage].destinations.push_back(
          {program::kHost, 0, 0, 0, static_cast<std::uint16_t>(slice.first_channel)});
    }
    for (const auto &stage : stages) {
      if (stage.destinations.empty()) {
        fail(network_.layers[stage.layer], "has an output that nothing uses");
      }
    }
  }

  static network::Requantise slice_of(const network::Requantise &whole, int first, int count) {
    network::Requantise slice = whole;
    const auto cut_out = [&](auto &values) {
      if (values.size() <= 1) return;
      values.erase(values.begin(), values.begin() + first);
      values.resize(static_cast<std::size_t>(count));
    };
    cut_out(slice.multiplier);
    cut_out(slice.bias);
    return slice;
  }

  void finish_report(std::size_t index) {
    auto &placement = mapping_.layers[index];
    auto &tiles = placement.tiles;
    tiles.erase(std::unique(tiles.begin(), tiles.end()), tiles.end());
    const double cells =
        static_cast<double>(placement.arrays) * chip_.array.rows * chip_.vectors_per_array();
    placement.utilisation = cells > 0 ? static_cast<double>(placement.weights) / cells : 0;
    program::LayerRecord record;
    record.layer = static_cast<std::uint32_t>(index);
    record.op = placement.op;
    record.stages = static_cast<std::uint8_t>(std::min(255, stages_of_[index]));
    record.tiles = static_cast<std::uint16_t>(tiles.size());
    record.arrays = static_cast<std::uint32_t>(placement.arrays);
    record.windows = static_cast<std::uint32_t>(placement.windows);
    record.name = placement.name;
    mapping_.program.layers.push_back(std::move(record));
  }

  const network::QuantisedNetwork &network_;
  const config::ChipConfig &chip_;
  TileAllocator allocator_;
  Mapping mapping_;
  std::vector<std::vector<Slice>> slices_;  ///< per layer
  std::vector<int> stages_of_;              ///< per layer
};

std::uint8_t mask_of(const std::vector<int> &powers_of_two) {
  return static_cast<std::uint8_t>(std::accumulate(powers_of_two.begin(), powers_of_two.end(), 0));
}

}  // namespace

Mapping map_network(const network::QuantisedNetwork &network, const config::ChipConfig &chip) {
  network::validate(network);
  return Mapper(network, chip).run();
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
