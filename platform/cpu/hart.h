// The SystemC shell of one RV64IMAFDC hart with M, S and U: bus socket, interrupt lines, time.
//
// Determinism. Local time is a whole number of clock periods at or ahead of sc_time_stamp(). Before
// an instruction with start time T executes, all SystemC activity at or before T has happened: the
// hart runs ahead only up to the next scheduled event (the horizon). Device accesses first bring
// SystemC's time to T, but for timed reads (bus/timed_read.h), whose value is that of T anyway. So
// values, traps and times do not depend on quantum, DMI, block cache or tracing.
// Consequences for the rest of the platform:
// - plain memory grants DMI and does not wait() in b_transport; its time is the DMI latency,
//   rounded up to whole cycles per access, whichever way the data moves;
// - only memory that grants DMI can be executed or used for atomics;
// - a simulation-time limit is exact when it is a scheduled event that calls sc_stop(), rather than
//   the argument of sc_start();
// Several harts take turns in slices of simulated time (turns.h); within its slice a hart may find
// SystemC's time ahead of its own, and what it does to others then happens at SystemC's time.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/tlm_quantumkeeper.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <systemc>
#include <tlm>
#include <utility>

#include "cpu/code_cache.h"
#include "cpu/csr.h"
#include "cpu/debug_unit.h"
#include "cpu/executor.h"
#include "cpu/hart_config.h"
#include "cpu/hart_state.h"
#include "cpu/memory_port.h"
#include "cpu/turns.h"

namespace npim::cpu {

struct HartStatistics {
  std::uint64_t instructions = 0;  ///< retired
  std::uint64_t cycles = 0;        ///< of local time since time zero, waiting included
  std::uint64_t exceptions = 0;
  std::uint64_t interrupts = 0;
  std::uint64_t device_reads = 0;
  std::uint64_t device_writes = 0;
  std::uint64_t wait_cycles = 0;  ///< spent in wfi
  // How the simulation went; none of this is visible to software.
  std::uint64_t timed_reads = 0;       ///< device reads that did not synchronise
  std::uint64_t synchronisations = 0;  ///< times that SystemC's time was brought to local time
  std::uint64_t event_breaks = 0;      ///< runs bounded by scheduled SystemC activity
  std::uint64_t quantum_breaks = 0;    ///< runs bounded by the quantum
  std::uint64_t block_lookups = 0;     ///< blocks found by the run loop rather than by links
  std::uint64_t blocks_decoded = 0;
  std::uint64_t instructions_decoded = 0;  ///< in blocks or alone
  std::uint64_t blocks_dropped = 0;        ///< overwritten, or changed at a fence.i
  std::uint64_t code_pages = 0;            ///< copied into the instruction cache
  std::uint64_t slow_accesses = 0;         ///< loads and stores that the fast TLB did not serve
  std::uint64_t page_walks = 0;
};

class Hart : public sc_core::sc_module, private BusMaster {
 public:
  tlm_utils::simple_initiator_socket<Hart> bus{"bus"};
  sc_core::sc_in<bool> software_interrupt{"software_interrupt"};  ///< mip.MSIP
  sc_core::sc_in<bool> timer_interrupt{"timer_interrupt"};        ///< mip.MTIP
  sc_core::sc_in<bool> external_interrupt{"external_interrupt"};  ///< mip.MEIP
  /// mip.SEIP; may stay unbound.
  sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND>
      supervisor_external_interrupt{"supervisor_external_interrupt"};

  SC_HAS_PROCESS(Hart);
  Hart(const sc_core::sc_module_name &name, const HartConfig &config);

  /// Supplies the `time` CSR from the simulated time it is given (which may lie ahead of
  /// sc_time_stamp()). Without one, time counts timebase_hz.
  void set_time_source(std::function<std::uint64_t(const sc_core::sc_time &now)> source);
  /// "main+0x12" for an address of code, for messages.
  void set_symboliser(std::function<std::string(std::uint64_t)> symboliser) {
    symboliser_ = std::move(symboliser);
  }
  /// What lies at an address, for messages.
  void set_describer(std::function<std::string(std::uint64_t)> describer) {
    describer_ = std::move(describer);
  }
  /// Called per retired instruction; costs nothing when empty. Set it while the hart is not inside
  /// Executor::run(), that is from outside or from another process.
  void set_tracer(Tracer tracer) { executor_.set_tracer(std::move(tracer)); }
  /// Called from the hart's process when firmware can never make progress again (the trap handler's
  /// first instruction traps), with the message that was also reported, and when no debugger has
  /// changed that. The hart then stands still; the owner may want to sc_stop().
  void set_lost_handler(std::function<void(const std::string &)> handler) {
    lost_handler_ = std::move(handler);
  }

  /// The harts of a board that has several take turns; nullptr for the only one. Before the
  /// simulation starts.
  void set_turns(Turns *turns, unsigned place) {
    turns_ = turns;
    place_ = place;
  }
  /// For a debugger that lets other harts go on: blocks the hart's process until `released`.
  void stand_aside(const sc_core::sc_event &released);

  /// A debugger's unit, or nullptr for none. It must outlive the simulation.
  void set_debug_unit(DebugUnit *unit) { debug_ = unit; }
  /// Lets the debug unit be called soon although the hart waits in wfi. From SystemC's thread.
  void wake() { woken_.notify(sc_core::SC_ZERO_TIME); }
  /// A debugger's access to CSRs: whatever the privilege and the state of the floating-point unit.
  bool read_csr(unsigned number, std::uint64_t &value);
  bool write_csr(unsigned number, std::uint64_t value);

  HartState &state() { return state_; }
  const HartState &state() const { return state_; }
  HartStatistics statistics() const;
  /// The simulated time at which the next instruction starts.
  sc_core::sc_time local_time() const;
  /// When a clock cycle begins.
  sc_core::sc_time time_of(std::uint64_t cycle) const {
    return sc_core::sc_time::from_value(cycle * period_);
  }
  bool waiting_for_interrupt() const { return state_.waiting; }
  bool lost() const { return state_.lost; }

  /// Puts the hart back to its reset state at the present local time (registers and CSRs zero, pc
  /// at reset_pc). For the board; not while the hart is inside an instruction.
  void reset();

  /// After memory was changed by someone who is neither this hart nor asks it for a fence.i, as
  /// debuggers do. Not while the hart is inside an instruction.
  void discard_instructions() { executor_.forget_code(); }
  /// The physical address behind a virtual one as loads see it now, without side effects (debuggers
  /// again). Nothing when there is none.
  std::optional<std::uint64_t> physical_address(std::uint64_t address) {
    return memory_.physical_address(address);
  }
  /// After a debugger changed satp, protection or triggers in state().
  void translation_changed() { executor_.translation_changed(); }

 private:
  // BusMaster
  bool request_direct(std::uint64_t address, bool write, tlm::tlm_dmi &dmi) override;
  void transport_memory(tlm::tlm_generic_payload &payload) override;
  void transport_device(tlm::tlm_generic_payload &payload) override;
  void transport_timed(tlm::tlm_generic_payload &payload, const bus::TimedRead &timed) override;
  std::uint64_t cycles_of(const sc_core::sc_time &latency) const override;

  void invalidate_direct(sc_dt::uint64 first, sc_dt::uint64 last);

  void run();
  void catch_up();
  void synchronise();
  void settle();
  void sample_interrupts();
  void wait_for_interrupt();
  void take_turn();
  void take_interrupt();
  bool debugged();
  void set_horizon();
  void report(const Trap &trap);
  std::string describe(const Trap &trap) const;

  const HartConfig config_;
  const std::uint64_t period_;  // in units of SystemC's time resolution
  HartState state_;
  CodeCache code_;
  MemoryPort memory_;
  CsrFile csrs_;
  Executor executor_;
  tlm_utils::tlm_quantumkeeper keeper_;
  sc_core::sc_event woken_;  // by reset()
  DebugUnit *debug_ = nullptr;
  Turns *turns_ = nullptr;
  unsigned place_ = 0;  // in turns_
  bool device_accessed_ = false;
  std::uint64_t interrupts_ = 0;
  std::uint64_t wait_cycles_ = 0;
  std::uint64_t synchronisations_ = 0;
  std::uint64_t event_breaks_ = 0;
  std::uint64_t quantum_breaks_ = 0;

  std::function<std::string(std::uint64_t)> symboliser_;
  std::function<std::string(std::uint64_t)> describer_;
  std::function<void(const std::string &)> lost_handler_;
  std::string lost_message_;  // that lost_handler_ has not been told
  std::map<std::pair<std::uint64_t, Cause>, unsigned> reported_;  // by pc and cause
  unsigned reports_ = 0;
};

}  // namespace npim::cpu
