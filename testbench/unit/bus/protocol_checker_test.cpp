// The checker must find what it is for: each broken rule once, with a target that breaks it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

struct OddTarget : sc_core::sc_module {
  tlm_utils::simple_target_socket<OddTarget> socket{"socket"};
  std::function<void(tlm::tlm_generic_payload &, sc_core::sc_time &)> behave;

  explicit OddTarget(const sc_core::sc_module_name &module_name) : sc_module(module_name) {
    socket.register_b_transport(this, &OddTarget::b_transport);
    socket.register_transport_dbg(this, &OddTarget::transport_dbg);
    socket.register_get_direct_mem_ptr(this, &OddTarget::get_direct_mem_ptr);
  }
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    if (behave) behave(payload, delay);
  }
  unsigned transport_dbg(tlm::tlm_generic_payload &payload) {
    return payload.get_data_length() + 1;
  }
  bool get_direct_mem_ptr(tlm::tlm_generic_payload &, tlm::tlm_dmi &dmi) {
    dmi.set_start_address(0x100);
    dmi.set_end_address(0x1ff);
    return true;
  }
};

struct CheckerBench : testing::Test {
  std::vector<std::string> broken;
  BusInitiator initiator{"initiator"};
  TlmProtocolChecker checker{"checker",
                             [this](const std::string &rule) { broken.push_back(rule); }};
  OddTarget target{"target"};

  CheckerBench() {
    initiator.socket.bind(checker.target);
    checker.initiator.bind(target.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
};

TEST_F(CheckerBench, AcceptsACleanAccess) {
  EXPECT_TRUE(initiator.write32(0, 1));
  initiator.read64(8);
  EXPECT_THAT(broken, IsEmpty());
  EXPECT_EQ(checker.transactions(), 2u);
}

TEST_F(CheckerBench, FindsBrokenRequests) {
  std::uint32_t data = 0;
  tlm::tlm_generic_payload payload;
  const auto expect = [&](const std::string &rule, auto &&spoil) {
    broken.clear();
    BusInitiator::prepare(payload, tlm::TLM_READ_COMMAND, 0, &data, 4);
    spoil();
    initiator.transport(payload);
    EXPECT_THAT(broken, Contains(HasSubstr(rule)));
  };
  expect("data pointer is null", [&] { payload.set_data_ptr(nullptr); });
  expect("data length is zero", [&] { payload.set_data_length(0); });
  expect("streaming width is zero", [&] { payload.set_streaming_width(0); });
  expect("not INCOMPLETE", [&] { payload.set_response_status(tlm::TLM_OK_RESPONSE); });
  expect("DMI hint", [&] { payload.set_dmi_allowed(true); });
  unsigned char enables[] = {0xff, 0x01};
  expect("neither 0x00 nor 0xff", [&] {
    payload.set_byte_enable_ptr(enables);
    payload.set_byte_enable_length(2);
  });
  expect("byte enable length", [&] {
    payload.set_byte_enable_ptr(enables);
    payload.set_byte_enable_length(0);
  });
}

TEST_F(CheckerBench, FindsBrokenTargets) {
  const auto expect = [&](const std::string &rule, auto behave) {
    broken.clear();
    target.behave = behave;
    initiator.delay = sc_core::SC_ZERO_TIME;
    initiator.write32(0, 0x12345678);
    EXPECT_THAT(broken, Contains(HasSubstr(rule)));
  };
  using Payload = tlm::tlm_generic_payload;
  using sc_core::sc_time;
  expect("no response status",
         [](Payload &p, sc_time &) { p.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE); });
  expect("command changed", [](Payload &p, sc_time &) { p.set_read(); });
  expect("data length changed", [](Payload &p, sc_time &) { p.set_data_length(2); });
  expect("streaming width changed", [](Payload &p, sc_time &) { p.set_streaming_width(2); });
  expect("changed the initiator's data", [](Payload &p, sc_time &) { *p.get_data_ptr() = 0; });
  expect("DMI is hinted", [](Payload &p, sc_time &) {
    p.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    p.set_dmi_allowed(true);
  });
}

TEST_F(CheckerBench, FindsTimeThatGoesBackwards) {
  target.behave = [](tlm::tlm_generic_payload &, sc_core::sc_time &delay) {
    delay = sc_core::SC_ZERO_TIME;
  };
  initiator.delay = sc_core::sc_time(5, sc_core::SC_NS);
  initiator.write32(0, 1);
  EXPECT_THAT(broken, Contains(HasSubstr("time went backwards")));
}

TEST_F(CheckerBench, FindsBrokenDmiAndDebug) {
  tlm::tlm_dmi dmi;
  initiator.ask_for_dmi(tlm::TLM_READ_COMMAND, 0x50, dmi);
  EXPECT_THAT(broken, Contains(HasSubstr("does not hold the address")));
  EXPECT_THAT(broken, Contains(HasSubstr("without a pointer")));
  EXPECT_THAT(broken, Contains(HasSubstr("not for the command")));
  std::uint8_t byte = 0;
  initiator.debug(tlm::TLM_READ_COMMAND, 0, &byte, 1);
  EXPECT_THAT(broken, Contains(HasSubstr("more bytes than were asked for")));
}

}  // namespace
}  // namespace npim::test
