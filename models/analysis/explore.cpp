#include "analysis/explore.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>

#include "cost/bill.h"
#include "cost/published.h"
#include "cost/window_cycle.h"

namespace npim::analysis {
namespace {

using config::ChipConfig;

struct AxisRange {
  int lowest, highest;
};
constexpr std::array<AxisRange, kAxisCount> kRanges = {
    {{16, 512}, {1, 4096}, {1, 4096}, {1, 65536}, {1, 8}}};

std::vector<int> read_axis(const config::Node &node, const AxisRange &range) {
  std::vector<int> values;
  for (const auto &item : node.items()) {
    values.push_back(static_cast<int>(item.integer(range.lowest, range.highest)));
    if (std::count(values.begin(), values.end(), values.back()) > 1) {
      item.fail("is in the list twice");
    }
  }
  if (values.empty()) node.fail("the axis is empty: it needs at least one value");
  return values;
}

DesignPoint from_coordinates(const std::array<int, kAxisCount> &at) {
  return {at[0], at[1], at[2], at[3], at[4]};
}

void read_axes(const config::Node &node, Sweep &sweep) {
  config::Object axes(node);
  for (std::size_t i = 0; i < kAxisCount; ++i) {
    sweep.axes[i] = read_axis(axes.at(kAxes[i]), kRanges[i]);
  }
  axes.finish();
  if (sweep.size() > kMostPoints) {
    node.fail("the sweep has " + std::to_string(sweep.size()) + " points, more than " +
              std::to_string(kMostPoints));
  }
}

Sweep::Published read_published(const config::Node &node) {
  config::Object object(node);
  Sweep::Published published;
  published.source = object.text("source");
  config::Object best(object.at("best"));
  std::array<int, kAxisCount> at{};
  for (std::size_t i = 0; i < kAxisCount; ++i) {
    at[i] = static_cast<int>(best.integer(kAxes[i], kRanges[i].lowest, kRanges[i].highest));
  }
  best.finish();
  published.best = from_coordinates(at);
  published.gops_per_mm2 = object.number("gops_per_mm2", 1e-6, 1e9);
  object.finish();
  return published;
}

void check_points(const config::Node &node, const Sweep &sweep) {
  const int columns = sweep.base.columns_per_vector();
  for (const int size : sweep.axes[0]) {
    if (size % columns != 0) {
      node.fail("array_size " + std::to_string(size) + " is not a multiple of the " +
                std::to_string(columns) + " columns of a weight");
    }
  }
  for (const int arrays : sweep.axes[1]) {
    if (arrays % sweep.base.imas_per_tile != 0) {
      node.fail("arrays " + std::to_string(arrays) + " do not divide into " +
                std::to_string(sweep.base.imas_per_tile) + " IMAs");
    }
  }
}

}  // namespace

bool DesignPoint::operator==(const DesignPoint &o) const {
  return array_size == o.array_size && arrays == o.arrays && nnadcs == o.nnadcs &&
         nnsas == o.nnsas && dac_bits == o.dac_bits;
}

std::string to_text(const DesignPoint &point) {
  return "N" + std::to_string(point.array_size) + "-D" + std::to_string(point.dac_bits) + "-A" +
         std::to_string(point.nnadcs) + "-S" + std::to_string(point.nnsas) + "-M" +
         std::to_string(point.arrays);
}

std::int64_t Sweep::size() const {
  std::int64_t size = 1;
  for (const auto &axis : axes) {
    // Far beyond any limit is as good as exact, and does not overflow.
    if (size > kMostPoints * 1000) return size;
    size *= static_cast<std::int64_t>(axis.size());
  }
  return size;
}

DesignPoint Sweep::point(std::int64_t index) const {
  std::array<int, kAxisCount> at{};
  for (std::size_t i = kAxisCount; i-- > 0;) {
    const auto extent = static_cast<std::int64_t>(axes[i].size());
    at[i] = axes[i][static_cast<std::size_t>(index % extent)];
    index /= extent;
  }
  return from_coordinates(at);
}

Sweep parse_sweep(const config::Node &node) {
  config::Object top(node);
  Sweep sweep;
  sweep.name = top.text("name");
  const auto base = std::filesystem::path(node.file()).parent_path() / top.text("base");
  sweep.base = config::load_chip_config(base.lexically_normal().string());
  if (sweep.base.dataflow != config::Dataflow::kAnalogAccumulation) {
    top.at("base").fail("the design space is that of chips with analog_accumulation");
  }
  read_axes(top.at("axes"), sweep);
  sweep.edram_follows_arrays =
      top.at("follows_arrays").choice({"nothing", "edram"}) == std::string("edram");
  if (const auto published = top.find("published")) {
    sweep.published = read_published(*published);
  }
  top.finish();
  check_points(node, sweep);
  return sweep;
}

Sweep load_sweep(const std::string &path) {
  return parse_sweep(config::Node::load(path));
}

ChipConfig chip_at(const Sweep &sweep, const DesignPoint &point) {
  ChipConfig chip = sweep.base;
  const double weights =
      static_cast<double>(chip.array.rows) * chip.vectors_per_array() * chip.arrays_per_tile();
  chip.array.rows = chip.array.columns = point.array_size;
  chip.arrays_per_ima = point.arrays / chip.imas_per_tile;
  chip.nnadc.per_tile = point.nnadcs;
  chip.nnsas_per_tile = point.nnsas;
  chip.dac_bits = point.dac_bits;
  chip.input_register_bytes = chip.arrays_per_ima * chip.array.rows;
  chip.output_register_bytes =
      chip.arrays_per_ima * chip.vectors_per_array() * chip.partial_sum_bytes();
  if (sweep.edram_follows_arrays) {
    const double more = static_cast<double>(chip.array.rows) * chip.vectors_per_array() *
                        chip.arrays_per_tile() / weights;
    chip.edram.bytes =
        static_cast<std::int64_t>(static_cast<double>(sweep.base.edram.bytes) * more);
  }
  return chip;
}

DesignResult judge(const Sweep &sweep, const cost::ComponentLibrary &library,
                   const DesignPoint &point) {
  const cost::Bill bill = cost::make_bill(chip_at(sweep, point), library);
  const cost::WindowCycle cycle = cost::window_cycle(bill.chip());
  const double gops = cost::tile_gops(bill.chip());
  DesignResult result;
  result.point = point;
  result.period_ns = cycle.period_ns;
  result.tile_area_mm2 = bill.tile().area_mm2;
  result.tile_power_mw = bill.tile().power_mw;
  result.gops_per_mm2 = gops / result.tile_area_mm2;
  result.gops_per_w = gops * 1e3 / result.tile_power_mw;
  result.converter_use = cycle.converter_ns / cycle.period_ns;
  return result;
}

void run_sweep(const Sweep &sweep, const cost::ComponentLibrary &library, int threads,
               const std::set<std::int64_t> &done,
               const std::function<void(std::int64_t, const DesignResult &)> &report) {
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::int64_t i = next++; i < sweep.size(); i = next++) {
        if (done.count(i) != 0) continue;
        const DesignResult result = judge(sweep, library, sweep.point(i));
        const std::lock_guard<std::mutex> lock(mutex);
        if (failure) return;
        report(i, result);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::thread> pool;
  for (int i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
  for (auto &thread : pool) thread.join();
  if (failure) std::rethrow_exception(failure);
}

std::vector<std::size_t> pareto_front(const std::vector<DesignResult> &results) {
  std::vector<std::size_t> order(results.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const DesignResult &x = results[a], &y = results[b];
    if (x.gops_per_mm2 != y.gops_per_mm2) return x.gops_per_mm2 > y.gops_per_mm2;
    return x.gops_per_w > y.gops_per_w;
  });
  std::vector<std::size_t> front;
  double best = 0;
  for (const std::size_t i : order) {
    if (results[i].gops_per_w <= best) continue;
    best = results[i].gops_per_w;
    front.push_back(i);
  }
  return front;
}

}  // namespace npim::analysis
