// The firmware's driver, as compiled for the hart, against the chip model: probe, rings, waiting,
// timeouts, recovery; and the whole self test.
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "apps/selftest/blobs.h"
#include "apps/selftest/checks.h"
#include "npim/npim.h"
#include "support/accelerator_bench.h"

namespace npim::testing {
namespace {

constexpr std::uint64_t kSecond = 1000000000;

void report(void *, bool passed, const char *name, const char *detail) {
  EXPECT_TRUE(passed) << name << ": " << detail;
}

void run_selftest(const config::ChipConfig &config) {
  AcceleratorBench bench(config);
  selftest test{};
  test.port = bench.host.port();
  test.hole = AcceleratorBench::kHole;
  test.report = report;
  bench.run([&] { EXPECT_TRUE(selftest_run(&test)); });
  EXPECT_GT(test.passed, 100u);
  EXPECT_EQ(bench.host.refused_accesses(), 0u);
}

TEST(SelfTest, PassesOnTheSmallChip) {
  run_selftest(small_chip());
}

TEST(SelfTest, PassesOnTheDefaultChip) {
  run_selftest(config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/neural-pim.json"));
}

TEST(SelfTest, PassesWithLosslessConverters) {
  config::ChipConfig config = small_chip();
  config.nnadc.code = config::CodeFormat::kLossless;
  run_selftest(config);
}

TEST(SelfTest, PassesWithSignPlusEightBits) {
  config::ChipConfig config = small_chip();
  config.nnadc.code = config::CodeFormat::kSignPlus8;
  run_selftest(config);
}

TEST(DriverProbe, ReadsTheCapabilities) {
  AcceleratorBench bench;
  npim_device device;
  bench.run([&] { EXPECT_EQ(npim_probe(&device, bench.host.port()), NPIM_OK); });
  EXPECT_EQ(device.info.tiles, 6u);
  EXPECT_EQ(device.info.imas_per_tile, 2);
  EXPECT_EQ(device.info.arrays_per_ima, 4);
  EXPECT_EQ(device.info.array_rows, 128);
  EXPECT_EQ(device.info.array_columns, 128);
  EXPECT_EQ(device.info.edram_bytes, 16384u);
  EXPECT_EQ(device.info.bitline_gains_mask, 15);
  EXPECT_EQ(device.info.queue_log2_limit, 16);
  EXPECT_TRUE(device.info.counts_energy);
  EXPECT_FALSE(device.info.energy_is_powered);
}

/// A port to registers that are not a chip's.
struct Impostor {
  std::uint32_t id, version;
  npim_port port() {
    npim_port p{};
    p.context = this;
    p.read32 = [](void *self, std::uint32_t offset) {
      const auto *registers = static_cast<const Impostor *>(self);
      return offset == NPIM_REG_ID ? registers->id : registers->version;
    };
    return p;
  }
};

TEST(DriverProbe, RefusesOtherDevicesAndVersions) {
  npim_device device;
  Impostor other{0x12345678, 0x00010000};
  const npim_port other_port = other.port();
  EXPECT_EQ(npim_probe(&device, &other_port), NPIM_E_NO_DEVICE);
  Impostor newer{0x4d49504e, 0x00020000};
  const npim_port newer_port = newer.port();
  EXPECT_EQ(npim_probe(&device, &newer_port), NPIM_E_VERSION);
}

TEST(DriverErrors, EveryResultHasItsOwnNameAndText) {
  std::set<std::string> names, texts;
  for (int result = NPIM_E_FILE; result <= NPIM_ERROR_STALLED; ++result) {
    EXPECT_TRUE(names.insert(npim_error_name(result)).second) << result;
    EXPECT_TRUE(texts.insert(npim_error_text(result)).second) << result;
  }
  EXPECT_STREQ(npim_error_name(NPIM_OK), "NONE");
  EXPECT_STREQ(npim_error_name(1000), "UNKNOWN");
  EXPECT_STREQ(npim_error_text(-1000), "unknown error");
}

/// A device that has been probed.
struct Driver {
  explicit Driver(AcceleratorBench &bench) : port(bench.host.port()) {
    EXPECT_EQ(npim_probe(&device, port), NPIM_OK);
  }
  const npim_port *port;
  npim_device device;
};

npim_descriptor nop() {
  npim_descriptor command{};
  command.opcode = NPIM_OP_NOP;
  return command;
}

TEST(DriverOpen, ChecksArgumentsAndState) {
  AcceleratorBench bench;
  bench.run([&] {
    Driver driver(bench);
    const npim_descriptor command = nop();
    EXPECT_EQ(npim_submit(&driver.device, &command, nullptr), NPIM_E_STATE);
    EXPECT_EQ(npim_wait(&driver.device, 0, 1, nullptr), NPIM_E_STATE);
    EXPECT_EQ(npim_cancel(&driver.device, 1), NPIM_E_STATE);
    EXPECT_EQ(npim_reset(&driver.device, 1), NPIM_E_STATE);
    EXPECT_EQ(npim_open(&driver.device, 0), NPIM_E_ARGUMENT);
    EXPECT_EQ(npim_open(&driver.device, 17), NPIM_E_ARGUMENT);
    EXPECT_EQ(npim_open(&driver.device, 2), NPIM_OK);
    EXPECT_EQ(npim_open(&driver.device, 2), NPIM_E_STATE);
    EXPECT_EQ(npim_poll(&driver.device, 0, nullptr), NPIM_E_ARGUMENT) << "never submitted";
    npim_close(&driver.device);
    npim_close(&driver.device);
    EXPECT_EQ(npim_open(&driver.device, 16), NPIM_OK) << "after a close";
    npim_close(&driver.device);
  });
}

TEST(DriverOpen, GivesEverythingBackWhenMemoryRunsOut) {
  AcceleratorBench bench;
  bench.run([&] {
    Driver driver(bench);
    void *context = driver.port->context;
    // 2^16 descriptors fit in what is left, their completion records do not.
    const std::size_t taken = AcceleratorBench::kMemoryBytes - (5u << 20);
    void *block = driver.port->dma_alloc(context, taken, 64);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(npim_open(&driver.device, 16), NPIM_E_NO_MEMORY);
    void *rest = driver.port->dma_alloc(context, 5u << 20, 64);
    EXPECT_NE(rest, nullptr) << "the failed open kept memory";
    EXPECT_EQ(npim_open(&driver.device, 1), NPIM_E_NO_MEMORY);
    driver.port->dma_free(context, rest, 5u << 20);
    EXPECT_EQ(npim_open(&driver.device, 1), NPIM_OK);
    npim_close(&driver.device);
  });
}

TEST(DriverQueue, WrapsAroundItsRing) {
  AcceleratorBench bench;
  bench.run([&] {
    Driver driver(bench);
    ASSERT_EQ(npim_open(&driver.device, 2), NPIM_OK);
    for (std::uint16_t i = 0; i < 40; ++i) {
      npim_completion completion{};
      npim_descriptor command = nop();
      command.tag = i;
      ASSERT_EQ(npim_execute(&driver.device, &command, kSecond, &completion), NPIM_OK);
      EXPECT_EQ(completion.tag, i);
      EXPECT_EQ(completion.index, i);
    }
    npim_close(&driver.device);
  });
}

TEST(DriverQueue, OverwrittenRecordsAreKnown) {
  AcceleratorBench bench;
  bench.run([&] {
    Driver driver(bench);
    ASSERT_EQ(npim_open(&driver.device, 1), NPIM_OK);
    const npim_descriptor command = nop();
    npim_ticket first = 0, last = 0;
    ASSERT_EQ(npim_submit(&driver.device, &command, &first), NPIM_OK);
    ASSERT_EQ(npim_submit(&driver.device, &command, nullptr), NPIM_OK);
    sc_core::wait(1, sc_core::SC_MS);
    ASSERT_EQ(npim_submit(&driver.device, &command, &last), NPIM_OK);
    ASSERT_EQ(npim_wait(&driver.device, last, kSecond, nullptr), NPIM_OK);
    EXPECT_EQ(npim_poll(&driver.device, first, nullptr), NPIM_E_STALE);
    npim_close(&driver.device);
  });
}

TEST(DriverWait, SurvivesLostInterrupts) {
  AcceleratorBench bench;
  bench.host.deafen();
  bench.run([&] {
    Driver driver(bench);
    ASSERT_EQ(npim_open(&driver.device, 2), NPIM_OK);
    const npim_descriptor command = nop();
    EXPECT_EQ(npim_execute(&driver.device, &command, kSecond, nullptr), NPIM_OK);
    npim_close(&driver.device);
  });
}

TEST(DriverWait, EndsAtItsDeadlineAndRecovers) {
  AcceleratorBench bench;
  bench.run([&] {
    Driver driver(bench);
    const npim_port *port = driver.port;
    void *context = port->context;
    ASSERT_EQ(npim_open(&driver.device, 2), NPIM_OK);
    auto *data = static_cast<std::uint8_t *>(port->dma_alloc(context, 4096, 64));
    const std::uint32_t bytes = blob_weights(0, 0, 128, 1, data);
    // Programming takes microseconds of write-verify pulses.
    const auto start = sc_core::sc_time_stamp();
    EXPECT_EQ(npim_program_weights(&driver.device, data, bytes, 1000, nullptr), NPIM_E_TIMEOUT);
    EXPECT_LT(sc_core::sc_time_stamp() - start, sc_core::sc_time(2, sc_core::SC_US));
    EXPECT_EQ(npim_reset(&driver.device, 1), NPIM_E_TIMEOUT) << "a reset takes longer, too";
    EXPECT_EQ(npim_reset(&driver.device, kSecond), NPIM_OK);
    EXPECT_EQ(npim_program_weights(&driver.device, data, bytes, kSecond, nullptr), NPIM_OK);
    npim_close(&driver.device);
  });
}

TEST(DriverWait, ReportsADoorbellThatTheChipRefused) {
  AcceleratorBench bench;
  bench.run([&] {
    Driver driver(bench);
    ASSERT_EQ(npim_open(&driver.device, 2), NPIM_OK);
    driver.port->write32(driver.port->context, NPIM_REG_CONTROL, 0);
    const npim_descriptor command = nop();
    EXPECT_EQ(npim_execute(&driver.device, &command, kSecond, nullptr),
              NPIM_ERROR_DOORBELL_DISABLED);
    EXPECT_EQ(npim_reset(&driver.device, kSecond), NPIM_OK);
    EXPECT_EQ(npim_execute(&driver.device, &command, kSecond, nullptr), NPIM_OK);
    npim_close(&driver.device);
  });
}

TEST(DriverCommands, RefuseMemoryThatIsNotThePorts) {
  AcceleratorBench bench;
  bench.run([&] {
    Driver driver(bench);
    ASSERT_EQ(npim_open(&driver.device, 2), NPIM_OK);
    std::vector<std::uint8_t> elsewhere(64);
    EXPECT_EQ(npim_load_control(&driver.device, elsewhere.data(), 64, kSecond, nullptr),
              NPIM_E_ARGUMENT);
    EXPECT_EQ(npim_load_control(&driver.device, nullptr, 64, kSecond, nullptr), NPIM_E_ARGUMENT);
    std::uint8_t *memory = bench.host.memory();
    EXPECT_EQ(npim_read_back(&driver.device, NPIM_REGION_EDRAM, 0, 0, 0,
                             memory + AcceleratorBench::kMemoryBytes - 32, 64, kSecond),
              NPIM_E_ARGUMENT);
    npim_run run{};
    npim_descriptor command;
    run.images = memory;
    run.outputs = memory;
    run.count = 2;
    run.image_bytes = run.output_bytes = 16;
    run.image_stride = 8;
    run.output_stride = 16;
    EXPECT_EQ(npim_make_run(&driver.device, &run, &command), NPIM_E_ARGUMENT) << "overlapping";
    run.image_stride = 16;
    EXPECT_EQ(npim_make_run(&driver.device, &run, &command), NPIM_OK);
    run.count = 0;
    EXPECT_EQ(npim_make_run(&driver.device, &run, &command), NPIM_E_ARGUMENT);
    npim_close(&driver.device);
  });
}

}  // namespace
}  // namespace npim::testing
