// Framing of the remote protocol.
#include "debug/packet.h"

#include <gtest/gtest.h>

namespace npim::debug {
namespace {

using Kind = Incoming::Kind;

std::vector<Incoming> take(PacketReader &reader, std::string_view bytes) {
  std::vector<Incoming> pieces;
  reader.take(bytes, pieces);
  return pieces;
}
std::vector<Incoming> take(std::string_view bytes) {
  PacketReader reader;
  return take(reader, bytes);
}

TEST(Packet, HasAChecksum) {
  EXPECT_EQ(frame(""), "$#00");
  EXPECT_EQ(frame("OK"), "$OK#9a");
}

TEST(Packet, EscapesWhatHasAMeaning) {
  const std::string data = "a$b#c}d*e";
  const std::string packet = frame(data);
  EXPECT_EQ(packet.find('$', 1), std::string::npos);
  EXPECT_EQ(packet.find('*'), std::string::npos);
  const auto pieces = take(packet);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].kind, Kind::kPacket);
  EXPECT_EQ(unescape(pieces[0].data), data);
}

TEST(Packet, EveryByteSurvives) {
  std::string data;
  for (int i = 0; i < 256; ++i) data += static_cast<char>(i);
  const auto pieces = take(frame(data));
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(unescape(pieces[0].data), data);
}

TEST(Packet, UnescapeRefusesAnEscapeAtTheEnd) {
  EXPECT_EQ(unescape("abc}"), std::nullopt);
  EXPECT_EQ(unescape(""), "");
}

TEST(PacketReader, CutsAStreamInAnyPieces) {
  const std::string stream = "+$OK#9a-\x03$g#67";
  PacketReader reader;
  std::vector<Incoming> pieces;
  for (const char c : stream) reader.take({&c, 1}, pieces);
  ASSERT_EQ(pieces.size(), 5u);
  EXPECT_EQ(pieces[0].kind, Kind::kAck);
  EXPECT_EQ(pieces[1].data, "OK");
  EXPECT_EQ(pieces[2].kind, Kind::kNak);
  EXPECT_EQ(pieces[3].kind, Kind::kInterrupt);
  EXPECT_EQ(pieces[4].data, "g");
}

TEST(PacketReader, ReportsDamage) {
  EXPECT_EQ(take("$OK#9b")[0].kind, Kind::kDamaged);
  EXPECT_EQ(take("$OK#zz")[0].kind, Kind::kDamaged);
  EXPECT_TRUE(take("noise").empty());
  EXPECT_TRUE(take("$never ends").empty());
}

TEST(PacketReader, WithoutAcksChecksumsAreNotLookedAt) {
  PacketReader reader;
  reader.ignore_checksums(true);
  EXPECT_EQ(take(reader, "$OK#00")[0].kind, Kind::kPacket);
}

TEST(PacketReader, APacketThatWasCutOffDoesNotSpoilTheNext) {
  const auto pieces = take("$half$OK#9a");
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].data, "OK");
}

TEST(PacketReader, CtrlCInsideAPacketIsData) {
  EXPECT_EQ(take("$\x03#03")[0].kind, Kind::kPacket);
}

TEST(PacketReader, LimitsTheSize) {
  const std::string largest(kLargestPacket, 'a');
  EXPECT_EQ(take(frame(largest))[0].kind, Kind::kPacket);
  PacketReader reader;
  EXPECT_EQ(take(reader, frame(largest + "a"))[0].kind, Kind::kDamaged);
  EXPECT_EQ(take(reader, "$OK#9a")[0].kind, Kind::kPacket);
}

TEST(Hex, ParsesNumbersStrictly) {
  EXPECT_EQ(parse_hex("0"), 0u);
  EXPECT_EQ(parse_hex("ffffffffffffffff"), ~std::uint64_t{0});
  EXPECT_EQ(parse_hex("aBcD"), 0xabcdu);
  for (const char *wrong : {"", "10000000000000000", "0x1", "-1", "g", " 1"}) {
    EXPECT_EQ(parse_hex(wrong), std::nullopt) << wrong;
  }
}

TEST(Hex, ConvertsBothWays) {
  EXPECT_EQ(to_hex("Az"), "417a");
  EXPECT_EQ(from_hex("417A"), "Az");
  EXPECT_EQ(from_hex("4"), std::nullopt);
  EXPECT_EQ(from_hex("4g"), std::nullopt);
  EXPECT_EQ(hex_number(0), "0");
  EXPECT_EQ(hex_number(0x80000000), "80000000");
  EXPECT_EQ(hex_register(0x1234, 4), "34120000");
}

}  // namespace
}  // namespace npim::debug
