// Random RV64GC programs on QEMU's virt machine and on the hart print the same registers and
// memory: 20 programs of 80,000 random instructions in machine mode, and 20 of 50,000 in all modes,
// under random page tables. (Room for two harts, of which one is there, makes QEMU's atomics report
// faults as the specification asks.)
#include <gtest/gtest.h>
#include <tlm_utils/simple_target_socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <systemc>
#include <vector>

#include "bus/access_error.h"
#include "cpu/hart.h"
#include "random_program.h"

namespace npim::cpu::test {
namespace {

constexpr std::uint64_t kRam = 0x80000000, kRamSize = 0x200000;

/// RAM, the transmitter of a UART that is always ready, and the finisher.
struct MiniBoard : sc_core::sc_module {
  tlm_utils::simple_target_socket<MiniBoard> socket{"socket"};
  sc_core::sc_signal<bool> low;
  Hart hart;
  std::vector<unsigned char> ram;
  std::string output;

  MiniBoard(const sc_core::sc_module_name &name, const HartConfig &config)
      : sc_module(name), hart("hart", config), ram(kRamSize) {
    hart.bus.bind(socket);
    hart.software_interrupt(low);
    hart.timer_interrupt(low);
    hart.external_interrupt(low);
    socket.register_b_transport(this, &MiniBoard::b_transport);
    socket.register_get_direct_mem_ptr(this, &MiniBoard::get_direct_mem_ptr);
  }
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    if (payload.get_address() == 0x10000000 && payload.is_write()) {
      output += static_cast<char>(*payload.get_data_ptr());
    } else if (payload.get_address() == 0x10000005 && payload.is_read()) {
      *payload.get_data_ptr() = 0x60;
    } else if (payload.get_address() == 0x100000) {
      sc_core::sc_stop();
    } else {
      bus::refuse(payload, tlm::TLM_ADDRESS_ERROR_RESPONSE, "nothing here");
    }
  }
  bool get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi) {
    const std::uint64_t address = payload.get_address();
    if (address < kRam || address - kRam >= kRamSize) return false;
    dmi.set_start_address(kRam);
    dmi.set_end_address(kRam + kRamSize - 1);
    dmi.set_dmi_ptr(ram.data());
    dmi.allow_read_write();
    return true;
  }
};

std::string on_hart(const std::vector<unsigned char> &image) {
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING);
  HartConfig config;
  config.reset_pc = kRam;
  MiniBoard board("board", config);
  std::copy(image.begin(), image.end(), board.ram.begin());
  sc_core::sc_start(sc_core::sc_time(100, sc_core::SC_MS));
  return board.output;
}

/// What QEMU prints; bounded in time by timeout(1).
std::string on_qemu(const std::vector<unsigned char> &image) {
  const std::string path = testing::TempDir() + "npim_cpu_vs_qemu_" + std::to_string(getpid());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char *>(image.data()),
             static_cast<std::streamsize>(image.size()));
  const std::string command =
      "timeout 60 qemu-system-riscv64 -M virt -smp 1,maxcpus=2 -cpu rv64,h=false,sstc=false -bios "
      "none -display "
      "none -monitor none -serial stdio "
      "-kernel " +
      path + " < /dev/null";
  std::string text;
  if (FILE *pipe = popen(command.c_str(), "r")) {
    char buffer[4096];
    for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
      text.append(buffer, got);
    }
    pclose(pipe);
  }
  std::remove(path.c_str());
  std::string digits;
  for (const char c : text) {
    if (c != '\r') digits += c;
  }
  return digits;
}

std::string cell(const std::string &text, std::size_t index) {
  return text.size() >= 16 * (index + 1) ? text.substr(16 * index, 16) : "missing";
}

class CpuVsQemu : public testing::TestWithParam<std::uint64_t> {};

/// `size`: bytes that the program dumps.
void compare(const std::vector<unsigned char> &image, std::size_t size) {
  ASSERT_LE(image.size(), kRamSize);
  const std::string expected = on_qemu(image), actual = on_hart(image);
  ASSERT_EQ(expected.size(), 2 * size + 1);
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < expected.size() / 16; ++i) {
    EXPECT_EQ(cell(actual, i), cell(expected, i)) << "at data byte " << 8 * i;
  }
}

bool qemu_is_missing() {
  return std::system("command -v qemu-system-riscv64 > /dev/null 2>&1") != 0;
}

TEST_P(CpuVsQemu, RandomProgramsAgree) {
  if (qemu_is_missing()) GTEST_SKIP() << "qemu-system-riscv64 is not installed";
  compare(random_program(GetParam(), 80'000), 4096 + 1024);
}

TEST_P(CpuVsQemu, RandomPrivilegedProgramsAgree) {
  if (qemu_is_missing()) GTEST_SKIP() << "qemu-system-riscv64 is not installed";
  compare(random_privileged_program(GetParam(), 50'000), 4096 + 1024 + 8 * (1 + 64 + 9 + 1));
}

/// One past the last seed. More by hand: NPIM_SEEDS=1000 with one process per test.
std::uint64_t end_of_seeds() {
  const char *wanted = std::getenv("NPIM_SEEDS");
  return wanted == nullptr ? 21 : std::strtoull(wanted, nullptr, 10) + 1;
}

INSTANTIATE_TEST_SUITE_P(Seeds, CpuVsQemu, testing::Range<std::uint64_t>(1, end_of_seeds()));

}  // namespace
}  // namespace npim::cpu::test
