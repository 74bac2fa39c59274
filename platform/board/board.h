// The SoC, assembled from a configuration: harts, bus, memories, peripherals and the accelerator.
//
//   Board board("board", PlatformConfig::load("configs/platforms/demo.json"));
//   board.uart().set_sink(...);
//   board.load_elf("build/firmware/hello.elf");
//   board.add_file("program", bytes);
//   RunResult result = board.run(limit);
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <systemc>
#include <vector>

#include "base/bytes.h"
#include "board/device_tree.h"
#include "board/elf_image.h"
#include "board/platform_config.h"
#include "bus/bus.h"
#include "cpu/hart.h"
#include "memory/ram.h"
#include "peripherals/clint.h"
#include "peripherals/finisher.h"
#include "peripherals/plic.h"
#include "peripherals/uart.h"
#include "peripherals/uart_input.h"

namespace npim::board {

enum class End {
  kPass,     ///< firmware wrote "pass" to the test finisher
  kFail,     ///< firmware wrote "fail" and a code
  kReset,    ///< firmware asked for a reset
  kTimeout,  ///< the limit of simulated time came first
  kIdle,     ///< the harts wait for an interrupt that cannot come
  kLost,     ///< a hart traps in its own trap handler
  kStopped,  ///< stop() was called
};

struct RunResult {
  End end = End::kTimeout;
  int exit_code = 0;      ///< 0 for kPass, firmware's code for kFail, else 1
  std::string reason;     ///< a sentence for people
  sc_core::sc_time time;  ///< simulated time of the end
};

/// An interrupt line of a hart: "hart0.interrupt.timer".
struct InterruptLine {
  std::string path;
  const sc_core::sc_signal<bool> *signal;
};

class Board : public sc_core::sc_module {
 public:
  /// Throws InputError for addresses that overlap.
  Board(const sc_core::sc_module_name &name, const PlatformConfig &config);

  /// Takes a firmware image. Throws InputError (see parse_elf), also when it is the second one.
  void load_elf(const std::string &path);
  void load_elf(const Bytes &content, const std::string &name);

  /// Places a kernel (see parse_kernel_image) where it wants to be, for a firmware such as OpenSBI
  /// to jump to. At most one. Throws InputError.
  void load_kernel(const Bytes &content, const std::string &name);
  /// Places an initial RAM disk near the top of DRAM and names it in the device tree. At most one.
  void load_initrd(Bytes content, const std::string &name);

  /// Places bytes in DRAM, from its top downwards, page aligned, and names them in the device tree.
  /// Returns the address. Throws InputError when there is no room, for a name that is empty, not
  /// printable, longer than 64 characters or taken.
  std::uint64_t add_file(const std::string &name, Bytes content);
  /// The same with zeros, for firmware to write to.
  std::uint64_t add_output(const std::string &name, std::uint64_t size);
  void set_bootargs(const std::string &bootargs);
  /// Bytes for the UART's receiver, one each `interval` of simulated time.
  void set_uart_input(std::unique_ptr<peripherals::ByteSource> source,
                      const sc_core::sc_time &interval);

  /// Connects an accelerator (accelerator::Accelerator or a stand-in of the same shape) at the
  /// configured address and interrupt. At most one, and only when the configuration has one.
  template <typename Accelerator>
  void attach(Accelerator &accelerator) {
    const auto &settings = config_.accelerator.value();
    bus_.map({"accelerator", settings.registers.base, settings.registers.size,
              [&accelerator](std::uint64_t offset) { return accelerator.describe(offset); }},
             accelerator.registers);
    accelerator.dma.bind(bus_.from_initiators);
    accelerator.interrupt.bind(accelerator_line_);
  }

  /// Simulates until firmware ends the run, `limit` of simulated time has passed, or nothing can
  /// happen any more. Once per process, as SystemC's kernel allows no more. Throws InputError
  /// without firmware and when firmware and files overlap. `progress` is called now and then.
  RunResult run(const sc_core::sc_time &limit, const std::function<void()> &progress = {});

  /// What an area of add_file or add_output now holds. Only after run(). Throws InputError for an
  /// unknown name.
  Bytes read_back(const std::string &name);
  /// Any bytes, as a debugger sees them; fewer than `size` when the bus ends first.
  Bytes peek(std::uint64_t address, std::uint64_t size);

  /// Writes as a debugger does; returns how many bytes from the first on were written. Harts must
  /// be told (Hart::discard_instructions).
  std::uint64_t poke(std::uint64_t address, const std::uint8_t *bytes, std::uint64_t size);

  /// For a debugger, during the simulation: loads firmware, files, kernel and device tree again and
  /// resets the hart. Peripherals, the accelerator and other memory keep their state, as firmware's
  /// start-up code finds them after a warm reset.
  void restart();
  /// Ends the run from inside the simulation, with `reason` for people; the result has `exit_code`.
  void stop(const std::string &reason, int exit_code = 1);
  bool all_harts_wait() const;  ///< for an interrupt
  /// Whether nothing will happen before the time limit of run() unless a hart does it.
  bool nothing_scheduled() const;

  /// "UART 16550 + 0x5 (LSR)"
  std::string describe(std::uint64_t address) const { return bus_.describe(address); }
  /// "main+0x12", or the bare address in hexadecimal.
  std::string symbolise(std::uint64_t address) const;

  /// Of all harts, for traces.
  std::vector<InterruptLine> interrupt_lines() const;

  cpu::Hart &hart(unsigned index = 0) { return harts_.at(index); }
  unsigned harts() const { return static_cast<unsigned>(harts_.size()); }
  peripherals::Uart &uart() { return uart_; }
  bus::Bus &bus() { return bus_; }
  const PlatformConfig &config() const { return config_; }
  const ElfImage &firmware() const { return firmware_; }
  const Bytes &device_tree() const { return device_tree_; }

 private:
  struct Load {
    std::uint64_t address;
    Bytes content;
  };

  void build_map();
  void set_up(cpu::Hart &hart);
  void connect_interrupts();
  void connect_hart_lines(unsigned hart);
  std::uint64_t take_room(const std::string &what, std::uint64_t size);
  std::uint64_t place(const std::string &name, std::uint64_t size);
  void finish_setup();
  void check_room() const;
  void check_kernel_room() const;
  void start_of_simulation() override;
  /// Through the bus's debug transport; returns how many bytes were reached.
  unsigned debug_access(tlm::tlm_command command, std::uint64_t address, unsigned char *bytes,
                        std::size_t size);
  void write_memory(std::uint64_t address, const Bytes &content);
  void deadline_reached();
  RunResult result() const;

  const PlatformConfig config_;
  bus::Bus bus_{"bus"};
  sc_core::sc_vector<cpu::Hart> harts_;
  std::unique_ptr<cpu::Turns> turns_;  // when there are several harts
  memory::BootRom boot_rom_;
  memory::Ram dram_;
  peripherals::Finisher finisher_{"finisher"};
  peripherals::Clint clint_;
  peripherals::Plic plic_{"plic"};
  peripherals::Uart uart_{"uart"};
  std::unique_ptr<peripherals::UartInput> uart_input_;
  tlm_utils::simple_initiator_socket<Board> loader_{"loader"};
  struct HartLines {
    sc_core::sc_signal<bool> software, timer, machine, supervisor;
  };
  std::vector<std::unique_ptr<HartLines>> hart_lines_;
  sc_core::sc_signal<bool> uart_line_{"uart_line"};
  sc_core::sc_signal<bool> accelerator_line_{"accelerator_line"};

  std::string firmware_name_;
  ElfImage firmware_;
  std::string bootargs_;
  std::string kernel_name_;
  std::optional<Range> kernel_, initrd_;
  std::vector<NamedArea> areas_;
  std::vector<Load> loads_;
  std::uint64_t free_end_;  ///< DRAM from here on is taken by areas
  Bytes device_tree_;
  std::uint64_t device_tree_address_ = 0;

  sc_core::sc_event deadline_{"deadline"};
  sc_core::sc_time limit_ = sc_core::sc_max_time();
  bool expired_ = false;
  bool idle_ = false;
  std::string lost_, stopped_;
  int stopped_code_ = 1;
};

}  // namespace npim::board
