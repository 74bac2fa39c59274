#include "mapping/partition.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "mapping/gather_routes.h"

namespace npim::mapping {
namespace {

using network::kNetworkInput;
using network::Layer;
using network::LayerOp;
using network::TensorShape;

/// Channels of a joint tensor; fields of the control program have 16 bits.
constexpr std::int64_t kMostChannels = 65535;
/// Smaller kernels are not worth a segment of their own, and are alike by chance.
constexpr std::size_t kLeastSharedWeights = 64;

/// Layers that are no stages: their readers get what they want from the senders.
bool is_route(LayerOp op) {
  return op == LayerOp::kConcat || op == LayerOp::kGather;
}

bool same_plane(const TensorShape &a, const TensorShape &b) {
  return a.height == b.height && a.width == b.width;
}

class Partitioner {
 public:
  Partitioner(const network::QuantisedNetwork &network, std::vector<std::string> impossible)
      : network_(network),
        count_(network.layers.size()),
        host_(std::move(impossible)),
        cut_(count_, false) {}

  Partition run() {
    find_impossible_gathers();
    find_readers();
    find_shared_weights();
    do {
      find_phases();
      leave_copies_to_host();
      find_components();
    } while (make_components_possible());
    write_steps();
    partition_.host_reasons = std::move(host_);
    partition_.shares_with = std::move(shares_with_);
    return std::move(partition_);
  }

 private:
  const Layer &layer(int i) const { return network_.layers[static_cast<std::size_t>(i)]; }
  bool on_host(int i) const { return !host_[static_cast<std::size_t>(i)].empty(); }
  int &phase(int i) { return phases_[static_cast<std::size_t>(i)]; }
  int size() const { return static_cast<int>(count_); }
  const TensorShape &shape_of(int i) const {
    return i == kNetworkInput ? network_.input_shape : layer(i).output_shape;
  }

  void find_impossible_gathers() {
    for (int i = 0; i < size(); ++i) {
      if (layer(i).op != LayerOp::kGather || on_host(i)) continue;
      std::string why;
      if (!gather_rectangles(layer(i), why)) host_[static_cast<std::size_t>(i)] = why;
    }
    // The readers' buffers hold constants, and the host has no such buffer.
    if (is_route(layer(size() - 1).op) && !on_host(size() - 1)) host_.back() = "it copies";
  }

  void find_readers() {
    readers_.resize(count_);
    for (int i = 0; i < size(); ++i) {
      for (const int from : layer(i).inputs) {
        if (from != kNetworkInput) readers_[static_cast<std::size_t>(from)].push_back(i);
      }
    }
  }

  bool depends_on(int later, int earlier) const {
    std::vector<bool> seen(count_, false);
    std::vector<int> work = {later};
    while (!work.empty()) {
      const int at = work.back();
      work.pop_back();
      if (at == earlier) return true;
      for (const int from : layer(at).inputs) {
        if (from < earlier || seen[static_cast<std::size_t>(from)]) continue;
        seen[static_cast<std::size_t>(from)] = true;
        work.push_back(from);
      }
    }
    return false;
  }

  void find_shared_weights() {
    shares_with_.assign(count_, -1);
    previous_.assign(count_, -1);
    std::map<std::vector<std::int8_t>, std::vector<std::pair<int, int>>> known;  // first and latest
    for (int i = 0; i < size(); ++i) {
      const Layer &l = layer(i);
      if (l.op != LayerOp::kConvolution || on_host(i) || l.weights.size() < kLeastSharedWeights) {
        continue;
      }
      auto &candidates =
          known[{l.weights.begin(), l.weights.begin() + std::ptrdiff_t{kLeastSharedWeights}}];
      const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const auto &pair) {
        return are_alike(l, layer(pair.first)) && depends_on(i, pair.second);
      });
      if (found == candidates.end()) {
        candidates.emplace_back(i, i);
        continue;
      }
      shares_with_[static_cast<std::size_t>(i)] = found->first;
      previous_[static_cast<std::size_t>(i)] = found->second;
      found->second = i;
    }
  }

  static bool are_alike(const Layer &a, const Layer &b) {
    const auto kernel = [](const Layer &l) {
      return std::pair(l.window.kernel_height, l.window.kernel_width);
    };
    return a.input_shape == b.input_shape && a.output_shape == b.output_shape &&
           a.groups == b.groups && kernel(a) == kernel(b) && a.weights == b.weights &&
           a.weight_shift == b.weight_shift && a.block_rows == b.block_rows;
  }

  /// Segments of phase p run before the host's layers of phase p, and these before phase p + 1.
  void find_phases() {
    phases_.assign(count_, 0);
    for (int i = 0; i < size(); ++i) {
      int p = on_host(i) ? -1 : 0;
      for (const int from : layer(i).inputs) {
        if (from == kNetworkInput) continue;
        const bool leaves = !on_host(i) && (on_host(from) || cut_[static_cast<std::size_t>(from)]);
        p = std::max(p, phase(from) + (leaves ? 1 : 0));
      }
      const int previous = previous_[static_cast<std::size_t>(i)];
      if (previous >= 0 && !on_host(i)) p = std::max(p, phase(previous) + 1);
      phase(i) = p;
    }
  }

  bool is_same_segment(int from, int to) {
    return from != kNetworkInput && !on_host(from) && !on_host(to) && phase(from) == phase(to) &&
           !cut_[static_cast<std::size_t>(from)];
  }

  /// Routes that would carry tensors from one segment to the next, or to the host, through the
  /// chip: the host reads them where they are.
  void leave_copies_to_host() {
    for (int i = size() - 1; i >= 0; --i) {
      if (on_host(i) || !is_route(layer(i).op)) continue;
      const auto &readers = readers_[static_cast<std::size_t>(i)];
      const bool is_read = std::any_of(readers.begin(), readers.end(),
                                       [&](int reader) { return is_same_segment(i, reader); });
      const auto &inputs = layer(i).inputs;
      const bool is_fed = std::all_of(inputs.begin(), inputs.end(), [&](int from) {
        return from == kNetworkInput || is_same_segment(from, i);
      });
      if (!is_read || !is_fed) {
        host_[static_cast<std::size_t>(i)] = "it copies";
        moved_ = true;
      }
    }
    // A concatenation of earlier tensors puts its readers off.
    if (moved_) {
      moved_ = false;
      find_phases();
      leave_copies_to_host();
    }
  }

  int find(int i) {
    while (parents_[static_cast<std::size_t>(i)] != i) i = parents_[static_cast<std::size_t>(i)];
    return i;
  }

  struct Component {
    std::vector<int> layers;          // ascending
    std::vector<int> entries, exits;  // ascending
  };

  void find_components() {
    parents_.resize(count_);
    std::iota(parents_.begin(), parents_.end(), 0);
    for (int i = 0; i < size(); ++i) {
      for (const int from : layer(i).inputs) {
        if (is_same_segment(from, i)) {
          // The smaller number is the root.
          const int a = find(from), b = find(i);
          parents_[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
        }
      }
    }
    components_.clear();
    for (int i = 0; i < size(); ++i) {
      if (!on_host(i)) components_[find(i)].layers.push_back(i);
    }
    for (auto &[root, component] : components_) find_ends(component);
  }

  void find_ends(Component &component) {
    std::set<int> entries;
    for (const int i : component.layers) {
      for (const int from : layer(i).inputs) {
        if (!is_same_segment(from, i)) entries.insert(from);
      }
      const auto &readers = readers_[static_cast<std::size_t>(i)];
      if (readers.empty() || std::any_of(readers.begin(), readers.end(),
                                         [&](int reader) { return !is_same_segment(i, reader); })) {
        component.exits.push_back(i);
      }
    }
    component.entries.assign(entries.begin(), entries.end());
  }

  bool can_be_joined(const std::vector<int> &tensors) const {
    std::int64_t channels = 0;
    for (const int i : tensors) {
      if (!same_plane(shape_of(i), shape_of(tensors[0]))) return false;
      channels += shape_of(i).channels;
    }
    return channels <= kMostChannels;
  }

  /// Returns whether something has changed.
  bool make_components_possible() {
    bool changed = false;
    for (const auto &[root, component] : components_) {
      if (component.entries.size() > 1 && !can_be_joined(component.entries)) {
        changed = true;
        leave_join_to_host(component);
      } else if (component.exits.size() > 1 && !can_be_joined(component.exits)) {
        changed = true;
        cut_apart(component);
      }
    }
    return changed;
  }

  /// The first layer that brings entries together which cannot be joined before.
  void leave_join_to_host(const Component &component) {
    std::map<int, std::set<int>> reached;  // entries that a layer depends on
    for (const int i : component.layers) {
      std::set<int> &entries = reached[i];
      for (const int from : layer(i).inputs) {
        if (is_same_segment(from, i)) {
          entries.insert(reached[from].begin(), reached[from].end());
        } else {
          entries.insert(from);
        }
      }
      if (can_be_joined({entries.begin(), entries.end()})) continue;
      host_[static_cast<std::size_t>(i)] = "its inputs come from elsewhere and differ in shape";
      return;
    }
    // Entries that meet nowhere share readers' segments only: separate those.
    cut_apart(component);
  }

  /// Ends segments earlier, so that fewer tensors leave each.
  void cut_apart(const Component &component) {
    for (const int i : component.exits) {
      if (cut_[static_cast<std::size_t>(i)]) continue;
      const auto &readers = readers_[static_cast<std::size_t>(i)];
      if (std::any_of(readers.begin(), readers.end(),
                      [&](int reader) { return is_same_segment(i, reader); })) {
        cut_[static_cast<std::size_t>(i)] = true;
        return;
      }
    }
    for (auto i = component.layers.rbegin(); i != component.layers.rend(); ++i) {
      for (const int from : layer(*i).inputs) {
        if (is_same_segment(from, *i)) {
          cut_[static_cast<std::size_t>(from)] = true;
          return;
        }
      }
    }
  }

  // Steps

  void write_steps() {
    int last = -1;
    for (int i = 0; i < size(); ++i) last = std::max(last, phase(i));
    std::vector<std::vector<int>> roots(static_cast<std::size_t>(last + 1));
    for (const auto &[root, component] : components_) {
      roots[static_cast<std::size_t>(phase(root))].push_back(root);
    }
    std::vector<std::vector<int>> hosts(static_cast<std::size_t>(last + 2));
    for (int i = 0; i < size(); ++i) {
      if (on_host(i)) hosts[static_cast<std::size_t>(phase(i)) + 1].push_back(i);
    }
    for (int p = -1; p <= last; ++p) {
      if (p >= 0) {
        for (const int root : roots[static_cast<std::size_t>(p)]) add_segment(components_[root]);
      }
      for (const int i : hosts[static_cast<std::size_t>(p) + 1]) {
        partition_.steps.push_back({PartStep::Kind::kHost, -1, i, layer(i).inputs, {i}});
      }
    }
  }

  void add_segment(const Component &component) {
    const auto number = static_cast<int>(partition_.segments.size());
    partition_.steps.push_back(
        {PartStep::Kind::kChip, number, -1, component.entries, component.exits});
    partition_.segments.push_back(segment_of(component));
  }

  Segment segment_of(const Component &component) const {
    Segment segment;
    if (component.layers.size() == count_) {
      segment.is_whole = true;
      segment.origins.resize(count_);
      std::iota(segment.origins.begin(), segment.origins.end(), 0);
      return segment;
    }
    segment.network.name = network_.name;
    segment.network.format = network_.format;
    segment.network.input_shape = shape_of(component.entries[0]);
    std::map<int, int> numbers;  // of tensors of the network, in the segment
    if (component.entries.size() > 1) {
      pick_entries(component, segment, numbers);
    } else {
      numbers[component.entries[0]] = kNetworkInput;
    }
    for (const int i : component.layers) {
      Layer copy = layer(i);
      for (std::int32_t &from : copy.inputs) from = numbers.at(from);
      numbers[i] = static_cast<int>(segment.network.layers.size());
      segment.network.layers.push_back(std::move(copy));
      segment.origins.push_back(i);
    }
    if (component.exits.size() > 1 || is_route(layer(component.exits[0]).op)) {
      join_exits(component, segment, numbers);
    }
    return segment;
  }

  void pick_entries(const Component &component, Segment &segment,
                    std::map<int, int> &numbers) const {
    std::int32_t channels = 0;
    for (const int i : component.entries) channels += shape_of(i).channels;
    segment.network.input_shape.channels = channels;
    std::int32_t first = 0;
    for (const int i : component.entries) {
      Layer pick;
      pick.name = "input" + std::to_string(numbers.size());
      pick.op = LayerOp::kGather;
      pick.inputs = {kNetworkInput};
      pick.input_shape = segment.network.input_shape;
      pick.output_shape = shape_of(i);
      const std::int64_t pixels = std::int64_t{pick.output_shape.height} * pick.output_shape.width;
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        for (std::int32_t c = 0; c < pick.output_shape.channels; ++c) {
          pick.table.push_back(static_cast<std::int32_t>(pixel * channels + first + c));
        }
      }
      first += pick.output_shape.channels;
      numbers[i] = static_cast<int>(segment.network.layers.size());
      segment.network.layers.push_back(std::move(pick));
      segment.origins.push_back(-1);
    }
  }

  /// All exits side by side, read by one stage, which sends them on as one tensor.
  void join_exits(const Component &component, Segment &segment,
                  const std::map<int, int> &numbers) const {
    Layer join;
    join.op = LayerOp::kConcat;
    join.name = "join";
    join.input_shape = shape_of(component.exits[0]);
    join.input_shape.channels = 0;
    for (const int i : component.exits) {
      join.inputs.push_back(numbers.at(i));
      join.channel_offsets.push_back(join.input_shape.channels);
      join.input_shape.channels += shape_of(i).channels;
    }
    join.output_shape = join.input_shape;
    Layer send;
    send.op = LayerOp::kLookup;
    send.name = "send";
    send.inputs = {static_cast<std::int32_t>(segment.network.layers.size())};
    send.input_shape = send.output_shape = join.output_shape;
    send.table.resize(256);
    std::iota(send.table.begin(), send.table.end(), 0);
    segment.network.layers.push_back(std::move(join));
    segment.network.layers.push_back(std::move(send));
    segment.origins.push_back(-1);
    segment.origins.push_back(-1);
  }

  const network::QuantisedNetwork &network_;
  const std::size_t count_;
  std::vector<std::string> host_;
  std::vector<bool> cut_;  ///< readers of the layer are in later segments
  std::vector<std::vector<int>> readers_;
  std::vector<int> shares_with_, previous_, phases_, parents_;
  std::map<int, Component> components_;
  bool moved_ = false;
  Partition partition_;
};

}  // namespace

Partition partition_network(const network::QuantisedNetwork &network,
                            std::vector<std::string> impossible) {
  impossible.resize(network.layers.size());
  return Partitioner(network, std::move(impossible)).run();
}

}  // namespace npim::mapping
