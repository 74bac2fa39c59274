// The board with the chip on it.
#include "accelerator/accelerator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "board/board.h"
#include "config/chip_config.h"
#include "support/bus_initiator.h"
#include "support/tlm_protocol_checker.h"

namespace npim::board {
namespace {

TEST(BoardWithChip, RegistersAnswerAtTheConfiguredAddress) {
  const auto config = PlatformConfig::load(NPIM_SOURCE_DIR "/configs/platforms/demo-small.json");
  Board board("board", config);
  accelerator::Accelerator accelerator("accelerator", config::load_chip_config(config.chip_path));
  board.attach(accelerator);
  test::BusInitiator probe("probe");
  test::TlmProtocolChecker checker("checker");
  probe.socket.bind(checker.target);
  checker.initiator.bind(board.bus().from_initiators);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  EXPECT_EQ(probe.read32(0x40000000), 0x4d49504eu);
  EXPECT_EQ(board.describe(0x40000000), "accelerator + 0x0 (ID)");
  EXPECT_FALSE(probe.write32(0x40000000, 1));
  EXPECT_THAT(probe.reason, testing::HasSubstr("ID is read-only"));
}

}  // namespace
}  // namespace npim::board
