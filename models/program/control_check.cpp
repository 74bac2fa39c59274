#include "program/control_check.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/integers.h"
#include "peripheral/nnadc.h"

namespace npim::program {
namespace {

using abi::Error;
using network::TensorShape;

constexpr std::size_t kImage = std::numeric_limits<std::size_t>::max();  ///< as a producer
constexpr std::int64_t kLargestS32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kLargestWindow = std::int64_t{1} << 24;
constexpr std::int64_t kMostValues = std::int64_t{1} << 24;  ///< of a stage's windows at one time

constexpr std::size_t kConstant = kImage - 1;  ///< as a producer

/// The part of a port's rows that a producer delivers (or that is constant).
struct Connection {
  std::size_t producer = kImage;
  unsigned number = 0;  ///< which of the port's producers it claims to be
  Rectangle part;
};

struct Failure {
  ControlFault fault;
};

std::int64_t port_bytes(const InputPort &port) {
  return std::int64_t{port.ring_rows} * port.shape.width * port.shape.channels * port.element_bytes;
}

class Checker {
 public:
  Checker(const ControlProgram &program, const config::ChipConfig &chip)
      : program_(program), chip_(chip), current_(program.stages.size()) {}

  void run() {
    check_sizes();
    for (current_ = 0; current_ < program_.stages.size(); ++current_) check_stage();
    check_edram();
    check_input_registers();
    check_output_registers();
    connect();
    for (current_ = 0; current_ < program_.stages.size(); ++current_) check_ports();
    current_ = program_.stages.size();
    check_host();
    check_order();
  }

 private:
  using Key = std::pair<unsigned, unsigned>;

  [[noreturn]] void fail(Error error, const std::string &reason) const {
    throw Failure{{error, static_cast<std::uint32_t>(current_), reason}};
  }
  void require(bool condition, const char *reason) const {
    if (!condition) fail(Error::kBadControlVector, reason);
  }

  void check_sizes() {
    const auto chips = static_cast<std::size_t>(chip_.chips.count);
    require(!program_.stages.empty(), "no stages");
    require(program_.stages.size() <= kMostStages * chips, "more stages than the controller holds");
    require(!program_.inputs.empty(), "the image goes nowhere");
    require(program_.channels >= 1, "there are no channels");
    host_.resize(program_.channels);
    std::size_t connections = program_.inputs.size();
    for (const auto &stage : program_.stages) connections += stage.destinations.size();
    require(connections <= kMostConnections * chips, "more connections than the controller holds");
    require(program_.output_element_bytes == 1 || program_.output_element_bytes == 4,
            "output elements have 1 or 4 bytes");
    const auto &out = program_.output_shape;
    require(std::int64_t{out.width} * out.channels * program_.output_element_bytes *
                    program_.channels <=
                kMostOutputRowBytes,
            "an output row of each channel exceeds the controller's buffer");
    const auto &in = program_.input_shape;
    require(std::int64_t{in.width} * in.channels <= kMostInputRowBytes,
            "an input row exceeds the controller's buffer");
    for (const auto &shape : {program_.input_shape, out}) {
      // The host counts the bytes of an image in 32 bits.
      require(shape.elements() <= std::numeric_limits<std::uint32_t>::max() / 4,
              "images are too large");
    }
  }

  // One stage by itself

  void check_stage() {
    const Stage &stage = program_.stages[current_];
    if (stage.tile >= chip_.tiles()) fail(Error::kTileOutOfRange, "the tile does not exist");
    require(slots_.emplace(Key(stage.tile, stage.slot), current_).second,
            "two stages in one slot of a tile");
    require(stage.channel < program_.channels, "the channel does not exist");
    check_inputs(stage);
    if (has_window(stage.op)) check_window(stage);
    check_burst(stage);
    check_table(stage);
    if (stage.op == StageOp::kMvm) {
      check_arrays(stage);
    } else {
      require(stage.arrays.empty() && stage.groups == 1, "arrays without a matrix-vector product");
    }
    require(!stage.destinations.empty(), "the output goes nowhere");
  }

  void check_burst(const Stage &stage) const {
    require(stage.burst >= 1 && stage.burst <= stage.output_shape.width,
            "more windows together than there are in a row");
    const auto &w = stage.window;
    std::int64_t values = std::int64_t{stage.output_shape.channels} * stage.burst;
    if (has_window(stage.op) && stage.op != StageOp::kMvm) {
      values *= std::int64_t{w.kernel_height} * w.kernel_width;
    }
    require(stage.burst == 1 || values <= kMostValues,
            "windows that are computed together take too many values");
  }

  void check_inputs(const Stage &stage) {
    const std::size_t ports = stage.inputs.size();
    const bool is_binary = stage.op == StageOp::kAdd || stage.op == StageOp::kMultiply;
    const std::size_t wanted = is_binary ? 2 : 1;
    require(stage.op == StageOp::kAggregate ? ports >= 1 : ports == wanted,
            "wrong number of input ports");
    const unsigned element = stage.op == StageOp::kAggregate ? 4 : 1;
    for (std::size_t i = 0; i < ports; ++i) {
      const InputPort &port = stage.inputs[i];
      require(port.element_bytes == element, "wrong size of input elements");
      require(port.ring_rows >= 1 && (port.producers >= 1 || !port.constants.empty()),
              "an input port without rows or producers");
      if (std::int64_t{port.edram_offset} + port_bytes(port) > chip_.edram.bytes) {
        fail(Error::kEdramOutOfRange, "an input buffer exceeds the eDRAM");
      }
      if (is_repeated(stage, i)) {
        require(port.shape.channels == stage.output_shape.channels,
                "inputs and output differ in shape");
      } else if (!has_window(stage.op)) {
        require(port.shape == stage.output_shape, "inputs and output differ in shape");
      }
      for (const auto &constant : port.constants) {
        require(element == 1 && constant.count >= 1 &&
                    constant.first + constant.count <= port.shape.channels,
                "constant channels lie outside the input");
      }
    }
  }

  void check_window(const Stage &stage) {
    const auto &w = stage.window;
    const TensorShape &in = stage.inputs[0].shape, &out = stage.output_shape;
    check_axis(in.height, out.height, w.kernel_height, w.stride_height, w.dilation_height,
               w.pad_top, w.pad_bottom);
    check_axis(in.width, out.width, w.kernel_width, w.stride_width, w.dilation_width, w.pad_left,
               w.pad_right);
    require(std::int64_t{w.kernel_height} * w.kernel_width <= kLargestWindow,
            "the window is too large");
    if (stage.op != StageOp::kMvm) {
      require(in.channels == out.channels, "a pool cannot change the number of channels");
    }
    if (stage.op == StageOp::kInsideAverage) {
      // An average needs a tap.
      require(std::max(w.pad_top, w.pad_bottom) < w.kernel_height &&
                  std::max(w.pad_left, w.pad_right) < w.kernel_width && w.dilation_height == 1 &&
                  w.dilation_width == 1,
              "windows can lie in the padding alone");
    }
    check_ring(stage);
  }

  void check_table(const Stage &stage) const {
    std::int32_t highest = 255;
    if (stage.op == StageOp::kLookup) {
      require(stage.table.size() == 256, "a table without 256 entries");
    } else if (stage.op == StageOp::kLocalResponse) {
      require(!stage.table.empty(), "a local response without factors");
      require(stage.neighbours >= 1 && stage.sum_shift >= 0 && stage.sum_shift <= 31,
              "a local response without neighbours, or a wrong shift");
      highest = 65535;
    } else {
      require(stage.table.empty(), "a table that the operation does not use");
    }
    for (const std::int32_t value : stage.table) {
      require(value >= 0 && value <= highest, "a table entry is out of range");
    }
  }

  void check_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                  std::int64_t dilation, std::int64_t before, std::int64_t after) const {
    const std::int64_t room = in + before + after - network::covered(kernel, dilation);
    require(room >= 0 && room / stride + 1 == out,
            "the output shape does not follow from the window");
  }

  /// The ring must hold all rows from the first that is still needed to the last that a row of
  /// windows touches.
  void check_ring(const Stage &stage) const {
    const auto &w = stage.window;
    const std::int64_t height = stage.inputs[0].shape.height;
    const std::int64_t rows = std::min(height, w.covered_height());
    require(stage.inputs[0].ring_rows >= rows, "the input ring does not hold a window");
  }

  void check_arrays(const Stage &stage) {
    check_groups(stage);
    require(!stage.arrays.empty(), "a matrix-vector product without arrays");
    if (!contains(chip_.nnadc.range_divisors, stage.converter.range_divisor)) {
      fail(Error::kConverterUnavailable, "the converter does not have this range");
    }
    if (!contains(chip_.bitline_gains, stage.converter.bitline_gain)) {
      fail(Error::kConverterUnavailable, "the bit lines do not have this gain");
    }
    const int columns = column_groups(stage, chip_.vectors_per_array());
    const int rows = row_blocks(stage, chip_.array.rows);
    std::set<unsigned> blocks;
    std::set<std::tuple<unsigned, unsigned, unsigned>> covered;
    for (const auto &use : stage.arrays) {
      if (use.array >= chip_.arrays_per_tile()) {
        fail(Error::kArrayOutOfRange, "the array does not exist");
      }
      require(arrays_.insert(Key(stage.tile, use.array)).second, "an array is used twice");
      require(use.row_block < rows, "a row block lies outside the kernel");
      require(use.column_group < columns, "a column group lies outside the output channels");
      require(use.copy < stage.burst, "an array belongs to a copy that does not exist");
      require(covered.emplace(use.copy, use.row_block, use.column_group).second,
              "two arrays for the same rows and channels");
      blocks.insert(use.row_block);
    }
    require(static_cast<std::int64_t>(covered.size()) ==
                static_cast<std::int64_t>(blocks.size()) * columns * stage.burst,
            "row blocks and output channels are not covered");
    if (!stage.raw_output) {
      require(static_cast<int>(blocks.size()) == rows, "rows of the kernel are not covered");
    }
  }

  void check_groups(const Stage &stage) const {
    const auto &w = stage.window;
    const std::int32_t groups = stage.groups, packed = stage.packed_groups;
    const std::int64_t in = stage.inputs[0].shape.channels, out = stage.output_shape.channels;
    require(groups >= 1 && in % groups == 0 && out % groups == 0,
            "groups do not divide the channels");
    const std::int64_t taps = std::int64_t{w.kernel_height} * w.kernel_width;
    require(taps * (in / groups) == stage.kernel_rows, "kernel rows do not follow from the window");
    require(groups == 1 || !stage.raw_output, "partial sums of a grouped convolution");
    require(stage.block_rows <= chip_.array.rows, "a row block exceeds the rows of an array");
    require(packed >= 1 && packed <= groups, "more groups share an array than there are");
    if (packed > 1) {
      require(row_blocks(stage, chip_.array.rows) == 1 &&
                  packed * std::int64_t{stage.kernel_rows} <= chip_.array.rows &&
                  packed * (out / groups) <= chip_.vectors_per_array(),
              "the groups that share an array exceed it");
    }
  }

  static bool contains(const std::vector<int> &values, std::int32_t value) {
    return std::find(values.begin(), values.end(), value) != values.end();
  }

  // Stages of one tile together

  void check_edram() {
    struct Range {
      std::int64_t first, end;
      std::size_t stage;
    };
    std::map<unsigned, std::vector<Range>> tiles;
    for (std::size_t i = 0; i < program_.stages.size(); ++i) {
      for (const auto &port : program_.stages[i].inputs) {
        tiles[program_.stages[i].tile].push_back(
            {port.edram_offset, port.edram_offset + port_bytes(port), i});
      }
    }
    for (auto &[tile, ranges] : tiles) {
      std::sort(ranges.begin(), ranges.end(),
                [](const Range &a, const Range &b) { return a.first < b.first; });
      for (std::size_t i = 1; i < ranges.size(); ++i) {
        current_ = ranges[i].stage;
        if (ranges[i].first < ranges[i - 1].end) {
          fail(Error::kEdramOutOfRange, "input buffers overlap");
        }
      }
    }
  }

  /// Each IMA holds every row block that its arrays need once per stage and copy.
  void check_input_registers() {
    std::map<Key, std::int64_t> bytes;
    for (current_ = 0; current_ < program_.stages.size(); ++current_) {
      const Stage &stage = program_.stages[current_];
      std::set<std::array<int, 4>> blocks;
      for (const auto &use : stage.arrays) {
        const int ima = use.array / chip_.arrays_per_ima;
        const ArrayPart part = part_of(stage, use);
        if (!blocks.insert({ima, use.copy, part.first_group, part.first_row}).second) continue;
        auto &taken = bytes[Key(stage.tile, static_cast<unsigned>(ima))];
        taken += part.used_rows();
        require(taken <= chip_.input_register_bytes, "the windows exceed an input register");
      }
    }
  }

  /// Each stage has room for the sums of one array in the output register of each of its IMAs.
  void check_output_registers() {
    std::map<Key, std::int64_t> bytes;
    for (current_ = 0; current_ < program_.stages.size(); ++current_) {
      const Stage &stage = program_.stages[current_];
      std::map<unsigned, std::int64_t> sums;  // by IMA
      for (const auto &use : stage.arrays) {
        auto &most = sums[static_cast<unsigned>(use.array / chip_.arrays_per_ima)];
        most = std::max<std::int64_t>(most, part_of(stage, use).channels);
      }
      for (const auto &[ima, most] : sums) {
        auto &taken = bytes[Key(stage.tile, ima)];
        taken += most * chip_.partial_sum_bytes();
        require(taken <= chip_.output_register_bytes,
                "the sums of an array of each stage exceed an output register");
      }
    }
  }

  // Connections

  void connect() {
    current_ = program_.stages.size();
    for (const auto &to : program_.inputs) {
      require(to.tile != kHost, "the image goes straight to the host");
      add_connection(kImage, to, program_.input_shape, 1);
    }
    for (current_ = 0; current_ < program_.stages.size(); ++current_) {
      const Stage &stage = program_.stages[current_];
      for (const auto &to : stage.destinations) {
        add_connection(current_, to, stage.output_shape,
                       static_cast<unsigned>(stage.output_element_bytes()));
      }
    }
  }

  void add_connection(std::size_t from, const Destination &to, const TensorShape &shape,
                      unsigned element_bytes) {
    const Rectangle sent = sent_part(to, shape);
    require(sent.columns >= 1 && sent.channels >= 1 &&
                sent.first_column + sent.columns <= shape.width &&
                sent.first_channel + sent.channels <= shape.channels,
            "a destination gets pixels that the sender does not have");
    const Connection connection = {
        from, to.producer, {to.column_offset, sent.columns, to.channel_offset, sent.channels}};
    if (to.tile == kHost) {
      check_target(program_.output_shape, program_.output_element_bytes, connection.part, shape,
                   element_bytes);
      require(to.slot == 0 && to.port == 0 && to.producer == 0,
              "slot, port and producer of the host are not 0");
      host_[program_.stages[from].channel].push_back(connection);
      return;
    }
    if (to.tile >= chip_.tiles()) fail(Error::kTileOutOfRange, "a destination does not exist");
    const auto found = slots_.find(Key(to.tile, to.slot));
    require(found != slots_.end(), "a destination has no stage");
    const Stage &stage = program_.stages[found->second];
    require(to.port < stage.inputs.size(), "a destination has no such port");
    const InputPort &port = stage.inputs[to.port];
    check_target(port.shape, port.element_bytes, connection.part, shape, element_bytes);
    require(to.producer < port.producers, "a destination has fewer producers");
    if (from == kImage) {
      fed_.insert(stage.channel);
    } else {
      require(stage.channel == program_.stages[from].channel, "channels are connected");
    }
    connections_[{found->second, to.port}].push_back(connection);
  }

  void check_target(const TensorShape &target, unsigned target_bytes, const Rectangle &part,
                    const TensorShape &sender, unsigned element_bytes) const {
    require(target_bytes == element_bytes, "a destination has elements of another size");
    require(target.height == sender.height, "a destination has another height");
    require(part.first_column + part.columns <= target.width,
            "columns lie outside the destination");
    require(part.first_channel + part.channels <= target.channels,
            "channels lie outside the destination");
  }

  void check_ports() {
    const Stage &stage = program_.stages[current_];
    for (std::size_t i = 0; i < stage.inputs.size(); ++i) {
      auto &connections = connections_[{current_, i}];
      std::sort(connections.begin(), connections.end(),
                [](const Connection &a, const Connection &b) { return a.number < b.number; });
      require(connections.size() == stage.inputs[i].producers,
              "an input port is not connected to all its producers");
      for (std::size_t k = 0; k < connections.size(); ++k) {
        require(connections[k].number == k, "a producer of an input port is connected twice");
      }
      std::vector<Connection> all = connections;
      const TensorShape &shape = stage.inputs[i].shape;
      for (const auto &constant : stage.inputs[i].constants) {
        all.push_back({kConstant, 0, {0, shape.width, constant.first, constant.count}});
      }
      check_cover(std::move(all), shape);
    }
    if (stage.op == StageOp::kAggregate) check_row_split(stage);
  }

  /// The parts cover each pixel of a row exactly once: columns are swept from the left, and at each
  /// column where a part begins or ends the channels of those present must follow each other.
  void check_cover(std::vector<Connection> connections, const TensorShape &shape) const {
    std::sort(connections.begin(), connections.end(), [](const Connection &a, const Connection &b) {
      return a.part.first_channel < b.part.first_channel;
    });
    std::set<std::int64_t> edges = {0};
    for (const auto &connection : connections) {
      edges.insert(connection.part.first_column);
      edges.insert(connection.part.first_column + connection.part.columns);
    }
    for (const std::int64_t column : edges) {
      if (column >= shape.width) break;
      std::int64_t next = 0;
      for (const auto &connection : connections) {
        const Rectangle &part = connection.part;
        if (column < part.first_column || column >= part.first_column + part.columns) continue;
        require(part.first_channel == next, "channels of an input overlap or are missing");
        next += part.channels;
      }
      require(next == shape.channels, "channels of an input overlap or are missing");
    }
  }

  /// The matrix-vector products that feed an aggregator cover the kernel's rows exactly once.
  void check_row_split(const Stage &stage) {
    std::set<unsigned> covered;
    std::uint32_t kernel_rows = 0;
    int all_blocks = 0, block_rows = 0;
    for (std::size_t i = 0; i < stage.inputs.size(); ++i) {
      std::set<unsigned> blocks;
      for (const auto &connection : connections_[{current_, i}]) {
        require(connection.producer != kImage, "an aggregator is fed by the image");
        const Stage &from = program_.stages[connection.producer];
        if (from.op != StageOp::kMvm || !from.raw_output) return;  // sums of sums, of any kind
        std::set<unsigned> its_blocks;
        for (const auto &use : from.arrays) its_blocks.insert(use.row_block);
        require(blocks.empty() || blocks == its_blocks, "slices of a partial sum differ in rows");
        require(kernel_rows == 0 || (kernel_rows == from.kernel_rows &&
                                     block_rows == rows_per_block(from, chip_.array.rows)),
                "partial sums of different kernels or row blocks");
        blocks = its_blocks;
        kernel_rows = from.kernel_rows;
        all_blocks = row_blocks(from, chip_.array.rows);
        block_rows = rows_per_block(from, chip_.array.rows);
      }
      for (const unsigned block : blocks) {
        require(covered.insert(block).second, "rows of the kernel are added up twice");
      }
    }
    require(static_cast<int>(covered.size()) == all_blocks, "rows of the kernel are not covered");
  }

  void check_host() {
    require(fed_.size() == program_.channels, "a channel does not get the image");
    for (const auto &slices : host_) {
      require(!slices.empty(), "nothing reaches the host");
      require(slices.size() <= kMostHostSlices, "the output has too many slices");
      check_cover(slices, program_.output_shape);
    }
  }

  // Order and ranges

  /// Stages in topological order: no cycles, and the range of every accumulator is known from its
  /// producers'.
  void check_order() {
    const std::size_t count = program_.stages.size();
    std::vector<std::size_t> missing(count, 0);
    std::vector<std::vector<std::size_t>> consumers(count);
    for (const auto &[to, connections] : connections_) {
      for (const auto &connection : connections) {
        if (connection.producer == kImage) continue;
        ++missing[to.first];
        consumers[connection.producer].push_back(to.first);
      }
    }
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < count; ++i) {
      if (missing[i] == 0) ready.push_back(i);
    }
    bounds_.assign(count, 0);
    std::size_t done = 0;
    while (!ready.empty()) {
      current_ = ready.back();
      ready.pop_back();
      ++done;
      check_values(program_.stages[current_]);
      for (const std::size_t consumer : consumers[current_]) {
        if (--missing[consumer] == 0) ready.push_back(consumer);
      }
    }
    current_ = count;
    require(done == count, "stages feed each other in a circle");
  }

  void check_values(const Stage &stage) {
    const bool may_be_raw = stage.op == StageOp::kMvm || stage.op == StageOp::kAggregate;
    require(!stage.raw_output || may_be_raw, "only sums of codes can be sent raw");
    const std::int64_t bound = accumulator_bound(stage);
    if (stage.raw_output) {
      require(bound <= kLargestS32, "a partial sum can exceed 32 bits");
      bounds_[current_] = bound;
      return;
    }
    // s32 clamps to -2^31, too.
    bounds_[current_] = stage.output_element_bytes() == 1 ? 255 : kLargestS32 + 1;
    if (stage.op == StageOp::kMaxPool || stage.op == StageOp::kLookup) {
      require(!stage.requantise.output_s32, "a max pool or table does not requantise");
      return;
    }
    check_requantise(stage, bound);
  }

  void check_requantise(const Stage &stage, std::int64_t bound) const {
    const auto &post = stage.requantise;
    const bool is_add = stage.op == StageOp::kAdd;
    const auto [multipliers, biases] = requantise_size(stage);
    require(post.multiplier.size() == multipliers, "wrong number of multipliers");
    require(post.bias.size() == biases, "wrong number of biases");
    require(post.shift >= 0 && post.shift <= 62, "the shift is not within 0 .. 62");
    require(0 <= post.low && post.low <= post.high && post.high <= 255,
            "clamp limits are not 0 <= low <= high <= 255");
    if (is_add) {
      const std::int64_t factors = std::llabs(post.multiplier[0]) + std::llabs(post.multiplier[1]);
      require(fits(255, factors, post.bias[0], post.shift), "post-processing exceeds 64 bits");
      return;
    }
    for (std::size_t c = 0; c < multipliers; ++c) {
      require(fits(bound, post.multiplier[c], post.bias[biases == 1 ? 0 : c], post.shift),
              "post-processing exceeds 64 bits");
    }
  }

  /// Numbers of multipliers and biases.
  static std::pair<std::size_t, std::size_t> requantise_size(const Stage &stage) {
    const auto channels = static_cast<std::size_t>(stage.output_shape.channels);
    switch (stage.op) {
      case StageOp::kAdd:
        return {2, 1};
      case StageOp::kMultiply:
      case StageOp::kLocalResponse:
        return {1, 1};
      case StageOp::kInsideAverage:
        return {static_cast<std::size_t>(stage.window.kernel_height) *
                    static_cast<std::size_t>(stage.window.kernel_width),
                1};
      default:
        return {channels, channels};
    }
  }

  /// Largest magnitude of a stage's accumulator.
  std::int64_t accumulator_bound(const Stage &stage) {
    switch (stage.op) {
      case StageOp::kMvm:
        return mvm_bound(stage);
      case StageOp::kMultiply:
        return std::int64_t{255} * 255;
      case StageOp::kLocalResponse:
        return std::int64_t{255} * 65535;
      case StageOp::kAveragePool:
      case StageOp::kInsideAverage:
        return std::int64_t{stage.window.kernel_height} * stage.window.kernel_width * 255;
      case StageOp::kAggregate: {
        std::int64_t bound = 0;
        for (std::size_t i = 0; i < stage.inputs.size(); ++i) bound += port_bound(i);
        return bound;
      }
      case StageOp::kMaxPool:
      case StageOp::kAdd:
      case StageOp::kLookup:
        return 255;
    }
    return 0;
  }

  std::int64_t port_bound(std::size_t port) {
    std::int64_t bound = 0;
    for (const auto &connection : connections_[{current_, port}]) {
      bound = std::max(bound, bounds_[connection.producer]);
    }
    return bound;
  }

  std::int64_t mvm_bound(const Stage &stage) const {
    std::set<unsigned> blocks;
    for (const auto &use : stage.arrays) blocks.insert(use.row_block);
    const auto converter = peripheral::make_converter(
        chip_, {stage.converter.range_divisor, stage.converter.bitline_gain});
    std::int64_t bound = 0;
    for (const unsigned block : blocks) {
      // Nobody promises that the cells between packed groups are at zero.
      bound += converter->code_bound(rows_of_block(stage, block) * stage.packed_groups);
    }
    return bound;
  }

  int rows_of_block(const Stage &stage, unsigned block) const {
    const std::int64_t rows = rows_per_block(stage, chip_.array.rows);
    return static_cast<int>(std::min(rows, std::int64_t{stage.kernel_rows} - block * rows));
  }

  ArrayPart part_of(const Stage &stage, const ArrayUse &use) const {
    return array_part(stage, use, chip_.array.rows, chip_.vectors_per_array());
  }

  static bool fits(std::int64_t bound, std::int64_t multiplier, std::int64_t bias, int shift) {
    if (bias == std::numeric_limits<std::int64_t>::min()) return false;
    const std::int64_t half = shift == 0 ? 0 : std::int64_t{1} << (shift - 1);
    std::int64_t sum = 0;
    return !__builtin_mul_overflow(bound, std::int64_t{std::llabs(multiplier)}, &sum) &&
           !__builtin_add_overflow(sum, std::int64_t{std::llabs(bias)}, &sum) &&
           !__builtin_add_overflow(sum, half, &sum);
  }

  const ControlProgram &program_;
  const config::ChipConfig &chip_;
  std::size_t current_;
  std::map<Key, std::size_t> slots_;
  std::set<Key> arrays_;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<Connection>> connections_;
  std::vector<std::vector<Connection>> host_;  // by channel
  std::set<unsigned> fed_;                     // channels that get the image
  std::vector<std::int64_t> bounds_;
};

}  // namespace

std::optional<ControlFault> check_control(const ControlProgram &program,
                                          const config::ChipConfig &chip) {
  try {
    Checker(program, chip).run();
  } catch (const Failure &failure) {
    return failure.fault;
  }
  return std::nullopt;
}

}  // namespace npim::program
