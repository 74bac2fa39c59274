#include "mapping/segment_mapper.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "base/integers.h"
#include "mapping/replication.h"
#include "mapping/ring_sizes.h"
#include "mapping/stage_graph.h"
#include "mapping/traffic.h"
#include "program/control_check.h"
#include "program/mesh.h"

namespace npim::mapping {
namespace {

using network::Layer;
using network::LayerOp;
using program::InputPort;
using program::Stage;

std::int64_t least_buffer(const Layer &layer) {
  const auto &in = layer.input_shape;
  if (layer.op == LayerOp::kConcat || layer.op == LayerOp::kGather) return 0;
  const std::int64_t pixels = (layer.window.covered_height() - 1) * in.width +
                              std::min<std::int64_t>(layer.window.covered_width(), in.width);
  return pixels * in.channels * static_cast<std::int64_t>(layer.inputs.size());
}

}  // namespace

LayerPlacement describe_layer(const Layer &layer) {
  LayerPlacement placement;
  placement.name = layer.name;
  placement.op = layer.op;
  placement.output_shape = layer.output_shape;
  placement.windows = layer.op == LayerOp::kConcat || layer.op == LayerOp::kGather
                          ? 0
                          : std::int64_t{layer.output_shape.height} * layer.output_shape.width;
  placement.weights = static_cast<std::int64_t>(layer.weights.size());
  placement.macs = placement.weights * placement.windows;
  placement.least_buffer_bytes = least_buffer(layer);
  return placement;
}

/// See SegmentMapper.
class SegmentMapper::Work {
 public:
  Work(const network::QuantisedNetwork &network, const std::vector<int> &origins,
       const config::ChipConfig &chip, const Attempt &attempt, TileAllocator &allocator,
       const SharedArrays &shared)
      : network_(network),
        origins_(origins),
        chip_(chip),
        attempt_(attempt),
        allocator_(allocator),
        shared_(shared) {}

  std::optional<MappedSegment> run() {
    cut(attempt_);
    const bool hopeless = total_arrays() > std::int64_t{chip_.tiles()} * chip_.arrays_per_tile();
    if (hopeless && attempt_.may_fail_early) return std::nullopt;
    if (!fit_buffers() || !place()) return std::nullopt;
    write_program();
    if (!check_program()) return std::nullopt;
    report();
    return std::move(mapped_);
  }

  /// With the number of the layer in the whole network.
  const Misfit &misfit() const { return misfit_; }

 private:
  /// Arrays that the cut of the attempt takes, wherever they are.
  std::int64_t total_arrays() const {
    std::int64_t arrays = 0;
    for (std::size_t i = 0; i < cuts_.size(); ++i) {
      if (home_of(i) != nullptr) continue;
      const int width = network_.layers[i].output_shape.width;
      arrays += std::int64_t{cuts_[i].arrays} * cuts_[i].replication(width);
    }
    return arrays;
  }

  /// A layer of the whole network. What joins tensors counts for the layers before it.
  std::size_t origin(std::size_t layer) const {
    while (layer > 0 && origins_[layer] < 0) --layer;
    return static_cast<std::size_t>(std::max(origins_[layer], 0));
  }
  void misfit(std::size_t layer, std::string what) { misfit_ = {origin(layer), std::move(what)}; }

  /// The arrays of an earlier segment that a layer is to use, or nullptr.
  const LayerArrays *home_of(std::size_t layer) const {
    if (origins_[layer] < 0) return nullptr;
    const int with = shared_.shares_with[static_cast<std::size_t>(origins_[layer])];
    if (with < 0) return nullptr;
    const LayerArrays &home = shared_.homes[static_cast<std::size_t>(with)];
    return home.empty() ? nullptr : &home;
  }

  void cut(const Attempt &attempt) {
    for (const Layer &layer : network_.layers) {
      LayerCut cut = cut_layer(layer, chip_, attempt.style.packing);
      const int copies = copies_for_pace(layer, attempt.pace);
      replicate(layer, chip_, copies, strips_for_traffic(layer, cut, copies), cut);
      wanted_.push_back(copies);
      cuts_.push_back(std::move(cut));
    }
  }

  /// Strips so that the input of each arrives at the pace of all. Those of layers without weights
  /// follow the strips of the layers before, next to which they are placed.
  int strips_for_traffic(const Layer &layer, const LayerCut &cut, int copies) const {
    const int needed = strips_for_pace(layer, chip_, attempt_.pace);
    if (cut.arrays > 0) return std::min(needed, copies);
    const bool follows = attempt_.style.joins_in_strips && layer.inputs.size() > 1;
    if (needed == 1 && !follows) return needed;
    int strips = needed;
    for (const int before : layer.inputs) {
      if (before == network::kNetworkInput) continue;
      strips = std::max(strips, cuts_[static_cast<std::size_t>(before)].strips);
    }
    return strips;
  }

  // Buffers

  /// Rows of the whole image: [stage][port].
  std::vector<std::vector<int>> image_rows() const {
    std::vector<std::vector<int>> rows;
    for (const Stage &stage : graph_.stages) {
      rows.emplace_back();
      for (const InputPort &port : stage.inputs) rows.back().push_back(port.shape.height);
    }
    return rows;
  }

  /// Builds the stages with as many strips as it takes for each to fit the eDRAM of a tile.
  bool fit_buffers() {
    for (;;) {
      build();
      least_rows_ =
          attempt_.schedule == Schedule::kPipelined ? least_ring_rows(graph_) : image_rows();
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

  void build() {
    try {
      graph_ = build_stages(network_, cuts_, chip_);
    } catch (const Unmappable &fault) {
      if (origins_[fault.layer] < 0) throw;
      throw UnmappableLayer{static_cast<std::size_t>(origins_[fault.layer]), fault.reason};
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
    misfit(layer, "needs " + std::to_string(most) +
                      " bytes of input buffers in one tile (the least for one stream of its "
                      "windows, ((kernel height - 1) x width + kernel width) x channels, is " +
                      std::to_string(least_buffer(network_.layers[layer])) + "), the eDRAM has " +
                      std::to_string(chip_.edram.bytes));
    return false;
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
    places_.resize(graph_.stages.size());
    edges_to_.assign(graph_.stages.size(), {});
    for (std::size_t i = 0; i < graph_.edges.size(); ++i) {
      const int to = graph_.edges[i].to;
      if (to != kResults) edges_to_[static_cast<std::size_t>(to)].push_back(i);
    }
    find_homes();
    // Stages whose place is given come first.
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
      if (homes_[i] != nullptr && !try_place(i)) homes_[i] = nullptr;
    }
    for (const std::size_t i : placing_order()) {
      if (homes_[i] == nullptr && !try_place(i)) return false;
    }
    return true;
  }

  /// Stages with arrays in the order of the network; but of neighbouring layers that are both cut
  /// into strips, strip after strip and not layer after layer, because a strip is fed by the same
  /// strip of the layer before. Then stages without arrays, which are put beside those that feed
  /// them.
  std::vector<std::size_t> placing_order() const {
    struct Key {
      int run, position, layer;
      bool operator<(const Key &other) const {
        return std::tie(run, position, layer) < std::tie(other.run, other.position, other.layer);
      }
    };
    std::vector<Key> keys;
    std::vector<std::size_t> order;
    int run = 0, before = -1;
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
      const Piece &piece = graph_.pieces[i];
      const auto layer = static_cast<std::size_t>(piece.layer);
      const bool is_sum = graph_.stages[i].arrays.empty() && cuts_[layer].arrays > 0;
      const bool has_arrays =
          !graph_.stages[i].arrays.empty() || (is_sum && attempt_.style.sums_in_order);
      const bool in_strips = cuts_[layer].strips > 1;
      if (has_arrays && piece.layer != before) {
        const bool goes_on =
            before >= 0 && in_strips && cuts_[static_cast<std::size_t>(before)].strips > 1;
        if (!goes_on) ++run;
        before = piece.layer;
      }
      const int middle = piece.columns.first + piece.columns.end();
      constexpr int kScale = 1 << 14;
      const int position =
          in_strips ? middle * kScale / network_.layers[layer].output_shape.width : 0;
      keys.push_back({has_arrays ? run : std::numeric_limits<int>::max(),
                      has_arrays ? position : static_cast<int>(i), piece.layer});
      order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
    return order;
  }

  /// Stages of layers that share arrays, if both layers are cut alike.
  void find_homes() {
    homes_.assign(graph_.stages.size(), nullptr);
    for (std::size_t first = 0, end = 0; first < graph_.stages.size(); first = end) {
      const std::size_t layer = graph_.stages[first].layer;
      std::vector<std::size_t> with_arrays;
      for (; end < graph_.stages.size() && graph_.stages[end].layer == layer; ++end) {
        if (!graph_.stages[end].arrays.empty()) with_arrays.push_back(end);
      }
      const LayerArrays *home = home_of(layer);
      if (home == nullptr || home->size() != with_arrays.size()) continue;
      bool alike = true;
      for (std::size_t k = 0; k < home->size(); ++k) {
        const std::size_t arrays = graph_.stages[with_arrays[k]].arrays.size();
        alike = alike && arrays == (*home)[k].arrays.size();
      }
      if (!alike) continue;
      for (std::size_t k = 0; k < home->size(); ++k) homes_[with_arrays[k]] = &(*home)[k];
    }
  }

  bool try_place(std::size_t i) {
    std::vector<int> rows = least_rows_[i];
    for (std::size_t port = 0; port < rows.size(); ++port) {
      rows[port] = comfortable_ring_rows(graph_.stages[i], port, rows[port]);
    }
    if (stage_bytes(i, rows) > chip_.edram.bytes) rows = least_rows_[i];
    return place_stage(i, rows) || place_stage(i, least_rows_[i]);
  }

  /// On the tile that most of a stage's input comes from.
  std::optional<TileAllocator::Place> place_by_sender(std::size_t number, std::int64_t bytes) {
    // By tile: how much, and the last stage there. Among equals the last one is nearest to what
    // follows.
    std::map<int, std::pair<std::int64_t, int>> senders;
    for (const std::size_t i : edges_to_[number]) {
      const Edge &edge = graph_.edges[i];
      if (edge.from == kImage) continue;
      const Stage &from = graph_.stages[static_cast<std::size_t>(edge.from)];
      auto &[elements, last] = senders[from.tile];
      elements += edge.sent.columns * edge.sent.channels * from.output_shape.height;
      last = std::max(last, edge.from);
    }
    const auto most =
        std::max_element(senders.begin(), senders.end(),
                         [](const auto &x, const auto &y) { return x.second < y.second; });
    if (most == senders.end()) return std::nullopt;
    return allocator_.take_beside(most->first, bytes);
  }

  /// Sets tile, slot, offsets, ring rows and the numbers of the arrays.
  bool place_stage(std::size_t number, const std::vector<int> &rows) {
    Stage &stage = graph_.stages[number];
    const StageArrays *home = homes_[number];
    const std::int64_t bytes = stage_bytes(number, rows);
    std::optional<TileAllocator::Place> place;
    if (home != nullptr) {
      place = allocator_.take_on(home->tile, bytes);
    } else {
      if (stage.arrays.empty()) place = place_by_sender(number, bytes);
      if (!place) place = allocator_.take(static_cast<int>(stage.arrays.size()), bytes);
    }
    if (!place) {
      misfit(stage.layer, "does not fit: none of the chip's " + std::to_string(chip_.tiles()) +
                              " tiles has " + std::to_string(stage.arrays.size()) + " arrays and " +
                              std::to_string(bytes) + " bytes of eDRAM left");
      return false;
    }
    if (home != nullptr) place->arrays = home->arrays;
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
    places_[number] = {place->tile, std::move(place->arrays)};
    return true;
  }

  // Program

  void write_program() {
    const Layer &last = network_.layers.back();
    program::ControlProgram &control = mapped_.control;
    control.input_shape = network_.input_shape;
    control.output_shape = last.output_shape;
    control.output_element_bytes = last.requantise.output_s32 ? 4 : 1;
    control.stages = graph_.stages;
    for (const Edge &edge : graph_.edges) connect(edge);
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
      const Stage &stage = graph_.stages[i];
      if (homes_[i] != nullptr) continue;
      mapped_.arrays += static_cast<int>(stage.arrays.size());
      if (!attempt_.with_weights) continue;
      for (const auto &use : stage.arrays) {
        mapped_.weights.push_back(
            array_weights(network_.layers[stage.layer], stage, graph_.pieces[i], use, chip_));
      }
    }
  }

  void connect(const Edge &edge) {
    auto &control = mapped_.control;
    const auto small = [](std::int64_t value) { return static_cast<std::uint16_t>(value); };
    program::Destination to;
    to.tile = program::kHost;
    if (edge.to != kResults) {
      const Stage &stage = control.stages[static_cast<std::size_t>(edge.to)];
      to.tile = stage.tile;
      to.slot = stage.slot;
      to.port = static_cast<std::uint8_t>(edge.port);
      to.producer = static_cast<std::uint16_t>(edge.producer);
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

  /// The chip's own question, asked before a program is written that the chip would refuse.
  bool check_program() {
    const auto &control = mapped_.control;
    const auto fault = program::check_control(control, chip_);
    if (!fault) return true;
    misfit(fault->stage < control.stages.size() ? control.stages[fault->stage].layer : 0,
           "cannot be placed: " + fault->reason);
    return false;
  }

  // Report

  void report() {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) describe(i);
    count_traffic();
    auto &stages = mapped_.control.stages;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const Stage &stage = stages[i];
      LayerPlacement &layer = mapped_.layers[stage.layer].placement;
      ++mapped_.layers[stage.layer].stages;
      layer.arrays += static_cast<int>(stage.arrays.size());
      layer.shares_arrays = layer.shares_arrays || homes_[i] != nullptr;
      if (std::find(layer.tiles.begin(), layer.tiles.end(), stage.tile) == layer.tiles.end()) {
        layer.tiles.push_back(stage.tile);
      }
      for (const InputPort &port : stage.inputs) {
        layer.buffer_bytes += port.bytes();
        layer.ring_rows = std::max<int>(layer.ring_rows, port.ring_rows);
      }
    }
    for (auto &[layer, count] : mapped_.layers) std::sort(layer.tiles.begin(), layer.tiles.end());
    for (auto &[layer, count] : mapped_.layers) {
      const double cells =
          static_cast<double>(layer.arrays) * chip_.array.rows * chip_.vectors_per_array();
      const double used = static_cast<double>(layer.weights) * layer.replication;
      layer.utilisation = cells > 0 ? used / cells : 0;
    }
    join_whole_network();
  }

  /// Stages name layers of the whole network from now on, and arrays are there for later segments.
  void join_whole_network() {
    auto &stages = mapped_.control.stages;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const std::size_t layer = stages[i].layer;
      stages[i].layer = static_cast<std::uint32_t>(origin(layer));
      if (origins_[layer] < 0) ++mapped_.layers[first_origin(layer)].stages;
      if (homes_[i] != nullptr || stages[i].arrays.empty()) continue;
      shared_.homes[origin(layer)].push_back(std::move(places_[i]));
    }
  }
  std::size_t first_origin(std::size_t layer) const {
    while (layer > 0 && origins_[layer] < 0) --layer;
    return layer;
  }

  void describe(std::size_t index) {
    const Layer &layer = network_.layers[index];
    const LayerCut &cut = cuts_[index];
    LayerPlacement placement = describe_layer(layer);
    if (layer.op == LayerOp::kConvolution) {
      placement.replication = cut.replication(layer.output_shape.width);
    }
    placement.strips = cut.strips;
    placement.packed_groups = cut.packed_groups;
    placement.row_blocks = cut.row_blocks;
    mapped_.layers.push_back({std::move(placement), 0});
  }

  /// Edges from one sender with the same part of its output: one packet for all their receivers.
  using Packet = std::tuple<int, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  static Packet packet_of(const Edge &edge) {
    const auto &sent = edge.sent;
    return {edge.from, sent.first_column, sent.columns, sent.first_channel, sent.channels};
  }

  void count_traffic() {
    const program::Mesh mesh(chip_);
    const auto tile_of = [&](int stage) {
      return stage < 0 ? mesh.controller()
                       : unsigned{mapped_.control.stages[static_cast<std::size_t>(stage)].tile};
    };
    std::map<Packet, std::vector<unsigned>> receivers;
    for (const Edge &edge : graph_.edges) {
      receivers[packet_of(edge)].push_back(tile_of(edge.to == kResults ? -1 : edge.to));
    }
    Traffic traffic(chip_);
    for (const auto &[packet, to] : receivers) {
      const int from = std::get<0>(packet);
      count_packets(packet, to, tile_of(from == kImage ? -1 : from), traffic);
    }
    mapped_.busiest_link_ns = traffic.busiest_ns();
  }

  void count_packets(const Packet &packet, const std::vector<unsigned> &to, unsigned source,
                     Traffic &traffic) {
    const auto &[from, first_column, columns, first_channel, channels] = packet;
    if (from == kImage) {  // a packet for each row
      const std::int64_t row = columns * channels, rows = network_.input_shape.height;
      const std::int64_t moved = traffic.send(source, to, rows * traffic.flits(row), rows * row);
      mapped_.image_hop_bytes += moved;
      mapped_.hop_bytes += moved;
      return;
    }
    const Stage &stage = mapped_.control.stages[static_cast<std::size_t>(from)];
    const std::int64_t rows = stage.output_shape.height, burst = stage.burst;
    const std::int64_t pixel = channels * stage.output_element_bytes();
    std::int64_t row_flits = columns / burst * traffic.flits(burst * pixel);
    if (columns % burst != 0) row_flits += traffic.flits(columns % burst * pixel);
    const std::int64_t bytes = rows * columns * pixel;
    const std::int64_t moved = traffic.send(source, to, rows * row_flits, bytes);
    LayerPlacement &layer = mapped_.layers[stage.layer].placement;
    layer.output_bytes += bytes;
    layer.output_hop_bytes += moved;
    mapped_.hop_bytes += moved;
  }

  const network::QuantisedNetwork &network_;
  const std::vector<int> &origins_;
  const config::ChipConfig &chip_;
  const Attempt attempt_;
  TileAllocator &allocator_;
  const SharedArrays shared_;
  std::vector<LayerCut> cuts_;
  std::vector<int> wanted_;  ///< copies of each layer
  StageGraph graph_;
  std::vector<std::vector<int>> least_rows_;
  std::vector<std::vector<std::size_t>> edges_to_;  ///< of each stage
  std::vector<const StageArrays *> homes_;          ///< of each stage: arrays of an earlier segment
  std::vector<StageArrays> places_;                 ///< of each stage
  MappedSegment mapped_;
  Misfit misfit_;
};

SegmentMapper::SegmentMapper(const network::QuantisedNetwork &network,
                             const std::vector<int> &origins, const config::ChipConfig &chip,
                             const Attempt &attempt, TileAllocator &allocator,
                             const SharedArrays &shared)
    : work_(std::make_unique<Work>(network, origins, chip, attempt, allocator, shared)) {}

SegmentMapper::~SegmentMapper() = default;

std::optional<MappedSegment> SegmentMapper::run() {
  return work_->run();
}

const Misfit &SegmentMapper::misfit() const {
  return work_->misfit();
}

}  // namespace npim::mapping
