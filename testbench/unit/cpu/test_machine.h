// The smallest machine around a hart: memory that grants DMI, a ROM, a device, signals.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <systemc>
#include <tlm>
#include <vector>

#include "assembler.h"
#include "cpu/hart.h"

namespace npim::cpu::test {

constexpr std::uint64_t kRam = 0x80000000, kRamSize = 0x100000, kRom = 0x1000, kRomSize = 0x1000,
                        kDevice = 0x10000000, kDeviceSize = 0x1000;

/// Memory, ROM and a device behind one socket. Device registers (8 bytes each, any aligned width):
/// 0x00 ticks: counts reads; 0x08 scratch; 0x10 time of the access in ps; 0x18 line: bit 0
/// software, 1 timer, 2 external, 3 supervisor external; 0x20 stop: ends the simulation; 0x28
/// refuses with a reason; 0x30 takes 3.3 ns.
class TestMachine : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<TestMachine> socket{"socket"};
  sc_core::sc_signal<bool, sc_core::SC_MANY_WRITERS> lines[4];
  Hart hart;
  std::vector<unsigned char> ram, rom;
  std::vector<std::string> accesses;  ///< "r 10000000 4 @ 5 ns"
  std::uint64_t scratch = 0;
  sc_core::sc_time ram_latency = sc_core::SC_ZERO_TIME;
  bool grant_dmi = true;

  TestMachine(const sc_core::sc_module_name &name, const HartConfig &config)
      : sc_module(name), hart("hart", config), ram(kRamSize), rom(kRomSize) {
    hart.bus.bind(socket);
    hart.software_interrupt(lines[0]);
    hart.timer_interrupt(lines[1]);
    hart.external_interrupt(lines[2]);
    hart.supervisor_external_interrupt(lines[3]);
    socket.register_b_transport(this, &TestMachine::b_transport);
    socket.register_get_direct_mem_ptr(this, &TestMachine::get_direct_mem_ptr);
  }

  void put(std::uint64_t address, const std::vector<std::uint32_t> &code) {
    std::memcpy(at(address), code.data(), code.size() * 4);
  }
  unsigned char *at(std::uint64_t address) { return ram.data() + (address - kRam); }
  template <typename T>
  T read(std::uint64_t address) {
    T value;
    std::memcpy(&value, at(address), sizeof value);
    return value;
  }
  template <typename T>
  void write(std::uint64_t address, T value) {
    std::memcpy(at(address), &value, sizeof value);
  }
  void invalidate() { socket->invalidate_direct_mem_ptr(0, ~sc_dt::uint64{0}); }

 private:
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
    const std::uint64_t address = payload.get_address(), size = payload.get_data_length();
    const bool is_write = payload.is_write();
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    if (address >= kRam && address - kRam + size <= kRamSize) {
      if (is_write) {
        std::memcpy(at(address), payload.get_data_ptr(), size);
      } else {
        std::memcpy(payload.get_data_ptr(), at(address), size);
      }
      delay += ram_latency;
    } else if (address >= kRom && address - kRom + size <= kRomSize) {
      if (is_write) {
        bus::refuse(payload, tlm::TLM_COMMAND_ERROR_RESPONSE, "read-only memory");
      } else {
        std::memcpy(payload.get_data_ptr(), rom.data() + (address - kRom), size);
      }
    } else if (address >= kDevice && address - kDevice < kDeviceSize) {
      device(payload, delay, is_write);
    } else {
      bus::refuse(payload, tlm::TLM_ADDRESS_ERROR_RESPONSE, "nothing is mapped here");
    }
  }

  void device(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay, bool is_write) {
    char text[64];
    std::snprintf(text, sizeof text, "%c %llx %u @ ", is_write ? 'w' : 'r',
                  static_cast<unsigned long long>(payload.get_address()),
                  payload.get_data_length());
    accesses.push_back(text + (sc_core::sc_time_stamp() + delay).to_string());
    std::uint64_t value = 0;
    if (is_write) std::memcpy(&value, payload.get_data_ptr(), payload.get_data_length());
    switch (payload.get_address() - kDevice) {
      case 0x00:
        value = ++ticks_;
        break;
      case 0x08:
        if (is_write) scratch = value;
        value = scratch;
        break;
      case 0x10:
        value = (sc_core::sc_time_stamp() + delay).value();
        break;
      case 0x18:
        for (unsigned i = 0; i < 4; ++i) lines[i].write((value >> i & 1) != 0);
        break;
      case 0x20:
        sc_core::sc_stop();
        break;
      case 0x30:
        delay += sc_core::sc_time(3.3, sc_core::SC_NS);
        break;
      default:
        bus::refuse(payload, tlm::TLM_GENERIC_ERROR_RESPONSE, "register CAKE is a lie");
    }
    if (!is_write) std::memcpy(payload.get_data_ptr(), &value, payload.get_data_length());
  }

  bool get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi) {
    const std::uint64_t address = payload.get_address();
    if (!grant_dmi) return false;
    if (address >= kRam && address - kRam < kRamSize) {
      // Two halves, so that accesses can span grants.
      const std::uint64_t half = kRamSize / 2 + 2, offset = address - kRam < half ? 0 : half;
      dmi.set_start_address(kRam + offset);
      dmi.set_end_address(offset == 0 ? kRam + half - 1 : kRam + kRamSize - 1);
      dmi.set_dmi_ptr(ram.data() + offset);
      dmi.allow_read_write();
      dmi.set_read_latency(ram_latency);
      dmi.set_write_latency(ram_latency);
      return true;
    }
    if (address >= kRom && address - kRom < kRomSize && !payload.is_write()) {
      dmi.set_start_address(kRom);
      dmi.set_end_address(kRom + kRomSize - 1);
      dmi.set_dmi_ptr(rom.data());
      dmi.allow_read();
      return true;
    }
    return false;
  }

  std::uint64_t ticks_ = 0;
};

inline HartConfig test_config() {
  HartConfig config;
  config.reset_pc = kRam;
  return config;
}

/// Collects warnings instead of printing them.
inline std::vector<std::string> &warnings() {
  static std::vector<std::string> list;
  return list;
}
inline void collect_warnings() {
  warnings().clear();
  sc_core::sc_report_handler::set_handler(
      [](const sc_core::sc_report &report, const sc_core::sc_actions &actions) {
        if (report.get_severity() == sc_core::SC_WARNING) {
          warnings().push_back(report.get_msg());
        } else if (report.get_severity() > sc_core::SC_WARNING) {
          sc_core::sc_report_handler::default_handler(report, actions);
        }
      });
}

}  // namespace npim::cpu::test
