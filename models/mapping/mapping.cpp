#include "mapping/mapping.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "base/error.h"
#include "base/integers.h"
#include "mapping/layer_cut.h"
#include "mapping/partition.h"
#include "mapping/schedule_writer.h"
#include "mapping/segment_mapper.h"
#include "mapping/stage_graph.h"
#include "mapping/tile_allocator.h"
#include "program/control_check.h"
#include "program/mesh.h"

namespace npim::mapping {
namespace {

using network::Layer;
using network::LayerOp;

/// One attempt to place all segments of a partition.
class Mapper {
 public:
  Mapper(const network::QuantisedNetwork &network, const config::ChipConfig &chip,
         const Partition &partition, const Attempt &attempt, int channels)
      : network_(network),
        chip_(chip),
        partition_(partition),
        attempt_(attempt),
        allocator_(chip, attempt.style.band,
                   attempt.style.packing == Packing::kTight ? chip.tiles_per_chip() : 0),
        homes_(static_cast<std::size_t>(channels),
               std::vector<LayerArrays>(network.layers.size())) {
    mapping_.channels = channels;
  }

  /// The mapping, or nothing and misfit() says why.
  std::optional<Mapping> run() {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) describe(i);
    for (std::size_t i = 0; i < partition_.segments.size(); ++i) {
      if (!map_segment(i)) return std::nullopt;
    }
    auto &program = mapping_.program;
    program.name = network_.name;
    if (attempt_.with_weights) program.network = network_;
    program.output_scale = network_.layers.back().output_scale;
    program.schedule = write_schedule(network_, partition_, program.segments);
    state_requirements();
    average_traffic();
    for (std::size_t i = 0; i < mapping_.layers.size(); ++i) add_record(i);
    mapping_.tiles_used = allocator_.tiles_used();
    return std::move(mapping_);
  }

  const Misfit &misfit() const { return misfit_; }

 private:
  bool map_segment(std::size_t number) {
    if (number > 0) allocator_.start_segment();
    program::ControlProgram control;
    mapping_.link_ns.push_back(0);
    for (std::size_t channel = 0; channel < homes_.size(); ++channel) {
      if (!map_channel(partition_.segments[number], channel, control)) return false;
    }
    if (control.channels > 1 && !check_channels(control)) return false;
    mapping_.program.segments.push_back(std::move(control));
    return true;
  }

  bool map_channel(const Segment &segment, std::size_t channel, program::ControlProgram &control) {
    SegmentMapper mapper(segment.is_whole ? network_ : segment.network, segment.origins, chip_,
                         attempt_, allocator_, {homes_[channel], partition_.shares_with});
    auto mapped = mapper.run();
    if (!mapped) {
      misfit_ = mapper.misfit();
      return false;
    }
    mapping_.image_hop_bytes += mapped->image_hop_bytes;
    mapping_.hop_bytes += mapped->hop_bytes;
    mapping_.link_ns.back() += mapped->busiest_link_ns;
    for (std::size_t i = 0; i < mapped->layers.size(); ++i) {
      const int origin = segment.origins[i];
      if (origin >= 0) {
        take_over(std::move(mapped->layers[i]), static_cast<std::size_t>(origin), channel);
      }
    }
    mapping_.arrays_used += mapped->arrays;
    auto &program = mapping_.program;
    for (auto &array : mapped->weights) program.weights.push_back(std::move(array));
    join_channel(std::move(mapped->control), channel, control);
    return true;
  }

  /// What channels share: the controller's room for stages.
  bool check_channels(const program::ControlProgram &control) {
    const auto fault = program::check_control(control, chip_);
    if (!fault) return true;
    misfit_ = {
        fault->stage < control.stages.size() ? control.stages[fault->stage].layer : 0,
        "cannot be placed in " + std::to_string(control.channels) + " channels: " + fault->reason};
    return false;
  }

  static void join_channel(program::ControlProgram &&from, std::size_t channel,
                           program::ControlProgram &control) {
    if (channel == 0) {
      control = std::move(from);
      return;
    }
    control.channels = static_cast<std::uint8_t>(channel + 1);
    control.inputs.insert(control.inputs.end(), from.inputs.begin(), from.inputs.end());
    for (auto &stage : from.stages) {
      stage.channel = static_cast<std::uint16_t>(channel);
      control.stages.push_back(std::move(stage));
    }
  }

  /// Of the first channel; the others add what they take.
  void take_over(SegmentLayer &&from, std::size_t index, std::size_t channel) {
    LayerPlacement &layer = mapping_.layers[index];
    stages_[index] = channel == 0 ? from.stages : stages_[index] + from.stages;
    if (channel == 0) {
      layer = std::move(from.placement);
      return;
    }
    layer.arrays += from.placement.arrays;
    layer.buffer_bytes += from.placement.buffer_bytes;
    layer.output_hop_bytes += from.placement.output_hop_bytes;
    for (const int tile : from.placement.tiles) {
      const auto at = std::lower_bound(layer.tiles.begin(), layer.tiles.end(), tile);
      if (at == layer.tiles.end() || *at != tile) layer.tiles.insert(at, tile);
    }
  }

  /// What is known of a layer before it has places, and all that there is of a layer of the host.
  void describe(std::size_t index) {
    const Layer &layer = network_.layers[index];
    LayerPlacement placement = describe_layer(layer);
    placement.host_reason = partition_.host_reasons[index];
    placement.on_host = !placement.host_reason.empty();
    mapping_.layers.push_back(std::move(placement));
    stages_.push_back(0);
  }

  /// Images take turns in the channels.
  void average_traffic() {
    mapping_.image_hop_bytes /= mapping_.channels;
    mapping_.hop_bytes /= mapping_.channels;
    for (LayerPlacement &layer : mapping_.layers) layer.output_hop_bytes /= mapping_.channels;
  }

  /// What this program needs of a chip, where that is less than the chip it was mapped for has.
  void state_requirements() {
    auto &need = mapping_.program.requirements;
    need = requirements_of(chip_);
    need.tiles = static_cast<std::uint32_t>(allocator_.highest_tile() + 1);
    need.edram_bytes = static_cast<std::uint32_t>(allocator_.most_edram_bytes());
    need.range_divisors_mask = need.bitline_gains_mask = 0;
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      const Layer &layer = network_.layers[i];
      if (layer.op != LayerOp::kConvolution || mapping_.layers[i].on_host) continue;
      need.range_divisors_mask |= static_cast<std::uint8_t>(layer.converter.range_divisor);
      need.bitline_gains_mask |= static_cast<std::uint8_t>(layer.converter.bitline_gain);
    }
  }

  void add_record(std::size_t index) {
    const LayerPlacement &placement = mapping_.layers[index];
    program::LayerRecord record;
    record.layer = static_cast<std::uint32_t>(index);
    record.op = placement.op;
    record.on_host = placement.on_host;
    record.stages = static_cast<std::uint16_t>(stages_[index]);
    record.tiles = static_cast<std::uint16_t>(placement.tiles.size());
    record.arrays = static_cast<std::uint32_t>(placement.arrays);
    record.windows = static_cast<std::uint32_t>(placement.windows);
    record.name = placement.name;
    mapping_.program.layers.push_back(std::move(record));
  }

  const network::QuantisedNetwork &network_;
  const config::ChipConfig &chip_;
  const Partition &partition_;
  const Attempt attempt_;
  TileAllocator allocator_;
  std::vector<std::vector<LayerArrays>> homes_;  ///< by channel and layer
  std::vector<int> stages_;                      ///< of each layer
  Mapping mapping_;
  Misfit misfit_;
};

/// Where layers fail that no tile can do, the host gets them and the network is divided anew.
struct Divided {
  Partition partition;
  std::vector<std::string> impossible;
};

std::optional<Mapping> attempt_mapping(const network::QuantisedNetwork &network,
                                       const config::ChipConfig &chip, const Attempt &attempt,
                                       int channels, Divided &divided, Misfit &misfit) {
  for (;;) {
    Mapper mapper(network, chip, divided.partition, attempt, channels);
    try {
      auto mapping = mapper.run();
      misfit = mapper.misfit();
      return mapping;
    } catch (const UnmappableLayer &layer) {
      divided.impossible[layer.number] = layer.reason;
      divided.partition = partition_network(network, divided.impossible);
    }
  }
}

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

std::vector<std::string> chosen_for_host(const network::QuantisedNetwork &network,
                                         const std::vector<std::string> &names) {
  std::vector<std::string> reasons(network.layers.size());
  for (const std::string &name : names) {
    bool found = false;
    for (std::size_t i = 0; i < reasons.size(); ++i) {
      if (network.layers[i].name != name) continue;
      reasons[i] = "as chosen";
      found = true;
    }
    if (!found) throw InputError("network '" + network.name + "'", "has no layer '" + name + "'");
  }
  return reasons;
}

/// A mapping and how fast it is: its place among paces().
struct Paced {
  std::size_t pace = 0;
  Style style;
  Mapping mapping;                      ///< without weights
  std::vector<std::string> impossible;  ///< what no tile could do (Divided)
};

/// Looks for the pace at which images follow each other fastest.
class PaceSearch {
 public:
  PaceSearch(const network::QuantisedNetwork &network, const config::ChipConfig &chip,
             const MapOptions &options)
      : network_(network), chip_(chip), options_(options), paces_(paces(network)) {
    divided_.impossible = chosen_for_host(network, options.on_host);
    divided_.partition = partition_network(network, divided_.impossible);
    if (options.replication == Replication::kNone) paces_ = {paces_.back()};
  }

  /// Empty if one copy of each layer does not fit, and misfit() says why.
  std::optional<Paced> find_best(Packing packing) {
    auto best = find({packing, false, false});
    for (const auto &[joins, sums] : {std::pair{true, false}, {false, true}, {true, true}}) {
      if (!best || is_as_fast_as_can_be(*best)) break;
      keep_better(find({packing, joins, sums}), *best);
    }
    return best;
  }

  bool is_as_fast_as_can_be(const Paced &paced) const {
    return paced.pace == 0 && !is_limited_by_links(paced);
  }

  /// From one image in each channel to the next, as far as window periods and links limit it.
  /// Segments run one after the other.
  double image_ns(const Paced &paced) const {
    double sum_ns = 0;
    for (const double link_ns : paced.mapping.link_ns) {
      sum_ns += std::max(pace_ns(paced.pace), link_ns);
    }
    return sum_ns;
  }

  /// With weights, if these are asked for.
  Mapping finish(Paced &&best) {
    if (!options_.with_weights) return std::move(best.mapping);
    best.mapping = {};
    if (divided_.impossible != best.impossible) {
      divided_.impossible = best.impossible;
      divided_.partition = partition_network(network_, divided_.impossible);
    }
    Attempt again = attempt_of(best.pace, best.style);
    again.with_weights = true;
    auto mapping = attempt_mapping(network_, chip_, again, options_.channels, divided_, misfit_);
    if (!mapping) throw std::logic_error("a mapping did not come out the same again");
    return std::move(*mapping);
  }

  const Misfit &misfit() const { return misfit_; }

 private:
  double pace_ns(std::size_t pace) const {
    return static_cast<double>(paces_[pace]) * window_period_ns(chip_);
  }

  std::optional<Paced> find(const Style &style) {
    auto best = find_fastest(style);
    if (!best) return best;
    try_bands(*best);
    // Copies that are spread widely may cost more time on the links than they save.
    constexpr std::size_t kStep = 3;
    const Style chosen = best->style;
    const auto segments = static_cast<double>(best->mapping.link_ns.size());
    for (std::size_t pace = best->pace + kStep;
         pace < paces_.size() && segments * pace_ns(pace) < image_ns(*best); pace += kStep) {
      keep_better(attempt(pace, chosen), *best);
    }
    return best;
  }

  void keep_better(std::optional<Paced> &&other, Paced &best) const {
    if (other && image_ns(*other) < image_ns(best)) best = std::move(*other);
  }

  bool is_limited_by_links(const Paced &paced) const {
    const auto &links = paced.mapping.link_ns;
    return std::any_of(links.begin(), links.end(),
                       [&](double link_ns) { return link_ns > pace_ns(paced.pace); });
  }

  /// Wide snakes keep what lies far apart in the network nearer, narrow ones the neighbours.
  void try_bands(Paced &best) {
    const std::size_t pace = best.pace;
    Style style = best.style;
    const int rows = program::Mesh(chip_).rows();
    for (const int band : {2, 3, rows}) {
      if (band > rows || band <= style.band || !is_limited_by_links(best)) continue;
      style.band = band;
      keep_better(attempt(pace, style), best);
    }
  }

  Attempt attempt_of(std::size_t pace, const Style &style) const {
    Attempt attempt{paces_[pace], style, options_.schedule};
    attempt.may_fail_early = pace + 1 < paces_.size();
    return attempt;
  }

  std::optional<Paced> attempt(std::size_t pace, const Style &style) {
    auto mapping = attempt_mapping(network_, chip_, attempt_of(pace, style), options_.channels,
                                   divided_, misfit_);
    if (!mapping) return std::nullopt;
    return Paced{pace, style, std::move(*mapping), divided_.impossible};
  }

  /// By bisection: fewer copies fit where more did.
  std::optional<Paced> find_fastest(const Style &style) {
    std::optional<Paced> best;
    std::size_t first = 0, end = paces_.size();  // the fastest is among these, if it is not `best`
    for (std::size_t pace = end - 1; first < end; pace = (first + end) / 2) {
      auto faster = attempt(pace, style);
      if (!faster) {
        if (!best) return std::nullopt;
        first = pace + 1;
        continue;
      }
      best = std::move(faster);
      end = pace;
    }
    return best;
  }

  const network::QuantisedNetwork &network_;
  const config::ChipConfig &chip_;
  const MapOptions &options_;
  std::vector<std::int64_t> paces_;
  Divided divided_;
  Misfit misfit_;
};

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
  constexpr int kMostChannels = 64;
  if (options.channels < 1 || options.channels > kMostChannels) {
    throw InputError("network '" + network.name + "'", std::to_string(options.channels) +
                                                           " channels are not 1 to " +
                                                           std::to_string(kMostChannels));
  }
  PaceSearch search(network, chip, options);
  auto loose = search.find_best(Packing::kLoose);
  if (loose && search.is_as_fast_as_can_be(*loose)) return search.finish(std::move(*loose));
  // Kernels that are cut to fill tiles cost partial sums, and stages that fill gaps long ways, more
  // than the links show: only for room that makes a difference.
  constexpr double kMuchFaster = 1.5;
  auto tight = search.find_best(Packing::kTight);
  const bool is_much_faster =
      tight && loose && search.image_ns(*tight) * kMuchFaster <= search.image_ns(*loose);
  if (loose && !is_much_faster) return search.finish(std::move(*loose));
  if (tight) return search.finish(std::move(*tight));
  const Misfit &misfit = search.misfit();
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
