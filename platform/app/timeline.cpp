#include "app/timeline.h"

#include <algorithm>
#include <map>
#include <utility>

#include "accelerator/trace_observer.h"
#include "app/stage_trace.h"
#include "app/unit_view.h"
#include "debug/function_trace.h"
#include "trace/vcd.h"

namespace npim::app {
namespace {

using sc_core::sc_time;
using sc_core::sc_time_stamp;
using trace::PathSelector;
using trace::TraceSink;
using trace::VcdSink;

constexpr char kUsualTrace[] =
    "hart*.functions,hart*.interrupt,accelerator,chip.tile*.stage*,chip.host_link";
constexpr char kUsualWaves[] = "hart*,accelerator,chip.tile*.stage*,chip.host_link";

/// A program may put more stages on a tile than this; then their paths are not known before it is
/// loaded, and only patterns with a star reach them.
constexpr unsigned kUsualSlots = 8;

std::string hart_name(unsigned hart) {
  return "hart" + std::to_string(hart);
}

std::string stage_path(unsigned tile, unsigned slot) {
  return "chip.tile" + std::to_string(tile) + ".stage" + std::to_string(slot);
}

/// Signals of the command queue.
class QueueWaves : public accelerator::Observer {
 public:
  QueueWaves(VcdSink &sink, const PathSelector &selector) : sink_(sink) {
    const auto declare = [&](const char *path, unsigned width) {
      return selector.selects(path) ? sink.bits(path, width) : -1;
    };
    busy_ = declare("accelerator.busy", 1);
    head_ = declare("accelerator.queue_head", 32);
    tail_ = declare("accelerator.queue_tail", 32);
    interrupt_ = declare("accelerator.interrupt", 1);
  }

  void command_started(std::uint32_t, const abi::Descriptor &) override { set(busy_, 1); }
  void command_completed(const abi::Descriptor &, const abi::Completion &) override {
    set(busy_, 0);
  }
  void queue_changed(std::uint32_t head, std::uint32_t tail) override {
    set(head_, head);
    set(tail_, tail);
  }
  void interrupt_changed(bool level) override { set(interrupt_, level ? 1 : 0); }

 private:
  void set(int signal, std::uint64_t value) {
    if (signal >= 0) sink_.change(signal, sc_time_stamp(), value);
  }

  VcdSink &sink_;
  int busy_, head_, tail_, interrupt_;
};

/// Windows in the stages' pipelines.
class StageWaves : public chip::ChipObserver {
 public:
  explicit StageWaves(VcdSink &sink) : sink_(sink) {}

  void declare(unsigned tile, unsigned slot) {
    signals_.try_emplace({tile, slot}, sink_.bits(stage_path(tile, slot) + ".in_flight", 16));
  }
  void windows_in_flight(unsigned tile, unsigned slot, int windows) override {
    const auto signal = signals_.find({tile, slot});
    if (signal == signals_.end()) return;
    sink_.change(signal->second, sc_time_stamp(), static_cast<std::uint64_t>(windows));
  }

 private:
  VcdSink &sink_;
  std::map<std::pair<unsigned, unsigned>, int> signals_;
};

/// Tells two what the chip tells one.
class BothObservers : public chip::ChipObserver {
 public:
  BothObservers(ChipObserver &first, ChipObserver &second) : observers_{&first, &second} {}

  void command_begin(const abi::Descriptor &command) override {
    for (auto *one : observers_) one->command_begin(command);
  }
  void command_end(const abi::Descriptor &command, const abi::Completion &result) override {
    for (auto *one : observers_) one->command_end(command, result);
  }
  void stage_active(std::uint32_t stage, unsigned tile, unsigned slot, std::uint32_t layer,
                    const sc_time &begin) override {
    for (auto *one : observers_) one->stage_active(stage, tile, slot, layer, begin);
  }
  void windows_in_flight(unsigned tile, unsigned slot, int windows) override {
    for (auto *one : observers_) one->windows_in_flight(tile, slot, windows);
  }

 private:
  ChipObserver *observers_[2];
};

/// Draws a line's changes as they come.
void watch(const board::InterruptLine &line, std::function<void(bool)> draw) {
  sc_core::sc_spawn_options options;
  options.spawn_method();
  options.dont_initialize();
  options.set_sensitivity(&line.signal->value_changed_event());
  sc_core::sc_spawn([signal = line.signal, draw = std::move(draw)] { draw(signal->read()); },
                    sc_core::sc_gen_unique_name("interrupt_view"), &options);
}

}  // namespace

struct Timeline::Parts {
  Parts(const TimelineOptions &timeline_options, board::Board &the_board,
        accelerator::Accelerator *the_accelerator, const program::Program *the_program)
      : options(timeline_options),
        board(the_board),
        accelerator(the_accelerator),
        program(the_program) {}

  void add_functions(HartViews &harts);
  void add_interrupts();
  void add_queue();
  void add_stages();
  void add_units();
  /// Stages of the program; without one, those that a tile usually has.
  std::vector<std::pair<unsigned, unsigned>> stages() const;
  /// Everything that can be selected; `waves` says of which file.
  std::vector<std::string> paths(bool waves, const debug::Symbols &symbols) const;

  const TimelineOptions options;
  board::Board &board;
  accelerator::Accelerator *accelerator;
  const program::Program *program;
  PathSelector wave_selector;
  std::unique_ptr<TraceSink> trace;
  std::unique_ptr<VcdSink> waves;
  std::vector<std::unique_ptr<debug::FunctionTrace>> functions;
  std::vector<trace::Track> interrupt_tracks;
  std::unique_ptr<accelerator::TraceObserver> host_trace;
  std::unique_ptr<QueueWaves> queue_waves;
  std::unique_ptr<StageTrace> stage_trace;
  std::unique_ptr<StageWaves> stage_waves;
  std::unique_ptr<BothObservers> both;
  std::vector<std::unique_ptr<UnitView>> units;
};

std::vector<std::pair<unsigned, unsigned>> Timeline::Parts::stages() const {
  std::vector<std::pair<unsigned, unsigned>> places;
  if (program != nullptr) {
    for (const auto &segment : program->segments) {
      for (const auto &stage : segment.stages) places.emplace_back(stage.tile, stage.slot);
    }
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    return places;
  }
  const auto tiles = static_cast<unsigned>(accelerator->chip().config().tiles());
  for (unsigned tile = 0; tile < tiles; ++tile) {
    for (unsigned slot = 0; slot < kUsualSlots; ++slot) places.emplace_back(tile, slot);
  }
  return places;
}

std::vector<std::string> Timeline::Parts::paths(bool of_waves,
                                                const debug::Symbols &symbols) const {
  std::vector<std::string> all;
  for (const auto &line : board.interrupt_lines()) all.push_back(line.path);
  if (accelerator != nullptr) {
    all.emplace_back("accelerator.interrupt");
    for (const char *path : {"accelerator.commands", "accelerator.dma"}) {
      if (!of_waves) all.emplace_back(path);
    }
    for (const char *path :
         {"accelerator.busy", "accelerator.queue_head", "accelerator.queue_tail"}) {
      if (of_waves) all.emplace_back(path);
    }
    for (const auto &[tile, slot] : stages()) {
      all.push_back(stage_path(tile, slot) + (of_waves ? ".in_flight" : ""));
    }
    for (const auto &unit : accelerator->chip().units()) {
      if (!of_waves) {
        all.push_back("chip." + unit.path);
        continue;
      }
      all.push_back("chip." + unit.path + ".busy");
      all.push_back("chip." + unit.path + ".utilisation");
    }
  }
  for (unsigned hart = 0; hart < board.harts() && !of_waves; ++hart) {
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      all.push_back(hart_name(hart) + ".functions." + symbols[i].name);
    }
  }
  return all;
}

/// Without a function to draw, the hart runs at full speed.
void Timeline::Parts::add_functions(HartViews &harts) {
  if (!trace) return;
  const debug::Symbols &symbols = harts.symbols();
  const auto hubs = harts.hubs();
  for (unsigned i = 0; i < board.harts(); ++i) {
    bool any = false;
    for (std::size_t f = 0; f < symbols.size() && !any; ++f) {
      any = trace->selects(hart_name(i) + ".functions." + symbols[f].name);
    }
    if (!any) continue;
    functions.push_back(
        std::make_unique<debug::FunctionTrace>(symbols, board.hart(i), hart_name(i), *trace));
    hubs[i]->add(*functions.back());
  }
}

void Timeline::Parts::add_interrupts() {
  for (const auto &line : board.interrupt_lines()) {
    const auto dot = line.path.find('.');
    const trace::Track track(trace.get(), line.path.substr(0, dot), line.path.substr(dot + 1));
    if (track) {
      watch(line, [track, name = line.path.substr(dot + 1)](bool level) {
        track.counter(name.c_str(), sc_time_stamp(), level ? 1 : 0);
      });
    }
    if (!waves || !wave_selector.selects(line.path)) continue;
    const int signal = waves->bits(line.path, 1);
    watch(line, [sink = waves.get(), signal](bool level) {
      sink->change(signal, sc_time_stamp(), level ? 1 : 0);
    });
  }
}

void Timeline::Parts::add_queue() {
  if (trace) {
    host_trace = std::make_unique<accelerator::TraceObserver>(trace.get());
    accelerator->add_observer(*host_trace);
  }
  if (waves) {
    queue_waves = std::make_unique<QueueWaves>(*waves, wave_selector);
    accelerator->add_observer(*queue_waves);
  }
}

void Timeline::Parts::add_stages() {
  chip::Chip &chip = accelerator->chip();
  if (trace) {
    stage_trace = std::make_unique<StageTrace>(
        *trace, program != nullptr ? program->layers : std::vector<program::LayerRecord>());
    chip.set_observer(stage_trace.get());
  }
  if (!waves) return;
  stage_waves = std::make_unique<StageWaves>(*waves);
  for (const auto &[tile, slot] : stages()) {
    if (wave_selector.selects(stage_path(tile, slot) + ".in_flight")) {
      stage_waves->declare(tile, slot);
    }
  }
  chip.set_observer(stage_waves.get());
  if (!stage_trace) return;
  both = std::make_unique<BothObservers>(*stage_trace, *stage_waves);
  chip.set_observer(both.get());
}

void Timeline::Parts::add_units() {
  for (const auto &unit : accelerator->chip().units()) {
    // "tile3.nnadc" stands with the tile's stages, "noc.router5.east" with the network.
    const auto dot = unit.path.find('.');
    const trace::Track track(trace.get(), "chip." + unit.path.substr(0, dot),
                             unit.path.substr(dot + 1));
    auto view = std::make_unique<UnitView>(track, waves.get(), wave_selector, "chip." + unit.path);
    if (!view->is_drawn()) continue;
    unit.unit->watch(view.get());
    units.push_back(std::move(view));
  }
}

Timeline::Timeline(const TimelineOptions &options, board::Board &board,
                   accelerator::Accelerator *accelerator, const program::Program *program,
                   HartViews &harts)
    : parts_(std::make_unique<Parts>(options, board, accelerator, program)) {
  const auto selector_of = [&](const std::string &patterns, const char *usual, const char *option,
                               bool waves) {
    if (patterns.empty()) return PathSelector(usual, option);
    PathSelector selector(patterns, option);
    selector.check(parts_->paths(waves, harts.symbols()));
    return selector;
  };
  if (!options.trace.empty()) {
    parts_->trace = std::make_unique<TraceSink>(
        options.trace, selector_of(options.trace_select, kUsualTrace, "--trace-select", false));
  }
  if (!options.vcd.empty()) {
    parts_->wave_selector = selector_of(options.vcd_select, kUsualWaves, "--vcd-select", true);
    parts_->waves = std::make_unique<VcdSink>(options.vcd);
  }
  if (!parts_->trace && !parts_->waves) return;
  parts_->add_functions(harts);
  parts_->add_interrupts();
  if (accelerator == nullptr) return;
  parts_->add_queue();
  parts_->add_stages();
  parts_->add_units();
}

Timeline::~Timeline() = default;

void Timeline::finish() {
  for (const auto &one : parts_->functions) one->finish();
  for (const auto &unit : parts_->units) unit->finish();
  if (parts_->trace) parts_->trace->close();
  if (parts_->waves) parts_->waves->close(sc_time_stamp());
}

}  // namespace npim::app
