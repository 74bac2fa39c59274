#include "peripherals/uart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "peripherals/uart_input.h"
#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::peripherals {
namespace {

using sc_core::SC_NS;
using sc_core::SC_US;
using testing::HasSubstr;

struct UartBench : testing::Test {
  test::BusInitiator hart{"hart"};
  test::TlmProtocolChecker checker{"checker"};
  Uart uart{"uart"};
  sc_core::sc_signal<bool> line{"line"};
  std::string sent;

  UartBench() {
    hart.socket.bind(checker.target);
    checker.initiator.bind(uart.socket);
    uart.interrupt.bind(line);
    uart.set_sink([this](char c) { sent += c; });
    settle();
  }
  static void settle() { sc_core::sc_start(1, SC_NS); }
  bool interrupt() {
    settle();
    return line.read();
  }
  void receive(const std::string &bytes) {
    for (const char c : bytes) uart.receive(static_cast<std::uint8_t>(c));
  }
};

TEST_F(UartBench, ResetValues) {
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 0);
  EXPECT_EQ(hart.read8(Uart::kIer), 0);
  EXPECT_EQ(hart.read8(Uart::kIirFcr), 0x01);
  EXPECT_EQ(hart.read8(Uart::kLcr), 0);
  EXPECT_EQ(hart.read8(Uart::kMcr), 0x08);
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x60);
  EXPECT_EQ(hart.read8(Uart::kMsr), 0xb0);
  EXPECT_EQ(hart.read8(Uart::kScr), 0);
  EXPECT_FALSE(interrupt());
}

TEST_F(UartBench, ReservedBits) {
  EXPECT_TRUE(hart.write8(Uart::kIer, 0xff));
  EXPECT_EQ(hart.read8(Uart::kIer), 0x0f);
  EXPECT_TRUE(hart.write8(Uart::kMcr, 0xef));
  EXPECT_EQ(hart.read8(Uart::kMcr), 0x0f);
  EXPECT_TRUE(hart.write8(Uart::kScr, 0xa5));
  EXPECT_EQ(hart.read8(Uart::kScr), 0xa5);
}

TEST_F(UartBench, DivisorLatchHidesDataAndInterruptEnable) {
  EXPECT_TRUE(hart.write8(Uart::kIer, 0x05));
  EXPECT_TRUE(hart.write8(Uart::kLcr, 0x83));
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 0x0c);
  EXPECT_TRUE(hart.write8(Uart::kRbrThr, 0x34));
  EXPECT_TRUE(hart.write8(Uart::kIer, 0x12));
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 0x34);
  EXPECT_EQ(hart.read8(Uart::kIer), 0x12);
  EXPECT_TRUE(hart.write8(Uart::kLcr, 0x03));
  EXPECT_EQ(hart.read8(Uart::kIer), 0x05);
  EXPECT_EQ(sent, "");
}

TEST_F(UartBench, SendsAtOnce) {
  for (const char c : std::string("hi")) {
    EXPECT_TRUE(hart.write8(Uart::kRbrThr, static_cast<std::uint8_t>(c)));
    EXPECT_EQ(hart.read8(Uart::kLsr), 0x60);
  }
  EXPECT_EQ(sent, "hi");
}

TEST_F(UartBench, TransmitterInterruptIsAcknowledgedByReadingIir) {
  EXPECT_TRUE(hart.write8(Uart::kIer, Uart::kOnThrEmpty));
  EXPECT_TRUE(interrupt());
  EXPECT_EQ(hart.read8(Uart::kIirFcr), Uart::kThrEmptyId);
  EXPECT_FALSE(interrupt());
  EXPECT_EQ(hart.read8(Uart::kIirFcr), Uart::kNone);
  EXPECT_TRUE(hart.write8(Uart::kRbrThr, 'x'));
  EXPECT_TRUE(interrupt());
  EXPECT_TRUE(hart.write8(Uart::kIer, 0));
  EXPECT_FALSE(interrupt());
}

TEST_F(UartBench, ReceiveInterruptLastsUntilTheByteIsRead) {
  EXPECT_TRUE(hart.write8(Uart::kIer, Uart::kOnData));
  EXPECT_FALSE(interrupt());
  receive("A");
  EXPECT_TRUE(interrupt());
  EXPECT_EQ(hart.read8(Uart::kIirFcr), Uart::kDataId);
  EXPECT_TRUE(interrupt());
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x61);
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 'A');
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x60);
  EXPECT_FALSE(interrupt());
}

TEST_F(UartBench, WithoutFifoASecondByteOverruns) {
  EXPECT_TRUE(hart.write8(Uart::kIer, Uart::kOnLineStatus | Uart::kOnData));
  receive("AB");
  EXPECT_FALSE(uart.can_receive());
  EXPECT_TRUE(interrupt());
  EXPECT_EQ(hart.read8(Uart::kIirFcr), Uart::kLineStatusId);
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x63);
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x61);  // reading cleared the error
  EXPECT_EQ(hart.read8(Uart::kIirFcr), Uart::kDataId);
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 'B');
}

TEST_F(UartBench, FifoHoldsSixteenBytes) {
  EXPECT_TRUE(hart.write8(Uart::kIirFcr, 0x01));
  receive("0123456789abcdef");
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x61);
  receive("!");
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x63);
  std::string got;
  while ((hart.read8(Uart::kLsr) & Uart::kDataReady) != 0) {
    got += static_cast<char>(hart.read8(Uart::kRbrThr));
  }
  EXPECT_EQ(got, "0123456789abcdef");
}

TEST_F(UartBench, TriggerLevelAndCharacterTimeout) {
  EXPECT_TRUE(hart.write8(Uart::kIirFcr, 0x81));  // FIFO on, trigger at 8
  EXPECT_TRUE(hart.write8(Uart::kIer, Uart::kOnData));
  receive("1234567");
  EXPECT_FALSE(interrupt());
  receive("8");
  EXPECT_TRUE(interrupt());
  EXPECT_EQ(hart.read8(Uart::kIirFcr), 0xc0 | Uart::kDataId);
  hart.read8(Uart::kRbrThr);
  EXPECT_FALSE(interrupt());
  sc_core::sc_start(346, SC_US);  // four characters of ten bits at 115200 baud: 347.2 us
  EXPECT_FALSE(interrupt());
  sc_core::sc_start(2, SC_US);
  EXPECT_TRUE(interrupt());
  EXPECT_EQ(hart.read8(Uart::kIirFcr), 0xc0 | Uart::kTimeoutId);
  hart.read8(Uart::kRbrThr);
  EXPECT_FALSE(interrupt());
}

TEST_F(UartBench, FifoControlClears) {
  EXPECT_TRUE(hart.write8(Uart::kIirFcr, 0x01));
  EXPECT_EQ(hart.read8(Uart::kIirFcr), 0xc1);
  receive("abc");
  EXPECT_TRUE(hart.write8(Uart::kIirFcr, 0x03));
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x60);
  receive("d");
  EXPECT_TRUE(hart.write8(Uart::kIirFcr, 0x00));
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x60);
  EXPECT_EQ(hart.read8(Uart::kIirFcr), 0x01);
}

TEST_F(UartBench, LoopbackReturnsBytesAndModemLines) {
  EXPECT_TRUE(hart.write8(Uart::kMcr, 0x13));
  EXPECT_EQ(hart.read8(Uart::kMsr), 0x30);
  EXPECT_TRUE(hart.write8(Uart::kRbrThr, 'L'));
  EXPECT_EQ(sent, "");
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 'L');
}

TEST_F(UartBench, IllegalAccesses) {
  hart.read32(0);
  EXPECT_EQ(hart.status, tlm::TLM_BURST_ERROR_RESPONSE);
  EXPECT_EQ(hart.reason, "UART 16550: RBR/THR is 1 byte wide, access of 4 bytes");
  EXPECT_FALSE(hart.write8(Uart::kLsr, 0));
  EXPECT_EQ(hart.reason, "UART 16550: LSR is read-only");
  EXPECT_FALSE(hart.write8(Uart::kMsr, 0));
  hart.read8(8);
  EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_THAT(hart.reason, HasSubstr("no register at offset 0x8"));
  EXPECT_EQ(uart.describe(5), "LSR");
}

TEST_F(UartBench, DebuggerDoesNotConsume) {
  receive("Z");
  std::uint8_t registers[8];
  EXPECT_EQ(hart.debug(tlm::TLM_READ_COMMAND, 0, registers, 8), 8u);
  EXPECT_EQ(registers[0], 'Z');
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 'Z');
}

TEST(UartInput, FeedsOneByteEachIntervalAndStops) {
  test::BusInitiator hart("hart");
  Uart uart("uart");
  sc_core::sc_signal<bool> line("line");
  hart.socket.bind(uart.socket);
  uart.interrupt.bind(line);
  UartInput input("input", uart, std::make_unique<FixedBytes>("ab"), sc_core::sc_time(100, SC_US));
  sc_core::sc_start(50, SC_US);
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 'a');
  sc_core::sc_start(49, SC_US);
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x60);
  sc_core::sc_start(2, SC_US);
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 'b');
  sc_core::sc_start(1, sc_core::SC_MS);
  EXPECT_FALSE(sc_core::sc_pending_activity());  // an exhausted source keeps no simulation alive
}

TEST(UartInput, WaitsForRoom) {
  test::BusInitiator hart("hart");
  Uart uart("uart");
  sc_core::sc_signal<bool> line("line");
  hart.socket.bind(uart.socket);
  uart.interrupt.bind(line);
  UartInput input("input", uart, std::make_unique<FixedBytes>("xyz"), sc_core::sc_time(100, SC_US));
  sc_core::sc_start(1, sc_core::SC_MS);
  EXPECT_EQ(hart.read8(Uart::kLsr), 0x61);  // no overrun
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 'x');
  sc_core::sc_start(1, sc_core::SC_MS);
  EXPECT_EQ(hart.read8(Uart::kRbrThr), 'y');
}

}  // namespace
}  // namespace npim::peripherals
