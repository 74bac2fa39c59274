// Checks the rules of the TLM-2.0 base protocol (IEEE 1666-2011, sections 11 and 14) for blocking
// transport, DMI and debug between an initiator and a target socket. Put it in between in tests:
//   initiator.socket.bind(checker.target); checker.initiator.bind(target.socket);
#pragma once

#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <functional>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

namespace npim::test {

class TlmProtocolChecker : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<TlmProtocolChecker> target{"target"};
  tlm_utils::simple_initiator_socket<TlmProtocolChecker> initiator{"initiator"};

  using Report = std::function<void(const std::string &broken_rule)>;

  /// Without `report`, a broken rule fails the running GoogleTest case.
  explicit TlmProtocolChecker(const sc_core::sc_module_name &module_name, Report report = {})
      : sc_module(module_name), report_(std::move(report)) {
    target.register_b_transport(this, &TlmProtocolChecker::b_transport);
    target.register_transport_dbg(this, &TlmProtocolChecker::transport_dbg);
    target.register_get_direct_mem_ptr(this, &TlmProtocolChecker::get_direct_mem_ptr);
    initiator.register_invalidate_direct_mem_ptr(this,
                                                 &TlmProtocolChecker::invalidate_direct_mem_ptr);
  }

  unsigned transactions() const { return transactions_; }
  unsigned broken_rules() const { return broken_rules_; }

 private:
  /// What neither target nor interconnect may change.
  struct Fixed {
    tlm::tlm_command command;
    unsigned char *data;
    unsigned length;
    unsigned streaming_width;
    unsigned char *enables;
    unsigned enables_length;

    explicit Fixed(const tlm::tlm_generic_payload &payload)
        : command(payload.get_command()),
          data(payload.get_data_ptr()),
          length(payload.get_data_length()),
          streaming_width(payload.get_streaming_width()),
          enables(payload.get_byte_enable_ptr()),
          enables_length(payload.get_byte_enable_length()) {}
  };

  void require(bool kept, const std::string &rule) {
    if (kept) return;
    ++broken_rules_;
    if (report_) {
      report_(rule);
    } else {
      ADD_FAILURE() << "TLM base protocol: " << rule << " (" << name() << " at "
                    << sc_core::sc_time_stamp() << ")";
    }
  }

  void check_unchanged(const Fixed &before, const tlm::tlm_generic_payload &payload) {
    require(payload.get_command() == before.command, "command changed on the way");
    require(payload.get_data_ptr() == before.data, "data pointer changed on the way");
    require(payload.get_data_length() == before.length, "data length changed on the way");
    require(payload.get_streaming_width() == before.streaming_width,
            "streaming width changed on the way");
    require(payload.get_byte_enable_ptr() == before.enables, "byte enables changed on the way");
    require(payload.get_byte_enable_length() == before.enables_length,
            "byte enable length changed on the way");
  }

  void check_request(const tlm::tlm_generic_payload &payload) {
    const auto command = payload.get_command();
    require(command == tlm::TLM_READ_COMMAND || command == tlm::TLM_WRITE_COMMAND ||
                command == tlm::TLM_IGNORE_COMMAND,
            "command has no defined value");
    if (command != tlm::TLM_IGNORE_COMMAND) {
      require(payload.get_data_ptr() != nullptr, "data pointer is null");
      require(payload.get_data_length() > 0, "data length is zero");
    }
    require(payload.get_streaming_width() > 0, "streaming width is zero");
    if (payload.get_byte_enable_ptr() != nullptr) {
      require(payload.get_byte_enable_length() > 0, "byte enable length is zero");
      for (unsigned i = 0; i < payload.get_byte_enable_length(); ++i) {
        const unsigned char enable = payload.get_byte_enable_ptr()[i];
        require(enable == TLM_BYTE_ENABLED || enable == TLM_BYTE_DISABLED,
                "byte enable is neither 0x00 nor 0xff");
      }
    }
    require(payload.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE,
            "response status is not INCOMPLETE when the call is made");
    require(!payload.is_dmi_allowed(), "DMI hint is not reset when the call is made");
    require(payload.get_gp_option() == tlm::TLM_MIN_PAYLOAD ||
                payload.get_gp_option() == tlm::TLM_FULL_PAYLOAD,
            "generic payload option has been answered before the call");
  }

  static std::vector<unsigned char> copy_of_data(const tlm::tlm_generic_payload &payload) {
    if (payload.get_data_ptr() == nullptr) return {};
    return {payload.get_data_ptr(), payload.get_data_ptr() + payload.get_data_length()};
  }

  static bool enabled(const tlm::tlm_generic_payload &payload, std::size_t i) {
    const unsigned char *enables = payload.get_byte_enable_ptr();
    return enables == nullptr || payload.get_byte_enable_length() == 0 ||
           enables[i % payload.get_byte_enable_length()] == TLM_BYTE_ENABLED;
  }

  /// A target writes the data array only for reads, and then only enabled bytes.
  void check_data(const std::vector<unsigned char> &before,
                  const tlm::tlm_generic_payload &payload) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool may_change = payload.is_read() && enabled(payload, i);
      if (may_change || payload.get_data_ptr()[i] == before[i]) continue;
      require(false, payload.is_read() ? "a read changed a byte that is not enabled"
                                       : "a write changed the initiator's data");
      return;
    }
  }

  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
    ++transactions_;
    check_request(payload);
    require(sc_core::sc_get_status() >= sc_core::SC_RUNNING ||
                sc_core::sc_get_status() == sc_core::SC_END_OF_INITIALIZATION ||
                sc_core::sc_get_status() == sc_core::SC_START_OF_SIMULATION ||
                delay == sc_core::SC_ZERO_TIME,
            "time is annotated before the simulation runs");
    const Fixed before(payload);
    const std::vector<unsigned char> data = copy_of_data(payload);
    const sc_core::sc_time due = sc_core::sc_time_stamp() + delay;

    initiator->b_transport(payload, delay);

    check_unchanged(before, payload);
    check_data(data, payload);
    require(sc_core::sc_time_stamp() + delay >= due, "time went backwards during the call");
    const auto status = payload.get_response_status();
    require(status != tlm::TLM_INCOMPLETE_RESPONSE, "no response status was set");
    require(status <= tlm::TLM_OK_RESPONSE && status >= tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE,
            "response status has no defined value");
    require(!payload.is_dmi_allowed() || status == tlm::TLM_OK_RESPONSE,
            "DMI is hinted at with an error response");
  }

  unsigned transport_dbg(tlm::tlm_generic_payload &payload) {
    const Fixed before(payload);
    require(payload.get_data_length() == 0 || payload.get_data_ptr() != nullptr,
            "debug access with a null data pointer");
    const std::vector<unsigned char> data = copy_of_data(payload);
    const sc_core::sc_time start = sc_core::sc_time_stamp();
    const unsigned bytes = initiator->transport_dbg(payload);
    check_unchanged(before, payload);
    if (!payload.is_read()) check_data(data, payload);
    require(sc_core::sc_time_stamp() == start, "a debug access took simulated time");
    require(bytes <= before.length, "a debug access returned more bytes than were asked for");
    return bytes;
  }

  bool get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi) {
    const std::uint64_t address = payload.get_address();
    const tlm::tlm_command command = payload.get_command();
    require(command != tlm::TLM_IGNORE_COMMAND, "DMI request without read or write command");
    const bool granted = initiator->get_direct_mem_ptr(payload, dmi);
    require(payload.get_command() == command, "command changed on the way");
    require(dmi.get_start_address() <= dmi.get_end_address(), "DMI region ends before it starts");
    require(dmi.get_start_address() <= address && address <= dmi.get_end_address(),
            "DMI region does not hold the address that was asked for");
    if (granted) {
      require(dmi.get_dmi_ptr() != nullptr, "DMI was granted without a pointer");
      require(command == tlm::TLM_READ_COMMAND ? dmi.is_read_allowed() : dmi.is_write_allowed(),
              "DMI was granted, but not for the command that was asked for");
    }
    return granted;
  }

  void invalidate_direct_mem_ptr(sc_dt::uint64 first, sc_dt::uint64 last) {
    require(first <= last, "DMI invalidation ends before it starts");
    target->invalidate_direct_mem_ptr(first, last);
  }

  Report report_;
  unsigned transactions_ = 0;
  unsigned broken_rules_ = 0;
};

}  // namespace npim::test
