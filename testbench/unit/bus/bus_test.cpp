#include "bus/bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "memory/ram.h"
#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::bus {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kLow = 0x1000;
constexpr std::uint64_t kHigh = 0x80000000;

/// Two initiators, two memories; a protocol checker on each path.
struct BusBench : testing::Test {
  test::BusInitiator hart{"hart"};
  test::BusInitiator dma{"dma"};
  test::TlmProtocolChecker before{"before"};
  Bus bus{"bus"};
  test::TlmProtocolChecker after{"after"};
  memory::Ram low{"low", 0x100};
  memory::Ram high{"high", 0x10000};

  BusBench() {
    hart.socket.bind(before.target);
    before.initiator.bind(bus.from_initiators);
    dma.socket.bind(bus.from_initiators);
    after.initiator.bind(high.socket);
    bus.map({"low RAM", kLow, 0x100, {}}, low.socket);
    // The map gives less than the memory has, so that clipping shows.
    bus.map({"high RAM", kHigh, 0x8000, {}}, after.target);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
};

TEST_F(BusBench, RoutesAndTranslates) {
  EXPECT_TRUE(hart.write32(kLow + 4, 0x11223344));
  EXPECT_TRUE(dma.write32(kHigh + 4, 0x55667788));
  EXPECT_EQ(dma.read32(kLow + 4), 0x11223344u);
  EXPECT_EQ(hart.read32(kHigh + 4), 0x55667788u);
  EXPECT_EQ(hart.read8(kHigh + 5), 0x77);
  std::uint32_t direct = 0;
  EXPECT_EQ(hart.debug(tlm::TLM_READ_COMMAND, kHigh + 4, &direct, 4), 4u);
  EXPECT_EQ(direct, 0x55667788u);
  EXPECT_EQ(hart.delay, sc_core::SC_ZERO_TIME);
}

TEST_F(BusBench, GivesTheAddressBack) {
  std::uint32_t data = 0;
  tlm::tlm_generic_payload payload;
  test::BusInitiator::prepare(payload, tlm::TLM_READ_COMMAND, kHigh + 8, &data, 4);
  EXPECT_TRUE(hart.transport(payload));
  EXPECT_EQ(payload.get_address(), kHigh + 8);
}

TEST_F(BusBench, UnmappedAddressIsAnErrorWithReason) {
  hart.read32(0x2000);
  EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(hart.reason, "nothing is mapped there");
  EXPECT_EQ(bus.describe(0x2000), "nothing; nearest is low RAM (0x1000 to 0x10ff)");
  EXPECT_FALSE(hart.write8(~0ull, 1));
  EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  std::uint8_t byte = 0;
  EXPECT_EQ(hart.debug(tlm::TLM_READ_COMMAND, 0x2000, &byte, 1), 0u);
}

TEST_F(BusBench, AccessAcrossTheEndChangesNothing) {
  EXPECT_TRUE(hart.write32(kLow + 0xfc, 0xa5a5a5a5));
  EXPECT_FALSE(hart.write64(kLow + 0xfc, 0));
  EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_THAT(hart.reason, HasSubstr("8 bytes at 0x10fc crosses the end of low RAM"));
  EXPECT_EQ(hart.read32(kLow + 0xfc), 0xa5a5a5a5u);
  std::uint64_t word = 0;
  EXPECT_EQ(hart.debug(tlm::TLM_WRITE_COMMAND, kLow + 0xfc, &word, 8), 0u);
  EXPECT_EQ(hart.read32(kLow + 0xfc), 0xa5a5a5a5u);
}

TEST_F(BusBench, DmiIsTranslatedAndClipped) {
  tlm::tlm_dmi dmi;
  ASSERT_TRUE(hart.ask_for_dmi(tlm::TLM_WRITE_COMMAND, kHigh + 0x123, dmi));
  EXPECT_EQ(dmi.get_start_address(), kHigh);
  EXPECT_EQ(dmi.get_end_address(), kHigh + 0x7fff);
  dmi.get_dmi_ptr()[0x10] = 0x5a;
  EXPECT_EQ(hart.read8(kHigh + 0x10), 0x5a);
}

TEST_F(BusBench, DmiOfAHoleIsDeniedForTheWholeHole) {
  tlm::tlm_dmi dmi;
  EXPECT_FALSE(hart.ask_for_dmi(tlm::TLM_READ_COMMAND, 0x2000, dmi));
  EXPECT_EQ(dmi.get_start_address(), 0x1100u);
  EXPECT_EQ(dmi.get_end_address(), kHigh - 1);
}

TEST_F(BusBench, InvalidationReachesAllInitiatorsInTheirAddresses) {
  high.allow_dmi(false);
  for (const auto *initiator : {&hart, &dma}) {
    ASSERT_EQ(initiator->invalidations.size(), 1u);
    EXPECT_EQ(initiator->invalidations[0].first, kHigh);
    EXPECT_EQ(initiator->invalidations[0].last, kHigh + 0x7fff);
  }
  tlm::tlm_dmi dmi;
  EXPECT_FALSE(hart.ask_for_dmi(tlm::TLM_READ_COMMAND, kHigh, dmi));
  EXPECT_EQ(dmi.get_start_address(), kHigh);
  EXPECT_EQ(dmi.get_end_address(), kHigh + 0x7fff);
  EXPECT_EQ(hart.read8(kHigh), 0);
  EXPECT_FALSE(hart.dmi_hint);
}

TEST(Bus, OverlapIsAnInputError) {
  Bus bus("bus");
  memory::Ram first("first", 0x100);
  memory::Ram second("second", 0x100);
  bus.map({"first", 0x1000, 0x100, {}}, first.socket);
  EXPECT_THROW(bus.map({"second", 0x10ff, 0x100, {}}, second.socket), InputError);
}

}  // namespace
}  // namespace npim::bus
