#include "cpu/memory_port.h"

#include <algorithm>
#include <utility>

namespace npim::cpu {
namespace {

/// More ranges than this are forgotten and asked for again.
constexpr std::size_t kMostRanges = 4096;

}  // namespace

MemoryPort::MemoryPort(HartState &state, InstructionCache &instructions, BusMaster &bus, bool dmi)
    : state_(state),
      instructions_(instructions),
      bus_(bus),
      dmi_(dmi),
      error_(new bus::AccessError) {
  payload_.set_extension(error_);
}

bool MemoryPort::refuse(std::uint64_t address, std::string reason) {
  fault_ = {address, std::move(reason)};
  return false;
}

std::optional<MemoryPort::Range> MemoryPort::memory_at(std::uint64_t address, bool write) {
  for (const Range &range : ranges_) {
    if (address >= range.first && address <= range.last &&
        (write ? range.writable : range.readable)) {
      return range;
    }
  }
  tlm::tlm_dmi dmi;
  dmi.init();
  if (!bus_.request_direct(address, write, dmi)) return std::nullopt;
  const Range range{dmi.get_start_address(),
                    dmi.get_end_address(),
                    dmi.get_dmi_ptr(),
                    dmi.is_read_allowed(),
                    dmi.is_write_allowed(),
                    bus_.cycles_of(dmi.get_read_latency()),
                    bus_.cycles_of(dmi.get_write_latency())};
  const bool usable = address >= range.first && address <= range.last && range.host != nullptr &&
                      (write ? range.writable : range.readable);
  if (!usable) return std::nullopt;
  if (ranges_.size() >= kMostRanges) ranges_.clear();
  ranges_.push_back(range);
  return range;
}

void MemoryPort::remember_page(const Range &range, std::uint64_t address, bool write) {
  const std::uint64_t start = address & ~kOffsetMask;
  if (!dmi_ || start < range.first || start + kOffsetMask > range.last) return;
  if (write && instructions_.contains(address)) return;
  Page &page = (write ? write_pages_ : read_pages_)[(address >> kPageBits) % kPages];
  page = {address >> kPageBits, range.host + (start - range.first),
          write ? range.write_cycles : range.read_cycles};
}

void MemoryPort::watch_code_page(std::uint64_t address) {
  Page &page = write_pages_[(address >> kPageBits) % kPages];
  if (page.number == address >> kPageBits) page = {};
}

void MemoryPort::invalidate() {
  read_pages_.fill({});
  write_pages_.fill({});
  ranges_.clear();
  instructions_.flush();
}

void MemoryPort::prepare(std::uint64_t address, unsigned char *data, unsigned size, bool write) {
  payload_.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload_.set_address(address);
  payload_.set_data_ptr(data);
  payload_.set_data_length(size);
  payload_.set_streaming_width(size);
  payload_.set_byte_enable_ptr(nullptr);
  payload_.set_byte_enable_length(0);
  payload_.set_dmi_allowed(false);
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  error_->reason.clear();
}

bool MemoryPort::check_response(std::uint64_t address) {
  if (payload_.is_response_ok()) return true;
  return refuse(address, error_->reason.empty() ? payload_.get_response_string() : error_->reason);
}

bool MemoryPort::move(const Range &range, std::uint64_t address, unsigned char *data, unsigned size,
                      bool write) {
  if (!dmi_) {
    prepare(address, data, size, write);
    bus_.transport_memory(payload_);
    return check_response(address);
  }
  unsigned char *host = range.host + (address - range.first);
  if (write) {
    std::memcpy(host, data, size);
  } else {
    std::memcpy(data, host, size);
  }
  return true;
}

bool MemoryPort::find_pieces(std::uint64_t address, unsigned size, bool write, Pieces &pieces) {
  for (unsigned i = 0; i < size; ++i) {
    const auto range = memory_at(address + i, write);
    if (!range) return refuse(address + i, "misaligned access outside plain memory");
    pieces[i] = *range;
  }
  return true;
}

bool MemoryPort::move_split(std::uint64_t address, unsigned char *data, unsigned size, bool write) {
  Pieces pieces{};
  if (!find_pieces(address, size, write, pieces)) return false;
  for (unsigned i = 0; i < size; ++i) {
    if (!move(pieces[i], address + i, data + i, 1, write)) return false;
  }
  return true;
}

bool MemoryPort::access_device(std::uint64_t address, unsigned char *data, unsigned size,
                               bool write) {
  if (address % size != 0) return refuse(address, "misaligned access outside plain memory");
  ++(write ? statistics_.device_writes : statistics_.device_reads);
  prepare(address, data, size, write);
  bus_.transport_device(payload_);
  return check_response(address);
}

bool MemoryPort::load_slowly(std::uint64_t address, void *to, unsigned size) {
  auto *data = static_cast<unsigned char *>(to);
  const std::uint64_t last = address + size - 1;
  if (last < address) return refuse(address, "access beyond the end of the address space");
  const auto range = memory_at(address, false);
  if (!range) return access_device(address, data, size, false);
  if (last > range->last) {
    if (!move_split(address, data, size, false)) return false;
  } else {
    if (!move(*range, address, data, size, false)) return false;
    remember_page(*range, address, false);
  }
  state_.cycle += range->read_cycles;
  return true;
}

bool MemoryPort::store_slowly(std::uint64_t address, const void *from, unsigned size) {
  unsigned char data[8];
  std::memcpy(data, from, size);
  const std::uint64_t last = address + size - 1;
  if (last < address) return refuse(address, "access beyond the end of the address space");
  const auto range = memory_at(address, true);
  if (!range) return access_device(address, data, size, true);
  if (last > range->last) {
    if (!move_split(address, data, size, true)) return false;
  } else {
    if (!move(*range, address, data, size, true)) return false;
    remember_page(*range, address, true);
  }
  instructions_.forget(address, size);
  state_.cycle += range->write_cycles;
  return true;
}

bool MemoryPort::fetch(std::uint64_t address, std::uint16_t &bits) {
  const auto range = memory_at(address, false);
  if (!range || address == range->last) {
    return refuse(address, "instructions can only be fetched from memory");
  }
  unsigned char data[2];
  if (!move(*range, address, data, 2, false)) return false;
  bits = static_cast<std::uint16_t>(data[0] | data[1] << 8);
  return true;
}

bool MemoryPort::supports_atomics(std::uint64_t address, bool write) {
  if (memory_at(address, write)) return true;
  return refuse(address, "atomic access outside plain memory");
}

}  // namespace npim::cpu
