// Why a bus access failed, carried beside the TLM response status so that the initiator's log line
// can tell the firmware developer the reason ("STATUS is read-only"), not only that there was an
// error.
#pragma once

#include <string>
#include <tlm>

namespace npim::bus {

/// Ignorable payload extension; an initiator that wants reasons attaches one to its payload.
struct AccessError : tlm::tlm_extension<AccessError> {
  std::string reason;

  tlm::tlm_extension_base *clone() const override { return new AccessError(*this); }
  void copy_from(const tlm::tlm_extension_base &from) override {
    reason = static_cast<const AccessError &>(from).reason;
  }
};

/// Sets the response status and, where the initiator attached an AccessError, the reason.
inline void refuse(tlm::tlm_generic_payload &payload, tlm::tlm_response_status status,
                   const std::string &reason) {
  payload.set_response_status(status);
  if (auto *error = payload.get_extension<AccessError>()) error->reason = reason;
}

}  // namespace npim::bus
