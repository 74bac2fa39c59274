#include "chip/mvm_plan.h"

#include <algorithm>
#include <numeric>

#include "chip/tile.h"

namespace npim::chip {

MvmPlan::MvmPlan(Tile &tile, const ChipContext &context, const program::Stage &stage)
    : tile_(tile), context_(context), stage_(stage) {
  for (const auto &use : stage_.arrays) place(use);
  for (const auto &[ima, sums] : sums_by_ima()) tile_.ima(ima).output_register.promise(sums.least);
}

/// Gives the array's rows their place in the window and in the input register of its IMA, shared
/// with other arrays of the same rows, and its codes their place among the sums.
void MvmPlan::place(const program::ArrayUse &use) {
  const auto &config = context_.config;
  const program::ArrayPart part =
      program::array_part(stage_, use, config.array.rows, context_.geometry.vectors());
  Work work;
  work.ima = use.array / config.arrays_per_ima;
  work.array = use.array % config.arrays_per_ima;
  work.copy = use.copy;
  work.rows = part.used_rows();
  work.vectors = part.channels;
  const std::size_t in_window = place_in_window(part);
  const auto input = input_numbers_.try_emplace(
      {work.ima, work.copy, part.first_group, part.first_row}, inputs_.size());
  if (input.second) {
    const std::size_t offset =
        tile_.ima(work.ima).input_register.allocate(static_cast<std::size_t>(work.rows));
    inputs_.push_back({work.ima, work.copy, in_window, offset, work.rows, 0});
  }
  InputCopy &from = inputs_[input.first->second];
  ++from.arrays;
  const auto collect =
      collect_numbers_.try_emplace({work.copy, work.ima, use.column_group}, collects_.size());
  if (collect.second) {
    collects_.push_back({work.ima, work.copy, part.first_channel, part.channels, 0});
  }
  work.input_offset = from.register_offset;
  work.collect = collect.first->second;
  work.codes = codes_;
  codes_ += static_cast<std::size_t>(work.vectors);
  work_.push_back(work);
  if (work.copy != 0) return;
  ++drive_.arrays;
  drive_.rows += static_cast<std::uint64_t>(work.rows);
  drive_.vectors += static_cast<std::uint64_t>(work.vectors);
}

std::size_t MvmPlan::place_in_window(const program::ArrayPart &part) {
  const auto found = window_offsets_.try_emplace({part.first_group, part.first_row}, window_bytes_);
  if (found.second) {
    for (int group = 0; group < part.groups; ++group) {
      plan_segments(part, part.first_group + group, window_bytes_);
      window_bytes_ += static_cast<std::size_t>(part.rows);
    }
  }
  return found.first->second;
}

/// Rows of the flattened kernel [y][x][channel of the group] as runs of bytes in image rows. When
/// taps are neighbours in the image as well (one group, no horizontal dilation), a run covers a
/// whole row of the kernel.
void MvmPlan::plan_segments(const program::ArrayPart &part, int group, std::size_t to) {
  const auto &window = stage_.window;
  const std::int64_t image_channels = stage_.inputs[0].shape.channels;
  const std::int64_t channels = image_channels / stage_.groups;
  const std::int64_t kernel_row = window.kernel_width * channels;
  const bool contiguous = stage_.groups == 1 && window.dilation_width == 1;
  const std::int64_t run = contiguous ? kernel_row : channels;
  std::int64_t row = part.first_row;
  const std::int64_t end = row + part.rows;
  while (row < end) {
    const std::int64_t tap = row % kernel_row / channels;
    const std::int64_t bytes = std::min(run - row % run, end - row);
    Segment segment;
    segment.to = static_cast<std::uint32_t>(to);
    segment.kernel_row = static_cast<std::int32_t>(row / kernel_row * window.dilation_height);
    segment.image_offset =
        tap * window.dilation_width * image_channels + group * channels + row % channels;
    segment.bytes = static_cast<std::uint32_t>(bytes);
    segments_.push_back(segment);
    to += static_cast<std::size_t>(bytes);
    row += bytes;
  }
}

/// What the stage needs of the output register of each of its IMAs.
std::map<int, MvmPlan::SumsOfIma> MvmPlan::sums_by_ima() const {
  std::map<int, SumsOfIma> result;
  for (const Collect &collect : collects_) {
    const auto channels = static_cast<std::size_t>(collect.channels);
    SumsOfIma &sums = result[collect.ima];
    sums.least = std::max(sums.least, channels);
    sums.all += channels;
  }
  return result;
}

void MvmPlan::take_output_registers() {
  std::map<int, OutputRegister::Room> rooms;
  for (const auto &[ima, sums] : sums_by_ima()) {
    rooms[ima] = tile_.ima(ima).output_register.allocate(sums.least, sums.all);
  }
  full_ = plan_drains(copies(), rooms);
  const int rest = stage_.output_shape.width % copies();
  if (rest != 0) rest_ = plan_drains(rest, rooms);
}

/// Fills the output registers with the sums of the first `windows` copies, as often as it takes. A
/// sum has the same place in its register whatever the number of windows, because copies come one
/// after the other.
std::vector<MvmPlan::Drain> MvmPlan::plan_drains(int windows,
                                                 const std::map<int, OutputRegister::Room> &rooms) {
  std::vector<Drain> drains;
  std::map<int, std::size_t> used, drain_of_ima;
  std::vector<std::size_t> drain_of(collects_.size()), order(collects_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return collects_[a].copy < collects_[b].copy;
  });
  const auto sum_bytes = static_cast<std::uint64_t>(context_.config.partial_sum_bytes());
  for (const std::size_t number : order) {
    Collect &collect = collects_[number];
    if (collect.copy >= windows) continue;
    const auto channels = static_cast<std::size_t>(collect.channels);
    const OutputRegister::Room &room = rooms.at(collect.ima);
    std::size_t &taken = used[collect.ima], &drain = drain_of_ima[collect.ima];
    if (taken + channels > room.sums) {
      ++drain;
      taken = 0;
    }
    collect.sums = room.first + taken;
    taken += channels;
    drain_of[number] = drain;
    if (drain >= drains.size()) drains.resize(drain + 1);
    drains[drain].collects.push_back(number);
    drains[drain].bytes += static_cast<std::uint64_t>(channels) * sum_bytes;
  }
  for (std::size_t i = 0; i < work_.size(); ++i) {
    if (work_[i].copy >= windows) continue;
    Drain &drain = drains[drain_of[work_[i].collect]];
    drain.work.push_back(i);
    drain.conversions += static_cast<std::uint64_t>(work_[i].vectors);
  }
  return drains;
}

}  // namespace npim::chip
