// The Neural-PIM chip ([NP] section 5): tiles on a concentrated mesh, a controller and a link to
// the host. It knows nothing of registers and queues: whoever holds the sockets below is the host.
//
// Values and time run together: eDRAM, registers and crossbars hold real bytes and weights, and
// every transfer, input cycle and conversion takes its time. The kernel that computes the values
// (dataflow::Kernel) changes neither values nor times.
#pragma once

#include <cstdint>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "chip/chip_context.h"
#include "chip/chip_controller.h"
#include "chip/host_link.h"
#include "chip/noc.h"
#include "chip/stage_report.h"
#include "chip/tile.h"

namespace npim::chip {

class Chip : public sc_core::sc_module {
 public:
  /// WRITE of one 64-byte descriptor at address 0 executes it; b_transport waits until the command
  /// is done. READ of 32 bytes at address 0 then gives the completion record: error, fault_address,
  /// duration_ns and detail; index and sequence are the host face's. A write while a command is
  /// executed gets a generic error response. detail: for control vectors, missing weights and
  /// stalls the number of the stage (for the program as a whole: the number of stages), for bad
  /// weight records the number of the record.
  tlm::tlm_target_socket<> commands;
  /// Host memory: control vectors, weights, images, outputs. At most 4096 bytes at a time, within a
  /// 4096-byte page. A target that refuses an access may set the payload's address to the byte that
  /// failed.
  tlm::tlm_initiator_socket<> memory;

  /// kPerCycle computes each DAC slice and bit line: slow, the oracle of the other kernel.
  Chip(const sc_core::sc_module_name &module_name, const config::ChipConfig &config,
       dataflow::Kernel kernel = dataflow::Kernel::kFolded);

  /// From another process: the running command ends soon with CANCELLED and the chip is usable. No
  /// effect when there is none.
  void cancel() { controller_.cancel(); }
  /// Soft reset: forgets control vectors, programmed marks and counters (cells keep their levels).
  /// A running command is cancelled first and the reset takes effect when it ends.
  void reset() { controller_.reset(); }

  /// The chip's end of the link to host memory, for accesses of whoever drives `commands` (fetching
  /// descriptors, writing completion records): they take the link's time and come out at `memory`.
  tlm_utils::multi_passthrough_target_socket<HostLink> &link() { return link_.from_chip; }

  /// From now on, before the first command: everything takes its time, but no value is computed or
  /// stored, no weights need to be programmed and outputs are zeros. Times are exactly those with
  /// values; every input slice counts as driven.
  void leave_out_values() { context_.values = false; }

  /// Totals since the last reset, readable at any time.
  const ChipCounters &counters() const { return context_.counters; }
  /// What was done since the simulation began and, if there are component figures, what it cost.
  const Books &books() const { return context_.books; }
  /// How the energy that commands and registers tell is counted.
  cost::Accounting accounting() const { return context_.accounting; }
  void set_accounting(cost::Accounting accounting) { context_.accounting = accounting; }
  /// Of all stages that have worked since the simulation began, in load order; several control
  /// vectors may have taken turns.
  std::vector<StageReport> stages() const { return controller_.stages(); }
  /// The control vectors that LOAD_CONTROL brought, or nullptr; for debuggers.
  const program::ControlProgram *loaded() const { return controller_.loaded(); }
  /// Null (the default) for none; must outlive the simulation.
  void set_observer(ChipObserver *observer) { context_.observer = observer; }
  /// Every unit that serves one request at a time, for traces and waveforms (BusyUntil::watch).
  std::vector<NamedUnit> units();
  const config::ChipConfig &config() const { return context_.config; }

 private:
  ChipContext context_;
  Noc noc_;
  std::vector<std::unique_ptr<Tile>> tiles_;
  HostLink link_;
  ChipController controller_;
};

}  // namespace npim::chip
