// Memories of the board: RAM that costs the host only the pages that are touched, and boot ROM.
// TLM-2.0: byte enables are honoured, streaming is refused, DMI is granted.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <string>
#include <systemc>
#include <tlm>

#include "base/bytes.h"

namespace npim::memory {

/// Zero-filled anonymous pages that the host provides on first touch.
class LazyPages {
 public:
  /// Throws InputError naming `owner` when the host refuses the address range.
  LazyPages(const std::string &owner, std::uint64_t size);
  ~LazyPages();
  LazyPages(const LazyPages &) = delete;
  LazyPages &operator=(const LazyPages &) = delete;

  std::uint8_t *data() { return data_; }
  std::uint64_t size() const { return size_; }

 private:
  std::uint8_t *data_;
  std::uint64_t size_;
};

class Ram : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Ram> socket{"socket"};

  /// `size` in bytes. Throws InputError for zero and for what the host refuses.
  Ram(const sc_core::sc_module_name &name, std::uint64_t size);

  std::uint64_t size() const { return pages_.size(); }

  /// Grants no further DMI, and takes back what was granted, while `allowed` is false.
  void allow_dmi(bool allowed);

 private:
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  unsigned transport_dbg(tlm::tlm_generic_payload &payload);
  bool get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi);

  LazyPages pages_;
  bool dmi_allowed_ = true;
};

/// Read-only memory; a write gets an error response with the reason. Loaded by the board, not
/// through the bus.
class BootRom : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<BootRom> socket{"socket"};

  BootRom(const sc_core::sc_module_name &name, std::uint64_t size);

  /// Replaces the content; the rest reads as zero. Throws InputError when it does not fit.
  void load(const Bytes &content);
  std::uint64_t size() const { return content_.size(); }

 private:
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  unsigned transport_dbg(tlm::tlm_generic_payload &payload);
  bool get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi);

  Bytes content_;
};

}  // namespace npim::memory
