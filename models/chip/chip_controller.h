// The chip's controller: executes commands one after the other. It fetches control vectors, weights
// and images from host memory over the host link, distributes them over the NoC, and gathers the
// output. Command semantics: models/abi/npim_abi.json.
//
// PROGRAM_WEIGHTS: an IMA has one write circuit. The arrays of an IMA are programmed one after the
// other, IMAs at the same time; an array takes rows x write_verify_pulses x (write pulse + verify).
// An array counts as programmed when the whole command has completed.
// LOAD_CONTROL ends and forgets the previous stages even when it fails.
// RUN: images are numbered from the last LOAD_CONTROL or reset on, through all RUNs that have
// completed, unless a RUN says with which number it begins. These numbers key the noise of windows,
// so that results do not depend on how a driver divides its images among RUNs, and a RUN that is
// repeated after an error gives the same.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "chip/chip_context.h"
#include "chip/image_sender.h"
#include "chip/noc.h"
#include "chip/outcome.h"
#include "chip/service_commands.h"
#include "chip/stream_port.h"
#include "chip/tile.h"

namespace npim::chip {

class ChipController : public sc_core::sc_module {
 public:
  /// See Chip::commands.
  tlm_utils::simple_target_socket<ChipController> commands;
  tlm_utils::simple_initiator_socket<ChipController> to_link;
  tlm_utils::simple_initiator_socket<ChipController> to_noc;
  /// Output pixels: taken at once, delivered after the annotated delay, which stays.
  tlm_utils::simple_target_socket<ChipController> from_noc;

  ChipController(const sc_core::sc_module_name &module_name, ChipContext &context, Noc &noc,
                 const std::vector<std::unique_ptr<Tile>> &tiles);
  ~ChipController() override;

  void cancel();
  void reset();
  bool is_busy() const { return busy_; }
  /// The control vectors, or nullptr when none are loaded.
  const program::ControlProgram *loaded() const { return loaded_ ? &program_ : nullptr; }
  /// What all stages have done since the simulation began, those of earlier control vectors
  /// included.
  std::vector<StageReport> stages() const;

 private:
  struct RunState {
    abi::Descriptor command;
    Outcome fault;
    bool read_pending = false, input_pending = false, output_pending = false;
  };

  /// Image rows that have been read and not yet sent.
  struct ImageRows {
    explicit ImageRows(Activity &activity) : filled(activity), freed(activity) {}
    Bytes ring;
    std::uint64_t capacity = 0, read = 0, sent = 0;  // in rows
    Gate filled, freed;
  };
  /// Where the output pixels of a channel arrive.
  struct Output {
    std::unique_ptr<StreamPort> port;
    Bytes buffer;
  };

  // Commands
  void command_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  void execute(const abi::Descriptor &command);
  Outcome dispatch(const abi::Descriptor &command);
  Outcome load_control(const abi::Descriptor &command);
  Outcome distribute_stages();
  void connect_stages();
  void open_outputs();
  Outcome program_weights(const abi::Descriptor &command);
  Outcome check_weights(const std::vector<program::ArrayWeights> &weights,
                        std::uint64_t source) const;
  Outcome program_levels(const abi::Descriptor &command);
  Outcome calibrate(const abi::Descriptor &command);
  Outcome write_arrays(const std::vector<program::ArrayWeights> &weights);
  Outcome read_back(const abi::Descriptor &command);
  Outcome read_chip(std::uint64_t address, Bytes &data);
  Outcome read_records(const Bytes &all, const abi::Descriptor &command, Bytes &data) const;
  Outcome stage_records(abi::Region region, Bytes &all) const;
  void append_layer_energy(Bytes &data) const;
  Outcome run(const abi::Descriptor &command);
  Outcome check_run(const abi::Descriptor &command) const;
  Outcome check_programmed() const;
  Outcome check_tiles() const;
  Outcome why_stalled() const;

  // The run's processes
  void spawn();
  void stop_run();
  void kill_processes();
  void run_process(bool RunState::*pending, void (ChipController::*body)());
  unsigned channel_of(std::uint64_t image) const;
  void begin_stage(StageEngine &stage, bool whole_images) const;
  void read_images();
  void stream_images();
  void gather_outputs();
  void fail_run(const Outcome &fault);
  void output_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);

  // Helpers
  Outcome dma(tlm::tlm_command command, std::uint64_t address, std::uint8_t *data,
              std::uint64_t bytes);
  Outcome transfer(tlm::tlm_command command, std::uint64_t address, std::uint8_t *data,
                   std::uint64_t bytes);
  Outcome fetch(const abi::Descriptor &command, std::uint64_t most_bytes, Bytes &blob);
  /// Waits; false when the command has been cancelled meanwhile.
  bool sleep(const sc_core::sc_time &time);
  void release_units();
  void unload();
  void forget();

  ChipContext &context_;
  Noc &noc_;
  const std::vector<std::unique_ptr<Tile>> &tiles_;

  program::ControlProgram program_;
  bool loaded_ = false;
  std::vector<StageEngine *> stages_;  // in load order
  StageHistory history_;               // of those before them
  ServiceCommands service_;
  ImageSender images_;
  std::vector<Output> outputs_;  // by channel
  ImageRows rows_;

  bool busy_ = false, cancelled_ = false, reset_requested_ = false;
  sc_core::sc_event abort_;
  std::array<std::uint8_t, abi::Completion::kBytes> completion_{};

  RunState run_;
  sc_core::sc_event start_run_, drained_, never_;
  std::array<sc_core::sc_process_handle, 3> processes_;
  int transfers_ = 0;  // of the run's processes, in host memory
  bool draining_ = false;
};

}  // namespace npim::chip
