#include "memory/ram.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "bus/access_error.h"
#include "bus/address_map.h"

namespace npim::memory {
namespace {

/// Checks what a memory of `size` bytes cannot serve. Sets the error response when it returns
/// false.
bool check(tlm::tlm_generic_payload &payload, std::uint64_t size) {
  const std::uint64_t offset = payload.get_address();
  const std::uint64_t length = payload.get_data_length();
  if (offset >= size || length > size - offset) {
    bus::refuse(payload, tlm::TLM_ADDRESS_ERROR_RESPONSE,
                "access of " + std::to_string(length) + " bytes at offset " + bus::hex(offset) +
                    " leaves the memory of " + bus::hex(size) + " bytes");
    return false;
  }
  if (length == 0 || payload.get_streaming_width() < length) {
    bus::refuse(payload, tlm::TLM_BURST_ERROR_RESPONSE,
                length == 0 ? "access of no bytes" : "memory takes no streaming access");
    return false;
  }
  return true;
}

/// Copies between payload and memory, one direction for all bytes that are enabled.
void copy(tlm::tlm_generic_payload &payload, std::uint8_t *memory) {
  const std::size_t length = payload.get_data_length();
  const bool is_read = payload.is_read();
  unsigned char *data = payload.get_data_ptr();
  unsigned char *to = is_read ? data : memory;
  const unsigned char *from = is_read ? memory : data;
  const unsigned char *enables = payload.get_byte_enable_ptr();
  if (enables == nullptr) {
    std::memcpy(to, from, length);
    return;
  }
  const unsigned period = payload.get_byte_enable_length();
  for (std::size_t i = 0; i < length; ++i) {
    if (enables[i % period] == TLM_BYTE_ENABLED) to[i] = from[i];
  }
}

bool byte_enables_are_usable(tlm::tlm_generic_payload &payload) {
  if (payload.get_byte_enable_ptr() == nullptr || payload.get_byte_enable_length() != 0)
    return true;
  bus::refuse(payload, tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE, "byte enables of length zero");
  return false;
}

/// Serves a debug access within bounds; the part beyond the end is not transferred.
unsigned debug_copy(tlm::tlm_generic_payload &payload, std::uint8_t *memory, std::uint64_t size) {
  const std::uint64_t offset = payload.get_address();
  if (offset >= size || payload.get_command() == tlm::TLM_IGNORE_COMMAND) return 0;
  const std::size_t length = std::min<std::uint64_t>(payload.get_data_length(), size - offset);
  if (payload.is_read()) std::memcpy(payload.get_data_ptr(), memory + offset, length);
  if (payload.is_write()) std::memcpy(memory + offset, payload.get_data_ptr(), length);
  return static_cast<unsigned>(length);
}

}  // namespace

LazyPages::LazyPages(const std::string &owner, std::uint64_t size) : data_(nullptr), size_(size) {
  if (size == 0) throw InputError(owner, "memory has a size of zero");
  void *pages = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) {
    throw InputError(owner, "the host has no room for a memory of " + bus::hex(size) + " bytes");
  }
  data_ = static_cast<std::uint8_t *>(pages);
}

LazyPages::~LazyPages() {
  munmap(data_, size_);
}

Ram::Ram(const sc_core::sc_module_name &name, std::uint64_t size)
    : sc_module(name), pages_(this->name(), size) {
  socket.register_b_transport(this, &Ram::b_transport);
  socket.register_transport_dbg(this, &Ram::transport_dbg);
  socket.register_get_direct_mem_ptr(this, &Ram::get_direct_mem_ptr);
}

void Ram::allow_dmi(bool allowed) {
  const bool taken_back = dmi_allowed_ && !allowed;
  dmi_allowed_ = allowed;
  if (taken_back && sc_core::sc_get_status() >= sc_core::SC_END_OF_ELABORATION) {
    socket->invalidate_direct_mem_ptr(0, size() - 1);
  }
}

void Ram::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &) {
  if (!check(payload, size()) || !byte_enables_are_usable(payload)) return;
  if (payload.get_command() != tlm::TLM_IGNORE_COMMAND) {
    copy(payload, pages_.data() + payload.get_address());
  }
  payload.set_dmi_allowed(dmi_allowed_);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

unsigned Ram::transport_dbg(tlm::tlm_generic_payload &payload) {
  return debug_copy(payload, pages_.data(), size());
}

bool Ram::get_direct_mem_ptr(tlm::tlm_generic_payload &, tlm::tlm_dmi &dmi) {
  dmi.set_start_address(0);
  dmi.set_end_address(size() - 1);
  if (!dmi_allowed_) return false;
  dmi.set_dmi_ptr(pages_.data());
  dmi.allow_read_write();
  return true;
}

BootRom::BootRom(const sc_core::sc_module_name &name, std::uint64_t size)
    : sc_module(name), content_(size) {
  socket.register_b_transport(this, &BootRom::b_transport);
  socket.register_transport_dbg(this, &BootRom::transport_dbg);
  socket.register_get_direct_mem_ptr(this, &BootRom::get_direct_mem_ptr);
}

void BootRom::load(const Bytes &content) {
  if (content.size() > content_.size()) {
    throw InputError(name(), "content of " + std::to_string(content.size()) +
                                 " bytes does not fit into " + std::to_string(content_.size()));
  }
  std::fill(std::copy(content.begin(), content.end(), content_.begin()), content_.end(),
            std::uint8_t{0});
}

void BootRom::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &) {
  if (!check(payload, size()) || !byte_enables_are_usable(payload)) return;
  if (payload.is_write()) {
    bus::refuse(payload, tlm::TLM_COMMAND_ERROR_RESPONSE, "boot ROM is read-only");
    return;
  }
  if (payload.is_read()) copy(payload, content_.data() + payload.get_address());
  payload.set_dmi_allowed(true);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

unsigned BootRom::transport_dbg(tlm::tlm_generic_payload &payload) {
  return payload.is_write() ? 0 : debug_copy(payload, content_.data(), size());
}

bool BootRom::get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi) {
  dmi.set_start_address(0);
  dmi.set_end_address(size() - 1);
  if (payload.is_write()) return false;
  dmi.set_dmi_ptr(content_.data());
  dmi.allow_read();
  return true;
}

}  // namespace npim::memory
