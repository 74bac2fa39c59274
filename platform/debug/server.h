// TCP transport of the GDB server on Boost.Asio: one thread that accepts, reads and writes, one
// client at a time (others are turned away). Everything else happens in the simulation's thread,
// through the Link.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "debug/link.h"

namespace npim::debug {

class Server : public Link {
 public:
  /// Listens on the loopback interface, or on all when `any_address`. Port 0 picks a free one.
  /// `notify` is called from the server's thread after every new event; it must be thread safe.
  /// Throws InputError when the port cannot be had.
  Server(std::uint16_t port, bool any_address, std::function<void()> notify);
  ~Server() override;
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  std::uint16_t port() const;
  /// Sends what is outstanding, closes the connection and ends the thread.
  void close();

  bool has_events() const override;
  std::optional<Event> poll() override;
  Event wait() override;
  void send(const std::string &data) override;
  void stop_acks() override;

 private:
  class Io;
  std::unique_ptr<Io> io_;
};

}  // namespace npim::debug
