#include "mapping/ring_sizes.h"

#include <algorithm>
#include <limits>
#include <queue>

namespace npim::mapping {
namespace {

/// One input buffer in the schedule; rows are counted from the start of the image.
struct Buffer {
  int height = 0;
  std::vector<int> delivered;  // rows, per producer
  int freed = 0, most = 1;

  int complete() const {
    return delivered.empty() ? height : *std::min_element(delivered.begin(), delivered.end());
  }
};

class Schedule {
 public:
  explicit Schedule(const StageGraph &graph) : graph_(graph) {
    next_row_.assign(graph.stages.size(), 0);
    for (const auto &stage : graph.stages) {
      std::vector<Buffer> buffers(stage.inputs.size());
      for (std::size_t i = 0; i < buffers.size(); ++i) {
        buffers[i].height = stage.inputs[i].shape.height;
        buffers[i].delivered.assign(stage.inputs[i].producers, 0);
      }
      buffers_.push_back(std::move(buffers));
    }
    edges_of_.resize(graph.stages.size());
    for (const Edge &edge : graph.edges) {
      if (edge.to == kResults) continue;
      (edge.from == kImage ? image_edges_ : edges_of_[static_cast<std::size_t>(edge.from)])
          .push_back(&edge);
    }
  }

  std::vector<std::vector<int>> run() {
    for (std::size_t i = 0; i < graph_.stages.size(); ++i) ready_.push(i);  // constants only
    work();
    const int height = image_height();
    for (int row = 0; row < height; ++row) {
      for (const Edge *edge : image_edges_) deliver(*edge);
      work();
    }
    std::vector<std::vector<int>> rows;
    for (const auto &buffers : buffers_) {
      rows.emplace_back();
      for (const Buffer &buffer : buffers) rows.back().push_back(buffer.most);
    }
    return rows;
  }

 private:
  int image_height() const {
    int height = 0;
    for (const Edge *edge : image_edges_) height = std::max(height, buffer(*edge).height);
    return height;
  }
  const Buffer &buffer(const Edge &edge) const {
    return buffers_[static_cast<std::size_t>(edge.to)][static_cast<std::size_t>(edge.port)];
  }

  void deliver(const Edge &edge) {
    const auto to = static_cast<std::size_t>(edge.to);
    Buffer &buffer = buffers_[to][static_cast<std::size_t>(edge.port)];
    const int row = ++buffer.delivered[static_cast<std::size_t>(edge.producer)];
    buffer.most = std::max(buffer.most, row - buffer.freed);
    ready_.push(to);
  }

  /// Stages come in topological order, so the last one that is ready is nearest to the output.
  void work() {
    while (!ready_.empty()) {
      const std::size_t i = ready_.top();
      ready_.pop();
      if (!can_compute_row(i)) continue;
      for (const Edge *edge : edges_of_[i]) deliver(*edge);
      free_rows(i);
      ++next_row_[i];
      ready_.push(i);
    }
  }

  bool can_compute_row(std::size_t i) const {
    const auto &stage = graph_.stages[i];
    const int y = next_row_[i];
    if (y >= stage.output_shape.height) return false;
    for (const Buffer &buffer : buffers_[i]) {
      std::int64_t needed = y + 1;  // at most what there is: of a repeated pixel, one row
      if (program::has_window(stage.op)) {
        needed = std::int64_t{y} * stage.window.stride_height - stage.window.pad_top +
                 stage.window.covered_height();
      }
      if (buffer.complete() < std::min<std::int64_t>(needed, buffer.height)) return false;
    }
    return true;
  }

  void free_rows(std::size_t i) {
    const auto &stage = graph_.stages[i];
    const bool last = next_row_[i] + 1 == stage.output_shape.height;
    for (std::size_t port = 0; port < buffers_[i].size(); ++port) {
      Buffer &buffer = buffers_[i][port];
      if (!last && program::is_repeated(stage, port)) continue;
      std::int64_t next = next_row_[i] + 1;
      if (program::has_window(stage.op)) {
        next = next * stage.window.stride_height - stage.window.pad_top;
      }
      buffer.freed =
          last ? buffer.height
               : static_cast<int>(std::clamp<std::int64_t>(next, buffer.freed, buffer.height));
    }
  }

  const StageGraph &graph_;
  std::vector<int> next_row_;
  std::vector<std::vector<Buffer>> buffers_;
  std::vector<const Edge *> image_edges_;
  std::vector<std::vector<const Edge *>> edges_of_;
  std::priority_queue<std::size_t> ready_;
};

}  // namespace

std::vector<std::vector<int>> least_ring_rows(const StageGraph &graph) {
  return Schedule(graph).run();
}

int comfortable_ring_rows(const program::Stage &stage, std::size_t port, int least) {
  constexpr int kJoin = 3;  // rows by which branches drift apart while all of them work
  const int more = program::has_window(stage.op) ? stage.window.stride_height : kJoin;
  return static_cast<int>(
      std::min<std::int64_t>(std::int64_t{least} + more, stage.inputs[port].shape.height));
}

}  // namespace npim::mapping
