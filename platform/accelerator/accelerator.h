// The chip's face to the bus: registers, command queue, DMA and interrupt. The register file
// follows models/abi/npim_abi.json; commands are executed in order by the chip's controller
// (chip/chip.h), which also owns all timing but that of a soft reset.
//
// What the map leaves open:
//   * A command that fails completes with its error and the following ones go on.
//   * Enabling checks the rings. An unusable configuration sets ERROR_CODE to QUEUE_CONFIGURATION
//   and
//     leaves ENABLE at 0. HEAD and TAIL keep counting over disabling; only a reset returns them to
//     0.
//   * Disabling lets the running command end; queued ones wait.
//   * Doorbells are refused, with an error and without effect, while disabled (DOORBELL_DISABLED)
//   and
//     when TAIL would run more than the ring's size ahead of HEAD or go back (QUEUE_OVERRUN).
//   * A completion counts as failed, hence raises IRQ_STATUS.ERROR, for every code but NONE.
//   * During a soft reset (STATUS.RESETTING) writes to CONTROL are ignored.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "abi/npim_abi.h"
#include "accelerator/dma.h"
#include "bus/register_file.h"
#include "chip/chip.h"
#include "config/chip_config.h"

namespace npim::accelerator {

/// Told what happens at the host face, for traces. All calls come at the current simulated time.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void command_started(std::uint32_t /*index*/, const abi::Descriptor &) {}
  virtual void command_completed(const abi::Descriptor &, const abi::Completion &) {}
  /// One descriptor, completion record or block of a command's data.
  virtual void dma_transfer(bool /*is_write*/, std::uint64_t /*address*/, std::uint64_t /*bytes*/,
                            bool /*ok*/) {}
  virtual void interrupt_changed(bool /*level*/) {}
  /// Commands done and commands asked for, counted since the last reset.
  virtual void queue_changed(std::uint32_t /*head*/, std::uint32_t /*tail*/) {}
};

class Accelerator : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kSize = abi::kRegisterBlockBytes;

  tlm_utils::simple_target_socket<Accelerator> registers{"registers"};
  tlm_utils::simple_initiator_socket<Dma> &dma;  ///< to the bus
  sc_core::sc_out<bool> interrupt{"interrupt"};

  /// `kernel`: how the chip computes its values; changes neither values nor times.
  Accelerator(const sc_core::sc_module_name &name, const config::ChipConfig &config,
              dataflow::Kernel kernel = dataflow::Kernel::kFolded);

  chip::Chip &chip() { return chip_; }
  const chip::Chip &chip() const { return chip_; }

  /// `observer` must outlive the simulation.
  void add_observer(Observer &observer) { observers_.push_back(&observer); }

  /// Name of the register at an offset, for bus messages; "" when there is none.
  std::string describe(std::uint64_t offset) const { return file_.name_at(offset); }

 private:
  /// A soft reset clears tables and programmed marks; [NP] names no figure for it.
  static constexpr double kResetNs = 1000;

  struct Transfer {
    bool ok = true;
    std::uint64_t fault_address = 0;
  };
  struct Ring {
    std::uint64_t base = 0, completions = 0;
    std::uint32_t entries = 0;
  };

  void add_registers();
  std::uint64_t configured_value(std::uint64_t offset) const;
  void attach_values();
  void attach_counters();
  void attach_energy();
  std::uint64_t energy_pj(bool of_links) const;
  void attach_writes();
  void guard_while_enabled(std::uint64_t offset);

  std::string control_written(std::uint64_t value);
  std::string irq_status_written(std::uint64_t value);
  std::string tail_written(std::uint64_t value);
  void enable();
  void cancel();
  void begin_reset();
  void fail(abi::Error error, std::uint32_t command, std::uint64_t address);
  std::uint64_t status() const;
  bool has_work() const;
  std::uint64_t register_pair(std::uint64_t low_offset) const;

  void command_processor();
  void finish_reset();
  void execute_next();
  abi::Error fetch(std::uint32_t index, abi::Descriptor &command, std::uint64_t &fault_address);
  abi::Error check(const abi::Descriptor &command) const;
  abi::Completion run_on_chip(const abi::Descriptor &command);
  void complete(const abi::Descriptor &command, abi::Completion result);
  void raise_completion(bool flagged);
  Transfer transfer(tlm::tlm_command command, std::uint64_t address, std::uint8_t *data,
                    std::size_t bytes);

  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  unsigned transport_dbg(tlm::tlm_generic_payload &payload);
  void changed() { update_.notify(sc_core::SC_ZERO_TIME); }
  void drive_interrupt();

  config::ChipConfig config_;
  chip::Chip chip_;
  Dma dma_;
  tlm_utils::simple_initiator_socket<Accelerator> to_chip_{"to_chip"};
  tlm_utils::simple_initiator_socket<Accelerator> to_link_{"to_link"};
  bus::RegisterFile file_{"Neural-PIM accelerator"};
  std::map<std::uint64_t, bus::Register *> by_offset_;
  std::vector<std::shared_ptr<std::uint64_t>>
      ring_registers_;  ///< values that a write cannot change
  std::vector<Observer *> observers_;

  Ring ring_;
  bool enabled_ = false, busy_ = false, resetting_ = false;
  std::uint32_t head_ = 0, tail_ = 0;
  std::uint32_t cancel_until_ = 0;  ///< commands before this index complete with CANCELLED
  bool cancelling_ = false;
  std::uint32_t irq_status_ = 0, flagged_completions_ = 0;
  std::uint64_t commands_completed_ = 0;
  bool line_ = false;
  sc_core::sc_event work_, update_;
};

}  // namespace npim::accelerator
