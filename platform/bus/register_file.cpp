#include "bus/register_file.h"

#include <cstring>
#include <utility>

#include "bus/access_error.h"
#include "bus/address_map.h"
#include "bus/timed_read.h"

namespace npim::bus {
namespace {

std::string bytes_text(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " byte" : " bytes");
}

bool all_bytes_enabled(const tlm::tlm_generic_payload &payload) {
  const unsigned char *enables = payload.get_byte_enable_ptr();
  if (enables == nullptr) return true;
  for (unsigned i = 0; i < payload.get_byte_enable_length(); ++i) {
    if (enables[i] != TLM_BYTE_ENABLED) return false;
  }
  return true;
}

}  // namespace

Register &RegisterFile::add(Register reg) {
  reg.value = reg.reset;
  if (reg.smallest_access == 0) reg.smallest_access = reg.size;
  if (find(reg.offset) != nullptr || find(reg.offset + reg.size - 1) != nullptr) {
    SC_REPORT_ERROR("npim/registers", (owner_ + ": " + reg.name + " overlaps another").c_str());
  }
  const std::uint64_t offset = reg.offset;
  return registers_.emplace(offset, std::move(reg)).first->second;
}

void RegisterFile::reset() {
  for (auto &[offset, reg] : registers_) reg.value = reg.reset;
}

const Register *RegisterFile::find(std::uint64_t offset) const {
  auto above = registers_.upper_bound(offset);
  if (above == registers_.begin()) return nullptr;
  const Register &reg = std::prev(above)->second;
  return offset - reg.offset < reg.size ? &reg : nullptr;
}

Register *RegisterFile::find(std::uint64_t offset) {
  return const_cast<Register *>(std::as_const(*this).find(offset));
}

std::string RegisterFile::name_at(std::uint64_t offset) const {
  const Register *reg = find(offset);
  return reg == nullptr ? "" : reg->name;
}

std::uint64_t RegisterFile::peek(const Register &reg) {
  if (reg.value_at) return reg.value_at(sc_core::sc_time_stamp());
  return reg.value_of ? reg.value_of() : reg.value;
}

bool RegisterFile::check(tlm::tlm_generic_payload &payload, const Register *reg) const {
  const std::uint64_t offset = payload.get_address();
  const std::uint64_t length = payload.get_data_length();
  const auto no = [&](tlm::tlm_response_status status, const std::string &why) {
    refuse(payload, status, owner_ + ": " + why);
    return false;
  };
  if (reg == nullptr) {
    return no(tlm::TLM_ADDRESS_ERROR_RESPONSE, "no register at offset " + hex(offset));
  }
  if (payload.get_streaming_width() < length) {
    return no(tlm::TLM_BURST_ERROR_RESPONSE, reg->name + " takes no streaming access");
  }
  if (!all_bytes_enabled(payload)) {
    return no(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE, reg->name + " takes no byte enables");
  }
  const bool power_of_two = length != 0 && (length & (length - 1)) == 0;
  if (!power_of_two || length < reg->smallest_access || length > reg->size) {
    return no(tlm::TLM_BURST_ERROR_RESPONSE, reg->name + " is " + bytes_text(reg->size) +
                                                 " wide, access of " + bytes_text(length));
  }
  if ((offset - reg->offset) % length != 0) {
    return no(tlm::TLM_ADDRESS_ERROR_RESPONSE, "misaligned access of " + bytes_text(length) +
                                                   " at offset " + hex(offset) + " in " +
                                                   reg->name);
  }
  if (payload.is_read() && reg->access == Access::kWriteOnly) {
    return no(tlm::TLM_COMMAND_ERROR_RESPONSE, reg->name + " is write-only");
  }
  if (payload.is_write() && reg->access == Access::kReadOnly) {
    return no(tlm::TLM_COMMAND_ERROR_RESPONSE, reg->name + " is read-only");
  }
  return true;
}

bool RegisterFile::read_ahead(tlm::tlm_generic_payload &payload,
                              const sc_core::sc_time &delay) const {
  if (!payload.is_read()) return false;
  auto *timed = payload.get_extension<TimedRead>();
  if (timed == nullptr) return false;
  const std::uint64_t offset = payload.get_address();
  const unsigned length = payload.get_data_length();
  if (last_read_ == nullptr || offset - last_read_->offset >= last_read_->size) {
    last_read_ = find(offset);
  }
  const Register *reg = last_read_;
  // Whole registers only: the rest, and everything that is refused, goes the long way.
  if (reg == nullptr || !reg->value_at || offset != reg->offset || length != reg->size ||
      reg->access == Access::kWriteOnly || reg->on_read || payload.get_streaming_width() < length ||
      payload.get_byte_enable_ptr() != nullptr) {
    return false;
  }
  const std::uint64_t value = reg->value_at(sc_core::sc_time_stamp() + delay);
  std::memcpy(payload.get_data_ptr(), &value, length);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  timed->answered = true;
  return true;
}

void RegisterFile::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  if (read_ahead(payload, delay)) return;
  if (delay > sc_core::SC_ZERO_TIME) {
    sc_core::wait(delay);
    delay = sc_core::SC_ZERO_TIME;
  }
  Register *reg = find(payload.get_address());
  if (!check(payload, reg)) return;
  const unsigned length = payload.get_data_length();
  const Lane lane{static_cast<unsigned>(8 * (payload.get_address() - reg->offset)),
                  length == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * length)) - 1};
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  if (payload.is_read()) read(payload, *reg, lane);
  if (payload.is_write()) write(payload, *reg, lane);
}

void RegisterFile::read(tlm::tlm_generic_payload &payload, Register &reg, Lane lane) const {
  const std::uint64_t value = (reg.on_read ? reg.on_read() : peek(reg)) >> lane.shift;
  std::memcpy(payload.get_data_ptr(), &value, payload.get_data_length());
}

void RegisterFile::write(tlm::tlm_generic_payload &payload, Register &reg, Lane lane) const {
  std::uint64_t written = 0;
  std::memcpy(&written, payload.get_data_ptr(), payload.get_data_length());
  const std::uint64_t before = peek(reg);
  const std::uint64_t stored = reg.value;
  const std::uint64_t changed = (lane.mask << lane.shift) & reg.writable;
  reg.value = (before & ~changed) | ((written << lane.shift) & changed);
  if (!reg.on_write) return;
  const std::string reason = reg.on_write(reg.value);
  if (reason.empty()) return;
  reg.value = stored;
  refuse(payload, tlm::TLM_GENERIC_ERROR_RESPONSE, owner_ + ": " + reg.name + ": " + reason);
}

unsigned RegisterFile::transport_dbg(tlm::tlm_generic_payload &payload) {
  if (!payload.is_read()) return 0;
  for (unsigned i = 0; i < payload.get_data_length(); ++i) {
    const std::uint64_t offset = payload.get_address() + i;
    const Register *reg = find(offset);
    if (reg == nullptr) return i;
    payload.get_data_ptr()[i] =
        static_cast<unsigned char>(peek(*reg) >> (8 * (offset - reg->offset)));
  }
  return payload.get_data_length();
}

}  // namespace npim::bus
