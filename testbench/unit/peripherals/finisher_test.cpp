#include "peripherals/finisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::peripherals {
namespace {

using testing::HasSubstr;

struct FinisherBench : testing::Test {
  test::BusInitiator hart{"hart", [this] { body(); }};
  test::TlmProtocolChecker checker{"checker"};
  Finisher finisher{"finisher"};
  std::function<void()> body;
  bool went_on = false;

  FinisherBench() {
    hart.socket.bind(checker.target);
    checker.initiator.bind(finisher.socket);
  }
  void finish_with(std::uint32_t value) {
    body = [this, value] {
      sc_core::wait(10, sc_core::SC_NS);
      hart.delay = sc_core::sc_time(5, sc_core::SC_NS);
      hart.write32(0, value);
      sc_core::wait(sc_core::SC_ZERO_TIME);
      went_on = true;
    };
    sc_core::sc_start(1, sc_core::SC_US);
  }
};

TEST_F(FinisherBench, PassStopsTheSimulationAtTheWrite) {
  finish_with(0x5555);
  EXPECT_EQ(finisher.outcome(), Finisher::Outcome::kPass);
  EXPECT_EQ(finisher.exit_code(), 0);
  EXPECT_EQ(sc_core::sc_get_status(), sc_core::SC_STOPPED);
  EXPECT_EQ(sc_core::sc_time_stamp(), sc_core::sc_time(15, sc_core::SC_NS));
  EXPECT_FALSE(went_on);
}

TEST_F(FinisherBench, FailCarriesACode) {
  finish_with(0xffff3333);
  EXPECT_EQ(finisher.outcome(), Finisher::Outcome::kFail);
  EXPECT_EQ(finisher.exit_code(), 0xffff);
}

TEST_F(FinisherBench, ResetEndsTheRunToo) {
  finish_with(0x7777);
  EXPECT_EQ(finisher.outcome(), Finisher::Outcome::kReset);
}

TEST_F(FinisherBench, OtherValuesAreRefused) {
  finish_with(0x1234);
  EXPECT_TRUE(went_on);
  EXPECT_EQ(finisher.outcome(), Finisher::Outcome::kNone);
  EXPECT_EQ(hart.status, tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_THAT(hart.reason, HasSubstr("FINISH: 0x1234 is none of pass"));
  EXPECT_EQ(hart.read32(0), 0u);
}

TEST_F(FinisherBench, AccessSizes) {
  body = [this] {
    hart.read64(0);
    EXPECT_EQ(hart.status, tlm::TLM_BURST_ERROR_RESPONSE);
    hart.read8(0);
    EXPECT_EQ(hart.status, tlm::TLM_BURST_ERROR_RESPONSE);
    hart.read32(4);
    EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
    hart.write<std::uint16_t>(0, 0x5555);  // QEMU takes half words as well
  };
  sc_core::sc_start(1, sc_core::SC_US);
  EXPECT_EQ(finisher.outcome(), Finisher::Outcome::kPass);
}

}  // namespace
}  // namespace npim::peripherals
