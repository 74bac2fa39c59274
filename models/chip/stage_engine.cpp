#include "chip/stage_engine.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "chip/address.h"
#include "chip/payload.h"
#include "chip/tile.h"

namespace npim::chip {
namespace {

using program::StageOp;
using sc_core::sc_time;

std::uint64_t nanoseconds(const sc_time &time) {
  return time.value() / sc_time(1, sc_core::SC_NS).value();
}

/// The taps of a kernel's axis that lie inside the image: [first, last], empty if first > last.
std::pair<std::int64_t, std::int64_t> inside(std::int64_t start, std::int64_t dilation,
                                             std::int64_t kernel, std::int64_t size) {
  const std::int64_t first = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
  const std::int64_t room = size - 1 - start;
  const std::int64_t last = room < 0 ? -1 : std::min(kernel - 1, room / dilation);
  return {first, last};
}

}  // namespace

StageEngine::StageEngine(Tile &tile, ChipContext &context, const program::Stage &stage,
                         std::uint32_t index)
    : tile_(tile),
      context_(context),
      stage_(stage),
      index_(index),
      slot_filled_(context.activity),
      slot_free_(context.activity) {
  if (program::has_window(stage_.op)) window_ = stage_.window;
  for (const auto &port : stage_.inputs) {
    ports_.push_back(std::make_unique<StreamPort>(port, context_.activity));
  }
  const auto channels = static_cast<std::size_t>(stage_.output_shape.channels);
  accumulators_.resize(channels);
  values_.resize(channels);
  output_.resize(channels * static_cast<std::size_t>(stage_.output_element_bytes()));
  requantiser_.multiplier = stage_.requantise.multiplier.data();
  requantiser_.bias = stage_.requantise.bias.data();
  requantiser_.shift = stage_.requantise.shift;
  requantiser_.output_s32 = stage_.requantise.output_s32;
  requantiser_.low = stage_.requantise.low;
  requantiser_.high = stage_.requantise.high;
  pixel_ = {stage_.output_shape.channels, stage_.raw_output ? nullptr : &requantiser_,
            accumulators_.data(), values_.data()};
  if (stage_.op == StageOp::kMvm) plan_arrays();
  plan_times();
  spawn();
}

StageEngine::~StageEngine() {
  kill();
}

// Set-up

/// Gives each row block its place in the window and in the input registers of the IMAs that need
/// it, and collects the arrays whose codes are added up.
void StageEngine::plan_arrays() {
  const auto &config = context_.config;
  const int vectors = context_.geometry.vectors();
  converter_ = peripheral::make_converter(
      config, {stage_.converter.range_divisor, stage_.converter.bitline_gain});
  std::map<int, std::size_t> window_offsets;                 // row block
  std::map<std::pair<int, int>, std::size_t> input_offsets;  // IMA, row block
  std::map<std::pair<int, int>, std::size_t> collects;       // IMA, column group
  for (const auto &use : stage_.arrays) {
    const int block = use.row_block, group = use.column_group;
    const std::int64_t left =
        std::int64_t{stage_.kernel_rows} - std::int64_t{block} * config.array.rows;
    Work work;
    work.ima = use.array / config.arrays_per_ima;
    work.array = use.array % config.arrays_per_ima;
    work.rows = static_cast<int>(std::min<std::int64_t>(config.array.rows, left));
    work.vectors = std::min(vectors, stage_.output_shape.channels - group * vectors);
    Ima &ima = tile_.ima(work.ima);
    if (window_offsets.emplace(block, fetched_.size()).second) {
      plan_segments(block, fetched_.size());
      fetched_.resize(fetched_.size() + static_cast<std::size_t>(work.rows));
    }
    if (input_offsets.count({work.ima, block}) == 0) {
      const std::size_t offset = ima.input_register.allocate(static_cast<std::size_t>(work.rows));
      input_offsets[{work.ima, block}] = offset;
      copies_.push_back({work.ima, window_offsets[block], offset, work.rows});
    }
    if (collects.emplace(std::make_pair(work.ima, group), collects_.size()).second) {
      collects_.push_back({work.ima, group * vectors, work.vectors});
    }
    work.input_offset = input_offsets[{work.ima, block}];
    work.collect = collects[{work.ima, group}];
    work.codes = codes_.size();
    codes_.resize(codes_.size() + static_cast<std::size_t>(work.vectors));
    work_.push_back(work);
  }
  fetch_bytes_ = fetched_.size();
  for (const auto &[ima, sums] : sums_by_ima()) tile_.ima(ima).output_register.promise(sums.least);
}

/// What the stage needs of the output register of each of its IMAs.
std::map<int, StageEngine::SumsOfIma> StageEngine::sums_by_ima() const {
  std::map<int, SumsOfIma> result;
  for (const Collect &collect : collects_) {
    const auto channels = static_cast<std::size_t>(collect.channels);
    SumsOfIma &sums = result[collect.ima];
    sums.least = std::max(sums.least, channels);
    sums.all += channels;
  }
  return result;
}

void StageEngine::take_output_registers() {
  std::map<int, OutputRegister::Room> rooms;
  for (const auto &[ima, sums] : sums_by_ima()) {
    rooms[ima] = tile_.ima(ima).output_register.allocate(sums.least, sums.all);
  }
  std::map<int, std::size_t> used, drain;  // by IMA
  for (Collect &collect : collects_) {
    const auto channels = static_cast<std::size_t>(collect.channels);
    const OutputRegister::Room &room = rooms[collect.ima];
    std::size_t &taken = used[collect.ima];
    if (taken + channels > room.sums) {
      ++drain[collect.ima];
      taken = 0;
    }
    collect.sums = room.first + taken;
    collect.drain = drain[collect.ima];
    taken += channels;
  }
  plan_drains();
}

void StageEngine::plan_drains() {
  for (std::size_t i = 0; i < collects_.size(); ++i) {
    if (collects_[i].drain >= drains_.size()) drains_.resize(collects_[i].drain + 1);
    Drain &drain = drains_[collects_[i].drain];
    drain.collects.push_back(i);
    drain.bytes += static_cast<std::uint64_t>(collects_[i].channels) *
                   static_cast<std::uint64_t>(context_.config.partial_sum_bytes());
  }
  for (std::size_t i = 0; i < work_.size(); ++i) {
    const Work &work = work_[i];
    Drain &drain = drains_[collects_[work.collect].drain];
    drain.work.push_back(i);
    drain.batch.push_back({tile_.ima(work.ima).sample_hold.sums(work.array),
                           codes_.data() + work.codes, work.vectors});
    drain.conversions += static_cast<std::uint64_t>(work.vectors);
  }
}

/// Rows [128 b, ...) of the flattened kernel [y][x][channel] as runs of bytes in image rows.
/// Without horizontal dilation, neighbouring taps are neighbours in the image as well.
void StageEngine::plan_segments(int row_block, std::size_t to) {
  const std::int64_t channels = stage_.inputs[0].shape.channels;
  const std::int64_t kernel_row = window_.kernel_width * channels;
  const std::int64_t run = window_.dilation_width == 1 ? kernel_row : channels;
  std::int64_t row = std::int64_t{row_block} * context_.config.array.rows;
  const std::int64_t end =
      std::min<std::int64_t>(row + context_.config.array.rows, stage_.kernel_rows);
  while (row < end) {
    const std::int64_t within_run = row % run;
    const std::int64_t tap = row % kernel_row / channels;
    const std::int64_t bytes = std::min(run - within_run, end - row);
    Segment segment;
    segment.to = static_cast<std::uint32_t>(to);
    segment.kernel_row = static_cast<std::int32_t>(row / kernel_row * window_.dilation_height);
    segment.image_offset = tap * window_.dilation_width * channels + row % channels;
    segment.bytes = static_cast<std::uint32_t>(bytes);
    segments_.push_back(segment);
    to += static_cast<std::size_t>(bytes);
    row += bytes;
  }
}

void StageEngine::plan_times() {
  if (stage_.op == StageOp::kMvm) return;
  for (const auto &port : ports_) fetch_bytes_ += port->pixel_bytes();
  if (program::has_window(stage_.op)) {
    // Taps in the padding take their time as well, but a kernel has no more taps than the image.
    const auto &shape = stage_.inputs[0].shape;
    timed_taps_ = static_cast<std::uint64_t>(std::min(window_.kernel_height, shape.height)) *
                  static_cast<std::uint64_t>(std::min(window_.kernel_width, shape.width));
    fetch_bytes_ *= timed_taps_;
  }
}

void StageEngine::connect(StreamPort &port, const program::Destination &destination) {
  port.connect(destination.producer, destination.channel_offset,
               static_cast<unsigned>(stage_.output_shape.channels));
  routes_.push_back(
      {&port, destination.producer,
       stream_address(destination.tile, destination.slot, destination.port, destination.producer),
       destination.tile == stage_.tile});
}

// Processes

void StageEngine::spawn() {
  const std::string name =
      "tile" + std::to_string(stage_.tile) + "_slot" + std::to_string(stage_.slot);
  const auto start = [&](const char *part, void (StageEngine::*body)()) {
    return sc_core::sc_spawn([this, body] { run_process(body); },
                             sc_core::sc_gen_unique_name((name + part).c_str()));
  };
  front_process_ = start("_front", &StageEngine::front);
  back_process_ = start("_back", &StageEngine::back);
}

void StageEngine::kill() {
  for (auto *process : {&front_process_, &back_process_}) {
    const bool alive = process->valid() && !process->terminated();
    if (alive && sc_core::sc_get_status() == sc_core::SC_RUNNING) process->kill();
    *process = sc_core::sc_process_handle();
  }
}

void StageEngine::begin(std::uint64_t images) {
  if (!front_process_.valid()) spawn();
  for (auto &port : ports_) port->reset();
  slot_filled_.reset();
  slot_free_.reset();
  slot_full_ = started_ = false;
  in_flight_ = 0;
  images_ = images;
  origin_ = sc_core::sc_time_stamp();
  first_start_ = last_end_ = sc_core::SC_ZERO_TIME;
  front_pending_ = back_pending_ = true;
  start_.notify(sc_core::SC_ZERO_TIME);
}

void StageEngine::run_process(void (StageEngine::*body)()) {
  bool &pending = body == &StageEngine::front ? front_pending_ : back_pending_;
  for (;;) {
    while (!pending) sc_core::wait(start_);
    pending = false;
    (this->*body)();
    context_.activity.finish();
  }
}

void StageEngine::front() {
  Position at;
  for (at.image = 0; at.image < images_; ++at.image) {
    for (at.y = 0; at.y < stage_.output_shape.height; ++at.y) {
      for (at.x = 0; at.x < stage_.output_shape.width; ++at.x) front_window(at);
      free_rows(at);
    }
  }
}

void StageEngine::back() {
  const std::uint64_t windows_per_image = static_cast<std::uint64_t>(stage_.output_shape.height) *
                                          static_cast<std::uint64_t>(stage_.output_shape.width);
  for (std::uint64_t image = 0; image < images_; ++image) {
    for (std::uint64_t i = 0; i < windows_per_image; ++i) back_window();
  }
}

// Front

void StageEngine::front_window(const Position &at) {
  wait_for_inputs(at);
  window_enters();
  fetch(at);
  hand_over();
}

/// Pixels from the start of the run up to the last one that the window covers.
std::uint64_t StageEngine::pixels_needed(const Position &at) const {
  const auto &shape = stage_.inputs[0].shape;
  const std::int64_t y =
      std::min<std::int64_t>(shape.height - 1, std::int64_t{at.y} * window_.stride_height -
                                                   window_.pad_top + window_.covered_height() - 1);
  const std::int64_t x =
      std::min<std::int64_t>(shape.width - 1, std::int64_t{at.x} * window_.stride_width -
                                                  window_.pad_left + window_.covered_width() - 1);
  const std::uint64_t rows = at.image * static_cast<std::uint64_t>(shape.height);
  const auto width = static_cast<std::uint64_t>(shape.width);
  if (y < 0) return rows * width;
  return (rows + static_cast<std::uint64_t>(y)) * width +
         static_cast<std::uint64_t>(std::max<std::int64_t>(x + 1, 0));
}

void StageEngine::wait_for_inputs(const Position &at) {
  const std::uint64_t needed = pixels_needed(at);
  for (auto &port : ports_) {
    if (port->has(needed)) continue;
    const sc_time since = sc_core::sc_time_stamp();
    port->wait_for(needed);
    waited_ += sc_core::sc_time_stamp() - since;
  }
}

/// Copies the window, and for a matrix-vector product drives it through the crossbars.
void StageEngine::fetch(const Position &at) {
  const sc_time now = sc_core::sc_time_stamp();
  sc_time end = tile_.bus.edram_transfer(now, fetch_bytes_);
  if (stage_.op == StageOp::kMvm) {
    gather_window(at);
    const std::uint64_t cycle = context_.timing.input_cycle.value();
    const std::uint64_t copied = divide_up((end - origin_).value(), cycle);
    const auto cycles = static_cast<std::uint64_t>(context_.timing.input_cycles);
    end = origin_ + sc_time::from_value((copied + cycles) * cycle);
    cycles_ += cycles;
    context_.counters.cycles += cycles;
  } else if (program::has_window(stage_.op)) {
    gather_pool(at);
  } else {
    gather_pixels(at);
  }
  context_.wakes.sleep_until(end);
}

void StageEngine::gather_window(const Position &at) {
  const auto &shape = stage_.inputs[0].shape;
  const StreamPort &port = *ports_[0];
  const std::uint8_t *ring = tile_.edram.data() + stage_.inputs[0].edram_offset;
  const auto row_bytes = static_cast<std::int64_t>(port.row_bytes());
  const std::int64_t first_row = std::int64_t{at.y} * window_.stride_height - window_.pad_top;
  const std::int64_t first_byte =
      (std::int64_t{at.x} * window_.stride_width - window_.pad_left) * shape.channels;
  const std::uint64_t image_row = at.image * static_cast<std::uint64_t>(shape.height);
  for (const Segment &segment : segments_) {
    std::uint8_t *to = fetched_.data() + segment.to;
    const std::int64_t y = first_row + segment.kernel_row;
    const std::int64_t begin = first_byte + segment.image_offset;
    const std::int64_t end = begin + segment.bytes;
    const std::int64_t from = std::clamp<std::int64_t>(0, begin, end);
    const std::int64_t until = std::clamp<std::int64_t>(row_bytes, from, end);
    if (y < 0 || y >= shape.height || from >= row_bytes || from == until) {
      std::memset(to, stage_.pad_value, segment.bytes);
      continue;
    }
    const std::uint8_t *row = ring + port.row_offset(image_row + static_cast<std::uint64_t>(y));
    if (from > begin) std::memset(to, stage_.pad_value, static_cast<std::size_t>(from - begin));
    std::memcpy(to + (from - begin), row + from, static_cast<std::size_t>(until - from));
    if (until < end) {
      std::memset(to + (until - begin), stage_.pad_value, static_cast<std::size_t>(end - until));
    }
  }
  for (const InputCopy &copy : copies_) {
    std::memcpy(tile_.ima(copy.ima).input_register.data(copy.register_offset),
                fetched_.data() + copy.window_offset, static_cast<std::size_t>(copy.rows));
  }
}

/// The taps inside the image, one pixel after the other.
void StageEngine::gather_pool(const Position &at) {
  const auto &shape = stage_.inputs[0].shape;
  const StreamPort &port = *ports_[0];
  const std::int64_t y0 = std::int64_t{at.y} * window_.stride_height - window_.pad_top;
  const std::int64_t x0 = std::int64_t{at.x} * window_.stride_width - window_.pad_left;
  const auto rows = inside(y0, window_.dilation_height, window_.kernel_height, shape.height);
  const auto columns = inside(x0, window_.dilation_width, window_.kernel_width, shape.width);
  const std::uint64_t image_row = at.image * static_cast<std::uint64_t>(shape.height);
  const auto pixel = static_cast<std::size_t>(port.pixel_bytes());
  fetched_.clear();
  fetched_taps_ = 0;
  for (std::int64_t ky = rows.first; ky <= rows.second; ++ky) {
    const auto y = static_cast<std::uint64_t>(y0 + ky * window_.dilation_height);
    const std::uint8_t *row =
        tile_.edram.data() + stage_.inputs[0].edram_offset + port.row_offset(image_row + y);
    for (std::int64_t kx = columns.first; kx <= columns.second; ++kx) {
      const auto x = static_cast<std::size_t>(x0 + kx * window_.dilation_width);
      fetched_.insert(fetched_.end(), row + x * pixel, row + (x + 1) * pixel);
      ++fetched_taps_;
    }
  }
}

/// One pixel of each port.
void StageEngine::gather_pixels(const Position &at) {
  fetched_.clear();
  for (const auto &port : ports_) {
    const auto &shape = port->config().shape;
    const std::uint64_t row =
        at.image * static_cast<std::uint64_t>(shape.height) + static_cast<std::uint64_t>(at.y);
    const std::uint8_t *pixel = tile_.edram.data() + port->config().edram_offset +
                                port->row_offset(row) +
                                static_cast<std::uint64_t>(at.x) * port->pixel_bytes();
    fetched_.insert(fetched_.end(), pixel, pixel + port->pixel_bytes());
  }
}

void StageEngine::drive() {
  for (const Work &work : work_) {
    tile_.ima(work.ima).evaluate(work.array, work.input_offset, work.rows);
  }
}

/// Gives back the rows that no later row of windows needs.
void StageEngine::free_rows(const Position &at) {
  const auto &shape = stage_.inputs[0].shape;
  const bool last = at.y + 1 == stage_.output_shape.height;
  const std::int64_t next =
      last ? shape.height
           : std::clamp<std::int64_t>(
                 (std::int64_t{at.y} + 1) * window_.stride_height - window_.pad_top, 0,
                 shape.height);
  for (auto &port : ports_) {
    port->free_rows(at.image * static_cast<std::uint64_t>(shape.height) +
                    static_cast<std::uint64_t>(next));
  }
}

void StageEngine::hand_over() {
  while (slot_full_) slot_free_.wait();
  if (stage_.op == StageOp::kMvm) {
    drive();
  } else {
    std::swap(fetched_, slot_);
    slot_taps_ = fetched_taps_;
  }
  slot_full_ = true;
  slot_filled_.open();
}

// Back

void StageEngine::back_window() {
  while (!slot_full_) slot_filled_.wait();
  sc_time ready = sc_core::sc_time_stamp();
  if (stage_.op == StageOp::kMvm) ready = convert();
  context_.wakes.sleep_until(post_process(ready));
  if (stage_.op != StageOp::kMvm) {
    slot_full_ = false;
    slot_free_.open();
  }
  encode_output();
  for (const Route &route : routes_) send(route);
  window_leaves();
}

/// Takes the sums out of the sample-and-holds, which are free for the next window then. Returns
/// when the last ones are at the tile's adders.
sc_time StageEngine::convert() {
  std::fill(accumulators_.begin(), accumulators_.end(), 0);
  for (std::size_t i = 0; i + 1 < drains_.size(); ++i) {
    convert(drains_[i]);
    const sc_time drained = collect_sums(drains_[i]);
    tile_.post.add_sums(drained, parts_, pixel_);  // while the next ones are converted
    context_.wakes.sleep_until(drained);
  }
  convert(drains_.back());
  slot_full_ = false;
  slot_free_.open();
  return collect_sums(drains_.back());
}

void StageEngine::convert(const Drain &drain) {
  context_.wakes.sleep_until(
      tile_.nnadc.convert(sc_core::sc_time_stamp(), *converter_, drain.batch));
  add_codes(drain);
  conversions_ += drain.conversions;
  context_.counters.conversions += drain.conversions;
}

/// The IMA's adder: codes of arrays below each other become one sum in the output register.
void StageEngine::add_codes(const Drain &drain) {
  for (const std::size_t i : drain.collects) {
    const Collect &collect = collects_[i];
    tile_.ima(collect.ima).output_register.clear(collect.sums, collect.channels);
  }
  for (const std::size_t i : drain.work) {
    const Work &work = work_[i];
    tile_.ima(work.ima).output_register.add(collects_[work.collect].sums,
                                            codes_.data() + work.codes, work.vectors);
  }
}

/// Output registers to the tile's adders. The IMA's adder works along with the converters and is
/// one clock behind them. Returns when all sums of the drain are there.
sc_time StageEngine::collect_sums(const Drain &drain) {
  parts_.clear();
  for (const std::size_t i : drain.collects) {
    const Collect &collect = collects_[i];
    parts_.push_back({tile_.ima(collect.ima).output_register.sums(collect.sums),
                      collect.first_channel, collect.channels});
  }
  return tile_.bus.transfer(sc_core::sc_time_stamp() + context_.timing.tile_clock, drain.bytes);
}

/// Sends the window's values through the tile's post-processing unit. Returns the end.
sc_time StageEngine::post_process(const sc_time &ready) {
  const PoolTaps taps = {slot_.data(), slot_taps_, timed_taps_};
  switch (stage_.op) {
    case StageOp::kMvm:
      break;
    case StageOp::kMaxPool:
      return tile_.post.max_pool(ready, taps, pixel_);
    case StageOp::kAveragePool: {
      const std::int64_t all = std::int64_t{window_.kernel_height} * window_.kernel_width;
      const std::int64_t padded = all - static_cast<std::int64_t>(slot_taps_);
      return tile_.post.average_pool(ready, taps, padded * stage_.pad_value, pixel_);
    }
    case StageOp::kAdd:
      return tile_.post.add(ready, slot_.data(), slot_.data() + values_.size(), pixel_);
    case StageOp::kAggregate:
      return tile_.post.aggregate(ready, slot_.data(), ports_.size(), pixel_);
  }
  return tile_.post.finish_sums(ready, parts_, pixel_);
}

void StageEngine::encode_output() {
  if (stage_.output_element_bytes() == 1) {
    std::copy(values_.begin(), values_.end(), output_.begin());
    return;
  }
  for (std::size_t c = 0; c < values_.size(); ++c) {
    const auto bits = static_cast<std::uint32_t>(values_[c]);
    for (unsigned i = 0; i < 4; ++i) {
      output_[4 * c + i] = static_cast<std::uint8_t>(bits >> (8 * i));
    }
  }
}

/// Waits for room before it occupies any part of the NoC.
void StageEngine::send(const Route &route) {
  route.port->wait_for_room(route.producer);
  prepare_write(payload_, route.address, output_.data(), output_.size());
  tile_.send(payload_, route.local);
}

// Accounting

void StageEngine::window_enters() {
  const sc_time now = sc_core::sc_time_stamp();
  if (!started_) first_start_ = now - origin_;
  started_ = true;
  if (in_flight_++ == 0) active_since_ = now;
}

void StageEngine::window_leaves() {
  const sc_time now = sc_core::sc_time_stamp();
  ++windows_;
  ++context_.counters.windows;
  last_end_ = now - origin_;
  if (--in_flight_ != 0) return;
  busy_ += now - active_since_;
  if (context_.observer != nullptr) {
    context_.observer->stage_active(index_, stage_.tile, stage_.slot, stage_.layer, active_since_);
  }
}

bool StageEngine::is_starving() const {
  return std::any_of(ports_.begin(), ports_.end(),
                     [](const auto &port) { return port->is_starving(); });
}

abi::StageCounters StageEngine::counters() const {
  abi::StageCounters record;
  record.tile = stage_.tile;
  record.slot = stage_.slot;
  record.layer = stage_.layer;
  record.windows = windows_;
  record.conversions = conversions_;
  record.busy_ns = nanoseconds(busy_);
  record.wait_input_ns = nanoseconds(waited_);
  record.first_start_ns = nanoseconds(first_start_);
  record.last_end_ns = nanoseconds(last_end_);
  record.input_cycles = cycles_;
  return record;
}

}  // namespace npim::chip
