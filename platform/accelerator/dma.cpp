#include "accelerator/dma.h"

#include <algorithm>

#include "bus/access_error.h"
#include "bus/address_map.h"

namespace npim::accelerator {

Dma::Dma(const sc_core::sc_module_name &name) : sc_module(name) {
  from_chip.register_b_transport(this, &Dma::b_transport);
}

bool Dma::transfer_page(tlm::tlm_command command, std::uint64_t address, unsigned char *data,
                        std::uint64_t bytes) {
  tlm::tlm_generic_payload payload;
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(data);
  payload.set_data_length(static_cast<unsigned>(bytes));
  payload.set_streaming_width(static_cast<unsigned>(bytes));
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  to_bus->b_transport(payload, delay);
  if (delay > sc_core::SC_ZERO_TIME) sc_core::wait(delay);
  return payload.is_response_ok();
}

Dma::Outcome Dma::transfer(tlm::tlm_command command, std::uint64_t address, unsigned char *data,
                           std::uint64_t bytes) {
  const bool is_write = command == tlm::TLM_WRITE_COMMAND;
  Outcome outcome;
  std::uint64_t done = 0;
  while (done < bytes) {
    const std::uint64_t at = address + done;
    const std::uint64_t size = std::min(bytes - done, kPageBytes - at % kPageBytes);
    // A transfer over the end of the address space does not go on at its start.
    if (at < address || !transfer_page(command, at, data + done, size)) {
      outcome = {false, at};
      break;
    }
    done += size;
  }
  (is_write ? bytes_written_ : bytes_read_) += done;
  if (on_transfer) on_transfer(is_write, address, bytes, outcome.ok);
  return outcome;
}

void Dma::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  if (aborted_) {
    bus::refuse(payload, tlm::TLM_GENERIC_ERROR_RESPONSE, "the accelerator is being reset");
    return;
  }
  if (delay > sc_core::SC_ZERO_TIME) {
    sc_core::wait(delay);
    delay = sc_core::SC_ZERO_TIME;
  }
  const Outcome outcome = transfer(payload.get_command(), payload.get_address(),
                                   payload.get_data_ptr(), payload.get_data_length());
  if (outcome.ok) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  // The chip's command record gets the address that failed, not the start of the transfer.
  payload.set_address(outcome.fault_address);
  bus::refuse(payload, tlm::TLM_ADDRESS_ERROR_RESPONSE,
              "DMA fault at " + bus::hex(outcome.fault_address));
}

}  // namespace npim::accelerator
