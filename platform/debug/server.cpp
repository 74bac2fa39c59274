#include "debug/server.h"

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "debug/packet.h"

namespace npim::debug {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// A client that sends more packets than this without waiting for answers is disconnected.
constexpr std::size_t kMostPending = 256;
/// So is one that leaves more than this unread, be it packets or acknowledgements.
constexpr std::size_t kMostUnread = 1024;
/// How long close() waits for a client to take the last bytes.
constexpr std::chrono::seconds kPatience{1};

}  // namespace

class Server::Io {
 public:
  Io(std::uint16_t port, bool any_address, std::function<void()> notify)
      : notify_(std::move(notify)), acceptor_(context_), client_(context_), timer_(context_) {
    const auto address =
        any_address ? asio::ip::address_v4::any() : asio::ip::address_v4::loopback();
    try {
      const tcp::endpoint endpoint(address, port);
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(tcp::acceptor::reuse_address(true));
      acceptor_.bind(endpoint);
      acceptor_.listen();
      port_ = acceptor_.local_endpoint().port();
    } catch (const boost::system::system_error &error) {
      throw InputError("--gdb " + std::to_string(port), error.code().message());
    }
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Io() { close(); }

  std::uint16_t port() const { return port_; }

  void close() {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      closing_ = true;
      if (outgoing_.empty()) {
        disconnect();
        return;
      }
      timer_.expires_after(kPatience);
      timer_.async_wait([this](const error_code &error) {
        if (!error) disconnect();
      });
    });
    thread_.join();
  }

  bool has_events() const { return pending_.load(std::memory_order_acquire); }

  std::optional<Event> poll() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (events_.empty()) return std::nullopt;
    return take();
  }

  Event wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_.wait(lock, [this] { return !events_.empty(); });
    return take();
  }

  void send(const std::string &data) {
    asio::post(context_, [this, packet = frame(data)] {
      last_packet_ = packet;
      write(packet);
    });
  }

  void stop_acks() {
    asio::post(context_, [this] {
      acks_ = false;
      reader_.ignore_checksums(true);
    });
  }

 private:
  /// With the mutex held.
  Event take() {
    Event event = std::move(events_.front());
    events_.pop_front();
    pending_.store(!events_.empty(), std::memory_order_release);
    return event;
  }

  bool push(Event event) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (events_.size() >= kMostPending && event.kind != Event::Kind::kDisconnected) return false;
      events_.push_back(std::move(event));
      pending_.store(true, std::memory_order_release);
    }
    arrived_.notify_one();
    notify_();
    return true;
  }

  void accept() {
    acceptor_.async_accept([this](const error_code &error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (!error && !connected_) begin(std::move(socket));
      // A second client's socket closes as it leaves scope.
      accept();
    });
  }

  void begin(tcp::socket socket) {
    client_ = std::move(socket);
    error_code ignored;
    client_.set_option(tcp::no_delay(true), ignored);
    connected_ = acks_ = true;
    reader_ = PacketReader();
    last_packet_.clear();
    push({Event::Kind::kConnected, {}});
    read();
  }

  void disconnect() {
    error_code ignored;
    timer_.cancel();
    outgoing_.clear();
    ++session_;  // what is still under way belongs to the past
    client_.close(ignored);
    if (!connected_) return;
    connected_ = false;
    push({Event::Kind::kDisconnected, {}});
  }

  void read() {
    client_.async_read_some(asio::buffer(buffer_),
                            [this, session = session_](const error_code &error, std::size_t size) {
                              if (session != session_) return;
                              if (error) {
                                disconnect();
                              } else if (received({buffer_.data(), size})) {
                                read();
                              } else {
                                disconnect();
                              }
                            });
  }

  bool received(std::string_view bytes) {
    std::vector<Incoming> pieces;
    reader_.take(bytes, pieces);
    for (Incoming &piece : pieces) {
      switch (piece.kind) {
        case Incoming::Kind::kPacket:
          if (acks_) write("+");
          if (!push({Event::Kind::kPacket, std::move(piece.data)})) return false;
          break;
        case Incoming::Kind::kInterrupt:
          if (!push({Event::Kind::kInterrupt, {}})) return false;
          break;
        case Incoming::Kind::kNak:
          if (acks_ && !last_packet_.empty() && outgoing_.size() < kMostPending) {
            write(last_packet_);
          }
          break;
        case Incoming::Kind::kDamaged:
          if (acks_ && outgoing_.size() < kMostPending) write("-");
          break;
        case Incoming::Kind::kAck:
          break;
      }
    }
    return true;
  }

  void write(std::string bytes) {
    if (!connected_) return;
    if (outgoing_.size() >= kMostUnread) {
      // Not at once: the caller may be in the middle of what has been received.
      asio::post(context_, [this, session = session_] {
        if (session == session_) disconnect();
      });
      return;
    }
    outgoing_.push_back(std::move(bytes));
    if (outgoing_.size() == 1) write_next();
  }

  void write_next() {
    auto bytes = std::make_shared<std::string>(std::move(outgoing_.front()));
    asio::async_write(client_, asio::buffer(*bytes),
                      [this, bytes, session = session_](const error_code &error, std::size_t) {
                        if (session != session_) return;
                        if (error) {
                          disconnect();
                          return;
                        }
                        outgoing_.pop_front();
                        if (!outgoing_.empty()) {
                          write_next();
                        } else if (closing_) {
                          disconnect();
                        }
                      });
  }

  std::function<void()> notify_;
  asio::io_context context_;
  tcp::acceptor acceptor_;
  tcp::socket client_;
  asio::steady_timer timer_;
  std::uint16_t port_ = 0;
  std::thread thread_;

  // The server's thread only
  PacketReader reader_;
  std::array<char, 4096> buffer_{};
  std::deque<std::string> outgoing_;  // the first, then empty, is being written
  std::uint64_t session_ = 0;
  std::string last_packet_;
  bool connected_ = false, acks_ = true, closing_ = false;

  // Shared
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;
  std::atomic<bool> pending_{false};
};

Server::Server(std::uint16_t port, bool any_address, std::function<void()> notify)
    : io_(std::make_unique<Io>(port, any_address, std::move(notify))) {}
Server::~Server() = default;
std::uint16_t Server::port() const {
  return io_->port();
}
void Server::close() {
  io_->close();
}
bool Server::has_events() const {
  return io_->has_events();
}
std::optional<Link::Event> Server::poll() {
  return io_->poll();
}
Link::Event Server::wait() {
  return io_->wait();
}
void Server::send(const std::string &data) {
  io_->send(data);
}
void Server::stop_acks() {
  io_->stop_acks();
}

}  // namespace npim::debug
