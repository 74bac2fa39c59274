// Filling in TLM payloads.
#pragma once

#include <cstdint>
#include <tlm>

#include "chip/books.h"

namespace npim::chip {

inline void prepare(tlm::tlm_generic_payload &payload, tlm::tlm_command command,
                    std::uint64_t address, std::uint8_t *data, std::size_t bytes) {
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(data);
  payload.set_data_length(static_cast<unsigned>(bytes));
  payload.set_streaming_width(static_cast<unsigned>(bytes));
  payload.set_byte_enable_ptr(nullptr);
  payload.set_dmi_allowed(false);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
}
inline void prepare_write(tlm::tlm_generic_payload &payload, std::uint64_t address,
                          std::uint8_t *data, std::size_t bytes) {
  prepare(payload, tlm::TLM_WRITE_COMMAND, address, data, bytes);
}
inline void prepare_read(tlm::tlm_generic_payload &payload, std::uint64_t address,
                         std::uint8_t *data, std::size_t bytes) {
  prepare(payload, tlm::TLM_READ_COMMAND, address, data, bytes);
}

/// Says who pays for a packet's way over the network. Owned by whoever sets it, who keeps it alive
/// as long as the payload and clears it before.
struct PaidBy : tlm::tlm_extension<PaidBy> {
  explicit PaidBy(Payer *who = nullptr) : payer(who) {}
  tlm::tlm_extension_base *clone() const override { return new PaidBy(payer); }
  void copy_from(const tlm::tlm_extension_base &other) override {
    payer = static_cast<const PaidBy &>(other).payer;
  }
  Payer *payer;
};

}  // namespace npim::chip
