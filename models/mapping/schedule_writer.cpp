#include "mapping/schedule_writer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/integers.h"
#include "mapping/gather_routes.h"

namespace npim::mapping {
namespace {

using network::kNetworkInput;
using network::Layer;
using network::LayerOp;
using network::TensorShape;
using program::Schedule;
using program::Step;
using program::TensorPlace;
using program::TensorView;

constexpr std::int64_t kAlignment = 64;

/// Of the workspace, and the steps that it is needed in.
struct Buffer {
  std::int64_t bytes = 0;
  std::size_t first = 0, last = 0;
  std::int64_t offset = 0;
};

class Writer {
 public:
  Writer(const network::QuantisedNetwork &network, const Partition &partition,
         const std::vector<program::ControlProgram> &segments)
      : network_(network), partition_(partition), segments_(segments) {}

  Schedule run() {
    TensorView images = dense(network_.input_shape, 1);
    tensors_[kNetworkInput] = add(images, -1);
    for (const PartStep &step : partition_.steps) {
      step.kind == PartStep::Kind::kChip ? add_chip(step) : add_host(step);
    }
    place_buffers();
    return std::move(schedule_);
  }

 private:
  const Layer &layer(int i) const { return network_.layers[static_cast<std::size_t>(i)]; }
  const TensorShape &shape_of(int i) const {
    return i == kNetworkInput ? network_.input_shape : layer(i).output_shape;
  }
  bool is_last(int i) const { return i + 1 == static_cast<int>(network_.layers.size()); }
  const TensorView &view(std::uint32_t tensor) const { return schedule_.tensors[tensor]; }

  static TensorView dense(const TensorShape &shape, int element_bytes) {
    TensorView tensor;
    tensor.shape = shape;
    tensor.element_bytes = static_cast<std::uint8_t>(element_bytes);
    tensor.pixel_bytes = static_cast<std::uint32_t>(shape.channels * element_bytes);
    tensor.image_bytes = static_cast<std::uint32_t>(shape.elements() * element_bytes);
    return tensor;
  }
  static bool is_dense(const TensorView &tensor) {
    return tensor.pixel_bytes ==
           static_cast<std::uint32_t>(tensor.shape.channels) * tensor.element_bytes;
  }

  std::uint32_t add(const TensorView &tensor, int buffer) {
    schedule_.tensors.push_back(tensor);
    buffers_of_.push_back(buffer);
    return static_cast<std::uint32_t>(schedule_.tensors.size() - 1);
  }

  /// A tensor with a buffer of its own.
  std::uint32_t allocate(const TensorShape &shape) {
    TensorView tensor = dense(shape, 1);
    tensor.place = TensorPlace::kWorkspace;
    const std::size_t now = schedule_.steps.size();
    buffers_.push_back({shape.elements(), now, now, 0});
    return add(tensor, static_cast<int>(buffers_.size()) - 1);
  }

  std::uint32_t allocate_output(int i) {
    if (!is_last(i)) return allocate(shape_of(i));
    TensorView tensor = dense(shape_of(i), layer(i).requantise.output_s32 ? 4 : 1);
    tensor.place = TensorPlace::kOutputs;
    return add(tensor, -1);
  }

  /// A part of what a tensor shows.
  std::uint32_t part(std::uint32_t of, const TensorShape &shape, std::uint32_t pixel_bytes,
                     std::int64_t first_byte) {
    TensorView tensor = view(of);
    tensor.shape = shape;
    tensor.first_byte += static_cast<std::uint32_t>(first_byte);
    const bool is_pixel = std::int64_t{shape.height} * shape.width == 1;
    tensor.pixel_bytes = is_pixel ? static_cast<std::uint32_t>(shape.channels) : pixel_bytes;
    return add(tensor, buffers_of_[of]);
  }

  void add_step(Step step) {
    for (const std::uint32_t input : step.inputs) touch(input);
    touch(step.output);
    schedule_.steps.push_back(std::move(step));
  }
  void touch(std::uint32_t tensor) {
    const int buffer = buffers_of_[tensor];
    if (buffer >= 0) buffers_[static_cast<std::size_t>(buffer)].last = schedule_.steps.size();
  }

  // Chip

  void add_chip(const PartStep &part_step) {
    const program::ControlProgram &control = segments_[static_cast<std::size_t>(part_step.segment)];
    Step step;
    step.kind = Step::Kind::kOnChip;
    step.segment = static_cast<std::uint32_t>(part_step.segment);
    step.inputs = {joint_input(part_step.from, control.input_shape)};
    const bool is_single = part_step.to.size() == 1;
    step.output = is_single ? allocate_output(part_step.to[0]) : allocate(control.output_shape);
    add_step(step);
    if (is_single) {
      tensors_[part_step.to[0]] = step.output;
      return;
    }
    std::int64_t first = 0;
    for (const int i : part_step.to) {
      tensors_[i] = part(step.output, shape_of(i), view(step.output).pixel_bytes, first);
      first += shape_of(i).channels;
    }
  }

  /// The one tensor that the chip reads.
  std::uint32_t joint_input(const std::vector<int> &from, const TensorShape &shape) {
    if (from.size() == 1 && is_dense(view(tensors_.at(from[0])))) return tensors_.at(from[0]);
    Step join;
    join.kind = Step::Kind::kOnHost;
    for (const int i : from) join.inputs.push_back(tensors_.at(i));
    join.output = allocate(shape);
    add_step(join);
    return join.output;
  }

  // Host

  void add_host(const PartStep &part_step) {
    const int i = part_step.layer;
    Step step;
    step.kind = Step::Kind::kOnHost;
    step.layer = static_cast<std::uint32_t>(i);
    const auto seen = is_last(i) ? std::nullopt : seen_as_view(i);
    if (seen) {
      step.kind = Step::Kind::kView;
      step.output = *seen;
    } else {
      for (const int from : part_step.from) step.inputs.push_back(tensors_.at(from));
      step.output = allocate_output(i);
    }
    tensors_[i] = step.output;
    add_step(std::move(step));
  }

  /// A gather whose output lies in its input as it is.
  std::optional<std::uint32_t> seen_as_view(int i) {
    const Layer &l = layer(i);
    if (l.op != LayerOp::kGather || l.table[0] < 0) return std::nullopt;
    const std::uint32_t input = tensors_.at(l.inputs[0]);
    const std::int32_t first = l.table[0];
    if (is_dense(view(input)) && counts_up(l.table)) {
      return part(input, l.output_shape, static_cast<std::uint32_t>(l.output_shape.channels),
                  first);
    }
    std::string why;
    const auto pieces = gather_rectangles(l, why);
    if (!pieces || pieces->size() != 1) return std::nullopt;
    const GatherRectangle &piece = pieces->front();
    const bool whole_rows = piece.columns.count == l.input_shape.width;
    if (l.input_shape.height != 1 && !whole_rows) return std::nullopt;
    const std::int64_t pixel = view(input).pixel_bytes;
    return part(input, l.output_shape, view(input).pixel_bytes,
                piece.from_column * pixel + piece.from_channel);
  }

  static bool counts_up(const std::vector<std::int32_t> &table) {
    for (std::size_t k = 0; k < table.size(); ++k) {
      if (table[k] != table[0] + static_cast<std::int32_t>(k)) return false;
    }
    return true;
  }

  // Workspace

  /// First fit, in the order in which buffers are first needed.
  void place_buffers() {
    std::vector<const Buffer *> placed;  // those still needed, by offset
    std::int64_t end = 0;
    for (Buffer &buffer : buffers_) {
      placed.erase(std::remove_if(placed.begin(), placed.end(),
                                  [&](const Buffer *other) { return other->last < buffer.first; }),
                   placed.end());
      const std::int64_t bytes = aligned(buffer.bytes);
      for (const Buffer *other : placed) {
        if (buffer.offset + bytes <= other->offset) break;
        buffer.offset = std::max(buffer.offset, other->offset + aligned(other->bytes));
      }
      placed.insert(
          std::upper_bound(placed.begin(), placed.end(), &buffer,
                           [](const Buffer *a, const Buffer *b) { return a->offset < b->offset; }),
          &buffer);
      end = std::max(end, buffer.offset + bytes);
    }
    schedule_.workspace_bytes = static_cast<std::uint64_t>(end);
    for (std::size_t i = 0; i < buffers_of_.size(); ++i) {
      if (buffers_of_[i] < 0) continue;
      schedule_.tensors[i].buffer =
          static_cast<std::uint64_t>(buffers_[static_cast<std::size_t>(buffers_of_[i])].offset);
    }
  }
  static std::int64_t aligned(std::int64_t bytes) {
    return divide_up(bytes, kAlignment) * kAlignment;
  }

  const network::QuantisedNetwork &network_;
  const Partition &partition_;
  const std::vector<program::ControlProgram> &segments_;
  Schedule schedule_;
  std::map<int, std::uint32_t> tensors_;  ///< by layer
  std::vector<Buffer> buffers_;
  std::vector<int> buffers_of_;  ///< of each tensor, or -1
};

}  // namespace

Schedule write_schedule(const network::QuantisedNetwork &network, const Partition &partition,
                        const std::vector<program::ControlProgram> &segments) {
  return Writer(network, partition, segments).run();
}

}  // namespace npim::mapping
