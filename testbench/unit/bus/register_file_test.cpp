#include "bus/register_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tlm_utils/simple_target_socket.h>

#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::bus {
namespace {

using testing::HasSubstr;

struct Device : sc_core::sc_module {
  tlm_utils::simple_target_socket<Device> socket{"socket"};
  RegisterFile registers{"device"};
  Register *control, *status, *wide, *byte, *secret;
  int pops = 0;

  explicit Device(const sc_core::sc_module_name &module_name) : sc_module(module_name) {
    socket.register_b_transport(this, &Device::b_transport);
    socket.register_transport_dbg(this, &Device::transport_dbg);
    Register reg{"CONTROL", 0x0};
    reg.reset = 0x80000010;
    reg.writable = 0xff;
    reg.on_write = [](std::uint64_t value) { return value == 0x8000000du ? "13 is no mode" : ""; };
    control = &registers.add(reg);
    Register read_only{"STATUS", 0x4};
    read_only.access = Access::kReadOnly;
    read_only.value_of = [this] { return 100 + pops; };
    read_only.on_read = [this] { return 100 + pops++; };
    status = &registers.add(read_only);
    Register long_one{"WIDE", 0x8, 8};
    long_one.smallest_access = 4;
    wide = &registers.add(long_one);
    byte = &registers.add({"BYTE", 0x10, 1});
    Register write_only{"SECRET", 0x14};
    write_only.access = Access::kWriteOnly;
    secret = &registers.add(write_only);
  }
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
    registers.b_transport(payload, delay);
  }
  unsigned transport_dbg(tlm::tlm_generic_payload &payload) {
    return registers.transport_dbg(payload);
  }
};

struct RegisterBench : testing::Test {
  test::BusInitiator hart{"hart", [this] {
                            if (body) body();
                          }};
  test::TlmProtocolChecker checker{"checker"};
  Device device{"device"};
  std::function<void()> body;

  RegisterBench() {
    hart.socket.bind(checker.target);
    checker.initiator.bind(device.socket);
  }
  void elaborate() { sc_core::sc_start(sc_core::SC_ZERO_TIME); }
  void expect_refusal(tlm::tlm_response_status status, const std::string &reason) {
    EXPECT_EQ(hart.status, status);
    EXPECT_THAT(hart.reason, HasSubstr(reason));
  }
};

TEST_F(RegisterBench, ReservedBitsKeepTheirValue) {
  elaborate();
  EXPECT_EQ(hart.read32(0), 0x80000010u);
  EXPECT_TRUE(hart.write32(0, 0x7fffff55));
  EXPECT_EQ(hart.read32(0), 0x80000055u);
  device.registers.reset();
  EXPECT_EQ(hart.read32(0), 0x80000010u);
}

TEST_F(RegisterBench, RefusedValueLeavesTheRegister) {
  elaborate();
  EXPECT_FALSE(hart.write32(0, 13));
  expect_refusal(tlm::TLM_GENERIC_ERROR_RESPONSE, "device: CONTROL: 13 is no mode");
  EXPECT_EQ(hart.read32(0), 0x80000010u);
}

TEST_F(RegisterBench, HalvesOfAWideRegister) {
  elaborate();
  EXPECT_TRUE(hart.write64(8, 0x1122334455667788));
  EXPECT_EQ(hart.read32(8), 0x55667788u);
  EXPECT_EQ(hart.read32(12), 0x11223344u);
  EXPECT_TRUE(hart.write32(12, 0xaabbccdd));
  EXPECT_EQ(hart.read64(8), 0xaabbccdd55667788u);
}

TEST_F(RegisterBench, WrongAccessesAreRefusedByName) {
  elaborate();
  hart.read8(0);
  expect_refusal(tlm::TLM_BURST_ERROR_RESPONSE, "CONTROL is 4 bytes wide, access of 1 byte");
  hart.read64(0);
  expect_refusal(tlm::TLM_BURST_ERROR_RESPONSE, "CONTROL is 4 bytes wide, access of 8 bytes");
  hart.read32(0x10);
  expect_refusal(tlm::TLM_BURST_ERROR_RESPONSE, "BYTE is 1 byte wide");
  hart.read32(0xa);
  expect_refusal(tlm::TLM_ADDRESS_ERROR_RESPONSE,
                 "misaligned access of 4 bytes at offset 0xa in WIDE");
  hart.read32(2);
  expect_refusal(tlm::TLM_ADDRESS_ERROR_RESPONSE, "misaligned");
  hart.read32(0x40);
  expect_refusal(tlm::TLM_ADDRESS_ERROR_RESPONSE, "no register at offset 0x40");
  EXPECT_FALSE(hart.write32(4, 1));
  expect_refusal(tlm::TLM_COMMAND_ERROR_RESPONSE, "STATUS is read-only");
  hart.read32(0x14);
  expect_refusal(tlm::TLM_COMMAND_ERROR_RESPONSE, "SECRET is write-only");
  EXPECT_TRUE(hart.write32(0x14, 1));
}

TEST_F(RegisterBench, StreamingAndByteEnablesAreRefused) {
  elaborate();
  std::uint32_t data = 0;
  tlm::tlm_generic_payload payload;
  test::BusInitiator::prepare(payload, tlm::TLM_WRITE_COMMAND, 0, &data, 4);
  payload.set_streaming_width(2);
  EXPECT_FALSE(hart.transport(payload));
  expect_refusal(tlm::TLM_BURST_ERROR_RESPONSE, "streaming");
  test::BusInitiator::prepare(payload, tlm::TLM_WRITE_COMMAND, 0, &data, 4);
  unsigned char enables[] = {0xff, 0x00};
  payload.set_byte_enable_ptr(enables);
  payload.set_byte_enable_length(2);
  EXPECT_FALSE(hart.transport(payload));
  expect_refusal(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE, "byte enables");
}

TEST_F(RegisterBench, DebugReadsHaveNoSideEffect) {
  elaborate();
  std::uint32_t value = 0;
  EXPECT_EQ(hart.debug(tlm::TLM_READ_COMMAND, 4, &value, 4), 4u);
  EXPECT_EQ(hart.debug(tlm::TLM_READ_COMMAND, 4, &value, 4), 4u);
  EXPECT_EQ(value, 100u);
  EXPECT_EQ(hart.debug(tlm::TLM_WRITE_COMMAND, 0, &value, 4), 0u);
  EXPECT_EQ(hart.read32(4), 100u);
  EXPECT_EQ(hart.read32(4), 101u);
  std::uint8_t tail[8] = {};
  EXPECT_EQ(hart.debug(tlm::TLM_READ_COMMAND, 0x16, tail, 8), 2u);
}

TEST_F(RegisterBench, AccessWaitsForTheInitiatorsTime) {
  sc_core::sc_time seen;
  body = [&] {
    hart.delay = sc_core::sc_time(70, sc_core::SC_NS);
    hart.read32(0);
    seen = sc_core::sc_time_stamp();
  };
  sc_core::sc_start();
  EXPECT_EQ(seen, sc_core::sc_time(70, sc_core::SC_NS));
  EXPECT_EQ(hart.delay, sc_core::SC_ZERO_TIME);
}

TEST_F(RegisterBench, OverlapIsAModelError) {
  EXPECT_THROW(device.registers.add({"TWICE", 0xc}), sc_core::sc_report);
}

}  // namespace
}  // namespace npim::bus
