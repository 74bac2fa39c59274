// Firmware with bugs (firmware/apps/misbehave): the right trap or command error, exit status 1, and
// a message that says where and why.
#include <gtest/gtest.h>

#include "npim_runner.h"

namespace npim::testing {
namespace {

enum Case {
  kJumpToNowhere,
  kReadUnmapped,
  kWriteReadOnly,
  kRunBeforeLoad,
  kDmaIntoAHole,
  kNeverEnd,
  kWaitForNothing,
  kIllegalInstruction,
  kTrapInTrap,
  kLoseTheStack,
  kCases,
};

Finished misbehave(const NpimRunner &npim, int which, std::vector<std::string> options = {}) {
  std::vector<std::string> arguments = {"run",
                                        "--platform",
                                        NpimRunner::source("configs/platforms/demo-small.json"),
                                        "--firmware",
                                        NpimRunner::firmware("misbehave"),
                                        "--bootargs",
                                        "case=" + std::to_string(which),
                                        "--timeout",
                                        "0.01"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return npim.npim(arguments);
}

void expect_failure(Case which, const std::vector<std::string> &words) {
  const NpimRunner npim;
  const Finished finished = misbehave(npim, which);
  EXPECT_EQ(finished.status, 1) << finished.out << finished.err;
  const std::string all = finished.out + finished.err;
  for (const auto &word : words) {
    EXPECT_NE(all.find(word), std::string::npos) << word << " is not in: " << all;
  }
}

TEST(BadFirmware, JumpsToNowhere) {
  expect_failure(kJumpToNowhere, {"fetch", "0x60000000", "nothing"});
}

TEST(BadFirmware, ReadsUnmappedMmio) {
  expect_failure(kReadUnmapped, {"load access fault", "0x60000010", "read_unmapped", "nothing"});
}

TEST(BadFirmware, WritesAReadOnlyRegister) {
  expect_failure(kWriteReadOnly, {"store", "access fault", "0x40000000", "ID", "read-only"});
}

TEST(BadFirmware, RunsBeforeLoading) {
  expect_failure(kRunBeforeLoad, {"CONTROL_NOT_LOADED"});
}

TEST(BadFirmware, PointsDmaAtAHole) {
  expect_failure(kDmaIntoAHole, {"DMA_READ_FAULT", "0x60000000"});
}

TEST(BadFirmware, NeverEnds) {
  expect_failure(kNeverEnd, {"never_end", "10 ms"});
}

TEST(BadFirmware, WaitsForNothing) {
  expect_failure(kWaitForNothing, {"wait_for_nothing"});
}

TEST(BadFirmware, ExecutesAnIllegalInstruction) {
  expect_failure(kIllegalInstruction, {"llegal instruction", "0xffffffff", "illegal_instruction"});
}

TEST(BadFirmware, TrapsInItsTrapHandler) {
  expect_failure(kTrapInTrap, {"0x60000000"});
}

TEST(BadFirmware, TrapsWithoutEnd) {
  expect_failure(kLoseTheStack, {"store access fault", "without end"});
}

TEST(BadFirmware, EndsAtTheSameTimeWithTheSameMessagesWhateverTheQuantum) {
  const NpimRunner npim;
  const auto seen = [&](int which, const std::string &quantum_ns) {
    const std::string path = npim.path("run.json");
    const Finished finished = misbehave(npim, which, {"--quantum-ns", quantum_ns, "--json", path});
    auto json = NpimRunner::read_json(path);
    json.erase("host_seconds");
    return boost::json::serialize(json) + finished.err;
  };
  for (int which = 0; which < kCases; ++which) {
    EXPECT_EQ(seen(which, "1"), seen(which, "1000000")) << "case " << which;
  }
}

}  // namespace
}  // namespace npim::testing
