#include "port/host/host_port.h"

#include "bus/access_error.h"

namespace npim::firmware {
namespace {

const sc_core::sc_time kAccessTime(10, sc_core::SC_NS);  ///< of a register on a real bus, about

}  // namespace

HostPort::HostPort(const sc_core::sc_module_name &name, const Layout &layout)
    : sc_module(name), layout_(layout) {
  port_.context = this;
  port_.read32 = [](void *self, std::uint32_t offset) {
    std::uint32_t value = 0;
    static_cast<HostPort *>(self)->access(tlm::TLM_READ_COMMAND, offset, &value, sizeof value);
    return value;
  };
  port_.write32 = [](void *self, std::uint32_t offset, std::uint32_t value) {
    static_cast<HostPort *>(self)->access(tlm::TLM_WRITE_COMMAND, offset, &value, sizeof value);
  };
  port_.barrier_before_doorbell = [](void *) {};
  port_.barrier_after_completion = [](void *) {};
  port_.dma_alloc = [](void *self, std::size_t bytes, std::size_t alignment) {
    return npim_arena_alloc(&static_cast<HostPort *>(self)->arena_, bytes, alignment);
  };
  port_.dma_free = [](void *self, void *memory, std::size_t bytes) {
    npim_arena_free(&static_cast<HostPort *>(self)->arena_, memory, bytes);
  };
  port_.bus_address = [](void *self, const void *memory, std::size_t bytes,
                         std::uint64_t *address) {
    return static_cast<const HostPort *>(self)->bus_address(memory, bytes, address);
  };
  port_.wait_for_interrupt = [](void *self, std::uint64_t timeout_ns) {
    static_cast<HostPort *>(self)->wait_for_interrupt(timeout_ns);
  };
  port_.now_ns = [](void *) {
    return static_cast<std::uint64_t>(sc_core::sc_time_stamp() /
                                      sc_core::sc_time(1, sc_core::SC_NS));
  };
}

void HostPort::end_of_elaboration() {
  tlm::tlm_generic_payload payload;
  tlm::tlm_dmi dmi;
  payload.set_address(layout_.memory);
  payload.set_read();
  const bool granted = bus->get_direct_mem_ptr(payload, dmi) && dmi.is_read_write_allowed() &&
                       dmi.get_start_address() <= layout_.memory &&
                       layout_.memory + layout_.memory_bytes - 1 <= dmi.get_end_address();
  if (!granted) SC_REPORT_FATAL("npim/host_port", "the RAM grants no DMI to the DMA memory");
  arena_.base = dmi.get_dmi_ptr() + (layout_.memory - dmi.get_start_address());
  arena_.bytes = layout_.memory_bytes;
}

tlm::tlm_response_status HostPort::access(tlm::tlm_command command, std::uint32_t offset,
                                          void *data, unsigned bytes, std::string *reason) {
  tlm::tlm_generic_payload payload;
  bus::AccessError error;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  payload.set_command(command);
  payload.set_address(layout_.registers + offset);
  payload.set_data_ptr(static_cast<unsigned char *>(data));
  payload.set_data_length(bytes);
  payload.set_streaming_width(bytes);
  payload.set_extension(&error);
  bus->b_transport(payload, delay);
  payload.clear_extension(&error);
  // Time passes, so that a loop that polls comes to an end.
  sc_core::wait(delay + kAccessTime);
  if (!payload.is_response_ok()) ++refused_;
  if (reason != nullptr) *reason = error.reason;
  return payload.get_response_status();
}

bool HostPort::bus_address(const void *memory, std::size_t bytes, std::uint64_t *address) const {
  const auto *first = static_cast<const std::uint8_t *>(memory);
  if (first < arena_.base || first > arena_.base + arena_.bytes) return false;
  const auto offset = static_cast<std::size_t>(first - arena_.base);
  if (bytes > arena_.bytes - offset) return false;
  *address = layout_.memory + offset;
  return true;
}

void HostPort::wait_for_interrupt(std::uint64_t timeout_ns) {
  const sc_core::sc_time timeout(static_cast<double>(timeout_ns), sc_core::SC_NS);
  if (deaf_) {
    sc_core::wait(timeout);
  } else if (!interrupt.read()) {
    sc_core::wait(timeout, interrupt.posedge_event());
  }
}

}  // namespace npim::firmware
