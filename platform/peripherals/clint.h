// Core-local interruptor: time, and a software interrupt and a timer for every hart. Layout of
// SiFive's CLINT (SiFive E31 manual, chapter "Core Local Interruptor") and of QEMU's virt machine.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <optional>
#include <systemc>
#include <tlm>
#include <vector>

#include "bus/register_file.h"

namespace npim::peripherals {

class Clint : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kSize = 0x10000;
  static constexpr std::uint64_t kMsip = 0x0;
  static constexpr std::uint64_t kMtimecmp = 0x4000;
  static constexpr std::uint64_t kMtime = 0xbff8;

  tlm_utils::simple_target_socket<Clint> socket{"socket"};
  sc_core::sc_vector<sc_core::sc_out<bool>> software;  ///< by hart; to mip.MSIP
  sc_core::sc_vector<sc_core::sc_out<bool>> timer;     ///< to mip.MTIP: mtime >= mtimecmp

  /// One step of mtime lasts `tick`: 100 ns at the 10 MHz of QEMU's virt.
  Clint(const sc_core::sc_module_name &name, const sc_core::sc_time &tick, unsigned harts = 1);

  /// Value of mtime at a simulated time, which may lie ahead of the kernel's.
  std::uint64_t mtime(const sc_core::sc_time &now) const;
  const sc_core::sc_time &tick() const { return tick_; }
  std::string describe(std::uint64_t offset) const { return registers_.name_at(offset); }

 private:
  void add_hart_registers(unsigned hart);
  void add_time_register();
  void update();
  /// Drives one hart's timer line. The ticks until it next changes, if it does.
  std::optional<std::uint64_t> update_timer(unsigned hart, std::uint64_t time);
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  unsigned transport_dbg(tlm::tlm_generic_payload &payload) {
    return registers_.transport_dbg(payload);
  }

  const sc_core::sc_time tick_;
  std::uint64_t offset_ = 0;  ///< mtime at simulated time zero, modulo 2^64
  sc_core::sc_event update_{"update_event"};
  bus::RegisterFile registers_{"CLINT"};
  std::vector<bus::Register *> msip_, mtimecmp_;  ///< by hart
};

}  // namespace npim::peripherals
