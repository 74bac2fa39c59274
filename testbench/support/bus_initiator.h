// An initiator for tests: reads and writes in one line, keeps the reason of the last refusal.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "bus/access_error.h"

namespace npim::test {

class BusInitiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<BusInitiator> socket{"socket"};

  /// `body` runs as a SystemC thread of its own.
  explicit BusInitiator(const sc_core::sc_module_name &module_name, std::function<void()> body = {})
      : sc_module(module_name), body_(std::move(body)) {
    socket.register_invalidate_direct_mem_ptr(this, &BusInitiator::invalidated);
    if (!body_) return;
    SC_HAS_PROCESS(BusInitiator);
    SC_THREAD(run);
  }

  template <typename T>
  T read(std::uint64_t address) {
    T value{};
    transport(tlm::TLM_READ_COMMAND, address, &value, sizeof(T));
    return value;
  }
  template <typename T>
  bool write(std::uint64_t address, T value) {
    return transport(tlm::TLM_WRITE_COMMAND, address, &value, sizeof(T));
  }
  std::uint8_t read8(std::uint64_t address) { return read<std::uint8_t>(address); }
  std::uint32_t read32(std::uint64_t address) { return read<std::uint32_t>(address); }
  std::uint64_t read64(std::uint64_t address) { return read<std::uint64_t>(address); }
  bool write8(std::uint64_t address, std::uint8_t value) { return write(address, value); }
  bool write32(std::uint64_t address, std::uint32_t value) { return write(address, value); }
  bool write64(std::uint64_t address, std::uint64_t value) { return write(address, value); }

  /// Returns whether the response was OK; `status` and `reason` tell the rest.
  bool transport(tlm::tlm_command command, std::uint64_t address, void *data, unsigned length) {
    tlm::tlm_generic_payload payload;
    prepare(payload, command, address, data, length);
    return transport(payload);
  }
  bool transport(tlm::tlm_generic_payload &payload) {
    bus::AccessError error;
    payload.set_extension(&error);
    socket->b_transport(payload, delay);
    payload.clear_extension(&error);
    status = payload.get_response_status();
    reason = error.reason;
    dmi_hint = payload.is_dmi_allowed();
    return payload.is_response_ok();
  }
  unsigned debug(tlm::tlm_command command, std::uint64_t address, void *data, unsigned length) {
    tlm::tlm_generic_payload payload;
    prepare(payload, command, address, data, length);
    return socket->transport_dbg(payload);
  }
  bool ask_for_dmi(tlm::tlm_command command, std::uint64_t address, tlm::tlm_dmi &dmi) {
    tlm::tlm_generic_payload payload;
    unsigned char byte = 0;
    prepare(payload, command, address, &byte, 1);
    return socket->get_direct_mem_ptr(payload, dmi);
  }

  static void prepare(tlm::tlm_generic_payload &payload, tlm::tlm_command command,
                      std::uint64_t address, void *data, unsigned length) {
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char *>(data));
    payload.set_data_length(length);
    payload.set_streaming_width(length);
    payload.set_byte_enable_ptr(nullptr);
    payload.set_dmi_allowed(false);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  }

  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  tlm::tlm_response_status status = tlm::TLM_INCOMPLETE_RESPONSE;
  std::string reason;
  bool dmi_hint = false;
  struct Range {
    std::uint64_t first, last;
  };
  std::vector<Range> invalidations;

 private:
  void run() { body_(); }
  void invalidated(sc_dt::uint64 first, sc_dt::uint64 last) {
    invalidations.push_back({first, last});
  }
  std::function<void()> body_;
};

}  // namespace npim::test
