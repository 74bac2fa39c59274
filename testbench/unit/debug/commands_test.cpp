// The commands of the remote protocol, without connection and simulation.
#include "debug/commands.h"

#include <gmock/gmock.h>

#include "debug/packet.h"
#include "support/fake_debug_target.h"

namespace npim::debug {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Commands : public ::testing::Test {
 protected:
  Answer answer(std::string_view packet) { return handler.handle(packet, stop); }
  std::string reply(std::string_view packet) {
    const Answer got = answer(packet);
    return got.replies.empty() ? "(none)" : got.replies.back();
  }
  std::vector<Resume> moves(std::string_view packet) {
    const Answer got = answer(packet);
    EXPECT_EQ(got.action, Answer::Action::kResume) << packet;
    EXPECT_TRUE(got.replies.empty());
    return got.resume;
  }

  test::FakeDebugTarget target;
  CommandHandler handler{target};
  Stop stop;
};

TEST_F(Commands, TellsWhatItCanDo) {
  const std::string features = reply("qSupported:swbreak+;hwbreak+;multiprocess+");
  EXPECT_THAT(features, HasSubstr("PacketSize=8000"));
  EXPECT_THAT(features, HasSubstr("QStartNoAckMode+"));
  EXPECT_THAT(features, HasSubstr("qXfer:features:read+"));
  EXPECT_EQ(reply("vCont?"), "vCont;c;C;s;S;r");
  EXPECT_EQ(reply("vMustReplyEmpty"), "");
  EXPECT_EQ(reply("qAttached"), "1");
  EXPECT_EQ(reply("qOffsets"), "Text=0;Data=0;Bss=0");
  EXPECT_EQ(answer("QStartNoAckMode").action, Answer::Action::kStopAcks);
}

TEST_F(Commands, UnknownPacketsGetAnEmptyAnswer) {
  for (const char *packet : {"", "b", "qNothing", "QNothing", "vNothing", "j12", "\xff"}) {
    EXPECT_EQ(reply(packet), "") << packet;
  }
}

TEST_F(Commands, TellsWhyItStopped) {
  EXPECT_EQ(reply("?"), "T02thread:1;");
  stop.hart = 1;
  stop.reason = Stop::Reason::kStepped;
  EXPECT_EQ(reply("?"), "T05thread:2;");
  stop.reason = Stop::Reason::kWatchpoint;
  stop.kind = PointKind::kRead;
  stop.address = 0x80001234;
  EXPECT_EQ(reply("?"), "T05thread:2;rwatch:80001234;");
  stop.reason = Stop::Reason::kBreakpoint;
  stop.kind = PointKind::kSoftware;
  EXPECT_EQ(reply("?"), "T05thread:2;") << "GDB did not say that it knows swbreak";
  reply("qSupported:swbreak+");
  EXPECT_EQ(reply("?"), "T05thread:2;swbreak:;");
  EXPECT_EQ(CommandHandler::exit_reply(0), "W00");
  EXPECT_EQ(CommandHandler::exit_reply(300), "W2c");
}

TEST_F(Commands, ReadsAndWritesRegisters) {
  target.values[{0, 10}] = 0x1122334455667788;
  EXPECT_EQ(reply("pa"), "8877665544332211");
  EXPECT_EQ(reply("Pa=0100000000000000"), "OK");
  EXPECT_EQ((target.values[{0, 10}]), 1u);
  EXPECT_EQ(reply("P44=63000000"), "OK");
  EXPECT_EQ(reply("p44"), "63000000");
  EXPECT_EQ(reply("p40"), "E0e") << "exists and refuses";
  for (const char *packet : {"p", "pzz", "p9999", "P", "Pa", "Pa=", "Pa=01", "Pa=010000000000000g",
                             "P9999=0100000000000000", "G", "G00", "g0"}) {
    EXPECT_EQ(reply(packet), "E01") << packet;
  }
}

TEST_F(Commands, ReadsAndWritesAllRegistersAtOnce) {
  target.values[{0, 32}] = 0x80000000;
  std::string all = reply("g");
  ASSERT_EQ(all.size(), 65u * 16);
  EXPECT_EQ(all.substr(32 * 16, 16), "0000008000000000");
  EXPECT_EQ(all.substr(64 * 16), std::string(16, 'x'));
  all.replace(64 * 16, 16, std::string(16, '0'));
  all.replace(32 * 16, 2, "04");
  EXPECT_EQ(reply("G" + all), "OK");
  EXPECT_EQ((target.values[{0, 32}]), 0x80000004u);
}

TEST_F(Commands, ReadsAndWritesMemory) {
  EXPECT_EQ(reply("M1000,3:010203"), "OK");
  EXPECT_EQ(reply("m1000,4"), "01020300");
  EXPECT_EQ(reply(std::string("X1000,2:\x05}\x03")), "OK");
  EXPECT_EQ(reply("m1000,2"), "0523");
  EXPECT_EQ(reply("X1000,0:"), "OK");
  EXPECT_EQ(reply("m10fe,8"), "0000") << "as far as it goes";
  EXPECT_EQ(reply("m5000,4"), "E0e");
  EXPECT_EQ(reply("M10ff,2:0000"), "E0e");
  for (const char *packet : {"m", "m1000", "m1000,", "m,4", "m1000,4x", "M1000,2:01", "M1000,1:0",
                             "M1000,1", "X1000,2:a", "X1000,1:}", "m10000000000000000,1"}) {
    EXPECT_EQ(reply(packet), "E01") << packet;
  }
  EXPECT_LE(reply("m1000,ffffffffffffffff").size(), kLargestPacket);
}

TEST_F(Commands, SetsAndClearsPoints) {
  EXPECT_EQ(reply("Z0,80000000,4"), "OK");
  EXPECT_EQ(reply("Z4,80001000,8"), "OK");
  EXPECT_EQ(target.points.size(), 2u);
  EXPECT_EQ(reply("z0,80000000,4"), "OK");
  EXPECT_EQ(target.points.size(), 1u);
  EXPECT_EQ(reply("Z5,0,0"), "");
  EXPECT_EQ(reply("Z"), "");
  for (const char *packet : {"Z0,", "Z0,1", "Z0,1,", "Z0,x,4", "Z0,80000000,4;X3,220027"}) {
    EXPECT_EQ(reply(packet), "E01") << packet;
  }
  for (int i = 0; i < 9; ++i) reply("Z1," + hex_number(static_cast<std::uint64_t>(i)) + ",4");
  EXPECT_EQ(reply("Z1,100,4"), "E0e") << "no room";
}

TEST_F(Commands, KnowsThreads) {
  EXPECT_EQ(reply("qfThreadInfo"), "m1,2");
  EXPECT_EQ(reply("qsThreadInfo"), "l");
  EXPECT_EQ(reply("qC"), "QC1");
  EXPECT_EQ(reply("Hg2"), "OK");
  EXPECT_EQ(reply("qC"), "QC2");
  target.values[{1, 1}] = 5;
  EXPECT_EQ(reply("p1"), "0500000000000000");
  EXPECT_EQ(reply("Hg0"), "OK") << "any";
  EXPECT_EQ(reply("Hc-1"), "OK");
  EXPECT_EQ(reply("T2"), "OK");
  EXPECT_EQ(reply("T3"), "E01");
  EXPECT_EQ(reply("T0"), "E01");
  EXPECT_EQ(reply("qThreadExtraInfo,2"), to_hex("hart 1"));
  for (const char *packet : {"H", "Hg", "Hg3", "Hx1", "Hgz", "T", "qThreadExtraInfo,9"}) {
    EXPECT_EQ(reply(packet), "E01") << packet;
  }
}

TEST_F(Commands, ResumesPerThread) {
  auto now = moves("vCont;s:2;c");
  EXPECT_EQ(now[0].move, Move::kRun);
  EXPECT_EQ(now[1].move, Move::kStep);
  now = moves("vCont;c:1");
  EXPECT_EQ(now[0].move, Move::kRun);
  EXPECT_EQ(now[1].move, Move::kStay);
  now = moves("vCont;r80000000,80000010:1");
  EXPECT_EQ(now[0].begin, 0x80000000u);
  EXPECT_EQ(now[0].end, 0x80000010u);
  now = moves("vCont;C05:-1");
  EXPECT_EQ(now[1].move, Move::kRun);
  for (const char *packet :
       {"vCont;", "vCont;q", "vCont;s:9", "vCont;r1", "vCont;r1,2x", "vCont;:1"}) {
    EXPECT_EQ(reply(packet), "E01") << packet;
  }
}

TEST_F(Commands, ResumesInTheOldStyle) {
  auto now = moves("s");
  EXPECT_EQ(now[0].move, Move::kStep);
  EXPECT_EQ(now[1].move, Move::kRun);
  now = moves("c80000100");
  EXPECT_EQ((target.values[{0, 32}]), 0x80000100u);
  reply("Hc2");
  now = moves("C05;80000200");
  EXPECT_EQ(now[0].move, Move::kStay);
  EXPECT_EQ(now[1].move, Move::kRun);
  EXPECT_EQ(reply("cx"), "E01");
  EXPECT_EQ(reply("S"), "E01");
}

TEST_F(Commands, LeavesAndResets) {
  EXPECT_EQ(answer("D").action, Answer::Action::kDetach);
  EXPECT_EQ(answer("k").action, Answer::Action::kKill);
  EXPECT_EQ(answer("vKill;1").action, Answer::Action::kKill);
  answer("R00");
  EXPECT_EQ(target.resets, 1);
}

TEST_F(Commands, PassesMonitorCommandsOn) {
  const Answer got = answer("qRcmd," + to_hex("time now"));
  ASSERT_EQ(got.replies.size(), 2u);
  EXPECT_EQ(got.replies[0], "O" + to_hex("time now\n"));
  EXPECT_EQ(got.replies[1], "OK");
  EXPECT_EQ(reply("qRcmd,1"), "E01");
  const std::string much(kLargestPacket / 4, 'a');
  for (const auto &piece : answer("qRcmd," + to_hex(much)).replies) {
    EXPECT_LE(piece.size(), kLargestPacket);
  }
}

TEST_F(Commands, TransfersTheDescriptionInPieces) {
  std::string text;
  for (std::string piece = "m"; piece[0] == 'm';) {
    piece = reply("qXfer:features:read:target.xml:" + hex_number(text.size()) + ",40");
    ASSERT_FALSE(piece.empty());
    text += piece.substr(1);
  }
  EXPECT_EQ(text, describe_target(target.registers()));
  EXPECT_THAT(text, StartsWith("<?xml"));
  EXPECT_EQ(reply("qXfer:features:read:other.xml:0,40"), "E00");
  EXPECT_EQ(reply("qXfer:features:read:target.xml:0"), "E01");
  EXPECT_EQ(reply("qXfer:features:read:target.xml:ffffffffffffffff,ffffffffffffffff"), "l");
  EXPECT_EQ(reply("qXfer:auxv:read::0,40"), "");
}

}  // namespace
}  // namespace npim::debug
