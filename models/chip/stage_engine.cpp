#include "chip/stage_engine.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
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
      payer_(context.books.open(stage.tile, static_cast<int>(stage.layer))),
      posting_(&payer_),
      dac_(context.config.dac_bits, context.config.input_bits),
      stage_(stage),
      index_(index),
      slot_filled_(context.activity),
      slot_free_(context.activity),
      copy_filled_(context.activity),
      copy_free_(context.activity),
      conversion_end_(context.activity) {
  overlapped_ =
      stage_.op == StageOp::kMvm && context_.config.pipeline == config::WindowPipeline::kOverlapped;
  if (program::has_window(stage_.op)) window_ = stage_.window;
  for (const auto &port : stage_.inputs) {
    ports_.push_back(std::make_unique<StreamPort>(port, context_.activity));
  }
  const auto values = static_cast<std::size_t>(stage_.output_shape.channels) * stage_.burst;
  accumulators_.resize(values);
  values_.resize(values);
  output_.resize(values * static_cast<std::size_t>(stage_.output_element_bytes()));
  requantiser_.multiplier = stage_.requantise.multiplier.data();
  requantiser_.bias = stage_.requantise.bias.data();
  requantiser_.shift = stage_.requantise.shift;
  requantiser_.output_s32 = stage_.requantise.output_s32;
  requantiser_.low = stage_.requantise.low;
  requantiser_.high = stage_.requantise.high;
  pixel_ = {stage_.output_shape.channels, stage_.raw_output ? nullptr : &requantiser_,
            accumulators_.data(), context_.values ? values_.data() : nullptr, &payer_};
  payload_.set_extension(&posting_);
  if (stage_.op == StageOp::kMvm) {
    converter_ = context_.datapath.make_layer(
        {stage_.converter.range_divisor, stage_.converter.bitline_gain});
    plan_ = std::make_unique<MvmPlan>(tile_, context_, stage_);
    codes_.resize(plan_->codes());
    fetched_.resize(plan_->window_bytes() * stage_.burst);
  }
  plan_times();
  spawn();
}

StageEngine::~StageEngine() {
  kill();
  payload_.clear_extension(&posting_);
}

// Set-up

void StageEngine::plan_times() {
  cycle_ns_ = context_.timing.input_cycle / sc_time(1, sc_core::SC_NS);
  if (plan_) {
    fetch_bytes_ = plan_->window_bytes();
    return;
  }
  for (const auto &port : ports_) fetch_bytes_ += port->pixel_bytes();
  if (program::has_window(stage_.op)) {
    // Taps in the padding take their time as well, but a kernel has no more taps than the image.
    const auto &shape = stage_.inputs[0].shape;
    timed_taps_ = static_cast<std::uint64_t>(std::min(window_.kernel_height, shape.height)) *
                  static_cast<std::uint64_t>(std::min(window_.kernel_width, shape.width));
    fetch_bytes_ *= timed_taps_;
  }
}

void StageEngine::connect(StreamPort &port, const program::Destination &to) {
  const program::Rectangle part = program::sent_part(to, stage_.output_shape);
  port.connect(to.producer, {to.column_offset, part.columns, to.channel_offset, part.channels});
  routes_.push_back({{&port, to.producer, stream_address(to.tile, to.slot, to.port, to.producer)},
                     to.tile == stage_.tile,
                     part});
}

// Processes

void StageEngine::spawn() {
  const std::string name =
      "tile" + std::to_string(stage_.tile) + "_slot" + std::to_string(stage_.slot);
  const auto start = [&](const char *part, void (StageEngine::*body)()) {
    return sc_core::sc_spawn([this, body] { run_process(body); },
                             sc_core::sc_gen_unique_name((name + part).c_str()));
  };
  processes_[0] = start("_front", &StageEngine::front);
  processes_[1] = start("_back", &StageEngine::back);
  if (overlapped_) processes_[2] = start("_drive", &StageEngine::drive);
}

void StageEngine::kill() {
  for (auto &process : processes_) {
    const bool alive = process.valid() && !process.terminated();
    if (alive && sc_core::sc_get_status() == sc_core::SC_RUNNING) process.kill();
    process = sc_core::sc_process_handle();
  }
  if (in_flight_ > 0) becomes_idle(sc_core::sc_time_stamp());
  in_flight_ = 0;
}

void StageEngine::begin(std::uint64_t images, std::uint64_t first_image, std::uint64_t step,
                        bool whole_images) {
  if (!processes_[0].valid()) spawn();
  for (auto &port : ports_) port->reset();
  slot_filled_.reset();
  slot_free_.reset();
  copy_filled_.reset();
  copy_free_.reset();
  conversion_end_.reset();
  dead_converter_ = -1;
  slot_full_ = copy_full_ = started_ = false;
  in_flight_ = 0;
  tell_in_flight();
  images_ = images;
  first_image_ = first_image;
  image_step_ = step;
  whole_images_ = whole_images;
  origin_ = sc_core::sc_time_stamp();
  time_.begin(origin_, overlapped_);
  first_start_ = last_end_ = sc_core::SC_ZERO_TIME;
  front_pending_ = back_pending_ = true;
  drive_pending_ = overlapped_;
  start_.notify(sc_core::SC_ZERO_TIME);
}

void StageEngine::run_process(void (StageEngine::*body)()) {
  bool &pending = body == &StageEngine::front  ? front_pending_
                  : body == &StageEngine::back ? back_pending_
                                               : drive_pending_;
  for (;;) {
    while (!pending) sc_core::wait(start_);
    pending = false;
    (this->*body)();
    context_.activity.finish();
  }
}

void StageEngine::front() {
  const std::int32_t width = stage_.output_shape.width;
  Position at;
  for (at.image = 0; at.image < images_; ++at.image) {
    for (at.y = 0; at.y < stage_.output_shape.height; ++at.y) {
      for (at.x = 0; at.x < width; at.x += at.pixels) {
        at.pixels = std::min<std::int32_t>(stage_.burst, width - at.x);
        front_window(at);
      }
      free_rows(at);
    }
  }
  time_.finish(StageTime::kFront);
}

void StageEngine::drive() {
  for (std::uint64_t i = bursts(); i > 0; --i) drive_window();
  time_.finish(StageTime::kDrive);
}

void StageEngine::back() {
  for (std::uint64_t i = bursts(); i > 0; --i) back_window();
  time_.finish(StageTime::kBack);
}

/// Of neighbouring windows that are computed together, in the whole run.
std::uint64_t StageEngine::bursts() const {
  const auto width = static_cast<std::uint64_t>(stage_.output_shape.width);
  const auto height = static_cast<std::uint64_t>(stage_.output_shape.height);
  return images_ * height * divide_up(width, std::uint64_t{stage_.burst});
}

// Front

void StageEngine::front_window(const Position &at) {
  wait_for_inputs(at);
  windows_enter();
  if (overlapped_) {
    copy(at);
  } else {
    fetch(at);
    hand_over(at);
  }
}

/// Pixels from the start of the run up to the last one that the windows cover.
std::uint64_t StageEngine::pixels_needed(const Position &at) const {
  const auto &shape = stage_.inputs[0].shape;
  const std::int64_t y =
      std::min<std::int64_t>(shape.height - 1, std::int64_t{at.y} * window_.stride_height -
                                                   window_.pad_top + window_.covered_height() - 1);
  const std::int64_t x =
      std::min<std::int64_t>(shape.width - 1, std::int64_t{at.last_x()} * window_.stride_width -
                                                  window_.pad_left + window_.covered_width() - 1);
  const std::uint64_t rows = at.image * static_cast<std::uint64_t>(shape.height);
  const auto width = static_cast<std::uint64_t>(shape.width);
  if (whole_images_) return (rows + static_cast<std::uint64_t>(shape.height)) * width;
  if (y < 0) return rows * width;
  return (rows + static_cast<std::uint64_t>(y)) * width +
         static_cast<std::uint64_t>(std::max<std::int64_t>(x + 1, 0));
}

void StageEngine::wait_for_inputs(const Position &at) {
  const std::uint64_t pixels = pixels_needed(at);
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const std::uint64_t needed = program::is_repeated(stage_, i) ? at.image + 1 : pixels;
    if (ports_[i]->has(needed)) continue;
    const sc_time since = sc_core::sc_time_stamp();
    ports_[i]->wait_for(needed);
    waited_ += sc_core::sc_time_stamp() - since;
  }
  time_.until(StageTime::kFront, Phase::kInput, sc_core::sc_time_stamp());
}

/// Copies the windows, and for a matrix-vector product drives them through the crossbars.
void StageEngine::fetch(const Position &at) {
  const sc_time now = sc_core::sc_time_stamp();
  const auto windows = static_cast<std::uint64_t>(at.pixels);
  sc_time end = tile_.bus.edram_transfer(now, windows * fetch_bytes_, payer_);
  time_.until(StageTime::kFront, Phase::kEdram, tile_.bus.begun());
  if (plan_) {
    gather_windows(at);
    load_registers(at);
    end = drive_from(end, windows);
    book_drive(windows);
  } else if (program::has_window(stage_.op)) {
    gather_pools(at);
  } else {
    gather_pixels(at);
  }
  time_.until(StageTime::kFront, Phase::kComputing, end);
  context_.wakes.sleep_until(end);
}

/// Of the overlapped pipeline: the copy, while the windows before are on the crossbars.
void StageEngine::copy(const Position &at) {
  while (copy_full_) copy_free_.wait();
  const sc_time now = sc_core::sc_time_stamp();
  time_.until(StageTime::kFront, Phase::kNothing, now);
  const auto windows = static_cast<std::uint64_t>(at.pixels);
  const sc_time end = tile_.bus.edram_transfer(now, windows * fetch_bytes_, payer_);
  time_.until(StageTime::kFront, Phase::kEdram, tile_.bus.begun());
  time_.until(StageTime::kFront, Phase::kComputing, end);
  gather_windows(at);
  context_.wakes.sleep_until(end);
  copy_at_ = at;
  copy_full_ = true;
  copy_filled_.open();
}

/// Of the overlapped pipeline: the input cycles. The DACs hold the window that they drive, so the
/// input registers are free for the next copy when the first cycle begins.
void StageEngine::drive_window() {
  while (!copy_full_) copy_filled_.wait();
  const Position at = copy_at_;
  const auto windows = static_cast<std::uint64_t>(at.pixels);
  const sc_time now = sc_core::sc_time_stamp();
  const sc_time end = drive_from(now, windows);
  time_.until(StageTime::kDrive, Phase::kNothing, now);
  time_.until(StageTime::kDrive, Phase::kComputing, end);
  book_drive(windows);
  context_.wakes.sleep_until(end -
                             chip::times(context_.timing.input_cycle,
                                         static_cast<std::uint64_t>(context_.timing.input_cycles)));
  load_registers(at);
  copy_full_ = false;
  copy_free_.open();
  context_.wakes.sleep_until(end);
  hand_over(at);
}

/// Input cycles start on the grid. Returns when the last one ends, for windows that are in the
/// input registers at `copied`.
sc_time StageEngine::drive_from(const sc_time &copied, std::uint64_t windows) {
  const std::uint64_t cycle = context_.timing.input_cycle.value();
  const std::uint64_t before = divide_up((copied - origin_).value(), cycle);
  const auto cycles = static_cast<std::uint64_t>(context_.timing.input_cycles);
  cycles_ += windows * cycles;
  context_.counters.cycles += windows * cycles;
  return origin_ + sc_time::from_value((before + cycles) * cycle);
}

/// All arrays of `windows` copies are driven for a window's input cycles. What their DACs take
/// depends on the data (load_registers()); without values all word lines count as driven.
void StageEngine::book_drive(std::uint64_t windows) {
  const auto cycles = static_cast<std::uint64_t>(context_.timing.input_cycles);
  const MvmPlan::Drive &drive = plan_->drive();
  payer_.book(cost::Part::kCrossbar, windows * cycles * drive.arrays);
  payer_.book(cost::Part::kInputRegister, windows * cycles * drive.rows);
  if (!context_.values) payer_.book(cost::Part::kDac, windows * cycles * drive.rows);
  for (const auto &[part, count] : context_.dot_product.accumulation) {
    payer_.book(part, windows * drive.vectors * count);
  }
  payer_.driven_ns += static_cast<double>(windows * cycles * drive.arrays) * cycle_ns_;
}

void StageEngine::gather_windows(const Position &at) {
  if (!context_.values) return;
  Position window = at;
  for (std::int32_t i = 0; i < at.pixels; ++i, ++window.x) {
    gather_window(window, fetched_.data() + static_cast<std::size_t>(i) * plan_->window_bytes());
  }
}

void StageEngine::load_registers(const Position &at) {
  if (!context_.values) return;
  std::uint64_t slices = 0;
  for (const MvmPlan::InputCopy &input : plan_->inputs()) {
    if (input.copy >= at.pixels) continue;
    const std::size_t from =
        static_cast<std::size_t>(input.copy) * plan_->window_bytes() + input.window_offset;
    Ima &ima = tile_.ima(input.ima);
    std::memcpy(ima.input_register.data(input.register_offset), fetched_.data() + from,
                static_cast<std::size_t>(input.rows));
    slices += input.arrays * dac_.driven_slices(fetched_.data() + from, input.rows);
  }
  payer_.book(cost::Part::kDac, slices);
}

void StageEngine::gather_window(const Position &at, std::uint8_t *window) const {
  const auto &shape = stage_.inputs[0].shape;
  const StreamPort &port = *ports_[0];
  const std::uint8_t *ring = tile_.edram.data() + stage_.inputs[0].edram_offset;
  const auto row_bytes = static_cast<std::int64_t>(port.row_bytes());
  const std::int64_t first_row = std::int64_t{at.y} * window_.stride_height - window_.pad_top;
  const std::int64_t first_byte =
      (std::int64_t{at.x} * window_.stride_width - window_.pad_left) * shape.channels;
  const std::uint64_t image_row = at.image * static_cast<std::uint64_t>(shape.height);
  for (const MvmPlan::Segment &segment : plan_->segments()) {
    std::uint8_t *to = window + segment.to;
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
}

/// The taps inside the image, window after window, one pixel after the other.
void StageEngine::gather_pools(const Position &at) {
  fetched_.clear();
  fetched_taps_.clear();
  Position window = at;
  for (std::int32_t i = 0; i < at.pixels; ++i, ++window.x) gather_pool(window);
}

void StageEngine::gather_pool(const Position &at) {
  const auto &shape = stage_.inputs[0].shape;
  const StreamPort &port = *ports_[0];
  const std::int64_t y0 = std::int64_t{at.y} * window_.stride_height - window_.pad_top;
  const std::int64_t x0 = std::int64_t{at.x} * window_.stride_width - window_.pad_left;
  const auto rows = inside(y0, window_.dilation_height, window_.kernel_height, shape.height);
  const auto columns = inside(x0, window_.dilation_width, window_.kernel_width, shape.width);
  const std::uint64_t image_row = at.image * static_cast<std::uint64_t>(shape.height);
  const auto pixel = static_cast<std::size_t>(port.pixel_bytes());
  std::uint64_t taps = 0;
  for (std::int64_t ky = rows.first; ky <= rows.second; ++ky) {
    const auto y = static_cast<std::uint64_t>(y0 + ky * window_.dilation_height);
    const std::uint8_t *row = context_.values ? tile_.edram.data() + stage_.inputs[0].edram_offset +
                                                    port.row_offset(image_row + y)
                                              : nullptr;
    for (std::int64_t kx = columns.first; kx <= columns.second; ++kx) {
      const auto x = static_cast<std::size_t>(x0 + kx * window_.dilation_width);
      if (context_.values) {
        fetched_.insert(fetched_.end(), row + x * pixel, row + (x + 1) * pixel);
      }
      ++taps;
    }
  }
  fetched_taps_.push_back(taps);
}

/// Pixel after pixel, one of each port.
void StageEngine::gather_pixels(const Position &at) {
  if (!context_.values) return;
  fetched_.clear();
  for (std::int32_t i = 0; i < at.pixels; ++i) {
    for (std::size_t k = 0; k < ports_.size(); ++k) {
      const StreamPort &port = *ports_[k];
      const bool repeated = program::is_repeated(stage_, k);
      const auto height = static_cast<std::uint64_t>(port.config().shape.height);
      const auto y = static_cast<std::uint64_t>(repeated ? 0 : at.y);
      const auto x = static_cast<std::uint64_t>(repeated ? 0 : at.x + i);
      const std::uint8_t *pixel = tile_.edram.data() + port.config().edram_offset +
                                  port.row_offset(at.image * height + y) + x * port.pixel_bytes();
      fetched_.insert(fetched_.end(), pixel, pixel + port.pixel_bytes());
    }
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
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (program::is_repeated(stage_, i)) {
      ports_[i]->free_rows(at.image + (last ? 1 : 0));
    } else {
      ports_[i]->free_rows(at.image * static_cast<std::uint64_t>(shape.height) +
                           static_cast<std::uint64_t>(next));
    }
  }
}

void StageEngine::hand_over(const Position &at) {
  while (slot_full_) slot_free_.wait();
  time_.until(overlapped_ ? StageTime::kDrive : StageTime::kFront, Phase::kNothing,
              sc_core::sc_time_stamp());
  if (plan_) {
    for (const MvmPlan::Work &work : plan_->work()) {
      if (work.copy >= at.pixels || !context_.values) continue;
      tile_.ima(work.ima).evaluate(work.array, work.input_offset, work.rows,
                                   window_key(at, work.copy), converter_);
    }
  } else {
    std::swap(fetched_, slot_);
    std::swap(slot_taps_, fetched_taps_);
  }
  slot_at_ = at;
  slot_full_ = true;
  slot_filled_.open();
}

// Back

void StageEngine::back_window() {
  while (!slot_full_) slot_filled_.wait();
  sc_time ready = sc_core::sc_time_stamp();
  time_.until(StageTime::kBack, Phase::kNothing, ready);
  const Position at = slot_at_;
  pixel_.pixels = at.pixels;
  if (plan_) ready = convert();
  const sc_time processed = post_process(ready);
  time_.until(StageTime::kBack, Phase::kComputing, processed);
  context_.wakes.sleep_until(processed);
  if (!plan_) {
    slot_full_ = false;
    slot_free_.open();
  }
  encode_output();
  for (const Sending &sending : sendings(at)) send(sending, at);
  windows_leave(at.pixels);
}

/// Takes the sums out of the sample-and-holds, which are free for the next windows then. Returns
/// when the last ones are at the tile's adders.
sc_time StageEngine::convert() {
  const std::vector<MvmPlan::Drain> &drains = plan_->drains(pixel_.pixels);
  if (context_.values) std::fill(accumulators_.begin(), accumulators_.end(), 0);
  for (std::size_t i = 0; i + 1 < drains.size(); ++i) {
    convert(drains[i]);
    const sc_time drained = collect_sums(drains[i]);
    tile_.post.add_sums(drained, parts_, pixel_);  // while the next ones are converted
    context_.wakes.sleep_until(drained);
  }
  convert(drains.back());
  slot_full_ = false;
  slot_free_.open();
  return collect_sums(drains.back());
}

void StageEngine::convert(const MvmPlan::Drain &drain) {
  if (tile_.nnadc.converters.has_broken()) wait_for_dead_converter(drain);
  const sc_time converted =
      tile_.nnadc.reserve(sc_core::sc_time_stamp(), drain.conversions, payer_);
  time_.until(StageTime::kBack, Phase::kConverter, tile_.nnadc.begun());
  time_.until(StageTime::kBack, Phase::kComputing, converted);
  context_.wakes.sleep_until(converted);
  payer_.book(cost::Part::kOutputRegister,
              drain.conversions * context_.dot_product.register_writes);
  if (context_.values) convert_values(drain);
  const std::uint64_t conversions = drain.conversions * context_.dot_product.conversions;
  conversions_ += conversions;
  context_.counters.conversions += conversions;
}

void StageEngine::convert_values(const MvmPlan::Drain &drain) {
  batch_.clear();
  for (const std::size_t i : drain.work) {
    const MvmPlan::Work &work = plan_->work()[i];
    Ima &ima = tile_.ima(work.ima);
    batch_.push_back({&ima.crossbar(work.array).array(), window_key(slot_at_, work.copy),
                      ima.sample_hold.sums(work.array), codes_.data() + work.codes, work.vectors});
  }
  Nnadc::convert(batch_, converter_);
  count_clipped(drain);
  add_codes(drain);
}

/// Does not return if one of the conversions never ends.
void StageEngine::wait_for_dead_converter(const MvmPlan::Drain &drain) {
  const auto vectors = static_cast<std::size_t>(context_.geometry.vectors());
  for (const std::size_t i : drain.work) {
    const MvmPlan::Work &work = plan_->work()[i];
    const int array = work.ima * context_.config.arrays_per_ima + work.array;
    dead_converter_ = tile_.nnadc.converters.dead_converter(
        static_cast<std::size_t>(array) * vectors, work.vectors);
    if (dead_converter_ < 0) continue;
    for (;;) conversion_end_.wait();
  }
}

void StageEngine::count_clipped(const MvmPlan::Drain &drain) {
  const auto code = context_.config.nnadc.code;
  if (code == config::CodeFormat::kLossless) return;
  const std::int32_t highest = code == config::CodeFormat::kSigned8 ? 127 : 255;
  for (const std::size_t i : drain.work) {
    const MvmPlan::Work &work = plan_->work()[i];
    const std::int32_t *codes = codes_.data() + work.codes;
    context_.counters.clipped += static_cast<std::uint64_t>(std::count_if(
        codes, codes + work.vectors, [&](std::int32_t c) { return std::abs(c) >= highest; }));
  }
}

/// The IMA's adder: codes of arrays below each other become one sum in the output register.
void StageEngine::add_codes(const MvmPlan::Drain &drain) {
  for (const std::size_t i : drain.collects) {
    const MvmPlan::Collect &collect = plan_->collect(i);
    tile_.ima(collect.ima).output_register.clear(collect.sums, collect.channels);
  }
  for (const std::size_t i : drain.work) {
    const MvmPlan::Work &work = plan_->work()[i];
    tile_.ima(work.ima).output_register.add(plan_->collect(work.collect).sums,
                                            codes_.data() + work.codes, work.vectors);
  }
}

/// Output registers to the tile's adders. The IMA's adder works along with the converters and is
/// one clock behind them. Returns when all sums of the drain are there.
sc_time StageEngine::collect_sums(const MvmPlan::Drain &drain) {
  parts_.clear();
  for (const std::size_t i : drain.collects) {
    const MvmPlan::Collect &collect = plan_->collect(i);
    parts_.push_back({tile_.ima(collect.ima).output_register.sums(collect.sums),
                      collect.copy * pixel_.channels + collect.first_channel, collect.channels});
  }
  payer_.book(cost::Part::kOutputRegister, divide_up(drain.bytes, std::uint64_t{2}));
  const sc_time ready = sc_core::sc_time_stamp() + context_.timing.tile_clock;
  const sc_time there = tile_.bus.transfer(ready, drain.bytes, payer_);
  time_.until(StageTime::kBack, Phase::kComputing, ready);
  time_.until(StageTime::kBack, Phase::kEdram, tile_.bus.begun());
  time_.until(StageTime::kBack, Phase::kComputing, there);
  return there;
}

/// Sends the values through the tile's post-processing unit. Returns the end.
sc_time StageEngine::post_process(const sc_time &ready) {
  if (plan_) {
    const sc_time finished = tile_.post.finish_sums(ready, parts_, pixel_);
    time_.until(StageTime::kBack, Phase::kPost, tile_.post.begun());
    return finished;
  }
  sc_time end = ready;
  const std::uint8_t *from = slot_.data();
  PostPixel pixel = pixel_;
  pixel.pixels = 1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(pixel_.pixels); ++i) {
    const std::uint64_t taps = program::has_window(stage_.op) ? slot_taps_[i] : ports_.size();
    end = post_process(ready, from, taps, pixel);
    if (i == 0) time_.until(StageTime::kBack, Phase::kPost, tile_.post.begun());
    if (!context_.values) continue;
    from += taps * ports_[0]->pixel_bytes();
    pixel.accumulators += pixel.channels;
    pixel.values += pixel.channels;
  }
  return end;
}

/// One pixel of a stage without crossbars: `taps` pixels of its window or its ports.
sc_time StageEngine::post_process(const sc_time &ready, const std::uint8_t *from,
                                  std::uint64_t count, const PostPixel &pixel) {
  const PoolTaps taps = {from, count, timed_taps_};
  switch (stage_.op) {
    case StageOp::kMvm:
      break;
    case StageOp::kMaxPool:
      return tile_.post.max_pool(ready, taps, pixel);
    case StageOp::kAveragePool: {
      const std::int64_t all = std::int64_t{window_.kernel_height} * window_.kernel_width;
      const std::int64_t padded = all - static_cast<std::int64_t>(count);
      return tile_.post.average_pool(ready, taps, padded * stage_.pad_value, pixel);
    }
    case StageOp::kAdd:
      return tile_.post.add(ready, from, from + pixel.channels, pixel);
    case StageOp::kAggregate:
      return tile_.post.aggregate(ready, from, ports_.size(), pixel);
    case StageOp::kLookup:
      return tile_.post.lookup(ready, from, stage_.table.data(), pixel);
    case StageOp::kMultiply:
      return tile_.post.multiply(ready, from, from + pixel.channels, stage_.pad_value,
                                 stage_.second_zero_point, pixel);
    case StageOp::kInsideAverage:
      return tile_.post.inside_average(ready, taps, pixel);
    case StageOp::kLocalResponse:
      return tile_.post.local_response(ready, from, stage_, pixel);
  }
  return ready;
}

void StageEngine::encode_output() {
  if (!context_.values) return;
  const auto values =
      static_cast<std::size_t>(pixel_.channels) * static_cast<std::size_t>(pixel_.pixels);
  if (stage_.output_element_bytes() == 1) {
    std::copy_n(values_.begin(), values, output_.begin());
    return;
  }
  for (std::size_t c = 0; c < values; ++c) {
    const auto bits = static_cast<std::uint32_t>(values_[c]);
    for (unsigned i = 0; i < 4; ++i) {
      output_[4 * c + i] = static_cast<std::uint8_t>(bits >> (8 * i));
    }
  }
}

/// The packets of a burst: who gets the same pixels and channels gets the same packet. They are the
/// same in every row, and remembered for rows of a usual length.
const std::vector<StageEngine::Sending> &StageEngine::sendings(const Position &at) {
  constexpr std::size_t kMostRemembered = 1024;
  const auto burst = static_cast<std::size_t>(at.x / stage_.burst);
  const bool is_remembered = burst < kMostRemembered;
  if (sendings_.size() <= std::min(burst, kMostRemembered)) {
    sendings_.resize(std::min(burst, kMostRemembered) + 1);
  }
  auto &result = sendings_[std::min(burst, kMostRemembered)];
  if (is_remembered && !result.empty()) return result;
  result.clear();
  for (const Route &route : routes_) {
    program::Rectangle part = route.part;
    part.first_column = std::max<std::int64_t>(at.x, route.part.first_column);
    part.columns =
        std::min<std::int64_t>(at.last_x() + 1, route.part.first_column + route.part.columns) -
        part.first_column;
    if (part.columns <= 0) continue;
    const auto same = std::find_if(result.begin(), result.end(), [&](const Sending &other) {
      return context_.config.noc.multicast && !route.local && !other.local && other.part == part;
    });
    if (same != result.end()) {
      same->targets.push_back(route.target);
    } else {
      result.push_back({part, route.local, {route.target}});
    }
  }
  return result;
}

/// Waits for room with all receivers before it occupies any part of the NoC.
void StageEngine::send(const Sending &sending, const Position &at) {
  const program::Rectangle &part = sending.part;
  const auto element = static_cast<std::size_t>(stage_.output_element_bytes());
  const std::size_t pixel = static_cast<std::size_t>(pixel_.channels) * element;
  const std::size_t slice = static_cast<std::size_t>(part.channels) * element;
  const auto pixels = static_cast<std::size_t>(part.columns);
  std::uint8_t *data = output_.data() + static_cast<std::size_t>(part.first_column - at.x) * pixel;
  if (slice != pixel && context_.values) {
    const std::uint8_t *from = data + static_cast<std::size_t>(part.first_channel) * element;
    packed_.resize(pixels * slice);
    for (std::size_t i = 0; i < pixels; ++i) {
      std::copy_n(from + i * pixel, slice, packed_.data() + i * slice);
    }
    data = packed_.data();
  }
  wait_for_room(sending.targets, posting_);
  time_.until(StageTime::kBack, Phase::kSpace, sc_core::sc_time_stamp());
  prepare_write(payload_, sending.targets.front().address, data, pixels * slice);
  bytes_sent_ += pixels * slice * sending.targets.size();
  tile_.send(payload_, posting_, sending.local);
  time_.until(StageTime::kBack, sending.local ? Phase::kEdram : Phase::kNoc,
              sc_core::sc_time_stamp());
}

/// What keys the draws of a window (dataflow::Windows).
std::uint64_t StageEngine::window_key(const Position &at, int copy) const {
  const auto &shape = stage_.output_shape;
  const std::uint64_t image = first_image_ + at.image * image_step_;
  const std::uint64_t row =
      image * static_cast<std::uint64_t>(shape.height) + static_cast<std::uint64_t>(at.y);
  return row * static_cast<std::uint64_t>(shape.width) + static_cast<std::uint64_t>(at.x + copy);
}

// Accounting

void StageEngine::windows_enter() {
  const sc_time now = sc_core::sc_time_stamp();
  if (!started_) first_start_ = now - origin_;
  started_ = true;
  if (in_flight_++ == 0) {
    active_since_ = now;
    shared_since_ = tile_.shared_time.enter(now);
  }
  tell_in_flight();
}

void StageEngine::tell_in_flight() const {
  if (context_.observer == nullptr) return;
  context_.observer->windows_in_flight(stage_.tile, stage_.slot, in_flight_);
}

void StageEngine::windows_leave(std::int32_t windows) {
  const sc_time now = sc_core::sc_time_stamp();
  windows_ += static_cast<std::uint64_t>(windows);
  context_.counters.windows += static_cast<std::uint64_t>(windows);
  last_end_ = now - origin_;
  --in_flight_;
  tell_in_flight();
  if (in_flight_ != 0) return;
  becomes_idle(now);
  if (context_.observer != nullptr) {
    context_.observer->stage_active(index_, stage_.tile, stage_.slot, stage_.layer, active_since_);
  }
}

void StageEngine::becomes_idle(const sc_time &now) {
  const sc_time active = now - active_since_;
  busy_ += active;
  payer_.shared_ns += tile_.shared_time.leave(now) - shared_since_;
  if (plan_) {
    payer_.filled_ns +=
        static_cast<double>(plan_->work().size()) * (active / sc_time(1, sc_core::SC_NS));
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

abi::StageTimes StageEngine::times() const {
  abi::StageTimes record;
  record.lifetime_ns = nanoseconds(time_.lifetime());
  record.computing_ns = nanoseconds(time_.in(Phase::kComputing));
  record.wait_input_ns = nanoseconds(time_.in(Phase::kInput));
  record.wait_converter_ns = nanoseconds(time_.in(Phase::kConverter));
  record.wait_edram_ns = nanoseconds(time_.in(Phase::kEdram));
  record.wait_post_ns = nanoseconds(time_.in(Phase::kPost));
  record.wait_noc_ns = nanoseconds(time_.in(Phase::kNoc));
  record.wait_space_ns = nanoseconds(time_.in(Phase::kSpace));
  return record;
}

StageReport StageEngine::report() const {
  StageReport report;
  report.stage = index_;
  report.tile = stage_.tile;
  report.slot = stage_.slot;
  report.layer = stage_.layer;
  report.op = stage_.op;
  report.windows = windows_;
  report.conversions = conversions_;
  report.input_cycles = cycles_;
  report.bytes_sent = bytes_sent_;
  report.bytes_received = bytes_received_;
  report.begin = origin_;
  report.end = origin_ + last_end_;
  report.time = time_;
  return report;
}

}  // namespace npim::chip
