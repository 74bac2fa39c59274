// Filling in TLM payloads.
#pragma once

#include <cstdint>
#include <tlm>
#include <vector>

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

/// What a sender and the network tell each other about a packet: who pays for its way, who gets a
/// copy besides the payload's address, and when its tail has left the sender. Owned by the sender,
/// who keeps it alive as long as the payload and clears it before.
struct Posting : tlm::tlm_extension<Posting> {
  explicit Posting(Payer *who = nullptr) : payer(who) {}
  tlm::tlm_extension_base *clone() const override {
    auto *copy = new Posting(payer);
    copy->copy_from(*this);
    return copy;
  }
  void copy_from(const tlm::tlm_extension_base &other) override {
    const auto &from = static_cast<const Posting &>(other);
    payer = from.payer;
    further = from.further;
    left = from.left;
  }
  Payer *payer;
  std::vector<std::uint64_t> further;  ///< addresses
  sc_core::sc_time left;
};

}  // namespace npim::chip
