// DMA engine of the accelerator: carries what comes over the chip's link to host memory, the chip's
// data and the command processor's descriptors and records, to the bus. Splits transfers at page
// boundaries so that a fault is known to the page, and counts bytes. Takes no simulated time
// itself: the link (chip/) does.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <functional>
#include <systemc>
#include <tlm>

namespace npim::accelerator {

class Dma : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kPageBytes = 4096;

  tlm_utils::simple_target_socket<Dma> from_chip{"from_chip"};
  tlm_utils::simple_initiator_socket<Dma> to_bus{"to_bus"};

  explicit Dma(const sc_core::sc_module_name &name);

  /// While aborted, transfers fail at once: a reset need not wait for them.
  void abort(bool aborted) { aborted_ = aborted; }

  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_written() const { return bytes_written_; }
  void clear_counters() { bytes_read_ = bytes_written_ = 0; }

  /// Called after each transfer.
  std::function<void(bool is_write, std::uint64_t address, std::uint64_t bytes, bool ok)>
      on_transfer;

 private:
  /// Where a transfer stopped.
  struct Outcome {
    bool ok = true;
    std::uint64_t fault_address = 0;
  };

  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  Outcome transfer(tlm::tlm_command command, std::uint64_t address, unsigned char *data,
                   std::uint64_t bytes);
  bool transfer_page(tlm::tlm_command command, std::uint64_t address, unsigned char *data,
                     std::uint64_t bytes);

  bool aborted_ = false;
  std::uint64_t bytes_read_ = 0, bytes_written_ = 0;
};

}  // namespace npim::accelerator
