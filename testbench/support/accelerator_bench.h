// A chip behind a bus with RAM and the firmware's driver on its host port: what firmware sees,
// without a hart. The body runs in an SC_THREAD; the simulation ends with it.
#pragma once

#include <functional>
#include <string>
#include <systemc>

#include "accelerator/accelerator.h"
#include "bus/bus.h"
#include "config/chip_config.h"
#include "memory/ram.h"
#include "port/host/host_port.h"

namespace npim::testing {

inline config::ChipConfig small_chip() {
  return config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/neural-pim-small.json");
}

class AcceleratorBench : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kRegisters = 0x40000000, kMemory = 0x80000000;
  static constexpr std::uint64_t kMemoryBytes = 64 << 20;
  static constexpr std::uint64_t kHole = 0x50000000;

  explicit AcceleratorBench(const config::ChipConfig &config = small_chip())
      : sc_module(sc_core::sc_module_name("bench")),
        bus("bus"),
        ram("ram", kMemoryBytes),
        accelerator("accelerator", config),
        host("host", {kRegisters, kMemory, kMemoryBytes}) {
    bus.map({"accelerator", kRegisters, accelerator.kSize, {}}, accelerator.registers);
    bus.map({"RAM", kMemory, kMemoryBytes, {}}, ram.socket);
    accelerator.dma.bind(bus.from_initiators);
    host.bus.bind(bus.from_initiators);
    accelerator.interrupt.bind(line);
    host.interrupt.bind(line);
    SC_HAS_PROCESS(AcceleratorBench);
    SC_THREAD(run_body);
  }

  /// Simulates until `body` returns.
  void run(std::function<void()> body) {
    body_ = std::move(body);
    sc_core::sc_start();
  }

  bus::Bus bus;
  memory::Ram ram;
  accelerator::Accelerator accelerator;
  firmware::HostPort host;
  sc_core::sc_signal<bool> line{"line"};

 private:
  void run_body() {
    body_();
    sc_core::sc_stop();
  }
  std::function<void()> body_;
};

/// Status and reason of an access, values, in one line each.
class Registers {
 public:
  explicit Registers(firmware::HostPort &host) : host_(host) {}

  std::uint32_t read(std::uint64_t offset) { return get<std::uint32_t>(offset); }
  std::uint64_t read64(std::uint64_t offset) { return get<std::uint64_t>(offset); }
  bool write(std::uint64_t offset, std::uint32_t value) { return put(offset, value); }

  template <typename T>
  T get(std::uint64_t offset) {
    T value{};
    status = host_.access(tlm::TLM_READ_COMMAND, static_cast<std::uint32_t>(offset), &value,
                          sizeof value, &reason);
    return value;
  }
  template <typename T>
  bool put(std::uint64_t offset, T value) {
    status = host_.access(tlm::TLM_WRITE_COMMAND, static_cast<std::uint32_t>(offset), &value,
                          sizeof value, &reason);
    return status == tlm::TLM_OK_RESPONSE;
  }

  tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
  std::string reason;

 private:
  firmware::HostPort &host_;
};

}  // namespace npim::testing
