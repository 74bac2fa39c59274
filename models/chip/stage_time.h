// What a stage did with its time. Its processes (front and back, and one that drives the crossbars
// where copies overlap with it) report in what phase they are and until when, each along its own
// time line and some way into the future; here they become one: at any moment the stage computes if
// one of them does, else it waits for what the last of them in the pipeline waits for.
#pragma once

#include <array>
#include <cstdint>
#include <systemc>
#include <vector>

namespace npim::chip {

enum class Phase : std::uint8_t {
  kComputing,  ///< copies to IR included, and the rest of the input cycle in which a copy ends
  kInput,      ///< no window has all of its pixels
  kConverter,  ///< the tile's NNADCs work for others
  kEdram,      ///< the tile's bus or eDRAM works for others, or takes the pixels it sends to itself
  kPost,       ///< the tile's post-processing unit works for others
  kNoc,        ///< its pixels are entering the network; what happens to them there is not its time
  kSpace,      ///< the receiver has no room
  kNothing,    ///< of one process: another one has something to do
};
constexpr std::size_t kPhases = 7;  ///< that a stage can be in

class StageTime {
 public:
  enum Lane { kFront, kDrive, kBack };

  /// A run begins; `drives`: there is a process of its own that drives the crossbars.
  void begin(const sc_core::sc_time &now, bool drives);
  /// A process is in a phase from where it was told to be last until `end`, which may lie ahead.
  void until(Lane lane, Phase phase, const sc_core::sc_time &end) {
    if (end.value() > lanes_[lane].end) add(lane, phase, end.value());
  }
  /// A process has nothing to do in this run any more.
  void finish(Lane lane);

  /// Over all runs; together the stage's lifetime: from the start of each run until its last window
  /// has been sent.
  sc_core::sc_time in(Phase phase) const {
    return sc_core::sc_time::from_value(totals_[static_cast<std::size_t>(phase)]);
  }
  sc_core::sc_time lifetime() const;
  /// Takes over what another one has counted.
  void add_totals(const StageTime &other);

 private:
  struct Segment {
    Phase phase;
    std::uint64_t end;
  };
  struct Timeline {
    std::vector<Segment> segments;
    std::size_t next = 0;   // of the segments, the first that is not merged wholly
    std::uint64_t end = 0;  // of the last
  };
  void add(Lane lane, Phase phase, std::uint64_t end);
  void merge();
  bool all_know() const;
  Phase combined() const;

  std::array<Timeline, 3> lanes_;
  std::uint64_t merged_ = 0;  // the time up to which it is known what the stage did
  std::array<std::uint64_t, kPhases + 1> totals_{};
};

}  // namespace npim::chip
