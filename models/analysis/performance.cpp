#include "analysis/performance.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "cost/dot_product.h"
#include "cost/window_cycle.h"

namespace npim::analysis {
namespace {

using config::ChipConfig;
using config::Dataflow;
using cost::Part;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

LayerPlan cut(const LayerWork &layer, const ChipConfig &chip) {
  const std::int64_t rows = chip.array.rows, vectors = chip.vectors_per_array();
  LayerPlan plan;
  plan.row_blocks = ceil_divide(layer.rows, rows);
  plan.column_groups = ceil_divide(layer.outputs, vectors);
  if (layer.groups > 1 && plan.row_blocks == 1 && plan.column_groups == 1) {
    plan.packed_groups = std::min(rows / layer.rows, vectors / layer.outputs);
  }
  plan.arrays =
      ceil_divide(layer.groups, plan.packed_groups) * plan.row_blocks * plan.column_groups;
  return plan;
}

/// Bytes that the tiles of one copy read per window, when column groups share a tile's rows.
double copied_bytes(const LayerWork &layer, const LayerPlan &plan, const ChipConfig &chip) {
  const auto per_tile = static_cast<double>(chip.arrays_per_tile());
  const auto window = static_cast<double>(layer.rows * layer.groups);
  // Row blocks of more column groups than a tile has arrays are read on several tiles.
  return window * std::ceil(static_cast<double>(plan.column_groups) / per_tile);
}

double edram_bytes_per_ns(const ChipConfig &chip) {
  const double word_ns =
      std::max(1e3 / chip.tile_clock_mhz, chip.edram.access_ns / chip.edram.banks);
  return chip.bus_bits / 8.0 / word_ns;
}

double window_time(const LayerPlan &plan, const ChipConfig &chip) {
  const cost::WindowCycle cycle = cost::window_cycle(chip);
  const auto per_tile = static_cast<double>(chip.arrays_per_tile());
  const double tiles = std::max(1.0, static_cast<double>(plan.arrays) / per_tile);
  const double neighbours =
      std::min<double>(static_cast<double>(plan.copies),
                       std::max(1.0, std::floor(per_tile / static_cast<double>(plan.arrays))));
  const double copy_ns = plan.copy_bytes / tiles * neighbours / edram_bytes_per_ns(chip);
  if (cycle.copy_ns == 0) return std::max(cycle.period_ns, copy_ns);
  return cycle.period_ns + std::max(0.0, copy_ns - cycle.copy_ns);
}

std::int64_t copies_for(const LayerWork &layer, double windows_per_period) {
  return static_cast<std::int64_t>(
      std::max(1.0, std::ceil(static_cast<double>(layer.windows) / windows_per_period - 1e-9)));
}

/// Copies of every layer for the least number of window periods per image that fits.
void replicate(const Workload &work, std::vector<LayerPlan> &plans, std::int64_t arrays) {
  const auto needed = [&](double windows_per_period) {
    double sum = 0;
    for (std::size_t i = 0; i < plans.size(); ++i) {
      sum += static_cast<double>(copies_for(work.layers[i], windows_per_period)) *
             static_cast<double>(plans[i].arrays);
    }
    return sum;
  };
  double low = 0, high = 1;  // high fits, low does not
  for (const auto &layer : work.layers) high = std::max(high, static_cast<double>(layer.windows));
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (needed(middle) <= static_cast<double>(arrays) ? high : low) = middle;
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    plans[i].copies = copies_for(work.layers[i], high);
  }
}

void copy_whole(std::vector<LayerPlan> &plans, std::int64_t needed, std::int64_t arrays) {
  for (auto &plan : plans) plan.copies = std::max<std::int64_t>(1, arrays / needed);
}

/// Windows of a layer follow its producers' as soon as the first one has its inputs.
void schedule(const Workload &work, Plan &plan, const ChipConfig &chip) {
  const double depth_ns = cost::window_cycle(chip).period_ns * 2;  // both stages of the pipeline
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const LayerWork &layer = work.layers[i];
    LayerPlan &own = plan.layers[i];
    // Copies beyond the windows of an image work on other images.
    const double parallel = std::min<double>(
        static_cast<double>(own.copies), layer.recurrent ? 1 : static_cast<double>(layer.windows));
    const double busy_ns = static_cast<double>(layer.windows) * own.window_ns / parallel;
    double last_input_ns = 0;
    for (const int producer : layer.producers) {
      const LayerPlan &from = plan.layers[static_cast<std::size_t>(producer)];
      const double span = from.end_ns - from.start_ns;
      own.start_ns = std::max(own.start_ns, from.start_ns + span * layer.first_need);
      last_input_ns = std::max(last_input_ns, from.end_ns);
    }
    own.end_ns = std::max(own.start_ns + busy_ns, last_input_ns) + depth_ns;
    plan.latency_ns = std::max(plan.latency_ns, own.end_ns);
  }
}

/// The division that [NP] makes for throughput need not be the best one for a single image.
double least_latency(const Workload &work, Plan plan, const ChipConfig &chip) {
  plan.latency_ns = 0;
  for (LayerPlan &layer : plan.layers) {
    layer.copies = std::max<std::int64_t>(1, plan.arrays / layer.arrays);
    layer.start_ns = layer.end_ns = 0;
  }
  schedule(work, plan, chip);
  return plan.latency_ns;
}

void place(Plan &plan, const ChipConfig &chip) {
  double position = 0;
  for (auto &layer : plan.layers) {
    const double tiles = static_cast<double>(layer.arrays * layer.copies) / chip.arrays_per_tile();
    layer.middle_tile = position + tiles / 2;
    position += tiles;
  }
}

struct RouterAt {
  int chip, column, row;
};

/// The router of a place along the snake (even grid rows run right, odd ones left).
RouterAt router_at(double place, const ChipConfig &chip) {
  const int tile = static_cast<int>(place);
  const int number = tile / chip.tiles_per_chip(), inside = tile % chip.tiles_per_chip();
  const int row = inside / chip.tile_columns, step = inside % chip.tile_columns;
  const int column = row % 2 == 0 ? step : chip.tile_columns - 1 - step;
  const int side = std::max(1, static_cast<int>(std::sqrt(chip.noc.tiles_per_router)));
  return {number, column / side, row / side};
}

/// Routers that a packet between two layers passes; between chips, those to the edge and back.
double routers_between(double from, double to, const ChipConfig &chip) {
  const RouterAt a = router_at(from, chip), b = router_at(to, chip);
  if (a.chip != b.chip) return a.column + b.column + 2;
  return std::abs(a.column - b.column) + std::abs(a.row - b.row) + 1;
}

/// Counts of one layer, per image.
class LayerBooking {
 public:
  LayerBooking(const LayerWork &layer, const LayerPlan &plan, const ChipConfig &chip)
      : layer_(layer), plan_(plan), chip_(chip), windows_(static_cast<double>(layer.windows)) {}

  /// Outputs times row blocks: dot products of up to one array's rows.
  double dot_products() const {
    return windows_ * static_cast<double>(plan_.row_blocks * layer_.window_outputs());
  }
  double slices() const {
    return windows_ * chip_.input_cycles() *
           static_cast<double>(layer_.rows * layer_.groups * plan_.column_groups);
  }
  double array_reads() const {
    return windows_ * chip_.input_cycles() * static_cast<double>(plan_.arrays);
  }
  void book(cost::Account &account, double routers) const {
    const auto book = [&](Part part, double count) {
      account.book(part, static_cast<std::uint64_t>(std::llround(count)));
    };
    book(Part::kCrossbar, array_reads());
    book(Part::kDac, slices());
    book(Part::kInputRegister, slices());
    book_dataflow(book);
    const double outputs = windows_ * static_cast<double>(layer_.window_outputs());
    const double pooled = static_cast<double>(layer_.pooled_values);
    const double elements = static_cast<double>(layer_.element_operations);
    const double read = windows_ * plan_.copy_bytes + pooled + elements;
    const double written = outputs + elements;
    book(Part::kEdram, std::ceil((read + written) / 32));
    book(Part::kTileBus, 8 * (read + written));
    book(Part::kRouter, std::ceil(outputs * routers * 8 / chip_.noc.flit_bits));
    book(Part::kTileShiftAdd, dot_products() - outputs + elements);
    book(Part::kTileOutputRegister, outputs);
    book(Part::kSigmoid, outputs);
    book(Part::kMaxPool, pooled);
  }

 private:
  template <typename Book>
  void book_dataflow(Book book) const {
    const cost::DotProductActions actions = cost::dot_product_actions(chip_);
    for (const auto &[part, count] : actions.accumulation) {
      book(part, dot_products() * static_cast<double>(count));
    }
    book(actions.converter, dot_products() * static_cast<double>(actions.conversions));
    book(Part::kOutputRegister, dot_products() * static_cast<double>(actions.register_writes));
    if (chip_.dataflow == Dataflow::kDigitalAccumulation &&
        chip_.array.encoding == config::WeightEncoding::kBiased) {
      book(Part::kAdc, array_reads());  // the unit column
      book(Part::kShiftAdd, array_reads());
    }
  }

  const LayerWork &layer_;
  const LayerPlan &plan_;
  const ChipConfig &chip_;
  double windows_;
};

/// On while word lines are driven; the rest of a tile is on from window to window.
bool works_with_arrays(Part part) {
  return part == Part::kCrossbar || part == Part::kDac || part == Part::kSampleHold ||
         part == Part::kNnsa || part == Part::kTia || part == Part::kBufferArray ||
         part == Part::kSummingAmplifier;
}

void power_layer(const LayerWork &layer, const LayerPlan &plan, const cost::Bill &bill,
                 cost::Account &account) {
  const ChipConfig &chip = bill.chip();
  const cost::WindowCycle cycle = cost::window_cycle(chip);
  const double tiles = static_cast<double>(plan.arrays) / chip.arrays_per_tile();
  const auto windows = static_cast<double>(layer.windows);
  for (const auto &line : bill.lines()) {
    if (line.level == cost::Level::kChip) continue;
    const double on_ns =
        works_with_arrays(line.part) ? cycle.input_cycles * cycle.input_cycle_ns : plan.window_ns;
    account.power(line.part, tiles * bill.units_per_tile(line.part), windows * on_ns);
  }
}

}  // namespace

std::int64_t arrays_needed(const Workload &work, const ChipConfig &chip) {
  std::int64_t arrays = 0;
  for (const auto &layer : work.layers) arrays += cut(layer, chip).arrays;
  return arrays;
}

int chips_needed(const Workload &work, const ChipConfig &chip) {
  const std::int64_t per_chip = std::int64_t{chip.tiles_per_chip()} * chip.arrays_per_tile();
  return static_cast<int>(
      std::max<std::int64_t>(1, ceil_divide(arrays_needed(work, chip), per_chip)));
}

Plan make_plan(const Workload &work, const ChipConfig &chip, int chips) {
  Plan plan;
  plan.chips = chips;
  plan.arrays = std::int64_t{chip.tiles_per_chip()} * chip.arrays_per_tile() * chips;
  const std::int64_t needed = arrays_needed(work, chip);
  if (needed > plan.arrays) {
    throw InputError(work.name, "needs " + std::to_string(needed) + " arrays; " +
                                    std::to_string(chips) + " chip(s) '" + chip.name + "' have " +
                                    std::to_string(plan.arrays));
  }
  for (const auto &layer : work.layers) plan.layers.push_back(cut(layer, chip));
  if (work.recurrent()) {
    copy_whole(plan.layers, needed, plan.arrays);
  } else {
    replicate(work, plan.layers, plan.arrays);
  }
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    LayerPlan &layer = plan.layers[i];
    layer.copy_bytes = copied_bytes(work.layers[i], layer, chip);
    layer.window_ns = window_time(layer, chip);
    plan.arrays_used += layer.arrays * layer.copies;
    plan.image_ns =
        std::max(plan.image_ns, static_cast<double>(work.layers[i].windows) * layer.window_ns /
                                    static_cast<double>(layer.copies));
  }
  place(plan, chip);
  schedule(work, plan, chip);
  plan.least_latency_ns = least_latency(work, plan, chip);
  plan.host_link_ns = static_cast<double>(work.input_bytes + work.output_bytes) /
                      chip.host_link.gigabytes_per_second;
  return plan;
}

void book_image(const Workload &work, const Plan &plan, const cost::Bill &bill,
                cost::Ledger &ledger) {
  const ChipConfig &chip = bill.chip();
  std::vector<double> routers(work.layers.size(), 0.0);  // to all readers
  for (std::size_t i = 0; i < work.layers.size(); ++i) {
    for (const int producer : work.layers[i].producers) {
      const auto from = static_cast<std::size_t>(producer);
      routers[from] +=
          routers_between(plan.layers[from].middle_tile, plan.layers[i].middle_tile, chip);
    }
  }
  for (std::size_t i = 0; i < work.layers.size(); ++i) {
    cost::Account &account = ledger.open(cost::kNoTile, static_cast<int>(i));
    LayerBooking(work.layers[i], plan.layers[i], chip).book(account, routers[i]);
    power_layer(work.layers[i], plan.layers[i], bill, account);
  }
  cost::Account &links = ledger.open(cost::kNoTile, cost::kNoLayer);
  links.book(Part::kLink, static_cast<std::uint64_t>(work.input_bytes + work.output_bytes));
}

EnergyShares shares_of(const cost::Energy &energy) {
  EnergyShares shares;
  for (const Part part : cost::all_parts()) {
    const double pj = energy.part_pj(part);
    switch (part) {
      case Part::kCrossbar:
        shares.crossbar_pj += pj;
        break;
      case Part::kDac:
        shares.dac_pj += pj;
        break;
      case Part::kNnadc:
      case Part::kAdc:
        shares.adc_pj += pj;
        break;
      case Part::kNnsa:
      case Part::kShiftAdd:
      case Part::kSummingAmplifier:
        shares.accumulate_pj += pj;
        break;
      case Part::kLink:
        shares.link_pj += pj;
        break;
      default:
        shares.other_pj += pj;
    }
  }
  return shares;
}

}  // namespace npim::analysis
