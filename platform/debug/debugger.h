// The debugger's half inside the simulation: it halts harts by blocking the host thread inside
// their process, so that simulated time stands, and answers the commands of a Link meanwhile. What
// firmware computes and when is the same with and without a debugger, as long as the user changes
// nothing.
//
// Breakpoints and watchpoints, of software and hardware kind alike, live in a table: memory is
// never patched, so that firmware that reads its own code and DMA see it as it is. While points are
// set, the hart runs with a listener for retired instructions; without any it runs at full speed. A
// watchpoint stops before the access, as RISC-V's triggers do and GDB expects: it then steps over
// the instruction and shows both values.
#pragma once

#include <bitset>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <vector>

#include "cpu/hart.h"
#include "debug/commands.h"
#include "debug/instruction_info.h"
#include "debug/link.h"
#include "debug/monitor.h"
#include "debug/retire_hub.h"
#include "debug/target.h"

namespace npim::debug {

/// What the debugger needs of the rest of the machine.
struct Surroundings {
  /// Physical memory through the bus's debug transport; return the bytes reached.
  std::function<std::size_t(std::uint64_t address, std::uint8_t *to, std::size_t size)> read;
  std::function<std::size_t(std::uint64_t address, const std::uint8_t *from, std::size_t size)>
      write;
  /// Virtual to physical as a hart sees it now, without side effects; none when not mapped. Unset:
  /// all addresses are physical. Pages are at least 4096 bytes.
  std::function<std::optional<std::uint64_t>(HartIndex hart, std::uint64_t address)> translate;
  /// Puts the machine into its state after power-up, as far as it can.
  std::function<void()> reset;
  /// Ends the simulation.
  std::function<void()> kill;
  /// Whether nothing is scheduled in SystemC that could wake a waiting hart.
  std::function<bool()> nothing_scheduled;
};

class Debugger : public Target {
 public:
  /// Before the simulation starts. Harts and their hubs must outlive it.
  Debugger(std::vector<RetireHub *> hubs, std::vector<cpu::Hart *> harts, Surroundings machine,
           Monitor &monitor);
  ~Debugger() override;

  /// The connection to listen to; before the simulation starts. `hold`: the first hart stands
  /// before its first instruction until a debugger lets it go.
  void attach(Link &link, bool hold);
  /// To be called, from any thread, when the link has new events.
  void notify() { waker_.request(); }
  /// The simulation has ended; tells a connected debugger.
  void finished(int exit_code);
  bool killed() const { return killed_; }
  /// Whether read_memory() and write_memory() take physical addresses, as the bus does.
  void set_physical(bool physical) { physical_ = physical; }

  // Target
  unsigned harts() const override { return static_cast<unsigned>(controls_.size()); }
  std::string describe_hart(HartIndex hart) const override;
  const std::vector<RegisterDescription> &registers() const override { return registers_; }
  bool read_register(HartIndex hart, unsigned number, std::uint64_t &value) override;
  bool write_register(HartIndex hart, unsigned number, std::uint64_t value) override;
  std::size_t read_memory(HartIndex hart, std::uint64_t address, std::uint8_t *to,
                          std::size_t size) override;
  std::size_t write_memory(HartIndex hart, std::uint64_t address, const std::uint8_t *from,
                           std::size_t size) override;
  bool set_point(PointKind kind, std::uint64_t address, std::uint64_t length) override;
  bool clear_point(PointKind kind, std::uint64_t address, std::uint64_t length) override;
  std::string monitor(const std::string &line) override { return monitor_.run(line); }
  void reset() override;

 private:
  /// Wakes waiting harts from another thread.
  class Waker : public sc_core::sc_prim_channel {
   public:
    explicit Waker(Debugger &owner) : sc_prim_channel("debugger_waker"), owner_(owner) {}
    void request() { async_request_update(); }

   private:
    void update() override;
    Debugger &owner_;
  };

  /// One hart under control: its debug unit, and its listener while points are set.
  class Control : public cpu::DebugUnit, public RetireListener {
   public:
    Control(Debugger &owner, HartIndex index, cpu::Hart &hart, RetireHub &hub)
        : owner_(owner), index_(index), hart_(hart), hub_(hub) {}

    bool attend() override { return owner_.attend(index_); }
    bool single_step() const override { return resume_.move == Move::kStep; }
    void retired(const cpu::Retired &instruction) override;

    void listen(bool wanted);
    void memory_changed();
    bool listening() const { return listening_; }
    cpu::Hart &hart() { return hart_; }
    const cpu::HartState &state() const { return hart_.state(); }

    Resume resume_{Move::kRun, 0, 0};
    std::uint64_t resumed_pc_ = 0, resumed_retired_ = 0;
    bool lost_told_ = false;

    /// The stop for a watchpoint that the instruction at pc is about to hit.
    std::optional<Stop> watched_access();

   private:
    /// What an instruction accesses; a size of zero: nothing.
    struct CachedAccess {
      std::uint64_t pc = 1;  // odd: none
      cpu::Privilege privilege = cpu::Privilege::kMachine;
      MemoryAccess access;
    };
    static constexpr std::size_t kCachedAccesses = 4096;

    const MemoryAccess &access_at_pc();

    Debugger &owner_;
    const HartIndex index_;
    cpu::Hart &hart_;
    RetireHub &hub_;
    bool listening_ = false;
    std::vector<CachedAccess> accesses_;
  };

  struct Point {
    PointKind kind;
    std::uint64_t address, length;
  };

  bool attend(HartIndex index);
  void take_events();
  void while_running(const Link::Event &event);
  std::optional<Stop> find_stop(HartIndex index);
  std::optional<Stop> step_finished(HartIndex index);
  void halt(const Stop &stop);
  void obey(const Link::Event &event);
  void obey_packet(const std::string &packet);
  void resume(const std::vector<Resume> &moves);
  void let_go();
  void end_session();
  [[noreturn]] void die();
  bool hold_back(HartIndex index);
  bool all_stand() const;
  bool wait_while_idle(HartIndex index);
  void watch_for_idleness();
  void idleness_due();
  const Point *breakpoint_at(std::uint64_t pc) const;
  void points_changed();
  template <typename Access>
  std::size_t by_pages(HartIndex hart, std::uint64_t address, std::size_t size, Access access);
  std::size_t read_virtual(HartIndex hart, std::uint64_t address, std::uint8_t *to,
                           std::size_t size);

  std::vector<std::unique_ptr<Control>> controls_;
  Surroundings machine_;
  Monitor &monitor_;
  CommandHandler commands_;
  std::vector<RegisterDescription> registers_;
  Waker waker_;
  sc_core::sc_event released_{"debugger_released"};
  sc_core::sc_event idleness_{"debugger_idleness"};
  Link *link_ = nullptr;

  bool hold_ = false;         ///< before the first instruction
  bool attached_ = false;     ///< a debugger is connected and has not detached
  bool halted_ = false;       ///< inside halt()
  bool owes_reply_ = false;   ///< a resumed target tells of its next stop
  bool stop_wanted_ = false;  ///< by the user, or on attaching
  bool killed_ = false;
  bool idle_told_ = false;
  bool physical_ = false;
  Stop stop_;
  std::deque<Link::Event> early_;  ///< packets of a connection before the hart stood

  std::vector<Point> points_;
  bool has_watchpoints_ = false;
  std::bitset<4096> breakpoint_hints_;  ///< by low bits of the address
};

/// x, pc, f and the CSRs that the hart has, with GDB's numbers.
std::vector<RegisterDescription> describe_registers(cpu::Hart &hart);

}  // namespace npim::debug
