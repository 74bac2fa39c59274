#include "debug/debugger.h"

#include <algorithm>

#include "debug/packet.h"

namespace npim::debug {
namespace {

constexpr std::size_t kMostPoints = 4096;
constexpr std::uint64_t kPage = 4096;

bool is_breakpoint(PointKind kind) {
  return kind == PointKind::kSoftware || kind == PointKind::kHardware;
}

bool watches(PointKind kind, const MemoryAccess &access) {
  if (kind == PointKind::kWrite) return access.writes;
  if (kind == PointKind::kRead) return access.reads;
  return true;
}

std::size_t hint(std::uint64_t pc) {
  return (pc >> 1) % 4096;
}

/// fence.i, sfence.vma and writes to satp: what lies at an address may be another instruction now.
bool changes_code(std::uint32_t raw) {
  constexpr unsigned kMiscMem = 0x0f, kSystem = 0x73, kSatp = 0x180, kSfence = 0x09;
  const unsigned function = (raw >> 12) & 7;
  if ((raw & 0x7f) == kMiscMem) return function == 1;
  if ((raw & 0x7f) != kSystem) return false;
  return function == 0 ? raw >> 25 == kSfence : raw >> 20 == kSatp;
}

}  // namespace

// A hart under control

void Debugger::Waker::update() {
  for (const auto &control : owner_.controls_) control->hart().wake();
}

void Debugger::Control::listen(bool wanted) {
  if (wanted == listening_) return;
  listening_ = wanted;
  if (wanted) {
    accesses_.assign(kCachedAccesses, {});
    hub_.add(*this);
  } else {
    accesses_.clear();
    hub_.remove(*this);
  }
}

void Debugger::Control::retired(const cpu::Retired &instruction) {
  const std::uint64_t next = instruction.state.pc;
  if (owner_.has_watchpoints_ && changes_code(instruction.instruction.raw)) {
    accesses_.assign(kCachedAccesses, {});
  }
  const bool stops = owner_.breakpoint_hints_[hint(next)] ||
                     (owner_.has_watchpoints_ && watched_access().has_value());
  if (stops) hart_.state().horizon = 0;
}

void Debugger::Control::memory_changed() {
  hart_.discard_instructions();
  accesses_.clear();
}

/// The access of the instruction at pc.
const MemoryAccess &Debugger::Control::access_at_pc() {
  const cpu::HartState &now = state();
  if (accesses_.empty()) accesses_.assign(kCachedAccesses, {});
  CachedAccess &cached = accesses_[hint(now.pc)];
  if (cached.pc == now.pc && cached.privilege == now.privilege) return cached.access;
  std::uint8_t bytes[4] = {};
  const std::size_t got = owner_.read_virtual(index_, now.pc, bytes, sizeof bytes);
  std::uint32_t raw = 0;
  for (std::size_t i = 0; i < got; ++i) raw |= std::uint32_t{bytes[i]} << (8 * i);
  cached = {now.pc, now.privilege, memory_access(raw).value_or(MemoryAccess())};
  return cached.access;
}

std::optional<Stop> Debugger::Control::watched_access() {
  const MemoryAccess access = access_at_pc();
  if (access.size == 0) return std::nullopt;
  const std::uint64_t first = state().x[access.base] + static_cast<std::uint64_t>(access.offset);
  for (const Point &point : owner_.points_) {
    if (is_breakpoint(point.kind) || !watches(point.kind, access)) continue;
    const bool overlaps = first <= point.address ? point.address - first < access.size
                                                 : first - point.address < point.length;
    if (!overlaps) continue;
    return Stop{Stop::Reason::kWatchpoint, index_, point.kind, std::max(first, point.address)};
  }
  return std::nullopt;
}

// Set-up

Debugger::Debugger(std::vector<RetireHub *> hubs, std::vector<cpu::Hart *> harts,
                   Surroundings machine, Monitor &monitor)
    : machine_(std::move(machine)), monitor_(monitor), commands_(*this), waker_(*this) {
  for (std::size_t i = 0; i < harts.size(); ++i) {
    controls_.push_back(
        std::make_unique<Control>(*this, static_cast<HartIndex>(i), *harts[i], *hubs[i]));
  }
  registers_ = describe_registers(*harts.at(0));
  sc_core::sc_spawn_options options;
  options.spawn_method();
  sc_core::sc_spawn([this] { idleness_due(); }, "debugger_idleness_due", &options);
}

Debugger::~Debugger() {
  for (const auto &control : controls_) control->hart().set_debug_unit(nullptr);
}

void Debugger::attach(Link &link, bool hold) {
  link_ = &link;
  hold_ = hold;
  for (const auto &control : controls_) control->hart().set_debug_unit(control.get());
}

void Debugger::finished(int exit_code) {
  if (attached_ && owes_reply_) link_->send(CommandHandler::exit_reply(exit_code));
  attached_ = false;
}

// In the hart's process

bool Debugger::attend(HartIndex index) {
  Control &control = *controls_[index];
  if (!attached_ && !hold_ && !control.listening() && !link_->has_events()) return false;
  take_events();
  bool acted = false;
  if (const auto stop = find_stop(index)) {
    halt(*stop);
    acted = true;
  }
  if (hold_back(index)) acted = true;
  if (wait_while_idle(index)) acted = true;
  // Here, as a hart's tracer must not change inside a run of instructions.
  control.listen(!points_.empty());
  return acted;
}

void Debugger::take_events() {
  while (!early_.empty() && !stop_wanted_) {
    const Link::Event event = early_.front();
    early_.pop_front();
    while_running(event);
  }
  while (const auto event = link_->poll()) while_running(*event);
}

/// A running target listens only for Ctrl-C and for the ways to leave it.
void Debugger::while_running(const Link::Event &event) {
  switch (event.kind) {
    case Link::Event::Kind::kConnected:
      commands_.begin_session();
      physical_ = false;
      attached_ = stop_wanted_ = true;
      owes_reply_ = idle_told_ = false;
      break;
    case Link::Event::Kind::kInterrupt:
      stop_wanted_ = attached_;
      break;
    case Link::Event::Kind::kDisconnected:
      end_session();
      break;
    case Link::Event::Kind::kPacket:
      if (stop_wanted_ && !owes_reply_) {
        // The first packets of a connection; they are answered once the hart stands.
        early_.push_back(event);
      } else if (event.data == "D" || event.data == "k" || event.data.rfind("vKill", 0) == 0) {
        obey_packet(event.data);
      } else {
        link_->send("E01");
      }
      break;
  }
}

std::optional<Stop> Debugger::find_stop(HartIndex index) {
  Control &control = *controls_[index];
  const cpu::HartState &state = control.state();
  Stop stop;
  stop.hart = index;
  if (state.lost && attached_ && !control.lost_told_) {
    control.lost_told_ = true;
    stop.reason = Stop::Reason::kLost;
    return stop;
  }
  if (hold_ || stop_wanted_) {
    stop.reason = Stop::Reason::kInterrupted;
    return stop;
  }
  if (!attached_) return std::nullopt;
  if (const auto stepped = step_finished(index)) return stepped;
  if (state.waiting || state.lost) return std::nullopt;
  const bool steps = control.resume_.move == Move::kStep;
  const Point *point = breakpoint_at(state.pc);
  if (point != nullptr && !steps) {  // a step leaves its own breakpoint
    stop.reason = Stop::Reason::kBreakpoint;
    stop.kind = point->kind;
    return stop;
  }
  return has_watchpoints_ ? control.watched_access() : std::nullopt;
}

/// A step ends with an instruction or with a trap. One that began inside wfi lasts until the wait
/// is over and one of both has followed.
std::optional<Stop> Debugger::step_finished(HartIndex index) {
  const Control &control = *controls_[index];
  const cpu::HartState &state = control.state();
  const Resume &step = control.resume_;
  const bool moved = state.retired != control.resumed_retired_ || state.pc != control.resumed_pc_;
  if (step.move != Move::kStep || !moved) return std::nullopt;
  const bool in_range = state.pc >= step.begin && state.pc < step.end;
  if (in_range && !state.waiting && breakpoint_at(state.pc) == nullptr) return std::nullopt;
  Stop stop;
  stop.hart = index;
  stop.reason = Stop::Reason::kStepped;
  return stop;
}

/// Simulated time stands until a debugger lets the target go.
void Debugger::halt(const Stop &stop) {
  stop_ = stop;
  halted_ = true;
  stop_wanted_ = false;
  if (attached_ && owes_reply_) link_->send(commands_.stop_reply(stop));
  owes_reply_ = false;
  while (halted_ && !early_.empty()) {
    const Link::Event event = early_.front();
    early_.pop_front();
    obey(event);
  }
  while (halted_) obey(link_->wait());
}

void Debugger::obey(const Link::Event &event) {
  switch (event.kind) {
    case Link::Event::Kind::kConnected:
      commands_.begin_session();
      physical_ = false;
      attached_ = true;
      idle_told_ = false;
      break;
    case Link::Event::Kind::kInterrupt:
      break;  // it stands already
    case Link::Event::Kind::kDisconnected:
      end_session();
      break;
    case Link::Event::Kind::kPacket:
      obey_packet(event.data);
      break;
  }
}

void Debugger::obey_packet(const std::string &packet) {
  const Answer answer = commands_.handle(packet, stop_);
  for (const auto &reply : answer.replies) link_->send(reply);
  switch (answer.action) {
    case Answer::Action::kNone:
      break;
    case Answer::Action::kStopAcks:
      link_->stop_acks();
      break;
    case Answer::Action::kResume:
      owes_reply_ = true;
      resume(answer.resume);
      break;
    case Answer::Action::kDetach:
      hold_ = false;
      end_session();
      break;
    case Answer::Action::kKill:
      die();
  }
}

void Debugger::resume(const std::vector<Resume> &moves) {
  hold_ = halted_ = idle_told_ = false;
  for (std::size_t i = 0; i < controls_.size(); ++i) {
    Control &control = *controls_[i];
    control.resume_ = moves[i];
    control.resumed_pc_ = control.state().pc;
    control.resumed_retired_ = control.state().retired;
  }
  points_changed();
  released_.notify(sc_core::SC_ZERO_TIME);
}

/// Everything runs as without a debugger.
void Debugger::let_go() {
  points_.clear();
  resume(std::vector<Resume>(controls_.size(), Resume{Move::kRun, 0, 0}));
}

void Debugger::end_session() {
  attached_ = owes_reply_ = stop_wanted_ = false;
  early_.clear();
  const bool hold = hold_;
  if (!hold) {
    let_go();
  } else {
    points_.clear();  // a target that was told to wait still waits
    points_changed();
  }
}

void Debugger::die() {
  killed_ = true;
  attached_ = hold_ = halted_ = false;
  points_.clear();
  points_changed();
  machine_.kill();
  for (;;) sc_core::wait(released_);
}

/// Other harts go on while this one was told to stay. They also listen to the debugger: this one's
/// process may wake while another hart is inside an instruction.
bool Debugger::hold_back(HartIndex index) {
  Control &control = *controls_[index];
  bool held = false;
  while (attached_ && control.resume_.move == Move::kStay) {
    held = true;
    control.hart().stand_aside(released_);
  }
  return held;
}

/// Whether no hart executes: each waits for an interrupt or was told to stay.
bool Debugger::all_stand() const {
  return std::all_of(controls_.begin(), controls_.end(), [](const auto &control) {
    return control->state().waiting || control->resume_.move == Move::kStay;
  });
}

/// Firmware waits for an interrupt that cannot come. A debugger's user would rather look at that
/// than see the run end: the host waits for the debugger instead of simulated time running out.
bool Debugger::wait_while_idle(HartIndex index) {
  const cpu::HartState &state = controls_[index]->state();
  bool halted = false;
  while (attached_ && state.waiting && (state.pending() & state.mie) == 0 && all_stand() &&
         machine_.nothing_scheduled()) {
    if (!idle_told_) {
      link_->send("O" + to_hex("npim: nothing is scheduled any more that could end this wfi; "
                               "interrupt to look at it, detach to let the run end\n"));
    }
    idle_told_ = true;
    while_running(link_->wait());
    if (const auto stop = find_stop(index)) {
      halt(*stop);
      halted = true;
    }
  }
  if (state.waiting) watch_for_idleness();
  return halted;
}

/// Devices may still be at work. Looks again whenever something has happened.
void Debugger::watch_for_idleness() {
  if (!attached_ || !all_stand() || machine_.nothing_scheduled()) return;
  idleness_.notify(sc_core::sc_time_to_pending_activity());
}

void Debugger::idleness_due() {
  sc_core::next_trigger(idleness_);
  watch_for_idleness();
  if (!attached_ || !all_stand() || !machine_.nothing_scheduled()) return;
  for (const auto &control : controls_) {
    if (!control->state().waiting || control->resume_.move == Move::kStay) continue;
    control->hart().wake();  // one alone, as they would be activity to each other
    return;
  }
}

// Memory

template <typename Access>
std::size_t Debugger::by_pages(HartIndex hart, std::uint64_t address, std::size_t size,
                               Access access) {
  if (!machine_.translate) return access(address, std::size_t{0}, size);
  std::size_t done = 0;
  while (done < size) {
    const std::uint64_t here = address + done;
    const std::size_t step = std::min<std::uint64_t>(size - done, kPage - here % kPage);
    const auto physical = machine_.translate(hart, here);
    const std::size_t got = physical ? access(*physical, done, step) : 0;
    done += got;
    if (got < step) break;
  }
  return done;
}

std::size_t Debugger::read_memory(HartIndex hart, std::uint64_t address, std::uint8_t *to,
                                  std::size_t size) {
  return physical_ ? machine_.read(address, to, size) : read_virtual(hart, address, to, size);
}

std::size_t Debugger::read_virtual(HartIndex hart, std::uint64_t address, std::uint8_t *to,
                                   std::size_t size) {
  return by_pages(hart, address, size,
                  [&](std::uint64_t physical, std::size_t done, std::size_t step) {
                    return machine_.read(physical, to + done, step);
                  });
}

std::size_t Debugger::write_memory(HartIndex hart, std::uint64_t address, const std::uint8_t *from,
                                   std::size_t size) {
  const auto write = [&](std::uint64_t physical, std::size_t at, std::size_t step) {
    return machine_.write(physical, from + at, step);
  };
  const std::size_t done =
      physical_ ? write(address, 0, size) : by_pages(hart, address, size, write);
  for (const auto &control : controls_) control->memory_changed();
  return done;
}

void Debugger::reset() {
  machine_.reset();
  for (const auto &control : controls_) control->lost_told_ = false;
}

// Points

const Debugger::Point *Debugger::breakpoint_at(std::uint64_t pc) const {
  if (!breakpoint_hints_[hint(pc)]) return nullptr;
  for (const Point &point : points_) {
    if (is_breakpoint(point.kind) && point.address == pc) return &point;
  }
  return nullptr;
}

void Debugger::points_changed() {
  breakpoint_hints_.reset();
  has_watchpoints_ = false;
  for (const Point &point : points_) {
    if (is_breakpoint(point.kind)) {
      breakpoint_hints_.set(hint(point.address));
    } else {
      has_watchpoints_ = true;
    }
  }
}

bool Debugger::set_point(PointKind kind, std::uint64_t address, std::uint64_t length) {
  if (points_.size() >= kMostPoints) return false;
  if (!is_breakpoint(kind)) length = std::max<std::uint64_t>(length, 1);
  clear_point(kind, address, length);
  points_.push_back({kind, address, length});
  return true;
}

bool Debugger::clear_point(PointKind kind, std::uint64_t address, std::uint64_t length) {
  if (!is_breakpoint(kind)) length = std::max<std::uint64_t>(length, 1);
  const auto same = [&](const Point &p) {
    return p.kind == kind && p.address == address && (is_breakpoint(kind) || p.length == length);
  };
  points_.erase(std::remove_if(points_.begin(), points_.end(), same), points_.end());
  return true;
}

}  // namespace npim::debug
