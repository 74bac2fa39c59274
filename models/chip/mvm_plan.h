// How the windows of a matrix-vector product lie on the IMAs of their tile: which bytes of the
// image go to which input register, which array multiplies them, and how the converters' codes are
// added up. Worked out once, when a stage is loaded.
//
// A stage with copies computes that many neighbouring windows of a row at a time (fewer at the end
// of a row); copy k takes the k-th of them.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "chip/chip_context.h"
#include "chip/ima.h"
#include "program/stage.h"

namespace npim::chip {

class Tile;

class MvmPlan {
 public:
  /// A run of bytes that window and image have in common: what one row of the kernel contributes to
  /// a row block. `image_offset` counts from the window's first column.
  struct Segment {
    std::uint32_t to = 0;
    std::int32_t kernel_row = 0;  // times dilation
    std::int64_t image_offset = 0;
    std::uint32_t bytes = 0;
  };
  /// Bytes of a window that an IMA has in its input register, for one copy.
  struct InputCopy {
    int ima = 0, copy = 0;
    std::size_t window_offset = 0, register_offset = 0;
    int rows = 0;
    std::uint64_t arrays = 0;  ///< whose DACs it goes to
  };
  /// What one window drives: arrays, their word lines and their vectors.
  struct Drive {
    std::uint64_t arrays = 0, rows = 0, vectors = 0;
  };
  struct Work {  // one array
    int ima = 0, array = 0, copy = 0;
    std::size_t input_offset = 0;
    int rows = 0, vectors = 0;
    std::size_t collect = 0;  // number of its sums in collects()
    std::size_t codes = 0;    // its place among all codes
  };
  struct Collect {  // sums that an IMA sends to the tile's adders
    int ima = 0, copy = 0;
    int first_channel = 0, channels = 0;
    std::size_t sums = 0;  // in the IMA's output register
  };
  /// What the output registers hold at once: conversions up to their sums.
  struct Drain {
    std::vector<std::size_t> work, collects;
    std::uint64_t bytes = 0, conversions = 0;
  };

  /// Takes the stage's part of the input registers and promises what it needs of the output
  /// registers. `stage` has passed program::check_control() and outlives the plan.
  MvmPlan(Tile &tile, const ChipContext &context, const program::Stage &stage);

  /// Takes the stage's part of the output registers. After all stages have promised, in load order.
  void take_output_registers();

  int copies() const { return stage_.burst; }
  std::size_t window_bytes() const { return window_bytes_; }
  std::size_t codes() const { return codes_; }
  const Drive &drive() const { return drive_; }
  const std::vector<Segment> &segments() const { return segments_; }
  const std::vector<InputCopy> &inputs() const { return inputs_; }
  const std::vector<Work> &work() const { return work_; }
  const Collect &collect(std::size_t i) const { return collects_[i]; }
  /// The drains of `windows` windows at a time: all copies, or what is left at the end of a row.
  const std::vector<Drain> &drains(int windows) const {
    return windows == copies() ? full_ : rest_;
  }

 private:
  struct SumsOfIma {
    std::size_t least = 0, all = 0;  // of one array; of all windows
  };
  void place(const program::ArrayUse &use);
  std::size_t place_in_window(const program::ArrayPart &part);
  void plan_segments(const program::ArrayPart &part, int group, std::size_t to);
  std::map<int, SumsOfIma> sums_by_ima() const;
  std::vector<Drain> plan_drains(int windows, const std::map<int, OutputRegister::Room> &rooms);

  Tile &tile_;
  const ChipContext &context_;
  const program::Stage &stage_;
  std::vector<Segment> segments_;
  std::vector<InputCopy> inputs_;
  std::vector<Work> work_;
  std::vector<Collect> collects_;
  std::vector<Drain> full_, rest_;
  Drive drive_;
  std::size_t window_bytes_ = 0, codes_ = 0;
  // Of the set-up
  std::map<std::pair<int, int>, std::size_t> window_offsets_;  // by group and row
  std::map<std::vector<int>, std::size_t> input_numbers_;      // by IMA, copy, group and row
  std::map<std::vector<int>, std::size_t> collect_numbers_;    // by copy, IMA, column group
};

}  // namespace npim::chip
