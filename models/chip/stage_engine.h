// One stage at work: the two-stage pipeline per sliding window of [NP] section 5 as two processes.
//   front: wait for the window's pixels; eDRAM -> tile bus -> IR; then ceil(P_I / P_D) input cycles
//          through DACs, crossbars and NNS+As into the sample-and-holds. The input cycles start on
//          the chip's input-cycle grid, which starts with the run; so in steady state a window
//          takes 1 + ceil(P_I / P_D) input cycles, the 1 being the copy to IR.
//   back:  convert (NNADCs shared by the tile), add in IMA and tile, post-process, send. When the
//          output registers do not hold all sums of a window, conversion stops while the first
//          ones drain to the tile's adders.
// The overlapped pipeline (WindowPipeline::kOverlapped, [IS] Fig. 4) has a third process between
// the two, which drives the crossbars while front copies the next window: a window then takes
// ceil(P_I / P_D) input cycles. Digital accumulation needs two cycles more before its sums are in
// the output register; from there on everything takes the time of its units, as in the other
// dataflows, not a whole cycle for each step as in ISAAC's schedule of 22 cycles (14 for 8 bits).
// A stage with copies of its weights does all this with several neighbouring windows at a time.
// The sample-and-holds are the slot of depth one between them. Stages without crossbars (pools,
// additions, aggregators) have the same shape: fetch, then post-process and send. The stage only
// says what passes through which unit and waits for it; the units compute (ima.h, tile_units.h).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "chip/chip_context.h"
#include "chip/mvm_plan.h"
#include "chip/payload.h"
#include "chip/stage_report.h"
#include "chip/stream_port.h"
#include "chip/tile_units.h"
#include "peripheral/dac.h"
#include "program/stage.h"

namespace npim::chip {

class Tile;

class StageEngine {
 public:
  /// `stage` has passed program::check_control(). `index` is the stage's number in load order.
  StageEngine(Tile &tile, ChipContext &context, const program::Stage &stage, std::uint32_t index);
  ~StageEngine();
  StageEngine(const StageEngine &) = delete;
  StageEngine &operator=(const StageEngine &) = delete;

  const program::Stage &stage() const { return stage_; }
  StreamPort &port(std::size_t i) { return *ports_[i]; }
  /// Adds the next of the stage's destinations: where its pixels go.
  void connect(StreamPort &port, const program::Destination &destination);
  /// Takes the stage's part of the output registers. After all stages have been loaded, in load
  /// order.
  void take_output_registers() {
    if (plan_) plan_->take_output_registers();
  }

  /// Processes that a run has to count on.
  int processes() const { return overlapped_ ? 3 : 2; }
  /// Starts a run of `images` images; all pipelines are empty. `first_image`: number of the first
  /// of them among all images, and `step` from one to the next, which the keys of windows are made
  /// from. With `whole_images` the windows of an image wait until all of it is there.
  void begin(std::uint64_t images, std::uint64_t first_image, std::uint64_t step,
             bool whole_images);
  /// Ends the processes at once, for a cancelled or failed run.
  void kill();
  bool is_starving() const;
  /// The dead converter that the stage waits for, or -1.
  int dead_converter() const { return dead_converter_; }
  /// Between runs, for a stage with crossbars.
  void set_converter(peripheral::ConverterSetting setting) {
    converter_ = context_.datapath.make_layer(setting);
  }

  abi::StageCounters counters() const;
  const Payer &payer() const { return payer_; }
  /// Pixels have arrived in one of its rings.
  void count_received(std::uint64_t bytes) { bytes_received_ += bytes; }
  abi::StageTimes times() const;
  StageReport report() const;

 private:
  struct Route {
    StreamTarget target;
    bool local = false;
    program::Rectangle part;  // of the stage's output rows
  };
  /// One packet: a rectangle of the pixels of a burst, for all who get the same.
  struct Sending {
    program::Rectangle part;
    bool local = false;
    std::vector<StreamTarget> targets;
  };
  /// Neighbouring output pixels that are computed together.
  struct Position {
    std::uint64_t image = 0;
    std::int32_t y = 0, x = 0, pixels = 1;
    std::int32_t last_x() const { return x + pixels - 1; }
  };

  // Set-up
  void plan_times();

  // Processes
  void run_process(void (StageEngine::*body)());
  void spawn();
  void front();
  void back();
  void drive();
  void front_window(const Position &at);
  void drive_window();
  void back_window();
  std::uint64_t bursts() const;

  // Front
  std::uint64_t pixels_needed(const Position &at) const;
  void wait_for_inputs(const Position &at);
  void fetch(const Position &at);
  void copy(const Position &at);
  sc_core::sc_time drive_from(const sc_core::sc_time &copied, std::uint64_t windows);
  void book_drive(std::uint64_t windows);
  void gather_windows(const Position &at);
  void load_registers(const Position &at);
  void gather_window(const Position &at, std::uint8_t *window) const;
  void gather_pools(const Position &at);
  void gather_pool(const Position &at);
  void gather_pixels(const Position &at);
  void free_rows(const Position &at);
  void hand_over(const Position &at);

  // Back
  sc_core::sc_time convert();
  void convert(const MvmPlan::Drain &drain);
  void wait_for_dead_converter(const MvmPlan::Drain &drain);
  void convert_values(const MvmPlan::Drain &drain);
  void count_clipped(const MvmPlan::Drain &drain);
  void add_codes(const MvmPlan::Drain &drain);
  sc_core::sc_time collect_sums(const MvmPlan::Drain &drain);
  sc_core::sc_time post_process(const sc_core::sc_time &ready);
  sc_core::sc_time post_process(const sc_core::sc_time &ready, const std::uint8_t *from,
                                std::uint64_t count, const PostPixel &pixel);
  void encode_output();
  const std::vector<Sending> &sendings(const Position &at);
  void send(const Sending &sending, const Position &at);

  std::uint64_t window_key(const Position &at, int copy) const;

  // Accounting
  void windows_enter();
  void windows_leave(std::int32_t windows);
  void tell_in_flight() const;
  void becomes_idle(const sc_core::sc_time &now);

  Tile &tile_;
  ChipContext &context_;
  Payer &payer_;
  Posting posting_;
  const peripheral::Dac dac_;
  double shared_since_ = 0;
  StageTime time_;
  const program::Stage stage_;
  const std::uint32_t index_;
  network::Window window_;  // of the operation; 1 x 1 for additions and aggregators
  std::vector<std::unique_ptr<StreamPort>> ports_;
  std::vector<Route> routes_;
  std::vector<std::vector<Sending>> sendings_;  // by burst of a row, the last one for all others
  dataflow::LayerConverter converter_;
  peripheral::Requantiser requantiser_;

  std::unique_ptr<MvmPlan> plan_;    // of matrix-vector products only
  std::vector<Conversion> batch_;    // of the drain under way
  std::vector<PartialSums> parts_;   // of the drain under way
  std::vector<std::int32_t> codes_;  // of all arrays, as they leave the converters
  std::uint64_t fetch_bytes_ = 0, timed_taps_ = 1;
  double cycle_ns_ = 0;  // an input cycle

  // The windows that are being fetched, and those between the processes
  std::vector<std::uint8_t> fetched_, slot_;
  std::vector<std::uint64_t> fetched_taps_, slot_taps_;  // of pools, per window
  Position slot_at_;
  bool slot_full_ = false;
  Position copy_at_;  // of the overlapped pipeline: in the input registers, not yet driven
  bool copy_full_ = false;
  std::vector<std::int64_t> accumulators_;
  std::vector<std::int32_t> values_;
  PostPixel pixel_;
  std::vector<std::uint8_t> output_, packed_;
  tlm::tlm_generic_payload payload_;

  // The run
  std::uint64_t images_ = 0, first_image_ = 0, image_step_ = 1;
  bool whole_images_ = false;
  bool overlapped_ = false;
  bool front_pending_ = false, back_pending_ = false, drive_pending_ = false;
  sc_core::sc_time origin_;
  sc_core::sc_event start_;
  Gate slot_filled_, slot_free_, copy_filled_, copy_free_, conversion_end_;
  int dead_converter_ = -1;
  std::array<sc_core::sc_process_handle, 3> processes_;

  // Counters
  std::uint64_t windows_ = 0, conversions_ = 0, cycles_ = 0;
  std::uint64_t bytes_sent_ = 0, bytes_received_ = 0;
  sc_core::sc_time busy_, waited_, first_start_, last_end_, active_since_;
  int in_flight_ = 0;
  bool started_ = false;
};

}  // namespace npim::chip
