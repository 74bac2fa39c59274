// The register block: reset values, access rights, reserved bits, refusals with reasons, the
// interrupt line.
#include <gtest/gtest.h>

#include <cstdint>

#include "abi/npim_abi.h"
#include "support/accelerator_bench.h"

namespace npim::testing {
namespace {

using accelerator::Accelerator;

TEST(AcceleratorRegisters, ResetValuesAreThoseOfTheMap) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    for (const auto &reg : abi::kRegisters) {
      if (reg.configured) continue;
      EXPECT_EQ(regs.read(reg.offset), reg.reset & 0xffffffff) << reg.name;
      if (reg.bits == 64) {
        EXPECT_EQ(regs.read64(reg.offset), reg.reset) << reg.name;
      }
    }
  });
  EXPECT_EQ(bench.host.refused_accesses(), 0u);
}

TEST(AcceleratorRegisters, CapabilitiesFollowTheConfiguration) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    EXPECT_EQ(regs.read(abi::reg::kCapTiles), 6u);
    EXPECT_EQ(regs.read(abi::reg::kCapIma), 4u << 16 | 2u);
    EXPECT_EQ(regs.read(abi::reg::kCapArray), 128u << 16 | 128u);
    EXPECT_EQ(regs.read(abi::reg::kCapPrecision), 0x01080401u);
    EXPECT_EQ(regs.read(abi::reg::kCapEdram), 16384u);
    EXPECT_EQ(regs.read(abi::reg::kCapConverter), 0x0f07u);
    EXPECT_EQ(regs.read(abi::reg::kCapFeatures), 0x100u);
    bench.accelerator.chip().set_accounting(cost::Accounting::kPoweredTime);
    EXPECT_EQ(regs.read(abi::reg::kCapFeatures), 0x300u);
  });
}

TEST(AcceleratorRegisters, EnergyIsCountedFromTheReset) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    const double link_mw = cost::make_bill(small_chip()).find(cost::Part::kLink)->unit.power_mw;
    sc_core::wait(100, sc_core::SC_US);
    const std::uint64_t chip_pj = regs.read64(abi::reg::kCounterEnergyPj);
    const double links_pj = static_cast<double>(regs.read64(abi::reg::kCounterLinkEnergyPj));
    EXPECT_GT(chip_pj, 0u) << "leakage";
    const double ns = sc_core::sc_time_stamp() / sc_core::sc_time(1, sc_core::SC_NS);
    EXPECT_NEAR(links_pj / (link_mw * ns), 1, 0.01);
    EXPECT_GT(regs.read64(abi::reg::kCounterEnergyPj), chip_pj);
  });
}

TEST(AcceleratorRegisters, WithoutLibrariesEnergyIsNotImplemented) {
  auto config = small_chip();
  config.components.clear();
  AcceleratorBench bench(config);
  Registers regs(bench.host);
  bench.run([&] {
    EXPECT_EQ(regs.read(abi::reg::kCapFeatures), 0u);
    EXPECT_EQ(regs.read64(abi::reg::kCounterEnergyPj), ~std::uint64_t{0});
    EXPECT_EQ(regs.read64(abi::reg::kCounterLinkEnergyPj), ~std::uint64_t{0});
  });
}

TEST(AcceleratorRegisters, ReservedBitsIgnoreWrites) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    for (const auto &reg : abi::kRegisters) {
      if (reg.access != abi::Access::kReadWrite || reg.offset == abi::reg::kControl ||
          reg.offset == abi::reg::kQueueTail) {
        continue;
      }
      EXPECT_TRUE(regs.write(reg.offset, 0xffffffff)) << reg.name;
      EXPECT_EQ(regs.read(reg.offset), reg.writable_bits) << reg.name;
      EXPECT_TRUE(regs.write(reg.offset, 0)) << reg.name;
      EXPECT_EQ(regs.read(reg.offset), 0u) << reg.name;
    }
  });
}

TEST(AcceleratorRegisters, ReadOnlyRegistersRefuseWritesByName) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    for (const auto &reg : abi::kRegisters) {
      if (reg.access != abi::Access::kReadOnly) continue;
      EXPECT_FALSE(regs.write(reg.offset, 1)) << reg.name;
      EXPECT_EQ(regs.status, tlm::TLM_COMMAND_ERROR_RESPONSE) << reg.name;
      EXPECT_NE(regs.reason.find(std::string(reg.name) + " is read-only"), std::string::npos)
          << regs.reason;
    }
  });
}

TEST(AcceleratorRegisters, WrongSizesAndOffsetsAreRefused) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    regs.get<std::uint8_t>(abi::reg::kId);
    EXPECT_EQ(regs.status, tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_NE(regs.reason.find("ID"), std::string::npos);
    regs.get<std::uint16_t>(abi::reg::kScratch);
    EXPECT_EQ(regs.status, tlm::TLM_BURST_ERROR_RESPONSE);
    regs.read64(abi::reg::kControl);
    EXPECT_EQ(regs.status, tlm::TLM_BURST_ERROR_RESPONSE);
    regs.read(abi::reg::kControl + 2);
    EXPECT_EQ(regs.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
    regs.read(0x028);
    EXPECT_EQ(regs.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_NE(regs.reason.find("no register at offset 0x28"), std::string::npos) << regs.reason;
    regs.read(Accelerator::kSize - 4);
    EXPECT_EQ(regs.status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
    regs.read(abi::reg::kCounterCycles + 4);
    EXPECT_EQ(regs.status, tlm::TLM_OK_RESPONSE);
  });
}

TEST(AcceleratorRegisters, InterruptLineIsStatusAndMask) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    const auto settle = [] { sc_core::wait(1, sc_core::SC_NS); };
    regs.write(abi::reg::kQueueTail, 1);  // disabled: an error
    settle();
    EXPECT_EQ(regs.read(abi::reg::kIrqStatus), abi::field::kIrqStatusError.mask());
    EXPECT_FALSE(bench.line.read());
    regs.write(abi::reg::kIrqMask, 1);
    settle();
    EXPECT_FALSE(bench.line.read());
    regs.write(abi::reg::kIrqMask, 7);
    settle();
    EXPECT_TRUE(bench.line.read());
    regs.write(abi::reg::kIrqStatus, 5);
    settle();
    EXPECT_TRUE(bench.line.read()) << "other bits do not clear it";
    EXPECT_EQ(regs.read(abi::reg::kErrorCode),
              static_cast<std::uint32_t>(abi::Error::kDoorbellDisabled));
    EXPECT_EQ(regs.read(abi::reg::kStatus) & abi::field::kStatusError.mask(),
              abi::field::kStatusError.mask());
    regs.write(abi::reg::kIrqStatus, 2);
    settle();
    EXPECT_FALSE(bench.line.read());
    EXPECT_EQ(regs.read(abi::reg::kErrorCode), 0u);
    EXPECT_EQ(regs.read(abi::reg::kErrorAddressLo), 0u);
    EXPECT_EQ(regs.read(abi::reg::kStatus), abi::field::kStatusIdle.mask());
  });
}

TEST(AcceleratorRegisters, FirstErrorIsKept) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    regs.write(abi::reg::kQueueTail, 1);
    regs.write(abi::reg::kControl, 1);  // no ring: the second error
    EXPECT_EQ(regs.read(abi::reg::kErrorCode),
              static_cast<std::uint32_t>(abi::Error::kDoorbellDisabled));
  });
}

TEST(AcceleratorRegisters, UnusableRingsAreRefused) {
  AcceleratorBench bench;
  Registers regs(bench.host);
  bench.run([&] {
    const auto attempt = [&](std::uint32_t size, std::uint32_t queue_high,
                             std::uint32_t completion_high) {
      regs.write(abi::reg::kQueueSize, size);
      regs.write(abi::reg::kQueueBaseLo, 0xffffffc0);
      regs.write(abi::reg::kQueueBaseHi, queue_high);
      regs.write(abi::reg::kCompletionBaseLo, 0xffffffe0);
      regs.write(abi::reg::kCompletionBaseHi, completion_high);
      regs.write(abi::reg::kControl, 1);
      const auto code = static_cast<abi::Error>(regs.read(abi::reg::kErrorCode));
      regs.write(abi::reg::kIrqStatus, 7);
      const bool enabled = regs.read(abi::reg::kControl) == 1;
      EXPECT_EQ(enabled, code == abi::Error::kNone);
      regs.write(abi::reg::kControl, 0);
      return code;
    };
    EXPECT_EQ(attempt(0, 0, 0), abi::Error::kQueueConfiguration);
    EXPECT_EQ(attempt(17, 0, 0), abi::Error::kQueueConfiguration);
    EXPECT_EQ(attempt(31, 0, 0), abi::Error::kQueueConfiguration);
    EXPECT_EQ(attempt(1, 0xffffffff, 0), abi::Error::kQueueConfiguration);
    EXPECT_EQ(attempt(1, 0, 0xffffffff), abi::Error::kQueueConfiguration);
    EXPECT_EQ(attempt(1, 0, 0), abi::Error::kNone);
    EXPECT_EQ(attempt(16, 0, 0), abi::Error::kNone);
  });
}

TEST(AcceleratorRegisters, DebuggerReadsWithoutSideEffects) {
  AcceleratorBench bench;
  bench.run([&] {
    std::uint32_t id = 0;
    tlm::tlm_generic_payload payload;
    payload.set_read();
    payload.set_address(AcceleratorBench::kRegisters);
    payload.set_data_ptr(reinterpret_cast<unsigned char *>(&id));
    payload.set_data_length(sizeof id);
    EXPECT_EQ(bench.host.bus->transport_dbg(payload), sizeof id);
    EXPECT_EQ(id, 0x4d49504eu);
  });
}

}  // namespace
}  // namespace npim::testing
