// Platform-level interrupt controller (RISC-V PLIC specification 1.0.0) with the layout of SiFive's
// PLIC and QEMU's virt machine: level-triggered gateways, two contexts (M and S) a hart.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "bus/register_file.h"
#include "peripherals/interrupt_port.h"

namespace npim::peripherals {

class Plic : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kSize = 0x600000;
  static constexpr unsigned kSources = 96;  ///< 0 means "none"; 1 to 95 are lines
  static constexpr unsigned kHighestPriority = 7;
  static constexpr std::uint64_t kPriority = 0x0;
  static constexpr std::uint64_t kPending = 0x1000;
  static constexpr std::uint64_t kEnable = 0x2000;
  static constexpr std::uint64_t kEnableStride = 0x80;
  static constexpr std::uint64_t kThreshold = 0x200000;
  static constexpr std::uint64_t kClaim = 0x200004;
  static constexpr std::uint64_t kContextStride = 0x1000;

  tlm_utils::simple_target_socket<Plic> socket{"socket"};
  sc_core::sc_vector<OptionalInterruptIn> sources{"sources", kSources};
  sc_core::sc_vector<sc_core::sc_out<bool>> machine;     ///< by hart; to mip.MEIP
  sc_core::sc_vector<sc_core::sc_out<bool>> supervisor;  ///< to mip.SEIP

  /// A hart has two contexts: 2 h for machine mode, 2 h + 1 for supervisor mode.
  explicit Plic(const sc_core::sc_module_name &name, unsigned harts = 1);

  std::string describe(std::uint64_t offset) const { return registers_.name_at(offset); }

 private:
  static constexpr unsigned kWords = kSources / 32;
  using Bits = std::array<std::uint32_t, kWords>;

  void end_of_elaboration() override;
  void add_source_registers();
  void add_context_registers(unsigned context);
  void changed() { update_.notify(sc_core::SC_ZERO_TIME); }
  /// Passes requests through the gateways and drives the lines to the hart.
  void update();
  /// The enabled, pending source of the highest priority above `threshold`; ties go to the lowest
  /// number; 0 when there is none.
  unsigned best(unsigned context, std::uint64_t threshold) const;
  unsigned claim(unsigned context);
  void complete(unsigned context, std::uint64_t source);

  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  unsigned transport_dbg(tlm::tlm_generic_payload &payload) {
    return registers_.transport_dbg(payload);
  }

  bus::RegisterFile registers_{"PLIC"};
  std::array<bus::Register *, kSources> priority_{};
  std::vector<std::array<bus::Register *, kWords>> enable_;  ///< by context
  std::vector<bus::Register *> threshold_;
  Bits pending_{};
  Bits in_service_{};  ///< claimed and not completed: the gateway holds further requests back
  sc_core::sc_event update_{"update_event"};
};

}  // namespace npim::peripherals
