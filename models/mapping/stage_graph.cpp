#include "mapping/stage_graph.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "mapping/gather_routes.h"

namespace npim::mapping {
namespace {

using network::Layer;
using network::LayerOp;
using program::InputPort;
using program::Rectangle;
using program::Stage;
using program::StageOp;

/// A part of a layer's output and the stage that sends it, or constant channels that nobody sends.
struct Part {
  int stage = kImage;
  Range columns, channels;                ///< of the layer's output
  int sent_column = 0, sent_channel = 0;  ///< of the stage: its first column and channel of these
};
struct Constant {
  Range channels;
  std::uint8_t value = 0;
};
struct Output {
  std::vector<Part> parts;
  std::vector<Constant> constants;
};

Range overlap(const Range &a, const Range &b) {
  const int first = std::max(a.first, b.first);
  return {first, std::max(0, std::min(a.end(), b.end()) - first)};
}

StageOp stage_op(LayerOp op) {
  switch (op) {
    case LayerOp::kLookup:
      return StageOp::kLookup;
    case LayerOp::kMultiply:
      return StageOp::kMultiply;
    case LayerOp::kInsideAverage:
      return StageOp::kInsideAverage;
    case LayerOp::kLocalResponse:
      return StageOp::kLocalResponse;
    case LayerOp::kMaxPool:
      return StageOp::kMaxPool;
    case LayerOp::kAveragePool:
      return StageOp::kAveragePool;
    case LayerOp::kAdd:
      return StageOp::kAdd;
    default:
      return StageOp::kMvm;
  }
}

class Builder {
 public:
  Builder(const network::QuantisedNetwork &network, const std::vector<LayerCut> &cuts,
          const config::ChipConfig &chip)
      : network_(network), cuts_(cuts), chip_(chip) {}

  StageGraph run() {
    const auto &in = network_.input_shape;
    image_.parts = {{kImage, {0, in.width}, {0, in.channels}, 0, 0}};
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      layer_ = &network_.layers[i];
      index_ = static_cast<int>(i);
      check_fields();
      outputs_.emplace_back();
      if (layer_->op == LayerOp::kConcat) {
        join();
      } else if (layer_->op == LayerOp::kGather) {
        select();
      } else {
        add_stages(cuts_[i]);
      }
    }
    send_results();
    return std::move(graph_);
  }

 private:
  [[noreturn]] void fail(const std::string &what) const {
    throw InputError("network '" + network_.name + "', layer '" + layer_->name + "'", what);
  }

  [[noreturn]] void refuse(const std::string &why) const {
    throw Unmappable("network '" + network_.name + "', layer '" + layer_->name + "'",
                     static_cast<std::size_t>(index_), why);
  }

  /// 16-bit fields of the program.
  void check_fields() const {
    constexpr std::int32_t kMost = 65535;
    for (const auto &shape : {layer_->input_shape, layer_->output_shape}) {
      if (std::max({shape.height, shape.width, shape.channels}) > kMost) {
        fail("has more than 65535 rows, columns or channels");
      }
    }
  }

  const Output &output_of(int layer) const {
    return layer == network::kNetworkInput ? image_ : outputs_[static_cast<std::size_t>(layer)];
  }

  /// No stage: whoever reads the layer gets its parts from the senders of its inputs.
  void join() {
    Output &joined = outputs_.back();
    int end = 0;
    const auto constant = [&](int until) {
      if (until > end) joined.constants.push_back({{end, until - end}, layer_->pad_value});
    };
    for (std::size_t i = 0; i < layer_->inputs.size(); ++i) {
      const int offset = layer_->channel_offsets[i];
      constant(offset);
      const int input = layer_->inputs[i];
      end = offset + (input == network::kNetworkInput
                          ? network_.input_shape
                          : network_.layers[static_cast<std::size_t>(input)].output_shape)
                         .channels;
      for (Part part : output_of(input).parts) {
        part.channels.first += offset;
        joined.parts.push_back(part);
      }
      for (Constant more : output_of(input).constants) {
        more.channels.first += offset;
        joined.constants.push_back(more);
      }
    }
    constant(layer_->output_shape.channels);
  }

  /// A gather that picks rectangles of columns and channels is no stage either: the senders of its
  /// input send those.
  void select() {
    std::string why;
    const auto pieces = gather_rectangles(*layer_, why);
    if (!pieces) refuse(why);
    const Output &input = output_of(layer_->inputs[0]);
    Output &selected = outputs_.back();
    const int width = layer_->output_shape.width;
    for (const GatherRectangle &piece : *pieces) {
      if (piece.is_constant) {
        if (piece.columns.count != width) refuse("it pads columns");
        selected.constants.push_back({piece.channels, layer_->pad_value});
        continue;
      }
      const Range columns = {piece.from_column, piece.columns.count};
      const Range channels = {piece.from_channel, piece.channels.count};
      for (const Part &part : input.parts) {
        const Range x = overlap(part.columns, columns), c = overlap(part.channels, channels);
        if (x.count == 0 || c.count == 0) continue;
        selected.parts.push_back({part.stage,
                                  {x.first - columns.first + piece.columns.first, x.count},
                                  {c.first - channels.first + piece.channels.first, c.count},
                                  part.sent_column + x.first - part.columns.first,
                                  part.sent_channel + c.first - part.channels.first});
      }
      for (const Constant &constant : input.constants) {
        const Range c = overlap(constant.channels, channels);
        if (c.count == 0) continue;
        if (piece.columns.count != width) refuse("it moves constant channels");
        selected.constants.push_back(
            {{c.first - channels.first + piece.channels.first, c.count}, constant.value});
      }
    }
  }

  void add_stages(const LayerCut &cut) {
    for (int strip = 0; strip < cut.strips; ++strip) {
      const Range columns = strip_columns(layer_->output_shape.width, cut.strips, strip);
      for (const ChannelSlice &slice : cut.slices) add_slice(cut, slice, columns);
    }
  }

  void add_slice(const LayerCut &cut, const ChannelSlice &slice, const Range &columns) {
    std::vector<int> parts;
    for (const Range &rows : slice.row_parts) {
      parts.push_back(add_stage(cut, slice, columns, rows));
    }
    const int sender = parts.size() == 1 ? parts[0] : add_aggregate(slice, columns, parts);
    outputs_.back().parts.push_back({sender, columns, slice.channels, 0, 0});
  }

  int add_stage(const LayerCut &cut, const ChannelSlice &slice, const Range &columns,
                const Range &row_blocks) {
    const Layer &layer = *layer_;
    Stage stage;
    stage.layer = static_cast<std::uint32_t>(index_);
    stage.op = stage_op(layer.op);
    stage.output_shape = {layer.output_shape.height, columns.count, slice.channels.count};
    stage.pad_value = layer.pad_value;
    StripInput from = {columns, 0, 0};
    if (program::has_window(stage.op)) {
      stage.window = layer.window;
      from = strip_input(layer, columns);
      stage.window.pad_left = from.pad_left;
      stage.window.pad_right = from.pad_right;
    }
    stage.raw_output = slice.row_parts.size() > 1;
    if (!stage.raw_output) stage.requantise = slice_of(layer, slice.channels);
    const int burst = stage.op == StageOp::kMvm ? cut.copies : cut.burst;
    stage.burst = static_cast<std::uint16_t>(std::min(burst, columns.count));
    if (stage.op == StageOp::kMvm) add_arrays(cut, slice, row_blocks, stage);
    InputPort port;
    port.shape = {layer.input_shape.height, from.columns.count, slice.inputs.count};
    stage.inputs.assign(layer.inputs.size(), port);
    Range second = from.columns;
    if (is_repeated_input(layer)) {
      second = {0, 1};
      stage.inputs[1].shape = {1, 1, slice.inputs.count};
    }
    stage.table = layer.table;
    stage.second_zero_point = layer.second_zero_point;
    stage.neighbours = layer.neighbours;
    stage.sum_shift = layer.sum_shift;
    const int number = add(std::move(stage), {index_, columns, slice.channels, row_blocks, false});
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      connect(layer.inputs[i], number, static_cast<int>(i), i == 1 ? second : from.columns,
              slice.inputs);
    }
    return number;
  }

  void add_arrays(const LayerCut &cut, const ChannelSlice &slice, const Range &row_blocks,
                  Stage &stage) {
    const Layer &layer = *layer_;
    stage.converter = layer.converter;
    stage.kernel_rows = static_cast<std::uint32_t>(
        layer.weights.size() / static_cast<std::size_t>(layer.output_shape.channels));
    stage.groups = static_cast<std::uint16_t>(slice.groups);
    stage.packed_groups = static_cast<std::uint16_t>(std::min(cut.packed_groups, slice.groups));
    stage.block_rows = static_cast<std::uint16_t>(layer.block_rows);
    const int columns = program::column_groups(stage, chip_.vectors_per_array());
    std::uint16_t array = 0;
    for (std::uint16_t copy = 0; copy < stage.burst; ++copy) {
      for (int column = 0; column < columns; ++column) {
        for (int block = row_blocks.first; block < row_blocks.end(); ++block) {
          stage.arrays.push_back({array++, static_cast<std::uint16_t>(block),
                                  static_cast<std::uint16_t>(column), copy});
        }
      }
    }
  }

  int add_aggregate(const ChannelSlice &slice, const Range &columns,
                    const std::vector<int> &parts) {
    constexpr std::size_t kMostParts = 64;  // inputs of one stage
    if (parts.size() > kMostParts) {
      fail("has kernels that span " + std::to_string(parts.size()) +
           " tiles; an aggregator adds up to 64");
    }
    Stage stage;
    stage.layer = static_cast<std::uint32_t>(index_);
    stage.op = StageOp::kAggregate;
    stage.output_shape = {layer_->output_shape.height, columns.count, slice.channels.count};
    stage.requantise = slice_of(*layer_, slice.channels);
    stage.burst = graph_.stages[static_cast<std::size_t>(parts[0])].burst;
    InputPort port;
    port.shape = stage.output_shape;
    port.element_bytes = 4;
    port.producers = 1;
    stage.inputs.assign(parts.size(), port);
    const int number = add(std::move(stage), {index_, columns, slice.channels, {}, true});
    for (std::size_t i = 0; i < parts.size(); ++i) {
      graph_.edges.push_back({parts[i],
                              number,
                              static_cast<int>(i),
                              0,
                              {0, columns.count, 0, slice.channels.count},
                              0,
                              0});
    }
    return number;
  }

  /// The second input of a product is one pixel that holds for all.
  bool is_repeated_input(const Layer &layer) const {
    if (layer.op != LayerOp::kMultiply) return false;
    const int second = layer.inputs[1];
    const auto &shape = second == network::kNetworkInput
                            ? network_.input_shape
                            : network_.layers[static_cast<std::size_t>(second)].output_shape;
    return shape != layer.input_shape;
  }

  int add(Stage stage, const Piece &piece) {
    graph_.stages.push_back(std::move(stage));
    graph_.pieces.push_back(piece);
    return static_cast<int>(graph_.stages.size()) - 1;
  }

  /// Lets all senders of columns and channels of a layer's output send them to a port.
  void connect(int producer_layer, int to, int port, const Range &columns, const Range &channels) {
    const Output &output = output_of(producer_layer);
    InputPort &input =
        graph_.stages[static_cast<std::size_t>(to)].inputs[static_cast<std::size_t>(port)];
    int producers = 0;
    for (const Part &part : output.parts) {
      const Range x = overlap(part.columns, columns), c = overlap(part.channels, channels);
      if (x.count == 0 || c.count == 0) continue;
      graph_.edges.push_back({part.stage,
                              to,
                              port,
                              producers++,
                              {part.sent_column + x.first - part.columns.first, x.count,
                               part.sent_channel + c.first - part.channels.first, c.count},
                              x.first - columns.first,
                              c.first - channels.first});
    }
    if (producers > 65535) fail("has an input that comes in more than 65535 parts");
    input.producers = static_cast<std::uint16_t>(producers);
    for (const Constant &constant : output.constants) {
      const Range c = overlap(constant.channels, channels);
      if (c.count == 0) continue;
      input.constants.push_back({static_cast<std::uint16_t>(c.first - channels.first),
                                 static_cast<std::uint16_t>(c.count), constant.value});
    }
  }

  void send_results() {
    for (const Part &part : outputs_.back().parts) {
      graph_.edges.push_back(
          {part.stage,
           kResults,
           0,
           0,
           {part.sent_column, part.columns.count, part.sent_channel, part.channels.count},
           part.columns.first,
           part.channels.first});
    }
    remove_unused();
  }

  /// Stages whose channels or columns no gather picks.
  void remove_unused() {
    std::vector<bool> used(graph_.stages.size());
    std::vector<std::vector<int>> senders(graph_.stages.size());
    std::vector<int> work;
    const auto use = [&](int stage) {
      if (stage == kImage || used[static_cast<std::size_t>(stage)]) return;
      used[static_cast<std::size_t>(stage)] = true;
      work.push_back(stage);
    };
    for (const Edge &edge : graph_.edges) {
      if (edge.to == kResults) {
        use(edge.from);
      } else {
        senders[static_cast<std::size_t>(edge.to)].push_back(edge.from);
      }
    }
    while (!work.empty()) {
      const auto stage = static_cast<std::size_t>(work.back());
      work.pop_back();
      for (const int sender : senders[stage]) use(sender);
    }
    StageGraph kept;
    std::vector<int> number(graph_.stages.size(), 0);
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (!used[i]) continue;
      number[i] = static_cast<int>(kept.stages.size());
      kept.stages.push_back(std::move(graph_.stages[i]));
      kept.pieces.push_back(graph_.pieces[i]);
    }
    for (Edge edge : graph_.edges) {
      if (edge.to != kResults && !used[static_cast<std::size_t>(edge.to)]) continue;
      if (edge.to != kResults) edge.to = number[static_cast<std::size_t>(edge.to)];
      if (edge.from != kImage) edge.from = number[static_cast<std::size_t>(edge.from)];
      kept.edges.push_back(edge);
    }
    graph_ = std::move(kept);
  }

  static network::Requantise slice_of(const Layer &layer, const Range &channels) {
    network::Requantise slice = layer.requantise;
    if (layer.op != LayerOp::kConvolution && layer.op != LayerOp::kAveragePool) return slice;
    const auto cut_out = [&](auto &values) {
      if (values.empty()) return;
      values.erase(values.begin(), values.begin() + channels.first);
      values.resize(static_cast<std::size_t>(channels.count));
    };
    cut_out(slice.multiplier);
    cut_out(slice.bias);
    return slice;
  }

  const network::QuantisedNetwork &network_;
  const std::vector<LayerCut> &cuts_;
  const config::ChipConfig &chip_;
  const Layer *layer_ = nullptr;
  int index_ = 0;
  Output image_;
  std::vector<Output> outputs_;
  StageGraph graph_;
};

}  // namespace

StageGraph build_stages(const network::QuantisedNetwork &network, const std::vector<LayerCut> &cuts,
                        const config::ChipConfig &chip) {
  return Builder(network, cuts, chip).run();
}

program::ArrayWeights array_weights(const Layer &layer, const Stage &stage, const Piece &piece,
                                    const program::ArrayUse &use, const config::ChipConfig &chip) {
  const program::ArrayPart part =
      program::array_part(stage, use, chip.array.rows, chip.vectors_per_array());
  const auto kernel = static_cast<std::size_t>(stage.kernel_rows);
  program::ArrayWeights weights;
  weights.tile = stage.tile;
  weights.array = use.array;
  weights.rows = static_cast<std::uint16_t>(part.used_rows());
  weights.vectors = static_cast<std::uint16_t>(part.channels);
  weights.shift = layer.weight_shift;
  weights.values.resize(std::size_t{weights.rows} * weights.vectors);
  for (int v = 0; v < part.channels; ++v) {
    const auto channel = static_cast<std::size_t>(piece.channels.first) +
                         static_cast<std::size_t>(part.first_channel + v);
    const std::int8_t *column = layer.weights.data() + channel * kernel + part.first_row;
    const int first_row = v / part.channels_per_group * part.rows;
    for (int r = 0; r < part.rows; ++r) {
      weights.values[static_cast<std::size_t>(first_row + r) * weights.vectors +
                     static_cast<std::size_t>(v)] = column[r];
    }
  }
  return weights;
}

}  // namespace npim::mapping
