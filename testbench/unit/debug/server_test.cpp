// The TCP transport: acknowledgements, damage, floods, a second client.
#include "debug/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio.hpp>
#include <thread>

#include "base/error.h"
#include "debug/packet.h"

namespace npim::debug {
namespace {

using boost::asio::ip::tcp;

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(context_) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
  }
  void write(const std::string &bytes) { boost::asio::write(socket_, boost::asio::buffer(bytes)); }
  /// So many bytes, or fewer when the server closes.
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    boost::system::error_code error;
    bytes.resize(boost::asio::read(socket_, boost::asio::buffer(bytes), error));
    return bytes;
  }

 private:
  boost::asio::io_context context_;
  tcp::socket socket_;
};

class ServerTest : public ::testing::Test {
 protected:
  Link::Event next() { return server.wait(); }
  std::atomic<int> notes{0};
  Server server{0, false, [this] { ++notes; }};
};

using Kind = Link::Event::Kind;

TEST_F(ServerTest, CarriesPacketsBothWays) {
  EXPECT_NE(server.port(), 0);
  EXPECT_FALSE(server.has_events());
  Client client(server.port());
  EXPECT_EQ(next().kind, Kind::kConnected);
  client.write("$g#67");
  const auto event = next();
  EXPECT_EQ(event.kind, Kind::kPacket);
  EXPECT_EQ(event.data, "g");
  EXPECT_EQ(client.read(1), "+");
  server.send("OK");
  EXPECT_EQ(client.read(6), "$OK#9a");
  client.write("-");
  EXPECT_EQ(client.read(6), "$OK#9a") << "sent again";
  client.write("\x03");
  EXPECT_EQ(next().kind, Kind::kInterrupt);
  // The server's thread notes an event after it has made it visible.
  while (notes < 3) std::this_thread::yield();
}

TEST_F(ServerTest, AsksAgainForADamagedPacket) {
  Client client(server.port());
  client.write("garbage$g#00$g#67");
  EXPECT_EQ(client.read(2), "-+");
}

TEST_F(ServerTest, AcksEnd) {
  Client client(server.port());
  EXPECT_EQ(next().kind, Kind::kConnected);
  server.stop_acks();
  server.send("OK");
  EXPECT_EQ(client.read(6), "$OK#9a");
  client.write("$g#00");
  EXPECT_EQ(next().data, "g");
  server.send("E01");
  EXPECT_EQ(client.read(4), "$E01") << "no acknowledgement before it";
}

TEST_F(ServerTest, TurnsASecondClientAwayAndTakesTheNext) {
  {
    Client first(server.port());
    EXPECT_EQ(next().kind, Kind::kConnected);
    Client second(server.port());
    EXPECT_EQ(second.read(1), "");
  }
  EXPECT_EQ(next().kind, Kind::kDisconnected);
  Client third(server.port());
  EXPECT_EQ(next().kind, Kind::kConnected);
}

TEST_F(ServerTest, DisconnectsAFlood) {
  Client client(server.port());
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "$g#67";
  try {
    client.write(flood);
  } catch (const boost::system::system_error &) {
  }
  client.read(flood.size());  // acknowledgements, until the server closes
  int packets = 0;
  for (auto event = next(); event.kind != Kind::kDisconnected; event = next()) ++packets;
  EXPECT_LE(packets, 257);
}

TEST_F(ServerTest, DisconnectsAClientThatDoesNotRead) {
  Client client(server.port());
  EXPECT_EQ(next().kind, Kind::kConnected);
  const std::string reply(kLargestPacket, '0');
  for (int i = 0; i < 3000; ++i) server.send(reply);
  EXPECT_EQ(next().kind, Kind::kDisconnected);
}

TEST_F(ServerTest, ClosesAfterTheLastBytes) {
  Client client(server.port());
  EXPECT_EQ(next().kind, Kind::kConnected);
  server.send("W00");
  server.close();
  EXPECT_EQ(client.read(100), "$W00#b7");
}

TEST_F(ServerTest, ATakenPortIsAnError) {
  EXPECT_THROW(Server(server.port(), false, [] {}), InputError);
}

}  // namespace
}  // namespace npim::debug
