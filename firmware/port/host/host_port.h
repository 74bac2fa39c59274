// The driver's port to the simulated chip on the development host: the same driver source that
// firmware uses runs in an SC_THREAD of a test. Registers are TLM transactions through the bus, DMA
// memory lies in the simulated RAM, the interrupt is a signal, time is simulated time.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "npim/arena.h"
#include "npim/npim.h"

namespace npim::firmware {

class HostPort : public sc_core::sc_module {
 public:
  struct Layout {
    std::uint64_t registers = 0;                 ///< the chip's register block on the bus
    std::uint64_t memory = 0, memory_bytes = 0;  ///< RAM that grants DMI, for DMA memory
  };

  tlm_utils::simple_initiator_socket<HostPort> bus{"bus"};
  sc_core::sc_in<bool> interrupt{"interrupt"};

  HostPort(const sc_core::sc_module_name &name, const Layout &layout);

  const npim_port *port() const { return &port_; }

  /// The RAM's bytes, for tests that look or damage. Valid once elaboration has ended.
  std::uint8_t *memory() { return arena_.base; }

  /// One register access of 4 or 8 bytes; gives the response and, for a failure, the reason.
  tlm::tlm_response_status access(tlm::tlm_command command, std::uint32_t offset, void *data,
                                  unsigned bytes, std::string *reason = nullptr);

  /// Accesses by the driver that were answered with an error: a driver makes none.
  unsigned refused_accesses() const { return refused_; }

  /// From now on interrupts do not reach the driver, for tests.
  void deafen() { deaf_ = true; }

 private:
  void end_of_elaboration() override;
  void wait_for_interrupt(std::uint64_t timeout_ns);
  bool bus_address(const void *memory, std::size_t bytes, std::uint64_t *address) const;

  Layout layout_;
  npim_port port_{};
  npim_arena arena_{};
  unsigned refused_ = 0;
  bool deaf_ = false;
};

}  // namespace npim::firmware
