#include "cpu/hart.h"

#include <algorithm>

#include "bus/address_map.h"

namespace npim::cpu {
namespace {

using bus::hex;
using sc_core::sc_time;
using sc_core::sc_time_stamp;
__extension__ using Wide = unsigned __int128;

constexpr char kMessageType[] = "/npim/cpu";
/// Delta cycles that settle() follows at one moment. Models settle in a handful; the bound keeps
/// two harts that wait for each other's delta notifications from doing so for ever.
constexpr unsigned kMostDeltas = 256;
/// Reports per (pc, cause), and of all.
constexpr unsigned kMostIdenticalReports = 20;
constexpr unsigned kMostReports = 500;

/// The time of the next SystemC activity, now included; far in the future when there is none.
sc_time next_activity() {
  return sc_time_stamp() + sc_core::sc_time_to_pending_activity();
}

std::uint64_t clock_period(double clock_mhz) {
  return std::max<std::uint64_t>(1, sc_time(1e3 / clock_mhz, sc_core::SC_NS).value());
}

/// a + b, or the largest value.
std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return a + b < a ? ~std::uint64_t{0} : a + b;
}

}  // namespace

Hart::Hart(const sc_core::sc_module_name &name, const HartConfig &config)
    : sc_module(name),
      config_(config),
      period_(clock_period(config.clock_mhz)),
      memory_(state_, code_, *this, config.dmi),
      csrs_(state_, config.hart_id, config.cycles.csr),
      executor_(state_, memory_, csrs_, code_, config.cycles, config.block_cache) {
  bus.register_invalidate_direct_mem_ptr(this, &Hart::invalidate_direct);
  executor_.set_trap_observer([this](const Trap &trap) { report(trap); });
  set_time_source([this](const sc_time &now) {
    const auto per_second = static_cast<Wide>(sc_time(1, sc_core::SC_SEC).value());
    return static_cast<std::uint64_t>(Wide{now.value()} * config_.timebase_hz / per_second);
  });
  reset();
  SC_THREAD(run);
  sensitive << software_interrupt << timer_interrupt << external_interrupt
            << supervisor_external_interrupt << woken_;
}

void Hart::set_time_source(std::function<std::uint64_t(const sc_time &now)> source) {
  csrs_.set_time_source([this, source = std::move(source)] { return source(local_time()); });
}

void Hart::reset() {
  if (state_.lost || state_.waiting) woken_.notify(sc_core::SC_ZERO_TIME);
  const std::uint64_t cycle = state_.cycle, retired = state_.retired;
  state_ = HartState();
  state_.cycle = cycle;
  state_.retired = retired;
  state_.mcycle_offset = 0 - cycle;
  state_.minstret_offset = 0 - retired;
  state_.pc = config_.reset_pc & ~std::uint64_t{1};
  executor_.forget_code();
  memory_.forget_translations();
}

HartStatistics Hart::statistics() const {
  return {state_.retired,
          state_.cycle,
          executor_.exceptions(),
          interrupts_,
          memory_.statistics().device_reads,
          memory_.statistics().device_writes,
          wait_cycles_,
          memory_.statistics().timed_reads,
          synchronisations_,
          event_breaks_,
          quantum_breaks_,
          executor_.block_lookups(),
          code_.statistics().blocks_built,
          executor_.instructions_decoded(),
          code_.statistics().blocks_dropped,
          code_.statistics().pages_copied,
          memory_.statistics().slow_accesses,
          memory_.statistics().page_walks};
}

bool Hart::read_csr(unsigned number, std::uint64_t &value) {
  const Privilege privilege = state_.privilege;
  const std::uint64_t status = state_.mstatus;
  state_.privilege = Privilege::kMachine;
  if (number <= csr::kFcsr) state_.mstatus |= mstatus::kFs;
  const bool there = csrs_.read(number, value);
  state_.privilege = privilege;
  state_.mstatus = status;
  return there;
}

bool Hart::write_csr(unsigned number, std::uint64_t value) {
  const Privilege privilege = state_.privilege;
  const std::uint64_t status = state_.mstatus;
  state_.privilege = Privilege::kMachine;
  const bool is_fp = number <= csr::kFcsr;
  if (is_fp) state_.mstatus |= mstatus::kFs;
  const bool there = csrs_.write(number, value);
  // A CSR instruction counts itself; a debugger's write takes no time.
  if (number == csr::kMcycle) state_.mcycle_offset = value - state_.cycle;
  if (number == csr::kMinstret) state_.minstret_offset = value - state_.retired;
  state_.privilege = privilege;
  if (is_fp) state_.mstatus = status;
  return there;
}

sc_time Hart::local_time() const {
  return sc_time::from_value(state_.cycle * period_);
}

std::uint64_t Hart::cycles_of(const sc_time &time) const {
  return time.value() / period_ + (time.value() % period_ != 0 ? 1 : 0);
}

bool Hart::request_direct(std::uint64_t address, bool write, tlm::tlm_dmi &dmi) {
  tlm::tlm_generic_payload payload;
  payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload.set_address(address);
  return bus->get_direct_mem_ptr(payload, dmi);
}

void Hart::invalidate_direct(sc_dt::uint64, sc_dt::uint64) {
  memory_.invalidate();
}

void Hart::transport_memory(tlm::tlm_generic_payload &payload) {
  const sc_time now = sc_time_stamp(), local = local_time();
  // The target's own idea of its delay is dropped: the DMI latency is what both ways charge.
  sc_time delay = local > now ? local - now : sc_core::SC_ZERO_TIME;
  bus->b_transport(payload, delay);
}

void Hart::transport_device(tlm::tlm_generic_payload &payload) {
  synchronise();
  sc_time delay = sc_core::SC_ZERO_TIME;
  bus->b_transport(payload, delay);
  state_.cycle = std::max(state_.cycle, cycles_of(sc_time_stamp() + delay));
  state_.horizon = 0;
  device_accessed_ = true;
}

void Hart::transport_timed(tlm::tlm_generic_payload &payload, const bus::TimedRead &timed) {
  // Nothing is scheduled at or before local time, so nothing could happen on the way there. A hart
  // that executes its part of a slice after another one may find that SystemC's time is ahead.
  if (turns_ != nullptr) state_.cycle = std::max(state_.cycle, cycles_of(sc_time_stamp()));
  const sc_time now = sc_time_stamp(), local = local_time();
  const sc_time ahead = local > now ? local - now : sc_core::SC_ZERO_TIME;
  sc_time delay = ahead;
  bus->b_transport(payload, delay);
  if (timed.answered && delay == ahead) return;
  state_.cycle = std::max(state_.cycle, cycles_of(sc_time_stamp() + delay));
  state_.horizon = 0;
  device_accessed_ = true;
}

void Hart::synchronise() {
  const sc_time now = sc_time_stamp(), local = local_time();
  if (local <= now) return;
  ++synchronisations_;
  keeper_.set(local - now);
  keeper_.sync();
}

void Hart::settle() {
  unsigned deltas = 0;
  do {
    sc_core::wait(sc_core::SC_ZERO_TIME);
  } while (sc_core::sc_pending_activity_at_current_time() && ++deltas < kMostDeltas);
}

/// Makes the invariant hold: no activity at or before local time is outstanding.
void Hart::catch_up() {
  if (device_accessed_) {
    // What the access notified happens now; and if it stopped the simulation, this is where.
    device_accessed_ = false;
    settle();
  }
  const sc_time local = local_time();
  if (next_activity() <= local) {
    synchronise();
    settle();
  } else if (turns_ == nullptr && local > sc_time_stamp() &&
             local - sc_time_stamp() >= config_.quantum) {
    ++quantum_breaks_;
    synchronise();  // nobody else runs meanwhile, so there is nothing to settle
  }
}

void Hart::sample_interrupts() {
  state_.mip = (software_interrupt.read() ? interrupt_mask(Interrupt::kSoftware) : 0) |
               (timer_interrupt.read() ? interrupt_mask(Interrupt::kTimer) : 0) |
               (external_interrupt.read() ? interrupt_mask(Interrupt::kExternal) : 0);
  if (supervisor_external_interrupt.size() != 0 && supervisor_external_interrupt->read()) {
    state_.mip |= interrupt_mask(Interrupt::kSupervisorExternal);
  }
}

/// wfi: resumes at the first clock edge at which an enabled interrupt is pending, whether or not
/// mstatus lets it be taken.
void Hart::wait_for_interrupt() {
  // Other harts may have to execute what lies before this one's local time.
  if (turns_ == nullptr) synchronise();
  sample_interrupts();
  debugged();
  if (turns_ != nullptr) {
    state_.reservation.valid = false;  // others may store there
    turns_->leave(place_);
  }
  while (state_.waiting && (state_.pending() & state_.mie) == 0) {
    sc_core::wait();
    settle();
    sample_interrupts();
    // Another hart whose turn it is may be inside an instruction, its state incomplete. It calls
    // the debugger itself, behind that. This one's clock stays as it is until the wait is over.
    if (debug_ != nullptr && (turns_ == nullptr || !turns_->held())) debug_->attend();
  }
  const std::uint64_t resumed = std::max(state_.cycle, cycles_of(sc_time_stamp()));
  wait_cycles_ += resumed - state_.cycle;
  state_.cycle = resumed;
  state_.waiting = false;
  if (turns_ != nullptr) turns_->join(place_);
}

/// At the slice's end lets the other harts execute theirs.
void Hart::take_turn() {
  if (turns_ == nullptr || local_time() < turns_->end()) return;
  state_.reservation.valid = false;  // others may store there
  turns_->pass(place_);
  settle();
}

void Hart::stand_aside(const sc_core::sc_event &released) {
  const bool has_turn = turns_ != nullptr && turns_->has_turn(place_);
  if (has_turn) turns_->leave(place_);
  state_.reservation.valid = false;
  sc_core::wait(released);
  if (has_turn) turns_->join(place_);
}

void Hart::take_interrupt() {
  if (const auto interrupt = pending_interrupt(state_)) {
    enter_interrupt(state_, *interrupt);
    ++interrupts_;
  }
}

/// Calls the debugger, if there is one. Returns whether it may have changed something.
bool Hart::debugged() {
  if (debug_ == nullptr || !debug_->attend()) return false;
  // Other harts may have run meanwhile.
  state_.cycle = std::max(state_.cycle, cycles_of(sc_time_stamp()));
  return true;
}

void Hart::set_horizon() {
  const std::uint64_t by_quantum = cycles_of(
      turns_ != nullptr
          ? turns_->end()
          : sc_time::from_value(saturating_add(sc_time_stamp().value(), config_.quantum.value())));
  const std::uint64_t by_event = cycles_of(next_activity());
  state_.horizon = std::min(by_event, std::max(by_quantum, state_.cycle + 1));
  ++(by_event == state_.horizon ? event_breaks_ : quantum_breaks_);
  if (debug_ != nullptr && debug_->single_step()) {
    state_.horizon = std::min(state_.horizon, state_.cycle + 1);
  }
}

void Hart::run() {
  state_.cycle = std::max(state_.cycle, cycles_of(sc_time_stamp()));
  settle();
  if (turns_ != nullptr) turns_->join(place_);
  while (true) {
    while (state_.lost) {
      if (debugged()) continue;  // whose user may help it on
      if (lost_handler_ && !lost_message_.empty()) lost_handler_(lost_message_);
      lost_message_.clear();
      stand_aside(woken_);
      state_.cycle = std::max(state_.cycle, cycles_of(sc_time_stamp()));
    }
    catch_up();
    if (state_.waiting) {
      wait_for_interrupt();
      continue;
    }
    take_turn();
    do {
      sample_interrupts();
      take_interrupt();
    } while (debugged());
    set_horizon();
    executor_.run();
  }
}

std::string Hart::describe(const Trap &trap) const {
  std::string text =
      turns_ != nullptr ? "hart " + std::to_string(config_.hart_id) + ": " : std::string();
  text += cause_name(trap.cause);
  text += " at pc " + hex(trap.pc);
  if (symboliser_) {
    const std::string symbol = symboliser_(trap.pc);
    if (!symbol.empty()) text += " (" + symbol + ")";
  }
  if (trap.bits != 0) text += ", instruction " + hex(trap.bits);
  if (trap.cause != Cause::kIllegalInstruction && trap.cause != Cause::kEcallMachine &&
      trap.cause != Cause::kBreakpoint) {
    text += ", address " + hex(trap.value);
    const std::string there = describer_ ? describer_(trap.value) : std::string();
    if (!there.empty()) text += " (" + there + ")";
  }
  if (!trap.reason.empty()) text += ": " + trap.reason;
  return text;
}

void Hart::report(const Trap &trap) {
  if (debug_ != nullptr) state_.horizon = 0;  // the handler's first instruction may be of interest
  // Environment calls and breakpoints are what software asked for, page faults are how systems
  // page; and what lower privileges do wrong, their supervisor or monitor handles.
  const bool expected = trap.from != Privilege::kMachine || trap.cause == Cause::kEcallMachine ||
                        trap.cause == Cause::kBreakpoint || trap.cause == Cause::kLoadPage ||
                        trap.cause == Cause::kStorePage;
  if (!trap.lost && (expected || reports_ > kMostReports)) return;
  synchronise();  // the message's time, and that of a run that it ends, are the hart's
  if (trap.lost) {
    const bool at_once = trap.pc == (state_.mtvec & ~std::uint64_t{3});
    std::string text = at_once ? "firmware jumped to nowhere: its trap handler cannot run"
                               : "firmware traps without end in its trap handler";
    text += " (" + describe(trap) + ")";
    if (at_once && state_.mepc != 0) text += ", the trap before that at " + hex(state_.mepc);
    text += ", ra " + hex(state_.x[1]) + "; the hart stands still";
    SC_REPORT_WARNING(kMessageType, text.c_str());
    lost_message_ = std::move(text);
    return;
  }
  unsigned &count = reported_[{trap.pc, trap.cause}];
  if (count > kMostIdenticalReports) return;
  std::string text = describe(trap);
  if (++count > kMostIdenticalReports) text += "; not reported again for this pc";
  if (++reports_ > kMostReports) text += "; no further traps are reported";
  SC_REPORT_WARNING(kMessageType, text.c_str());
}

}  // namespace npim::cpu
