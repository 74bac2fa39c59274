#include "memory/ram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "base/error.h"
#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::memory {
namespace {

using testing::HasSubstr;

template <typename Memory>
struct Bench : testing::Test {
  static constexpr std::uint64_t kSize = 0x2000;
  test::BusInitiator hart{"hart"};
  test::TlmProtocolChecker checker{"checker"};
  Memory memory{"memory", kSize};

  Bench() {
    hart.socket.bind(checker.target);
    checker.initiator.bind(memory.socket);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
};
using RamBench = Bench<Ram>;
using RomBench = Bench<BootRom>;

TEST_F(RamBench, StartsAsZeroAndKeepsWhatIsWritten) {
  EXPECT_EQ(hart.read64(0), 0u);
  EXPECT_TRUE(hart.write64(kSize - 8, 0x0102030405060708));
  EXPECT_EQ(hart.read8(kSize - 1), 1);
  EXPECT_EQ(hart.read32(kSize - 8), 0x05060708u);
  EXPECT_EQ(hart.read<std::uint16_t>(kSize - 7), 0x0607);  // misaligned is the initiator's matter
  EXPECT_EQ(hart.delay, sc_core::SC_ZERO_TIME);
  EXPECT_TRUE(hart.dmi_hint);
}

TEST_F(RamBench, AccessBeyondTheEndIsRefused) {
  for (const std::uint64_t offset : {kSize, kSize - 3, ~std::uint64_t{0}, ~std::uint64_t{0} - 3}) {
    EXPECT_FALSE(hart.write32(offset, 1));
    EXPECT_EQ(hart.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_THAT(hart.reason, HasSubstr("leaves the memory"));
  }
  EXPECT_EQ(hart.read64(kSize - 8), 0u);
}

TEST_F(RamBench, ByteEnablesRepeatOverTheData) {
  EXPECT_TRUE(hart.write64(0, 0));
  std::uint64_t data = ~std::uint64_t{0};
  unsigned char enables[] = {0xff, 0x00, 0x00};
  tlm::tlm_generic_payload payload;
  test::BusInitiator::prepare(payload, tlm::TLM_WRITE_COMMAND, 0, &data, 8);
  payload.set_byte_enable_ptr(enables);
  payload.set_byte_enable_length(3);
  EXPECT_TRUE(hart.transport(payload));
  EXPECT_EQ(hart.read64(0), 0x00ff0000ff0000ffu);
  data = 0x1111111111111111;
  test::BusInitiator::prepare(payload, tlm::TLM_READ_COMMAND, 0, &data, 8);
  payload.set_byte_enable_ptr(enables);
  payload.set_byte_enable_length(3);
  EXPECT_TRUE(hart.transport(payload));
  EXPECT_EQ(data, 0x11ff1111ff1111ffu);
}

TEST_F(RamBench, StreamingIsRefused) {
  std::uint64_t data = 0;
  tlm::tlm_generic_payload payload;
  test::BusInitiator::prepare(payload, tlm::TLM_WRITE_COMMAND, 0, &data, 8);
  payload.set_streaming_width(4);
  EXPECT_FALSE(hart.transport(payload));
  EXPECT_EQ(hart.status, tlm::TLM_BURST_ERROR_RESPONSE);
}

TEST_F(RamBench, IgnoreCommandTouchesNothing) {
  EXPECT_TRUE(hart.write32(0, 7));
  std::uint32_t data = 9;
  EXPECT_TRUE(hart.transport(tlm::TLM_IGNORE_COMMAND, 0, &data, 4));
  EXPECT_EQ(data, 9u);
  EXPECT_EQ(hart.read32(0), 7u);
}

TEST_F(RamBench, DmiSeesTheSameBytes) {
  tlm::tlm_dmi dmi;
  ASSERT_TRUE(hart.ask_for_dmi(tlm::TLM_WRITE_COMMAND, 0x10, dmi));
  EXPECT_TRUE(dmi.is_read_write_allowed());
  EXPECT_EQ(dmi.get_end_address(), kSize - 1);
  dmi.get_dmi_ptr()[0x10] = 0x42;
  EXPECT_EQ(hart.read8(0x10), 0x42);
}

TEST_F(RamBench, DmiCanBeTurnedOff) {
  memory.allow_dmi(false);
  ASSERT_EQ(hart.invalidations.size(), 1u);
  EXPECT_EQ(hart.invalidations[0].last, kSize - 1);
  tlm::tlm_dmi dmi;
  EXPECT_FALSE(hart.ask_for_dmi(tlm::TLM_READ_COMMAND, 0, dmi));
  hart.read8(0);
  EXPECT_FALSE(hart.dmi_hint);
  memory.allow_dmi(false);
  EXPECT_EQ(hart.invalidations.size(), 1u);
}

TEST_F(RamBench, DebugStopsAtTheEnd) {
  std::uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(hart.debug(tlm::TLM_WRITE_COMMAND, kSize - 4, bytes, 8), 4u);
  EXPECT_EQ(hart.read32(kSize - 4), 0x04030201u);
  EXPECT_EQ(hart.debug(tlm::TLM_READ_COMMAND, kSize, bytes, 8), 0u);
}

TEST(Ram, BadSizesAreInputErrors) {
  EXPECT_THROW(Ram("none", 0), InputError);
  EXPECT_THROW(Ram("vast", std::uint64_t{1} << 62), InputError);
}

/// Resident memory of this process in bytes.
std::uint64_t resident() {
  std::FILE *file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0, pages = 0;
  if (std::fscanf(file, "%lu %lu", &total, &pages) != 2) ADD_FAILURE();
  std::fclose(file);
  return pages * 4096ull;
}

TEST(Ram, TwoGibibytesCostWhatIsTouched) {
  const std::uint64_t before = resident();
  Ram ram("ram", std::uint64_t{2} << 30);
  test::BusInitiator hart("hart");
  hart.socket.bind(ram.socket);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  EXPECT_TRUE(hart.write64((std::uint64_t{2} << 30) - 8, 1));
  EXPECT_TRUE(hart.write64(0, 1));
  EXPECT_LT(resident() - before, 16u << 20);
}

TEST_F(RomBench, IsReadOnly) {
  memory.load({1, 2, 3, 4});
  EXPECT_EQ(hart.read64(0), 0x04030201u);
  EXPECT_FALSE(hart.write32(0, 5));
  EXPECT_EQ(hart.status, tlm::TLM_COMMAND_ERROR_RESPONSE);
  EXPECT_EQ(hart.reason, "boot ROM is read-only");
  std::uint32_t data = 9;
  EXPECT_EQ(hart.debug(tlm::TLM_WRITE_COMMAND, 0, &data, 4), 0u);
  EXPECT_EQ(hart.read32(0), 0x04030201u);
  tlm::tlm_dmi dmi;
  EXPECT_FALSE(hart.ask_for_dmi(tlm::TLM_WRITE_COMMAND, 0, dmi));
  ASSERT_TRUE(hart.ask_for_dmi(tlm::TLM_READ_COMMAND, 0, dmi));
  EXPECT_FALSE(dmi.is_write_allowed());
  EXPECT_EQ(dmi.get_dmi_ptr()[2], 3);
}

TEST_F(RomBench, LoadReplacesAndChecksTheSize) {
  memory.load({1, 2, 3, 4});
  memory.load({9});
  EXPECT_EQ(hart.read32(0), 9u);
  EXPECT_THROW(memory.load(Bytes(kSize + 1)), InputError);
  EXPECT_NO_THROW(memory.load(Bytes(kSize)));
}

}  // namespace
}  // namespace npim::memory
